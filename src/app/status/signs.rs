//! Signs of life: an owner that is alive renews its row, and nobody compares clocks.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::lease::table::Row;
use crate::pipeline::position::ShardId;

/// What has been seen of each row.
#[derive(Debug, Default)]
pub struct Signs {
    seen: BTreeMap<ShardId, Sign>,
}

#[derive(Debug)]
struct Sign {
    owner: Option<String>,
    counter: u64,
    /// When the row was first seen so.
    since: Instant,
    /// Whether it was seen to change to this.
    moved: bool,
}

impl Signs {
    /// Takes in one look at the table.
    pub fn look(&mut self, rows: &[Row], now: Instant) {
        self.seen.retain(|shard, _| rows.iter().any(|row| row.shard == *shard));
        for row in rows {
            let before = self.seen.get(&row.shard);
            if before.is_some_and(|sign| sign.owner == row.owner && sign.counter == row.counter) {
                continue;
            }
            let (owner, moved) = (row.owner.clone(), before.is_some());
            self.seen.insert(row.shard.clone(), Sign { owner, counter: row.counter, since: now, moved });
        }
    }

    /// Whether the owner of a shard is alive; `None` while it is not known, and where there is none.
    ///
    /// A row that has stood still for `patience` is that of a worker that is gone.
    pub fn alive(&self, shard: &ShardId, patience: Duration, now: Instant) -> Option<bool> {
        let sign = self.seen.get(shard).filter(|sign| sign.owner.is_some())?;
        match now.saturating_duration_since(sign.since) < patience {
            true => sign.moved.then_some(true),
            false => Some(false),
        }
    }

    /// Whether there is an owner of whom it is not known yet.
    pub fn open(&self, patience: Duration, now: Instant) -> bool {
        let owned = self.seen.iter().filter(|(_, sign)| sign.owner.is_some());
        owned.into_iter().any(|(shard, _)| self.alive(shard, patience, now).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::position::Position;

    const PATIENCE: Duration = Duration::from_secs(7);

    fn row(shard: &str, owner: Option<&str>, counter: u64) -> Row {
        let owner = owner.map(str::to_owned);
        Row { shard: shard.into(), owner, counter, wanted_by: None, position: Position::End, parents: Vec::new() }
    }

    #[test]
    fn an_owner_that_renews_is_alive_and_one_that_stands_still_is_gone() {
        let (mut signs, start) = (Signs::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let alive = |signs: &Signs, shard: &str, seconds| signs.alive(&shard.into(), PATIENCE, at(seconds));
        signs.look(&[row("a", Some("w"), 1), row("b", Some("dead"), 1), row("c", None, 1)], at(0));
        assert_eq!([alive(&signs, "a", 1), alive(&signs, "b", 1), alive(&signs, "c", 1)], [None; 3]);
        assert!(signs.open(PATIENCE, at(1)));
        signs.look(&[row("a", Some("w"), 2), row("b", Some("dead"), 1), row("c", None, 1)], at(4));
        assert_eq!([alive(&signs, "a", 4), alive(&signs, "b", 4)], [Some(true), None]);
        assert!(!signs.open(PATIENCE, at(7)), "seven seconds are enough");
        assert_eq!(
            [alive(&signs, "a", 7), alive(&signs, "b", 7), alive(&signs, "c", 7)],
            [Some(true), Some(false), None]
        );
        assert_eq!(alive(&signs, "a", 11), Some(false), "it has stopped to renew since");
        signs.look(&[row("b", Some("heir"), 1)], at(12));
        assert_eq!([alive(&signs, "a", 12), alive(&signs, "b", 12)], [None, Some(true)]);
    }
}
