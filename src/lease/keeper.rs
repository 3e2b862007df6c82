//! Keeps this worker's leases: renews them, takes what is free, asks for its share, and stores positions under them.
//!
//! [`Keeper::tick`] runs on a task of its own and never waits for data. The pipeline stores positions through the same
//! keeper, so that a position is written only together with proof that the lease is still ours.

mod certain;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

pub use self::certain::Certain;
use super::balance;
use super::table::{Change, LeaseTable, Row, Written};
use super::view::View;
use crate::pipeline::ports::StoreError;
use crate::pipeline::position::{Position, ShardId};

/// Looks at the table so often within the time after which an owner counts as dead: one that fails twice in a row
/// still renews in time.
const LOOKS: u32 = 3;

/// How leases are kept.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Names this process, and no other that ever was.
    pub worker: String,
    /// An owner that has not renewed for this long, by the clock of whoever looks, is dead.
    pub failover: Duration,
}

impl Terms {
    /// Time between two looks at the table.
    pub fn between_looks(&self) -> Duration {
        self.failover / LOOKS
    }
}

/// What the stream allows, given the positions in the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Shards that may be read now: not at their end, and every parent at its own.
    pub readable: BTreeSet<ShardId>,
    /// Rows that are to be there and are not, children before parents.
    pub absent: Vec<Row>,
    /// Shards that the stream no longer has.
    pub gone: BTreeSet<ShardId>,
}

/// What a look at the table has changed for this worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The shard is ours: read on from there.
    Gained(ShardId, Position),
    /// The shard is no longer ours: whatever is still open of it is its new owner's to store.
    Lost(ShardId),
    /// Another worker asks for the shard: stop reading, settle, store, then [`Keeper::release`] it.
    Wanted(ShardId),
    /// The whole table was looked at.
    Looked {
        /// Readable shards that are not ours now, and that no living worker is known to read.
        n_unread: usize,
    },
}

/// The leases of one worker.
#[derive(Debug)]
pub struct Keeper<T> {
    table: T,
    terms: Terms,
    leases: Mutex<Leases>,
    /// Whether our leases are certain: false from the moment others may count us as dead.
    certain: Certain,
}

#[derive(Debug)]
struct Leases {
    view: View,
    /// Our rows, as we last wrote or met them.
    held: BTreeMap<ShardId, Row>,
    /// Those of them that `Wanted` was said of.
    wanted: BTreeSet<ShardId>,
    /// Those that are to be free and could not be freed yet.
    releasing: BTreeSet<ShardId>,
    /// Lost, not said yet.
    lost: Vec<ShardId>,
    renewed: Instant,
}

impl<T: LeaseTable> Keeper<T> {
    /// A keeper that holds nothing yet.
    pub fn new(table: T, terms: Terms) -> Arc<Self> {
        let leases = Leases {
            // One look may fail or be late.
            view: View::new(terms.between_looks() * 2 + Duration::from_millis(500)),
            held: BTreeMap::new(),
            wanted: BTreeSet::new(),
            releasing: BTreeSet::new(),
            lost: Vec::new(),
            renewed: Instant::now(),
        };
        Arc::new(Self { table, terms, leases: Mutex::new(leases), certain: Certain::default() })
    }

    /// The store.
    pub fn table(&self) -> &T {
        &self.table
    }

    /// How leases are kept.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Whether our leases are certain. While they are not, nothing should be read under them: another worker may have
    /// taken them, or nobody can (the store is down), and then reading goes on when they are renewed.
    pub fn certain(&self) -> Certain {
        self.certain.clone()
    }

    /// Looks at the table, renews what is ours, and takes, asks for and announces what `scope` allows.
    ///
    /// What happened before an error stays true and is in `events`.
    pub async fn tick(
        &self,
        scope: impl FnOnce(&BTreeMap<ShardId, Position>) -> Scope + Send,
        events: &mut Vec<Event>,
    ) -> Result<(), StoreError> {
        let mut leases = self.leases.lock().await;
        leases.say_lost(events);
        let result = self.look_and_act(&mut leases, scope, events).await;
        if result.is_err() {
            leases.view.forgive();
        }
        leases.say_lost(events);
        let is_certain = leases.held.is_empty() || leases.renewed.elapsed() < self.terms.failover;
        self.certain.set(is_certain);
        result
    }

