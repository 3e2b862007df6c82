//! Records of ten megabytes. The embedded Kinesis takes one at most, so one shard of a Kinesis is faked here:
//! the five calls that essink makes, with the answers that the service documents.

use std::io::Read as _;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use testkit::search::shared;

use crate::support::*;

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/large";

/// Answers one call. An iterator is the number of the next record.
async fn answer(State(records): State<Vec<Vec<u8>>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let asked: Value = serde_json::from_slice(&body).expect("JSON");
    let target = headers["x-amz-target"].to_str().expect("text");
    Json(match target.rsplit('.').next().expect("an operation") {
        "DescribeStreamSummary" => json!({"StreamDescriptionSummary": {
            "StreamName": "large", "StreamARN": ARN, "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24,
            "StreamCreationTimestamp": 1.0, "EnhancedMonitoring": [], "OpenShardCount": 1
        }}),
        "ListShards" => json!({"Shards": [{
            "ShardId": "shardId-000000000000", "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "1"},
            "SequenceNumberRange": {"StartingSequenceNumber": "1"}
        }]}),
        "GetShardIterator" => json!({"ShardIterator": "0"}),
        "GetRecords" => {
            let at: usize = asked["ShardIterator"].as_str().expect("text").parse().expect("a number");
            let record = |data: &Vec<u8>| {
                json!({
                    "SequenceNumber": (at + 1).to_string(), "PartitionKey": "k", "Data": STANDARD.encode(data),
                    "ApproximateArrivalTimestamp": 1_790_000_000.0
                })
            };
            let next = (at + 1).min(records.len()).to_string();
            json!({"Records": records.get(at).map(record).into_iter().collect::<Vec<_>>(),
                   "NextShardIterator": next, "MillisBehindLatest": 0})
        }
        other => panic!("essink asked for {other}"),
    })
}

/// What the parts of one letter are parts of.
fn rebuilt(letters: &[Value]) -> Vec<u8> {
    let mut parts: Vec<_> = letters.iter().map(|letter| &letter["_source"]).collect();
    parts.sort_by_key(|part| part["part_at"].as_u64().expect("a number"));
    let mut whole = Vec::new();
    for part in parts {
        assert_eq!(part["part_at"], whole.len(), "where the parts before it end");
        let packed = STANDARD.decode(part["raw_gzip"].as_str().expect("a text")).expect("base64");
        MultiGzDecoder::new(&packed[..]).read_to_end(&mut whole).expect("gzip");
    }
    whole
}

#[tokio::test]
async fn a_ten_megabyte_record_is_indexed_or_dead_lettered_in_parts() {
    let search = shared().lease().await.expect("OpenSearch");
    let body = "x".repeat(10 << 20);
    let good = json!({
        "event_type": "x", "event_version": "3.1", "awsAccountId": "1", "arrival_timestamp": 1_790_000_000_000_i64,
        "client_context": {"custom": {"endpoint": body}}
    });
    let bad = noise(9 << 20);
    let records = vec![good.to_string().into_bytes(), bad.clone()];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let app = Router::new().route("/", post(answer)).with_state(records);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut args = run_args(&url, search.url(), "large");
    args.push("--until-caught-up");
    finish(essink(&args)).await.expect(0, &[]);
    assert_eq!(count(&search, "pinpoint-*").await, 1);
    let letters = documents(&search, "essink-dead-letters-*").await;
    assert!(letters.len() >= 2, "{} parts", letters.len());
    assert!(letters.iter().all(|l| l["_source"]["reason"] == "not_json"));
    let parts: Vec<_> = letters.iter().map(|l| l["_source"]["part"].as_u64().expect("a number")).collect();
    assert!((1..=letters.len() as u64).all(|part| parts.contains(&part)), "every part is there: {parts:?}");
    assert!(rebuilt(&letters) == bad, "the parts are the record that came");
}
