//! Which leases a worker should take, ask for, or give up. Pure.
//!
//! Fair means: counts within one of each other. A worker that has two fewer than another asks for one of the other's;
//! the other drains, stores and frees it. Rows that nobody renews are there to be taken.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::table::Row;
use super::view::{Seen, View};
use crate::pipeline::position::{Position, ShardId};

/// What to do now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Free rows, or of owners that stand still: ours from now on.
    pub take: Vec<Row>,
    /// Rows of a worker that has more than its share.
    pub ask: Vec<Row>,
    /// Our own that another worker asks for.
    pub give: Vec<ShardId>,
    /// Readable shards that nobody is known to read: free ones (those of `take` among them), those of owners that have
    /// shown no sign of life yet, and those that we have asked for and not got.
    pub n_unread: usize,
}

/// What one readable row is to a worker.
enum Standing<'a> {
    Free,
    /// Belongs, or is about to belong, to this worker.
    Of(&'a str),
}

/// The steps of worker `me`: among the `readable` shards (those that may be read now), with rows that stand still
/// for `failover` counted as free.
pub fn plan(me: &str, view: &View, readable: &BTreeSet<ShardId>, failover: Duration) -> Steps {
    // What is readable was worked out before the last look, which may have met the end of a shard.
    let is_readable = |row: &Row| readable.contains(&row.shard) && row.position != Position::End;
    let rows: Vec<&Seen> = view.rows().filter(|seen| is_readable(&seen.row)).collect();
    let mut steps = Steps::default();
    let mut load: BTreeMap<&str, usize> = BTreeMap::from([(me, 0)]);
    let mut free = Vec::new();
    for seen in &rows {
        let is_mine = seen.row.owner.as_deref() == Some(me);
        match standing(me, seen, failover) {
            Standing::Free => free.push(&seen.row),
            Standing::Of(worker) => {
                *load.entry(worker).or_default() += 1;
                steps.n_unread += usize::from(!is_mine && (worker == me || !seen.alive));
            }
        }
    }
    steps.n_unread += free.len();
    let is_given = |row: &Row| row.owner.as_deref() == Some(me) && row.wanted_by.as_ref().is_some_and(|by| by != me);
    steps.give = view.rows().filter(|seen| is_given(&seen.row)).map(|seen| seen.row.shard.clone()).collect();
    // Another order for each worker: those that start together do not reach for the same rows.
    free.sort_by_key(|row| mix(me, &row.shard));
    let fair = rows.len().div_ceil(load.len());
    let room = fair.saturating_sub(load[me]);
    steps.take = free.iter().take(room).map(|row| (*row).clone()).collect();
    if free.is_empty() {
        steps.ask = ask(me, &rows, load, failover);
        // Who asks must still be there when it gets them.
        steps.n_unread += steps.ask.iter().filter(|row| is_alive(view, row)).count();
    }
    steps
}

/// Whether its owner is known to live: others count as unread already.
fn is_alive(view: &View, row: &Row) -> bool {
    view.row(&row.shard).is_some_and(|seen| seen.alive)
}

fn standing<'a>(me: &str, seen: &'a Seen, failover: Duration) -> Standing<'a> {
    let Row { owner, wanted_by, .. } = &seen.row;
    let stands_still = seen.still >= failover;
    match (owner.as_deref(), wanted_by.as_deref()) {
        // Whoever asked for it comes first, unless it does not come.
        (None, Some(by)) if by != me && !stands_still => Standing::Of(by),
        (None, _) => Standing::Free,
        (Some(owner), _) if owner != me && stands_still => Standing::Free,
        (Some(_), Some(by)) => Standing::Of(by),
        (Some(owner), None) => Standing::Of(owner),
    }
}

/// Half of what is missing, so that several workers that come together do not ask for everything at once.
fn ask<'a>(me: &'a str, rows: &[&'a Seen], mut load: BTreeMap<&'a str, usize>, failover: Duration) -> Vec<Row> {
    let mut asked: Vec<Row> = Vec::new();
    loop {
        let mine = load[me];
        let fullest = load.iter().filter(|(worker, _)| **worker != me).max_by_key(|(_, n)| **n);
        let Some((&worker, _)) = fullest.filter(|(_, n)| **n >= mine + 2) else { break };
        let askable = rows.iter().map(|seen| (&seen.row, seen.still)).filter(|(row, still)| {
            row.owner.as_deref() == Some(worker)
                && row.wanted_by.is_none()
                && *still < failover
                && !asked.iter().any(|other| other.shard == row.shard)
        });
        let Some((row, _)) = askable.min_by_key(|(row, _)| mix(me, &row.shard)) else { break };
        asked.push(row.clone());
        *load.entry(worker).or_default() -= 1;
        *load.entry(me).or_default() += 1;
    }
    asked.truncate(asked.len().div_ceil(2));
    asked
}

fn mix(me: &str, shard: &ShardId) -> u64 {
    let mut hasher = DefaultHasher::new();
    (me, &shard.0).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
