use serde_json::{Value, json};

use super::*;
use crate::event::scan::{Fault, ScanLimits, scan};

fn scanned(text: &str) -> Scanned {
    let mut into = Scanned::default();
    match scan(text.trim().as_bytes(), 0, &ScanLimits { depth: 100, keys: 1_000 }, &mut into) {
        Ok(_) | Err(Fault::Crowded { .. }) => into,
        Err(fault) => panic!("{fault:?}: {text:.80}"),
    }
}

/// The kind of envelope an object is, the content of its parts (or why there is none), and what is kept of each.
fn opened(text: &str) -> Option<(&'static str, Vec<String>, Vec<Value>)> {
    let event = scanned(text);
    let kind = recognise(&event)?;
    let (mut contents, mut kept) = (Vec::new(), Vec::new());
    kind.parts(&event, &mut |part| {
        let content = part.payload.bytes().map(|bytes| String::from_utf8(bytes.to_vec()).expect("text"));
        contents.push(content.unwrap_or_else(|unreadable| format!("! {}", unreadable.what)));
        let mut facts = Vec::new();
        part.facts.write(kind.name, &mut facts);
        let mut facts = if facts.is_empty() { Value::Null } else { serde_json::from_slice(&facts).expect("JSON") };
        let name = facts.as_object_mut().and_then(|facts| facts.remove("name"));
        assert!(name.is_none_or(|name| name == kind.name));
        kept.push(facts);
    });
    assert!(contents.len() <= kind.count(&event), "{} parts, and {} counted", contents.len(), kind.count(&event));
    Some((kind.name, contents, kept))
}

fn check(text: &str, name: &'static str, contents: &[&str], kept: Value) {
    let (found, found_contents, found_kept) = opened(text).unwrap_or_else(|| panic!("no envelope: {text:.200}"));
    assert_eq!(
        (found, found_contents, Value::from(found_kept)),
        (name, contents.iter().map(|c| (*c).to_owned()).collect(), kept)
    );
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(format!("tests/samples/{name}.json")).expect("a sample")
}

#[test]
fn every_published_envelope_is_opened() {
    check(
        &sample("lambda-go-kinesis-event"),
        "kinesis-lambda",
        &["Hello World", "Hello World"],
        json!([
            {
                "id": "shardId-000000000000:49568167373333333333333333333333333333333333333333333333", "region": "us-east-1",
                "time": "2016-12-02T01:18:43.477Z", "source": "arn:aws:kinesis:us-east-1:123456789012:stream/simple-stream",
            },
            {
                "id": "shardId-000000000000:49568167373333333334444444444444444444444444444444444444", "region": "us-east-1",
                "time": "2016-12-04T08:52:03.477Z", "source": "arn:aws:kinesis:us-east-1:123456789012:stream/simple-stream",
            },
        ]),
    );
    check(
        &sample("lambda-go-kinesis-time-window-event"),
        "kinesis-lambda",
        &["Hello, this is a test."],
        json!([{
            "id": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898", "region": "us-east-1",
            "time": "2020-12-09T07:04:35.000Z", "source": "arn:aws:kinesis:us-east-1:123456789012:stream/lambda-stream",
        }]),
    );
    check(
        &sample("seed-kinesis-lambda-envelope"),
        "kinesis-lambda",
        &["! is not base64"],
        json!([{
            "id": "shardId-000000000000:49599259535682552348557865618060497301418154171654209538", "region": "us-west-2",
            "time": "2019-09-06T14:31:47.056Z", "source": "arn:aws:kinesis:us-west-2:XXXXXXXX:stream/pinpointkinesislam-pro",
        }]),
    );
    let transform = |id| {
        let source = "arn:aws:kinesis:us-east-1:123456789012:stream/test";
        json!({"id": id, "time": "2017-10-05T15:33:44.302Z", "source": source, "region": "us-west-2"})
    };
    check(
        &sample("lambda-go-kinesis-firehose-event"),
        "firehose-transform",
        &["Hello World", "Hello World"],
        json!([transform("record1"), transform("record2")]),
    );
    check(
        &sample("lambda-go-sns-event"),
        "sns",
        &["Hello from SNS!"],
        json!([{
            "id": "95df01b4-ee98-5cb9-9903-4c221d41eb5e", "time": "2015-06-03T17:43:27.123Z", "source": "arn:aws:sns:EXAMPLE",
        }]),
    );
}

