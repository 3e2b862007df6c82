//! Where a new group begins: `--start`, and what comes after it.

use std::collections::BTreeSet;

use essink::app::clock;
use essink::event::time::Millis;
use testkit::kinesis::Kinesis;
use testkit::search::{Server, shared};

use crate::faults::numbered;
use crate::support::*;

/// The numbers of all events that are there.
async fn there(search: &Server) -> BTreeSet<usize> {
    let documents = documents(search, "pinpoint-*").await;
    let number = |n: &serde_json::Value| n.as_str().expect("a text").parse().expect("a number");
    documents.iter().map(|d| number(&d["_source"]["attributes"]["n"])).collect()
}

async fn put(kinesis: &Kinesis, numbers: std::ops::Range<usize>) {
    let keyed = |n: usize| (format!("key-{n}"), numbered(n, "").1);
    let records: Vec<_> = numbers.map(keyed).collect();
    kinesis.client().put_records("begun", &records).await.expect("put");
}

/// Some servers stamp arrivals in whole seconds, so a start reads all of its own second.
async fn into_the_next_second() {
    let second = clock::now().0 / 1000;
    until("the next second begins", || async { clock::now().0 / 1000 > second }).await;
}

#[tokio::test]
async fn latest_begins_now_and_loses_nothing_that_comes_before_the_next_start() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("begun", 1).await.expect("stream");
    put(&kinesis, 0..5).await;
    into_the_next_second().await;
    let latest = ["--start", "latest"];
    catch_up(&kinesis, &search, "begun", &latest).await.expect(0, &["\"events.indexed\":0"]);
    assert_eq!(there(&search).await, BTreeSet::new(), "what was there before is not read");

    // The group is born and has read nothing: "latest" is the moment of its birth, not that of the next start.
    put(&kinesis, 5..10).await;
    into_the_next_second().await;
    catch_up(&kinesis, &search, "begun", &latest).await.expect(0, &[]);
    assert_eq!(there(&search).await, (5..10).collect());

    // A shard that came after the birth is a descendant: all of it is new.
    kinesis.client().split_shard("begun", "shardId-000000000000").await.expect("split");
    put(&kinesis, 10..30).await;
    into_the_next_second().await;
    catch_up(&kinesis, &search, "begun", &latest).await.expect(0, &[]);
    assert_eq!(there(&search).await, (5..30).collect());
}

#[tokio::test]
async fn latest_reads_what_comes_while_it_runs() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("begun", 2).await.expect("stream");
    put(&kinesis, 0..5).await;
    into_the_next_second().await;
    let (url, logs) = (kinesis.url(), tempfile::tempdir().expect("a directory"));
    let log = logs.path().join("log");
    let mut args = run_args(&url, search.url(), "begun");
    args.extend(["--start", "latest"]);
    let worker = start(&args, &log);
    let said = || std::fs::read_to_string(&log).expect("a log");
    until("it reads both shards", || async { said().matches("reading shard").count() == 2 }).await;
    put(&kinesis, 5..25).await;
    until("they are indexed", || async { there(&search).await.len() >= 20 }).await;
    assert_eq!(terminate(worker).await, Some(0), "{}", said());
    assert_eq!(there(&search).await, (5..25).collect());
}

#[tokio::test]
async fn a_time_begins_with_what_arrived_since() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("begun", 1).await.expect("stream");
    put(&kinesis, 0..5).await;
    into_the_next_second().await;
    let time = clock::now().rfc3339();
    put(&kinesis, 5..10).await;
    let since = ["--start", time.as_str()];
    catch_up(&kinesis, &search, "begun", &since).await.expect(0, &[]);
    assert_eq!(there(&search).await, (5..10).collect());
    // The group goes on from its positions; a start says nothing more.
    put(&kinesis, 10..15).await;
    let earlier = ["--start", "2026-01-01T00:00:00Z"];
    catch_up(&kinesis, &search, "begun", &earlier).await.expect(0, &["\"events.already_there\":0"]);
    assert_eq!(there(&search).await, (5..15).collect());
    let ahead = Millis(clock::now().0 + 3_600_000).rfc3339();
    let other = ["--group", "other", "--start", &ahead];
    catch_up(&kinesis, &search, "begun", &other).await.expect(64, &["--start", "future"]);
}
