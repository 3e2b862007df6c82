use std::io::Write;
use std::path::PathBuf;

use super::*;
use crate::event::clock::ClockBounds;
use crate::event::scan::ScanLimits;
use crate::event::time::Millis;
use crate::event::unwrap::Rules;
use crate::kinesis::put::Item;

fn look(path: Option<&str>) -> Look {
    let clock = ClockBounds { lag: 604_800_000, lead: 3_600_000 };
    let rules = Rules {
        scan: ScanLimits { depth: 100, keys: 10_000 },
        inflated: 1 << 20,
        values: 10_000,
        clock,
        redaction: None,
    };
    let path = path.map(|path| path.split('.').map(str::to_owned).collect());
    Look::new(rules, path, Millis(1_790_000_000_000))
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

/// What comes out of files with these contents, and what was counted.
async fn read(files: &[Vec<u8>], largest: usize) -> (Vec<Vec<Item>>, Arc<Counts>, bool) {
    let dir = tempfile::tempdir().unwrap();
    let write = |(n, content): (usize, &Vec<u8>)| {
        let path = dir.path().join(format!("file-{n}"));
        std::fs::write(&path, content).unwrap();
        PutInput::File(path)
    };
    let inputs: Vec<PutInput> = files.iter().enumerate().map(write).collect();
    let (counts, (out, mut taken)) = (Arc::new(Counts::default()), mpsc::channel(1));
    let reader = Reader::new(look(None), largest, out, counts.clone());
    let reading = tokio::task::spawn_blocking(move || reader.run(inputs));
    let mut batches = Vec::new();
    while let Some(batch) = taken.recv().await {
        batches.push(batch);
    }
    (batches, counts, reading.await.unwrap())
}

fn texts(batches: &[Vec<Item>]) -> Vec<String> {
    batches.iter().flatten().map(|item| String::from_utf8(item.data.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn values_of_every_form_come_as_they_were_and_in_their_order() {
    let files = [
        b"{\"a\":1}\n{\"a\":2}\n".to_vec(),
        b"[{\"a\":3},\n {\"a\" : 4}]".to_vec(),
        gzip(b"{\n \"a\": 5\n}{\"a\":6}"),
        [gzip(b"{\"a\":7}\n"), gzip(b"{\"a\":8}\n")].concat(),
        Vec::new(),
    ];
    let (batches, counts, all) = read(&files, 1 << 20).await;
    let expected = [
        "{\"a\":1}",
        "{\"a\":2}",
        "{\"a\":3}",
        "{\"a\" : 4}",
        "{\n \"a\": 5\n}",
        "{\"a\":6}",
        "{\"a\":7}",
        "{\"a\":8}",
    ];
    assert_eq!(texts(&batches), expected);
    assert!(all && counts.complaint().is_none());
    assert_eq!(counts.so_far(), (8, expected.iter().map(|text| text.len() as u64).sum(), 0));
}

#[tokio::test]
async fn what_is_broken_holds_back_the_rest_of_its_file_and_no_other_file() {
    let whole = gzip(&b"{\"z\":1}".repeat(20_000));
    let files = [
        b"{\"a\":1}\n{\"b\":\n{\"c\":1}\n".to_vec(),
        b"{\"d\":1}".to_vec(),
        whole[..whole.len() - 12].to_vec(),
        b"{\"e\":1}".to_vec(),
    ];
    let (batches, counts, all) = read(&files, 1 << 20).await;
    let found = texts(&batches);
    let others: Vec<_> = found.iter().filter(|text| !text.contains('z')).collect();
    assert_eq!(others, ["{\"a\":1}", "{\"d\":1}", "{\"e\":1}"]);
    assert!(found.len() > 10_000, "what came before the fault of the gzip: {}", found.len());
    assert!(all && counts.complaint().unwrap().starts_with("2 files are not JSON to their end;"));
}

#[tokio::test]
async fn what_does_not_fit_is_left_out_and_the_others_go_on() {
    let (batches, counts, _) = read(&[b"{\"a\":1}{\"a\":\"12345678901234567890\"}{\"a\":2}".to_vec()], 40).await;
    assert_eq!(texts(&batches), ["{\"a\":1}", "{\"a\":2}"], "the digest that is the key has 32 bytes");
    assert!(counts.complaint().unwrap().starts_with("1 values are larger"));
}

#[tokio::test]
async fn batches_are_small_and_hold_everything() {
    let text: String = (0..30_000).map(|n| format!("{{\"n\":{n},\"fill\":\"{}\"}}\n", "x".repeat(60))).collect();
    let (batches, _, _) = read(&[gzip(text.as_bytes()), text.clone().into_bytes()], 1 << 20).await;
    assert_eq!(texts(&batches).join("\n"), [text.trim_end(), text.trim_end()].join("\n"));
    for batch in &batches {
        let bytes: usize = batch.iter().map(|item| item.data.len()).sum();
        assert!(bytes <= 300 << 10, "{bytes}");
    }
}

#[test]
fn a_value_is_keyed_by_what_was_asked_for_else_by_its_message_else_by_itself() {
    let check = |path: Option<&str>, value: &str, key: Option<&str>| {
        let seen = look(path).at(&value.to_owned().into());
        // Expected: the digest of the value, by its definition.
        let digest = format!("{:032x}", crate::kinesis::put::shards::hash_key(value));
        assert_eq!(seen.key, key.unwrap_or(&digest), "{value}");
    };
    let delivered =
        r#"{"eventType":"Delivery","mail":{"timestamp":"2026-11-21T08:00:00.000Z","messageId":"m-1"},"delivery":{}}"#;
    check(None, delivered, Some("m-1"));
    check(Some("eventType"), delivered, Some("Delivery"));
    check(Some("mail.messageId"), delivered, Some("m-1"));
    check(Some("mail.none"), delivered, Some("m-1"));
    check(Some("mail"), delivered, Some("m-1"));
    check(None, "{\"a\":1}", None);
    check(Some("a"), "{\"a\":17}", Some("17"));
    check(Some("a"), "{\"a\":\"\"}", None);
    check(Some("a"), "{\"a\":true}", None);
    check(Some("a.b"), "{\"a\":[1]}", None);
    // Several in one value: the first message's.
    let both = [delivered.to_owned(), delivered.replace("m-1", "m-2")];
    let messages = both.map(|body| serde_json::json!({"eventSource": "aws:sqs", "messageId": "q", "body": body}));
    check(None, &serde_json::json!({"Records": messages}).to_string(), Some("m-1"));
    let row = |id: &str| {
        format!(
            r#"{{"msys":{{"message_event":{{"type":"delivery","event_id":"1","timestamp":"1795248000","message_id":"{id}"}}}}}}"#
        )
    };
    check(None, &row("b-1"), Some("b-1"));
}

#[test]
fn what_a_worker_would_make_of_a_value_is_known() {
    let seen = look(None).at(&"{\"a\":1,\"a\":2}".into());
    assert!(seen.poison.unwrap().contains("duplicate key") && seen.events.is_empty());
    let seen = look(None).at(&"\"text\"".into());
    assert!(seen.poison.unwrap().contains("not_an_object"));
    let seen = look(None).at(&"{\"a\":1}".into());
    assert_eq!(
        (seen.poison, seen.events.into_iter().collect::<Vec<_>>()),
        (None, vec![(crate::event::family::Family::Unrecognized, 1)])
    );
}

#[test]
fn what_cannot_be_read_is_known_before_anything_is_put() {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path().join("there");
    std::fs::write(&there, "{}").unwrap();
    let file = |path: &Path| PutInput::File(path.to_owned());
    let standard = || PutInput::Standard;
    assert_eq!(inputs(&[], false).unwrap(), [standard()]);
    assert_eq!(inputs(&[file(&there), standard()], false).unwrap(), [file(&there), standard()]);
    assert_eq!(inputs(&[file(&there)], true).unwrap(), [file(&there)]);
    let refused = |given: &[PutInput], terminal| inputs(given, terminal).unwrap_err().to_string();
    assert!(refused(&[], true).contains("pipe something in"));
    assert!(refused(&[standard(), standard()], false).contains("2 times"));
    let missing = refused(&[file(&PathBuf::from("/no/such")), file(&there), file(dir.path())], false);
    assert!(missing.contains("nothing was put: /no/such:") && missing.contains("is a directory"), "{missing}");
}
