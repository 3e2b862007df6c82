//! The fake's answers, seen through a client, against recorded answers of a real server and against its promises.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::fake_bulk::{FakeBulk, Fault, ItemError, Mode};
use testkit::http;

const TWO: &str = "{\"create\":{\"_index\":\"d-1\",\"_id\":\"a\"}}\n{\"n\":1}\n\
                   {\"create\":{\"_index\":\"d-2\",\"_id\":\"b\"}}\n{\"n\":2}\n";

async fn send(fake: &FakeBulk, path: &str, body: &str) -> Result<(u16, String), reqwest::Error> {
    let request = http::client().unwrap().post(format!("{}{path}", fake.url())).body(body.to_owned());
    let response = request.header("content-type", "application/x-ndjson").send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

async fn bulk(fake: &FakeBulk, body: &str) -> (u16, Value) {
    let (status, text) = send(fake, "/_bulk", body).await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn recorded(case: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/transcripts/opensearch-3.6.0/{case}.json"));
    serde_json::from_slice(&std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))).unwrap()
}

/// What a client can depend on: which fields there are, of which type, and the values that are not free text or counters.
fn shape(value: &Value) -> Value {
    const EXACT: [&str; 5] = ["status", "type", "result", "errors", "_shards"];
    match value {
        Value::Object(map) => {
            let shaped = |(key, inner): (&String, &Value)| {
                (key.clone(), if EXACT.contains(&key.as_str()) { inner.clone() } else { shape(inner) })
            };
            Value::Object(map.iter().map(shaped).collect())
        }
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::String(_) => "string".into(),
        Value::Number(_) => "number".into(),
        other => other.clone(),
    }
}

