//! A month of messaging: what every provider says of the messages of one shop and its app, and the truth about it.
//!
//! The same seed gives the same month on any machine. Every event is in its provider's own form and, here and there, in
//! what it travels in; some come twice, as streams have it. [`Truth`] is written down while the events are made, one
//! [`Fact`] for each, in the words of the vocabulary by its rules: nothing of it is read back from the bytes, and no code
//! under test has a part in it. Whoever counts facts by plain additions knows what a cluster must say.
//!
//! In it are the traps of counting: a mail with three receipts, a text that is buffered and then done with the price on
//! both, one that is buffered for ever, one that ends twice and says its price twice, sessions that began in 1970, texts in parts, receipts a part, conversations paid for once, other currencies, one event
//! about two messages, a channel that is said at first only, opens and clicks without a receipt or weeks late, a campaign's attempt beside the mail it made,
//! and events within a second of midnight.

mod app;
mod bird;
mod book;
mod clock;
mod eum;
mod pendula;
mod people;
mod pinpoint;
mod pinpoint_mail;
mod pinpoint_send;
mod pinpoint_text;
mod rcs;
mod ses;
mod truth;
mod vonage;
mod whatsapp;

use std::ops::Range;

use chrono::NaiveDate;

use self::book::Book;
use self::clock::Clock;
pub use self::truth::{Fact, Paid, Purchase, Truth, distinct, spent};

/// A month, or any other number of days.
#[derive(Debug)]
pub struct Month {
    events: Vec<Event>,
    truth: Truth,
}

/// What goes into the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it arrives, Unix milliseconds.
    pub at: i64,
    /// Whether it is an event that Pinpoint itself wrote into a stream: none came after its end.
    pub is_pinpoints: bool,
    /// Whether it is in Pinpoint's envelope, also one that an app's own client made.
    pub is_in_its_envelope: bool,
    /// Whether it has been in the stream before, and when.
    pub again_of: Option<i64>,
    /// The record.
    pub bytes: Vec<u8>,
}

/// What makes the events of one story that begins at a time.
type Story = fn(&mut Book, i64);

/// How many stories in each hundred or so are of a kind.
const SHARES: [(u32, Story); 16] = [
    (22, pinpoint_mail::campaign),
    (6, pinpoint_mail::journey),
    (3, pinpoint_mail::transactional),
    (9, pinpoint_text::campaign),
    (3, pinpoint_send::push),
    (14, app::session),
    (6, app::enriched),
    (9, eum::text),
    (2, eum::media),
    (2, eum::voice),
    (3, rcs::message),
    (5, whatsapp::message),
    (10, ses::mail),
    (6, bird::mail),
    (7, vonage::message),
    (4, pendula::message),
];

/// A story for each number from 0. Kinds take turns of 7, which has no factor in common with their sum: every kind occurs
/// in a short month too.
fn stories() -> impl Iterator<Item = Story> {
    let each: Vec<Story> = SHARES.iter().flat_map(|(share, story)| vec![*story; *share as usize]).collect();
    (0_usize..).map(move |number| each[number.wrapping_mul(7) % each.len()])
}

impl Month {
    /// `messages` stories over `days` UTC days: a message or a session each, of three events or so. What would happen
    /// after the last day has not happened yet.
    pub fn new(seed: u64, messages: usize, first_day: NaiveDate, days: u32) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let clock = Clock::new(first_day, days);
        let starts: Vec<i64> = (0..messages).map(|number| clock.start(number, &mut chance)).collect();
        let mut book = Book::new(seed, chance, clock.span(), messages);
        for (start, story) in starts.into_iter().zip(stories()) {
            story(&mut book, start);
        }
        let (events, facts) = book.close();
        Self { events, truth: Truth::new(facts) }
    }

    /// What goes into the stream, in the order of its arrival: milliseconds and the record.
    pub fn events(&self) -> impl Iterator<Item = (i64, Vec<u8>)> {
        self.events.iter().map(|event| (event.at, event.bytes.clone()))
    }

    /// The same, with what is known of each.
    pub fn all(&self) -> &[Event] {
        &self.events
    }

    /// What is left for the stream when Firehose had Pinpoint's events before `cut`: not those, nor the same again; and
    /// no app sent enriched ones before.
    pub fn without_firehose(&self, cut: i64) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| !(event.is_in_its_envelope && event.again_of.unwrap_or(event.at) < cut))
    }

    /// What Firehose would have put into its own daily indices: Pinpoint's events of these milliseconds, each once.
    pub fn firehose(&self, during: Range<i64>) -> impl Iterator<Item = &Event> {
        let its = move |event: &&Event| event.is_pinpoints && event.again_of.is_none() && during.contains(&event.at);
        self.events.iter().filter(its)
    }

    /// What happened.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }
}

#[cfg(test)]
mod tests;
