use super::*;
use crate::event::time::Millis;
use crate::pipeline::position::Sequence;

const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";

fn open(path: &Path) -> Result<FileStore, StoreError> {
    FileStore::open(path, ARN, "essink")
}

fn after(n: &str) -> Position {
    Position::After(Sequence::parse(n).unwrap())
}

fn halt<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Halt(words)) => words,
        other => panic!("not a halt: {other:?}"),
    }
}

#[tokio::test]
async fn positions_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let stored = [
        ("a".into(), after("49590338271490256608559692538361571095921575989136588898")),
        ("b".into(), Position::TrimHorizon),
        ("c".into(), Position::At(Millis(1_700_000_000_123))),
        ("d".into(), Position::End),
    ];
    let store = open(&path).unwrap();
    assert_eq!(store.load().await.unwrap(), BTreeMap::new());
    store.store(&stored[..2]).await.unwrap();
    store.store(&stored[2..]).await.unwrap();
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(store.load().await.unwrap(), BTreeMap::from(stored));
    let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["state.json", "state.json.lock"], "nothing else stays behind");
}

#[tokio::test]
async fn a_position_never_moves_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let store = open(&path).unwrap();
    store.store(&[("a".into(), after("10"))]).await.unwrap();
    store.store(&[("a".into(), after("9")), ("b".into(), after("1"))]).await.unwrap();
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(store.load().await.unwrap(), BTreeMap::from([("a".into(), after("10")), ("b".into(), after("1"))]));
}

#[tokio::test]
async fn a_second_worker_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let first = open(&path).unwrap();
    let words = halt(open(&path));
    assert!(words.contains("state.json is in use by another essink"), "{words}");
    drop(first);
    open(&path).unwrap();
}

#[tokio::test]
async fn the_file_of_another_group_or_stream_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let store = open(&path).unwrap();
    store.store(&[("a".into(), after("1"))]).await.unwrap();
    drop(store);
    let other_stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/other";
    for (stream, group) in [(ARN, "copy"), (other_stream, "essink")] {
        let words = halt(FileStore::open(&path, stream, group));
        assert!(words.contains("group `essink` on stream") && words.contains("own file"), "{words}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_understood_is_never_taken_for_an_empty_one() {
    async fn check(content: &str, why: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        std::fs::write(&path, content).unwrap();
        let words = halt(open(&path));
        assert!(words.contains("state.json cannot be understood") && words.contains(why), "{words:?}: {why:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content, "and it stays as it is");
    }
    let whole =
        |positions: &str| format!(r#"{{"version":1,"group":"essink","stream":"{ARN}","positions":{positions}}}"#);
    check("", "EOF").await;
    check("{", "EOF").await;
    check(&whole("{}")[..40], "EOF").await;
    check(&whole(r#"{"a":{"at":"after","sequence":"x"}}"#), "shard a: `sequence`").await;
    check(&whole(r#"{"a":{"at":"latest"}}"#), "latest").await;
    check(&whole("{}").replace(":1,", ":2,"), "version is 2").await;
    check(&whole("{}").replace("\"version\":1", "\"version\":1,\"more\":0"), "more").await;
}

#[tokio::test]
async fn a_file_that_cannot_be_written_halts_with_the_cure() {
    let dir = tempfile::tempdir().unwrap();
    let words = halt(open(&dir.path().join("absent/state.json")));
    assert!(words.contains("absent/state.json") && words.contains("make its directory"), "{words}");

    let path = dir.path().join("state.json");
    let store = open(&path).unwrap();
    std::fs::create_dir(dir.path().join("state.json.new")).unwrap();
    let words = halt(store.store(&[("a".into(), after("1"))]).await);
    assert!(words.contains("cannot write state file"), "{words}");
    assert_eq!(store.load().await.unwrap(), BTreeMap::new(), "what is not durable is not held");
}

#[tokio::test]
async fn a_crash_between_writing_and_renaming_leaves_the_old_positions() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let store = open(&path).unwrap();
    store.store(&[("a".into(), after("1"))]).await.unwrap();
    drop(store);
    std::fs::write(dir.path().join("state.json.new"), "{\"version\":1,\"gro").unwrap();
    let store = open(&path).unwrap();
    assert_eq!(store.load().await.unwrap(), BTreeMap::from([("a".into(), after("1"))]));
    store.store(&[("a".into(), after("2"))]).await.unwrap();
    assert_eq!(store.load().await.unwrap(), BTreeMap::from([("a".into(), after("2"))]));
}