#[test]
fn every_published_error_document_is_opened() {
    let given_up: Vec<Value> =
        serde_json::from_str(&sample("firehose-error-splunk-and-http-and-lambda")).expect("an array");
    check(
        &given_up[0].to_string(),
        "firehose-error",
        &[
            "2 251620272209 eni-05f322d5 218.92.188.214 172.16.1.167 25233 1433 6 1 40 1506034734 1506034794 REJECT OK\n",
        ],
        json!([{
            "id": "49577193928114147339600778471082492393164139877200035842.0", "time": "2017-09-21T23:09:14.675Z",
            "type": "Splunk.AckTimeout",
        }]),
    );
    check(
        &given_up[1].to_string(),
        "firehose-error",
        &["sample raw data"],
        json!([{
            "id": "49607357361271740811418664280693044274821622880012337186.0", "time": "2020-07-09T03:39:03.615Z",
            "type": "HttpEndpoint.DestinationException",
        }]),
    );
    for schema in ["firehose-error-opensearch-schema", "firehose-error-opensearch-serverless-schema"] {
        let (name, contents, _) = opened(&sample(schema)).expect(schema);
        assert_eq!((name, &contents[..]), ("firehose-error", &["! is not base64".to_owned()][..]), "{schema}");
    }
}

#[test]
fn every_published_row_of_eventbridge_and_bird_is_opened() {
    for (file, id, time, source, kind, account, region) in [
        (
            "eum-eventbridge-text-delivered",
            "15226fe5-c283-a862-e5e5-0a29ad450fd9",
            "2024-10-16T17:21:40.000Z",
            "aws.sms-voice",
            "Text Message Delivery Status Updated",
            "123456789123",
            "eu-west-2",
        ),
        (
            "eum-eventbridge-text-successful-protect",
            "5c0fa4f8-e4ba-ed02-6101-c795472fccd0",
            "2025-10-01T18:20:41.000Z",
            "aws.sms-voice",
            "Text Message Delivery Status Updated",
            "111122223333",
            "us-east-1",
        ),
        (
            "eum-social-eventbridge-whatsapp-delivered",
            "76a454c4-26df-6e2c-bc50-2137de2a0fe7",
            "2025-10-03T04:34:24.000Z",
            "aws.social-messaging",
            "WhatsApp Message Delivered",
            "111122223333",
            "ca-central-1",
        ),
    ] {
        let (name, contents, kept) = opened(&sample(file)).expect(file);
        let whole: Value = serde_json::from_str(&sample(file)).expect("JSON");
        let content: Value = serde_json::from_str(&contents[0]).expect("JSON");
        assert_eq!((name, contents.len(), &content), ("eventbridge", 1, &whole["detail"]), "{file}");
        assert!(!contents[0].contains('\n'));
        let facts =
            json!([{"id": id, "time": time, "source": source, "type": kind, "account": account, "region": region}]);
        assert_eq!(Value::from(kept), facts, "{file}");
    }
    for (file, rows) in [("sparkpost-batch-9-types", 9), ("sparkpost-ingest-ndjson-rows", 2)] {
        let all: Vec<Value> = serde_json::from_str(&sample(file)).expect("an array");
        assert_eq!(all.len(), rows);
        for row in all {
            let (name, contents, kept) = opened(&row.to_string()).expect(file);
            let (class, event) = row["msys"].as_object().expect("an object").iter().next().expect("a class");
            assert_eq!((name, &kept[..]), ("msys", &[json!({"type": class})][..]));
            assert_eq!((contents.len(), serde_json::from_str(&contents[0]).ok().as_ref()), (1, Some(event)));
        }
    }
    check(
        r#"{"msys":{"message_event":{"type":"a"},"track_event":{},"x":5}}"#,
        "msys",
        &[r#"{"type":"a"}"#, "{}", "5"],
        json!([{"type": "message_event"}, {"type": "track_event"}, {"type": "x"}]),
    );
}

#[test]
fn envelopes_nobody_published_are_opened_by_their_documentation() {
    check(
        r#"{"requestId":"ed4acda5","timestamp":1578090901599,"records":[{"data":"aGVsbG8="},{"data":7},{},{"data":"aGk="}]}"#,
        "firehose-http",
        &["hello", "! has nothing where its event belongs", "! has nothing where its event belongs", "hi"],
        json!(vec![json!({"id": "ed4acda5", "time": "2020-01-03T22:35:01.599Z"}); 4]),
    );
    check(
        r#"{"Records":[{"messageId":"m1","body":"{\"a\":\"\\n\"}","attributes":{"SentTimestamp":"1545082649183"},
            "eventSource":"aws:sqs","eventSourceARN":"arn:q","awsRegion":"us-east-2"},{"body":null,"eventSource":"aws:sqs"}]}"#,
        "sqs",
        &[r#"{"a":"\n"}"#, "! has nothing where its event belongs"],
        json!([{"id": "m1", "time": "2018-12-17T21:37:29.183Z", "source": "arn:q", "region": "us-east-2"}, null]),
    );
    check(
        r#"{"Type":"Notification","MessageId":"22b8","TopicArn":"arn:t","Subject":"s","Message":"{\"a\":1}",
            "Timestamp":"2026-05-02T00:54:06.655Z","SignatureVersion":"1","Signature":"x"}"#,
        "sns",
        &[r#"{"a":1}"#],
        json!([{"id": "22b8", "time": "2026-05-02T00:54:06.655Z", "source": "arn:t"}]),
    );
    check(
        r#"{"Records":[{"Sns":{"Message":"a"}},{"Sns":{}},{}]}"#,
        "sns",
        &["a", "! has nothing where its event belongs", "! has nothing where its event belongs"],
        json!([null, null, null]),
    );
    check(
        r#"{"invocationId":"i","deliveryStreamArn":"arn:d","records":[{"data":"aGk=","recordId":"1"}]}"#,
        "firehose-transform",
        &["hi"],
        json!([{"id": "1", "source": "arn:d"}]),
    );
}