    async fn look_and_act(
        &self,
        leases: &mut Leases,
        scope: impl FnOnce(&BTreeMap<ShardId, Position>) -> Scope + Send,
        events: &mut Vec<Event>,
    ) -> Result<(), StoreError> {
        let began = Instant::now();
        leases.view.look(self.in_time(self.table.list()).await?, began);
        self.adopt(leases, events);
        self.renew(leases).await?;
        // Before anything is gained: what was lost and is free again may be ours once more in a moment.
        leases.say_lost(events);
        let scope = scope(&leases.view.positions());
        if !scope.absent.is_empty() {
            self.in_time(self.table.create(&scope.absent)).await?;
            // As they are there: another worker may have been faster, with another position.
            leases.view.look(self.in_time(self.table.list()).await?, Instant::now());
        }
        let steps = balance::plan(&self.terms.worker, &leases.view, &scope.readable, self.terms.failover);
        // Not what was lost a moment ago: a position that is on its way to the table would be written under the new lease,
        // and undo what it was taken away for.
        let is_lost = |row: &Row| events.contains(&Event::Lost(row.shard.clone()));
        let take = steps.take.into_iter().filter(|row| !is_lost(row)).collect();
        let n_taken = self.take(leases, take, events).await?;
        self.ask(steps.ask).await?;
        let unsaid = steps.give.into_iter().filter(|shard| leases.held.contains_key(shard));
        for shard in unsaid.collect::<Vec<_>>() {
            if leases.wanted.insert(shard.clone()) {
                events.push(Event::Wanted(shard));
            }
        }
        self.clean(leases, &scope).await?;
        events.push(Event::Looked { n_unread: steps.n_unread - n_taken });
        Ok(())
    }

    /// Compares what we hold with what is there. A row with our name that we do not hold is a take whose answer
    /// was lost.
    fn adopt(&self, leases: &mut Leases, events: &mut Vec<Event>) {
        let is_mine = |row: &Row| row.owner.as_deref() == Some(&self.terms.worker);
        let view = &leases.view;
        let lost: Vec<ShardId> =
            leases.held.keys().filter(|s| !view.row(s).is_some_and(|seen| is_mine(&seen.row))).cloned().collect();
        let mine: Vec<Row> = view.rows().filter(|seen| is_mine(&seen.row)).map(|seen| seen.row.clone()).collect();
        for shard in lost {
            leases.drop_lease(&shard);
            events.push(Event::Lost(shard));
        }
        for row in mine {
            let (shard, position) = (row.shard.clone(), row.position.clone());
            if leases.held.insert(shard.clone(), row).is_none() {
                events.push(Event::Gained(shard, position));
            }
        }
    }

    async fn renew(&self, leases: &mut Leases) -> Result<(), StoreError> {
        let began = Instant::now();
        let wish = |row: &Row| {
            let owner = row.owner.clone().filter(|_| !leases.releasing.contains(&row.shard));
            Row { owner, ..row.clone() }
        };
        let wishes = leases.held.values().map(wish).collect();
        self.write_own(leases, wishes).await?;
        leases.renewed = began;
        Ok(())
    }

    async fn take(&self, leases: &mut Leases, rows: Vec<Row>, events: &mut Vec<Event>) -> Result<usize, StoreError> {
        let mine = |was: Row| {
            let owner = Some(self.terms.worker.clone());
            let now = Row { owner, counter: was.counter + 1, wanted_by: None, ..was.clone() };
            Change { was, now }
        };
        let changes: Vec<Change> = rows.into_iter().map(mine).collect();
        let mut n_taken = 0;
        for (written, change) in self.write_all(&changes).await?.into_iter().zip(changes) {
            let shard = change.now.shard.clone();
            match written {
                Written::Done => {
                    n_taken += 1;
                    events.push(Event::Gained(shard.clone(), change.now.position.clone()));
                    leases.view.set(change.now.clone());
                    leases.held.insert(shard, change.now);
                }
                Written::Conflict(Some(row)) => leases.view.set(row),
                Written::Conflict(None) => leases.view.forget(&shard),
            }
        }
        Ok(n_taken)
    }

