//! Which shards are read now: parents before children, each by a task of its own.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::exit::Failure;
use super::intake::ShardIntake;
use crate::kinesis::client::{Kinesis, Stream};
use crate::kinesis::lineage::{self, Shard};
use crate::kinesis::shard::{ReadEnd, ReadError, Reading, read_shard};
use crate::pipeline::position::{Position, ShardId};
use crate::pipeline::run::Intake;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::ShardState;

/// Reshards announce themselves at the end of a shard; this finds what was missed, and costs a call a minute.
const LIST_EVERY: Duration = Duration::from_secs(60);

/// Reads all shards of one stream.
pub struct Coordinator<F> {
    /// The service.
    pub kinesis: Kinesis,
    /// The stream.
    pub stream: Stream,
    /// What every reader shares.
    pub reading: Reading,
    /// Makes the intake of a shard.
    pub intake: F,
    /// Its shards, as listed a moment ago.
    pub shards: Vec<Shard>,
    /// Told when the shards cannot be listed.
    pub health: Health,
    /// The pipeline.
    pub pipeline: mpsc::Sender<Intake>,
    /// Shards whose end has settled and is stored.
    pub ended: mpsc::UnboundedReceiver<ShardId>,
    /// Stored positions; a shard without any begins at its oldest record.
    pub positions: BTreeMap<ShardId, Position>,
}

#[derive(Default)]
struct Readers {
    tasks: JoinSet<(u32, ShardId, Result<ReadEnd, ReadError>)>,
    /// Shards a task was started for, running or not.
    started: HashSet<ShardId>,
    /// Shards read to their end that have not settled.
    ending: HashSet<ShardId>,
    next_slot: u32,
    /// A shard has ended since the shards were last listed: its children are not known.
    list_due: bool,
}

/// Children of a shard that has ended hold the next records of its keys: a listing that failed is tried again soon.
const LIST_AGAIN: Duration = Duration::from_secs(1);

impl<F: Fn(u32, &ShardId, mpsc::Sender<Intake>) -> ShardIntake> Coordinator<F> {
    /// Reads until told to stop or, when catching up, until every shard has been read to its tip.
    ///
    /// The pipeline's sender is gone when this returns, so the pipeline then drains.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Failure> {
        let mut readers = Readers::default();
        let mut shards = std::mem::take(&mut self.shards);
        self.say_gone(&shards);
        let mut list_again = interval(LIST_EVERY);
        list_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        list_again.reset();
        loop {
            self.start_ready(&shards, &mut readers).await;
            if self.reading.until.is_some() && readers.are_done() && !stop.is_cancelled() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // The pipeline has failed: readers that wait for records would not notice.
                () = self.pipeline.closed() => {
                    stop.cancel();
                    break;
                }
                Some(done) = readers.tasks.join_next() => {
                    let done = done.map_err(Failure::bug)?;
                    self.reader_done(done, &mut readers).await?;
                }
                Some(shard) = self.ended.recv() => {
                    readers.ending.remove(&shard);
                    self.positions.insert(shard, Position::End);
                    readers.list_due = !self.list(&mut shards, &stop).await;
                }
                () = sleep(LIST_AGAIN), if readers.list_due => readers.list_due = !self.list(&mut shards, &stop).await,
                _ = list_again.tick() => readers.list_due = !self.list(&mut shards, &stop).await,
            }
        }
        while readers.tasks.join_next().await.is_some() {}
        match self.reading.until {
            Some(_) => Err(Failure::unfinished(anyhow!("stopped before every shard was read to its tip"))),
            None => Ok(()),
        }
    }

    async fn start_ready(&mut self, shards: &[Shard], readers: &mut Readers) {
        let closed = |id: &ShardId| shards.iter().any(|shard| shard.id == *id && shard.closed);
        let plan = lineage::plan(shards, &self.positions);
        for (shard, from) in plan.ready {
            if !readers.started.insert(shard.clone()) {
                continue;
            }
            let slot = readers.next_slot;
            readers.next_slot += 1;
            // The pipeline is gone only when it has failed, and then everything stops.
            self.pipeline.send(Intake::Open { slot, shard: shard.clone() }).await.ok();
            tracing::info!(kinesis.shard = %shard, from = %from, "reading shard");
            let (api, mut reading) = (self.kinesis.reader(&self.stream), self.reading.clone());
            // A closed shard has an end, not a tip: its children must not be missed because it was silent for a while.
            reading.until = reading.until.filter(|_| !closed(&shard));
            let mut intake = (self.intake)(slot, &shard, self.pipeline.clone());
            intake.gauges.state(ShardState::Reading);
            readers.tasks.spawn(async move {
                let end = read_shard(&api, &shard, from, &mut intake, &reading).await;
                intake.finished(&end);
                (slot, shard, end)
            });
        }
    }

    async fn reader_done(
        &mut self,
        (slot, shard, end): (u32, ShardId, Result<ReadEnd, ReadError>),
        readers: &mut Readers,
    ) -> Result<(), Failure> {
        match end {
            Ok(ReadEnd::Ended) => {
                tracing::info!(kinesis.shard = %shard, "shard read to its end");
                readers.ending.insert(shard);
                self.pipeline.send(Intake::End { slot }).await.ok();
            }
            Ok(ReadEnd::CaughtUp) => tracing::info!(kinesis.shard = %shard, "shard read to its tip"),
            Ok(ReadEnd::Stopped) => {}
            Err(error) => return Err(Failure::unavailable(error)),
        }
        Ok(())
    }

    /// Takes a new listing; keeps the old one, and says so, when there is none to be had now.
    async fn list(&self, shards: &mut Vec<Shard>, stop: &CancellationToken) -> bool {
        match stop.run_until_cancelled(self.kinesis.shards(&self.stream)).await {
            Some(Ok(listed)) => {
                *shards = listed;
                self.health.leave("shards");
                true
            }
            Some(Err(error)) => {
                self.health.enter("shards", format!("cannot be listed: {error}"));
                false
            }
            None => false,
        }
    }

    /// Shards that left the stream before they were read to their end: the one loss that nothing can undo.
    fn say_gone(&self, shards: &[Shard]) {
        for (shard, position) in lineage::plan(shards, &self.positions).gone {
            if position != Position::End {
                tracing::error!(
                    kinesis.shard = %shard, position = %position,
                    "this shard left the stream before it was read to its end: its last records may have expired unread"
                );
            }
        }
    }
}

impl Readers {
    /// Nothing is read, nothing that was read to its end is open, and no children can be hidden.
    fn are_done(&self) -> bool {
        self.tasks.is_empty() && self.ending.is_empty() && !self.list_due
    }
}
