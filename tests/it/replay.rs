//! What Firehose left in S3 and in files, read as `run` would have read it.

use std::collections::BTreeSet;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::events::{Events, Plan};
use testkit::kinesis::Kinesis;
use testkit::s3::S3;
use testkit::search::{Server, shared};

use crate::support::*;

const UUID: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).expect("memory takes it");
    out.finish().expect("memory takes it")
}

/// As Firehose names it: of this hour on 2026-11-04.
fn key(prefix: &str, hour: u32, more: &str) -> String {
    format!("{prefix}2026/11/04/{hour:02}/pinpoint-1-2026-11-04-{hour:02}-30-00-{UUID}{more}")
}

fn args<'a>(search: &'a Server, from: &'a str, progress: &'a str) -> Vec<&'a str> {
    let mut args = vec!["replay", "--from", from, "--opensearch-url", search.url(), "--replicas", "0"];
    args.extend(["--progress", progress, "--json"]);
    args
}

async fn report(args: &[&str]) -> Value {
    let done = finish(essink(args)).await.expect(0, &[]);
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("no JSON: {}", done.out))
}

/// Index (less what it begins with) and id of every document.
async fn ids(search: &Server, prefix: &str) -> BTreeSet<(String, String)> {
    let text = |hit: &Value, name: &str| hit[name].as_str().expect(name).to_owned();
    let hits = documents(search, &format!("{prefix}*")).await;
    hits.iter().map(|hit| (text(hit, "_index").replace(prefix, ""), text(hit, "_id"))).collect()
}

fn plan(seed: u64, count: usize) -> Plan {
    let day = |text: &str| text.parse().expect("a date");
    Plan { enriched: false, ..Plan::days(seed, count, day("2026-11-01")..day("2026-11-04")) }
}

#[tokio::test]
async fn a_backup_and_error_objects_become_what_run_makes_of_the_same_events() {
    let search = shared().lease().await.expect("OpenSearch");
    let (kinesis, s3) = (Kinesis::start().await.expect("Kinesis"), S3::start(&["backup"]).expect("S3"));
    kinesis.client().create_stream("s", 2).await.expect("stream");
    let events: Vec<_> = Events::new(plan(3, 3_000)).collect();
    let put: Vec<_> = events.iter().map(|e| (e.partition_key.clone(), e.record())).collect();
    kinesis.client().put_records("s", &put).await.expect("put");
    catch_up(&kinesis, &search, "s", &["--pinpoint-prefix", "ran-"]).await.expect(0, &[]);
    let ran = ids(&search, "ran-").await;
    assert_eq!(ran.len(), 3_000);

    // The same bytes as Firehose leaves them: with newlines, without, compressed, and some of them twice.
    let lines: Vec<u8> = events[..1_000].iter().flat_map(|e| e.record()).collect();
    let joined: Vec<u8> = events[900..2_000].iter().flat_map(|e| e.bytes.clone()).collect();
    let members: Vec<u8> = events[2_000..2_900]
        .chunks(300)
        .flat_map(|some| gzip(&some.iter().flat_map(|e| e.record()).collect::<Vec<_>>()))
        .collect();
    s3.put("backup", &key("all/ü b+c=1/", 1, ""), &lines);
    s3.put("backup", &key("all/", 2, ""), &joined);
    s3.put("backup", &key("all/", 3, ".gz"), &members);
    let error = |record: &[u8], arrived: i64| {
        json!({"attemptsMade": 8, "arrivalTimestamp": arrived, "errorCode": "400", "errorMessage": "failed to parse",
               "attemptEndingTimestamp": arrived + 1, "esDocumentId": "49", "esIndexName": "pinpoint-2020-05-18",
               "rawData": STANDARD.encode(record)})
        .to_string()
    };
    // 2026-11-03T23:00:00Z: before the hour of the object's name.
    let arrived = 1_793_746_800_000;
    let failed: Vec<String> = events[2_900..].iter().map(|e| error(&e.record(), arrived)).collect();
    let other =
        [error(b"{\"odd\":1}", arrived), error(&gzip(b"{\"odd\":2}{\"odd\":3}\n"), arrived), error(b"\xff", arrived)];
    s3.put("backup", &key("all/failed_AmazonOpenSearchService_failed/", 4, ""), failed.join("\n").as_bytes());
    s3.put("backup", &key("all/failed_processing-failed/", 5, ""), other.concat().as_bytes());
    let broken = b"{\"odd\":4}\n{\"cut\":\n{\"odd\":5}";
    s3.put("backup", &key("all/", 6, ""), broken);
    s3.put("backup", "elsewhere/2026/11/04/07/x", b"{\"odd\":6}");

    let (dir, endpoint) = (tempfile::tempdir().expect("a directory"), s3.url());
    let progress = dir.path().join("progress").display().to_string();
    let mut command = args(&search, "s3://backup/all", &progress);
    command.extend(["--s3-endpoint-url", &endpoint]);
    let mut dry = command.clone();
    dry.push("--dry-run");
    let would = report(&dry).await;
    assert_eq!((&would["objects"], &would["told_by"]), (&json!(6), &json!({"stamp": 6})), "{would}");
    assert_eq!(would["hours"].as_object().expect("hours").len(), 6, "{would}");
    assert_eq!(count(&search, "pinpoint-*").await, 0, "a dry run writes nothing");

    let did = report(&command).await;
    assert_eq!((&did["objects"], &did["unreadable"]), (&json!(6), &json!(0)), "{did}");
    assert_eq!(ids(&search, "pinpoint-").await, ran, "the same documents in the same days");
    // Those without a time of their own have the arrival that Firehose recorded, or that the name tells.
    assert_eq!(count(&search, "unrecognized-2026-11-03").await, 3);
    assert_eq!(count(&search, "unrecognized-2026-11-04").await, 2);
    let letters = documents(&search, "essink-dead-letters-*").await;
    let mut places: Vec<_> = letters.iter().map(|l| l["_source"].clone()).collect();
    places.sort_by_key(|letter| letter["raw"].is_null());
    assert_eq!(places.len(), 2, "{places:?}");
    let cut = &places[0];
    assert_eq!((&cut["shard"], &cut["offset"]), (&json!(key("all/", 6, "")), &json!(10)), "{cut}");
    assert_eq!((&cut["stream"], &cut["raw"]), (&json!("s3://backup/all"), &json!("{\"cut\":\n")), "{cut}");
    assert_eq!(places[1]["arrived"], json!(arrived), "{places:?}");

    // Again: by what is written down nothing is read, and without it nothing changes.
    let again = report(&command).await;
    assert_eq!((&again["objects"], &again["settled_before"]), (&json!(0), &json!(6)), "{again}");
    let forgotten = dir.path().join("another").display().to_string();
    command.iter_mut().filter(|word| **word == progress).for_each(|word| *word = &forgotten);
    let again = report(&command).await;
    assert_eq!((&again["events"]["indexed"], &again["objects"]), (&json!(0), &json!(6)), "{again}");
    assert_eq!(ids(&search, "pinpoint-").await, ran);
    assert_eq!((count(&search, "unrecognized-*").await, count(&search, "essink-dead-letters-*").await), (5, 2));
}

