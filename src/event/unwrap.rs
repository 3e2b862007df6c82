//! Takes the events out of one record: gzip, several JSON values in a row, arrays.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::clock::{ClockBounds, Filed};
use super::document::{self, About};
use super::families::{self, Reading};
use super::family::Family;
use super::id::EventId;
use super::inflate::{Inflated, inflate};
use super::msg::Msg;
use super::redact::Redaction;
use super::scan::{Fault, ScanLimits, Scanned, scan};
use super::time::{Day, Millis};

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
    /// Where it begins in that data.
    pub offset: usize,
    /// `body` lacks what the rules of redaction ask to go.
    pub redacted: bool,
}

/// Bytes that cannot become an event.
#[derive(Debug, Clone)]
pub struct Poison {
    /// Class of the reason: `not_json`, `not_an_object`, `unsafe_json`, `bad_gzip`, `too_large`, `too_many_values`.
    pub reason: &'static str,
    /// One sentence for people, without any of the bytes.
    pub detail: String,
    /// Where the bytes begin in the data they were found in: inflated, when it was gzip, but compressed for
    /// `bad_gzip` and `too_large`.
    pub offset: usize,
    /// The bytes, in memory of their own: a slice would keep everything around them alive.
    pub bytes: Bytes,
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
    /// Bytes that everything compressed in one record may have when inflated.
    pub inflated: usize,
    /// Values in one record, over all that is packed in it.
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
}

/// Scratch memory that one large event has made is not kept for the next small ones.
const SCRATCH: usize = 1 << 20;

/// What is known of a record before its bytes are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Wrapping<'a> {
    /// When Kinesis received it.
    pub arrived: Millis,
    /// What has been taken off already, outermost first.
    pub envelopes: &'a [&'static str],
}

impl Unwrapper {
    /// An unwrapper with these rules.
    pub fn new(rules: Rules) -> Self {
        let (inflated_left, values_left) = (rules.inflated, rules.values);
        Self { rules, scanned: Scanned::default(), msg: Msg::default(), inflated_left, values_left }
    }

    /// Bytes that the record at hand has been inflated to so far.
    pub fn inflated(&self) -> usize {
        self.rules.inflated - self.inflated_left
    }

    /// The next data belong to another record, with limits of its own. A record packs several data when it
    /// is an aggregate; a hundred small bombs in one are one large one.
    pub fn next_record(&mut self) {
        self.inflated_left = self.rules.inflated;
        self.values_left = self.rules.values;
        if self.scanned.json.capacity() > SCRATCH {
            self.scanned = Scanned::default();
        }
    }

    /// Hands every event in `data`, and every stretch of bytes that is none, to `take`, in order.
    pub fn unwrap(&mut self, data: &Bytes, wrapping: Wrapping<'_>, take: &mut impl FnMut(Piece)) {
        if !data.starts_with(&[0x1f, 0x8b]) {
            return self.values(data, wrapping, take);
        }
        let Inflated { bytes, rest } = inflate(data, self.inflated_left);
        self.inflated_left -= bytes.len();
        let envelopes = [wrapping.envelopes, &["gzip"]].concat();
        self.values(&bytes.into(), Wrapping { envelopes: &envelopes, ..wrapping }, take);
        if let Some(broken) = rest {
            take(self::rest(data, broken.offset, broken.reason, &broken.detail));
        }
    }

    fn values(&mut self, data: &Bytes, wrapping: Wrapping<'_>, take: &mut impl FnMut(Piece)) {
        let utf8 = std::str::from_utf8(data).is_ok();
        let mut values = Values { data, at: 0, arrays: 0, behind_value: false };
        loop {
            let start = match values.next_start() {
                Ok(Some(start)) => start,
                Ok(None) => return,
                Err(what) => return take(rest(data, values.at, "not_json", what)),
            };
            let Some(left) = self.values_left.checked_sub(1) else {
                return take(rest(data, start, "too_many_values", "more values than one record may hold"));
            };
            self.values_left = left;
            let (end, piece) = match scan(data, start, &self.rules.scan, &mut self.scanned) {
                Ok(end) if !utf8 && std::str::from_utf8(&data[start..end]).is_err() => {
                    (end, unsafe_value(data, start, end, "invalid UTF-8"))
                }
                Ok(end) => (end, self.piece(data, start, end, wrapping)),
                Err(Fault::Unsafe { end, what }) => (end, unsafe_value(data, start, end, what)),
                Err(Fault::Broken { at, what }) => {
                    return take(rest(data, start, "not_json", &format!("{what} at byte {at}")));
                }
            };
            take(piece);
            values.past(end);
        }
    }

