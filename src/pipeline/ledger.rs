//! One shard's records that have not ended: entered in order, settled in any order, safe by construction.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::op::RecordRef;
use super::position::{Position, Sequence, ShardId};
use crate::event::time::Millis;

/// Units of the memory bound (64 bytes each) that a record keeps which has ended behind one that has not: its place in
/// the ledger. Its bytes are gone, and must not keep others from being read while an index is blocked for days.
const PLACE: usize = 4;

/// The ledger of one shard.
#[derive(Debug)]
pub struct Ledger {
    shard: ShardId,
    /// Serial number of the front of `open`.
    first: u64,
    open: VecDeque<Open>,
    /// The newest position with nothing open at or before it, until it is taken.
    safe: Option<Arc<Sequence>>,
    end: End,
}

#[derive(Debug)]
struct Open {
    sequence: Arc<Sequence>,
    arrived: Millis,
    n_left: usize,
    permit: OwnedSemaphorePermit,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    NotReached,
    Reached,
    Taken,
    /// Reading was stopped; the shard goes on elsewhere once this is settled and stored.
    Closed,
    /// The shard is somebody else's: nothing of it is ours to store.
    Abandoned,
}

impl Open {
    /// Gives back what its bytes took.
    fn shrink(&mut self) {
        let rest = self.permit.num_permits().saturating_sub(PLACE);
        drop(self.permit.split(rest));
    }
}

impl Ledger {
    /// The ledger of a shard of which nothing has been read.
    pub fn new(shard: ShardId) -> Self {
        Self { shard, first: 0, open: VecDeque::new(), safe: None, end: End::NotReached }
    }

    /// The shard.
    pub fn shard(&self) -> &ShardId {
        &self.shard
    }

    /// Enters the next record of the shard, with `n_left` ops and letters to settle.
    ///
    /// A record without any still enters, so that the position can move past it.
    pub fn enter(&mut self, record: &RecordRef, n_left: usize, permit: OwnedSemaphorePermit) {
        let in_order = record.origin.serial == self.first + self.open.len() as u64;
        assert!(in_order && self.end == End::NotReached, "record {} of {} out of order", record.sequence, self.shard);
        let RecordRef { sequence, arrived, .. } = record;
        let mut open = Open { sequence: sequence.clone(), arrived: *arrived, n_left, permit };
        if n_left == 0 {
            open.shrink();
        }
        self.open.push_back(open);
        self.advance();
    }

    /// One op or letter of the record with this serial number has ended.
    pub fn settle(&mut self, serial: u64) {
        let entry = serial.checked_sub(self.first).and_then(|at| self.open.get_mut(usize::try_from(at).ok()?));
        let left = entry.and_then(|open| {
            open.n_left = open.n_left.checked_sub(1)?;
            if open.n_left == 0 {
                open.shrink();
            }
            Some(())
        });
        assert!(left.is_some(), "record {serial} of {} settled twice", self.shard);
        self.advance();
    }

    /// The shard is closed and all its records have been entered.
    pub fn reach_end(&mut self) {
        self.end = End::Reached;
    }

    /// Nothing more will be entered: reading was stopped before the end.
    pub fn close(&mut self) {
        self.end = End::Closed;
    }

    /// The shard is somebody else's from now on: it gives no position any more. What is open keeps its place in the
    /// memory bound until it has ended, for its bytes are still here.
    pub fn abandon(&mut self) {
        self.end = End::Abandoned;
        self.safe = None;
    }

    /// Whether its end has been taken to be stored.
    pub fn has_ended(&self) -> bool {
        self.end == End::Taken
    }

    /// Whether the shard is somebody else's.
    pub fn is_abandoned(&self) -> bool {
        self.end == End::Abandoned
    }

    /// Closed, and everything has ended. Its last position may still have to be taken.
    pub fn is_drained(&self) -> bool {
        self.end == End::Closed && self.open.is_empty()
    }

    /// The newest safe position, if it has moved since it was last taken.
    pub fn take_safe(&mut self) -> Option<Position> {
        if self.is_finished() {
            self.end = End::Taken;
            self.safe = None;
            return Some(Position::End);
        }
        self.safe.take().map(|sequence| Position::After(Sequence::clone(&sequence)))
    }

    /// The end has been reached and everything has settled, but nobody has taken that position yet.
    pub fn is_finished(&self) -> bool {
        self.end == End::Reached && self.open.is_empty()
    }

    /// Arrival of the oldest record that has not ended.
    pub fn oldest_open(&self) -> Option<Millis> {
        self.open.front().map(|open| open.arrived)
    }

    /// Records that have not ended.
    pub fn n_open(&self) -> usize {
        self.open.len()
    }

