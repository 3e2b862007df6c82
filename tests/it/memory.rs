//! The bound on memory, while the cluster answers nothing of use and the stream is full.

use std::time::{Duration, Instant};

use testkit::events::{Events, Plan};
use testkit::fake_bulk::{FakeBulk, Mode};
use testkit::kinesis::Kinesis;
use testkit::proxy::{FaultProxy, Mishap};

use crate::support::*;

/// How long the cluster stays away; by hand, for minutes: `ESSINK_TEST_AWAY_SECONDS=600`.
const AWAY: u64 = 30;
/// A small share of what is waiting: without a bound all of it would be read.
const MEMORY: u64 = 32 << 20;
const EVENTS: usize = 60_000;
/// The program, its threads and its allocator, beside what the bound is made of.
const PROGRAM: u64 = 48 << 20;

#[expect(clippy::disallowed_methods, reason = "a knob for a long round by hand")]
fn away() -> Duration {
    let asked = std::env::var("ESSINK_TEST_AWAY_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(AWAY))
}

/// Bytes of memory that a process holds.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a Linux with /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a running process");
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).expect("a number") * 1024
}

/// The bound that the program printed at its start.
fn printed_bound(log: &str) -> u64 {
    let line = log.lines().find(|line| line.contains("memory is bounded")).expect("the bound is printed");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    line["memory.bytes"].as_u64().expect("a number")
}

/// Vector 25212, Bento 1012, KCL 981: what waits for a cluster that is away grows until the process is killed.
#[tokio::test]
async fn while_the_cluster_is_away_memory_stays_flat_under_the_bound_and_then_nothing_is_missing() {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("waiting", 4).await.expect("stream");
    let day = |text: &str| text.parse().expect("a date");
    let plan = Plan { enriched: false, ..Plan::days(8, EVENTS, day("2026-11-01")..day("2026-11-03")) };
    let records: Vec<_> = Events::new(plan).map(|e| (e.partition_key.clone(), e.record())).collect();
    let waiting: usize = records.iter().map(|(_, data)| data.len()).sum();
    assert!(waiting as u64 > 2 * MEMORY, "more waits than may be read: {waiting}");
    kinesis.client().put_records("waiting", &records).await.expect("put");
    drop(records);
    let sink = FakeBulk::start(Mode::Null).expect("an endpoint");
    // `GET /` must go through at the start; the bulks are refused from the first one on.
    let proxy = FaultProxy::start(&sink.url(), 1, Vec::new()).expect("a proxy");

    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    let (url, cluster, log) = (kinesis.url(), proxy.url(), dir.path().join("log"));
    let memory = format!("{MEMORY}");
    let mut args = run_args(&url, &cluster, "waiting");
    args.extend(["--no-init-templates", "--state", &state, "--until-caught-up", "--memory", &memory]);
    args.extend(["--flush-bytes", "1MB", "--fetches", "2", "--max-inflated", "4MiB", "--in-flight", "4"]);
    let mut worker = start(&args, &log);
    let pid = worker.id().expect("running");
    let said = || std::fs::read_to_string(&log).expect("a log");
    until("it reads", || async { said().contains("reading shard") }).await;
    proxy.set(vec![(Mishap::Status(503), 100)]);

    let (began, away) = (Instant::now(), away());
    let mut samples = Vec::new();
    while began.elapsed() < away {
        assert!(worker.try_wait().expect("can be asked").is_none(), "{}", said());
        tokio::time::sleep(Duration::from_millis(250)).await;
        samples.push(resident(pid));
    }
    let bound = printed_bound(&said()) + PROGRAM;
    let settled = &samples[samples.len() / 3..];
    let (least, most) = (settled.iter().min().expect("samples"), settled.iter().max().expect("samples"));
    println!("away for {away:?}: {least} to {most} bytes resident, the bound is {bound}, {waiting} are waiting");
    assert!(*most <= bound, "{most} bytes resident, the bound is {bound}");
    assert!(most - least < 8 << 20, "it grows: from {least} to {most}");

    proxy.set(Vec::new());
    let ended = tokio::time::timeout(PATIENCE, worker.wait()).await.expect("in time").expect("can be waited for");
    assert_eq!(ended.code(), Some(0), "{}", said());
    let indexed = format!("\"events.indexed\":{EVENTS}");
    assert!(said().contains(&indexed), "{}", said());
}
