//! What this worker has seen of the table: each row, and for how long its owner has not moved it, by our own clock.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::table::Row;
use crate::pipeline::position::{Position, ShardId};

/// The table as last seen.
#[derive(Debug)]
pub struct View {
    seen: BTreeMap<ShardId, Seen>,
    looked: Option<Instant>,
    longest_gap: Duration,
}

/// A row, and how long its owner and counter have stood still under our eyes.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The row as last seen.
    pub row: Row,
    /// Time during which we looked and nothing moved.
    pub still: Duration,
    /// Whether its owner has moved it under our eyes: a name in a row may be that of a worker that died yesterday.
    pub alive: bool,
}

impl View {
    /// Nothing seen yet. Two looks further apart than `longest_gap` say nothing of the time between them: while we
    /// could not look, the owners perhaps could not renew either.
    pub fn new(longest_gap: Duration) -> Self {
        Self { seen: BTreeMap::new(), looked: None, longest_gap }
    }

    /// Takes in the whole table, read no earlier than `now`.
    pub fn look(&mut self, rows: Vec<Row>, now: Instant) {
        let gap = self.looked.map(|looked| now.saturating_duration_since(looked));
        let watched = gap.filter(|gap| *gap <= self.longest_gap);
        let mut old = std::mem::take(&mut self.seen);
        for row in rows {
            let before = old.remove(&row.shard);
            let before = before.filter(|seen| seen.row.owner == row.owner);
            let moved = before.as_ref().is_some_and(|seen| seen.row.counter != row.counter);
            let alive = moved || before.as_ref().is_some_and(|seen| seen.alive);
            let still = match (before, watched) {
                (Some(seen), Some(gap)) if !moved => seen.still + gap,
                _ => Duration::ZERO,
            };
            self.seen.insert(row.shard.clone(), Seen { row, still, alive });
        }
        self.looked = Some(now);
    }

    /// The store takes no writes: nobody could renew, so standing still means nothing until it has begun anew.
    pub fn forgive(&mut self) {
        self.seen.values_mut().for_each(|seen| seen.still = Duration::ZERO);
    }

    /// A row that we have just written, or met while writing.
    pub fn set(&mut self, row: Row) {
        self.seen.insert(row.shard.clone(), Seen { row, still: Duration::ZERO, alive: false });
    }

    /// A row that is no longer there.
    pub fn forget(&mut self, shard: &ShardId) {
        self.seen.remove(shard);
    }

    /// Every row, by shard.
    pub fn rows(&self) -> impl Iterator<Item = &Seen> {
        self.seen.values()
    }

    /// One row.
    pub fn row(&self, shard: &ShardId) -> Option<&Seen> {
        self.seen.get(shard)
    }

    /// The position of every row.
    pub fn positions(&self) -> BTreeMap<ShardId, Position> {
        self.seen.iter().map(|(shard, seen)| (shard.clone(), seen.row.position.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_secs(6);

    fn row(owner: &str, counter: u64) -> Row {
        let shard = ShardId::from("a");
        let owner = Some(owner.to_owned());
        Row { shard, owner, counter, wanted_by: None, position: Position::TrimHorizon, parents: Vec::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_alone_is_no_sign_of_life() {
        let (mut view, now) = (View::new(GAP), Instant::now());
        let mut alive = |row: Row| {
            view.look(vec![row], now);
            view.row(&ShardId::from("a")).expect("seen").alive
        };
        assert!(!alive(row("w", 1)));
        assert!(!alive(row("w", 1)));
        assert!(alive(row("w", 2)));
        assert!(alive(row("w", 2)));
        assert!(!alive(row("v", 3)), "of the new owner nothing is known yet");
    }

    fn still(view: &View) -> u64 {
        view.row(&ShardId::from("a")).expect("seen").still.as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn only_time_that_was_watched_counts_against_an_owner() {
        let (mut view, start) = (View::new(GAP), Instant::now());
        let mut at = |seconds: u64, row: Row| {
            view.look(vec![row], start + Duration::from_secs(seconds));
            still(&view)
        };
        assert_eq!(at(0, row("w", 1)), 0);
        assert_eq!(at(3, row("w", 1)), 3);
        assert_eq!(at(6, row("w", 1)), 6);
        assert_eq!(at(9, row("w", 2)), 0, "it was renewed");
        assert_eq!(at(12, row("w", 2)), 3);
        assert_eq!(at(600, row("w", 2)), 0, "nobody looked for ten minutes");
        assert_eq!(at(603, row("w", 2)), 3);
        assert_eq!(at(606, Row { wanted_by: Some("v".into()), ..row("w", 2) }), 6, "a request is not a renewal");
        assert_eq!(at(609, row("v", 2)), 0, "another owner");
        view.forgive();
        assert_eq!(still(&view), 0);
    }
}
