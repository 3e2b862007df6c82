//! The input begins with what it is: `d` a file in a directory of letters, `f` an object that Firehose left, else lines of letters.

#![no_main]

use std::fs;
use std::sync::LazyLock;

use bytes::Bytes;
use essink::dead_letter::{Cabinet, DirLetters, DirOptions, Ended, Filter, Found, Page, Refusal, Whole};
use essink::dead_letter::{from_line, lines, read, to_line};
use essink::event::id::EventId;
use essink::event::time::Millis;
use essink::firehose::inflate::Inflate;
use essink::firehose::split::{Splitter, Stretch};
use essink::firehose::{dump, error};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

fuzz_target!(|data: &[u8]| match data {
    [b'd', file @ ..] => directory(file),
    [b'f', step, object @ ..] => firehose(object, usize::from(*step).max(2)),
    file => letters(file),
});

fn walked(file: &[u8], bytes: bool) -> Page {
    let (mut lines, mut all) = (lines::Lines::new("file", file), Page::default());
    while let Some(page) = lines.page(&Filter::default(), bytes).expect("memory can be read") {
        all.found.extend(page.found);
        all.unreadable.extend(page.unreadable);
    }
    all
}

fn wholes(page: &Page) -> Vec<Whole> {
    let whole = |found: &Found| match &found.bytes {
        Some(Ok(bytes)) => Some(Whole { head: found.head.clone(), bytes: bytes.clone() }),
        _ => None,
    };
    page.found.iter().filter_map(whole).collect()
}

/// Each line is a letter that holds what its id was made of, or is named as unreadable.
fn letters(file: &[u8]) {
    let page = walked(file, true);
    let n_lines = file.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    assert_eq!(page.found.len() + page.unreadable.len(), n_lines, "a line is neither read nor named");
    let torn = page.found.iter().filter_map(|found| found.bytes.as_ref()?.as_ref().err());
    for why in page.unreadable.iter().chain(torn) {
        assert!(!why.contains(char::is_control) && why.len() < 500, "{why:?}");
    }
    for letter in wholes(&page) {
        assert_eq!(letter.bytes.len() as u64, letter.head.size);
        assert_eq!(EventId::of(&letter.bytes, letter.head.wrapped()).to_string(), letter.head.letter);
        let line = to_line(&letter).expect("memory takes it");
        assert_eq!(from_line(&line), Ok(letter), "what is exported is imported");
    }
    let pieces = file.split(|byte| *byte == b'\n').filter_map(|line| read::document(line).ok()).collect();
    if let Ok(letter) = read::assemble(pieces) {
        assert_eq!(letter.bytes.len() as u64, letter.head.size);
    }
    edited(file, &page);
}

/// The first letter goes and the second is refused again; what cannot be read stays as it is.
fn edited(file: &[u8], before: &Page) {
    let Some(first) = before.found.first() else { return };
    let end = |found: &Found, refused| Ended { place: found.place.clone(), head: found.head.clone(), refused };
    let refusal = Refusal { reason: "refused".into(), detail: "again\n".into(), index: None, id: None };
    let second = before.found.iter().find(|found| found.head.key() != first.head.key());
    let ended: Vec<_> = [end(first, None)]
        .into_iter()
        .chain(second.map(|second| end(second, Some((refusal, Millis(1_800_000_000_000))))))
        .collect();
    let mut out = Vec::new();
    let left = lines::edit(&mut &file[..], &ended.iter().collect::<Vec<_>>(), &mut out).expect("memory");
    let after = walked(&out, true);
    let stay = before.found.iter().filter(|found| found.head.key() != first.head.key()).count();
    assert_eq!((after.found.len(), after.unreadable.len()), (stay, before.unreadable.len()));
    assert_eq!(left as usize, stay + before.unreadable.len());
    let bytes = |page: &Page| -> Vec<Bytes> {
        let kept = wholes(page).into_iter().filter(|letter| letter.head.key() != first.head.key());
        kept.map(|letter| letter.bytes).collect()
    };
    assert_eq!(bytes(before), bytes(&after), "what stays, stays whole");
}

/// A walk over a directory finds what its file holds, and settling takes it away.
fn directory(file: &[u8]) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));
    let path = std::env::temp_dir().join(format!("essink-fuzz-{}", std::process::id()));
    fs::create_dir_all(&path).expect("a directory");
    let name = path.join("essink-dead-letters-2026-11-21-001.ndjson");
    fs::write(&name, file).expect("a file");
    let letters = DirLetters::look(DirOptions::new(&path)).expect("it is there");
    let found = |bytes| {
        RUNTIME.block_on(async {
            let (mut walk, mut all) = (letters.walk(Filter::default(), bytes), Page::default());
            while let Some(page) = walk.next().await.expect("it can be read") {
                all.found.extend(page.found);
                all.unreadable.extend(page.unreadable);
            }
            all
        })
    };
    let (page, expected) = (found(true), walked(file, true));
    assert_eq!(wholes(&page), wholes(&expected));
    assert_eq!(page.unreadable.len(), expected.unreadable.len());
    let ended = |found: &Found| Ended { place: found.place.clone(), head: found.head.clone(), refused: None };
    let ended: Vec<_> = page.found.iter().map(ended).collect();
    RUNTIME.block_on(letters.settle(&ended)).expect("it can be written");
    let left = found(false);
    assert!(left.found.is_empty() && left.unreadable.len() == page.unreadable.len());
    fs::remove_dir_all(&path).expect("it is ours");
}

/// Every byte of an object is in one stretch or is white space, however it comes; no stretch is larger than the largest.
fn firehose(object: &[u8], step: usize) {
    const LARGEST: usize = 200;
    let (mut inflate, mut splitter) = (Inflate::Unknown, Splitter::new(LARGEST));
    let (mut inflated, mut found) = (Vec::new(), Vec::new());
    let mut broken = false;
    for piece in object.chunks(step) {
        broken = inflate.push(piece, |bytes| keep(bytes, &mut inflated, &mut splitter)).is_err();
        found.extend(std::iter::from_fn(|| splitter.next(false)));
        if broken {
            break;
        }
    }
    broken = broken || inflate.finish(|bytes| keep(bytes, &mut inflated, &mut splitter)).is_err();
    found.extend(std::iter::from_fn(|| splitter.next(true)));
    assert!(object.starts_with(&[0x1f, 0x8b]) || (inflated == object && !broken));
    assert_eq!(splitter.offset(), inflated.len() as u64, "everything was given or skipped");
    let mut at = 0;
    for Stretch { offset, bytes } in &found {
        let from = usize::try_from(*offset).expect("small");
        assert!(inflated[at..from].iter().all(u8::is_ascii_whitespace), "bytes are lost");
        at = from + bytes.len();
        assert_eq!(&inflated[from..at], &bytes[..]);
        assert!(!bytes.is_empty() && bytes.len() <= LARGEST);
        let _ = error::arrival(bytes);
        if let Some(Ok(documents)) = dump::read(bytes) {
            documents.iter().for_each(|one| assert_eq!(bytes[one.offset..][..one.event.len()], one.event));
        }
    }
    assert!(inflated[at..].iter().all(u8::is_ascii_whitespace), "bytes are lost");
    let mut at_once = Splitter::new(LARGEST);
    at_once.push(&inflated);
    let again: Vec<_> = std::iter::from_fn(|| at_once.next(true)).collect();
    assert_eq!(found, again, "however it comes");
}

fn keep(bytes: &[u8], inflated: &mut Vec<u8>, splitter: &mut Splitter) {
    inflated.extend_from_slice(bytes);
    splitter.push(bytes);
}
