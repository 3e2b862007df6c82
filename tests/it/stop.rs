//! Being stopped: with a cluster that takes nothing, before the tip is reached, and by another worker.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::fake_bulk::{FakeBulk, Fault, Mode};
use testkit::kinesis::Kinesis;
use testkit::search::{Server, shared};

use crate::faults::{numbered, numbers, one_by_one};
use crate::support::*;

#[tokio::test]
async fn the_grace_is_all_that_a_busy_cluster_gets() {
    let fake = FakeBulk::start(Mode::Scripted).expect("an endpoint");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("busy", 1).await.expect("stream");
    let n = 500;
    let records: Vec<_> = (0..n).map(|n| numbered(n, "")).collect();
    kinesis.client().put_records("busy", &records).await.expect("put");
    // Pauses grow to 30 s: nobody comes so often before a test ends.
    fake.script(std::iter::repeat_with(|| Fault::Empty(503)).take(10_000));

    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    let (kinesis_url, url, log) = (kinesis.url(), fake.url(), dir.path().join("log"));
    let mut args = one_by_one(run_args(&kinesis_url, &url, "busy"), &state);
    args.extend(["--grace", "1s"]);
    let worker = start(&args, &log);
    until("a bulk is refused", || async { fake.requests() > 0 }).await;
    let begun = Instant::now();
    let code = terminate(worker).await;
    let said = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(code, Some(75), "{said}");
    // Its own second, and what a busy machine needs to end a process.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}: {said}", begun.elapsed());
    assert!(said.contains("open"), "what is left is named: {said}");
    assert_eq!(fake.count(""), 0);

    fake.heal();
    args.push("--until-caught-up");
    finish(essink(&args)).await.expect(0, &[&format!("\"events.indexed\":{n}"), "\"events.already_there\":0"]);
    assert_eq!(numbers(&fake, "pinpoint-"), (0..n).collect());
}

#[tokio::test]
async fn stopped_before_the_tip_it_has_not_caught_up() {
    let fake = FakeBulk::start(Mode::Scripted).expect("an endpoint");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("long", 1).await.expect("stream");
    // 36 MB, twice what may be in flight: while the first bulk waits for its answer, the tip cannot be reached.
    let (n, filling) = (40, "x".repeat(900_000));
    let records: Vec<_> = (0..n).map(|n| numbered(n, &filling)).collect();
    kinesis.client().put_records("long", &records).await.expect("put");
    fake.script([Fault::Delay(Duration::from_secs(5))]);

    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    let (kinesis_url, url, log) = (kinesis.url(), fake.url(), dir.path().join("log"));
    let mut args = one_by_one(run_args(&kinesis_url, &url, "long"), &state);
    args.extend(["--memory", "16MiB", "--flush-bytes", "2MB", "--until-caught-up"]);
    let worker = start(&args, &log);
    until("the first bulk is under way", || async { fake.requests() > 0 }).await;
    let code = terminate(worker).await;
    let said = std::fs::read_to_string(&log).expect("a log");
    let done = numbers(&fake, "pinpoint-").len();
    assert!(done > 0 && done < n, "what was taken is drained, and no more is taken: {done} of {n}; {said}");
    assert_eq!(code, Some(75), "a script must not take this for caught up: {said}");

    let rest = format!("\"events.indexed\":{}", n - done);
    finish(essink(&args)).await.expect(0, &[&rest, "\"events.already_there\":0"]);
    assert_eq!(numbers(&fake, "pinpoint-"), (0..n).collect());
}

/// A worker that was held up (a long pause of its machine) and comes back to find its shard somebody else's.
#[tokio::test]
async fn a_worker_whose_lease_was_taken_stops_reading_that_shard_and_takes_it_back_from_the_dead() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("contested", 2).await.expect("stream");
    // One key, so one shard is busy and the other idle.
    kinesis.client().put_records("contested", &[numbered(0, "")]).await.expect("put");
    let dir = tempfile::tempdir().expect("a directory");
    let (kinesis_url, log) = (kinesis.url(), dir.path().join("log"));
    let mut args = run_args(&kinesis_url, search.url(), "contested");
    args.extend(["--group", "night-shift", "--checkpoint-interval", "100ms", "--lease-timeout", "3s"]);
    let worker = start(&args, &log);
    until("a position is stored", || async { moved_shard(&search).await.is_some() }).await;
    let (id, shard) = moved_shard(&search).await.expect("just seen");
    let path = format!("/essink-state/_update/{}", in_a_path(&id));
    let theirs = json!({"doc": {"owner": "somebody-else", "counter": 1_000_000}});
    search.send(reqwest::Method::POST, &path, &theirs).await.expect("updated");
    let said = |words: &str| {
        let text = std::fs::read_to_string(&log).expect("a log");
        text.lines().any(|line| line.contains(words) && line.contains(&shard))
    };
    until("the worker knows", || async { said("the lease is no longer ours") }).await;

    // The other one never renews: when its time is over, the shard is read on.
    kinesis.client().put_records("contested", &[numbered(1, "")]).await.expect("put");
    until("both events are there", || async { count(&search, "*,-essink-*").await == 2 }).await;
    assert_eq!(terminate(worker).await, Some(0));
    let left = search.get(&format!("/essink-state/_doc/{}", in_a_path(&id))).await.expect("the row");
    assert!(left["_source"]["owner"].is_null(), "freed at the end: {left}");
}

/// Id and shard of the position that is not at the shard's beginning; nothing while the index is being made.
async fn moved_shard(search: &Server) -> Option<(String, String)> {
    search.get("/essink-state/_refresh").await.ok()?;
    let found = search.get("/essink-state/_search").await.ok()?;
    let moved = found["hits"]["hits"].as_array()?.iter().find(|hit| hit["_source"]["at"] == "after")?;
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    Some((text(&moved["_id"]), text(&moved["_source"]["shard"])))
}

/// Percent-encoded: ids of positions have bars, colons and slashes.
fn in_a_path(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    id.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
