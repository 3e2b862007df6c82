use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;
use crate::event::clock::ClockBounds;
use crate::event::unwrap::{Piece, Rules, Unwrapper, Wrapping};
use crate::webhook::firehose::Firehose;
use crate::webhook::split::SCAN;

const ID: &str = "109777ac-8f9b-4082-8e8d-b4f12b5fc17b";

async fn server() -> Server {
    Server::start(Plan::of("/firehose", Firehose::new(Some(Secret::new("a key"))))).await
}

fn body(records: &[&[u8]]) -> String {
    let records: Vec<_> = records.iter().map(|data| json!({"data": STANDARD.encode(data)})).collect();
    json!({"requestId": ID, "timestamp": 1_578_090_901_599_i64, "records": records}).to_string()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

/// A request with every header that Firehose sends.
fn deliver(server: &Server, body: impl Into<reqwest::Body>) -> RequestBuilder {
    server
        .post("/firehose", body)
        .header("content-type", "application/json")
        .header("x-amz-firehose-protocol-version", "1.0")
        .header("x-amz-firehose-request-id", ID)
        .header("x-amz-firehose-source-arn", "arn:aws:firehose:us-east-1:123456789:deliverystream/testStream")
        .header("x-amz-firehose-access-key", "a key")
        .header("x-amz-firehose-common-attributes", r#"{"commonAttributes":{}}"#)
}

/// The answer in Firehose's form, with what must be in every one.
async fn form(request: RequestBuilder) -> (u16, Option<String>) {
    let answer = said(request).await;
    assert!(answer.head.contains(r#""content-type": "application/json""#), "{}", answer.head);
    let length = format!(r#""content-length": "{}""#, answer.body.len());
    assert!(answer.head.contains(&length) && !answer.head.contains("content-encoding"), "{}", answer.head);
    let form: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((&form["requestId"], &form["timestamp"]), (&json!(ID), &json!(NOW.0)));
    assert_eq!(form.as_object().unwrap().len(), if answer.status == 200 { 2 } else { 3 }, "{form}");
    (answer.status, form["errorMessage"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn every_record_is_put_as_it_was_given_to_firehose() {
    let server = server().await;
    let ses = sample("ses-firehose-delivery.json");
    let records: [&[u8]; 4] = [ses.as_bytes(), b"{\"a\":1}\n", b"", b"\x1f\x8b\x00\xff not JSON"];
    for request in [
        deliver(&server, body(&records)),
        deliver(&server, gzip(body(&records).as_bytes())).header("content-encoding", "gzip"),
        // Some encoders escape what need not be.
        deliver(&server, body(&records).replace('/', "\\/")),
    ] {
        assert_eq!(form(request).await, (200, None));
        let items = server.memory.items_taken();
        let data: Vec<_> = items.iter().map(|item| &item.data[..]).collect();
        assert_eq!(data, [records[0], records[1], records[3]]);
        let mail: Value = serde_json::from_str(&ses).unwrap();
        assert_eq!(items[0].key, mail["mail"]["messageId"].as_str().unwrap());
    }
    assert_eq!(form(deliver(&server, body(&[]))).await, (200, None));
    assert_eq!((server.counted("firehose", "taken"), server.counted("firehose", "nothing")), (3, 1));
}

/// Those of the documentation, on a stream of an operator who has some.
fn with_attributes(request: RequestBuilder, attributes: &str) -> RequestBuilder {
    let (client, request) = request.build_split();
    let mut request = request.unwrap();
    request.headers_mut().insert("x-amz-firehose-common-attributes", attributes.parse().unwrap());
    RequestBuilder::from_parts(client, request)
}

/// What is found of `data` when it is read: its id, and what is kept of its wrapping.
fn read(data: &Bytes) -> (String, Value) {
    let rules = Rules {
        scan: SCAN,
        inflated: 1 << 20,
        values: 100,
        clock: ClockBounds { lag: 3_600_000, lead: 3_600_000 },
        redaction: None,
    };
    let mut found = None;
    let wrapping = Wrapping { arrived: NOW, envelopes: &[], time: None };
    Unwrapper::new(rules).unwrap(data, wrapping, &mut |piece| match piece {
        Piece::Event(event) => {
            let body: Value = serde_json::from_slice(&event.body).expect("JSON");
            found = Some((event.id.to_string(), body["essink"]["wrapping"][0].clone()));
        }
        Piece::Poison(poison) => panic!("{}", poison.detail),
    });
    found.expect("an event")
}

#[tokio::test]
async fn common_attributes_stay_with_each_record_and_change_no_id() {
    let server = server().await;
    let attributes = r#"{"commonAttributes":{"deployment -context":"pre-prod-gamma","device-types":""}}"#;
    let ses = sample("ses-firehose-delivery.json");
    let records: [&[u8]; 2] = [ses.as_bytes(), b"{\"a\":1}\n"];
    assert_eq!(form(deliver(&server, body(&records))).await.0, 200);
    let plain = server.memory.items_taken();
    assert_eq!(form(with_attributes(deliver(&server, body(&records)), attributes)).await.0, 200);
    let kept = server.memory.items_taken();
    assert_eq!(kept.len(), 2);
    for (plain, kept) in plain.iter().zip(&kept) {
        let (id, wrapping) = read(&kept.data);
        assert_eq!((&id, &kept.key), (&read(&plain.data).0, &plain.key));
        assert_eq!(
            wrapping,
            json!({"name": "firehose-http", "id": ID, "time": "2020-01-03T22:35:01.599Z",
                   "attributes": {"deployment -context": "pre-prod-gamma", "device-types": ""}})
        );
    }
    // In its envelope it would not fit into a record of every stream.
    let large = vec![b'x'; 1_000 << 10];
    assert_eq!(form(with_attributes(deliver(&server, body(&[&large])), attributes)).await.0, 200);
    assert_eq!(server.memory.items_taken()[0].data, large);
    for bad in ["", "{", "7", r#"{"commonAttributes":{"a":1}}"#, r#"{"commonAttributes":"a"}"#] {
        assert_eq!(form(with_attributes(deliver(&server, body(&records)), bad)).await.0, 400, "{bad}");
    }
    assert_eq!(server.memory.taken().len(), 0);
}

#[tokio::test]
async fn ten_thousand_records_are_one_request() {
    let server = server().await;
    assert_eq!(form(deliver(&server, body(&vec![&b"{}"[..]; 10_000]))).await, (200, None));
    assert_eq!(server.memory.taken().len(), 10_000);
    let (status, _) = form(deliver(&server, body(&vec![&b"{}"[..]; 10_001]))).await;
    assert_eq!((status, server.memory.taken().len()), (400, 0));
}

#[tokio::test]
async fn every_answer_has_firehoses_form() {
    let server = server().await;
    let good = body(&[b"{}"]);
    let without = |name: &str| {
        let mut request = deliver(&server, good.clone()).build().unwrap();
        request.headers_mut().remove(name);
        RequestBuilder::from_parts(server.client.clone(), request)
    };
    let (status, message) = form(without("x-amz-firehose-access-key")).await;
    assert_eq!((status, message.as_deref()), (401, Some("wrong or no access key")));
    for key in ["A key", "a ke", "a key2"] {
        let wrong = without("x-amz-firehose-access-key").header("x-amz-firehose-access-key", key);
        assert_eq!(form(wrong).await.0, 401, "{key}");
    }
    let version = without("x-amz-firehose-protocol-version").header("x-amz-firehose-protocol-version", "2.0");
    assert_eq!(form(version).await.0, 400);
    assert_eq!(said(without("x-amz-firehose-request-id")).await.status, 400);
    for bad in [
        "",
        "[]",
        "{}",
        "{",
        &good.replace(ID, "another"),
        &good.replace("records", "recs"),
        &good.replace("data", "date"),
        &good.replace("e30=", "e3"),
        &good.replace("\"e30=\"", "7"),
        &good[1..],
    ] {
        let (status, message) = form(deliver(&server, bad.to_owned())).await;
        assert!(status == 400 && !message.unwrap().contains("e30"), "{bad}");
    }
    server.memory.refuse(Some(Refusal::Busy("throttled".to_owned())));
    assert_eq!(form(deliver(&server, good.clone())).await.0, 503);
    assert_eq!(form(deliver(&server, good.clone()).header("content-encoding", "br")).await.0, 400);
    assert_eq!(server.memory.taken().len(), 0);
}

#[tokio::test]
async fn gzip_that_is_broken_or_a_bomb_is_refused() {
    let server = server().await;
    let whole = gzip(body(&[b"{}"]).as_bytes());
    let zipped = |data: Vec<u8>| deliver(&server, data).header("content-encoding", "gzip");
    for bad in [vec![], vec![0x1f], whole[..whole.len() - 1].to_vec(), whole[1..].to_vec(), [&whole[..], b"x"].concat()]
    {
        assert_eq!(form(zipped(bad)).await.0, 400);
    }
    let mut lies = gzip(&vec![b' '; 1 << 20]);
    let size = lies.len() - 4;
    lies[size..].copy_from_slice(&10_u32.to_le_bytes());
    assert_eq!(form(zipped(lies)).await.0, 400, "more than it says");
    let bomb = gzip(&vec![b' '; (64 << 20) + 1]);
    assert_eq!(form(zipped(bomb)).await.0, 413);
    assert!(server.metrics.page(true).contains("essink_webhook_body_bytes 0\n"));
}

#[tokio::test]
async fn nothing_is_lost_for_a_limit_that_can_be_raised() {
    let mut plan = Plan::of("/firehose", Firehose::new(None));
    plan.desk.max_body = 1_000;
    let server = Server::start(plan).await;
    let (status, message) = form(deliver(&server, body(&[&[b'x'; 1_000]]))).await;
    assert!(status == 503 && message.as_ref().unwrap().contains("--webhook-max-body"), "{status} {message:?}");
    let mut plan = Plan::of("/firehose", Firehose::new(None));
    plan.desk.memory = 100_000;
    let small = Server::start(plan).await;
    let zipped = deliver(&small, gzip(body(&[&[b'x'; 60_000]]).as_bytes())).header("content-encoding", "gzip");
    let (status, message) = form(zipped).await;
    assert!(status == 503 && message.as_ref().unwrap().contains("raise --webhook-memory"), "{status} {message:?}");
    // A record that no record of the stream can hold never will be.
    server.memory.refuse(Some(Refusal::TooLarge("too large".to_owned())));
    assert_eq!(form(deliver(&server, body(&[b"{}"]))).await, (413, Some("too large".to_owned())));
}
