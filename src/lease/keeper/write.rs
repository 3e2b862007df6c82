//! Writes to rows that are ours: renewals, positions, releases.

use tokio::time::Instant;

use super::{Keeper, Leases};
use crate::lease::is_progress;
use crate::lease::table::{Change, LeaseTable, Row, Written};
use crate::pipeline::ports::{Positions, StoreError};
use crate::pipeline::position::{Position, ShardId};

/// A write that meets a request of another worker, or itself, is tried again so often.
const ROUNDS: usize = 3;

impl<T: LeaseTable> Keeper<T> {
    /// Writes rows of ours, each with its counter moved on. Those that turn out not to be ours any more are left in
    /// `lost`, also when an error ends the rest.
    ///
    /// Owner and position come from the wish; everything else from the row as it is.
    pub(super) async fn write_own(&self, leases: &mut Leases, mut wishes: Vec<Row>) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let changes: Vec<Change> =
                wishes.iter().filter_map(|wish| Some(change(leases.held.get(&wish.shard)?, wish))).collect();
            let written = self.write_all(&changes).await?;
            wishes.clear();
            for (written, Change { now, .. }) in written.into_iter().zip(changes) {
                match written {
                    Written::Done => leases.settle(now),
                    Written::Conflict(Some(row)) if row.owner.as_deref() == Some(&self.terms.worker) => {
                        // Ours still: a write of ours whose answer was lost, or a request.
                        leases.held.insert(row.shard.clone(), row);
                        wishes.push(now);
                    }
                    Written::Conflict(_) => {
                        leases.drop_lease(&now.shard);
                        leases.lost.push(now.shard);
                    }
                }
            }
            if wishes.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Busy("leases keep changing under our own writes".to_owned()))
    }
}

/// The change that makes `row` what is wished.
fn change(row: &Row, wish: &Row) -> Change {
    let position = if is_progress(&row.position, &wish.position) {
        wish.position.clone()
    } else {
        // A renewal may carry a position older than one that was stored meanwhile.
        row.position.clone()
    };
    let owner = if position == Position::End { None } else { wish.owner.clone() };
    let now = Row { owner, position, counter: row.counter + 1, ..row.clone() };
    Change { was: row.clone(), now }
}

impl Leases {
    fn settle(&mut self, row: Row) {
        self.view.set(row.clone());
        if row.owner.is_some() {
            self.held.insert(row.shard.clone(), row);
        } else {
            self.drop_lease(&row.shard);
        }
    }
}

impl<T: LeaseTable> Positions for std::sync::Arc<Keeper<T>> {
    async fn store(&self, positions: &[(ShardId, Position)]) -> Result<Vec<ShardId>, StoreError> {
        let mut leases = self.leases.lock().await;
        let began = Instant::now();
        let (ours, others): (Vec<_>, Vec<_>) =
            positions.iter().cloned().partition(|(shard, _)| leases.held.contains_key(shard));
        let wish = |(shard, position): &(ShardId, Position)| {
            Some(Row { position: position.clone(), ..leases.held.get(shard)?.clone() })
        };
        let wishes: Vec<Row> = ours.iter().filter_map(wish).collect();
        let is_all = wishes.len() == leases.held.len();
        self.write_own(&mut leases, wishes).await?;
        if is_all {
            // Every lease was renewed by it.
            leases.renewed = began;
        }
        let fenced = ours.into_iter().filter(|(shard, _)| leases.lost.contains(shard));
        Ok(others.into_iter().chain(fenced).map(|(shard, _)| shard).collect())
    }
}
