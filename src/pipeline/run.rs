//! The one loop: take, batch, deliver, settle, store.

mod store;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, BatchLimits, Batcher};
use super::breaker::{Breaker, BreakerLimits};
use super::days::DayGuard;
use super::deliver::{Courier, Delivered, Halt};
use super::ledger::Ledger;
use super::limiter::Limiter;
use super::op::{BulkOp, Entry, Fate, Letter, Outcome};
use super::parking::Parking;
use super::pauses::Backoff;
use super::ports::{Bulk, DeadLetters, Observer, Positions, StoreError};
use super::position::{Position, ShardId};
use super::route::OldestKept;
use super::size::SizeLimit;

/// What readers send, in the order of their shard.
#[derive(Debug)]
pub enum Intake {
    /// Reading of a shard begins; its records come under this slot.
    Open {
        /// Slot, never used before.
        slot: u32,
        /// The shard.
        shard: ShardId,
    },
    /// The next records of one shard.
    Entries(Vec<Entry>),
    /// The shard is closed and every record of it has been sent.
    End {
        /// Slot of the shard.
        slot: u32,
    },
    /// Reading was stopped before the shard's end: what was sent is to settle and be stored.
    Close {
        /// Slot of the shard.
        slot: u32,
    },
    /// The shard is no longer ours: what was sent still goes its way, and no position of it is stored.
    Abandon {
        /// Slot of the shard.
        slot: u32,
    },
}

/// A slot is over: everything of it has ended, and its last position is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The slot.
    pub slot: u32,
    /// Its shard.
    pub shard: ShardId,
    /// Whether the shard has been read to its end; else reading was stopped.
    pub at_end: bool,
}

/// Numbers of the loop.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When a batch is closed.
    pub batch: BatchLimits,
    /// Deliveries at the same time, at most: fewer while the cluster rejects or slows down.
    pub in_flight: usize,
    /// When refusals are too many.
    pub breaker: BreakerLimits,
    /// Days before this have expired.
    pub oldest_kept: OldestKept,
    /// Pauses between tries.
    pub backoff: Backoff,
    /// Time between two stores of positions.
    pub store_every: Duration,
    /// Seed of the jitter.
    pub seed: u64,
}

/// Why the loop ended before everything had.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The set-up is wrong; the words have the cure.
    #[error("{0}")]
    Halted(String),
    /// Told to give up before everything had ended and was stored; the next start goes on from there.
    #[error("stopped with {open} records open or their positions not stored; the next start reads them again")]
    Unfinished {
        /// Records.
        open: usize,
    },
}

impl From<Halt> for RunError {
    fn from(Halt(why): Halt) -> Self {
        Self::Halted(why)
    }
}

/// The ports the loop works with.
#[derive(Debug)]
pub struct Ports<B, D, P, O> {
    /// The cluster.
    pub bulk: B,
    /// Where dead letters are kept.
    pub dead_letters: D,
    /// Where positions are kept.
    pub positions: P,
    /// Who is told.
    pub observer: O,
}

/// Runs until every sender of `intake` is gone and all that was sent has ended and is stored.
///
/// A slot that ended or was closed is sent to `finished` once it has settled *and* is stored. When `give_up` is cancelled, what
/// is safe is stored and the rest is left for the next start.
pub async fn run<B: Bulk, D: DeadLetters, P: Positions, O: Observer>(
    ports: Ports<B, D, P, O>,
    settings: Settings,
    days: DayGuard,
    mut intake: mpsc::Receiver<Intake>,
    finished: mpsc::UnboundedSender<Finished>,
    give_up: CancellationToken,
) -> Result<(), RunError> {
    let mut running = Running::new(ports, settings, days, finished);
    let mut store_tick = interval(running.settings.store_every);
    store_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = true;
    while open || !running.is_done() {
        running.start_deliveries();
        let (due, store_again, probe_at) = (running.batcher.due(), running.store_again, running.parking.due());
        let turn = tokio::select! {
            biased;
            () = give_up.cancelled() => break,
            Some(done) = running.deliveries.join_next() => running.delivered(done),
            Some(done) = running.stores.join_next() => running.stored(done),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() && running.has_room() => {
                running.close_batch();
                Ok(())
            }
            _ = store_tick.tick() => {
                running.store();
                Ok(())
            }
            () = sleep_until(store_again.unwrap_or_else(Instant::now)), if store_again.is_some() => {
                running.store_again = None;
                running.store();
                Ok(())
            }
            () = sleep_until(probe_at.unwrap_or_else(Instant::now)), if probe_at.is_some() => {
                running.ready.extend(running.parking.probes(Instant::now()));
                Ok(())
            }
            message = intake.recv(), if open && running.has_room() => {
                match message {
                    Some(message) => running.take(message),
                    None => {
                        open = false;
                        running.close_batch();
                    }
                }
                Ok(())
            }
        };
        if let Err(error) = turn {
            // The first error is the one to report.
            running.store_what_is_safe().await.ok();
            return Err(error);
        }
        if !open && running.n_open() == 0 {
            running.store();
        }
    }
    running.store_what_is_safe().await?;
    if running.is_done() { Ok(()) } else { Err(RunError::Unfinished { open: running.n_open() }) }
}

