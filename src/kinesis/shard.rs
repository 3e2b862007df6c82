//! Reads one shard, page by page and in order, for as long as it takes.
//!
//! A page goes to the [`Sink`], which may wait for as long as the cluster makes it wait; meanwhile the
//! iterator may expire. A new one begins after the last record *read*, so nothing in flight is read twice.
//!
//! Memory: a reader takes one of the shared fetch slots before it asks for records and gives it back
//! when the sink has taken the page. With F slots at most F pages are outside the sink's own accounting,
//! each at most [`PAGE_BYTES_MAX`].

pub mod api;
mod pace;
mod terms;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

use self::api::{Answer, Fault, Record, ShardApi};
use self::pace::Pace;
pub use self::terms::{Page, ReadEnd, ReadError, ReadLimits, Reading, Sink, Stopped, Tip};
use crate::event::time::Millis;
use crate::pipeline::position::{Position, Sequence, ShardId};

/// What one page can take while it is decoded: `GetRecords` returns at most 10 MiB of data, which
/// travel as base64 (a third more) beside it. Emulators that do not keep to 10 MiB need a lower `records`.
pub const PAGE_BYTES_MAX: usize = (10 << 20) + (10 << 20) / 3 * 4;
/// A page of this many bytes was cut by size rather than by the tip.
const LARGE_PAGE: usize = 1 << 20;
/// Throttles are the service at work: after a large page it refuses for five seconds. A shard that has got nothing for
/// twice that has lost its share to other readers, and an operator must hear of it.
const THROTTLED_MAX: Duration = Duration::from_secs(10);
/// How often in a row an argument may be refused before the reader gives up.
const INVALID_MAX: u32 = 3;

/// Reads `shard` from `from` into `sink`.
///
/// Faults that pass are waited out, without end; the sink hears of them.
pub async fn read_shard<A: ShardApi, S: Sink>(
    api: &A,
    shard: &ShardId,
    from: Position,
    sink: &mut S,
    reading: &Reading,
) -> Result<ReadEnd, ReadError> {
    if from == Position::End {
        return Ok(ReadEnd::Ended);
    }
    let seed = shard.0.bytes().fold(reading.limits.seed, |seed, b| seed.rotate_left(8) ^ u64::from(b));
    let pace = Pace::new(reading.limits.between_calls, seed);
    let start = if let Position::At(time) = from { Some(time) } else { None };
    let mut reader = Reader {
        api,
        shard,
        sink,
        reading,
        from,
        start,
        last: None,
        pace,
        refused_since: None,
        throttled_since: None,
        n_invalid: 0,
        in_trouble: false,
        n_quiet: 0,
    };
    reading.stop.run_until_cancelled(reader.run()).await.unwrap_or(Ok(ReadEnd::Stopped))
}

struct Reader<'a, A, S> {
    api: &'a A,
    shard: &'a ShardId,
    sink: &'a mut S,
    reading: &'a Reading,
    from: Position,
    /// The time asked for, until a record that is not older has come.
    start: Option<Millis>,
    /// The last record read: a new iterator begins after it, not after what has settled.
    last: Option<Sequence>,
    pace: Pace,
    refused_since: Option<Instant>,
    /// The first throttle since the last page.
    throttled_since: Option<Instant>,
    n_invalid: u32,
    in_trouble: bool,
    n_quiet: u32,
}

