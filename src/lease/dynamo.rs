//! Leases in a DynamoDB table of the Kinesis Client Library's schema, so that its applications can move to essink with
//! their place, and back.
//!
//! Every write names the owner and counter that were seen and touches no attribute that it does not change. A table is of
//! one stream and one group.

mod calls;
mod fault;
mod item;
mod keys;
mod place;
#[cfg(test)]
mod tests;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use self::calls::{Calls, Tried};
use self::item::Found;
pub use self::item::Own;
use self::keys::Keys;
use super::change::{Intent, Meeting};
use super::table::{Change, LeaseTable, Row, Written};
use crate::pipeline::ports::StoreError;
use crate::pipeline::position::ShardId;

/// Writes under way at once: a few milliseconds each, and a worker has seconds to renew what it holds.
const PARALLEL: usize = 16;
/// A row that others keep writing to is tried again so often: each round is another's write in between.
const ROUNDS: usize = 5;
/// The keeper asks again by itself; the SDK only bridges a blink.
const TRIES: u32 = 2;

/// Leases in a table of DynamoDB.
#[derive(Debug)]
pub struct DynamoTable {
    calls: Arc<Calls>,
    strangers: Mutex<Strangers>,
}

/// Owners that are no worker of essink, each with its leases' counters as last listed.
#[derive(Debug, Default)]
struct Strangers {
    seen: BTreeMap<ShardId, (String, u64)>,
    warned_of: BTreeSet<String>,
}

/// What is to become of a row.
#[derive(Debug, Clone)]
enum Wish {
    Change(Change),
    Remove(Row),
}

impl Wish {
    fn intent(&self) -> Intent<'_> {
        match self {
            Self::Change(change) => Intent::from(change),
            Self::Remove(row) => Intent::removal(row),
        }
    }
}

