//! What waits for one shard.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::frame::FRAME;
use super::lanes::{REQUEST_BYTES, Trouble};
use super::parcel::{Parcel, TARGET, Waiting};
use crate::kinesis::chance::Chance;

/// One shard's events, in the order in which they came.
#[derive(Debug, Default)]
pub struct Lane {
    /// Refused before: they go first.
    again: VecDeque<Parcel>,
    fresh: VecDeque<Waiting>,
    /// Requests under way that hold something of it.
    flying: usize,
    /// Since the shard takes less than it is given.
    trouble: Option<(Trouble, Budget)>,
}

/// Bytes that a shard in trouble is given at once: what it took last time, and twice that if it took all.
type Budget = usize;

impl Lane {
    /// One event more.
    pub fn add(&mut self, event: Waiting) {
        self.fresh.push_back(event);
    }

    /// A record to be sent again.
    pub fn again(&mut self, parcel: Parcel) {
        self.again.push_back(parcel);
    }

    /// Everything that waits.
    pub fn into_waiting(self) -> (VecDeque<Parcel>, VecDeque<Waiting>) {
        (self.again, self.fresh)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.again.is_empty() && self.fresh.is_empty()
    }

    /// Whether the shard takes what it is given.
    pub fn is_calm(&self) -> bool {
        self.trouble.is_none()
    }

    /// Bytes that it may send now.
    pub fn room(&self, now: Instant) -> usize {
        match &self.trouble {
            None => usize::MAX,
            Some((trouble, _)) if trouble.due > now || self.flying > 0 => 0,
            Some((_, budget)) => *budget,
        }
    }

    /// The next record, of at most `room` bytes; the first one of a request may be larger than that.
    pub fn next(&mut self, room: usize, first: bool) -> Option<Parcel> {
        if room == 0 {
            return None;
        }
        while self.again.front().is_some_and(|parcel| !parcel.is_live()) {
            self.again.pop_front();
        }
        match self.again.front() {
            Some(head) if first || (head.bytes <= room && !head.alone) => self.again.pop_front(),
            Some(_) => None,
            None => self.pack(room, first),
        }
    }

    /// Events of this lane up to a full record.
    fn pack(&mut self, room: usize, first: bool) -> Option<Parcel> {
        let mut parcel: Option<Parcel> = None;
        while let Some(head) = self.fresh.pop_front() {
            if !head.ticket.is_live() {
                continue;
            }
            let bytes = head.bytes();
            match &mut parcel {
                None if first || bytes + head.key.len() + FRAME <= room => parcel = Some(Parcel::new(head)),
                Some(open) if open.bytes + bytes <= TARGET.min(room) => open.add(head),
                _ => {
                    self.fresh.push_front(head);
                    break;
                }
            }
        }
        parcel
    }

    /// A request with something of it has gone off.
    pub fn sent(&mut self) {
        self.flying += 1;
    }

    /// It has ended.
    pub fn landed(&mut self) {
        self.flying = self.flying.saturating_sub(1);
    }

    /// What the shard took and refused of one request, in bytes.
    pub fn took(&mut self, accepted: usize, refused: usize, now: Instant, chance: &mut Chance) {
        if refused > 0 {
            // A shard that takes something is not asked more and more seldom.
            let before = self.trouble.as_ref().map(|(trouble, _)| trouble).filter(|_| accepted == 0);
            self.trouble = Some((Trouble::next(before, now, chance), accepted.max(TARGET)));
            return self.forget();
        }
        let took_all = self.is_empty();
        if let Some((_, budget)) = &mut self.trouble {
            *budget = budget.saturating_mul(2);
            if took_all || *budget >= REQUEST_BYTES {
                self.trouble = None;
            }
        }
    }

    /// Lets go of what nobody waits for any more: while nothing can be sent it would keep the room of others.
    pub fn forget(&mut self) {
        self.again.retain(Parcel::is_live);
        self.fresh.retain(|event| event.ticket.is_live());
    }

    /// When it may send; `None` when nothing waits, or a request under way comes first.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        match &self.trouble {
            _ if self.is_empty() => None,
            None => Some(now),
            Some(_) if self.flying > 0 => None,
            Some((trouble, _)) => Some(trouble.due),
        }
    }
}
