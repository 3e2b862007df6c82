//! What is looked at now and then while somebody watches, and shown as it was last seen: nobody waits for a table or a
//! cluster that does not answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub struct Glance<T> {
    /// Between the beginnings of two looks.
    every: Duration,
    state: Mutex<State<T>>,
}

pub struct State<T> {
    seen: T,
    /// When the last look began.
    pub(super) began: Option<Instant>,
    looking: bool,
}

impl<T> Glance<T> {
    /// Nothing has been looked at: this is shown until then.
    pub fn new(every: Duration, seen: T) -> Self {
        Self { every, state: Mutex::new(State { seen, began: None, looking: false }) }
    }

    /// Whether it is time to look, which is for whoever asked to do: [`Self::looked`] ends it.
    pub fn is_due(&self) -> bool {
        let mut state = self.state();
        let due = !state.looking && state.began.is_none_or(|began| began.elapsed() >= self.every);
        if due {
            (state.looking, state.began) = (true, Some(Instant::now()));
        }
        due
    }

    /// A look is over, and what is shown is this now.
    pub fn looked(&self, change: impl FnOnce(&mut T)) {
        let mut state = self.state();
        state.looking = false;
        change(&mut state.seen);
    }

    /// What was seen the last time.
    pub fn seen<R>(&self, show: impl FnOnce(&T) -> R) -> R {
        show(&self.state().seen)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
