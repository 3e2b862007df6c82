//! `run --keep`: days that pass out of retention expire, and their indices are pruned, once a day.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::clock;
use crate::event::time::Day;
use crate::opensearch::client::Client;
use crate::pipeline::route::OldestKept;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::upkeep::retention::{self, PruneOptions};

/// How often the calendar is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Keeps the retention of one worker.
pub struct Retainer {
    /// The cluster.
    pub client: Client,
    /// What is pruned.
    pub options: PruneOptions,
    /// Today and so many days before it are kept of events; dead letters have a number of their own.
    pub keep_days: u32,
    /// Told which days expire.
    pub oldest_kept: OldestKept,
    /// Counts.
    pub metrics: Metrics,
    /// Told when a prune fails.
    pub health: Health,
}

impl Retainer {
    /// Expires the days before those that are kept, and prunes; the day if that went well.
    pub async fn begin(&self, today: Day) -> Option<Day> {
        self.oldest_kept.set(today.minus(self.keep_days));
        self.prune(today).await.then_some(today)
    }

    /// Does so again after every midnight (UTC), until told to stop.
    ///
    /// A failed prune is tried again at the next look; it stops nothing but itself.
    pub async fn run(self, mut pruned_on: Option<Day>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            let today = clock::now().day();
            if pruned_on != Some(today) {
                pruned_on = self.begin(today).await;
            }
        }
    }

    async fn prune(&self, today: Day) -> bool {
        match self.try_prune(today).await {
            Ok(()) => {
                self.health.leave("prune");
                true
            }
            Err(error) => {
                self.health.enter("prune", format!("{error:#}"));
                false
            }
        }
    }

    async fn try_prune(&self, today: Day) -> anyhow::Result<()> {
        let plan = retention::prepare(&self.client, &self.options, today).await?;
        let names: Vec<&str> = plan.drop.iter().map(|index| index.name.as_str()).collect();
        if names.is_empty() {
            return Ok(());
        }
        tracing::info!(indices = names.join(","), "pruning days past --keep");
        let done = retention::apply(&self.client, &plan).await?;
        self.metrics.pruned(done.deleted.len() as u64, done.bytes_freed);
        tracing::info!(indices.deleted = done.deleted.len(), bytes.freed = done.bytes_freed, "pruned");
        anyhow::ensure!(done.failed.is_empty(), "{done}");
        Ok(())
    }
}
