//! The table of leases: conditional writes, and the promises that every one of them must keep.

use std::collections::BTreeMap;

use essink::lease::table::{Change, Row, Written};
use essink::pipeline::position::{Position, ShardId};

use crate::world::World;

#[derive(Debug, Default)]
pub struct Table {
    pub rows: BTreeMap<ShardId, Row>,
    /// When the owner of a row last wrote it.
    bumped: BTreeMap<ShardId, u64>,
    /// Nobody reaches it before this.
    pub out_until: u64,
    /// When it was away, from and to.
    pub outages: Vec<(u64, u64)>,
    /// One worker does not reach it.
    pub cut: Option<(String, u64)>,
    /// The group was born from a time.
    pub born_at: Option<i64>,
    /// Changes of owners.
    pub n_moves: u64,
}

/// Whether `new` lies further on than `old`, by the sequence numbers' value.
fn is_behind(old: &Position, new: &Position) -> bool {
    let rank = |position: &Position| match position {
        Position::TrimHorizon | Position::At(_) | Position::From(_) => (0, String::new()),
        Position::After(sequence) => (1, format!("{:0>130}", sequence.as_str())),
        Position::End => (2, String::new()),
    };
    rank(old) < rank(new)
}

impl World {
    pub fn owner(&self, shard: usize) -> Option<&str> {
        self.table.rows.get(&self.stream.shards[shard].id)?.owner.as_deref()
    }

    pub fn create_rows(&mut self, at: u64, who: &str, rows: &[Row]) {
        for row in rows {
            if self.table.rows.contains_key(&row.shard) {
                continue;
            }
            self.say(at, who, || format!("creates row {} at {}", row.shard, row.position));
            if let (Position::At(time), None) = (&row.position, self.table.born_at) {
                self.table.born_at = Some(time.0);
                self.excuse_before(time.0);
            }
            if row.owner.is_some() || !matches!(row.position, Position::TrimHorizon | Position::At(_)) {
                self.break_promise(format!("{who} creates a row of {} that is not a beginning", row.shard));
            }
            self.table.rows.insert(row.shard.clone(), row.clone());
        }
    }

    /// Writes that were sent at one time and arrive at another.
    pub fn write_rows(&mut self, sent: u64, at: u64, who: &str, changes: &[Change]) -> Vec<Written> {
        changes.iter().map(|change| self.write_row(sent, at, who, change)).collect()
    }

    fn write_row(&mut self, sent: u64, at: u64, who: &str, Change { was, now }: &Change) -> Written {
        let Some(there) = self.table.rows.get(&was.shard).cloned() else {
            return Written::Conflict(None);
        };
        let is_seen = (&there.owner, there.counter) == (&was.owner, was.counter);
        if !is_seen {
            let own = Row { wanted_by: there.wanted_by.clone(), ..now.clone() };
            return if own == there { Written::Done } else { Written::Conflict(Some(there)) };
        }
        let meant = now.wanted_by != was.wanted_by;
        let wanted_by = if meant { now.wanted_by.clone() } else { there.wanted_by.clone() };
        let new = Row { wanted_by, ..now.clone() };
        self.check_write(sent, who, &there, &new);
        self.say(at, who, || format!("writes {} {}", new.shard, difference(&there, &new)));
        if there.owner != new.owner {
            self.table.n_moves += 1;
        }
        if (&there.owner, there.counter) != (&new.owner, new.counter) {
            self.table.bumped.insert(new.shard.clone(), at);
        }
        self.table.rows.insert(new.shard.clone(), new);
        Written::Done
    }

    fn check_write(&mut self, sent: u64, who: &str, there: &Row, new: &Row) {
        let shard = self.stream.number_of(&new.shard).expect("a shard of the stream");
        let owns = there.owner.as_deref() == Some(who);
        if there.position != new.position {
            if !owns {
                self.break_promise(format!("{who} moves the position of {}, which {:?} owns", new.shard, there.owner));
            }
            if !is_behind(&there.position, &new.position) {
                let what = format!("{who} moves {} back, from {} to {}", new.shard, there.position, new.position);
                self.break_promise(what);
            }
            self.check_position(shard, &new.position);
        }
        if there.owner != new.owner {
            let may = new.owner.is_none() && owns || new.owner.as_deref() == Some(who);
            if !may {
                self.break_promise(format!("{who} gives {} from {:?} to {:?}", new.shard, there.owner, new.owner));
            }
            if let (Some(old), Some(_)) = (&there.owner, &new.owner) {
                self.check_taking(sent, who, new, old);
            }
            if there.position == Position::End {
                self.break_promise(format!("{who} takes {}, which was read to its end", new.shard));
            }
        }
        let moves = owns || there.owner != new.owner;
        if moves && new.counter <= there.counter {
            self.break_promise(format!("{who} writes {} without moving its counter on", new.shard));
        }
    }

    /// Nobody takes what its owner has renewed lately, and nobody steals because the store was away.
    fn check_taking(&mut self, at: u64, who: &str, row: &Row, old: &str) {
        self.n_taken += 1;
        let failover = self.mix.knobs.failover_ms;
        // A look may be as long as the time between two looks, and what it sees as old as its beginning.
        let slack = failover / 3 + 2 * self.mix.world.turn_ms;
        let bumped = self.table.bumped.get(&row.shard).copied().unwrap_or(0);
        // One so long that every worker has noticed.
        let long =
            self.table.outages.iter().filter(|(from, to)| *from <= at && to - from > failover).map(|(_, to)| *to).max();
        let outage = long.unwrap_or(0);
        let since = bumped.max(outage);
        if at + slack < since + failover {
            let what = format!(
                "{who} takes {} from {old}, {} ms after its last sign of life",
                row.shard,
                at.saturating_sub(bumped)
            );
            self.break_promise(format!("{what} and {} ms after an outage", at.saturating_sub(outage)));
        }
    }

    pub fn remove_rows(&mut self, at: u64, who: &str, rows: &[Row]) {
        for row in rows {
            let Some(there) = self.table.rows.get(&row.shard).cloned() else { continue };
            if (&there.owner, there.counter) != (&row.owner, row.counter) {
                continue;
            }
            let shard = self.stream.number_of(&row.shard).expect("a shard of the stream");
            if !self.stream.shards[shard].gone {
                let what = format!("{who} removes the row of {} at {}", row.shard, there.position);
                self.break_promise(format!("{what}, which is in the stream"));
            }
            self.say(at, who, || format!("removes row {}", row.shard));
            self.table.rows.remove(&row.shard);
        }
    }
}

fn difference(old: &Row, new: &Row) -> String {
    let mut text = String::new();
    if old.owner != new.owner {
        text += &format!("owner {:?} to {:?} ", old.owner, new.owner);
    }
    if old.wanted_by != new.wanted_by {
        text += &format!("wanted by {:?} ", new.wanted_by);
    }
    if old.position != new.position {
        text += &format!("position {} ", new.position);
    }
    text + &format!("counter {}", new.counter)
}
