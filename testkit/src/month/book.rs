//! Where events and facts are written down, always together.

use fastrand::Rng;
use serde_json::Value;

use super::people::Person;
use super::{Event, Fact};

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Of so many events one comes again.
const AGAIN: u32 = 40;

/// What has been written so far.
pub(super) struct Book {
    pub(super) chance: Rng,
    seed: u64,
    numbers: u64,
    people: u64,
    span: (i64, i64),
    events: Vec<Event>,
    facts: Vec<Fact>,
}

impl Book {
    pub(super) fn new(seed: u64, chance: Rng, span: (i64, i64), messages: usize) -> Self {
        let people = (messages as u64 / 5).max(20);
        Self { chance, seed, numbers: 0, people, span, events: Vec::new(), facts: Vec::new() }
    }

    /// Writes an event and what is true of it. What would be after the end has not happened.
    pub(super) fn tell(&mut self, fact: Fact, record: &Value) {
        self.put(vec![fact], record);
    }

    /// One record with several events in it.
    pub(super) fn put(&mut self, facts: Vec<Fact>, record: &Value) {
        let at = facts.iter().map(|fact| fact.at).max().unwrap_or(i64::MAX);
        if at >= self.span.1 {
            return;
        }
        let is_pinpoints = facts.iter().any(|fact| fact.is_pinpoints);
        let mut bytes = record.to_string().into_bytes();
        if is_pinpoints {
            bytes.push(b'\n');
        }
        let is_in_its_envelope = facts.iter().any(|fact| fact.provider == "pinpoint");
        let event = Event { at, is_pinpoints, is_in_its_envelope, again_of: None, bytes };
        if self.one_in(AGAIN) {
            let later = (at + self.chance.i64(1..2 * HOUR)).min(self.span.1 - 1);
            self.events.push(Event { at: later, again_of: Some(at), ..event.clone() });
        }
        self.events.push(event);
        self.facts.extend(facts);
    }

    pub(super) fn close(mut self) -> (Vec<Event>, Vec<Fact>) {
        self.events.sort_by_key(|event| (event.at, event.again_of));
        (self.events, self.facts)
    }

    pub(super) fn one_in(&mut self, many: u32) -> bool {
        self.chance.u32(..many) == 0
    }

    /// So many times of a hundred.
    pub(super) fn percent(&mut self, share: u32) -> bool {
        self.chance.u32(..100) < share
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.chance.usize(..from.len())]
    }

    /// Earlier ones more often: what people look at has a long tail.
    pub(super) fn favour<T: Copy>(&mut self, from: &[T]) -> T {
        let (a, b) = (self.chance.usize(..from.len()), self.chance.usize(..from.len()));
        from[a.min(b)]
    }

    pub(super) fn person(&mut self) -> Person {
        let number = self.chance.u64(..self.people);
        Person::new(self.seed, number)
    }

    /// A number that no other has.
    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A UUID that no other has.
    pub(super) fn id(&mut self) -> String {
        let number = self.number();
        uuid(self.seed, number)
    }
}

/// A UUID that is a function of two numbers; of one seed no two are alike.
pub(super) fn uuid(seed: u64, number: u64) -> String {
    let (high, low) = (mix(seed ^ number.rotate_left(17)), mix(number ^ 0xA5A5));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFF,
        low >> 52,
        low & 0xFFFF_FFFF_FFFF
    )
}

/// Spreads a number over 64 bits (splitmix64's finaliser).
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `2026-10-20T08:15:42.107Z`
pub(super) fn iso(ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// A price as services print it.
#[expect(clippy::cast_precision_loss, reason = "prices are far below 2^53 millionths")]
pub(super) fn dollars(millionths: i64) -> f64 {
    millionths as f64 / 1e6
}
