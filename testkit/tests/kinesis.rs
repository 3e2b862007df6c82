//! The embedded Kinesis does what the tests of essink build on.

use std::collections::BTreeMap;

use testkit::kinesis::{Kinesis, Options};

fn numbered(range: std::ops::Range<u32>) -> Vec<(String, Vec<u8>)> {
    range.map(|n| (format!("key-{n}"), n.to_string().into_bytes())).collect()
}

fn counts(records: Vec<(String, Vec<u8>)>) -> BTreeMap<(String, Vec<u8>), u32> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(record).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_over_a_split_and_a_merge() {
    let kinesis = Kinesis::start().await.unwrap();
    let client = kinesis.client();
    client.create_stream("events", 4).await.unwrap();
    client.put_records("events", &numbered(0..1200)).await.unwrap();

    let shards = client.list_shards("events").await.unwrap();
    assert_eq!(shards.len(), 4);
    assert!(shards.iter().all(|shard| shard.open && shard.parent.is_none()));
    assert_eq!((shards[0].hash_keys.0, shards[3].hash_keys.1), (0, u128::MAX));

    let [low, high] = client.split_shard("events", &shards[0].id).await.unwrap();
    assert_eq!((low.parent.as_ref(), high.parent.as_ref()), (Some(&shards[0].id), Some(&shards[0].id)));
    assert_eq!((low.hash_keys.0, high.hash_keys.1), shards[0].hash_keys);
    assert_eq!(low.hash_keys.1 + 1, high.hash_keys.0);
    client.put_records("events", &numbered(1200..2400)).await.unwrap();

    let merged = client.merge_shards("events", &shards[2].id, &shards[3].id).await.unwrap();
    assert_eq!((merged.parent, merged.adjacent_parent), (Some(shards[2].id.clone()), Some(shards[3].id.clone())));
    client.put_records("events", &numbered(2400..3600)).await.unwrap();

    let now = client.list_shards("events").await.unwrap();
    let closed: Vec<&str> = now.iter().filter(|shard| !shard.open).map(|shard| shard.id.as_str()).collect();
    assert_eq!(closed, [&shards[0].id, &shards[2].id, &shards[3].id]);
    assert_eq!(counts(client.read_all("events").await.unwrap()), counts(numbered(0..3600)));
}

#[tokio::test]
async fn refused_records_are_put_again_and_only_those() {
    // One shard takes 1000 records a second: most of these are refused at first.
    let kinesis = Kinesis::start_with(Options { enforce_limits: true, ..Options::default() }).await.unwrap();
    let client = kinesis.client();
    client.create_stream("tight", 1).await.unwrap();
    client.put_records("tight", &numbered(0..2500)).await.unwrap();
    assert_eq!(counts(client.read_all("tight").await.unwrap()), counts(numbered(0..2500)));
}

#[tokio::test]
async fn an_iterator_expires_when_told_to() {
    let kinesis = Kinesis::start_with(Options { iterator_ttl_s: 1, ..Options::default() }).await.unwrap();
    let client = kinesis.client();
    client.create_stream("short", 1).await.unwrap();
    let from = serde_json::json!({
        "StreamName": "short", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON",
    });
    let iterator = client.call("GetShardIterator", &from).await.unwrap()["ShardIterator"].clone();
    let read = serde_json::json!({ "ShardIterator": iterator });
    client.call("GetRecords", &read).await.unwrap();
    // The server counts its own time; there is nothing to wait for but that.
    let begun = std::time::Instant::now();
    let error = loop {
        match client.call("GetRecords", &read).await {
            Err(error) => break error,
            Ok(_) => assert!(begun.elapsed().as_secs() < 10, "the iterator does not expire"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert!(error.to_string().contains("ExpiredIteratorException"), "{error}");
}

#[tokio::test]
async fn a_stopped_server_is_gone_and_its_threads_are_named() {
    let kinesis = Kinesis::start().await.unwrap();
    let client = kinesis.client().clone();
    client.create_stream("s", 1).await.unwrap();
    if cfg!(target_os = "linux") {
        assert!(testkit::cpu::seconds_of_threads("kinesis").is_some());
    }
    drop(kinesis);
    let begun = std::time::Instant::now();
    while client.list_shards("s").await.is_ok() {
        assert!(begun.elapsed().as_secs() < 10, "the server still answers");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
