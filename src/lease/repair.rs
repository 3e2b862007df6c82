//! Repairs of positions: which rows are to be written, and what stands in the way. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{Change, Row};
use crate::pipeline::position::{Position, ShardId};

/// Rows to be written, before anything is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Rows that are there and become others.
    pub changes: Vec<Change>,
    /// Rows that are not there yet.
    pub fresh: Vec<Row>,
    /// Shards whose owner shows signs of life, with its name.
    pub owned: Vec<(ShardId, String)>,
    /// Shards that were asked for and are neither in the table nor in the stream.
    pub unknown: Vec<ShardId>,
}

/// What a repair begins with.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The table.
    pub rows: &'a [Row],
    /// Every shard that the stream lists, with its parents.
    pub listed: &'a BTreeMap<ShardId, Vec<ShardId>>,
    /// Shards whose owner has moved its row while we looked.
    pub alive: &'a BTreeSet<ShardId>,
    /// The shards to be repaired; none means all.
    pub only: &'a [ShardId],
    /// Whether the table may hold words of somebody else that only look like the position asked for.
    pub foreign: bool,
}

impl Ground<'_> {
    fn is_meant(&self, shard: &ShardId) -> bool {
        self.only.is_empty() || self.only.contains(shard)
    }

    /// Puts every shard that is meant to `to`, and frees it: an owner that still lives, and may have read on, finds that its
    /// lease is gone.
    pub fn reset(&self, to: &Position) -> Repair {
        let known: BTreeSet<&ShardId> = self.rows.iter().map(|row| &row.shard).collect();
        let mut repair = Repair::default();
        for row in self.rows.iter().filter(|row| self.is_meant(&row.shard)) {
            repair.owned.extend(self.owner(row));
            let now =
                Row { owner: None, wanted_by: None, counter: row.counter + 1, position: to.clone(), ..row.clone() };
            if row.position != *to || row.owner.is_some() || self.foreign {
                repair.changes.push(Change { was: row.clone(), now });
            }
        }
        let unborn = self.listed.iter().filter(|(shard, _)| self.is_meant(shard) && !known.contains(shard));
        repair.fresh = unborn.map(|(shard, parents)| free(shard.clone(), parents.clone(), to.clone())).collect();
        let is_unknown = |shard: &&ShardId| !known.contains(shard) && !self.listed.contains_key(*shard);
        repair.unknown = self.only.iter().filter(is_unknown).cloned().collect();
        repair
    }

    /// Writes every row that is meant into another table, free; `there` is what that has.
    pub fn copy(&self, there: &[Row]) -> Repair {
        let mut repair = Repair::default();
        for row in self.rows.iter().filter(|row| self.is_meant(&row.shard)) {
            repair.owned.extend(self.owner(row));
            let copied = free(row.shard.clone(), row.parents.clone(), row.position.clone());
            match there.iter().find(|other| other.shard == row.shard) {
                None => repair.fresh.push(copied),
                Some(other) if other.position == copied.position => {}
                Some(other) => {
                    let now = Row { counter: other.counter + 1, ..copied };
                    repair.changes.push(Change { was: other.clone(), now });
                }
            }
        }
        let is_unknown = |shard: &&ShardId| self.rows.iter().all(|row| row.shard != **shard);
        repair.unknown = self.only.iter().filter(is_unknown).cloned().collect();
        repair
    }

    fn owner(&self, row: &Row) -> Option<(ShardId, String)> {
        let owner = row.owner.clone().filter(|_| self.alive.contains(&row.shard))?;
        Some((row.shard.clone(), owner))
    }
}

fn free(shard: ShardId, parents: Vec<ShardId>, position: Position) -> Row {
    Row { shard, owner: None, counter: 0, wanted_by: None, position, parents }
}

