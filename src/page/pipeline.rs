//! What the Pipeline tab shows, as one JSON object.

use serde::Serialize;

use super::history::{Sample, Trend};
use super::{Desk, Disk, Leases, cure};
use crate::telemetry::metrics::{Label as _, ShardSnapshot};

/// Shards listed; of more, those furthest behind.
const SHARDS: usize = 200;

/// A worker at one moment.
#[derive(Debug, Serialize)]
pub struct Pipeline {
    /// Milliseconds since 1970, by the worker's clock.
    pub now: i64,
    /// Since the start.
    pub uptime_seconds: u64,
    /// Whether nothing stands in the way.
    pub ready: bool,
    /// Events settled a second.
    pub rate: f64,
    /// Records read, and bytes of their data, since the start.
    pub records: u64,
    /// Bytes of their data.
    pub record_bytes: u64,
    /// Of the shard furthest behind; none while none is known.
    pub lag_ms: Option<i64>,
    /// Age of the oldest record that has not settled.
    pub oldest_unsettled_ms: Option<i64>,
    /// Bytes of events that have not settled.
    pub in_flight_bytes: u64,
    /// The most of them (`--memory`).
    pub bound_bytes: u64,
    /// How events ended.
    pub outcomes: Outcomes,
    /// Requests to the cluster.
    pub bulk: Bulk,
    /// Things done again since the start.
    pub retries: u64,
    /// The same by reason.
    pub retries_by_reason: Vec<Count>,
    /// Dead letters by reason.
    pub dead_letters: Vec<Count>,
    /// What stands in the way.
    pub conditions: Vec<Condition>,
    /// Shards held, furthest behind first where not all are listed.
    pub shards: Vec<Shard>,
    /// Shards held that are not listed.
    pub more_shards: usize,
    /// The table of leases.
    pub leases: Leases,
    /// What is on disk.
    pub disk: Disk,
    /// The last sample of the history, when this watcher does not have it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
}

/// Events that ended since the start, by how.
#[derive(Debug, Serialize)]
pub struct Outcomes {
    /// Created in their index.
    pub indexed: u64,
    /// The index had them.
    pub already_there: u64,
    /// Kept as dead letters.
    pub dead_lettered: u64,
    /// Past retention.
    pub expired: u64,
    /// Among the indexed: those whose event is one text.
    pub degraded: u64,
}

/// Bulk requests.
#[derive(Debug, Serialize)]
pub struct Bulk {
    /// Since the start.
    pub requests: u64,
    /// Median of the last minute.
    pub p50_ms: Option<f64>,
    /// What one in a hundred exceeds.
    pub p99_ms: Option<f64>,
    /// How many may be under way now.
    pub in_flight_limit: u64,
}

/// A number with a name.
#[derive(Debug, Serialize)]
pub struct Count {
    /// What was counted.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
}

/// Something that stands in the way.
#[derive(Debug, Serialize)]
pub struct Condition {
    /// Its name, as `/ready` has it.
    pub name: String,
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub cure: &'static str,
}

/// One shard.
#[derive(Debug, Serialize)]
pub struct Shard {
    /// Its name.
    pub name: String,
    /// What its reader does.
    pub state: &'static str,
    /// How far behind its newest record.
    pub lag_ms: Option<i64>,
    /// Which way that goes.
    pub trend: Option<Trend>,
    /// Age of its oldest record that has not settled.
    pub oldest_unsettled_ms: Option<i64>,
    /// Since its position was last stored.
    pub checkpoint_age_ms: Option<i64>,
}

impl Desk {
    /// Everything now, for a watcher whose last sample is of `seen`.
    pub(super) async fn pipeline(&self, seen: i64) -> Pipeline {
        let (leases, disk) = (self.outside.leases().await, self.outside.disk().await);
        let (now, snapshot, details) = (self.outside.now(), self.metrics.snapshot(), self.metrics.details());
        let history = self.history();
        let [p50_ms, p99_ms] = history.bulk_millis(&details);
        let count = |&(reason, count): &(&'static str, u64)| Count { reason, count };
        let condition = |(name, reason): (String, String)| Condition { cure: cure::of(&name), name, reason };
        let (listed, more_shards) = listed(&snapshot.shards);
        Pipeline {
            now,
            uptime_seconds: self.began.elapsed().as_secs(),
            ready: self.health.is_ready(),
            rate: history.rate(),
            records: snapshot.records,
            record_bytes: snapshot.record_bytes,
            lag_ms: snapshot.lag_millis(),
            oldest_unsettled_ms: snapshot.oldest_unsettled_millis(),
            in_flight_bytes: snapshot.in_flight_bytes,
            bound_bytes: snapshot.memory_bound_bytes,
            outcomes: Outcomes {
                indexed: snapshot.indexed,
                already_there: snapshot.already_there,
                dead_lettered: snapshot.dead_lettered,
                expired: snapshot.expired,
                degraded: details.degraded,
            },
            bulk: Bulk { requests: snapshot.bulk_requests, p50_ms, p99_ms, in_flight_limit: details.bulk_limit },
            retries: snapshot.retries,
            retries_by_reason: details.retries.iter().map(count).collect(),
            dead_letters: details.dead_letters.iter().map(count).collect(),
            conditions: self.health.reasons().into_iter().map(condition).collect(),
            shards: listed
                .into_iter()
                .map(|shard| Shard {
                    name: shard.name.clone(),
                    state: shard.state.text(),
                    lag_ms: shard.lag_millis,
                    trend: shard.lag_millis.and_then(|lag| history.trend(&shard.name, now, lag)),
                    oldest_unsettled_ms: shard.oldest_unsettled_millis,
                    checkpoint_age_ms: shard.checkpoint_age_millis,
                })
                .collect(),
            more_shards,
            leases,
            disk,
            sample: history.other_than(seen),
        }
    }
}

/// The shards that are listed, by name, and how many are not.
fn listed(shards: &[ShardSnapshot]) -> (Vec<&ShardSnapshot>, usize) {
    let mut all: Vec<&ShardSnapshot> = shards.iter().collect();
    if all.len() > SHARDS {
        all.sort_by_key(|shard| std::cmp::Reverse(shard.lag_millis));
        all.truncate(SHARDS);
        all.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let more = shards.len() - all.len();
    (all, more)
}
