//! Several workers of one group on one stream.

use std::collections::{BTreeMap, HashSet};

use testkit::events::{Events, Plan};
use testkit::kinesis::Kinesis;
use testkit::search::{Server, shared};

use crate::support::*;

const SHARDS: usize = 6;
const EVENTS: usize = 12_000;

/// Leases by owner, most first, of the rows that are not at their end; nothing while the index is being made.
async fn leases(search: &Server) -> Vec<usize> {
    if search.get("/essink-state/_refresh").await.is_err() {
        return Vec::new();
    }
    let found = search.get("/essink-state/_search?size=1000").await.expect("rows");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for hit in found["hits"]["hits"].as_array().expect("hits") {
        if let Some(owner) = hit["_source"]["owner"].as_str() {
            *counts.entry(owner).or_default() += 1;
        }
    }
    let mut counts: Vec<usize> = counts.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts
}

async fn until_shared(search: &Server, what: &str, fair: &[usize]) {
    until(what, || async { leases(search).await == fair }).await;
}

#[tokio::test]
async fn workers_share_a_stream_hand_shards_over_and_take_those_of_the_dead() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    let client = kinesis.client();
    client.create_stream("shared", SHARDS).await.expect("stream");
    let day = |text: &str| text.parse().expect("a date");
    let plan = Plan { enriched: false, ..Plan::days(4, EVENTS, day("2026-11-01")..day("2026-11-03")) };
    let records: Vec<_> = Events::new(plan).map(|e| (e.partition_key.clone(), e.record())).collect();
    let distinct: HashSet<&[u8]> = records.iter().map(|(_, data)| data.as_slice()).collect();
    assert_eq!(distinct.len(), EVENTS, "the generator makes each event once");
    let mut shares = records.chunks(EVENTS / 4);
    let mut next = || shares.next().expect("a share").to_vec();

    let (url, base) = (kinesis.url(), search.url().to_owned());
    let mut args = run_args(&url, &base, "shared");
    args.extend(["--lease-timeout", "5s", "--checkpoint-interval", "500ms"]);
    let logs = tempfile::tempdir().expect("a directory");
    let worker = |n: usize| start(&args, &logs.path().join(format!("{n}.log")));

    client.put_records("shared", &next()).await.expect("put");
    let mut first = worker(1);
    until_shared(&search, "the first has everything", &[6]).await;
    let second = worker(2);
    until_shared(&search, "the second has its half", &[3, 3]).await;
    let third = worker(3);
    until_shared(&search, "the third has its third", &[2, 2, 2]).await;

    client.put_records("shared", &next()).await.expect("put");
    first.kill().await.expect("killed");
    client.put_records("shared", &next()).await.expect("put");
    until_shared(&search, "the dead one's shards are taken", &[3, 3]).await;

    // A split and a merge of two others: five shards end, of which four are the parents; six are open.
    client.split_shard("shared", "shardId-000000000000").await.expect("split");
    client.until_active("shared").await.expect("active");
    client.merge_shards("shared", "shardId-000000000003", "shardId-000000000004").await.expect("merge");
    client.until_active("shared").await.expect("active");
    client.put_records("shared", &next()).await.expect("put");
    until("all children are read", || async { leases(&search).await.iter().sum::<usize>() == 6 }).await;
    assert_eq!(terminate(second).await, Some(0));
    until_shared(&search, "the last has everything", &[6]).await;
    until("every event is there", || async { count(&search, "pinpoint-*").await >= EVENTS as u64 }).await;
    assert_eq!(terminate(third).await, Some(0));

    assert_eq!(count(&search, "pinpoint-*").await, EVENTS as u64);
    assert_eq!(count(&search, "essink-dead-letters-*,unrecognized-*").await, 0);
    assert!(leases(&search).await.is_empty(), "the last one freed what it had");
}

/// Each shard's owner and count, from a table that can be read.
async fn owners(search: &Server) -> BTreeMap<String, (String, u64)> {
    search.get("/essink-state/_refresh").await.expect("refreshed");
    let found = search.get("/essink-state/_search?size=1000").await.expect("rows");
    let row = |hit: &serde_json::Value| {
        let source = &hit["_source"];
        let text = |field: &str| source[field].as_str().unwrap_or_default().to_owned();
        (text("shard"), (text("owner"), source["counter"].as_u64().expect("a count")))
    };
    found["hits"]["hits"].as_array().expect("hits").iter().map(row).collect()
}

/// Bento 1012: renewal in the data path. Under backpressure the lease expires, and the worker steals from itself.
#[tokio::test]
async fn workers_whose_events_are_blocked_and_whose_memory_is_full_keep_their_leases() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    let client = kinesis.client();
    client.create_stream("stuck", 4).await.expect("stream");
    let day = |text: &str| text.parse().expect("a date");
    let plan = Plan { enriched: false, ..Plan::days(6, EVENTS, day("2026-11-01")..day("2026-11-02")) };
    let records: Vec<_> = Events::new(plan).map(|e| (e.partition_key.clone(), e.record())).collect();
    let made = serde_json::json!({"settings": {"number_of_replicas": 0, "blocks.read_only_allow_delete": true}});
    search.send(reqwest::Method::PUT, "/pinpoint-2026-11-01", &made).await.expect("made");
    client.put_records("stuck", &records).await.expect("put");

    let (url, base) = (kinesis.url(), search.url().to_owned());
    let mut args = run_args(&url, &base, "stuck");
    args.extend(["--lease-timeout", "3s", "--memory", "16MiB", "--flush-bytes", "500kB"]);
    let logs = tempfile::tempdir().expect("a directory");
    let [one, two] = [1, 2].map(|n| start(&args, &logs.path().join(format!("{n}.log"))));
    until_shared(&search, "both have their half", &[2, 2]).await;
    let before = owners(&search).await;
    // Five times the timeout, counted by renewals and not by a clock.
    until("leases are renewed many times", || async {
        owners(&search).await.iter().all(|(shard, (_, count))| *count >= before[shard].1 + 15)
    })
    .await;
    let same = |(shard, (owner, _)): (&String, &(String, u64))| before[shard].0 == *owner;
    assert!(owners(&search).await.iter().all(same), "nobody took anything from anybody");

    let lifted = serde_json::json!({"index.blocks.read_only_allow_delete": null});
    search.send(reqwest::Method::PUT, "/pinpoint-2026-11-01/_settings", &lifted).await.expect("lifted");
    until("every event is there", || async { count(&search, "pinpoint-*").await >= EVENTS as u64 }).await;
    assert_eq!((terminate(one).await, terminate(two).await), (Some(0), Some(0)));
    assert_eq!(count(&search, "pinpoint-*").await, EVENTS as u64);
}