/// Sends a recorded request and holds the answer to the recorded one.
async fn replay(fake: &FakeBulk, case: &str) {
    let recorded = recorded(case);
    let body = recorded["request"]["body"].as_str().unwrap_or_default();
    let (status, text) = send(fake, recorded["request"]["path"].as_str().unwrap(), body).await.unwrap();
    assert_eq!(status, recorded["response"]["status"], "{case}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shape(&answer), shape(&recorded["response"]["body"]), "{case}");
}

#[tokio::test]
async fn answers_have_the_recorded_shape() {
    let fake = FakeBulk::start(Mode::Scripted).unwrap();
    // In this order: the second meets what the first has left.
    let cases = ["bulk_create_ok", "bulk_create_duplicate_409", "bulk_filter_path", "item_delete_missing"];
    for case in cases.into_iter().chain(["bulk_empty_body", "bulk_no_final_newline"]) {
        replay(&fake, case).await;
    }
    let empty = FakeBulk::start(Mode::Scripted).unwrap();
    replay(&empty, "bulk_filter_path_no_errors").await;
}

#[tokio::test]
async fn scripted_refusals_have_the_recorded_shape() {
    let fake = FakeBulk::start(Mode::Scripted).unwrap();
    fake.script([Fault::items(|item| Some(ItemError::flood_stage(item.index)))]);
    replay(&fake, "item_flood_stage").await;
    fake.script([Fault::items(|item| Some(ItemError::unavailable(item.index)))]);
    replay(&fake, "item_unavailable_shards_503").await;
    fake.script([Fault::items(|item| (item.at == 0).then(|| ItemError::mapping(item.id)))]);
    replay(&fake, "item_mapper_parsing").await;

    let busy = &recorded("bulk_429_write_queue_full_mixed")["response"]["body"]["items"][0]["index"];
    assert_eq!(ItemError::busy().status, busy["status"]);
    assert_eq!(shape(&ItemError::busy().error), shape(&busy["error"]));
    // The root cause and its extra fields differ by exception; the frame does not.
    fake.script([Fault::status(429, "circuit_breaking_exception")]);
    let recorded = &recorded("bulk_429_circuit_breaker_inflight")["response"];
    let (status, answer) = bulk(&fake, TWO).await;
    assert_eq!(status, recorded["status"]);
    assert_eq!(answer["error"]["type"], recorded["body"]["error"]["type"]);
    assert_eq!(answer["error"]["root_cause"][0]["type"], recorded["body"]["error"]["root_cause"][0]["type"]);
    assert_eq!(answer["status"], recorded["body"]["status"]);
}

#[tokio::test]
async fn a_create_happens_once() {
    let fake = FakeBulk::start(Mode::Scripted).unwrap();
    let first = bulk(&fake, TWO).await.1;
    assert_eq!(first["errors"], false);
    let second = bulk(&fake, TWO).await.1;
    assert_eq!(second["items"][1]["create"]["status"], 409);
    assert_eq!((fake.count("d-"), fake.count("d-1"), fake.requests(), fake.items()), (2, 1, 2, 4));
    let documents = fake.documents();
    assert_eq!((documents[1].id.as_str(), &documents[1].source[..]), ("b", &b"{\"n\":2}"[..]));
}

#[tokio::test]
async fn whole_requests_fail_without_effect() {
    let fake = FakeBulk::start(Mode::Scripted).unwrap();
    fake.script([Fault::Empty(413), Fault::Empty(502), Fault::Html, Fault::CutUpload]);
    assert_eq!(send(&fake, "/_bulk", TWO).await.unwrap(), (413, String::new()));
    assert_eq!(send(&fake, "/_bulk", TWO).await.unwrap(), (502, String::new()));
    let (status, page) = send(&fake, "/_bulk", TWO).await.unwrap();
    assert!(status == 200 && page.starts_with("<html>"));
    // Far larger than what sockets buffer, so that the upload is under way when it is cut.
    let large = TWO.repeat(500_000);
    send(&fake, "/_bulk", &large).await.unwrap_err();
    assert_eq!((fake.count(""), fake.faults_left(), fake.requests()), (0, 0, 4));
    assert_eq!(bulk(&fake, TWO).await.1["errors"], false);
}

#[tokio::test]
async fn replies_are_lost_and_cut_after_everything_was_applied() {
    for fault in [Fault::LoseReply, Fault::HalfReply] {
        let name = format!("{fault:?}");
        let fake = FakeBulk::start(Mode::Scripted).unwrap();
        fake.script([fault]);
        assert!(send(&fake, "/_bulk", TWO).await.is_err(), "{name}");
        assert_eq!(fake.count(""), 2, "{name}");
        let again = bulk(&fake, TWO).await.1;
        assert_eq!(again["items"][0]["create"]["status"], 409, "{name}");
    }
    let fake = FakeBulk::start(Mode::Scripted).unwrap();
    fake.script([Fault::ShortItems(1)]);
    assert_eq!(bulk(&fake, TWO).await.1["items"].as_array().unwrap().len(), 1);
    assert_eq!(fake.count(""), 2);
}

#[tokio::test]
async fn indices_are_listed_and_healing_takes_back_what_was_to_fail() {
    let fake = FakeBulk::start(Mode::Scripted).unwrap();
    fake.script([Fault::None, Fault::Empty(503), Fault::Empty(503)]);
    bulk(&fake, TWO).await;
    fake.heal();
    assert_eq!((fake.faults_left(), bulk(&fake, TWO).await.0), (0, 200));
    let client = http::client().unwrap();
    let get =
        async |path: &str| http::must(&client, Method::GET, &format!("{}{path}", fake.url()), None).await.unwrap();
    let row = |name: &str| json!({ "index": name, "store.size": null });
    assert_eq!(get("/_cat/indices?format=json").await, json!([row("d-1"), row("d-2")]));
    assert_eq!(get("/_cat/indices/d-2*?format=json").await, json!([row("d-2")]));
    assert_eq!(get("/d*/_alias").await, json!({ "d-1": { "aliases": {} }, "d-2": { "aliases": {} } }));
    assert_eq!(get("/e*/_alias").await, json!({}));
}

#[tokio::test]
async fn a_delay_is_a_delay() {
    let fake = FakeBulk::start(Mode::Scripted).unwrap();
    fake.script([Fault::Delay(Duration::from_millis(300))]);
    let begun = std::time::Instant::now();
    assert_eq!(bulk(&fake, TWO).await.0, 200);
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn single_documents_compare_and_set() {
    let fake = FakeBulk::start(Mode::Scripted).unwrap();
    let client = http::client().unwrap();
    let ask = async |method: Method, path: &str, body: Value| {
        http::ask(&client, method, &format!("{}{path}", fake.url()), Some(&body)).await.unwrap()
    };
    let (status, made) = ask(Method::PUT, "/state/_create/s", json!({ "at": 1 })).await;
    assert_eq!((status, &made["_seq_no"], &made["_primary_term"]), (201, &json!(0), &json!(1)));
    assert_eq!(ask(Method::PUT, "/state/_create/s", json!({ "at": 2 })).await.0, 409);
    let set = "/state/_doc/s?if_seq_no=0&if_primary_term=1";
    assert_eq!(ask(Method::PUT, set, json!({ "at": 3 })).await.1["result"], "updated");
    let (status, lost) = ask(Method::PUT, set, json!({ "at": 4 })).await;
    assert_eq!((status, &lost["error"]["type"]), (409, &json!("version_conflict_engine_exception")));
    assert_eq!(ask(Method::GET, "/state/_doc/s", Value::Null).await.1["_source"], json!({ "at": 3 }));
    assert_eq!(ask(Method::GET, "/state/_doc/none", Value::Null).await.0, 404);
}

#[tokio::test]
async fn null_counts_gzip_or_not_and_forgets() {
    let fake = FakeBulk::start(Mode::Null).unwrap();
    assert_eq!(
        bulk(&fake, TWO).await.1,
        json!({ "took": 1, "errors": false, "items": [
            { "create": { "status": 201 } }, { "create": { "status": 201 } },
        ]})
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, TWO.as_bytes()).unwrap();
    let request = http::client().unwrap().post(format!("{}/_bulk", fake.url())).header("content-encoding", "gzip");
    assert_eq!(request.body(gzip.finish().unwrap()).send().await.unwrap().status().as_u16(), 200);
    assert_eq!((fake.requests(), fake.items(), fake.body_bytes()), (2, 4, 2 * TWO.len() as u64));
    assert_eq!(fake.count(""), 0);
}