#[test]
fn a_line_of_a_log_is_an_event_when_it_is_json_and_itself_when_it_is_not() {
    let line =
        |n: i64, message: &str| json!({"id": format!("{n}"), "timestamp": 1_784_000_000_000 + n, "message": message});
    let lines = [
        line(1, r#"{"eventType":"TEXT_SENT"}"#),
        line(2, "START RequestId: 8f50 Version: $LATEST\n"),
        line(3, r#" [{"a":1}] {"b":2}"#),
        line(4, r#"{"eventVersion":"1.03","userIdentity":{"type":"Root"}"#),
        line(5, "5"),
        line(6, ""),
        line(7, "{'a': 1}"),
    ];
    let logs = json!({
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/eum", "logStream": "s",
        "subscriptionFilters": ["f"], "logEvents": lines,
    });
    let kept = |n: i64| {
        let time = format!("2026-07-14T03:33:20.{n:03}Z");
        json!({"id": format!("{n}"), "time": time, "source": "/eum", "account": "123456789012"})
    };
    let whole: Vec<String> = lines.iter().map(Value::to_string).collect();
    check(
        &logs.to_string(),
        "cloudwatch-logs",
        &[r#"{"eventType":"TEXT_SENT"}"#, &whole[1], &whole[2], &whole[3], &whole[4], &whole[5], &whole[6]],
        (1..=7).map(kept).collect(),
    );
}

#[test]
fn what_is_only_like_an_envelope_is_an_event() {
    for text in [
        "{}",
        r#"{"Records":[]}"#,
        r#"{"Records":{"kinesis":{"data":"aGk="}}}"#,
        r#"{"Records":[{"kinesis":{"data":7}}]}"#,
        r#"{"Records":[{"body":"{}","eventSource":"aws:other"}]}"#,
        r#"{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{}}}]}"#,
        r#"{"records":[{"data":"aGk="}]}"#,
        r#"{"records":[],"requestId":"x"}"#,
        r#"{"records":[{"data":{}}],"invocationId":"x"}"#,
        r#"{"records":[{"data":"aGk="}],"requestId":7}"#,
        r#"{"Message":"{}","Type":"SubscriptionConfirmation"}"#,
        r#"{"Message":{},"Type":"Notification"}"#,
        r#"{"Message":"{}","Endpoints":{}}"#,
        r#"{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}"#,
        r#"{"detail-type":"x","source":"aws.events","detail":"{}"}"#,
        r#"{"detail-type":"x","detail":{"a":1}}"#,
        r#"{"detail-type":7,"source":"s","detail":{"a":1}}"#,
        r#"{"rawData":"aGk="}"#,
        r#"{"rawData":{},"attemptsMade":1}"#,
        r#"{"logEvents":[{"message":"{}"}],"messageType":"CONTROL_MESSAGE"}"#,
        r#"{"logEvents":[],"messageType":"DATA_MESSAGE"}"#,
        r#"{"logEvents":["x"],"messageType":"DATA_MESSAGE"}"#,
        r#"{"requestContext":"x","body":"{}"}"#,
        r#"{"requestContext":{}}"#,
        r#"{"msys":{}}"#,
        r#"{"msys":{"message_event":{}}}"#,
        r#"{"msys":[{"a":1}]}"#,
        r#"{"msys":{"a":{"b":1}},"other":1}"#,
    ] {
        assert_eq!(opened(text), None, "{text}");
    }
    for name in ["lambda-go-kinesis-firehose-response", "pinpoint-guide-custom-channel-payload", "ses-firehose-click"] {
        assert_eq!(opened(&sample(name)), None, "{name}");
    }
    let check: Vec<Value> = serde_json::from_str(&sample("sparkpost-webhook-validation")).expect("an array");
    assert_eq!(opened(&check[0].to_string()), None);
}
