//! Takes the events out of one record: gzip, several JSON values in a row, arrays, [envelopes](super::envelope) inside
//! each other.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::aggregate;
use super::clock::{ClockBounds, Instead};
use super::document::{self, About};
use super::envelope::MOST_DEEP;
use super::families::{self, Reading};
use super::family::Family;
use super::id::EventId;
use super::inflate::{Inflated, inflate};
use super::msg::Msg;
use super::redact::Redaction;
use super::scan::{Fault, ScanLimits, Scanned, TOO_MANY_KEYS, scan};
use super::time::{Day, Millis};

mod open;
mod values;

use values::Values;

/// One event, ready to be indexed.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its kind.
    pub family: Family,
    /// Its id, a function of its bytes.
    pub id: EventId,
    /// The UTC day it is filed under.
    pub day: Day,
    /// The document, one line of JSON without the newline.
    pub body: Vec<u8>,
    /// The event as it came: a slice of the data it was found in.
    pub bytes: Bytes,
    /// Where it begins in the record's data, inflated when they were gzip; of an event in envelopes, where the outermost
    /// of them begins.
    pub offset: usize,
    /// The time of an envelope, when that is what it is filed under: its bytes alone do not say it.
    pub wrapped: Option<Millis>,
    /// `body` lacks what the rules of redaction ask to go.
    pub redacted: bool,
}

/// Bytes that cannot become an event.
#[derive(Debug, Clone)]
pub struct Poison {
    /// Class of the reason: `not_json`, `not_an_object`, `unsafe_json`, `bad_gzip`, `bad_kpl`, `bad_envelope`, `too_large`,
    /// `too_many_values`.
    pub reason: &'static str,
    /// One sentence for people, without any of the bytes.
    pub detail: String,
    /// Where the bytes begin in the record's data: inflated, when it was gzip, but compressed for `bad_gzip` and
    /// `too_large`; of bytes in envelopes, where the outermost of them begins.
    pub offset: usize,
    /// The bytes, in memory of their own: a slice would keep everything around them alive.
    pub bytes: Bytes,
    /// The time of the envelope they came in, as far as it has one.
    pub wrapped: Option<Millis>,
}

/// What unwrapping finds, one after the other.
#[derive(Debug, Clone)]
pub enum Piece {
    /// An event.
    Event(Event),
    /// Bytes that cannot become one.
    Poison(Poison),
}

/// Limits and rules of unwrapping.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Bounds of one value.
    pub scan: ScanLimits,
    /// Bytes that everything compressed in one record, and everything in its envelopes, may have when taken out.
    pub inflated: usize,
    /// Values in one record, over all that is packed in it. Envelopes are not counted, but what is in them.
    pub values: usize,
    /// Which stamps are believed.
    pub clock: ClockBounds,
    /// What of a person stays out of the documents.
    pub redaction: Option<Arc<Redaction>>,
}

/// Unwraps records, one at a time; keeps its scratch memory between them.
#[derive(Debug)]
pub struct Unwrapper {
    rules: Rules,
    scanned: Scanned,
    msg: Msg,
    /// What the record at hand may still take of the rules' limits.
    inflated_left: usize,
    values_left: usize,
    held: usize,
    /// Pieces given so far.
    pieces: u64,
}

/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Scratch memory that one large event has made is not kept for the next small ones.
const SCRATCH: usize = 1 << 20;

/// What is known of a record before its bytes are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Wrapping<'a> {
    /// When Kinesis received it.
    pub arrived: Millis,
    /// What has been taken off already, outermost first.
    pub envelopes: &'a [&'static str],
    /// The time of an envelope that has been taken off.
    pub time: Option<Millis>,
}

/// What stands around the data at hand.
#[derive(Clone, Copy)]
struct Around<'a> {
    arrived: Millis,
    /// Names, outermost first.
    envelopes: &'a [&'static str],
    /// What is kept of them: JSON objects with commas between them.
    kept: &'a [u8],
    /// The time of the innermost that has one.
    time: Option<Millis>,
    /// Envelopes that were opened in this record.
    depth: usize,
    /// Where the outermost of these begins.
    at: Option<usize>,
}

impl Unwrapper {
    /// An unwrapper with these rules.
    pub fn new(rules: Rules) -> Self {
        let (inflated_left, values_left) = (rules.inflated, rules.values);
        let (scanned, msg) = (Scanned::default(), Msg::default());
        Self { rules, scanned, msg, inflated_left, values_left, held: 0, pieces: 0 }
    }

    /// Bytes that have been inflated or taken out of envelopes in the record at hand so far.
    pub fn inflated(&self) -> usize {
        self.rules.inflated - self.inflated_left
    }

    /// As many of them as the record's events are slices of, and so keep alive.
    pub fn held(&self) -> usize {
        self.held
    }

    /// The next data belong to another record, with limits of its own. A record packs several data when it
    /// is an aggregate; a hundred small bombs in one are one large one.
    pub fn next_record(&mut self) {
        self.inflated_left = self.rules.inflated;
        self.values_left = self.rules.values;
        self.held = 0;
        if self.scanned.json.capacity() > SCRATCH {
            self.scanned = Scanned::default();
        }
    }

    /// Hands every event in `data`, and every stretch of bytes that is none, to `take`, in order. `true` when some of the
    /// events are slices of `data`, and so keep it alive.
    pub fn unwrap(&mut self, data: &Bytes, wrapping: Wrapping<'_>, take: &mut impl FnMut(Piece)) -> bool {
        let Wrapping { arrived, envelopes, time } = wrapping;
        self.data(data, &Around { arrived, envelopes, time, kept: &[], depth: 0, at: None }, take)
    }

