use super::*;
use crate::event::time::Millis;
use crate::pipeline::position::{Position, Sequence};

const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";

fn open(path: &Path) -> Result<FileTable, StoreError> {
    FileTable::open(path, ARN, "essink")
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

fn row(shard: &str, position: Position) -> Row {
    Row { shard: shard.into(), owner: None, counter: 0, wanted_by: None, position, parents: Vec::new() }
}

/// The row as its owner writes it next.
fn renewed(was: &Row, owner: &str, position: Position) -> Row {
    Row { owner: Some(owner.to_owned()), counter: was.counter + 1, position, ..was.clone() }
}

fn change(was: &Row, now: &Row) -> Change {
    Change { was: was.clone(), now: now.clone() }
}

#[tokio::test]
async fn rows_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let parents = vec!["a".into(), "b".into()];
    let mut rows = vec![
        row("a", after("49590338271490256608559692538361571095921575989136588898")),
        Row { wanted_by: Some("two".to_owned()), ..row("b", Position::TrimHorizon) },
        Row { parents, ..row("c", Position::At(Millis(1_700_000_000_123))) },
        row("d", Position::End),
    ];
    let table = open(&path).unwrap();
    assert_eq!(table.list().await.unwrap(), []);
    table.create(&rows[..2]).await.unwrap();
    table.create(&rows).await.unwrap();
    table.create(&[row("a", Position::TrimHorizon)]).await.unwrap();
    let now = renewed(&rows[1], "one", after("5"));
    assert_eq!(table.write(&[change(&rows[1], &now)]).await.unwrap(), [Written::Done]);
    rows[1] = now;
    table.remove(&rows[3..]).await.unwrap();
    rows.pop();
    drop(table);
    // The next worker has the lock, so whoever owned a row is gone.
    rows[1] = Row { owner: None, wanted_by: None, ..rows[1].clone() };
    assert_eq!(open(&path).unwrap().list().await.unwrap(), rows);
    let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["state.json", "state.json.lock"], "nothing else stays behind");
}

#[tokio::test]
async fn a_write_is_conditional_here_too() {
    let dir = tempfile::tempdir().unwrap();
    let table = open(&dir.path().join("state.json")).unwrap();
    let was = row("a", after("1"));
    table.create(std::slice::from_ref(&was)).await.unwrap();
    let now = renewed(&was, "one", after("2"));
    let both = [change(&was, &now), change(&row("b", after("1")), &renewed(&row("b", after("1")), "one", after("2")))];
    assert_eq!(table.write(&both).await.unwrap(), [Written::Done, Written::Conflict(None)]);
    assert_eq!(table.write(&both[..1]).await.unwrap(), [Written::Done], "met again");
    let late = change(&was, &renewed(&was, "two", after("1")));
    assert_eq!(table.write(&[late]).await.unwrap(), [Written::Conflict(Some(now.clone()))]);
    table.remove(&[was]).await.unwrap();
    assert_eq!(table.list().await.unwrap(), [now]);
}

/// What the first version wrote: positions only. Nobody owns them, and the next write makes them leases.
#[tokio::test]
async fn a_file_of_the_first_version_is_read_and_written_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let content = format!(
        r#"{{"version":1,"group":"essink","stream":"{ARN}","positions":{{"a":{{"at":"after","sequence":"17"}},"b":{{"at":"end"}}}}}}"#
    );
    std::fs::write(&path, content).unwrap();
    let table = open(&path).unwrap();
    let was = row("a", after("17"));
    assert_eq!(table.list().await.unwrap(), [was.clone(), row("b", Position::End)]);
    let now = renewed(&was, "one", after("18"));
    table.write(&[change(&was, &now)]).await.unwrap();
    drop(table);
    let freed = Row { owner: None, ..now };
    assert_eq!(open(&path).unwrap().list().await.unwrap(), [freed, row("b", Position::End)]);
    assert!(std::fs::read_to_string(&path).unwrap().contains("\"version\": 2"));
}

#[tokio::test]
async fn who_only_looks_sees_what_the_worker_writes_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let table = open(&path).unwrap();
    let looking = FileTable::look(&path, ARN, "essink").unwrap();
    assert_eq!(looking.list().await.unwrap(), []);
    let rows = [row("a", after("1"))];
    table.create(&rows).await.unwrap();
    assert_eq!(looking.list().await.unwrap(), rows);
    let words = halt(looking.remove(&rows).await);
    assert!(words.contains("looked at only"), "{words}");
    assert_eq!(table.list().await.unwrap(), rows);
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
    let table = open(&path).unwrap();
    table.create(&[row("a", after("1"))]).await.unwrap();
    drop(table);
    let other_stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/other";
    for (stream, group) in [(ARN, "copy"), (other_stream, "essink")] {
        let words = halt(FileTable::open(&path, stream, group));
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
    let whole = |leases: &str| format!(r#"{{"version":2,"group":"essink","stream":"{ARN}","leases":{leases}}}"#);
    check("", "EOF").await;
    check("{", "EOF").await;
    check(&whole("{}")[..40], "EOF").await;
    check(&whole(r#"{"a":{"at":"after","sequence":"x"}}"#), "shard a: `sequence`").await;
    check(&whole(r#"{"a":{"at":"latest"}}"#), "latest").await;
    check(&whole("{}").replace(":2,", ":3,"), "version is 3").await;
    check(&whole("{}").replace("\"version\":2", "\"version\":2,\"more\":0"), "more").await;
}

#[tokio::test]
async fn a_file_that_cannot_be_written_halts_with_the_cure() {
    let dir = tempfile::tempdir().unwrap();
    let words = halt(open(&dir.path().join("absent/state.json")));
    assert!(words.contains("absent/state.json") && words.contains("make its directory"), "{words}");

    let path = dir.path().join("state.json");
    let table = open(&path).unwrap();
    std::fs::create_dir(dir.path().join("state.json.new")).unwrap();
    let words = halt(table.create(&[row("a", after("1"))]).await);
    assert!(words.contains("cannot write state file"), "{words}");
    assert_eq!(table.list().await.unwrap(), [], "what is not durable is not held");
}

#[tokio::test]
async fn a_crash_between_writing_and_renaming_leaves_the_old_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let table = open(&path).unwrap();
    table.create(&[row("a", after("1"))]).await.unwrap();
    drop(table);
    std::fs::write(dir.path().join("state.json.new"), "{\"version\":1,\"gro").unwrap();
    let table = open(&path).unwrap();
    assert_eq!(table.list().await.unwrap(), [row("a", after("1"))]);
    table.create(&[row("b", after("2"))]).await.unwrap();
    assert_eq!(table.list().await.unwrap(), [row("a", after("1")), row("b", after("2"))]);
}