impl DynamoTable {
    /// The table `name`, as `settings` reach it. Nothing is sent yet.
    pub fn new(settings: &SdkConfig, name: &str, own: Own) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(TRIES);
        let config = aws_sdk_dynamodb::config::Builder::from(settings).retry_config(retries).build();
        let calls = Calls { client: Client::from_conf(config), table: name.to_owned(), own, keys: OnceLock::new() };
        Self { calls: Arc::new(calls), strangers: Mutex::default() }
    }

    /// ARNs of the streams that essink has written leases of into the table: one, unless somebody shares it wrongly.
    pub async fn streams(&self) -> Result<Vec<String>, StoreError> {
        let items = self.calls.scan().await?;
        let named = items.iter().filter_map(|item| item.get(item::STREAM)?.as_s().ok().cloned());
        Ok(named.collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Tries each action that leases take, by calls whose condition never holds: nothing changes. An error says why not.
    pub async fn probe(&self) -> Vec<(&'static str, Result<(), StoreError>)> {
        self.calls.probe().await
    }

    /// Owners that are no worker of essink, and that have renewed between two listings.
    pub async fn strangers(&self) -> Vec<String> {
        self.strangers.lock().await.warned_of.iter().cloned().collect()
    }

    /// Carries out all wishes, some at a time. A row that is not as it was seen is looked at: it may be the same but for a
    /// request, or what we wrote ourselves without hearing of it.
    async fn carry_out(&self, wishes: &[Wish]) -> Result<Vec<Written>, StoreError> {
        let mut ends: Vec<Option<Written>> = vec![None; wishes.len()];
        for _ in 0..ROUNDS {
            let open: Vec<usize> = (0..wishes.len()).filter(|at| ends[*at].is_none()).collect();
            let mut unseen = Vec::new();
            for some in open.chunks(PARALLEL) {
                for (at, tried) in self.try_some(wishes, some).await? {
                    match tried {
                        Tried::Done => ends[at] = Some(Written::Done),
                        Tried::Met(row) => ends[at] = ended(&wishes[at], Some(&row)),
                        Tried::Unlike => unseen.push(at),
                    }
                }
            }
            if !unseen.is_empty() {
                let there: BTreeMap<ShardId, Row> =
                    self.list().await?.into_iter().map(|row| (row.shard.clone(), row)).collect();
                for at in unseen {
                    ends[at] = ended(&wishes[at], there.get(&wishes[at].intent().row().shard));
                }
            }
            if ends.iter().all(Option::is_some) {
                return Ok(ends.into_iter().flatten().collect());
            }
        }
        Err(StoreError::Busy(format!("leases in table {} keep changing under our writes", self.calls.table)))
    }

    /// At once; an error of one is an error of all, when all have ended.
    async fn try_some(&self, wishes: &[Wish], some: &[usize]) -> Result<Vec<(usize, Tried)>, StoreError> {
        let mut under_way = JoinSet::new();
        for &at in some {
            let (calls, wish) = (Arc::clone(&self.calls), wishes[at].clone());
            under_way.spawn(async move {
                let tried = match &wish {
                    Wish::Change(change) => calls.update(change).await,
                    Wish::Remove(row) => calls.delete(row).await,
                };
                tried.map(|tried| (at, tried))
            });
        }
        let (mut done, mut worst) = (Vec::new(), None);
        while let Some(joined) = under_way.join_next().await {
            match joined.unwrap_or_else(|e| Err(StoreError::Halt(format!("a lease could not be written: {e}")))) {
                Ok(tried) => done.push(tried),
                Err(halt @ StoreError::Halt(_)) => worst = Some(halt),
                Err(busy) => worst = worst.or(Some(busy)),
            }
        }
        worst.map_or(Ok(done), Err)
    }
}

/// How a write ended that met `there`; nothing when it is to be tried again.
fn ended(wish: &Wish, there: Option<&Row>) -> Option<Written> {
    match wish.intent().meet(there) {
        Meeting::Ended(end) => Some(end),
        Meeting::Write(_) => None,
    }
}

impl Strangers {
    /// Takes in a listing, and says so once of each owner that is alive.
    fn look(&mut self, table: &str, rows: impl Iterator<Item = Row>) {
        let owned = rows.filter_map(|row| Some((row.shard, (row.owner?, row.counter))));
        let before = std::mem::replace(&mut self.seen, owned.collect());
        for (shard, (owner, counter)) in &self.seen {
            let moved = before.get(shard).is_some_and(|(name, last)| name == owner && last != counter);
            if moved && self.warned_of.insert(owner.clone()) {
                tracing::warn!(
                    lease.owner = owner,
                    lease.table = table,
                    "a worker of a KCL application renews leases in this table: its shards are left to it; stop that application"
                );
            }
        }
    }
}

impl LeaseTable for DynamoTable {
    async fn list(&self) -> Result<Vec<Row>, StoreError> {
        let (mut rows, mut strangers) = (BTreeMap::new(), Vec::new());
        let items = self.calls.scan().await?;
        self.calls.keys.get_or_init(|| Keys::of(&items, &self.calls.own.stream));
        for item in items {
            if let Found::Lease { row, foreign } = self.calls.read(&item)? {
                strangers.extend(foreign.then(|| row.clone()));
                rows.insert(row.shard.clone(), row);
            }
        }
        self.strangers.lock().await.look(&self.calls.table, strangers.into_iter());
        Ok(rows.into_values().collect())
    }

    async fn create(&self, rows: &[Row]) -> Result<(), StoreError> {
        for row in rows {
            self.calls.put(row).await?;
        }
        Ok(())
    }

    async fn write(&self, changes: &[Change]) -> Result<Vec<Written>, StoreError> {
        let wishes: Vec<Wish> = changes.iter().cloned().map(Wish::Change).collect();
        self.carry_out(&wishes).await
    }

    /// KCL does.
    fn forgets_ended(&self) -> bool {
        true
    }

    async fn remove(&self, rows: &[Row]) -> Result<(), StoreError> {
        let wishes: Vec<Wish> = rows.iter().cloned().map(Wish::Remove).collect();
        self.carry_out(&wishes).await.map(drop)
    }
}