impl<A: ShardApi, S: Sink> Reader<'_, A, S> {
    async fn run(&mut self) -> Result<ReadEnd, ReadError> {
        let mut iterator: Option<String> = None;
        loop {
            let Some(at) = iterator.take() else {
                iterator = self.open().await?;
                continue;
            };
            self.pace.turn().await;
            let Ok(slot) = self.reading.slots.acquire().await else {
                return Ok(ReadEnd::Stopped);
            };
            self.pace.call();
            match self.api.records(&at, self.reading.limits.records).await {
                Ok(mut answer) => {
                    iterator = answer.next.take();
                    if let Some(end) = self.hand_over(answer, iterator.is_none()).await? {
                        return Ok(end);
                    }
                }
                Err(fault) => {
                    drop(slot);
                    let renew = matches!(fault, Fault::Expired | Fault::Invalid(_));
                    iterator = (!renew).then_some(at);
                    self.bear(fault).await?;
                }
            }
        }
    }

    /// An iterator after the last record read, or `None` after a pause when there is none to be had now.
    async fn open(&mut self) -> Result<Option<String>, ReadError> {
        let from = self.resume();
        match self.api.iterator(self.shard, &from).await {
            Ok(iterator) => Ok(Some(iterator)),
            Err(fault) => {
                self.bear(fault).await?;
                Ok(None)
            }
        }
    }

    fn resume(&self) -> Position {
        self.last.clone().map_or_else(|| self.from.clone(), Position::After)
    }

    async fn hand_over(&mut self, mut answer: Answer, ended: bool) -> Result<Option<ReadEnd>, ReadError> {
        self.recovered();
        self.drop_seen(&mut answer.records)?;
        let n_records = answer.records.len();
        let n_bytes = answer.records.iter().map(|r| r.data.len()).sum();
        let at_tip = answer.behind.is_none_or(|behind| behind.is_zero());
        let caught_up = self.caught_up(&answer, at_tip);
        let full = n_records >= self.reading.limits.records as usize || n_bytes >= LARGE_PAGE;
        let idles = at_tip && !full && self.reading.until.is_none();
        self.pace.page(n_bytes, if idles { self.reading.limits.idle_poll } else { Duration::ZERO });
        if let Some(newest) = answer.records.last() {
            self.last = Some(newest.sequence.clone());
        }
        self.drop_early(&mut answer.records);
        let page = Page { records: answer.records, behind: answer.behind };
        if self.sink.page(page).await == Err(Stopped) {
            return Ok(Some(ReadEnd::Stopped));
        }
        Ok(if ended { Some(ReadEnd::Ended) } else { caught_up.then_some(ReadEnd::CaughtUp) })
    }

    /// Records must rise. One that was handed over already (a server whose "after" means "at") is left out.
    fn drop_seen(&self, records: &mut Vec<Record>) -> Result<(), ReadError> {
        if records.first().is_some_and(|first| self.last.as_ref() == Some(&first.sequence)) {
            records.remove(0);
        }
        let mut newest = self.last.as_ref();
        for record in &*records {
            if let Some(first) = newest.filter(|newest| **newest >= record.sequence) {
                let (first, second) = (first.clone(), record.sequence.clone());
                return Err(ReadError::Disorder { shard: self.shard.clone(), first, second });
            }
            newest = Some(&record.sequence);
        }
        Ok(())
    }

    /// Some servers answer a time after their last record with their first. What arrived in the start's own
    /// second stays: some stamp arrivals in whole seconds.
    fn drop_early(&mut self, records: &mut Vec<Record>) {
        let Some(Millis(start)) = self.start else { return };
        let second = start - start.rem_euclid(1000);
        let n_early = records.iter().take_while(|record| record.arrived.0 < second).count();
        if n_early < records.len() {
            // Arrivals need not rise: from here on they no longer matter.
            self.start = None;
        }
        records.drain(..n_early);
    }

    fn caught_up(&mut self, answer: &Answer, at_tip: bool) -> bool {
        self.n_quiet = if answer.records.is_empty() && at_tip { self.n_quiet + 1 } else { 0 };
        self.reading.until.is_some_and(|tip| {
            let is_near = answer.behind.is_none_or(|behind| behind <= tip.began.elapsed());
            let is_beyond = is_near && answer.records.iter().any(|record| record.arrived > tip.started);
            self.n_quiet >= tip.quiet.max(1) || is_beyond
        })
    }

    /// Says what stands in the way, and waits or gives up.
    async fn bear(&mut self, fault: Fault) -> Result<(), ReadError> {
        let shard = self.shard.clone();
        let reason = fault.to_string();
        match fault {
            // Once is the price of a long wait in the sink.
            Fault::Expired if self.pace.n_faults() == 0 => tracing::debug!(kinesis.shard = %shard, "iterator expired"),
            Fault::Expired => self.troubled(&reason),
            Fault::Throttled(_) => {
                tracing::debug!(kinesis.shard = %shard, reason, "throttled");
                self.pace.throttled();
                if self.throttled_since.get_or_insert_with(Instant::now).elapsed() >= THROTTLED_MAX {
                    self.troubled(&format!("throttled: {reason}"));
                }
            }
            Fault::Transient(_) => self.troubled(&reason),
            Fault::Gone(_) => return Err(ReadError::Gone { shard, reason }),
            Fault::Refused(_) => {
                self.troubled(&reason);
                if self.out_of_patience() {
                    return Err(ReadError::Refused { shard, reason });
                }
            }
            Fault::Invalid(_) => {
                self.troubled(&reason);
                self.n_invalid += 1;
                // The service refuses times ahead of its own clock: those pass by waiting.
                let may_pass = matches!(self.resume(), Position::At(_)) && !self.out_of_patience();
                if !may_pass && self.n_invalid >= INVALID_MAX {
                    return Err(ReadError::Invalid { shard, from: self.resume().to_string(), reason });
                }
            }
        }
        self.pace.pause().await;
        Ok(())
    }

    fn out_of_patience(&mut self) -> bool {
        let since = *self.refused_since.get_or_insert_with(Instant::now);
        since.elapsed() >= self.reading.limits.patience
    }

    /// One line on entering trouble, one on leaving it.
    fn troubled(&mut self, reason: &str) {
        if !self.in_trouble {
            tracing::warn!(kinesis.shard = %self.shard, reason, "shard cannot be read, trying again");
        }
        self.in_trouble = true;
        self.sink.trouble(reason);
    }

    fn recovered(&mut self) {
        if self.in_trouble {
            tracing::info!(kinesis.shard = %self.shard, "shard is read again");
        }
        self.in_trouble = false;
        self.refused_since = None;
        self.throttled_since = None;
        self.n_invalid = 0;
    }
}
