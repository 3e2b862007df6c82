//! Which shard may be read, from where, and which has to wait for its parents. Pure.
//!
//! A split leaves one closed parent and two children, a merge two closed parents and one child. The
//! records of one partition key move from parent to child, so a child is read only when every parent
//! that the stream still lists has been read to its end *and settled*: its stored position is
//! [`Position::End`]. Parents that have aged out of the stream hold nothing and are not waited for.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::position::{Position, ShardId};

/// A shard as the stream lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its name.
    pub id: ShardId,
    /// The shards it was split or merged from: none, one, or two. They may no longer be listed.
    pub parents: Vec<ShardId>,
    /// It takes no more records.
    pub closed: bool,
}

/// What is to be done with each shard: every listed shard stands in exactly one of the first three lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// May be read now, from this position.
    pub ready: Vec<(ShardId, Position)>,
    /// Must wait until these parents have settled.
    pub waiting: Vec<(ShardId, Vec<ShardId>)>,
    /// Read to the end and settled.
    pub done: Vec<ShardId>,
    /// Positions of shards that the stream no longer lists. A position other than `End` says that
    /// records expired before they were read: tell the operator.
    pub gone: Vec<(ShardId, Position)>,
}

/// The positions to store before anything is read: those of the shards that exist when the group is born.
///
/// `start` holds for these and for no later shard. `latest` must be given as [`Position::At`] the
/// present, so that a restart before the first record loses nothing.
///
/// A birth that was cut short is completed: while every stored position is the same start, nothing has
/// been read, and the shards without a position get that start, not the one asked for now. For a shard
/// that came after the birth it means the same as its beginning.
pub fn births(listed: &[Shard], known: &BTreeMap<ShardId, Position>, start: &Position) -> Vec<(ShardId, Position)> {
    let mut positions = known.values();
    let first = positions.next().unwrap_or(start);
    let unread = matches!(first, Position::TrimHorizon | Position::At(_)) && positions.all(|p| p == first);
    let unborn = listed.iter().filter(|shard| unread && !known.contains_key(&shard.id));
    unborn.map(|shard| (shard.id.clone(), first.clone())).collect()
}

/// Shards that take records although they are stored as read to their end.
///
/// A closed shard never opens again, so these are shards of another stream under the same name, and the same ARN: to
/// [`plan`] they would be done. `known` must be older than `listed`, or a shard that closed in between is among them.
pub fn reborn(listed: &[Shard], known: &BTreeMap<ShardId, Position>) -> Vec<ShardId> {
    let reborn = listed.iter().filter(|shard| !shard.closed && known.get(&shard.id) == Some(&Position::End));
    reborn.map(|shard| shard.id.clone()).collect()
}

/// Shards without a position that had ended before whoever else writes the table removed their row, with their end.
///
/// KCL removes the lease of a shard that has ended once a child is being read, while the stream still lists it. A child is
/// read only after its parents have ended; so only a descendant that has been read tells: one that is merely there may
/// be of a birth that was cut short, and then the parent has not been read at all.
pub fn forgotten(listed: &[Shard], known: &BTreeMap<ShardId, Position>) -> Vec<(ShardId, Position)> {
    let is_read = |position: &Position| matches!(position, Position::After(_) | Position::From(_) | Position::End);
    let mut ended: BTreeSet<&ShardId> = BTreeSet::new();
    loop {
        let tells = |shard: &&Shard| known.get(&shard.id).is_some_and(is_read) || ended.contains(&shard.id);
        let parents = listed.iter().filter(tells).flat_map(|shard| &shard.parents);
        let more: Vec<&ShardId> = parents.filter(|id| !known.contains_key(*id) && !ended.contains(*id)).collect();
        if more.is_empty() {
            break;
        }
        ended.extend(more);
    }
    let ended = listed.iter().filter(|shard| ended.contains(&shard.id));
    ended.map(|shard| (shard.id.clone(), Position::End)).collect()
}

/// Sorts the `listed` shards by what the `known` (stored) positions allow.
///
/// A shard without a position came after the birth of the group: it is a descendant, whether its
/// parents are still listed or not, and is read from its beginning.
pub fn plan(listed: &[Shard], known: &BTreeMap<ShardId, Position>) -> Plan {
    let names: BTreeSet<&ShardId> = listed.iter().map(|shard| &shard.id).collect();
    let ended = |id: &ShardId| known.get(id) == Some(&Position::End);
    let mut plan = Plan::default();
    for shard in listed {
        if ended(&shard.id) {
            plan.done.push(shard.id.clone());
            continue;
        }
        let holds_up = |parent: &&ShardId| **parent != shard.id && names.contains(*parent) && !ended(parent);
        let unsettled: Vec<ShardId> = shard.parents.iter().filter(holds_up).cloned().collect();
        if unsettled.is_empty() {
            let from = known.get(&shard.id).unwrap_or(&Position::TrimHorizon);
            plan.ready.push((shard.id.clone(), from.clone()));
        } else {
            plan.waiting.push((shard.id.clone(), unsettled));
        }
    }
    let unlisted = known.iter().filter(|(id, _)| !names.contains(id));
    plan.gone = unlisted.map(|(id, position)| (id.clone(), position.clone())).collect();
    plan
}
