//! What the loop stores: positions that have become safe, and what follows from having stored them.

use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::{Instant, timeout};

use super::{Finished, RunError, Running, Stored, leave, unpanicked};
use crate::pipeline::ledger::Ledger;
use crate::pipeline::ports::{Bulk, DeadLetters, Observer, Positions, StoreError};
use crate::pipeline::position::{Position, ShardId};

/// A store that cannot take positions now is not asked again at once.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The last stores come after the grace: a cluster that does not answer must not hold up the end.
const LAST_STORE: Duration = Duration::from_secs(5);

impl<B: Bulk, D: DeadLetters, P: Positions, O: Observer> Running<B, D, P, O> {
    /// Whether the end of some slot is safe and not stored: children, or another worker, wait for that.
    pub(super) fn holds_an_end(&self) -> bool {
        let collected = self.unstored.values().any(|position| *position == Position::End);
        collected || self.ledgers.values().any(|ledger| ledger.is_finished() || ledger.is_drained())
    }

    /// Starts storing what has become safe, unless a store is on its way.
    pub(super) fn store(&mut self) {
        self.collect_safe();
        if self.store_again.is_some() || !self.stores.is_empty() {
            return;
        }
        self.finish_drained();
        if self.unstored.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.unstored);
        let positions = self.positions.clone();
        self.stores.spawn(async move {
            let list: Vec<_> = batch.iter().map(|(shard, at)| (shard.clone(), at.clone())).collect();
            let result = positions.store(&list).await;
            (batch, result)
        });
    }

    fn collect_safe(&mut self) {
        for ledger in self.ledgers.values_mut() {
            self.observer.oldest_open(ledger.shard(), ledger.oldest_open());
            if let Some(position) = ledger.take_safe() {
                self.unstored.insert(ledger.shard().clone(), position);
            }
        }
    }

    pub(super) fn stored(&mut self, done: Result<Stored, JoinError>) -> Result<(), RunError> {
        let (batch, result) = unpanicked(done)?;
        match result {
            Ok(lost) => {
                self.observer.state_held_up(None);
                let list: Vec<_> = batch.into_iter().filter(|(shard, _)| !lost.contains(shard)).collect();
                self.observer.stored(&list);
                for (shard, position) in list {
                    if position == Position::End {
                        self.finish(|ledger| *ledger.shard() == shard && ledger.has_ended(), true);
                    }
                }
                self.abandon(&lost);
                self.finish_drained();
                // An end that became safe while this was on its way must not wait for the next tick; the rest may.
                if self.holds_an_end() {
                    self.store();
                }
                Ok(())
            }
            Err(StoreError::Busy(why)) => {
                self.observer.state_held_up(Some(&why));
                self.store_again = Some(Instant::now() + STORE_PAUSE);
                for (shard, position) in batch {
                    // One that was given up meanwhile is somebody else's to move.
                    if self.ledgers.values().any(|ledger| *ledger.shard() == shard && !ledger.is_abandoned()) {
                        self.unstored.entry(shard).or_insert(position);
                    }
                }
                Ok(())
            }
            Err(StoreError::Halt(why)) => Err(RunError::Halted(why)),
        }
    }

    /// Closed slots of which nothing is open and nothing is left to store.
    fn finish_drained(&mut self) {
        let unstored = std::mem::take(&mut self.unstored);
        self.finish(|ledger| ledger.is_drained() && !unstored.contains_key(ledger.shard()), false);
        self.unstored = unstored;
    }

    fn finish(&mut self, is_over: impl Fn(&Ledger) -> bool, at_end: bool) {
        for (slot, ledger) in self.ledgers.extract_if(.., |_, ledger| is_over(ledger)) {
            self.observer.let_go(ledger.shard());
            // Nobody listens any more when the worker is stopping.
            self.finished.send(Finished { slot, shard: ledger.shard().clone(), at_end }).ok();
        }
    }

    /// Their positions were not stored: they are somebody else's, and so is what is open of them.
    fn abandon(&mut self, lost: &[ShardId]) {
        for (slot, ledger) in self.ledgers.iter_mut().filter(|(_, ledger)| lost.contains(ledger.shard())) {
            ledger.abandon();
            leave(&mut self.parking, &*self.observer, *slot, ledger);
        }
        lost.iter().for_each(|shard| drop(self.unstored.remove(shard)));
        self.forget_abandoned();
    }

    /// The last stores: what has settled until now, whatever else is on its way.
    pub(super) async fn store_what_is_safe(&mut self) -> Result<(), RunError> {
        self.deliveries.abort_all();
        self.ready.clear();
        self.batcher.take();
        let mut first = Ok(());
        let stores = async {
            for _ in 0..2 {
                while let Some(done) = self.stores.join_next().await {
                    first = std::mem::replace(&mut first, Ok(())).and(self.stored(done));
                }
                self.store_again = None;
                self.store();
            }
            while let Some(done) = self.stores.join_next().await {
                first = std::mem::replace(&mut first, Ok(())).and(self.stored(done));
            }
        };
        // What is late counts as not stored: `is_done` sees it.
        timeout(LAST_STORE, stores).await.ok();
        while self.deliveries.join_next().await.is_some() {}
        first
    }
}
