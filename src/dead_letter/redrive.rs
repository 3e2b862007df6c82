//! Letters on their way through the pipeline again: it believes them to be the records of one shard.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cabinet::{Cabinet, Ended, Place};
use super::head::{Head, Refusal};
use crate::event::time::Millis;
use crate::pipeline::op::Letter;
use crate::pipeline::ports::{DeadLetters, KeepError, Positions, StoreError};
use crate::pipeline::position::{Position, ShardId};

/// Where refusals and positions of a re-drive go. A letter that is refused is in its store already; a position that is
/// stored removes the letters up to it, or notes why they stay.
#[derive(Clone)]
pub struct Redrive {
    cabinet: Arc<dyn Cabinet>,
    now: fn() -> Millis,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<u64, (Head, Place)>,
    refused: HashMap<u64, Refusal>,
    done: Redriven,
}

/// What became of letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// All their events have settled; they are gone.
    pub removed: u64,
    /// Refused again; they stay.
    pub refused: u64,
}

impl Redrive {
    /// Of letters of this store. `now` dates refusals.
    pub fn new(cabinet: Arc<dyn Cabinet>, now: fn() -> Millis) -> Self {
        Self { cabinet, now, state: Arc::default() }
    }

    /// The letter that is the pipeline's record `serial`; to be called before that record is sent.
    pub fn enter(&self, serial: u64, head: Head, place: Place) {
        self.lock().open.insert(serial, (head, place));
    }

    /// What has been done so far.
    pub fn done(&self) -> Redriven {
        self.lock().done
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The letters up to `last`, with what is to become of them.
    fn ended(&self, last: u64) -> Vec<(u64, Ended)> {
        let at = (self.now)();
        let state = self.lock();
        let one = |(serial, (head, place)): (&u64, &(Head, Place))| {
            let refused = state.refused.get(serial).map(|refusal| (refusal.clone(), at));
            (*serial, Ended { place: place.clone(), head: head.clone(), refused })
        };
        state.open.range(..=last).map(one).collect()
    }
}

impl DeadLetters for Redrive {
    /// The first refusal of a letter's events is the one that is noted.
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        let mut state = self.lock();
        for letter in letters {
            state.refused.entry(letter.source.origin.serial).or_insert_with(|| Refusal {
                reason: letter.reason.to_owned(),
                detail: letter.detail.clone(),
                index: letter.index.as_deref().map(str::to_owned),
                id: letter.id.map(|id| id.to_string()),
            });
        }
        Ok(())
    }
}

impl Positions for Redrive {
    async fn store(&self, positions: &[(ShardId, Position)]) -> Result<Vec<ShardId>, StoreError> {
        let last = positions.iter().filter_map(|(_, position)| match position {
            Position::After(sequence) => sequence.as_str().parse().ok(),
            Position::End => Some(u64::MAX),
            _ => None,
        });
        let Some(last) = last.max() else { return Ok(Vec::new()) };
        let (serials, ended): (Vec<u64>, Vec<Ended>) = self.ended(last).into_iter().unzip();
        self.cabinet.settle(&ended).await?;
        let mut state = self.lock();
        for (serial, one) in serials.iter().zip(&ended) {
            state.open.remove(serial);
            state.refused.remove(serial);
            match one.refused {
                None => state.done.removed += 1,
                Some(_) => state.done.refused += 1,
            }
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests;
