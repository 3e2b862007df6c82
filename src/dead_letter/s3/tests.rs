use super::*;
use crate::dead_letter::document::tests::{ARRIVED, letter};
use crate::event::time::Millis;

fn whole(text: &str, arrived: i64) -> Whole {
    let mut letter = letter(text.to_owned());
    letter.source.arrived = Millis(arrived);
    Whole { head: Head::of(&letter, None), bytes: letter.bytes }
}

#[test]
fn objects_are_named_by_hour_and_content_so_that_a_repeat_finds_itself() {
    let letters = [whole("a", ARRIVED.0), whole("b", ARRIVED.0 + HOUR), whole("c", ARRIVED.0 + HOUR - 6)];
    let made = objects("some/prefix", &letters).unwrap();
    let keys: Vec<&str> = made.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(made.len(), 2, "{keys:?}");
    assert!(keys[0].starts_with("some/prefix/2026/11/21/00/") && keys[0].ends_with(".ndjson.gz"), "{keys:?}");
    assert!(keys[1].starts_with("some/prefix/2026/11/21/01/"), "{keys:?}");
    assert_eq!(objects("some/prefix", &letters).unwrap(), made, "the same letters are the same objects");
    let other = objects("some/prefix", &letters[..1]).unwrap();
    assert_ne!(other[0].0, made[0].0, "other letters of the hour have another name");
    assert!(objects("", &letters).unwrap()[0].0.starts_with("2026/11/21/00/"));
}

#[test]
fn objects_are_of_bounded_size_and_a_large_letter_is_alone() {
    let big = "x".repeat(900 << 10);
    let letters: Vec<_> = (0..12).map(|n| whole(&format!("{n}{big}"), ARRIVED.0)).collect();
    let made = objects("p", &letters).unwrap();
    assert_eq!(made.len(), 2, "8 MiB of lines in one");
    let lines = |body: &Bytes| {
        let mut text = Vec::new();
        io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&body[..]), &mut text).unwrap();
        assert!(text.len() <= OBJECT);
        text.iter().filter(|b| **b == b'\n').count()
    };
    assert_eq!(made.iter().map(|(_, body)| lines(body)).sum::<usize>(), 12);
}
