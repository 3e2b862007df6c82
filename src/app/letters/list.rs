//! `essink dead-letters list`: counts of what is there.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Serialize;

use super::{filter, place, warn};
use crate::app::columns::columns;
use crate::app::commands::print;
use crate::app::exit::Failure;
use crate::app::redrive::next_page;
use crate::config::{LetterFilter, LetterOptions, NameOptions};
use crate::dead_letter::{Cabinet, Head, LetterKey};
use crate::event::family::Family;
use crate::event::time::{Day, Millis};

/// What is there.
#[derive(Debug, Serialize)]
struct Listing {
    /// The store.
    place: String,
    letters: u64,
    bytes: u64,
    /// When the oldest and the newest arrived.
    oldest: Option<String>,
    newest: Option<String>,
    /// Documents or lines that are no letters; the log names them.
    unreadable: u64,
    groups: Vec<Group>,
}

/// Letters of one kind.
#[derive(Debug, Serialize)]
struct Group {
    reason: String,
    /// The index the documents were meant for; none when no document could be made.
    index: Option<String>,
    family: Option<&'static str>,
    /// The UTC day they arrived.
    day: String,
    letters: u64,
    bytes: u64,
    oldest: String,
    newest: String,
    /// The most often that one of them was sent again.
    tries: u32,
    /// The newest, for `show`.
    example: String,
    #[serde(skip)]
    span: (i64, i64),
}

type Key = (String, Option<String>, Day);

/// Counts the letters that are wanted.
pub async fn run(
    cabinet: &dyn Cabinet,
    wanted: &LetterFilter,
    letters: &LetterOptions,
    json: bool,
) -> Result<(), Failure> {
    let mut walk = cabinet.walk(filter(wanted), false);
    let (mut groups, mut unreadable) = (BTreeMap::<Key, Group>::new(), 0);
    let mut seen = Seen::default();
    while let Some(page) = next_page(&mut *walk).await? {
        unreadable += warn(&page);
        let new = page.found.iter().map(|found| &found.head).filter(|head| seen.is_new(head));
        new.for_each(|head| count(&mut groups, head, &letters.names));
    }
    let groups: Vec<Group> = groups.into_values().collect();
    let sum = |of: fn(&Group) -> u64| groups.iter().map(of).sum();
    let listing = Listing {
        place: place(letters),
        letters: sum(|group| group.letters),
        bytes: sum(|group| group.bytes),
        oldest: groups.iter().map(|group| group.span.0).min().map(|at| Millis(at).rfc3339()),
        newest: groups.iter().map(|group| group.span.1).max().map(|at| Millis(at).rfc3339()),
        unreadable,
        groups,
    };
    print(json, &listing)
}

/// A letter that was kept again after a restart is in a directory twice. Walks go by day, so one day is remembered.
#[derive(Default)]
pub(in crate::app) struct Seen {
    day: Option<Day>,
    keys: HashSet<LetterKey>,
}

impl Seen {
    pub(in crate::app) fn is_new(&mut self, head: &Head) -> bool {
        let day = Some(head.arrived().day());
        if self.day != day {
            self.day = day;
            self.keys.clear();
        }
        self.keys.insert(head.key())
    }
}

fn count(groups: &mut BTreeMap<Key, Group>, head: &Head, names: &NameOptions) {
    let day = head.arrived().day();
    let at = || Millis(head.arrived).rfc3339();
    let group = groups.entry((head.reason.clone(), head.index.clone(), day)).or_insert_with(|| Group {
        reason: head.reason.clone(),
        index: head.index.clone(),
        family: head.index.as_deref().and_then(|index| names.families.family_of(index)).map(Family::name),
        day: day.to_string(),
        letters: 0,
        bytes: 0,
        oldest: at(),
        newest: at(),
        tries: 0,
        example: head.letter.clone(),
        span: (head.arrived, head.arrived),
    });
    group.letters += 1;
    group.bytes += head.size;
    group.tries = group.tries.max(head.tries);
    if head.arrived < group.span.0 {
        group.span.0 = head.arrived;
        group.oldest = at();
    }
    if head.arrived > group.span.1 {
        group.span.1 = head.arrived;
        group.newest = at();
        group.example.clone_from(&head.letter);
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.is_empty() {
            return writeln!(f, "no dead letters in {}", self.place);
        }
        let head =
            ["letters", "bytes", "reason", "family", "meant for", "arrived", "oldest", "newest", "tries", "newest id"];
        let rows = self.groups.iter().map(|group| {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            [
                group.letters.to_string(),
                group.bytes.to_string(),
                group.reason.clone(),
                group.family.unwrap_or("-").to_owned(),
                text(&group.index),
                group.day.clone(),
                clock(&group.oldest),
                clock(&group.newest),
                group.tries.to_string(),
                group.example.clone(),
            ]
        });
        f.write_str(&columns(std::iter::once(head.map(str::to_owned)).chain(rows)))?;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        writeln!(
            f,
            "{} letters of {} bytes in {}, arrived from {} to {}",
            self.letters,
            self.bytes,
            self.place,
            text(&self.oldest),
            text(&self.newest)
        )?;
        match self.unreadable {
            0 => Ok(()),
            n => writeln!(f, "{n} more could not be read"),
        }
    }
}

/// The time of day of an RFC 3339 time: the day stands beside it.
fn clock(time: &str) -> String {
    time.get(11..19).unwrap_or(time).to_owned()
}
