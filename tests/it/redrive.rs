//! Dead letters that operators mend: listed, shown, sent again, and gone when their events have settled.

use std::collections::BTreeSet;
use std::sync::Arc;

use essink::dead_letter::{Head, Whole, to_line};
use essink::event::time::Millis;
use essink::pipeline::op::{Letter, Origin, RecordRef};
use essink::pipeline::position::Sequence;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::s3::S3;
use testkit::search::{Server, shared};

use crate::support::*;

/// The day of the events below.
const INDEX: &str = "pinpoint-2026-09-21";
/// 2026-11-21T00:00:00.005Z.
const ARRIVED: i64 = 1_795_219_200_005;

fn event(n: usize) -> String {
    format!(
        r#"{{"event_type":"x","event_version":"3.1","awsAccountId":"1","arrival_timestamp":1790000000000,"n":{n}}}"#
    )
}

/// `essink dead-letters …` on one cluster and one store.
struct Letters<'a> {
    search: &'a Server,
    store: Vec<String>,
}

impl Letters<'_> {
    fn args(&self, words: &str) -> Vec<String> {
        let mut args = vec!["dead-letters".to_owned()];
        args.extend(words.split(' ').map(str::to_owned));
        args.extend(["--opensearch-url".to_owned(), self.search.url().to_owned()]);
        args.extend(self.store.clone());
        args
    }

    async fn run(&self, words: &str) -> Done {
        let args = self.args(words);
        finish(essink(&args.iter().map(String::as_str).collect::<Vec<_>>())).await
    }

    async fn json(&self, words: &str) -> Value {
        let done = self.run(&format!("{words} --json")).await.expect(0, &[]);
        serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("no JSON: {}", done.out))
    }

    /// Reason, count, most tries and newest id of each group.
    async fn groups(&self) -> Vec<(String, u64, u64, String)> {
        let listing = self.json("list").await;
        let group = |g: &Value| {
            let text = |name: &str| g[name].as_str().expect(name).to_owned();
            let number = |name: &str| g[name].as_u64().expect(name);
            (text("reason"), number("letters"), number("tries"), text("example"))
        };
        listing["groups"].as_array().expect("groups").iter().map(group).collect()
    }

    async fn counts(&self) -> Vec<(String, u64, u64)> {
        self.groups().await.into_iter().map(|(reason, n, tries, _)| (reason, n, tries)).collect()
    }
}

fn counts(expected: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
    expected.iter().map(|(reason, n, tries)| ((*reason).to_owned(), *n, *tries)).collect()
}

