//! Who reads each shard, and how far it has been read and settled, kept where a restart finds it.
//!
//! [`cluster`] keeps leases in the target cluster, so that a restored snapshot rewinds positions with the
//! data; [`dynamo`] in a table that the Kinesis Client Library understands; [`mod@file`] on a disk, for one worker. All
//! implement [`LeaseTable`](table::LeaseTable).

pub mod balance;
mod change;
pub mod cluster;
pub mod dynamo;
pub mod file;
mod form;
pub mod keeper;
pub mod repair;
pub mod table;
pub mod view;

use crate::pipeline::position::Position;

/// Whether `new` lies further on in the shard than `old`.
///
/// A start (the horizon, a time) lies before every record; one start is not before another, because
/// only records tell.
pub(crate) fn is_progress(old: &Position, new: &Position) -> bool {
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
}
