//! Opens envelopes: each part goes the way of a record, within the same limits.

use std::ops::Range;

use bytes::Bytes;

use super::{Around, Piece, Unwrapper};
use crate::event::aggregate::{self, Aggregate};
use crate::event::envelope::{self, Envelope, MOST_DEEP, Part, Unreadable};

impl Unwrapper {
    /// Opens the value just scanned, if it is an envelope and anything comes out of it.
    pub(super) fn open(
        &mut self,
        data: &Bytes,
        value: Range<usize>,
        around: &Around<'_>,
        take: &mut impl FnMut(Piece),
    ) -> bool {
        if around.depth == MOST_DEEP {
            return false;
        }
        let Some(envelope) = envelope::recognise(&self.scanned) else { return false };
        let parts = envelope.count(&self.scanned);
        let Some(left) = self.values_left.checked_sub(parts) else {
            self.values_left -= 1;
            self.give(
                around.poison(data, value, "too_many_values", "more parts than one record may hold values"),
                take,
            );
            return true;
        };
        // Each part is owed one value, whatever those before it hold: what is too much ends in as many pieces at most.
        self.values_left = left;
        let (mut owed, before) = (parts, self.pieces);
        let inner = Around { at: Some(around.at.unwrap_or(value.start)), depth: around.depth + 1, ..*around };
        let scanned = std::mem::take(&mut self.scanned);
        envelope.parts(&scanned, &mut |part| {
            self.values_left += 1;
            owed = owed.saturating_sub(1);
            self.part(envelope, &part, &inner, take);
        });
        self.values_left += owed;
        self.scanned = scanned;
        self.pieces > before
    }

    fn part(&mut self, envelope: &Envelope, part: &Part<'_>, around: &Around<'_>, take: &mut impl FnMut(Piece)) {
        let envelopes = [around.envelopes, &[envelope.name]].concat();
        let mut kept = around.kept.to_vec();
        part.facts.write(envelope.name, &mut kept);
        let time = part.facts.time.or(around.time);
        let around = Around { envelopes: &envelopes, kept: &kept, time, ..*around };
        let (bytes, reason, detail) = match part.payload.bytes() {
            Ok(bytes) if bytes.len() <= self.inflated_left => {
                self.inflated_left -= bytes.len();
                return self.record(&bytes, &around, take);
            }
            Ok(bytes) => (bytes, "too_large", "more than one record may hold, taken out of its envelopes".to_owned()),
            Err(Unreadable { bytes, what }) => (bytes, "bad_envelope", format!("a part of {} {what}", envelope.name)),
        };
        self.values_left = self.values_left.saturating_sub(1);
        self.give(around.poison_of(bytes, around.at.unwrap_or_default(), reason, &detail), take);
    }

    /// A record in an envelope, which may be an aggregate: Lambda, for one, does not open what the producer packed.
    pub(super) fn record(&mut self, data: &Bytes, around: &Around<'_>, take: &mut impl FnMut(Piece)) {
        let has_events = match aggregate::open(data, aggregate::MOST_RECORDS) {
            Aggregate::Plain => self.data(data, around, take),
            Aggregate::Records(users) => {
                let envelopes = [around.envelopes, &["kpl"]].concat();
                let around = Around { envelopes: &envelopes, ..*around };
                let mut has_events = false;
                for user in &users {
                    has_events |= self.data(user, &around, take);
                }
                has_events
            }
            Aggregate::Bad(detail) => {
                self.give(around.poison(data, 0..data.len(), "bad_kpl", detail), take);
                false
            }
        };
        if has_events {
            self.held += data.len();
        }
    }
}