    async fn ask(&self, rows: Vec<Row>) -> Result<(), StoreError> {
        let wanted = |was: Row| {
            let now = Row { wanted_by: Some(self.terms.worker.clone()), ..was.clone() };
            Change { was, now }
        };
        let changes: Vec<Change> = rows.into_iter().map(wanted).collect();
        // One that has changed meanwhile is looked at again the next time.
        self.write_all(&changes).await?;
        for Change { now, .. } in changes {
            tracing::info!(kinesis.shard = %now.shard, owner = now.owner, "asked for a shard, to share evenly");
        }
        Ok(())
    }

    /// Removes the rows of shards that the stream no longer has and nobody reads. Never all rows: a table without any
    /// is that of a group that was never born.
    async fn clean(&self, leases: &mut Leases, scope: &Scope) -> Result<(), StoreError> {
        let failover = self.terms.failover;
        let is_left = |row: &Row, still: Duration| row.owner.is_none() || still >= failover;
        let gone = leases.view.rows().filter(|seen| scope.gone.contains(&seen.row.shard));
        let rows: Vec<Row> = gone.filter(|seen| is_left(&seen.row, seen.still)).map(|seen| seen.row.clone()).collect();
        if rows.is_empty() || rows.len() == leases.view.rows().count() {
            return Ok(());
        }
        self.in_time(self.table.remove(&rows)).await?;
        for row in rows {
            if row.position == Position::End {
                tracing::info!(kinesis.shard = %row.shard, "the stream no longer has this shard: its lease was removed");
            } else {
                tracing::error!(
                    kinesis.shard = %row.shard, position = %row.position,
                    "this shard left the stream before it was read to its end: its last records may have expired unread"
                );
            }
            leases.view.forget(&row.shard);
        }
        Ok(())
    }

    /// Gives shards up: they are free for others. What cannot be written now is with the next renewal.
    pub async fn release(&self, shards: &[ShardId]) -> Result<(), StoreError> {
        let mut leases = self.leases.lock().await;
        let held: Vec<Row> = shards.iter().filter_map(|shard| leases.held.get(shard).cloned()).collect();
        leases.releasing.extend(held.iter().map(|row| row.shard.clone()));
        let wishes = held.into_iter().map(|row| Row { owner: None, ..row }).collect();
        self.write_own(&mut leases, wishes).await
    }

    /// Gives up everything that is held.
    pub async fn release_all(&self) -> Result<(), StoreError> {
        let shards: Vec<ShardId> = self.leases.lock().await.held.keys().cloned().collect();
        self.release(&shards).await
    }

    /// A store that does not answer must not hold up renewals for longer than a look may take.
    async fn in_time<R>(&self, call: impl Future<Output = Result<R, StoreError>>) -> Result<R, StoreError> {
        let limit = self.terms.between_looks();
        let late = |_| StoreError::Busy(format!("the store of leases did not answer within {} ms", limit.as_millis()));
        timeout(limit, call).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }

    async fn write_all(&self, changes: &[Change]) -> Result<Vec<Written>, StoreError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let written = self.in_time(self.table.write(changes)).await?;
        if written.len() == changes.len() {
            Ok(written)
        } else {
            Err(StoreError::Busy(format!("{} leases were written, {} answers came", changes.len(), written.len())))
        }
    }
}

impl Leases {
    fn say_lost(&mut self, events: &mut Vec<Event>) {
        events.extend(self.lost.drain(..).map(Event::Lost));
    }

    fn drop_lease(&mut self, shard: &ShardId) {
        self.held.remove(shard);
        self.wanted.remove(shard);
        self.releasing.remove(shard);
    }
}

#[cfg(test)]
mod tests;
