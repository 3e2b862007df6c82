//! Ops of blocked indices, out of the way of the others until the block is lifted.
//!
//! A disk past its flood stage, or an operator, blocks an index for minutes or days. Its ops wait here, within the memory
//! bound, and take no delivery from other indices; one op at a time tries whether the block still stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::batch::Batch;
use super::op::BulkOp;
use super::pauses::{Backoff, Pauses};

/// The parked ops of every blocked index; `G` is what lives as long as an index is blocked.
#[derive(Debug)]
pub struct Parking<G> {
    backoff: Backoff,
    lots: BTreeMap<Arc<str>, Lot<G>>,
}

/// Ops of one index that met a block.
#[derive(Debug)]
pub struct Met {
    /// The index.
    pub index: Arc<str>,
    /// The ops.
    pub ops: Vec<BulkOp>,
    /// Whether it was the one that tried.
    pub probed: bool,
}

#[derive(Debug)]
struct Lot<G> {
    ops: Vec<BulkOp>,
    pauses: Pauses,
    /// When the next op tries; `None` while one does.
    due: Option<Instant>,
    _blocked: G,
}

impl<G> Parking<G> {
    /// Empty.
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, lots: BTreeMap::new() }
    }

    /// Whether this index is blocked: its ops are parked at once.
    pub fn holds(&self, index: &str) -> bool {
        !self.lots.is_empty() && self.lots.contains_key(index)
    }

    /// Whether nothing is parked.
    pub fn is_empty(&self) -> bool {
        self.lots.is_empty()
    }

    /// An op of an index that is known to be blocked.
    pub fn add(&mut self, op: BulkOp) {
        if let Some(lot) = self.lots.get_mut(&op.index) {
            lot.ops.push(op);
        }
    }

    /// Ops that met a block. `seed` tells the jitter of this index from that of others.
    pub fn park(&mut self, met: Met, seed: u64, now: Instant, blocked: impl FnOnce() -> G) {
        let backoff = self.backoff;
        let is_new = !self.lots.contains_key(&met.index);
        let lot = self.lots.entry(met.index).or_insert_with(|| Lot {
            ops: Vec::new(),
            pauses: backoff.pauses(seed),
            due: None,
            _blocked: blocked(),
        });
        lot.ops.extend(met.ops);
        // A delivery that was under way when the block was first met says nothing new. The iterator never ends.
        if is_new || met.probed {
            lot.due = Some(now + lot.pauses.next().unwrap_or_default());
        }
    }

    /// When the next index is to be tried.
    pub fn due(&self) -> Option<Instant> {
        self.lots.values().filter_map(|lot| lot.due).min()
    }

    /// Ops of a slot whose shard is somebody else's: they wait there now, and here no longer.
    pub fn forget(&mut self, slot: u32) -> Vec<BulkOp> {
        let of_slot = |op: &mut BulkOp| op.source.origin.slot == slot;
        self.lots.values_mut().flat_map(|lot| lot.ops.extract_if(.., of_slot).collect::<Vec<_>>()).collect()
    }

    /// One op of each index that is due. An index of which nothing waits any more is let go: the next op will tell.
    pub fn probes(&mut self, now: Instant) -> Vec<Batch> {
        self.lots.retain(|_, lot| lot.due.is_none() || !lot.ops.is_empty());
        let is_due = |lot: &&mut Lot<G>| lot.due.is_some_and(|due| due <= now);
        let probe = |lot: &mut Lot<G>| {
            lot.due = None;
            let op = lot.ops.pop()?;
            let bytes = op.lines.len();
            Some(Batch { probe: Some(op.index.clone()), ops: vec![op], bytes, ..Batch::default() })
        };
        self.lots.values_mut().filter(is_due).filter_map(probe).collect()
    }

    /// The block is over: everything that waited for it.
    pub fn release(&mut self, index: &str) -> Vec<BulkOp> {
        self.lots.remove(index).map(|lot| lot.ops).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pipeline::op::tests::{op, record};

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(8) };

    fn serials(ops: &[BulkOp]) -> Vec<u64> {
        ops.iter().map(|op| op.source.origin.serial).collect()
    }

    fn ops(serials: std::ops::Range<u64>) -> Vec<BulkOp> {
        serials.map(|n| op(record(0, n), n, 0)).collect()
    }

    fn met(index: &Arc<str>, ops: Vec<BulkOp>, probed: bool) -> Met {
        Met { index: index.clone(), ops, probed }
    }

    #[test]
    fn a_blocked_index_is_tried_with_one_op_less_and_less_often_and_then_released_whole() {
        let (mut parking, index, mut now) = (Parking::new(BACKOFF), Arc::<str>::from("i"), Instant::now());
        assert!(!parking.holds("i") && parking.due().is_none());
        parking.park(met(&index, ops(0..3), false), 1, now, || ());
        parking.add(op(record(0, 3), 3, 0));
        assert!(parking.holds("i") && !parking.holds("j"));
        let mut waits = Vec::new();
        for _ in 0..6 {
            let due = parking.due().expect("a time");
            assert!(parking.probes(now).is_empty(), "not before its time");
            waits.push((due - now).as_millis());
            now = due;
            let mut probes = parking.probes(now);
            let probe = probes.pop().expect("one");
            assert!(probes.is_empty() && probe.ops.len() == 1 && probe.probe.as_deref() == Some("i"));
            assert!(parking.due().is_none(), "one at a time");
            parking.park(met(&index, probe.ops, true), 1, now, || unreachable!("it is blocked already"));
        }
        assert!(waits.windows(2).filter(|pair| pair[1] > pair[0]).count() >= 3, "{waits:?}");
        assert!(waits.iter().all(|wait| (500..=8_000).contains(wait)), "{waits:?}");
        let mut released = serials(&parking.release("i"));
        released.sort_unstable();
        assert_eq!(released, [0, 1, 2, 3]);
        assert!(parking.is_empty() && parking.release("i").is_empty());
    }

    #[test]
    fn a_slot_that_is_given_up_leaves_nothing_behind_and_an_index_without_ops_is_let_go() {
        let (mut parking, index, now) = (Parking::new(BACKOFF), Arc::<str>::from("i"), Instant::now());
        let mut two = ops(0..2);
        two[1].source.origin.slot = 7;
        parking.park(met(&index, two, false), 1, now, || ());
        assert_eq!(serials(&parking.forget(7)), [1]);
        assert_eq!(serials(&parking.forget(0)), [0]);
        assert!(parking.probes(parking.due().expect("a time")).is_empty());
        assert!(parking.is_empty() && !parking.holds("i"));
    }

    #[test]
    fn deliveries_that_were_under_way_do_not_put_off_the_next_try() {
        let (mut parking, index, now) = (Parking::new(BACKOFF), Arc::<str>::from("i"), Instant::now());
        parking.park(met(&index, ops(0..1), false), 1, now, || ());
        let due = parking.due();
        parking.park(met(&index, ops(1..2), false), 1, now, || unreachable!("it is blocked already"));
        assert_eq!(parking.due(), due);
        assert_eq!(parking.probes(due.expect("a time")).len(), 1);
        parking.park(met(&index, ops(2..3), false), 1, now, || unreachable!("it is blocked already"));
        assert!(parking.due().is_none(), "one tries already");
    }
}
