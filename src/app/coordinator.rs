//! Which shards are read now: those whose lease is ours, each by a task of its own.

mod slots;

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use self::slots::{Phase, Slots};
use super::exit::Failure;
use super::intake::ShardIntake;
use crate::kinesis::lineage::Shard;
use crate::kinesis::shard::{ReadEnd, ReadError, Reading, read_shard};
use crate::kinesis::source::Source;
use crate::lease::keeper::{Event, Keeper};
use crate::lease::table::LeaseTable;
use crate::pipeline::position::{Position, ShardId};
use crate::pipeline::run::{Finished, Intake};
use crate::telemetry::health::Health;
use crate::telemetry::metrics::ShardState;

/// Reshards announce themselves at the end of a shard; this finds what was missed, and costs a call a minute.
const LIST_EVERY: Duration = Duration::from_secs(60);

/// Children of a shard that has ended hold the next records of its keys: a listing that failed is tried again soon.
const LIST_AGAIN: Duration = Duration::from_secs(1);

/// A look at the table may have begun before the change that it is to find: the second one after it has not.
const LOOKS_AFTER_A_CHANGE: u32 = 2;

/// Reads the shards of one stream whose leases this worker holds.
pub struct Coordinator<S, T, F> {
    /// The stream.
    pub source: S,
    /// Our leases.
    pub keeper: Arc<Keeper<T>>,
    /// What becomes of them.
    pub events: mpsc::UnboundedReceiver<Result<Event, String>>,
    /// Where every new listing goes.
    pub shards: watch::Sender<Arc<Vec<Shard>>>,
    /// Asks for a look at the table at once.
    pub nudge: Arc<Notify>,
    /// What every reader shares.
    pub reading: Reading,
    /// Makes the intake of a shard.
    pub intake: F,
    /// Told when the shards cannot be listed.
    pub health: Health,
    /// The pipeline.
    pub pipeline: mpsc::Sender<Intake>,
    /// Slots that are over.
    pub finished: mpsc::UnboundedReceiver<Finished>,
    /// How long a shard that another worker asks for may take to settle before it is given as it is.
    pub grace: Duration,
}

/// What `--until-caught-up` waits for beside its own readers.
struct Outlook {
    /// A listing is due: children may be hidden.
    list_due: bool,
    /// Looks at the table that must still come.
    looks_due: u32,
    /// Readable shards that nobody is known to read.
    n_unread: usize,
}