    fn advance(&mut self) {
        while self.open.front().is_some_and(|open| open.n_left == 0) {
            let settled = self.open.pop_front().map(|open| open.sequence);
            self.safe = settled.filter(|_| self.end != End::Abandoned);
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::pipeline::op::tests::record;

    fn ledger() -> (Ledger, Arc<Semaphore>) {
        (Ledger::new(record(0, 0).shard), Arc::new(Semaphore::new(1000)))
    }

    fn enter(ledger: &mut Ledger, memory: &Arc<Semaphore>, serial: u64, n_ops: usize) {
        let permit = memory.clone().try_acquire_owned().expect("room");
        ledger.enter(&record(0, serial), n_ops, permit);
    }

    proptest! {
        /// Against a naive model: the safe position is the last record before the first with an op left.
        #[test]
        fn a_position_never_passes_an_open_op(
            n_ops in prop::collection::vec(0_usize..4, 1..30), order in any::<u64>()
        ) {
            let (mut ledger, memory) = ledger();
            let mut left = Vec::new();
            let mut todo = Vec::new();
            let mut newest = None;
            for (serial, n) in n_ops.iter().enumerate() {
                enter(&mut ledger, &memory, serial as u64, *n);
                left.push(*n);
                todo.extend(std::iter::repeat_n(serial, *n));
            }
            let mut order = order;
            loop {
                let model = left.iter().take_while(|n| **n == 0).count();
                if let Some(position) = ledger.take_safe() {
                    newest = Some(position);
                }
                let expected = model.checked_sub(1).map(|s| Position::After(Sequence::clone(&record(0, s as u64).sequence)));
                prop_assert_eq!(&newest, &expected);
                prop_assert_eq!(memory.available_permits(), 1000 - (left.len() - model), "permits follow the safe position");
                if todo.is_empty() {
                    break;
                }
                order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let serial = todo.swap_remove((order >> 33) as usize % todo.len());
                left[serial] -= 1;
                ledger.settle(serial as u64);
            }
            ledger.reach_end();
            prop_assert_eq!(ledger.take_safe(), Some(Position::End));
            prop_assert_eq!(ledger.take_safe(), None);
        }
    }

    /// An index that is blocked for days must not fill the memory with what has long been indexed behind it.
    #[test]
    fn a_record_that_has_ended_behind_an_open_one_keeps_its_place_and_gives_back_its_bytes() {
        let (mut ledger, memory) = ledger();
        for serial in 0..3 {
            let permit = memory.clone().try_acquire_many_owned(100).expect("room");
            ledger.enter(&record(0, serial), 1, permit);
        }
        ledger.settle(1);
        assert_eq!(memory.available_permits(), 1000 - 200 - PLACE);
        ledger.settle(2);
        ledger.settle(0);
        assert_eq!((memory.available_permits(), ledger.n_open()), (1000, 0));
    }

    #[test]
    fn the_end_is_safe_only_when_everything_before_it_is() {
        let (mut ledger, memory) = ledger();
        enter(&mut ledger, &memory, 0, 1);
        ledger.reach_end();
        assert_eq!(ledger.take_safe(), None);
        ledger.settle(0);
        assert_eq!(ledger.take_safe(), Some(Position::End));
    }

    #[test]
    fn an_abandoned_shard_gives_no_position_but_keeps_its_memory_until_everything_has_ended() {
        let (mut ledger, memory) = ledger();
        enter(&mut ledger, &memory, 0, 1);
        enter(&mut ledger, &memory, 1, 1);
        ledger.settle(0);
        ledger.abandon();
        assert_eq!(ledger.take_safe(), None);
        ledger.settle(1);
        assert_eq!((ledger.take_safe(), ledger.n_open(), memory.available_permits()), (None, 0, 1000));
        assert!(!ledger.is_finished() && !ledger.is_drained());
    }

    #[test]
    fn a_closed_shard_is_drained_when_everything_has_ended_and_gives_its_last_position_not_the_end() {
        let (mut ledger, memory) = ledger();
        enter(&mut ledger, &memory, 0, 1);
        ledger.close();
        assert!(!ledger.is_drained());
        ledger.settle(0);
        assert!(ledger.is_drained());
        assert_eq!(ledger.take_safe(), Some(Position::After(Sequence::clone(&record(0, 0).sequence))));
    }

    #[test]
    #[should_panic(expected = "settled twice")]
    fn an_op_settles_once() {
        let (mut ledger, memory) = ledger();
        enter(&mut ledger, &memory, 0, 1);
        ledger.settle(0);
        ledger.settle(0);
    }
}