/// What was to be stored, and whether it was.
type Stored = (BTreeMap<ShardId, Position>, Result<Vec<ShardId>, StoreError>);

struct Running<B, D, P, O: Observer> {
    courier: Arc<Courier<B, D, O>>,
    positions: Arc<P>,
    observer: Arc<O>,
    settings: Settings,
    days: DayGuard,
    finished: mpsc::UnboundedSender<Finished>,
    ledgers: BTreeMap<u32, Ledger>,
    batcher: Batcher,
    /// Ops of indices on which a block stands.
    parking: Parking<O::HeldUp>,
    /// Closed batches that wait for a delivery to become free.
    ready: VecDeque<Batch>,
    deliveries: JoinSet<Result<Delivered, Halt>>,
    /// At most one: two could overtake each other.
    stores: JoinSet<Stored>,
    unstored: BTreeMap<ShardId, Position>,
    /// After a store failed: not before this.
    store_again: Option<Instant>,
    n_deliveries: u64,
}

impl<B: Bulk, D: DeadLetters, P: Positions, O: Observer> Running<B, D, P, O> {
    fn new(
        ports: Ports<B, D, P, O>,
        settings: Settings,
        days: DayGuard,
        finished: mpsc::UnboundedSender<Finished>,
    ) -> Self {
        let observer = Arc::new(ports.observer);
        let courier = Courier {
            bulk: Arc::new(ports.bulk),
            dead_letters: Arc::new(ports.dead_letters),
            observer: observer.clone(),
            backoff: settings.backoff,
            size: Arc::new(SizeLimit::new(settings.batch.bytes)),
            full_count: settings.batch.count,
            limiter: Arc::new(Limiter::new(settings.in_flight)),
            breaker: Breaker::new(settings.breaker),
            oldest_kept: settings.oldest_kept.clone(),
        };
        Self {
            courier: Arc::new(courier),
            positions: Arc::new(ports.positions),
            observer,
            batcher: Batcher::new(settings.batch),
            parking: Parking::new(settings.backoff),
            settings,
            days,
            finished,
            ledgers: BTreeMap::new(),
            ready: VecDeque::new(),
            deliveries: JoinSet::new(),
            stores: JoinSet::new(),
            unstored: BTreeMap::new(),
            store_again: None,
            n_deliveries: 0,
        }
    }

    /// Whether another batch may be closed: at most one waits for a delivery to become free.
    fn has_room(&self) -> bool {
        self.ready.is_empty()
    }

    fn is_done(&self) -> bool {
        let nothing_moves = self.deliveries.is_empty() && self.stores.is_empty() && self.ready.is_empty();
        nothing_moves
            && self.parking.is_empty()
            && self.batcher.due().is_none()
            && self.unstored.is_empty()
            && self.n_open() == 0
    }

    fn n_open(&self) -> usize {
        self.ledgers.values().map(Ledger::n_open).sum()
    }

    fn take(&mut self, message: Intake) {
        match message {
            Intake::Open { slot, shard } => {
                self.ledgers.insert(slot, Ledger::new(shard));
            }
            Intake::Entries(entries) => entries.into_iter().for_each(|entry| self.enter(entry)),
            Intake::End { slot } => {
                self.ours(slot).map(Ledger::reach_end);
                self.store();
            }
            Intake::Close { slot } => {
                self.ours(slot).map(Ledger::close);
                self.store();
            }
            Intake::Abandon { slot } => {
                if let Some(ledger) = self.ledgers.get_mut(&slot) {
                    ledger.abandon();
                    self.unstored.remove(ledger.shard());
                    leave(&mut self.parking, &*self.observer, slot, ledger);
                    self.forget_abandoned();
                }
            }
        }
    }

