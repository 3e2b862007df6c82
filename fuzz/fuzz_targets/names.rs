//! The input is two texts, divided by a newline: a prefix and a name, of whatever system.

#![no_main]

use std::num::NonZeroU32;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use essink::config::names;
use essink::event::family::{self, Family};
use essink::event::time::{Day, Millis};
use essink::firehose::name::{Told, arrival};
use essink::upkeep::names::{Prefixes, check, overlap, pattern, template_name};
use essink::upkeep::retention::{Keep, Listed, PruneOptions, Rotation, plan};
use libfuzzer_sys::fuzz_target;

const ALL: [Rotation; 5] = [Rotation::Hour, Rotation::Day, Rotation::Week, Rotation::Month, Rotation::None];
const TODAY: Day = Day(20_700); // 2026-09-04
const KEEP: u32 = 30;
const MODIFIED: Millis = Millis(1_800_000_000_000);

fuzz_target!(|text: &str| {
    let (prefix, name) = text.split_once('\n').unwrap_or(("pinpoint-", text));
    values(prefix);
    values(name);
    prefixes(prefix, name);
    pruned(prefix, name);
    pruned("pinpoint-", &format!("pinpoint-{name}"));
    written(name.as_bytes());
    object(name);
});

/// What an option takes holds what its system allows, and nothing else.
fn values(text: &str) {
    let plain = |text: &str, more: &str| {
        text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || more.as_bytes().contains(&b))
    };
    assert_eq!(names::index_prefix(text).is_ok(), check(text).is_ok(), "two readers of one law");
    if let Ok(name) = names::index_name(text) {
        assert!(name == text && plain(&name, "-_.") && name.len() <= 255 && !name.starts_with(['-', '_', '.']));
    }
    if let Ok(name) = names::index_pattern(text) {
        assert!(name == text && plain(name.trim_end_matches('*'), "-_.") && name.matches('*').count() <= 1);
    }
    if let Ok(stream) = names::stream(text) {
        assert!(plain(&stream.name.to_ascii_lowercase(), "-_.") && text.ends_with(&stream.name));
        assert_eq!((stream.arn.is_some(), stream.region.is_some()), (text != stream.name, text != stream.name));
    }
    for read in [names::group(text), names::table(text)].into_iter().flatten() {
        assert!(read == text && plain(&read.to_ascii_lowercase(), "-_."));
    }
    if let Ok(url) = names::s3_url(text) {
        let again = names::s3_url(&format!("s3://{}/{}", url.bucket, url.prefix)).expect("what was read is written");
        assert_eq!((again.bucket, again.prefix), (url.bucket, url.prefix));
    }
    let _ = names::replay_from(text);
}

fn prefixes(left: &str, right: &str) {
    if left.len() + right.len() < 500 {
        assert_eq!(overlap(left, right), overlap(right, left));
        let common = left.starts_with(right) || right.starts_with(left);
        let stars = left.contains('*') || right.contains('*');
        assert!(stars || overlap(&pattern(left), &pattern(right)) == common);
    }
    let families = family::Prefixes::default().with(Family::Pinpoint, left).with(Family::Unrecognized, right);
    let all = Prefixes { families, ..Prefixes::default() };
    if all.check().is_ok() {
        assert!(!overlap(&pattern(left), &pattern(right)), "an index of two families");
        assert!(!overlap(&pattern(left), "essink-state"), "positions in a family");
        assert!(template_name(left).starts_with("essink-"));
    }
}

/// An index goes only when its name is the prefix and the period whose last day the plan says, and that is past.
fn pruned(prefix: &str, name: &str) {
    let index = Listed { name: name.into(), bytes: None, aliases: Some(Vec::new()) };
    let family = Keep { prefix: prefix.into(), days: NonZeroU32::new(KEEP).expect("not zero") };
    let options = PruneOptions { families: vec![family], rotations: ALL.into(), max_delete: 1 };
    let plan = plan(&[index], TODAY, &options).expect("one is allowed");
    assert_eq!(plan.drop.len() + plan.keep.len() + plan.foreign.len() + plan.protected.len(), 1);
    assert!(!plan.to_string().is_empty());
    let Some(due) = plan.drop.first() else { return };
    assert!(due.name == name && due.day < TODAY.minus(KEEP));
    let suffix = name.strip_prefix(prefix).expect("the family's prefix");
    let last = due.day.date();
    let day = last.format("%Y-%m-%d").to_string();
    let hour = suffix.strip_prefix(&day).and_then(|rest| rest.strip_prefix('-'));
    let is_hour = hour.is_some_and(|hour| hour.len() == 2 && hour.parse::<u8>().is_ok_and(|hour| hour < 24));
    let ends_month = (last + Days::new(1)).day() == 1 && last.format("%Y-%m").to_string() == suffix;
    let ends_week = last.weekday() == Weekday::Sun && last.format("%G-w%V").to_string() == suffix;
    assert!(suffix == day || is_hour || ends_month || ends_week, "{name} is no index of {last}");
}

/// The names of any date, written by a calendar, are known.
fn written(seed: &[u8]) {
    let Some([a, b, hour]) = seed.first_chunk() else { return };
    let date = NaiveDate::from_epoch_days(i32::from(u16::from_le_bytes([*a, *b])) % 20_600).expect("within 60 years");
    for form in ["%Y-%m-%d", &format!("%Y-%m-%d-{:02}", hour % 24), "%G-w%V", "%Y-%m"] {
        let index = Listed { name: format!("pinpoint-{}", date.format(form)), bytes: None, aliases: Some(Vec::new()) };
        let family = Keep { prefix: "pinpoint-".into(), days: NonZeroU32::new(KEEP).expect("not zero") };
        let options = PruneOptions { families: vec![family], rotations: ALL.into(), max_delete: 1 };
        let plan = plan(&[index], TODAY, &options).expect("one is allowed");
        let last = plan.drop.first().map(|due| due.day.date()).expect("its day is past");
        assert!(last >= date && last < date + Days::new(31));
    }
}

/// A time that an object's name is said to tell stands there.
fn object(key: &str) {
    let (at, told) = arrival(key, MODIFIED);
    let written = at.rfc3339();
    match told {
        Told::Modified => assert_eq!(at, MODIFIED),
        Told::Stamp => assert!(key.contains(&written[..19].replace([':', 'T'], "-"))),
        Told::Hour => {
            assert_eq!(at.0 % 3_600_000, 0);
            let path = ["year=", "month=", "day=", "hour="].iter().fold(key.to_owned(), |path, n| path.replace(n, ""));
            assert!(path.contains(&written[..13].replace(['-', 'T'], "/")), "{key}: {written}");
        }
    }
}
