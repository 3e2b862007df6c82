//! The live page: what a browser shows of a worker, and of the events in its cluster.
//!
//! [`Desk`] is all that its answers are made of. `app` gives it a port to what lies outside ([`Outside`]); numbers come
//! from `telemetry`, questions about events from `panel`. Nothing here is on the way of an event: a sample a second is taken,
//! and the rest is read while somebody watches.

mod assets;
mod cure;
mod history;
mod panels;
mod pipeline;
mod session;
mod watch;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::history::History;
use crate::panel::Over;
use crate::telemetry::health::Health;
use crate::telemetry::http::More;
use crate::telemetry::http::guard::Guard;
use crate::telemetry::metrics::Metrics;

/// People who watch at the same time; each holds one of the server's connections.
const WATCHERS: usize = 16;

/// An answer that is waited for.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the page reads outside this process.
pub trait Outside: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1970.
    fn now(&self) -> i64;

    /// Leases and owners, as read at most a few seconds ago.
    fn leases(&self) -> Later<'_, Leases>;

    /// What is on disk, as read at most a minute ago while somebody watches.
    fn disk(&self) -> Later<'_, Disk>;

    /// What the cluster answers to this search of those indices.
    fn search(&self, over: Over, body: Value) -> Later<'_, Result<Value, Trouble>>;
}

/// Something could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What, for people.
    pub error: String,
    /// What to do about it.
    pub cure: String,
}

/// The table of leases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Leases {
    /// When the rows were read, milliseconds since 1970; `None` when they never were.
    pub read_at: Option<i64>,
    /// By shard, at most as many as are shown.
    pub rows: Vec<Lease>,
    /// Rows that are not shown.
    pub more: usize,
    /// Why they could not be read the last time.
    pub trouble: Option<Trouble>,
}

/// One shard's lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lease {
    /// The shard.
    pub shard: String,
    /// The worker that reads it; `None` when it is free.
    pub owner: Option<String>,
    /// Whether that is the worker whose page this is.
    pub mine: bool,
    /// For how long its owner has not renewed it under our eyes, seconds.
    pub still_seconds: u64,
    /// The worker that asks for it.
    pub wanted_by: Option<String>,
    /// How far it has been read and settled.
    pub position: String,
    /// Whether it has been read to its end.
    pub ended: bool,
}

/// Days on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// When it was read, milliseconds since 1970; `None` when it never was.
    pub read_at: Option<i64>,
    /// What each family has, as `disk` of `essink status --json`; null when it was never read.
    pub families: Value,
    /// The command that names every index of these.
    pub prune: String,
    /// Why it could not be read the last time.
    pub trouble: Option<Trouble>,
}

/// What all answers of the page are made of.
#[derive(Debug)]
pub struct Desk {
    metrics: Metrics,
    health: Health,
    guard: Guard,
    outside: Arc<dyn Outside>,
    /// Whether events' contents, and what can be a person's, may be shown (`--page-events`).
    events: bool,
    history: Mutex<History>,
    watchers: Arc<Semaphore>,
    searches: Semaphore,
    waiting: Semaphore,
    began: Instant,
    stop: CancellationToken,
}

/// What a desk is made of.
#[derive(Debug)]
pub struct Parts {
    /// Counts and gauges.
    pub metrics: Metrics,
    /// What stands in the way.
    pub health: Health,
    /// Who may see what.
    pub guard: Guard,
    /// The port.
    pub outside: Arc<dyn Outside>,
    /// Whether events' contents may be shown.
    pub events: bool,
    /// Ends the streams.
    pub stop: CancellationToken,
}

impl Desk {
    /// Nothing sampled yet.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { metrics, health, guard, outside, events, stop } = parts;
        Arc::new(Self {
            metrics,
            health,
            guard,
            outside,
            events,
            history: Mutex::default(),
            watchers: Arc::new(Semaphore::new(WATCHERS)),
            searches: Semaphore::new(panels::SEARCHES),
            waiting: Semaphore::new(panels::WAITING),
            began: Instant::now(),
            stop,
        })
    }

    /// Takes a sample a second until it is time to stop.
    pub async fn sample(self: Arc<Self>) {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while self.stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.history().take(self.outside.now(), &self.metrics.snapshot(), &self.metrics.details());
        }
    }

    /// What it answers.
    pub fn routes(self: Arc<Self>) -> More {
        let open = assets::routes()
            .route("/page/about", get(session::about))
            .route("/page/login", post(session::login))
            .route("/page/logout", post(session::logout));
        let kept = Router::new()
            .route("/page/pipeline", get(watch::stream))
            .route("/page/dashboards", get(panels::dashboards))
            .route("/page/panels/{dashboard}/{panel}", get(panels::show));
        More { open: open.with_state(self.clone()), kept: kept.with_state(self) }
    }

    fn history(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
