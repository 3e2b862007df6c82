use tempfile::TempDir;

use super::*;
use crate::event::time::Millis;
use crate::pipeline::position::Sequence;

fn object(name: &str, version: &str) -> Object {
    Object { key: name.to_owned(), size: 10, etag: version.to_owned(), modified: Millis(0) }
}

fn replay() -> Replay {
    Replay { replay: "s3://a/b".into(), cluster: "http://c".into() }
}

fn at(name: &str, offset: u64) -> (ShardId, Position) {
    (ShardId::from(name), Position::After(Sequence::from(offset)))
}

#[tokio::test]
async fn what_has_settled_is_known_after_a_restart_and_another_version_is_another_object() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("progress");
    let (a, b, c) = (object("a", "1"), object("b", "1"), object("c", "1"));
    {
        let progress = Progress::open(&path, &replay()).unwrap();
        [&a, &b, &c].into_iter().for_each(|object| progress.begin(object));
        progress.store(&[at("a", 5), (ShardId::from("b"), Position::End)]).await.unwrap();
        progress.store(&[at("a", 7)]).await.unwrap();
        assert!(Progress::open(&path, &replay()).unwrap_err().to_string().contains("is in use"));
    }
    // A crash in the middle of a line.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"object\":\"c\",\"versi").unwrap();
    drop(file);
    let progress = Progress::open(&path, &replay()).unwrap();
    assert_eq!((progress.of(&a), progress.of(&b), progress.of(&c)), (Some(7), None, Some(0)));
    assert_eq!(progress.of(&object("b", "2")), Some(0));
    progress.begin(&c);
    progress.store(&[(ShardId::from("c"), Position::End)]).await.unwrap();
    drop(progress);
    assert_eq!(Progress::open(&path, &replay()).unwrap().of(&c), None, "the torn line was written over");
}

#[test]
fn a_file_of_another_replay_or_of_something_else_is_refused_and_left() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("progress");
    drop(Progress::open(&path, &replay()).unwrap());
    let other = Replay { cluster: "http://d".into(), ..replay() };
    assert!(format!("{:#}", Progress::open(&path, &other).unwrap_err()).contains("into http://c"));
    std::fs::write(&path, "dear diary\n").unwrap();
    assert!(format!("{:#}", Progress::open(&path, &replay()).unwrap_err()).contains("give another --progress"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear diary\n");
}
