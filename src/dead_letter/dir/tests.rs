use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::dead_letter::cabinet::{Cabinet, Ended, Filter, Found};
use crate::dead_letter::document::tests::{ARRIVED, letter, noise, reassembled};
use crate::dead_letter::head::{Head, Refusal, Whole};
use crate::event::id::EventId;
use crate::event::time::Millis;

const DAY: i64 = 86_400_000;

fn letters(dir: &TempDir, file_bytes: u64) -> DirLetters {
    DirLetters::open(DirOptions { file_bytes, ..DirOptions::new(dir.path()) }).unwrap()
}

fn on(days: i64, text: &str) -> Letter {
    let mut letter = letter(text.to_owned());
    letter.source.arrived = Millis(ARRIVED.0 + days * DAY);
    letter
}

/// Every file by name, with the texts its lines keep.
fn kept(dir: &TempDir) -> Vec<(String, Vec<String>)> {
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    let text = |line: &str| serde_json::from_str::<Value>(line).unwrap()["raw"].as_str().unwrap().to_owned();
    let read = |name: &std::ffi::OsString| {
        let content = fs::read_to_string(dir.path().join(name)).unwrap();
        (name.to_str().unwrap().to_owned(), content.lines().map(text).collect())
    };
    names.iter().map(read).collect()
}

fn file(name: &str, lines: &[&str]) -> (String, Vec<String>) {
    (format!("essink-dead-letters-{name}.ndjson"), lines.iter().map(|l| (*l).to_owned()).collect())
}

#[tokio::test]
async fn letters_go_to_the_day_of_their_arrival() {
    let dir = TempDir::new().unwrap();
    let letters = letters(&dir, 1 << 20);
    letters.keep(&[on(0, "a"), on(1, "b"), on(0, "c\nd")]).await.unwrap();
    letters.keep(&[on(1, "e")]).await.unwrap();
    assert_eq!(kept(&dir), [file("2026-11-21-001", &["a", "c\nd"]), file("2026-11-22-001", &["b", "e"])]);
}

#[tokio::test]
async fn a_full_file_is_followed_by_another() {
    let dir = TempDir::new().unwrap();
    let letters = letters(&dir, 1);
    for text in ["a", "b", "c"] {
        letters.keep(&[on(0, text)]).await.unwrap();
    }
    assert_eq!(
        kept(&dir),
        [file("2026-11-21-001", &["a"]), file("2026-11-21-002", &["b"]), file("2026-11-21-003", &["c"])]
    );
}

#[tokio::test]
async fn a_torn_line_of_a_crash_stays_alone() {
    let dir = TempDir::new().unwrap();
    letters(&dir, 1 << 20).keep(&[on(0, "before")]).await.unwrap();
    let torn = dir.path().join("essink-dead-letters-2026-11-21-001.ndjson");
    let whole = fs::read(&torn).unwrap();
    fs::write(&torn, &whole[..whole.len() - 10]).unwrap();
    letters(&dir, 1 << 20).keep(&[on(0, "before"), on(0, "after")]).await.unwrap();
    fs::remove_file(&torn).unwrap();
    assert_eq!(kept(&dir), [file("2026-11-21-002", &["before", "after"])]);
}

#[tokio::test]
async fn two_processes_never_share_a_file() {
    let dir = TempDir::new().unwrap();
    let (one, two) = (letters(&dir, 1 << 20), letters(&dir, 1 << 20));
    one.keep(&[on(0, "a")]).await.unwrap();
    two.keep(&[on(0, "b")]).await.unwrap();
    one.keep(&[on(0, "c")]).await.unwrap();
    assert_eq!(kept(&dir), [file("2026-11-21-001", &["a", "c"]), file("2026-11-21-002", &["b"])]);
}

#[tokio::test]
async fn a_large_letter_is_one_line_with_its_id() {
    let dir = TempDir::new().unwrap();
    let bytes = noise(3 << 20);
    letters(&dir, 1 << 20).keep(&[letter(bytes.clone())]).await.unwrap();
    let content = fs::read_to_string(dir.path().join("essink-dead-letters-2026-11-21-001.ndjson")).unwrap();
    let lines: Vec<Value> = content.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["letter"], EventId::of(&bytes, None).to_string());
    assert_eq!(reassembled(&lines), bytes);
}

#[tokio::test]
async fn many_days_keep_few_files_open() {
    let dir = TempDir::new().unwrap();
    let letters = letters(&dir, 1 << 20);
    let days: Vec<_> = (0..40).map(|day| on(day, "x")).collect();
    letters.keep(&days).await.unwrap();
    assert_eq!(letters.files.lock().unwrap().open.len(), MOST_OPEN);
    assert_eq!(kept(&dir).len(), 40);
}

