//! What waits for one shard.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::frame::FRAME;
use super::lanes::{REQUEST_BYTES, Trouble};
use super::parcel::{Parcel, TARGET, Waiting};
use super::ticket::Ticket;
use crate::kinesis::chance::Chance;

/// One shard's events: of each caller in the order in which they came. Callers take turns, a record each, so that who has
/// little waits for as much of who has more, and not for all of it.
#[derive(Debug, Default)]
pub struct Lane {
    callers: VecDeque<Caller>,
    /// Requests under way that hold something of it.
    flying: usize,
    /// Since the shard takes less than it is given.
    trouble: Option<(Trouble, Budget)>,
}

/// What waits of one caller; something does.
#[derive(Debug)]
struct Caller {
    ticket: Arc<Ticket>,
    /// Refused before: they go first.
    again: VecDeque<Parcel>,
    fresh: VecDeque<Waiting>,
}

impl Caller {
    fn new(ticket: Arc<Ticket>) -> Self {
        Self { ticket, again: VecDeque::new(), fresh: VecDeque::new() }
    }

    /// Lets go of what nobody waits for any more; says whether something is left.
    fn is_live(&mut self) -> bool {
        self.again.retain(Parcel::is_live);
        if !self.ticket.is_live() {
            self.fresh = VecDeque::new();
        }
        !self.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.again.is_empty() && self.fresh.is_empty()
    }
}

/// Bytes that a shard in trouble is given at once: what it took last time, and twice that if it took all.
type Budget = usize;

impl Lane {
    /// One event more.
    pub fn add(&mut self, event: Waiting) {
        // A caller's events come together.
        match self.callers.back_mut().filter(|caller| Arc::ptr_eq(&caller.ticket, &event.ticket)) {
            Some(caller) => caller.fresh.push_back(event),
            None => {
                let mut caller = Caller::new(event.ticket.clone());
                caller.fresh.push_back(event);
                self.callers.push_back(caller);
            }
        }
    }

    /// A record to be sent again.
    pub fn again(&mut self, parcel: Parcel) {
        let Some(owner) = parcel.owner().cloned() else { return };
        match self.callers.iter_mut().find(|caller| Arc::ptr_eq(&caller.ticket, &owner)) {
            Some(caller) => caller.again.push_back(parcel),
            None => {
                let mut caller = Caller::new(owner);
                caller.again.push_back(parcel);
                self.callers.push_back(caller);
            }
        }
    }

    /// Everything that waits.
    pub fn into_waiting(self) -> impl Iterator<Item = (VecDeque<Parcel>, VecDeque<Waiting>)> {
        self.callers.into_iter().map(|caller| (caller.again, caller.fresh))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.callers.is_empty()
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
        while self.callers.front_mut().is_some_and(|caller| !caller.is_live()) {
            self.callers.pop_front();
        }
        match self.callers.front()?.again.front() {
            Some(head) if !first && (head.bytes > room || head.alone) => None,
            Some(_) => {
                let mut caller = self.callers.pop_front()?;
                let parcel = caller.again.pop_front();
                if !caller.is_empty() {
                    self.callers.push_back(caller);
                }
                parcel
            }
            None => self.pack(room, first),
        }
    }

    /// Events of this lane up to a full record: of the caller whose turn it is, and of the next ones where there is room.
    fn pack(&mut self, room: usize, first: bool) -> Option<Parcel> {
        let (mut parcel, mut full) = (None, false);
        // Of who has a record to be sent again that one goes first.
        while !full && self.callers.front().is_some_and(|caller| caller.again.is_empty()) {
            let mut caller = self.callers.pop_front()?;
            let before = caller.fresh.len();
            full = fill(&mut parcel, &mut caller.fresh, room, first);
            match caller.fresh.len() {
                0 => {}
                // The next record begins with him.
                left if left == before => self.callers.push_front(caller),
                // He had his turn.
                _ => self.callers.push_back(caller),
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
        self.callers.retain_mut(Caller::is_live);
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

/// Puts events of one caller into a record; says whether no more goes into it.
fn fill(parcel: &mut Option<Parcel>, fresh: &mut VecDeque<Waiting>, room: usize, first: bool) -> bool {
    while let Some(head) = fresh.pop_front() {
        if !head.ticket.is_live() {
            fresh.clear();
            break;
        }
        let bytes = head.bytes();
        match parcel {
            None if first || bytes + head.key.len() + FRAME <= room => *parcel = Some(Parcel::new(head)),
            Some(open) if open.bytes + bytes <= TARGET.min(room) => open.add(head),
            _ => {
                fresh.push_front(head);
                return true;
            }
        }
    }
    false
}
