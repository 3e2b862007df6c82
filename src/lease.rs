//! How far each shard has been read and settled, kept where a restart finds it.
//!
//! [`cluster`] keeps positions in the target cluster, so that a restored snapshot rewinds them with the
//! data; [`mod@file`] keeps them on a disk, for one worker. Both implement
//! [`Positions`](crate::pipeline::ports::Positions).

pub mod cluster;
pub mod file;
mod form;
pub mod table;

use std::collections::BTreeMap;

use crate::pipeline::position::{Position, ShardId};

/// Whether `new` lies further on in the shard than `old`.
///
/// A start (the horizon, a time) lies before every record; one start is not before another, because
/// only records tell.
fn is_progress(old: &Position, new: &Position) -> bool {
    match (old, new) {
        (Position::After(old), Position::After(new)) => old < new,
        // Whoever reads from a record on settles that one first.
        (Position::From(old), Position::After(new)) => old <= new,
        _ => rank(old) < rank(new),
    }
}

fn rank(position: &Position) -> u8 {
    match position {
        Position::TrimHorizon | Position::At(_) | Position::From(_) => 0,
        Position::After(_) => 1,
        Position::End => 2,
    }
}

/// Keeps the positions that move a shard on, one a shard. One that would move it back comes from a
/// mistake elsewhere and is left out: reading twice is harmless, skipping is not.
fn moves_on(
    positions: &[(ShardId, Position)],
    held: impl Fn(&ShardId) -> Option<Position>,
) -> BTreeMap<&ShardId, &Position> {
    let mut moves: BTreeMap<&ShardId, &Position> = BTreeMap::new();
    for (shard, new) in positions {
        let old = moves.get(shard).map(|old| (*old).clone()).or_else(|| held(shard));
        let Some(old) = old else {
            moves.insert(shard, new);
            continue;
        };
        if is_progress(&old, new) {
            moves.insert(shard, new);
        } else if old != *new {
            tracing::error!(kinesis.shard = %shard, ?old, ?new, "a position moved backwards: this is a bug, it was not stored");
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::Millis;
    use crate::pipeline::position::Sequence;

    fn after(n: &str) -> Position {
        Position::After(Sequence::parse(n).unwrap())
    }

    #[test]
    fn progress_is_a_later_record_or_the_end() {
        fn check(old: &Position, new: &Position, expected: bool) {
            assert_eq!(is_progress(old, new), expected, "{old:?} to {new:?}");
        }
        check(&Position::TrimHorizon, &after("1"), true);
        check(&Position::At(Millis(5)), &after("1"), true);
        check(&Position::TrimHorizon, &Position::End, true);
        let from = |n: &str| Position::From(Sequence::parse(n).unwrap());
        check(&from("10"), &after("10"), true);
        check(&from("10"), &after("9"), false);
        check(&after("10"), &from("11"), false);
        check(&after("9"), &after("10"), true); // by value, not by text
        check(&after("10"), &after("9"), false);
        check(&after("10"), &after("10"), false);
        check(&after("10"), &Position::End, true);
        check(&Position::End, &after("10"), false);
        check(&after("1"), &Position::TrimHorizon, false);
        check(&Position::TrimHorizon, &Position::At(Millis(5)), false);
    }

    #[test]
    fn only_moves_forward_are_kept_and_only_the_last_of_a_shard() {
        let (a, b, c) = (ShardId::from("a"), ShardId::from("b"), ShardId::from("c"));
        let stored = BTreeMap::from([(a.clone(), after("10")), (b.clone(), after("10"))]);
        let asked = [
            (a.clone(), after("11")),
            (a.clone(), after("12")),
            (b.clone(), after("9")),
            (b.clone(), after("10")),
            (c.clone(), Position::TrimHorizon),
        ];
        let moves = moves_on(&asked, |shard| stored.get(shard).cloned());
        assert_eq!(moves, BTreeMap::from([(&a, &after("12")), (&c, &Position::TrimHorizon)]));
    }
}