    /// `true` when there are events that are slices of `data`.
    fn data(&mut self, data: &Bytes, around: &Around<'_>, take: &mut impl FnMut(Piece)) -> bool {
        if !data.starts_with(&GZIP) {
            return self.values(data, around, take);
        }
        let Inflated { bytes, rest } = inflate(data, self.inflated_left);
        self.inflated_left -= bytes.len();
        let (bytes, envelopes) = (Bytes::from(bytes), [around.envelopes, &["gzip"]].concat());
        let packed = bytes.starts_with(&GZIP) || bytes.starts_with(&aggregate::MAGIC);
        if packed && around.depth < MOST_DEEP {
            self.record(&bytes, &Around { envelopes: &envelopes, depth: around.depth + 1, ..*around }, take);
        } else if self.values(&bytes, &Around { envelopes: &envelopes, ..*around }, take) {
            self.held += bytes.len();
        }
        if let Some(broken) = rest {
            self.give(around.poison(data, broken.offset..data.len(), broken.reason, &broken.detail), take);
        }
        false
    }

    /// `true` when there are events that are slices of `data`.
    fn values(&mut self, data: &Bytes, around: &Around<'_>, take: &mut impl FnMut(Piece)) -> bool {
        let utf8 = std::str::from_utf8(data).is_ok();
        let (mut values, mut has_events) = (Values::of(data), false);
        let rest = |from: usize, reason, detail: &str| around.poison(data, from..data.len(), reason, detail);
        loop {
            let start = match values.next_start() {
                Ok(Some(start)) => start,
                Ok(None) => break,
                Err(what) => {
                    self.give(rest(values.at, "not_json", what), take);
                    break;
                }
            };
            if self.values_left == 0 {
                self.give(rest(start, "too_many_values", "more values than one record may hold"), take);
                break;
            }
            let (end, fault, is_whole) = match scan(data, start, &self.rules.scan, &mut self.scanned) {
                Ok(end) => (end, None, true),
                Err(Fault::Crowded { end }) => (end, Some(TOO_MANY_KEYS), true),
                Err(Fault::Unsafe { end, what }) => (end, Some(what), false),
                Err(Fault::Broken { at, what }) => {
                    self.give(rest(start, "not_json", &format!("{what} at byte {at}")), take);
                    break;
                }
            };
            values.past(end);
            let is_text = utf8 || std::str::from_utf8(&data[start..end]).is_ok();
            if is_whole && is_text && self.open(data, start..end, around, take) {
                continue;
            }
            self.values_left -= 1;
            let fault = fault.or((!is_text).then_some("invalid UTF-8"));
            let piece = match fault {
                Some(what) => around.poison(data, start..end, "unsafe_json", what),
                None => self.piece(data, start..end, around),
            };
            has_events |= matches!(piece, Piece::Event(_));
            self.give(piece, take);
        }
        has_events
    }

    fn give(&mut self, piece: Piece, take: &mut impl FnMut(Piece)) {
        self.pieces += 1;
        take(piece);
    }

    /// The value just scanned, as an event.
    fn piece(&mut self, data: &Bytes, value: Range<usize>, around: &Around<'_>) -> Piece {
        let event = &self.scanned;
        if !event.json.starts_with(b"{") {
            return around.poison(data, value, "not_an_object", "a JSON value that is no object");
        }
        let Around { arrived, envelopes, time, .. } = *around;
        // Each event has a copy of what is kept, so a small record with much around many events is a bomb too: copies
        // count as what a record is inflated to, and beyond that the events come without.
        let wrapping = match self.inflated_left.checked_sub(around.kept.len()) {
            Some(left) => {
                self.inflated_left = left;
                around.kept
            }
            None => &[],
        };
        let mut body = Vec::with_capacity(event.json.len() + 512);
        let known = families::recognise(event);
        let (family, stamp, filed) = match known {
            Some(known) => {
                let (stamp, clock) = (known.stamp)(event);
                let filed = self.rules.clock.file_wrapped(stamp, clock, time, arrived);
                let mut reading = Reading::of(event, &mut self.msg, &self.rules.scan);
                (known.read)(event, &mut reading);
                document::write(event, known, &reading, &About { filed, arrived, envelopes, wrapping }, &mut body);
                (known.family, stamp, filed)
            }
            None => {
                let filed = self.rules.clock.file_unknown(time, arrived);
                document::write_wrapped(event, &About { filed, arrived, envelopes, wrapping }, &mut body);
                (Family::Unrecognized, None, filed)
            }
        };
        if let Some(redaction) = &self.rules.redaction {
            body = redaction.apply(known.map_or(&[], |known| known.personal), &body);
        }
        let (offset, bytes) = (around.at.unwrap_or(value.start), data.slice(value));
        let id = EventId::of(&bytes, stamp);
        let wrapped = time.filter(|_| filed.instead == Some(Instead::Envelope));
        let redacted = self.rules.redaction.is_some();
        Piece::Event(Event { family, id, day: filed.at.day(), body, bytes, offset, wrapped, redacted })
    }
}

impl Around<'_> {
    /// Bytes at this place of `data` that cannot become an event.
    fn poison(&self, data: &Bytes, at: Range<usize>, reason: &'static str, detail: &str) -> Piece {
        let offset = self.at.unwrap_or(at.start);
        self.poison_of(Bytes::copy_from_slice(&data[at]), offset, reason, detail)
    }

    /// The same, of bytes in memory of their own.
    fn poison_of(&self, bytes: Bytes, offset: usize, reason: &'static str, detail: &str) -> Piece {
        Piece::Poison(Poison { reason, detail: detail.to_owned(), offset, bytes, wrapped: self.time })
    }
}

#[cfg(test)]
mod tests;
