//! `essink put`: files into a stream, and through `essink run` into the cluster.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use testkit::events::{Events, Plan, Truth};
use testkit::kinesis::{Kinesis, Options};
use testkit::search::shared;
use tokio::process::Command;

use crate::main_path::check_truth;
use crate::support::*;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples");

fn args<'a>(url: &'a str, files: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["put", "--stream", "s", "--kinesis-endpoint-url", url, "--json"];
    args.extend(files);
    args
}

async fn stream(shards: usize) -> Kinesis {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", shards).await.expect("stream");
    kinesis
}

/// How the command ended, and its report.
async fn put(args: &[&str]) -> (Done, Value) {
    let done = finish(essink(args)).await;
    let report = serde_json::from_str(&done.out).unwrap_or(Value::Null);
    (done, report)
}

async fn piped(args: &[&str], input: Vec<u8>) -> (Done, Value) {
    let mut command = essink(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("essink starts");
    let mut stdin = child.stdin.take().expect("piped");
    let writing = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        stdin.write_all(&input).await.expect("taken");
    });
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("in time").expect("waited for");
    writing.await.expect("written");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let done = Done { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    let report = serde_json::from_str(&done.out).unwrap_or(Value::Null);
    (done, report)
}

/// The events of the stream as text, each as often as it is there.
pub async fn in_stream(kinesis: &Kinesis) -> Vec<String> {
    let records = kinesis.client().read_all("s").await.expect("read");
    let mut events = Vec::new();
    for (_, data) in records {
        match essink::event::aggregate::open(&data.clone().into(), 100_000) {
            essink::event::aggregate::Aggregate::Plain => events.push(data),
            essink::event::aggregate::Aggregate::Records(list) => {
                events.extend(list.iter().map(|event| event.to_vec()))
            }
            essink::event::aggregate::Aggregate::Bad(why) => panic!("{why}"),
        }
    }
    let mut events: Vec<String> = events.into_iter().map(|data| String::from_utf8(data).expect("text")).collect();
    events.sort();
    events
}

/// Files of the published samples whose names begin so, and the number of values in them.
fn sample_files(prefixes: &[&str]) -> (Vec<String>, usize) {
    let (mut files, mut values) = (Vec::new(), 0);
    for entry in std::fs::read_dir(SAMPLES).expect("samples") {
        let path = entry.expect("entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        if prefixes.iter().any(|prefix| name.starts_with(prefix)) && !name.contains("custom-channel") {
            let value: Value = serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
            values += value.as_array().map_or(1, Vec::len);
            files.push(path.display().to_string());
        }
    }
    (files, values)
}

#[tokio::test]
async fn samples_are_put_and_indexed_and_putting_them_again_changes_nothing() {
    let (search, kinesis) = (shared().lease().await.expect("OpenSearch"), stream(3).await);
    let (mut files, n_pinpoint) = sample_files(&PINPOINT_SAMPLES);
    let (more, n_ses) = sample_files(&["ses-firehose"]);
    files.extend(more);
    let bird = format!("{SAMPLES}/sparkpost-batch-9-types.json");
    files.push(bird);
    let n = n_pinpoint + n_ses + 9;
    let url = kinesis.url();
    let args = args(&url, &files.iter().map(String::as_str).collect::<Vec<_>>());

    let mut dry = args.clone();
    dry.push("--dry-run");
    let (done, would) = put(&dry).await;
    done.expect(0, &[]);
    assert_eq!((&would["values"], &would["put"], &would["dry_run"]), (&json!(n), &json!(0), &json!(true)), "{would}");
    assert!(in_stream(&kinesis).await.is_empty(), "a dry run puts nothing");

    let (done, did) = put(&args).await;
    done.expect(0, &[]);
    assert_eq!((&did["values"], &did["put"], &did["files"]), (&json!(n), &json!(n), &json!(files.len())), "{did}");
    assert_eq!(did["events"], would["events"]);
    assert_eq!(in_stream(&kinesis).await.len(), n);
    let records = kinesis.client().read_all("s").await.expect("read").len();
    assert_eq!(did["records"], records, "{did}");
    assert!(records <= 2 * 3, "{records} records for {n} small values and three shards");

    catch_up(&kinesis, &search, "s", &[]).await.expect(0, &[]);
    let counts = |search| async move {
        let mut counts = Vec::new();
        for family in ["pinpoint", "ses", "bird", "unrecognized", "essink-dead-letters"] {
            counts.push(count(search, &format!("{family}-*")).await as usize);
        }
        counts
    };
    assert_eq!(counts(&search).await, [n_pinpoint, n_ses, 9, 0, 0]);

    put(&args).await.0.expect(0, &[]);
    assert_eq!(in_stream(&kinesis).await.len(), 2 * n);
    let again = catch_up(&kinesis, &search, "s", &[]).await.expect(0, &[]);
    assert!(again.err.contains(&format!("\"events.already_there\":{n}")), "{}", again.err);
    assert_eq!(counts(&search).await, [n_pinpoint, n_ses, 9, 0, 0]);
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).expect("memory takes it");
    out.finish().expect("memory takes it")
}