    /// The ledger of a slot whose shard is ours.
    fn ours(&mut self, slot: u32) -> Option<&mut Ledger> {
        self.ledgers.get_mut(&slot).filter(|ledger| !ledger.is_abandoned())
    }

    fn forget_abandoned(&mut self) {
        let is_over = |_: &u32, ledger: &mut Ledger| ledger.is_abandoned() && ledger.n_open() == 0;
        for (_, ledger) in self.ledgers.extract_if(.., is_over) {
            self.observer.let_go(ledger.shard());
        }
    }

    /// Into the ledger first, then on its way: an op that left before its record entered could settle nothing.
    fn enter(&mut self, entry: Entry) {
        // A reader may not have heard yet that its shard is gone.
        let Some(ledger) = self.ours(entry.record.origin.slot) else {
            return;
        };
        ledger.enter(&entry.record, entry.ops.len() + entry.letters.len(), entry.permit);
        if entry.expired > 0 {
            self.observer.ended(Fate::Expired, entry.expired);
        }
        for op in entry.ops {
            if self.days.admits(&op.index, op.source.arrived.day()) {
                self.push(op);
            } else {
                self.ready.extend(self.batcher.push_letter(too_many_days(&op)));
            }
        }
        for letter in entry.letters {
            let closed = self.batcher.push_letter(letter);
            self.ready.extend(closed);
        }
    }

    fn push(&mut self, op: BulkOp) {
        if self.parking.holds(&op.index) {
            self.parking.add(op);
        } else {
            self.ready.extend(self.batcher.push(op));
        }
    }

    fn close_batch(&mut self) {
        self.ready.extend(self.batcher.take());
    }

    fn start_deliveries(&mut self) {
        let limit = self.courier.limiter.limit();
        self.observer.in_flight_limit(limit);
        while self.deliveries.len() < limit {
            let Some(batch) = self.ready.pop_front() else { return };
            let courier = self.courier.clone();
            self.n_deliveries += 1;
            let seed = self.settings.seed ^ self.n_deliveries;
            self.deliveries.spawn(async move { courier.deliver(batch, seed).await });
        }
    }

    fn delivered(&mut self, done: Result<Result<Delivered, Halt>, JoinError>) -> Result<(), RunError> {
        let Delivered { outcomes, blocked, probe } = unpanicked(done)??;
        let mut fates: BTreeMap<Fate, u64> = BTreeMap::new();
        for Outcome { origin, fate } in outcomes {
            *fates.entry(fate).or_default() += 1;
            if let Some(ledger) = self.ledgers.get_mut(&origin.slot) {
                ledger.settle(origin.serial);
            }
        }
        for (fate, n) in fates {
            self.observer.ended(fate, n);
        }
        self.forget_abandoned();
        self.batcher.shrink(self.courier.size.bytes());
        if let Some(index) = probe.filter(|index| blocked.iter().all(|(met, _)| met.index != *index)) {
            self.parking.release(&index).into_iter().for_each(|op| self.push(op));
            // They have waited long enough; and when the readers are gone, nothing else would close it.
            self.close_batch();
        }
        for (met, why) in blocked {
            let (observer, index) = (self.observer.clone(), met.index.clone());
            let seed = self.settings.seed ^ self.n_deliveries;
            self.parking.park(met, seed, Instant::now(), || observer.blocked(&index, &why));
        }
        if self.holds_an_end() {
            self.store();
        }
        Ok(())
    }
}

/// The parked ops of a slot whose shard is somebody else's are its new owner's.
fn leave<O: Observer>(parking: &mut Parking<O::HeldUp>, observer: &O, slot: u32, ledger: &mut Ledger) {
    let left = parking.forget(slot);
    left.iter().for_each(|op| ledger.settle(op.source.origin.serial));
    observer.left(left.len());
}

fn too_many_days(op: &BulkOp) -> Letter {
    let detail = "more new daily indices in an hour than --max-days allows".to_owned();
    super::deliver::letter(op, "too_many_days", detail)
}

/// A panic in a task is a bug here, and must not pass for an unfinished task.
fn unpanicked<T>(done: Result<T, JoinError>) -> Result<T, RunError> {
    done.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => RunError::Halted("a delivery was cancelled".to_owned()),
    })
}

#[cfg(test)]
mod tests;
