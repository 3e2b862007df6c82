//! What is wrong outside of the stream: each a clear error with its cure and its exit code.

use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::search::shared;

use crate::page::Page;
use crate::support::*;

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn a_wrong_command_line_says_everything_that_is_wrong_and_exits_64() {
    let bad = ["run", "--stream", "s", "--keep", "30x", "--memory", "much", "--start", "yesterday"];
    finish(essink(&bad)).await.expect(64, &["--keep", "30x", "--memory", "much", "--start", "yesterday"]);
    finish(essink(&["prune", "--keep", "0d"])).await.expect(64, &["--keep", "0d"]);
    finish(essink(&["run"])).await.expect(64, &["--stream"]);
    finish(essink(&["rum"])).await.expect(64, &["run"]);
    finish(essink(&["run", "--steam", "s"])).await.expect(64, &["--stream"]);
    finish(essink(&["run", "--stream", "s", "--config", "/nowhere/essink.toml"]))
        .await
        .expect(64, &["/nowhere/essink.toml"]);
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("essink.toml");
    std::fs::write(&file, "stream = \"s\"\nflush-bites = \"5MB\"\n").expect("written");
    let path = file.to_str().expect("text");
    finish(essink(&["run", "--config", path])).await.expect(64, &["flush-bites", "flush-bytes"]);
    let help = finish(essink(&["prune", "--help"])).await.expect(0, &[]);
    assert!(help.out.contains("--dry-run") && help.out.contains("--keep"), "{}", help.out);
    let version = finish(essink(&["--version"])).await.expect(0, &[]);
    assert!(version.out.contains(env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn config_prints_what_is_in_effect_and_hides_secrets() {
    let mut command = essink(&["config", "--flush-bytes", "7MB"]);
    command.env("ESSINK_OPENSEARCH_USER", "ann").env("ESSINK_OPENSEARCH_PASSWORD", "hunter2");
    let done = finish(command).await.expect(0, &[]);
    assert!(done.out.contains("7MB") && done.out.contains("flag") && done.out.contains("environment"), "{}", done.out);
    assert!(!done.out.contains("hunter2") && !done.err.contains("hunter2"));
}

#[tokio::test]
async fn a_cluster_that_is_down_or_none_exits_69_and_names_it() {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 1).await.expect("stream");
    let url = kinesis.url();
    finish(essink(&run_args(&url, NOBODY, "s"))).await.expect(69, &["127.0.0.1:1"]);
    finish(essink(&["prune", "--keep", "30d", "--opensearch-url", NOBODY])).await.expect(69, &["127.0.0.1:1"]);
    finish(essink(&["init-templates", "--opensearch-url", NOBODY])).await.expect(69, &["127.0.0.1:1"]);
    // A Kinesis is no search server.
    finish(essink(&["init-templates", "--opensearch-url", &url])).await.expect(69, &[&url]);
}

#[tokio::test]
async fn a_stream_that_is_not_there_exits_69_and_names_stream_and_region() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    let url = kinesis.url();
    finish(essink(&run_args(&url, search.url(), "missing"))).await.expect(69, &["missing", "us-east-1"]);
    let mut elsewhere = essink(&run_args(&url, search.url(), "missing"));
    elsewhere.env("AWS_REGION", "eu-west-1");
    finish(elsewhere).await.expect(69, &["missing", "eu-west-1"]);
    finish(essink(&run_args(NOBODY, search.url(), "s"))).await.expect(69, &[]);
    let mut nobody = essink(&run_args(&url, search.url(), "s"));
    nobody.env_remove("AWS_REGION");
    finish(nobody).await.expect(69, &["region"]);
}

#[tokio::test]
async fn a_position_file_serves_one_worker_and_one_stream() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("one", 1).await.expect("stream");
    kinesis.client().create_stream("two", 1).await.expect("stream");
    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    catch_up(&kinesis, &search, "one", &["--state", &state]).await.expect(0, &[]);
    let other = catch_up(&kinesis, &search, "two", &["--state", &state]).await;
    assert!(other.code == Some(64) || other.code == Some(69), "{other:?}");
    assert!(other.err.contains("state.json"), "{}", other.err);
}

