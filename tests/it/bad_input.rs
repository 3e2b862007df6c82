//! Records that are wrong in every way: each ends as an event or as a dead letter with its reason.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::kpl::{Break, UserRecord, broken};
use testkit::search::shared;

use crate::support::*;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(data).expect("memory takes it");
    out.finish().expect("memory takes it")
}

fn event(more: &str) -> String {
    format!(r#"{{"event_type":"x","event_version":"3.1","awsAccountId":"1","arrival_timestamp":1790000000000{more}}}"#)
}

/// What was put, and the reason it must be dead-lettered for; `None` when it must be indexed.
fn records() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let deep = format!(r#","a":{}{}"#, "[".repeat(10_000), "]".repeat(10_000));
    let users = [UserRecord::new("k", event(r#","user":1"#))];
    let mut all = vec![
        (b"\xff\xfe not UTF-8".to_vec(), Some("not_json")),
        ([event("").as_bytes(), b"\n{\"a\":\"\xff\"}"].concat(), Some("unsafe_json")),
        (gzip(b"{\"a\":1}")[..15].to_vec(), Some("bad_gzip")),
        // 40 MB of blanks in some 40 kB.
        (gzip(&vec![b' '; 40 << 20]), Some("too_large")),
        (event(&deep).into_bytes(), Some("unsafe_json")),
        (event(r#","a":1,"a":2"#).into_bytes(), Some("unsafe_json")),
        (event(r#","a":1e400"#).into_bytes(), Some("unsafe_json")),
        (b"42".to_vec(), Some("not_an_object")),
        (b"\"text\"".to_vec(), Some("not_an_object")),
        (b"\xef\xbb\xbf{}".to_vec(), Some("not_json")),
        (b"{\"event_type\":\"x\"".to_vec(), Some("not_json")),
        // The mapping knows `session` as an object: the cluster refuses the document, and takes it degraded.
        (event(r#","session":"text""#).into_bytes(), None),
        (event(r#","_id":"mine","_index":"theirs""#).into_bytes(), None),
        (event(r#","attributes":{"a.b":"1","a":"2","":"3"}"#).into_bytes(), None),
        (event(&format!(r#","attributes":{{"long":"{}"}}"#, "한".repeat(33_000))).into_bytes(), None),
        (Vec::new(), None),
        (b" \n\t".to_vec(), None),
    ];
    let kpl = |how: &Break| (broken(&users, *how), Some("bad_kpl"));
    all.extend(Break::ALL.iter().map(kpl));
    all
}

#[tokio::test]
async fn bad_records_are_dead_lettered_whole_and_the_good_ones_go_on() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("bad", 1).await.expect("stream");
    let all = records();
    let put: Vec<_> = all.iter().map(|(data, _)| ("k".to_owned(), data.clone())).collect();
    kinesis.client().put_records("bad", &put).await.expect("put");
    catch_up(&kinesis, &search, "bad", &[]).await.expect(0, &[]);

    let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter().filter_map(|(_, reason)| *reason).for_each(|reason| *expected.entry(reason).or_default() += 1);
    let letters = documents(&search, "essink-dead-letters-*").await;
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    letters.iter().for_each(|l| *found.entry(l["_source"]["reason"].as_str().expect("a reason")).or_default() += 1);
    assert_eq!(found, expected);
    for letter in &letters {
        let source = &letter["_source"];
        assert!(source["sequence"].is_string() && source["shard"].is_string());
        let arrived = chrono::DateTime::from_timestamp_millis(source["arrived"].as_i64().expect("a time"));
        assert_eq!(letter["_index"], format!("essink-dead-letters-{}", arrived.expect("in range").date_naive()));
    }
    let whole = |text: &str| letters.iter().any(|l| l["_source"]["raw"] == text);
    assert!(whole("{\"event_type\":\"x\"") && whole("42"), "kept as they came");
    // Three good ones of their own, a degraded one, and the good half of the record with bad UTF-8.
    assert_eq!(count(&search, "pinpoint-2026-09-21").await, 5);

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