#[tokio::test]
async fn a_migration_in_every_form_is_indexed_whole() {
    let (search, kinesis) = (shared().lease().await.expect("OpenSearch"), stream(4).await);
    let day = |text: &str| text.parse().expect("a date");
    let mut truth = Truth::default();
    let plan = Plan { enriched: false, ..Plan::days(21, 6_000, day("2026-11-01")..day("2026-11-04")) };
    let events: Vec<Vec<u8>> = Events::new(plan)
        .map(|event| {
            truth.add(&event);
            event.bytes.to_vec()
        })
        .collect();
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, data: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, data).expect("written");
        path.display().to_string()
    };
    let array = write("array.json", &[b"[", &events[..2_000].join(&b",\n"[..])[..], b"]\n"].concat());
    let lines = write("lines.ndjson.gz", &gzip(&events[2_000..4_000].join(&b'\n')));
    let url = kinesis.url();
    let mut args = args(&url, &[&array, "-", &lines]);
    args.extend(["--partition-key", "client.client_id"]);
    let (done, did) = piped(&args, events[4_000..].concat()).await;
    done.expect(0, &[]);
    assert_eq!((&did["put"], &did["files"]), (&json!(6_000), &json!(3)), "{did}");
    catch_up(&kinesis, &search, "s", &[]).await.expect(0, &[]);
    check_truth(&search, &truth).await;
}

#[tokio::test]
async fn what_is_wrong_with_files_is_said_with_its_place_and_the_others_are_put() {
    let kinesis = stream(1).await;
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("bad"), "{\"a\":1}\n{\"b\" 2}\n{\"c\":3}\n").expect("written");
    std::fs::write(path("good"), "{\"d\":4}\n{\"d\":4,\"d\":5}").expect("written");
    std::fs::write(path("large"), format!("{{\"e\":\"{}\"}}{{\"f\":6}}", "x".repeat(1 << 20))).expect("written");
    let packed = gzip(b"{\"g\":7}{\"h\":8}");
    std::fs::write(path("cut"), &packed[..packed.len() - 9]).expect("written");
    let (url, bad, good, large, cut) = (kinesis.url(), path("bad"), path("good"), path("large"), path("cut"));
    let (done, did) = put(&args(&url, &[&bad, &good, &large, &cut])).await;
    // The second line begins at byte 8; its fault is five bytes on. The key of the large one is a digest of 32 bytes.
    done.expect(
        64,
        &[
            "bad, byte 13 (line 2)",
            "the 1 values before it are put",
            "good, byte 8 (line 2)",
            "duplicate key",
            "large, byte 0 (line 1)",
            "1048616 bytes",
            "cut: gzip that cannot be read",
            "2 files are not JSON to their end, and 1 values are larger",
        ],
    );
    let seen = ["files", "unreadable", "values", "put", "too_large", "dead_letters"].map(|name| did[name].as_u64());
    // How much of the last one comes out depends on where deflate had a block.
    let more = did["put"].as_u64().expect("a number") - 4;
    assert_eq!(seen, [4, 2, 4 + more, 4 + more, 1, 1].map(Some), "{did}");
    assert_eq!(in_stream(&kinesis).await[..4], ["{\"a\":1}", "{\"d\":4,\"d\":5}", "{\"d\":4}", "{\"f\":6}"]);

    let missing = path("missing");
    put(&args(&url, &[&good, &missing])).await.0.expect(64, &["nothing was put", "missing"]);
    assert_eq!(in_stream(&kinesis).await.len() as u64, 4 + more);
    put(&args(&url, &[SAMPLES])).await.0.expect(64, &["is a directory"]);
}

#[tokio::test]
async fn a_stream_that_is_not_there_or_takes_too_little_is_said_with_the_cure() {
    // One shard takes 1 MB a second; this is eight.
    let kinesis = Kinesis::start_with(Options { enforce_limits: true, ..Options::default() }).await.expect("Kinesis");
    kinesis.client().create_stream("s", 1).await.expect("stream");
    let dir = tempfile::tempdir().expect("a directory");
    let (url, file) = (kinesis.url(), dir.path().join("large").display().to_string());
    let line = |n: usize| format!("{{\"n\":{n},\"fill\":\"{}\"}}\n", "x".repeat(1_000));
    std::fs::write(&file, (0..8_000).map(line).collect::<String>()).expect("written");
    let mut elsewhere = args(&url, &[&file]);
    elsewhere[2] = "nowhere";
    put(&elsewhere).await.0.expect(69, &["stream `nowhere` does not exist", "check --stream"]);

    let mut impatient = args(&url, &[&file]);
    impatient.extend(["--put-timeout", "1s"]);
    let (done, did) = put(&impatient).await;
    done.expect(69, &["within --put-timeout: ProvisionedThroughputExceededException", "putting it again is harmless"]);
    let said = did["put"].as_u64().expect("a number");
    let there = in_stream(&kinesis).await.len() as u64;
    assert!(said > 0 && said <= there && there < 8_000, "{said} said, {there} there");

    let mut started = essink(&args(&url, &[&file]));
    started.stdout(Stdio::piped()).stderr(Stdio::null());
    let child = started.spawn().expect("essink starts");
    until("some of it is put", || async { in_stream(&kinesis).await.len() as u64 > there }).await;
    let pid = child.id().expect("still running").to_string();
    Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("in time").expect("waited for");
    assert_eq!(output.status.code(), Some(75));
    let did: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert!(did["put"].as_u64().is_some_and(|put| put > 0 && put < 8_000), "what is under way is finished: {did}");
}
