//! A seeded stream of Pinpoint events: the same plan gives the same bytes, on any machine.
//!
//! People open the app, buy and leave; campaigns and journeys send mail, SMS and push, whose deliveries, opens and
//! clicks carry the same message id some time later. Every family of the Pinpoint 3.1 stream occurs, and the envelope of
//! Amplify's enrichment clients, who go on where Pinpoint ended. Volume grows to three times its beginning. Ids, names
//! and addresses are made up; shapes are those of published samples (`tests/samples/SOURCES.md`).

mod app;
mod json;
mod mail;
mod people;
mod send;
mod story;

use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;

use chrono::{DateTime, NaiveDate};

use self::json::Json;
use self::story::{Kind, Pending, Thread};

const DAY_MS: i64 = 86_400_000;

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Chooses everything that is chosen.
    pub seed: u64,
    /// How many events.
    pub count: usize,
    /// Arrival of the first event or soon after, Unix milliseconds.
    pub from_ms: i64,
    /// No event arrives at or after this, Unix milliseconds.
    pub to_ms: i64,
    /// Whether events of Amplify's enrichment clients are among them: their arrival is a phone's clock, which a reader
    /// may not believe if it is older than some days.
    pub enriched: bool,
}

/// One event, and what a test may expect of it: told by the generator, never read back from the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `_email.open`
    pub event_type: &'static str,
    /// `arrival_timestamp`, Unix milliseconds: later in each event than in the one before.
    pub arrival_ms: i64,
    /// As Pinpoint's keys look: a signed 32-bit number.
    pub partition_key: String,
    /// The JSON, compact, without a newline at its end.
    pub bytes: Vec<u8>,
    /// Whether it is Amplify's envelope and not Pinpoint's.
    pub enriched: bool,
}

impl Event {
    /// The UTC day of its arrival.
    pub fn day(&self) -> NaiveDate {
        day_of(self.arrival_ms)
    }

    /// The Kinesis record as its producer frames it: Pinpoint ends each event with a newline, an app's own sink does not.
    pub fn record(&self) -> Vec<u8> {
        let mut data = self.bytes.clone();
        if !self.enriched {
            data.push(b'\n');
        }
        data
    }
}

impl Plan {
    /// Over whole UTC days, the end excluded, enriched events among them.
    pub fn days(seed: u64, count: usize, days: Range<NaiveDate>) -> Self {
        let midnight = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
        Self { seed, count, from_ms: midnight(days.start), to_ms: midnight(days.end), enriched: true }
    }
}

/// The bytes of `n` events over `days`, the end excluded.
pub fn batch(seed: u64, n: usize, days: Range<NaiveDate>) -> Vec<Vec<u8>> {
    Events::new(Plan::days(seed, n, days)).map(|event| event.bytes).collect()
}

/// The events of a plan, in the order of their arrival.
#[derive(Debug)]
pub struct Events {
    plan: Plan,
    made: usize,
    last_ms: i64,
    chance: fastrand::Rng,
    /// What follows from events already made, the earliest first.
    pending: BinaryHeap<Pending>,
    next_thread: u64,
}

impl Events {
    /// # Panics
    /// If the plan has less than two milliseconds an event: arrivals could then not be told apart.
    pub fn new(plan: Plan) -> Self {
        let room = plan.to_ms.saturating_sub(plan.from_ms) / 2;
        assert!(plan.count as i128 <= i128::from(room), "{} events do not fit into {} ms", plan.count, room * 2);
        let chance = fastrand::Rng::with_seed(plan.seed);
        Self { plan, made: 0, last_ms: plan.from_ms - 1, chance, pending: BinaryHeap::new(), next_thread: 0 }
    }

