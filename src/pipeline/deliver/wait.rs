//! Pauses of one delivery, and what the observer is told of them.

use super::{Courier, Halt};
use crate::pipeline::pauses::Pauses;
use crate::pipeline::ports::Observer;

/// Set-up trouble is tried this often (a rolling change of credentials heals itself), then it halts the worker.
const HALT_TRIES: u32 = 5;

/// A few items that were refused for a moment are the cluster's way to say "slower"; readiness turns red when
/// the third try in a row, about a second after the first, has not brought a delivery on.
const HELD_UP_TRIES: u32 = 3;

pub(super) struct Wait<'a, B, D, O: Observer> {
    pub(super) courier: &'a Courier<B, D, O>,
    pauses: Pauses,
    n_busy: u32,
    n_halts: u32,
    held_up: Option<O::HeldUp>,
    seed: u64,
}

impl<'a, B, D, O: Observer> Wait<'a, B, D, O> {
    pub(super) fn new(courier: &'a Courier<B, D, O>, seed: u64) -> Self {
        Self { courier, pauses: courier.backoff.pauses(seed), n_busy: 0, n_halts: 0, held_up: None, seed }
    }

    /// The cluster cannot now. It could, though, judge the set-up: what was wrong with that before is over.
    pub(super) async fn busy(&mut self, why: &str) {
        self.n_halts = 0;
        self.pause(why).await;
    }

    async fn pause(&mut self, why: &str) {
        self.n_busy += 1;
        if self.n_busy >= HELD_UP_TRIES && self.held_up.is_none() {
            self.held_up = Some(self.courier.observer.held_up(why));
        }
        // The iterator never ends; without a pause the next try would simply come at once.
        tokio::time::sleep(self.pauses.next().unwrap_or_default()).await;
    }

    pub(super) async fn set_up(&mut self, why: &str) -> Result<(), Halt> {
        self.n_halts += 1;
        if self.n_halts >= HALT_TRIES {
            return Err(self.halt(why));
        }
        self.pause(why).await;
        Ok(())
    }

    /// The worker ends with this, and must not say on its way out that all is well.
    pub(super) fn halt(&mut self, why: &str) -> Halt {
        std::mem::forget(self.held_up.take());
        Halt(why.to_owned())
    }

    /// A request went through.
    pub(super) fn over(&mut self) {
        (self.n_busy, self.n_halts) = (0, 0);
        self.pauses = self.courier.backoff.pauses(self.seed);
        self.held_up = None;
    }
}