    /// The value just scanned, as an event.
    fn piece(&mut self, data: &Bytes, start: usize, end: usize, wrapping: Wrapping<'_>) -> Piece {
        let event = &self.scanned;
        if !event.json.starts_with(b"{") {
            return poison(data, start..end, "not_an_object", "a JSON value that is no object");
        }
        let Wrapping { arrived, envelopes } = wrapping;
        let mut body = Vec::with_capacity(event.json.len() + 512);
        let known = families::recognise(event);
        let (family, stamp, filed) = match known {
            Some(known) => {
                let (stamp, clock) = (known.stamp)(event);
                let filed = self.rules.clock.file(stamp, clock, arrived);
                let mut reading = Reading::of(event, &mut self.msg, &self.rules.scan);
                (known.read)(event, &mut reading);
                document::write(event, known, &reading, &About { filed, arrived, envelopes }, &mut body);
                (known.family, stamp, filed)
            }
            None => {
                let filed = Filed { at: arrived, corrected: false };
                document::write_wrapped(event, &About { filed, arrived, envelopes }, &mut body);
                (Family::Unrecognized, None, filed)
            }
        };
        if let Some(redaction) = &self.rules.redaction {
            body = redaction.apply(known.map_or(&[], |known| known.personal), &body);
        }
        let bytes = data.slice(start..end);
        let id = EventId::of(&bytes, stamp);
        Piece::Event(Event {
            family,
            id,
            day: filed.at.day(),
            body,
            bytes,
            offset: start,
            redacted: self.rules.redaction.is_some(),
        })
    }
}

/// Finds where values begin: one behind the other, with or without white space, and inside arrays.
struct Values<'a> {
    data: &'a [u8],
    at: usize,
    arrays: usize,
    behind_value: bool,
}

impl Values<'_> {
    /// Offset of the next value that is no array; `None` at the end of the data.
    fn next_start(&mut self) -> Result<Option<usize>, &'static str> {
        loop {
            let space = self.data[self.at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.at += space;
            match self.data.get(self.at) {
                None if self.arrays > 0 => return Err("the end of the data inside an array"),
                None => return Ok(None),
                Some(b',') if self.arrays > 0 && self.behind_value => self.behind_value = false,
                Some(b']') if self.arrays > 0 && (self.behind_value || self.opened()) => {
                    self.arrays -= 1;
                    self.behind_value = true;
                }
                Some(_) if self.arrays > 0 && self.behind_value => {
                    return Err("something else than a comma or a closing bracket");
                }
                Some(b'[') => {
                    self.arrays += 1;
                    self.behind_value = false;
                }
                Some(_) => return Ok(Some(self.at)),
            }
            self.at += 1;
        }
    }

    /// Whether the last thing read was an opening bracket: `[]` is an array, `[1,]` is not.
    fn opened(&self) -> bool {
        self.data[..self.at].trim_ascii_end().ends_with(b"[")
    }

    fn past(&mut self, end: usize) {
        self.at = end;
        self.behind_value = true;
    }
}

fn rest(data: &Bytes, from: usize, reason: &'static str, detail: &str) -> Piece {
    poison(data, from..data.len(), reason, detail)
}

fn unsafe_value(data: &Bytes, start: usize, end: usize, what: &str) -> Piece {
    poison(data, start..end, "unsafe_json", what)
}

fn poison(data: &Bytes, at: Range<usize>, reason: &'static str, detail: &str) -> Piece {
    let (offset, bytes) = (at.start, Bytes::copy_from_slice(&data[at]));
    Piece::Poison(Poison { reason, detail: detail.to_owned(), offset, bytes })
}

#[cfg(test)]
mod tests;