    /// When event number `made` arrives. Volume over the time `t` in 0..1 is in proportion to 1 + 2t, so the share of
    /// events before `t` is (t + t²) / 2, of which this is the inverse.
    fn arrival(&self) -> i64 {
        #[expect(clippy::cast_precision_loss, reason = "counts and spans stay far below 2^53")]
        let share = self.made as f64 / self.plan.count as f64;
        let t = ((1.0 + 8.0 * share).sqrt() - 1.0) / 2.0;
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as above")]
        let offset = (t * (self.plan.to_ms - self.plan.from_ms) as f64) as i64;
        // At the end events come closest: 1.5 to the mean's 1, so two milliseconds an event leave room.
        (self.plan.from_ms + offset).max(self.last_ms + 1).min(self.plan.to_ms - 1)
    }

    /// What is due goes on; when nothing is, something new begins.
    fn next_step(&mut self, now_ms: i64) -> (Kind, Thread) {
        if self.pending.peek().is_some_and(|pending| pending.due_ms <= now_ms)
            && let Some(due) = self.pending.pop()
        {
            return (due.kind, due.thread);
        }
        self.next_thread += 1;
        let kind = story::begin(&mut self.chance, self.plan.enriched);
        (kind, Thread::new(&mut self.chance, self.plan.seed, self.next_thread, now_ms))
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.made == self.plan.count {
            return None;
        }
        let arrival_ms = self.arrival();
        let (kind, thread) = self.next_step(arrival_ms);
        story::follow(kind, thread, arrival_ms, &mut self.chance, &mut self.pending);
        let number = self.made as u64;
        let made = Made { kind, thread, arrival_ms, number };
        self.made += 1;
        self.last_ms = arrival_ms;
        Some(Event {
            event_type: kind.event_type(),
            arrival_ms,
            partition_key: people::partition_key(thread.person),
            bytes: made.render(&mut self.chance),
            enriched: kind.is_enriched(),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.plan.count - self.made;
        (left, Some(left))
    }
}

/// Everything that a rendered event depends on, chance aside.
#[derive(Debug, Clone, Copy)]
struct Made {
    kind: Kind,
    thread: Thread,
    arrival_ms: i64,
    number: u64,
}

impl Made {
    fn render(&self, chance: &mut fastrand::Rng) -> Vec<u8> {
        // Mail is the longest, at about 1.9 kB.
        let mut bytes = Vec::with_capacity(2048);
        let mut json = Json(&mut bytes);
        match self.kind {
            Kind::App(what) => app::pinpoint(self, what, &mut json, chance),
            Kind::Enriched(what) => app::enriched(self, what, &mut json, chance),
            Kind::Mail(what) => mail::mail(self, what, &mut json, chance),
            Kind::Campaign(channel) => send::campaign(self, channel, &mut json, chance),
            Kind::Journey(channel) => send::journey(self, channel, &mut json, chance),
            Kind::Push(what) => app::push(self, what, &mut json),
            Kind::Sms(what) => send::sms(self, what, &mut json),
        }
        bytes
    }
}

/// How many events there are by day and event type: what the cluster must say in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// By day and event type.
    pub counts: BTreeMap<(NaiveDate, &'static str), u64>,
}

impl Truth {
    /// Counts one event.
    pub fn add(&mut self, event: &Event) {
        *self.counts.entry((event.day(), event.event_type)).or_default() += 1;
    }

    /// All events.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// By day.
    pub fn by_day(&self) -> BTreeMap<NaiveDate, u64> {
        self.sum_by(|(day, _)| *day)
    }

    /// By event type.
    pub fn by_type(&self) -> BTreeMap<&'static str, u64> {
        self.sum_by(|(_, event_type)| *event_type)
    }

    fn sum_by<K: Ord>(&self, key: impl Fn(&(NaiveDate, &'static str)) -> K) -> BTreeMap<K, u64> {
        let mut sums = BTreeMap::new();
        for (place, count) in &self.counts {
            *sums.entry(key(place)).or_default() += count;
        }
        sums
    }
}

/// Every event type that can occur.
pub fn event_types() -> Vec<&'static str> {
    story::all_event_types()
}

fn day_of(ms: i64) -> NaiveDate {
    // Plans are made of dates, so this is in chrono's range.
    DateTime::from_timestamp_millis(ms.div_euclid(DAY_MS) * DAY_MS).unwrap_or_default().date_naive()
}

#[cfg(test)]
mod tests;
