//! Fills one request at a time, from all shards.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::op::{BulkOp, Letter};

/// When a batch is closed: at the first of the three.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Bytes of its ops. A larger op goes alone.
    pub bytes: usize,
    /// Ops.
    pub count: usize,
    /// Age of its first op.
    pub interval: Duration,
}

/// What is delivered together.
#[derive(Debug, Default)]
pub struct Batch {
    /// Documents, in the order they came.
    pub ops: Vec<BulkOp>,
    /// Dead letters, in the order they came.
    pub letters: Vec<Letter>,
    /// Bytes of both.
    pub bytes: usize,
    /// The blocked index that its one op tries, when it is such a try.
    pub probe: Option<Arc<str>>,
}

impl Batch {
    /// Ops and letters.
    pub fn len(&self) -> usize {
        self.ops.len() + self.letters.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Collects ops into batches.
#[derive(Debug)]
pub struct Batcher {
    limits: BatchLimits,
    open: Batch,
    /// When the open batch must be closed; meaningful while it is not empty.
    due: Instant,
}

impl Batcher {
    /// An empty batcher.
    pub fn new(limits: BatchLimits) -> Self {
        Self { limits, open: Batch::default(), due: Instant::now() }
    }

    /// Closes batches at this many bytes from now on, when that is fewer.
    pub fn shrink(&mut self, bytes: usize) {
        self.limits.bytes = self.limits.bytes.min(bytes);
    }

    /// Adds an op; returns the batch that had to be closed for it, or that it filled.
    pub fn push(&mut self, op: BulkOp) -> Option<Batch> {
        let closed = self.make_room(op.lines.len());
        self.open.ops.push(op);
        closed.or_else(|| self.take_full())
    }

    /// Adds a letter, under the same limits.
    pub fn push_letter(&mut self, letter: Letter) -> Option<Batch> {
        let closed = self.make_room(letter.bytes.len());
        self.open.letters.push(letter);
        closed.or_else(|| self.take_full())
    }

    /// When the open batch must be closed; `None` while it is empty.
    pub fn due(&self) -> Option<Instant> {
        (!self.open.is_empty()).then_some(self.due)
    }

    /// Closes the open batch, if there is anything in it.
    pub fn take(&mut self) -> Option<Batch> {
        (!self.open.is_empty()).then(|| std::mem::take(&mut self.open))
    }

    fn make_room(&mut self, bytes: usize) -> Option<Batch> {
        let overfull = self.open.bytes + bytes > self.limits.bytes;
        let closed = if overfull { self.take() } else { None };
        if self.open.is_empty() {
            self.due = Instant::now() + self.limits.interval;
        }
        self.open.bytes += bytes;
        closed
    }

    fn take_full(&mut self) -> Option<Batch> {
        let full = self.open.bytes >= self.limits.bytes || self.open.len() >= self.limits.count;
        if full { self.take() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::op::tests::{op, record};

    fn batches(limits: BatchLimits, pads: &[usize]) -> Vec<Batch> {
        let mut batcher = Batcher::new(limits);
        let mut closed = Vec::new();
        for (n, pad) in (0_u64..).zip(pads) {
            closed.extend(batcher.push(op(record(0, n), n, *pad)));
        }
        closed.extend(batcher.take());
        assert!(batcher.due().is_none() && batcher.take().is_none());
        closed
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_reordered_and_no_limit_is_passed(
            pads in prop::collection::vec(0_usize..2000, 0..100), bytes in 1_usize..4000, count in 1_usize..20
        ) {
            let limits = BatchLimits { bytes, count, interval: Duration::from_secs(1) };
            let closed = batches(limits, &pads);
            let serials: Vec<u64> = closed.iter().flat_map(|b| &b.ops).map(|o| o.source.origin.serial).collect();
            prop_assert_eq!(serials, (0..pads.len() as u64).collect::<Vec<_>>());
            for batch in &closed {
                prop_assert_eq!(batch.bytes, batch.ops.iter().map(|o| o.lines.len()).sum::<usize>());
                prop_assert!(batch.ops.len() <= count && !batch.is_empty());
                prop_assert!(batch.bytes <= bytes || batch.ops.len() == 1, "only an op over the limit passes it, alone");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_due_an_interval_after_its_first_op() {
        let limits = BatchLimits { bytes: 1 << 20, count: 100, interval: Duration::from_secs(5) };
        let mut batcher = Batcher::new(limits);
        assert_eq!(batcher.due(), None);
        tokio::time::advance(Duration::from_secs(3)).await;
        batcher.push(op(record(0, 0), 0, 0));
        let due = Instant::now() + Duration::from_secs(5);
        tokio::time::advance(Duration::from_secs(1)).await;
        batcher.push(op(record(0, 1), 1, 0));
        assert_eq!(batcher.due(), Some(due));
    }
}