impl<S: Source, T: LeaseTable, F> Coordinator<S, T, F>
where
    F: Fn(u32, &ShardId, mpsc::Sender<Intake>) -> ShardIntake,
{
    /// Reads until told to stop or, when catching up, until every shard that is ours, or could be, has been read to
    /// its tip.
    ///
    /// The pipeline's sender is gone when this returns, so the pipeline then drains. Leases are kept meanwhile by
    /// whoever runs the keeper.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Failure> {
        let mut slots = Slots::default();
        let mut outlook = Outlook { list_due: false, looks_due: 1, n_unread: 0 };
        let mut list_again = interval(LIST_EVERY);
        list_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        list_again.reset();
        loop {
            if self.reading.until.is_some() && outlook.is_clear() && slots.are_caught_up() && !stop.is_cancelled() {
                return Ok(());
            }
            let deadline = slots.deadline();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // The pipeline has failed: readers that wait for records would not notice.
                () = self.pipeline.closed() => {
                    stop.cancel();
                    break;
                }
                Some(done) = slots.tasks.join_next() => {
                    let (slot, shard, end) = done.map_err(Failure::bug)?;
                    self.reader_done(slot, shard, end, &mut slots, &mut outlook).await?;
                }
                Some(finished) = self.finished.recv() => self.finish(finished, &mut slots, &mut outlook).await,
                Some(event) = self.events.recv() => {
                    let event = event.map_err(|why| Failure::unavailable(anyhow!("{why}")))?;
                    self.event(event, &mut slots, &mut outlook).await;
                }
                () = sleep_until(deadline.unwrap_or_else(tokio::time::Instant::now)), if deadline.is_some() => {
                    self.give_as_they_are(&mut slots, &mut outlook).await;
                }
                () = sleep(LIST_AGAIN), if outlook.list_due => outlook.list_due = !self.list(&stop).await,
                _ = list_again.tick() => outlook.list_due = !self.list(&stop).await,
            }
        }
        while slots.tasks.join_next().await.is_some() {}
        match self.reading.until {
            Some(_) => Err(Failure::unfinished(anyhow!("stopped before every shard was read to its tip"))),
            None => Ok(()),
        }
    }

    async fn event(&mut self, event: Event, slots: &mut Slots, outlook: &mut Outlook) {
        match event {
            Event::Gained(shard, from) => self.start(shard, from, slots).await,
            Event::Lost(shard) => {
                if let Some(slot) = slots.remove(&shard) {
                    tracing::warn!(kinesis.shard = %shard, "the lease is no longer ours: reading of it ends here");
                    self.pipeline.send(Intake::Abandon { slot }).await.ok();
                }
            }
            Event::Wanted(shard) => {
                tracing::info!(kinesis.shard = %shard, "another worker asks for this shard: draining it");
                if let Some(slot) = slots.close(&shard, self.grace) {
                    self.pipeline.send(Intake::Close { slot }).await.ok();
                }
            }
            Event::Looked { n_unread } => {
                outlook.looks_due = outlook.looks_due.saturating_sub(1);
                outlook.n_unread = n_unread;
                if outlook.looks_due > 0 {
                    self.nudge.notify_one();
                }
            }
        }
    }

    async fn start(&mut self, shard: ShardId, from: Position, slots: &mut Slots) {
        let stop = self.reading.stop.child_token();
        let slot = slots.open(&shard, stop.clone());
        // The pipeline is gone only when it has failed, and then everything stops.
        self.pipeline.send(Intake::Open { slot, shard: shard.clone() }).await.ok();
        tracing::info!(kinesis.shard = %shard, from = %from, "reading shard");
        let (api, mut reading) = (self.source.reader(), Reading { stop, ..self.reading.clone() });
        let is_closed = self.shards.borrow().iter().any(|listed| listed.id == shard && listed.closed);
        // A closed shard has an end, not a tip: its children must not be missed because it was silent for a while.
        reading.until = reading.until.filter(|_| !is_closed);
        let mut intake = (self.intake)(slot, &shard, self.pipeline.clone());
        intake.gauges.state(ShardState::Reading);
        slots.tasks.spawn(async move {
            let end = read_shard(&api, &shard, from, &mut intake, &reading).await;
            intake.finished(&end);
            (slot, shard, end)
        });
    }

    async fn reader_done(
        &mut self,
        slot: u32,
        shard: ShardId,
        end: Result<ReadEnd, ReadError>,
        slots: &mut Slots,
        outlook: &mut Outlook,
    ) -> Result<(), Failure> {
        // One that was lost, and perhaps gained again: its end is nobody's.
        let Some(phase) = slots.phase(&shard, slot) else { return Ok(()) };
        match (end, *phase) {
            (Ok(ReadEnd::Ended), _) => {
                tracing::info!(kinesis.shard = %shard, "shard read to its end");
                *phase = Phase::Ending;
                self.pipeline.send(Intake::End { slot }).await.ok();
            }
            (Ok(_), Phase::Closing(_)) => {
                self.pipeline.send(Intake::Close { slot }).await.ok();
            }
            (Ok(ReadEnd::CaughtUp), _) => {
                tracing::info!(kinesis.shard = %shard, "shard read to its tip");
                *phase = Phase::CaughtUp;
            }
            (Ok(ReadEnd::Stopped), _) => {}
            (Err(ReadError::Gone { reason, .. }), _) => {
                tracing::error!(kinesis.shard = %shard, reason, "the stream no longer has this shard");
                slots.remove(&shard);
                self.pipeline.send(Intake::Abandon { slot }).await.ok();
                self.release(shard).await;
                // Not looked at again before that: we would take it once more.
                outlook.list_due = true;
            }
            (Err(error), _) => return Err(Failure::unavailable(error)),
        }
        Ok(())
    }

    async fn finish(&mut self, finished: Finished, slots: &mut Slots, outlook: &mut Outlook) {
        let Finished { slot, shard, at_end } = finished;
        if slots.phase(&shard, slot).is_none() {
            return;
        }
        slots.remove(&shard);
        if at_end {
            outlook.list_due = true;
            outlook.list_due = !self.list(&self.reading.stop.clone()).await;
            self.look_again(outlook);
        } else {
            self.give(shard, outlook).await;
        }
    }

    /// Shards that were asked for and do not settle: what is stored of them is safe, and the rest their next reader
    /// finds already there.
    async fn give_as_they_are(&mut self, slots: &mut Slots, outlook: &mut Outlook) {
        for (shard, slot) in slots.take_overdue() {
            tracing::warn!(kinesis.shard = %shard, "not settled within the grace: given to the other worker as it is");
            self.pipeline.send(Intake::Abandon { slot }).await.ok();
            self.give(shard, outlook).await;
        }
    }

    /// Frees a shard for another worker. Whoever asked for it may be gone: the next looks tell whether somebody has it.
    async fn give(&self, shard: ShardId, outlook: &mut Outlook) {
        self.look_again(outlook);
        self.release(shard).await;
    }

    async fn release(&self, shard: ShardId) {
        if let Err(error) = self.keeper.release(std::slice::from_ref(&shard)).await {
            tracing::warn!(kinesis.shard = %shard, "the lease could not be released yet: {error}");
        }
    }

    fn look_again(&self, outlook: &mut Outlook) {
        outlook.looks_due = LOOKS_AFTER_A_CHANGE;
        self.nudge.notify_one();
    }

    /// Takes a new listing; keeps the old one, and says so, when there is none to be had now.
    async fn list(&self, stop: &CancellationToken) -> bool {
        match stop.run_until_cancelled(self.source.shards()).await {
            Some(Ok(listed)) => {
                self.shards.send_replace(Arc::new(listed));
                self.health.leave("shards");
                self.nudge.notify_one();
                true
            }
            Some(Err(error)) => {
                self.health.enter("shards", format!("cannot be listed: {error:#}"));
                false
            }
            None => false,
        }
    }
}

impl Outlook {
    /// Whether no shard can be hidden, and none is left to nobody.
    fn is_clear(&self) -> bool {
        !self.list_due && self.looks_due == 0 && self.n_unread == 0
    }
}
