//! The task that keeps leases: it looks at the table at its own pace and waits for nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::kinesis::lineage::{self, Shard};
use crate::lease::keeper::{Event, Keeper, Scope};
use crate::lease::table::{LeaseTable, Row};
use crate::pipeline::ports::StoreError;
use crate::pipeline::position::{Position, ShardId};
use crate::telemetry::health::Health;

/// Set-up trouble is borne this long: a rolling change of credentials heals itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps the leases of one worker.
pub struct Renewal<T> {
    /// The leases.
    pub keeper: Arc<Keeper<T>>,
    /// The stream's shards, as last listed.
    pub shards: watch::Receiver<Arc<Vec<Shard>>>,
    /// Where the shards begin that exist when the group is born.
    pub start: Position,
    /// Who acts on what changes; an error is one that waiting does not mend.
    pub events: mpsc::UnboundedSender<Result<Event, String>>,
    /// Asks for a look at once.
    pub nudge: Arc<Notify>,
    /// Told when the table cannot be read or written.
    pub health: Health,
}

impl<T: LeaseTable> Renewal<T> {
    /// Looks, renews and tells, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let pause = self.keeper.terms().between_looks();
        let mut wrong_since: Option<Instant> = None;
        let mut unlisted = Unlisted::default();
        while !stop.is_cancelled() {
            let mut events = Vec::new();
            let shards = self.shards.borrow().clone();
            let allowed = |known: &BTreeMap<_, _>| {
                let mut scope = scope(&shards, &self.start, known, self.keeper.table().forgets_ended());
                unlisted.confirm(&shards, &mut scope.gone);
                scope
            };
            let result = self.keeper.tick(allowed, &mut events).await;
            // Nobody listens any more when the worker is stopping.
            events.into_iter().for_each(|event| drop(self.events.send(Ok(event))));
            match result {
                Ok(()) => {
                    wrong_since = None;
                    self.health.leave("leases");
                }
                Err(StoreError::Busy(why)) => self.health.enter("leases", why),
                Err(StoreError::Halt(why)) => {
                    self.health.enter("leases", &why);
                    if wrong_since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE {
                        self.events.send(Err(why)).ok();
                        return;
                    }
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.nudge.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }
}

/// So many listings must miss the shard of a row before it counts as gone: the first may have begun before the shard.
const MISSES: u32 = 2;

/// Rows whose shard is not listed. It has left the stream, or it is younger than our listing: a split that another
/// worker has heard of first.
#[derive(Debug, Default)]
struct Unlisted {
    listing: Option<Arc<Vec<Shard>>>,
    /// How many listings have come since the row was first seen without its shard.
    missed: BTreeMap<ShardId, u32>,
}

impl Unlisted {
    /// Leaves in `gone`, the shards that `listing` does not have, those that are gone for certain.
    fn confirm(&mut self, listing: &Arc<Vec<Shard>>, gone: &mut BTreeSet<ShardId>) {
        let is_new = self.listing.replace(listing.clone()).is_none_or(|last| !Arc::ptr_eq(&last, listing));
        self.missed.retain(|shard, _| gone.contains(shard));
        gone.retain(|shard| {
            let known = self.missed.get(shard).map(|n| n + u32::from(is_new));
            let missed = known.unwrap_or(0);
            self.missed.insert(shard.clone(), missed);
            missed >= MISSES
        });
    }
}

/// What may be read of the listed `shards`, what is missing from the table, and what is in it for nothing.
///
/// `start` holds for the shards that exist when the group is born and for none of their descendants. `forgets_ended` as
/// the table says.
pub fn scope(shards: &[Shard], start: &Position, known: &BTreeMap<ShardId, Position>, forgets_ended: bool) -> Scope {
    let mut positions = known.clone();
    if forgets_ended {
        positions.extend(lineage::forgotten(shards, known));
    }
    positions.extend(lineage::births(shards, known, start));
    let plan = lineage::plan(shards, &positions);
    let gone = plan.gone.into_iter().map(|(shard, _)| shard).collect();
    // Children first: a birth that is cut short then leaves no child that seems to have come after it.
    let fresh = shards.iter().rev().filter(|shard| !known.contains_key(&shard.id));
    let is_ready = |id: &ShardId| plan.ready.iter().any(|(ready, _)| ready == id);
    let absent = fresh.filter(|shard| positions.contains_key(&shard.id) || is_ready(&shard.id)).map(|shard| Row {
        shard: shard.id.clone(),
        owner: None,
        counter: 0,
        wanted_by: None,
        position: positions.get(&shard.id).cloned().unwrap_or(Position::TrimHorizon),
        parents: shard.parents.clone(),
    });
    let absent = absent.collect();
    Scope { readable: plan.ready.into_iter().map(|(shard, _)| shard).collect(), absent, gone }
}

#[cfg(test)]
mod tests;