#[tokio::test]
async fn a_directory_that_went_away_halts_and_a_file_in_its_place_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("letters");
    let letters = DirLetters::open(DirOptions::new(&path)).unwrap();
    fs::remove_dir(&path).unwrap();
    let error = letters.keep(&[on(0, "a")]).await.unwrap_err();
    assert!(matches!(error, KeepError::Halt(_)), "{error}");
    fs::write(&path, "").unwrap();
    let refused = DirLetters::open(DirOptions::new(&path)).unwrap_err();
    assert!(format!("{refused:#}").contains("cannot make the dead-letter directory"), "{refused:#}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_letters() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    letters(&dir, 1 << 20).keep(&[on(0, "a")]).await.unwrap();
    let file = dir.path().join("essink-dead-letters-2026-11-21-001.ndjson");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_full_disk_is_waited_for() {
    let options = DirOptions::new("/letters");
    let busy = |kind| matches!(failed(&options, &io::Error::from(kind)), KeepError::Busy(_));
    assert!(busy(ErrorKind::StorageFull) && busy(ErrorKind::QuotaExceeded) && busy(ErrorKind::Other));
    assert!(!busy(ErrorKind::PermissionDenied) && !busy(ErrorKind::ReadOnlyFilesystem));
}

/// Every letter found, by its text, with how often it was tried.
async fn found(letters: &DirLetters) -> Vec<(String, u32, Found)> {
    let mut walk = letters.walk(Filter::default(), true);
    let mut all = Vec::new();
    while let Some(page) = walk.next().await.unwrap() {
        all.extend(page.found.into_iter().map(|found| {
            let text = String::from_utf8(found.bytes.clone().unwrap().unwrap().to_vec()).unwrap();
            (text, found.head.tries, found)
        }));
    }
    all
}

async fn texts(letters: &DirLetters) -> Vec<(String, u32)> {
    found(letters).await.into_iter().map(|(text, tries, _)| (text, tries)).collect()
}

fn ended(found: &Found, refused: Option<&str>) -> Ended {
    let refusal = |reason: &str| Refusal { reason: reason.to_owned(), detail: "again".into(), index: None, id: None };
    let refused = refused.map(|reason| (refusal(reason), Millis(ARRIVED.0 + 9)));
    Ended { place: found.place.clone(), head: found.head.clone(), refused }
}

#[tokio::test]
async fn letters_go_and_stay_while_a_writer_has_the_file_open() {
    let dir = TempDir::new().unwrap();
    let writer = letters(&dir, 1 << 20);
    writer.keep(&[on(0, "a"), on(0, "b"), on(0, "c"), on(1, "d")]).await.unwrap();
    let keeper = DirLetters::look(DirOptions::new(dir.path())).unwrap();
    let all = found(&keeper).await;
    let changes = [ended(&all[0].2, None), ended(&all[1].2, Some("refused")), ended(&all[3].2, None)];
    for _ in 0..2 {
        keeper.settle(&changes).await.unwrap();
        let left = texts(&keeper).await;
        assert_eq!(left, [("b".to_owned(), 1), ("c".to_owned(), 0)], "done twice, it is done once");
    }
    // The file of its day was put aside, or is gone: what is kept now must not go with it.
    writer.keep(&[on(0, "e"), on(1, "f")]).await.unwrap();
    let names: Vec<_> = texts(&keeper).await.into_iter().map(|(text, _)| text).collect();
    assert_eq!(names, ["b", "c", "e", "f"]);
    let b = &found(&keeper).await[0].2.head;
    assert_eq!(
        (b.reason.as_str(), b.first_reason.as_deref(), b.tried),
        ("refused", Some("not_json"), Some(ARRIVED.0 + 9))
    );
    let hidden = fs::read_dir(dir.path())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0, "nothing is left lying about");
}

#[tokio::test]
async fn a_torn_line_is_named_and_kept() {
    let dir = TempDir::new().unwrap();
    let writer = letters(&dir, 1 << 20);
    writer.keep(&[on(0, "a"), on(0, "b")]).await.unwrap();
    let file = dir.path().join("essink-dead-letters-2026-11-21-001.ndjson");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, &text[..text.len() - 20]).unwrap();
    let mut walk = writer.walk(Filter::default(), true);
    let page = walk.next().await.unwrap().unwrap();
    assert_eq!((page.found.len(), page.unreadable.len()), (1, 1));
    assert!(page.unreadable[0].contains("line 2") && !page.unreadable[0].contains("\"b\""), "{}", page.unreadable[0]);
    writer.settle(&[ended(&page.found[0], None)]).await.unwrap();
    let left = fs::read_to_string(&file).unwrap();
    assert!(text.contains(left.trim_end()) && !left.is_empty(), "{left}");
}

#[tokio::test]
async fn what_is_there_is_not_taken_in_again() {
    let dir = TempDir::new().unwrap();
    let store = letters(&dir, 1 << 20);
    store.keep(&[on(0, "a")]).await.unwrap();
    let whole = |days: i64, text: &str| Whole { head: Head::of(&on(days, text), None), bytes: text.to_owned().into() };
    let import = [whole(0, "a"), whole(0, "b"), whole(1, "a"), whole(0, "b")];
    assert_eq!(store.add(&import).await.unwrap(), 2, "the same bytes of another day are another letter");
    assert_eq!(letters(&dir, 1 << 20).add(&import).await.unwrap(), 0);
    assert_eq!(texts(&store).await.len(), 3);
}
