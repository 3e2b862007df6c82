//! Brings events into the cluster for a command that ends by itself: the pipeline of `run`, with another source.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::clock;
use super::commands;
use super::connect;
use super::exit::Failure;
use super::intake::Memory;
use super::observe::Watch;
use super::stores::{self, Letters, Places};
use super::work::{self, CHANNEL};
use super::worker;
use super::worker::side::watch_signals;
use crate::config::DriveOptions;
use crate::event::unwrap::Unwrapper;
use crate::opensearch::bulk::BulkClient;
use crate::opensearch::client::Client;
use crate::pipeline::days::DayGuard;
use crate::pipeline::route::{OldestKept, Router};
use crate::pipeline::run::{Intake, Ports, RunError, run as run_pipeline};
use crate::telemetry::health::Health;
use crate::telemetry::metrics::{Metrics, Snapshot};

/// What is ready to bring events into the cluster.
pub struct Drive {
    /// The cluster.
    pub client: Client,
    /// Counts.
    pub metrics: Metrics,
    /// The bound on bytes in flight.
    pub memory: Memory,
    /// Told to stop: nothing more is to be sent.
    pub stop: CancellationToken,
    options: DriveOptions,
    give_up: CancellationToken,
    days: DayGuard,
}

/// A pipeline that runs.
pub struct Running {
    /// Takes records.
    pub intake: mpsc::Sender<Intake>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Drive {
    /// The cluster with its templates, as `run` makes sure of them.
    pub async fn connect(options: DriveOptions) -> Result<Self, Failure> {
        let (stop, give_up) = (CancellationToken::new(), CancellationToken::new());
        watch_signals(stop.clone(), give_up.clone(), options.grace).map_err(Failure::bug)?;
        let client = connect::cluster_that_keeps_ids(&options.cluster).await?;
        commands::ensure_templates(&client, &options.names, options.templates.as_ref()).await?;
        let known = stores::existing_indices(&client, &options.names.families).await;
        let days = DayGuard::new(options.events.max_days, known);
        let (metrics, memory) = (Metrics::new(|| clock::now().0), Memory::new(options.batch.memory));
        metrics.memory_bound(memory.bound());
        Ok(Self { client, metrics, memory, stop, options, give_up, days })
    }

    /// Starts the pipeline.
    pub fn start(&mut self, dead_letters: Letters, positions: Places) -> Running {
        let (intake, taken) = mpsc::channel(CHANNEL);
        // Nothing waits for single slots.
        let (finished, _) = mpsc::unbounded_channel();
        let health = Health::starting();
        health.started();
        let ports = Ports {
            bulk: BulkClient::new(self.client.clone(), self.options.batch.gzip),
            dead_letters,
            positions,
            observer: Watch::new(self.metrics.clone(), health),
        };
        let settings =
            worker::settings(&self.options.batch, self.options.checkpoint_interval, oldest_kept(&self.options));
        let days = std::mem::replace(&mut self.days, DayGuard::new(0, []));
        let run = run_pipeline(ports, settings, days, taken, finished, self.give_up.clone());
        Running { intake, task: tokio::spawn(run) }
    }

    /// What takes events out of records, and gives them their index.
    pub fn decoder(&self) -> (Unwrapper, Router) {
        decoder(&self.options)
    }
}

impl Running {
    /// Waits until all that was sent has ended and is stored.
    pub async fn finish(self) -> Result<(), Failure> {
        let Self { intake, task } = self;
        drop(intake);
        let done = task.await.map_err(Failure::bug)?;
        done.map_err(work::failure)
    }
}

/// What takes events out of records, and gives them their index; events of days before those kept expire.
pub fn decoder(options: &DriveOptions) -> (Unwrapper, Router) {
    (Unwrapper::new(worker::rules(&options.events)), Router::new(options.names.families.clone(), oldest_kept(options)))
}

fn oldest_kept(options: &DriveOptions) -> OldestKept {
    let oldest_kept = OldestKept::default();
    if let Some(keep) = options.keep {
        oldest_kept.set(clock::now().day().minus(keep.days()));
    }
    oldest_kept
}

/// How events ended, for reports.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Events {
    /// Created in their index.
    pub indexed: u64,
    /// Their index had them.
    pub already_there: u64,
    /// Kept as dead letters, or kept so again.
    pub dead_lettered: u64,
    /// Of days past retention.
    pub expired: u64,
}

impl From<&Snapshot> for Events {
    fn from(counts: &Snapshot) -> Self {
        let Snapshot { indexed, already_there, dead_lettered, expired, .. } = *counts;
        Self { indexed, already_there, dead_lettered, expired }
    }
}

impl std::fmt::Display for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { indexed, already_there, dead_lettered, expired } = self;
        write!(f, "{indexed} indexed, {already_there} already there, {dead_lettered} refused, {expired} expired")
    }
}
