//! Guards the cluster against a flood of new daily indices.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::time::Day;

/// A thousand indices reach the shard limit of a node and halt the cluster; a wrong clock makes them in a minute.
const WINDOW: Duration = Duration::from_secs(3600);

/// Knows which indices exist, and lets only so many new ones come into being in an hour.
#[derive(Debug)]
pub struct DayGuard {
    max_new: usize,
    known: HashSet<Arc<str>>,
    made: VecDeque<Instant>,
}

impl DayGuard {
    /// `known` indices exist already and are never refused.
    pub fn new(max_new: usize, known: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { max_new, known: known.into_iter().collect(), made: VecDeque::new() }
    }

    /// Whether a document of a record that arrived on this day may go to `index`; counts the index as existing
    /// from now on if it may.
    ///
    /// The index of the arrival's own day always takes more: Kinesis vouches for that day, and what arrives
    /// at midnight amid a replay of old years is not part of the flood.
    pub fn admits(&mut self, index: &Arc<str>, arrived: Day) -> bool {
        if self.known.contains(index) {
            return true;
        }
        if index.ends_with(&arrived.to_string()) {
            self.known.insert(index.clone());
            return true;
        }
        let now = Instant::now();
        while self.made.front().is_some_and(|made| now - *made >= WINDOW) {
            self.made.pop_front();
        }
        if self.made.len() >= self.max_new {
            return false;
        }
        self.made.push_back(now);
        self.known.insert(index.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_so_many_new_indices_an_hour() {
        let today = Day(20_000);
        let name = |day: i32| Arc::from(format!("pinpoint-{}", Day(day)));
        let mut guard = DayGuard::new(2, [name(0)]);
        let mut admits = |day: i32| guard.admits(&name(day), today);
        assert!(admits(0) && admits(1) && admits(2));
        assert!(!admits(3));
        assert!(admits(1), "what exists takes more");
        assert!(admits(20_000), "the day of the arrival is not part of the flood");
        assert!(!admits(4));
        tokio::time::advance(WINDOW).await;
        assert!(admits(3));
    }
}
