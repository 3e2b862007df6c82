//! What the pipeline tells, as metrics and readiness.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::app::clock;
use crate::event::time::Millis;
use crate::pipeline::op::Fate;
use crate::pipeline::ports::Observer;
use crate::pipeline::position::{Position, ShardId};
use crate::telemetry::health::{Health, Held};
use crate::telemetry::metrics::{BulkResult, Metrics, Outcome, RetryReason, ShardMetrics};

/// Metrics and readiness of one worker.
pub struct Watch {
    metrics: Metrics,
    health: Health,
    shards: Mutex<BTreeMap<ShardId, ShardMetrics>>,
}

impl Watch {
    /// Nothing watched yet.
    pub fn new(metrics: Metrics, health: Health) -> Self {
        Self { metrics, health, shards: Mutex::default() }
    }

    fn shard(&self, shard: &ShardId) -> ShardMetrics {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.entry(shard.clone()).or_insert_with(|| self.metrics.shard(&shard.0)).clone()
    }
}

impl Observer for Watch {
    type HeldUp = Held;

    fn ended(&self, fate: Fate, events: u64) {
        let outcome = match fate {
            Fate::Indexed => Outcome::Indexed,
            Fate::AlreadyThere => Outcome::AlreadyThere,
            Fate::DeadLettered => Outcome::DeadLettered,
            Fate::Expired => Outcome::Expired,
        };
        self.metrics.events(outcome, events);
    }

    fn bulk(&self, result: &'static str, took: Duration, ops: usize, bytes: usize) {
        let (result, again) = match result {
            "settled" => (BulkResult::Settled, None),
            "partial" => (BulkResult::Partial, Some(RetryReason::ClusterBusy)),
            "blocked" => (BulkResult::Blocked, Some(RetryReason::Blocked)),
            "too_large" => (BulkResult::TooLarge, Some(RetryReason::TooLarge)),
            "halt" => (BulkResult::Halt, None),
            _ => (BulkResult::Busy, Some(RetryReason::ClusterBusy)),
        };
        self.metrics.bulk(result, took, bytes as u64, ops as u64);
        if let Some(reason) = again {
            self.metrics.retry(reason);
        }
    }

    fn degraded(&self) {
        self.metrics.degraded();
    }

    fn request_bytes(&self, limit: usize, why: &str) {
        self.metrics.bulk_bytes_limit(limit);
        tracing::warn!(
            bulk.limit_bytes = limit,
            reason = why,
            "the cluster, or a proxy before it, takes no larger request: bulk requests are kept under {limit} bytes from now on"
        );
    }

    fn in_flight_limit(&self, limit: usize) {
        self.metrics.bulk_limit(limit);
    }

    fn blocked(&self, index: &str, why: &str) -> Held {
        let cure = "free disk (essink prune), lift the block or bring its shards back; its events wait and other indices go on, while \
                    --memory has room";
        self.health.hold(format!("index {index}"), format!("takes no writes, {cure}: {why}"))
    }

    fn let_go(&self, shard: &ShardId) {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).remove(shard);
    }

    fn dead_letter(&self, reason: &'static str) {
        self.metrics.dead_letter(reason);
    }

    fn held_up(&self, why: &str) -> Held {
        self.health.hold("cluster", why)
    }

    fn state_held_up(&self, why: Option<&str>) {
        match why {
            Some(why) => {
                self.metrics.retry(RetryReason::Checkpoint);
                self.health.enter("state", why);
            }
            None => self.health.leave("state"),
        }
    }

    fn oldest_open(&self, shard: &ShardId, arrived: Option<Millis>) {
        self.shard(shard).oldest_unsettled(arrived.map(|at| at.0));
    }

    fn stored(&self, positions: &[(ShardId, Position)]) {
        let now = clock::now();
        for (shard, position) in positions {
            self.shard(shard).checkpoint_at(now.0);
            if *position == Position::End {
                self.shards.lock().unwrap_or_else(PoisonError::into_inner).remove(shard);
            }
        }
    }
}
