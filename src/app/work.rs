//! One worker at work, whatever lies outside: the service and a cluster, or the world of a simulation.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::coordinator::Coordinator;
use super::exit::Failure;
use super::intake::Decoding;
use super::renewal::Renewal;
use crate::kinesis::lineage::Shard;
use crate::kinesis::shard::Reading;
use crate::kinesis::source::Source;
use crate::lease::keeper::{Event, Keeper, Terms};
use crate::lease::table::LeaseTable;
use crate::pipeline::days::DayGuard;
use crate::pipeline::ports::{Bulk, DeadLetters, Observer, Positions};
use crate::pipeline::position::{Position, ShardId};
use crate::pipeline::run::{Ports, RunError, Settings, run as run_pipeline};
use crate::telemetry::health::Health;

/// Chunks that wait between readers and the pipeline; more would only hold memory without moving faster.
pub(super) const CHANNEL: usize = 16;

/// What a worker reaches outside itself.
pub struct Outside<S, T, B, D, O, P> {
    /// The stream.
    pub source: S,
    /// The table of leases.
    pub table: T,
    /// Where the pipeline stores positions: the keeper of the leases, as the caller's pipeline has it.
    pub positions: fn(Arc<Keeper<T>>) -> P,
    /// Where documents go.
    pub bulk: B,
    /// Where go those that cannot be indexed.
    pub dead_letters: D,
    /// Who is told.
    pub observer: O,
}

/// What a worker begins with and keeps to.
pub struct Plan {
    /// How leases are kept.
    pub terms: Terms,
    /// Where the shards begin that exist when the group is born.
    pub from: Position,
    /// The stream's shards, as listed at the start.
    pub shards: Vec<Shard>,
    /// Guards the cluster against a flood of indices.
    pub days: DayGuard,
    /// Numbers of the pipeline.
    pub settings: Settings,
    /// What every reader shares. Its token ends reading.
    pub reading: Reading,
    /// How a record is decoded.
    pub decoding: Decoding,
    /// How long a shard that another worker asks for may take to settle.
    pub grace: Duration,
}

/// The leases of a worker, and the task that keeps them.
struct Leases<T> {
    keeper: Arc<Keeper<T>>,
    events: mpsc::UnboundedReceiver<Result<Event, String>>,
    shards: watch::Sender<Arc<Vec<Shard>>>,
    nudge: Arc<Notify>,
    stop: CancellationToken,
    renewal: JoinSet<()>,
}

/// Reads, delivers and keeps leases until the reading's token is cancelled, until caught up, or until something is
/// wrong that waiting does not mend. Whatever it has started ends when it is dropped.
pub async fn work<S, T, B, D, O, P>(
    outside: Outside<S, T, B, D, O, P>,
    plan: Plan,
    health: Health,
    give_up: CancellationToken,
) -> Result<(), Failure>
where
    S: Source,
    T: LeaseTable,
    B: Bulk,
    D: DeadLetters,
    O: Observer,
    P: Positions,
{
    let Outside { source, table, positions, bulk, dead_letters, observer } = outside;
    let Plan { terms, from, shards, days, settings, reading, decoding, grace } = plan;
    let stop = reading.stop.clone();
    let (pipeline, intake) = mpsc::channel(CHANNEL);
    let (finished_send, finished) = mpsc::unbounded_channel();
    let mut leases = Leases::keep(Keeper::new(table, terms), shards, from, &health);
    let ports = Ports { bulk, dead_letters, positions: positions(leases.keeper.clone()), observer };
    let mut piping = JoinSet::new();
    piping.spawn(run_pipeline(ports, settings, days, intake, finished_send, give_up));
    let certain = leases.keeper.certain();
    let coordinator = Coordinator {
        source,
        keeper: leases.keeper.clone(),
        events: leases.events,
        shards: leases.shards,
        nudge: leases.nudge,
        reading,
        intake: |slot, shard: &ShardId, pipeline| decoding.intake(slot, shard, pipeline, certain.clone()),
        health: health.clone(),
        pipeline,
        finished,
        grace,
    };
    health.started();
    let read = coordinator.run(stop.clone()).await;
    if read.is_err() {
        // What has been taken still drains, within the grace.
        stop.cancel();
    }
    // The pipeline's error comes first: a reader that stopped because of it has nothing to add.
    let piped = piping.join_next().await.unwrap_or(Ok(Ok(()))).map_err(Failure::bug)?;
    // Only now: until here positions were stored under the leases.
    leases.stop.cancel();
    leases.renewal.join_next().await.unwrap_or(Ok(())).map_err(Failure::bug)?;
    release(&leases.keeper).await;
    piped.map_err(failure)?;
    read
}

impl<T: LeaseTable> Leases<T> {
    /// Starts the task that keeps leases.
    fn keep(keeper: Arc<Keeper<T>>, shards: Vec<Shard>, start: Position, health: &Health) -> Self {
        let (events_send, events) = mpsc::unbounded_channel();
        let (shards, listed) = watch::channel(Arc::new(shards));
        let nudge = Arc::new(Notify::new());
        let task = Renewal {
            keeper: keeper.clone(),
            shards: listed,
            start,
            events: events_send,
            nudge: nudge.clone(),
            health: health.clone(),
        };
        let (stop, mut renewal) = (CancellationToken::new(), JoinSet::new());
        renewal.spawn(task.run(stop.clone()).boxed());
        Self { keeper, events, shards, nudge, stop, renewal }
    }
}

/// Frees what is still ours, so that others need not wait until we count as dead.
async fn release<T: LeaseTable>(keeper: &Keeper<T>) {
    if let Err(error) = keeper.release_all().await {
        tracing::warn!("leases could not be released, others take them when their time is over: {error}");
    }
}

/// How the process ends when the pipeline did not.
pub(super) fn failure(error: RunError) -> Failure {
    match error {
        RunError::Halted(_) => Failure::unavailable(error),
        RunError::Unfinished { .. } => Failure::unfinished(error),
    }
}
