use serde_json::{Value, json};

use crate::event::envelope::recognise;
use crate::event::scan::{ScanLimits, Scanned, scan};

/// The content of a request, and what is kept of it; nothing when it holds nothing.
fn opened(request: &Value) -> Option<(Vec<u8>, Value)> {
    let text = request.to_string();
    let mut event = Scanned::default();
    scan(text.as_bytes(), 0, &ScanLimits { depth: 100, keys: 1_000 }, &mut event).expect("JSON");
    let kind = recognise(&event).filter(|kind| kind.name == "http").expect("a request");
    let mut found = None;
    kind.parts(&event, &mut |part| {
        let mut kept = b"".to_vec();
        part.facts.write("http", &mut kept);
        let kept = if kept.is_empty() { Value::Null } else { serde_json::from_slice(&kept).expect("JSON") };
        found = Some((part.payload.bytes().expect("readable").to_vec(), kept));
    });
    found
}

fn check(request: &Value, content: &str) {
    let found = opened(request).map(|(content, _)| String::from_utf8(content).expect("text"));
    assert_eq!(found.unwrap_or_default(), content, "{request}");
}

fn sample(name: &str) -> Value {
    let text = std::fs::read_to_string(format!("tests/samples/{name}.json")).expect("a sample");
    serde_json::from_str(&text).expect("JSON")
}

/// A request of a load balancer.
fn posted(body: &str, kind: Option<&str>) -> Value {
    let mut request = json!({"requestContext": {"elb": {}}, "httpMethod": "POST", "headers": {}, "body": body, "isBase64Encoded": false});
    if let Some(kind) = kind {
        request["headers"]["Content-Type"] = kind.into();
    }
    request
}

const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=utf-8");

#[test]
fn published_requests_are_opened() {
    check(&sample("lambda-go-alb-lambda-target-request-headers-only"), r#"{"key":"hello"}"#);
    check(&sample("lambda-go-apigw-request"), "{\r\n\t\"a\": 1\r\n}");
    assert_eq!(opened(&sample("lambda-go-apigw-v2-request-no-authorizer")), None, "no body and no query");
    let (_, kept) = opened(&sample("lambda-go-apigw-request")).expect("a body");
    assert_eq!(
        (&kept["account"], &kept["id"]),
        (&json!("12345678912"), &json!("deef4878-7910-11e6-8f14-25afc3e9ae33"))
    );
}

#[test]
fn a_receipt_is_the_same_event_however_it_was_sent() {
    let receipts: Vec<String> = serde_json::from_value(sample("vonage-dlr-get-queries")).expect("strings");
    let query = receipts[1].split_once('?').expect("a query").1;
    let expected = r#"{"err-code":"0","message-timestamp":"2017-05-02 11:24:03","messageId":"0C0000002EEBDA56","msisdn":"4527631111","network-code":"23820","price":"0.01820000","scts":"1705021324","status":"delivered","to":"Tak"}"#;
    check(&posted(query, FORM), expected);
    check(&posted(query, None), expected);
    check(&posted(expected, FORM), expected);
    let mut encoded = posted(&base64::Engine::encode(&base64::engine::general_purpose::STANDARD, query), FORM);
    encoded["isBase64Encoded"] = true.into();
    check(&encoded, expected);
    let raw: serde_json::Map<String, Value> =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.into())).collect();
    let decoded = serde_json::from_str::<Value>(expected).expect("JSON");
    let balancer =
        json!({"requestContext": {"elb": {}}, "httpMethod": "GET", "queryStringParameters": raw, "body": ""});
    check(&balancer, expected);
    let many: serde_json::Map<String, Value> = raw.iter().map(|(k, v)| (k.clone(), json!([v]))).collect();
    check(
        &json!({"requestContext": {"elb": {}}, "httpMethod": "GET", "multiValueQueryStringParameters": many}),
        expected,
    );
    check(
        &json!({"requestContext": {}, "httpMethod": "GET", "queryStringParameters": decoded, "body": null}),
        expected,
    );
    check(&json!({"requestContext": {}, "rawPath": "/", "rawQueryString": query}), expected);
}

#[test]
fn a_body_goes_before_a_query_and_is_json_when_it_looks_like_it() {
    let with_query = |body: &str| {
        let mut request = posted(body, None);
        request["queryStringParameters"] = json!({"token": "t"});
        request
    };
    check(&with_query(r#"{"a":1}"#), r#"{"a":1}"#);
    check(&with_query("a=1"), r#"{"a":"1"}"#);
    check(&with_query(" \r\n"), r#"{"token":"t"}"#);
    check(&posted(r#" [{"a":"b=c"}]"#, FORM), r#" [{"a":"b=c"}]"#);
    check(&posted("a=1&a=2&b=x y", FORM), r#"{"a":["1","2"],"b":"x y"}"#);
    check(&posted("a = 1", None), "a = 1");
    check(&posted("hello", None), "hello");
    check(&posted("", None), "");
    check(&json!({"requestContext": {}, "httpMethod": "GET", "queryStringParameters": {"a": null}}), "");
    check(
        &json!({"requestContext": {}, "httpMethod": "GET", "multiValueQueryStringParameters": {"a": ["1", "2"], "b": 7}}),
        r#"{"a":["1","2"]}"#,
    );
}

#[test]
fn a_gateway_has_taken_the_encoding_off_and_a_balancer_has_not() {
    let query = |context: Value| json!({"requestContext": context, "httpMethod": "GET", "queryStringParameters": {"a%26": "1%2B1+x"}});
    check(&query(json!({"elb": {}})), r#"{"a&":"1+1 x"}"#);
    check(&query(json!({})), r#"{"a%26":"1%2B1+x"}"#);
}

#[test]
fn content_that_is_no_text_passes_as_it_is() {
    let mut request = posted("H4sI/w==", None);
    request["isBase64Encoded"] = true.into();
    assert_eq!(opened(&request).map(|(content, _)| content), Some(vec![0x1f, 0x8b, 0x08, 0xff]));
}

#[test]
fn the_id_of_a_batch_goes_before_that_of_a_request() {
    let request = |headers: &str, name: &str, context: Value| {
        let mut request = json!({"requestContext": context, "body": "{}"});
        request[headers] = json!({name: if headers == "headers" { json!("batch") } else { json!(["batch", "other"]) }});
        opened(&request).expect("a body").1
    };
    let context = json!({"requestId": "r", "accountId": "012", "timeEpoch": 1_587_481_701_067_i64});
    let kept = |id: &str| json!({"name": "http", "id": id, "time": "2020-04-21T15:08:21.067Z", "account": "012"});
    assert_eq!(request("headers", "X-MessageSystems-Batch-ID", context.clone()), kept("batch"));
    assert_eq!(request("headers", "x-messagesystems-batch-id", context.clone()), kept("batch"));
    assert_eq!(request("multiValueHeaders", "X-Messagesystems-Batch-Id", context.clone()), kept("batch"));
    assert_eq!(request("headers", "X-Other", context), kept("r"));
    let first = json!({"requestTimeEpoch": 1_587_481_701_067_i64});
    assert_eq!(request("headers", "X-Other", first)["time"], "2020-04-21T15:08:21.067Z");
    assert_eq!(request("headers", "X-Other", json!({"elb": {}})), Value::Null);
}