#[tokio::test]
async fn readiness_and_metrics_can_be_asked_for() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("watched", 1).await.expect("stream");
    kinesis.client().put_records("watched", &[("k".to_owned(), b"{}".to_vec())]).await.expect("put");
    let page = Page::on_a_free_port();
    let url = kinesis.url();
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let mut args = page.instead_of_none(run_args(&url, search.url(), "watched"));
    args.extend(["--memory", "128MiB", "--fetches", "2", "--in-flight", "3"]);
    let worker = start(&args, &log);
    until("ready", || async { page.get("/ready").await.is_some_and(|(status, _)| status == 200) }).await;
    assert_eq!(page.get("/live").await.expect("alive").0, 200);
    until("counted", || async { page.events("indexed").await == Some(1) }).await;
    let (_, metrics) = page.get("/metrics").await.expect("metrics");
    for name in [
        "essink_bulk_duration_seconds",
        "essink_in_flight_bytes",
        "essink_shard_lag_seconds",
        "essink_memory_bound_bytes",
    ] {
        assert!(metrics.contains(name), "{name} is missing");
    }
    check_bounds(&std::fs::read_to_string(&log).expect("a log"), &metrics);
    assert_eq!(terminate(worker).await, Some(0));
}

/// The bound on memory is said at the start, with what it is made of.
fn check_bounds(log: &str, metrics: &str) {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let bounds: Vec<_> = lines.filter(|line| line["memory.bytes"].is_u64()).collect();
    let [line] = &bounds[..] else { panic!("said {} times: {log}", bounds.len()) };
    let bytes = |field: &str| line[field].as_u64().unwrap_or_else(|| panic!("{field} is missing: {line}"));
    assert_eq!((&line["level"], bytes("memory.records.bytes")), (&json!("INFO"), 128 << 20));
    // A page is at most 10 MiB of data and its base64; a record may be inflated to 32 MiB and be written beside that.
    assert_eq!(bytes("memory.pages.bytes"), 2 * ((10 << 20) + (10 << 20) / 3 * 4));
    assert_eq!(bytes("memory.decoding.bytes"), 2 * 2 * (32 << 20));
    assert_eq!(bytes("memory.bodies.bytes"), (3 + 1) * 5_000_000);
    let parts = ["records", "pages", "decoding", "bodies"].map(|part| bytes(&format!("memory.{part}.bytes")));
    assert_eq!(bytes("memory.bytes"), parts.iter().sum::<u64>());
    assert!(metrics.contains(&format!("essink_memory_bound_bytes {}\n", 128 << 20)), "{metrics}");
}

#[tokio::test]
async fn no_more_new_days_come_into_being_than_allowed_and_those_that_exist_do_not_count() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("years", 1).await.expect("stream");
    search.send(reqwest::Method::PUT, "/pinpoint-2020-01-01/_doc/1", &json!({"a": 1})).await.expect("an old day");
    let put: Vec<_> = (0..4)
        .map(|day| {
            let stamp = 1_577_836_800_000_i64 + day * 86_400_000;
            let event =
                json!({"event_type": "x", "event_version": "3.1", "awsAccountId": "1", "arrival_timestamp": stamp});
            ("k".to_owned(), event.to_string().into_bytes())
        })
        .collect();
    kinesis.client().put_records("years", &put).await.expect("put");
    catch_up(&kinesis, &search, "years", &["--max-days", "2"]).await.expect(0, &["\"events.indexed\":3"]);
    let letters = documents(&search, "essink-dead-letters-*").await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    let source = &letter["_source"];
    assert_eq!((&source["reason"], &source["index"]), (&json!("too_many_days"), &json!("pinpoint-2020-01-04")));
    assert_eq!(count(&search, "pinpoint-*").await, 4);
}

#[tokio::test]
async fn days_past_retention_expire_and_are_pruned_while_running() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("kept", 1).await.expect("stream");
    search.send(reqwest::Method::PUT, "/pinpoint-2020-01-01/_doc/1", &json!({"a": 1})).await.expect("an old day");
    let event = |stamp: i64| {
        let text = json!({"event_type": "x", "event_version": "3.1", "awsAccountId": "1", "arrival_timestamp": stamp});
        ("k".to_owned(), text.to_string().into_bytes())
    };
    let now = essink::app::clock::now().0;
    let put = [event(now), event(now - 31 * 86_400_000), event(now - 29 * 86_400_000)];
    kinesis.client().put_records("kept", &put).await.expect("put");
    let done = catch_up(&kinesis, &search, "kept", &["--keep", "30d"]).await.expect(0, &["\"events.expired\":1"]);
    assert_eq!(count(&search, "pinpoint-*").await, 2, "{}", done.err);
    assert_eq!(count(&search, "pinpoint-2020-01-01").await, 0, "pruned");
}
