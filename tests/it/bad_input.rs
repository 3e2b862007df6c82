//! Records that are wrong in every way: each ends as an event or as a dead letter with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::kinesis::Kinesis;
use testkit::kpl::{Break, UserRecord, aggregate, broken};
use testkit::search::shared;

use crate::support::*;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(data).expect("memory takes it");
    out.finish().expect("memory takes it")
}

/// 2026-09-21.
const STAMP: i64 = 1_790_000_000_000;
/// A day later. Its index takes no document of ours at all, not even a degraded one.
const STAMP_OF_REFUSED: i64 = STAMP + 86_400_000;

fn event(more: &str) -> String {
    stamped(STAMP, more)
}

fn stamped(at: i64, more: &str) -> String {
    format!(r#"{{"event_type":"x","event_version":"3.1","awsAccountId":"1","arrival_timestamp":{at}{more}}}"#)
}

/// A stretch of a record that must be dead-lettered.
struct Bad {
    reason: &'static str,
    bytes: Vec<u8>,
    offset: usize,
    sub_sequence: Option<u32>,
}

/// A record, what of it must be dead-lettered, and how many events of it must be indexed.
struct Put {
    data: Vec<u8>,
    bad: Vec<Bad>,
    n_good: u64,
}

fn good(data: impl Into<Vec<u8>>, n_good: u64) -> Put {
    Put { data: data.into(), bad: Vec::new(), n_good }
}

/// The whole record is dead-lettered.
fn bad(data: impl Into<Vec<u8>>, reason: &'static str) -> Put {
    let data = data.into();
    let bytes = data.clone();
    Put { data, bad: vec![Bad { reason, bytes, offset: 0, sub_sequence: None }], n_good: 0 }
}

/// `bytes` of the record are dead-lettered, beside `n_good` good events.
fn partly(data: Vec<u8>, n_good: u64, reason: &'static str, offset: usize, bytes: impl Into<Vec<u8>>) -> Put {
    Put { data, bad: vec![Bad { reason, bytes: bytes.into(), offset, sub_sequence: None }], n_good }
}

fn records() -> Vec<Put> {
    let deep = format!(r#","a":{}{}"#, "[".repeat(10_000), "]".repeat(10_000));
    // Distinct, so that each is a document of its own.
    let event_n = |n: usize| event(&format!(r#","n":{n}"#));
    let not_utf8 = b"{\"a\":\"\xff\"}";
    let (first, third) = (event_n(1), event_n(3));
    let zipped = format!("{} 5 {}", event_n(4), event_n(5));
    let (whole, torn) = (gzip(event_n(6).as_bytes()), &gzip(event_n(7).as_bytes())[..40]);
    let mut all = vec![
        bad(&b"\xff\xfe not UTF-8"[..], "not_json"),
        partly([first.as_bytes(), b"\n", not_utf8].concat(), 1, "unsafe_json", first.len() + 1, &not_utf8[..]),
        bad(&gzip(b"{\"a\":1}")[..15], "bad_gzip"),
        // 40 MB of blanks in some 40 kB.
        bad(gzip(&vec![b' '; 40 << 20]), "too_large"),
        // The offset of what is readable after inflating is one in the inflated data, of what is not in the record's.
        partly(gzip(zipped.as_bytes()), 2, "not_an_object", event_n(4).len() + 1, "5"),
        partly([&whole[..], b"\n", torn].concat(), 1, "bad_gzip", whole.len() + 1, torn),
        bad(event(&deep), "unsafe_json"),
        bad(event(r#","a":1,"a":2"#), "unsafe_json"),
        bad(event(r#","a":1e400"#), "unsafe_json"),
        bad("42", "not_an_object"),
        bad("\"text\"", "not_an_object"),
        bad("\u{feff}{}", "not_json"),
        bad("{\"event_type\":\"x\"", "not_json"),
        partly(format!("{third}nonsense{first}").into_bytes(), 1, "not_json", third.len(), format!("nonsense{first}")),
        refused(),
        aggregated(),
        // The mapping knows `session` as an object: refused whole, indexed degraded.
        good(event(r#","session":"text""#), 1),
        good(event(r#","_id":"mine","_index":"theirs""#), 1),
        good(event(r#","attributes":{"a.b":"1","a":"2","":"3"}"#), 1),
        good(event(&format!(r#","attributes":{{"long":"{}"}}"#, "한".repeat(33_000))), 1),
        good("", 0),
        good(" \n\t", 0),
    ];
    let users = [UserRecord::new("k", event(r#","user":1"#))];
    all.extend(Break::ALL.iter().map(|how| bad(broken(&users, *how), "bad_kpl")));
    all
}

/// The mapping knows `session` as an object: the cluster refuses the document, however the event is wrapped.
fn refused() -> Put {
    let (before, it) = (event(r#","n":10"#), stamped(STAMP_OF_REFUSED, ""));
    partly(format!("{before}\n{it}\n").into_bytes(), 1, "refused", before.len() + 1, it)
}

fn aggregated() -> Put {
    let refused = stamped(STAMP_OF_REFUSED, r#","n":1"#);
    let users = [event(r#","n":11"#), "[7".to_owned(), event(r#","n":12"#), format!(" {refused}")];
    let data = aggregate(&users.map(|user| UserRecord::new("k", user)));
    let broken = Bad { reason: "not_an_object", bytes: b"7".to_vec(), offset: 1, sub_sequence: Some(1) };
    let open = Bad { reason: "not_json", bytes: Vec::new(), offset: 2, sub_sequence: Some(1) };
    let refused = Bad { reason: "refused", bytes: refused.into_bytes(), offset: 1, sub_sequence: Some(3) };
    Put { data, bad: vec![broken, open, refused], n_good: 2 }
}

/// The bytes that a letter keeps.
fn kept(source: &Value) -> Vec<u8> {
    if let Some(text) = source["raw"].as_str() {
        return text.as_bytes().to_vec();
    }
    let packed = STANDARD.decode(source["raw_gzip"].as_str().expect("a text")).expect("base64");
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut bytes).expect("gzip");
    bytes
}

/// The id of a refused event, as docs say it is made.
fn id_of(event: &[u8]) -> String {
    let stamp = STAMP_OF_REFUSED.to_be_bytes();
    URL_SAFE_NO_PAD.encode([&stamp[2..], &Sha256::digest(event)[..10]].concat())
}

/// Checks every letter against what was put, record by record, and that each says where it came from.
fn check_letters(letters: &[Value], put: &[Put]) {
    let mut sources: Vec<&Value> = letters.iter().map(|letter| &letter["_source"]).collect();
    // One shard: its records are in the order they were put, and a longer number is a larger one.
    let sequence = |source: &Value| source["sequence"].as_str().expect("a sequence number").to_owned();
    sources.sort_by_key(|s| {
        let sequence = sequence(s);
        (sequence.len(), sequence, s["sub_sequence"].as_u64(), s["offset"].as_u64())
    });
    let expected: Vec<(usize, &Bad)> =
        put.iter().enumerate().flat_map(|(n, put)| put.bad.iter().map(move |bad| (n, bad))).collect();
    assert_eq!(sources.len(), expected.len());
    let mut of_record: BTreeMap<usize, String> = BTreeMap::new();
    for (source, (n, bad)) in sources.into_iter().zip(expected) {
        let what = format!("record {n}, {}", bad.reason);
        assert_eq!(source["reason"], bad.reason, "{what}");
        assert!(kept(source) == bad.bytes, "{what}: other bytes are kept than were put");
        assert_eq!((&source["size"], &source["offset"]), (&json!(bad.bytes.len()), &json!(bad.offset)), "{what}");
        assert_eq!(source["sub_sequence"].as_u64(), bad.sub_sequence.map(u64::from), "{what}");
        let meant = (bad.reason == "refused").then(|| ("pinpoint-2026-09-22".to_owned(), id_of(&bad.bytes)));
        let said = source["index"].as_str().map(|i| (i.to_owned(), source["id"].as_str().expect("an id").to_owned()));
        assert_eq!(said, meant, "{what}");
        assert_eq!(source["shard"], "shardId-000000000000", "{what}");
        let first = of_record.entry(n).or_insert_with(|| sequence(source));
        assert_eq!(*first, sequence(source), "{what}: one record, one sequence number");
    }
    let sequences: BTreeSet<&String> = of_record.values().collect();
    assert_eq!(sequences.len(), of_record.len(), "every record has its own");
}

#[tokio::test]
async fn bad_records_are_dead_lettered_whole_and_the_good_ones_go_on() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("bad", 1).await.expect("stream");
    let all = records();
    for record in &all {
        kinesis.client().put_records("bad", &[("k".to_owned(), record.data.clone())]).await.expect("put");
    }
    let wrong =
        json!({"settings": {"number_of_replicas": 0}, "mappings": {"properties": {"@timestamp": {"type": "integer"}}}});
    search.send(reqwest::Method::PUT, "/pinpoint-2026-09-22", &wrong).await.expect("made");
    catch_up(&kinesis, &search, "bad", &[]).await.expect(0, &[]);

    let letters = documents(&search, "essink-dead-letters-*").await;
    check_letters(&letters, &all);
    for letter in &letters {
        let arrived = chrono::DateTime::from_timestamp_millis(letter["_source"]["arrived"].as_i64().expect("a time"));
        assert_eq!(letter["_index"], format!("essink-dead-letters-{}", arrived.expect("in range").date_naive()));
    }
    assert_eq!(count(&search, "pinpoint-2026-09-21").await, all.iter().map(|put| put.n_good).sum::<u64>());

    // A second reading changes nothing: letters have ids of their bytes.
    let n = letters.len() as u64;
    catch_up(&kinesis, &search, "bad", &["--group", "second"]).await.expect(0, &[]);
    assert_eq!(count(&search, "essink-dead-letters-*").await, n);
}

#[tokio::test]
async fn dead_letters_can_go_to_files() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("bad", 1).await.expect("stream");
    let put = [("k".to_owned(), b"nonsense".to_vec()), ("k".to_owned(), event("").into_bytes())];
    kinesis.client().put_records("bad", &put).await.expect("put");
    let dir = tempfile::tempdir().expect("a directory");
    let to = format!("dir:{}", dir.path().display());
    let state = format!("file:{}", dir.path().join("state.json").display());
    catch_up(&kinesis, &search, "bad", &["--dead-letters", &to, "--state", &state]).await.expect(0, &[]);
    assert_eq!(count(&search, "pinpoint-*").await, 1);
    assert_eq!(count(&search, "essink-*").await, 0, "neither letters nor state in the cluster");
    let files: Vec<_> = std::fs::read_dir(dir.path()).expect("readable").map(|e| e.expect("entry").path()).collect();
    let letters = files.iter().find(|p| p.extension().is_some_and(|e| e == "ndjson")).expect("a file of letters");
    let line: Value = serde_json::from_slice(&std::fs::read(letters).expect("readable")).expect("one line of JSON");
    assert_eq!((&line["raw"], &line["reason"]), (&json!("nonsense"), &json!("not_json")));
    let again = catch_up(&kinesis, &search, "bad", &["--dead-letters", &to, "--state", &state]).await.expect(0, &[]);
    assert!(again.err.contains("\"events.already_there\":0"), "goes on from the file: {}", again.err);
}
