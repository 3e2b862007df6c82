//! kill -9 in the middle of the work, while the stream is resharded, and everything is there once.

use std::collections::HashSet;

use serde_json::json;
use testkit::events::{Events, Plan};
use testkit::kinesis::{Client, Kinesis, Options};
use testkit::search::{Server, shared};

use crate::support::*;

/// A machine for tests has two cores, most of them taken by the search server; by hand: `ESSINK_TEST_EVENTS=200000`.
const EVENTS: usize = 24_000;

const SHARDS: usize = 8;

/// How long a split or a merge takes: longer than a process takes to die, on a machine that does much else.
const RESHARD_MS: u64 = 4_000;

#[expect(clippy::disallowed_methods, reason = "a knob for a long round by hand")]
fn n_events() -> usize {
    std::env::var("ESSINK_TEST_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(EVENTS)
}

#[tokio::test]
async fn kill_nine_amid_a_split_and_a_merge_loses_nothing_and_doubles_nothing() {
    let search = shared().lease().await.expect("OpenSearch");
    let options = Options { update_ms: RESHARD_MS, ..Options::default() };
    let kinesis = Kinesis::start_with(options).await.expect("Kinesis");
    let client = kinesis.client();
    client.create_stream("killed", SHARDS).await.expect("stream");
    let day = |text: &str| text.parse().expect("a date");
    let n = n_events();
    let plan = Plan { enriched: false, ..Plan::days(3, n, day("2026-11-01")..day("2026-11-04")) };
    let records: Vec<_> = Events::new(plan).map(|e| (e.partition_key.clone(), e.record())).collect();
    let distinct: HashSet<&[u8]> = records.iter().map(|(_, data)| data.as_slice()).collect();
    assert_eq!(distinct.len(), n, "the generator makes each event once");

    let (url, base) = (kinesis.url(), search.url().to_owned());
    let args = run_args(&url, &base, "killed");
    let logs = tempfile::tempdir().expect("a directory");
    let third = n / 3;
    client.put_records("killed", &records[..third]).await.expect("put");
    for (round, share) in [&records[third..2 * third], &records[2 * third..]].into_iter().enumerate() {
        let mut worker = start(&args, &logs.path().join(format!("{round}.log")));
        let before = indexed(&search).await;
        until("some events are indexed", || async { indexed(&search).await > before }).await;
        // A split and a merge come while the worker reads, one of them whole; amid the other it dies without a word.
        let first = 3 * round;
        let (seen, rest) = share.split_at(share.len() / 2);
        let (last, unseen) = rest.split_at(rest.len() / 4);
        if round == 0 {
            begin_split(client, first).await
        } else {
            begin_merge(client, first + 1).await
        }
        client.put_records("killed", seen).await.expect("put");
        until("more events are indexed", || async { indexed(&search).await > before + 1_000 }).await;
        client.until_active("killed").await.expect("the first is over");
        if round == 0 {
            begin_merge(client, first + 1).await
        } else {
            begin_split(client, first).await
        }
        // So that it has something in its hands.
        client.put_records("killed", last).await.expect("put");
        worker.kill().await.expect("killed");
        assert_eq!(status(client).await, "UPDATING", "it died amid a reshard");
        // Only now, so it died in the middle of the work however fast it was. The next worker starts amid the reshard.
        client.put_records("killed", unseen).await.expect("put");
    }
    client.until_active("killed").await.expect("the last is over");
    let done = catch_up(&kinesis, &search, "killed", &[]).await.expect(0, &[]);
    assert_eq!(count(&search, "pinpoint-*").await, n as u64, "{}", done.err);
    assert_eq!(count(&search, "essink-dead-letters-*").await, 0);
    assert_eq!(count(&search, "unrecognized-*").await, 0);
    let states = terms(&search, "essink-state", "at").await;
    let ended = states.iter().find(|(at, _)| at == "end").map_or(0, |(_, n)| *n);
    assert_eq!(ended, 2 * 3, "two splits and two merges close six shards");
}

async fn indexed(search: &Server) -> u64 {
    count(search, "pinpoint-*").await
}

fn name(shard: usize) -> String {
    format!("shardId-{shard:012}")
}

async fn begin_split(client: &Client, shard: usize) {
    client.until_active("killed").await.expect("no other reshard is under way");
    let shards = client.list_shards("killed").await.expect("shards");
    let (first, last) = shards.iter().find(|known| known.id == name(shard)).expect("the shard").hash_keys;
    let middle = (first + (last - first) / 2 + 1).to_string();
    let body = json!({"StreamName": "killed", "ShardToSplit": name(shard), "NewStartingHashKey": middle});
    client.call("SplitShard", &body).await.expect("split");
}

/// Merges a shard with the next.
async fn begin_merge(client: &Client, shard: usize) {
    client.until_active("killed").await.expect("no other reshard is under way");
    let (one, two) = (name(shard), name(shard + 1));
    let body = json!({"StreamName": "killed", "ShardToMerge": one, "AdjacentShardToMerge": two});
    client.call("MergeShards", &body).await.expect("merge");
}

async fn status(client: &Client) -> String {
    let answer = client.call("DescribeStreamSummary", &json!({"StreamName": "killed"})).await.expect("described");
    answer["StreamDescriptionSummary"]["StreamStatus"].as_str().expect("a status").to_owned()
}

#[tokio::test]
async fn told_to_stop_it_drains_stores_and_leaves_nothing_to_do_twice() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("stopped", 2).await.expect("stream");
    let day = |text: &str| text.parse().expect("a date");
    let plan = Plan { enriched: false, ..Plan::days(4, 20_000, day("2026-11-01")..day("2026-11-02")) };
    let records: Vec<_> = Events::new(plan).map(|e| (e.partition_key.clone(), e.record())).collect();
    kinesis.client().put_records("stopped", &records).await.expect("put");
    let logs = tempfile::tempdir().expect("a directory");
    let (url, log) = (kinesis.url(), logs.path().join("log"));
    let worker = start(&run_args(&url, search.url(), "stopped"), &log);
    until("some events are indexed", || async { indexed(&search).await > 0 }).await;
    assert_eq!(terminate(worker).await, Some(0), "{}", std::fs::read_to_string(&log).expect("a log"));
    let settled = indexed(&search).await;
    let rest = catch_up(&kinesis, &search, "stopped", &[]).await.expect(0, &["\"events.already_there\":0"]);
    assert!(rest.err.contains(&format!("\"events.indexed\":{}", 20_000 - settled)), "{}", rest.err);
    assert_eq!(indexed(&search).await, 20_000);
}