/// Five events that the index refuses and a record that is none become letters; the index is mended; the events come
/// in, their letters go, and nothing is there twice.
async fn letters_are_mended(search: &Server, store: &[&str]) {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 1).await.expect("stream");
    let put: Vec<_> = (0..5).map(|n| ("k".to_owned(), event(n).into_bytes())).collect();
    kinesis.client().put_records("s", &put).await.expect("put");
    kinesis.client().put_records("s", &[("k".to_owned(), b"\x1b[2Jno event".to_vec())]).await.expect("put");
    let strict = json!({"mappings": {"dynamic": "strict", "properties": {"@timestamp": {"type": "date"}}}});
    search.send(Method::PUT, &format!("/{INDEX}"), &strict).await.expect("an index with a wrong mapping");
    catch_up(&kinesis, search, "s", store).await.expect(0, &[]);

    let letters = Letters { search, store: store.iter().map(|&word| word.to_owned()).collect() };
    assert_eq!(letters.counts().await, counts(&[("not_json", 1, 0), ("refused", 5, 0)]));
    let listing = letters.json("list --reason refused").await;
    let group = &listing["groups"][0];
    assert_eq!((&group["index"], &group["family"]), (&json!(INDEX), &json!("pinpoint")), "{listing}");
    assert_eq!(group["day"].as_str(), listing["newest"].as_str().map(|time| &time[..10]));
    let example = group["example"].as_str().expect("an id");
    let shown = letters.run(&format!("show {example}")).await.expect(0, &[]);
    let is_shown = (0..5).any(|n| shown.out.contains(&event(n)));
    assert!(is_shown && shown.out.contains("strict_dynamic_mapping_exception"), "{}", shown.out);
    assert!(!shown.err.contains("awsAccountId"), "the log holds no event: {}", shown.err);
    letters.run("show no-such-id").await.expect(64, &["no-such-id"]);

    let plan = letters.json("redrive --dry-run").await;
    assert_eq!((&plan["letters"], &plan["events"]), (&json!(6), &json!({INDEX: 5})), "{plan}");
    assert_eq!(letters.counts().await, counts(&[("not_json", 1, 0), ("refused", 5, 0)]), "a dry run changes nothing");

    // Nothing has been mended yet.
    let done = letters.json("redrive --replicas 0").await;
    assert_eq!((&done["removed"], &done["refused_again"]), (&json!(0), &json!(6)), "{done}");
    assert_eq!(letters.counts().await, counts(&[("not_json", 1, 1), ("refused", 5, 1)]));
    assert_eq!(count(search, INDEX).await, 0);

    search.send(Method::PUT, &format!("/{INDEX}/_mapping"), &json!({"dynamic": true})).await.expect("mended");
    let done = letters.json("redrive --replicas 0 --reason refused --limit 2").await;
    assert_eq!((&done["letters"], &done["removed"]), (&json!(2), &json!(2)), "{done}");
    let done = letters.json("redrive --replicas 0 --index pinpoint-2026-09-*").await;
    assert_eq!((&done["letters"], &done["removed"]), (&json!(3), &json!(3)), "{done}");
    assert_eq!(count(search, INDEX).await, 5);
    assert_eq!(letters.counts().await, counts(&[("not_json", 1, 1)]));

    let done = letters.json("redrive --replicas 0").await;
    assert_eq!((&done["letters"], &done["refused_again"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(letters.counts().await, counts(&[("not_json", 1, 2)]));
    assert_eq!((count(search, INDEX).await, count(search, "unrecognized-*").await), (5, 0));
    // A terminal would obey these bytes: they come as hex.
    let (.., id) = letters.groups().await.remove(0);
    let shown = letters.run(&format!("show {id}")).await.expect(0, &[]);
    assert!(shown.out.contains("1b 5b 32 4a 6e 6f") && !shown.out.contains('\u{1b}'), "{}", shown.out);
}

#[tokio::test]
async fn letters_in_the_cluster_are_mended() {
    let search = shared().lease().await.expect("OpenSearch");
    letters_are_mended(&search, &["--dead-letters", "index"]).await;
}

#[tokio::test]
async fn letters_in_a_directory_are_mended() {
    let search = shared().lease().await.expect("OpenSearch");
    let dir = tempfile::tempdir().expect("a directory");
    let store = format!("dir:{}", dir.path().join("letters").display());
    letters_are_mended(&search, &["--dead-letters", &store]).await;
    assert_eq!(count(&search, "essink-dead-letters-*").await, 0, "nothing of it is in the cluster");
}

#[tokio::test]
async fn letters_in_a_bucket_are_mended() {
    let search = shared().lease().await.expect("OpenSearch");
    let s3 = S3::start(&["bucket"]).expect("S3");
    let store = ["--dead-letters", "s3://bucket/some/letters", "--s3-endpoint-url", &s3.url()];
    letters_are_mended(&search, &store).await;
    let keys = s3.keys("bucket");
    let of_hour = |key: &String| {
        let path = key.strip_prefix("some/letters/").unwrap_or_default();
        path.len() > 14
            && path.as_bytes()[..14].iter().enumerate().all(|(n, b)| [4, 7, 10, 13].contains(&n) == (*b == b'/'))
    };
    assert!(keys.len() == 1 && keys.iter().all(of_hour), "one letter is left, under the hour it arrived: {keys:?}");
}

/// Lines of letters, each an event of its own.
fn exported(n: usize) -> Vec<u8> {
    let letter = |n: usize| {
        let source = RecordRef {
            origin: Origin { slot: 0, serial: 0 },
            shard: "shardId-000000000000".into(),
            sequence: Arc::new(Sequence::from(n as u64)),
            sub_sequence: None,
            arrived: Millis(ARRIVED + n as i64),
            wrapped: None,
        };
        let bytes = event(n).into();
        let letter = Letter {
            reason: "refused",
            detail: "a test".into(),
            index: Some(INDEX.into()),
            id: None,
            offset: 0,
            bytes,
            source,
        };
        to_line(&Whole { head: Head::of(&letter, None), bytes: letter.bytes.clone() }).expect("a line")
    };
    (0..n).flat_map(letter).collect()
}

#[tokio::test]
async fn kill_nine_amid_a_redrive_loses_nothing_and_doubles_nothing() {
    const N: usize = 3_000;
    let search = shared().lease().await.expect("OpenSearch");
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("export.ndjson");
    std::fs::write(&file, exported(N)).expect("written");
    let letters = Letters { search: &search, store: vec!["--dead-letters".into(), "index".into()] };
    finish(essink(&["init-templates", "--replicas", "0", "--opensearch-url", search.url()])).await.expect(0, &[]);
    let imported = letters.json(&format!("import {}", file.display())).await;
    assert_eq!((&imported["new"], &imported["unreadable"]), (&json!(N), &json!(0)));

    let mut killed = 0;
    for round in 1..=2 {
        let args = letters.args("redrive --replicas 0 --in-flight 1 --flush-count 50 --checkpoint-interval 100ms");
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut redrive = start(&args, &dir.path().join(format!("{round}.log")));
        let enough = (round * N / 5) as u64;
        until("some events are indexed", || async { count(&search, INDEX).await >= enough }).await;
        killed += u32::from(redrive.try_wait().expect("can be asked").is_none());
        redrive.kill().await.expect("killed");
        let indexed: BTreeSet<u64> = numbers(&search, INDEX).await;
        let left: u64 = letters.counts().await.iter().map(|(_, n, _)| n).sum();
        assert!(indexed.len() as u64 + left >= N as u64, "{} indexed and {left} left", indexed.len());
    }
    assert_eq!(killed, 2, "it died in the middle of the work");
    letters.run("redrive --replicas 0").await.expect(0, &[]);
    assert_eq!(letters.counts().await, []);
    assert_eq!(count(&search, INDEX).await, N as u64);
    assert_eq!(numbers(&search, INDEX).await, (0..N as u64).collect());
}

/// The numbers of the events in an index.
async fn numbers(search: &Server, index: &str) -> BTreeSet<u64> {
    documents(search, index).await.iter().map(|hit| hit["_source"]["n"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn an_export_goes_into_every_store_and_comes_out_the_same() {
    let search = shared().lease().await.expect("OpenSearch");
    let (s3, dir) = (S3::start(&["bucket"]).expect("S3"), tempfile::tempdir().expect("a directory"));
    finish(essink(&["init-templates", "--replicas", "0", "--opensearch-url", search.url()])).await.expect(0, &[]);
    let mut all = exported(3);
    // What is no text, and what is larger than one document of the cluster may be.
    for bytes in [b"\xff\x00\n".to_vec(), noise(9 << 20)] {
        let source = RecordRef {
            origin: Origin { slot: 0, serial: 0 },
            shard: "s".into(),
            sequence: Arc::new(Sequence::from(7)),
            sub_sequence: Some(3),
            arrived: Millis(ARRIVED),
            wrapped: None,
        };
        let letter = Letter {
            reason: "not_json",
            detail: "…".into(),
            index: None,
            id: None,
            offset: 9,
            bytes: bytes.into(),
            source,
        };
        let mut head = Head::of(&letter, Some("arn"));
        head.tries = 2;
        head.first_reason = Some("refused".into());
        all.extend(to_line(&Whole { head, bytes: letter.bytes }).expect("a line"));
    }
    let sorted = |text: &[u8]| {
        text.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect::<BTreeSet<_>>()
    };
    let (first, endpoint) = (dir.path().join("first.ndjson"), s3.url());
    std::fs::write(&first, &all).expect("written");
    let store = format!("dir:{}", dir.path().join("letters").display());
    for store in [
        vec!["--dead-letters", "index"],
        vec!["--dead-letters", &store],
        vec!["--dead-letters", "s3://bucket/x", "--s3-endpoint-url", &endpoint],
    ] {
        let letters = Letters { search: &search, store: store.iter().map(|&word| word.to_owned()).collect() };
        let once = letters.json(&format!("import {}", first.display())).await;
        assert_eq!((&once["letters"], &once["new"]), (&json!(5), &json!(5)), "{store:?}");
        let twice = letters.json(&format!("import {}", first.display())).await;
        assert_eq!((&twice["letters"], &twice["new"]), (&json!(5), &json!(0)), "{store:?}");
        let out = letters.run("export").await.expect(0, &[]).out;
        assert!(sorted(out.as_bytes()) == sorted(&all), "{store:?} gives back something else");
        assert_eq!(letters.counts().await, counts(&[("not_json", 2, 2), ("refused", 3, 0)]), "{store:?}");
    }
    // One document of the large letter goes away: that is an error of this letter, and not of the others.
    let query = json!({"query": {"term": {"part": 1}}});
    search.send(Method::POST, "/essink-dead-letters-*/_delete_by_query?refresh=true", &query).await.expect("deleted");
    let letters = Letters { search: &search, store: vec!["--dead-letters".into(), "index".into()] };
    let done = letters.json("redrive --replicas 0").await;
    assert_eq!((&done["letters"], &done["removed"], &done["unreadable"]), (&json!(4), &json!(3), &json!(1)), "{done}");
    letters.run("export").await.expect(69, &["misses the part"]);
    let bad = dir.path().join("bad.ndjson");
    std::fs::write(&bad, b"{\"letter\":1}\n").expect("written");
    letters.run(&format!("import {}", bad.display())).await.expect(64, &["line 1"]);
    letters.run("import /no/such/file").await.expect(64, &["/no/such/file"]);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_named_with_the_cure() {
    let s3 = S3::start(&[]).expect("S3");
    let endpoint = s3.url();
    finish(essink(&["dead-letters", "list", "--dead-letters", "dir:/no/such/directory"]))
        .await
        .expect(64, &["/no/such/directory"]);
    let list = ["dead-letters", "list", "--dead-letters", "s3://nobody/x", "--s3-endpoint-url", &endpoint];
    finish(essink(&list)).await.expect(69, &["nobody", "does not exist"]);
    let mut stranger = essink(&list);
    stranger.env("AWS_SECRET_ACCESS_KEY", "wrong");
    finish(stranger).await.expect(69, &["credentials"]);
    let mut by_variable = essink(&list[..4]);
    by_variable.env("AWS_ENDPOINT_URL_S3", &endpoint);
    finish(by_variable).await.expect(69, &["nobody", "does not exist"]);
    finish(essink(&["dead-letters", "list", "--dead-letters", "s3://B"])).await.expect(64, &["s3://BUCKET/PREFIX"]);
}