#[tokio::test]
async fn kill_nine_amid_a_replay_goes_on_where_it_stopped() {
    const N: usize = 12_000;
    let search = shared().lease().await.expect("OpenSearch");
    let dir = tempfile::tempdir().expect("a directory");
    let from = dir.path().join("backup");
    let events: Vec<_> = Events::new(plan(4, N)).collect();
    for (hour, some) in (0..).zip(events.chunks(N / 6)) {
        let path = from.join(key("", hour, ".gz"));
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        std::fs::write(path, gzip(&some.iter().flat_map(|e| e.record()).collect::<Vec<_>>())).expect("written");
    }
    let (from, progress) = (from.display().to_string(), dir.path().join("progress").display().to_string());
    let mut slow = args(&search, &from, &progress);
    slow.extend(["--fetches", "2", "--in-flight", "1", "--flush-count", "100", "--checkpoint-interval", "100ms"]);
    let mut replay = start(&slow, &dir.path().join("log"));
    until("a good part is indexed", || async { count(&search, "pinpoint-*").await > N as u64 / 3 }).await;
    assert!(replay.try_wait().expect("can be asked").is_none(), "it still runs");
    replay.kill().await.expect("killed");
    let did = report(&args(&search, &from, &progress)).await;
    assert_eq!(count(&search, "pinpoint-*").await, N as u64, "{did}");
    let number = |name: &str| did["events"][name].as_u64().expect(name);
    assert!(number("indexed") + number("already_there") < N as u64, "what had settled was not sent again: {did}");
    assert_eq!((number("dead_lettered"), number("expired")), (0, 0), "{did}");
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_the_rest_is_read() {
    let search = shared().lease().await.expect("OpenSearch");
    let dir = tempfile::tempdir().expect("a directory");
    let from = dir.path().join("left");
    std::fs::create_dir_all(&from).expect("made");
    let whole = gzip(&(0..2_000).flat_map(|n| format!("{{\"odd\":{n}}}\n").into_bytes()).collect::<Vec<_>>());
    std::fs::write(from.join("1-cut.gz"), &whole[..whole.len() - 30]).expect("written");
    std::fs::write(from.join("2-table"), b"PAR1\x00\x00").expect("written");
    std::fs::write(from.join("3-good"), b"{\"odd\":-1}").expect("written");
    let (from, progress) = (from.display().to_string(), dir.path().join("progress").display().to_string());
    let done = finish(essink(&args(&search, &from, &progress))).await.expect(69, &["2-table", "Parquet"]);
    let did: Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!((&did["objects"], &did["unreadable"]), (&json!(2), &json!(1)), "{did}");
    let letters = documents(&search, "essink-dead-letters-*").await;
    let broken: Vec<_> = letters.iter().map(|l| &l["_source"]).filter(|l| l["reason"] == "bad_gzip").collect();
    assert_eq!(broken.len(), 1, "{letters:?}");
    assert!(broken[0]["shard"].as_str().is_some_and(|name| name.ends_with("1-cut.gz")), "{broken:?}");
    let n = count(&search, "unrecognized-*").await;
    assert!((1_900..2_001).contains(&n), "all of the good one, and what came before the cut: {n}");

    finish(essink(&args(&search, "/no/such/place", &progress))).await.expect(69, &["/no/such/place"]);
    finish(essink(&args(&search, "https://x", &progress))).await.expect(64, &["--from"]);
    let other = dir.path().join("other").display().to_string();
    std::fs::write(&other, "{\"odd\":3}").expect("written");
    finish(essink(&args(&search, &other, &progress))).await.expect(64, &["give another --progress"]);
}