/// Shards whose owner has moved its row from one look at the table to the next.
pub fn alive(before: &[Row], after: &[Row]) -> BTreeSet<ShardId> {
    let moved = |row: &&Row| {
        let same = |other: &Row| other.shard == row.shard && other.owner == row.owner && other.counter == row.counter;
        row.owner.is_some() && !before.iter().any(same)
    };
    after.iter().filter(moved).map(|row| row.shard.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::position::Sequence;

    fn after(n: u32) -> Position {
        Position::After(Sequence::parse(n.to_string()).unwrap())
    }

    fn row(shard: &str, owner: Option<&str>, counter: u64, position: Position) -> Row {
        Row { owner: owner.map(str::to_owned), counter, ..free(shard.into(), Vec::new(), position) }
    }

    fn listed(shards: &[&str]) -> BTreeMap<ShardId, Vec<ShardId>> {
        shards.iter().map(|shard| (ShardId::from(*shard), Vec::new())).collect()
    }

    #[test]
    fn a_reset_frees_every_row_and_names_who_still_lives() {
        let rows =
            [row("a", Some("w"), 7, after(5)), row("b", Some("dead"), 3, Position::End), row("c", None, 1, after(9))];
        let alive = BTreeSet::from(["a".into()]);
        let ground =
            Ground { rows: &rows, listed: &listed(&["a", "b", "c", "d"]), alive: &alive, only: &[], foreign: false };
        let repair = ground.reset(&Position::TrimHorizon);
        let now: Vec<Row> = repair.changes.iter().map(|change| change.now.clone()).collect();
        let at_start = |shard, counter| row(shard, None, counter, Position::TrimHorizon);
        assert_eq!(now, [at_start("a", 8), at_start("b", 4), at_start("c", 2)]);
        assert_eq!(repair.fresh, [at_start("d", 0)]);
        assert_eq!(repair.owned, [("a".into(), "w".to_owned())]);
        assert_eq!(ground.reset(&after(9)).changes.len(), 2, "what is there already and free is not written");
        assert_eq!(Ground { foreign: true, ..ground }.reset(&after(9)).changes.len(), 3);
    }

    #[test]
    fn only_what_is_named_is_reset_and_what_is_nowhere_is_said() {
        let rows = [row("a", None, 7, after(5)), row("b", None, 3, after(6))];
        let only = ["b".into(), "x".into()];
        let none = BTreeSet::new();
        let repair =
            Ground { rows: &rows, listed: &listed(&["a", "b", "c"]), alive: &none, only: &only, foreign: false }
                .reset(&after(1));
        assert_eq!(repair.changes.iter().map(|c| &c.was).collect::<Vec<_>>(), [&rows[1]]);
        assert_eq!((repair.fresh, repair.unknown), (Vec::new(), vec!["x".into()]));
    }

    #[test]
    fn a_copy_is_free_and_writes_only_what_differs() {
        let rows = [row("a", Some("w"), 7, after(5)), row("b", None, 3, Position::End), row("c", None, 3, after(2))];
        let there = [row("b", None, 40, Position::End), row("c", None, 40, Position::TrimHorizon)];
        let none = BTreeSet::new();
        let repair = Ground { rows: &rows, listed: &listed(&[]), alive: &none, only: &[], foreign: false }.copy(&there);
        assert_eq!(repair.fresh, [row("a", None, 0, after(5))]);
        let change = Change { was: there[1].clone(), now: row("c", None, 41, after(2)) };
        assert_eq!((repair.changes, repair.owned), (vec![change], Vec::new()));
    }

    #[test]
    fn an_owner_lives_that_moves_its_row() {
        let before = [row("a", Some("w"), 1, after(1)), row("b", Some("w"), 1, after(1)), row("c", None, 1, after(1))];
        let after =
            [row("a", Some("w"), 2, after(1)), row("b", Some("w"), 1, after(1)), row("c", Some("v"), 2, after(1))];
        assert_eq!(alive(&before, &after), BTreeSet::from(["a".into(), "c".into()]));
    }
}
