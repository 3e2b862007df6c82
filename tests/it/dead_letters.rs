//! Dead letters in a real cluster: each starts from a wiped one.

use std::sync::Arc;

use essink::dead_letter::{IndexLetters, IndexOptions};
use essink::event::time::Millis;
use essink::opensearch::bulk::BulkClient;
use essink::opensearch::client::Client;
use essink::pipeline::op::{Letter, Origin, RecordRef};
use essink::pipeline::ports::{DeadLetters, KeepError};
use essink::pipeline::position::Sequence;
use essink::upkeep::templates::TemplateOptions;
use http::Method;
use serde_json::json;

use super::requests::{ask, client, count, ensure};
use super::support::noise;

const INDEX: &str = "essink-dead-letters-2026-11-21";

fn letter(bytes: Vec<u8>) -> Letter {
    Letter {
        reason: "not_json",
        detail: "it is not JSON".into(),
        index: None,
        id: None,
        offset: 0,
        bytes: bytes.into(),
        source: RecordRef {
            origin: Origin { slot: 0, serial: 0 },
            shard: "shardId-000000000000".into(),
            sequence: Arc::new(Sequence::parse("1").unwrap()),
            sub_sequence: None,
            // 2026-11-21T00:00:00Z.
            arrived: Millis(1_795_219_200_000),
            wrapped: None,
        },
    }
}

async fn prepared(url: &str) -> (Client, IndexLetters<BulkClient>) {
    let client = client(url);
    let options = TemplateOptions { shards: Some(1), replicas: Some(0), ..TemplateOptions::default() };
    ensure(&client, &options, false).await.unwrap();
    let letters = IndexLetters::new(BulkClient::new(client.clone(), None), IndexOptions::default());
    (client, letters)
}

/// Bytes of every kind are kept, and kept once.
pub async fn anything_is_kept_once(url: &str) {
    let (client, letters) = prepared(url).await;
    let kinds = [
        b"".to_vec(),
        b"{oops".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        vec![0; 3],
        b"{\"a\":1}\n{\"delete\":{\"_index\":\"pinpoint-2020-01-01\"}}\n".to_vec(),
        "\u{fffe}\u{10ffff}".into(),
        vec![b'x'; 900 << 10],
        vec![1; 900 << 10],
        b"[".repeat(100_000),
    ];
    let all: Vec<_> = kinds.iter().cloned().map(letter).collect();
    for _ in 0..2 {
        letters.keep(&all).await.unwrap();
    }
    assert_eq!(count(&client, INDEX).await, kinds.len() as u64);
    let query = json!({"size": 0, "aggs": {"reasons": {"terms": {"field": "reason"}}}, "query": {"range": {"@timestamp": {"gte": "2026-11-21"}}}});
    let found = ask(&client, Method::POST, &format!("/{INDEX}/_search"), Some(&query)).await;
    let bucket = &found["aggregations"]["reasons"]["buckets"][0];
    assert_eq!((&bucket["key"], &bucket["doc_count"]), (&json!("not_json"), &json!(kinds.len())));
}

/// A record larger than a document may be is kept in parts that lead to one another.
pub async fn a_large_letter_is_kept_in_parts(url: &str) {
    let (client, letters) = prepared(url).await;
    let noise = noise(10 << 20);
    letters.keep(&[letter(noise.clone())]).await.unwrap();
    letters.keep(&[letter(noise)]).await.unwrap();
    assert_eq!(count(&client, INDEX).await, 2);
    let query = json!({"_source": ["letter", "part", "parts", "part_at", "size"], "sort": ["part"]});
    let found = ask(&client, Method::POST, &format!("/{INDEX}/_search"), Some(&query)).await;
    let parts: Vec<_> = found["hits"]["hits"].as_array().unwrap().iter().map(|h| &h["_source"]).collect();
    assert_eq!(parts[0]["letter"], parts[1]["letter"]);
    assert_eq!((&parts[1]["part"], &parts[1]["parts"], &parts[1]["size"]), (&json!(2), &json!(2), &json!(10 << 20)));
}

/// A block waits for an operator and goes on by itself.
pub async fn a_block_is_waited_for(url: &str) {
    let (client, letters) = prepared(url).await;
    letters.keep(&[letter(b"first".to_vec())]).await.unwrap();
    let settings = format!("/{INDEX}/_settings");
    ask(&client, Method::PUT, &settings, Some(&json!({"index.blocks.write": true}))).await;
    let error = letters.keep(&[letter(b"second".to_vec())]).await.unwrap_err();
    assert!(matches!(&error, KeepError::Busy(text) if text.contains(INDEX)), "{error}");
    ask(&client, Method::PUT, &settings, Some(&json!({"index.blocks.write": null}))).await;
    letters.keep(&[letter(b"first".to_vec()), letter(b"second".to_vec())]).await.unwrap();
    assert_eq!(count(&client, INDEX).await, 2);
}
