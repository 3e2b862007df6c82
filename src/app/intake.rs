//! Takes pages from a shard's reader, decodes them, and hands them to the pipeline within the memory bound.
//!
//! This runs on the shard's own task, so all cores decode.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::decode::{self, Chunk, Draft};
use crate::event::family::Prefixes;
use crate::event::unwrap::{Rules, Unwrapper};
use crate::kinesis::shard::api::Record;
use crate::kinesis::shard::{Page, ReadEnd, ReadError, Sink, Stopped};
use crate::lease::keeper::Certain;
use crate::pipeline::op::{Origin, RecordRef};
use crate::pipeline::position::ShardId;
use crate::pipeline::route::{OldestKept, Router};
use crate::pipeline::run::Intake;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::{Metrics, ShardMetrics, ShardState};

/// The bound on bytes in flight, shared by all shards.
///
/// Bytes are counted from decoding until the position behind them is safe.
#[derive(Debug, Clone)]
pub struct Memory {
    units: Arc<Semaphore>,
    total: u32,
}

impl Memory {
    /// A semaphore hands out at most `u32::MAX` permits at once; 64 bytes a permit make room for 256 GiB.
    const UNIT: usize = 64;

    /// Room for this many bytes.
    pub fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / Self::UNIT as u64).unwrap_or(u32::MAX).max(1);
        Self { units: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Bytes in flight now.
    pub fn used(&self) -> u64 {
        let used = (self.total as usize).saturating_sub(self.units.available_permits());
        (used * Self::UNIT) as u64
    }

    /// The bound in bytes.
    pub fn bound(&self) -> u64 {
        u64::from(self.total) * Self::UNIT as u64
    }

    /// A quarter of the bound, in bytes.
    pub(super) fn quarter(&self) -> usize {
        self.total as usize * Self::UNIT / 4
    }

    pub(super) fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(Self::UNIT)).unwrap_or(u32::MAX).min(self.total)
    }

    /// Waits for room. What is larger than the whole bound waits until it is alone.
    pub(super) async fn take(&self, units: u32) -> Result<OwnedSemaphorePermit, Stopped> {
        self.units.clone().acquire_many_owned(units.min(self.total)).await.map_err(|_| Stopped)
    }
}

/// How records are decoded; what the intakes of all shards share.
#[derive(Debug, Clone)]
pub struct Decoding {
    /// Rules of unwrapping.
    pub rules: Rules,
    /// First parts of the indices' names.
    pub prefixes: Prefixes,
    /// Days that have expired.
    pub oldest_kept: OldestKept,
    /// The shared bound.
    pub memory: Memory,
    /// Counts.
    pub metrics: Metrics,
    /// Told when a shard cannot be read.
    pub health: Health,
}

impl Decoding {
    /// The intake of one shard.
    pub fn intake(&self, slot: u32, shard: &ShardId, pipeline: mpsc::Sender<Intake>, certain: Certain) -> ShardIntake {
        ShardIntake {
            slot,
            shard: shard.clone(),
            unwrapper: Unwrapper::new(self.rules.clone()),
            router: Router::new(self.prefixes.clone(), self.oldest_kept.clone()),
            memory: self.memory.clone(),
            pipeline,
            certain,
            metrics: self.metrics.clone(),
            gauges: self.metrics.shard(&shard.0),
            health: self.health.clone(),
            serial: 0,
            in_trouble: false,
        }
    }
}

/// Decodes the records of one shard.
pub struct ShardIntake {
    /// The shard's slot in the pipeline.
    pub slot: u32,
    /// The shard.
    pub shard: ShardId,
    /// Takes events out of records.
    pub unwrapper: Unwrapper,
    /// Gives events their index.
    pub router: Router,
    /// The shared bound.
    pub memory: Memory,
    /// The pipeline.
    pub pipeline: mpsc::Sender<Intake>,
    /// Whether our leases are certain; nothing is handed over while they are not.
    pub certain: Certain,
    /// Counts.
    pub metrics: Metrics,
    /// Gauges of this shard.
    pub gauges: ShardMetrics,
    /// Told when the shard cannot be read.
    pub health: Health,
    /// Records handed over so far: the serial number of the next.
    pub serial: u64,
    /// The last thing the reader said is that the shard cannot be read.
    pub in_trouble: bool,
}

impl Sink for ShardIntake {
    async fn page(&mut self, page: Page) -> Result<(), Stopped> {
        if std::mem::take(&mut self.in_trouble) {
            self.health.clear(self.trouble_key());
        }
        // The page in hand is all that is read meanwhile: the next one is asked for when this has been taken.
        self.certain.wait().await;
        self.gauges.lag(page.behind.map(|behind| i64::try_from(behind.as_millis()).unwrap_or(i64::MAX)));
        let bytes: usize = page.records.iter().map(|record| record.data.len()).sum();
        self.metrics.records(page.records.len() as u64, bytes as u64);
        let mut chunk = Chunk::default();
        for record in page.records {
            let draft = self.decode(&record);
            chunk.add(draft, &self.memory);
            if chunk.is_full(&self.memory) {
                std::mem::take(&mut chunk).hand_over(&self.memory, &self.pipeline).await?;
            }
        }
        chunk.hand_over(&self.memory, &self.pipeline).await
    }

    fn trouble(&mut self, reason: &str) {
        self.in_trouble = true;
        // The reader logs it; here it only turns readiness red.
        self.health.set(self.trouble_key(), reason);
    }
}

impl ShardIntake {
    /// The reader is done, and with it what it says of the shard.
    pub fn finished(&mut self, end: &Result<ReadEnd, ReadError>) {
        self.gauges.lag(None);
        self.gauges.state(match end {
            Ok(ReadEnd::Ended) => ShardState::Draining,
            Ok(ReadEnd::CaughtUp | ReadEnd::Stopped) | Err(_) => ShardState::Stopped,
        });
        if self.in_trouble {
            self.health.clear(self.trouble_key());
        }
    }

    fn trouble_key(&self) -> String {
        format!("shard {}", self.shard)
    }

    fn decode(&mut self, record: &Record) -> Draft {
        let origin = Origin { slot: self.slot, serial: self.serial };
        self.serial += 1;
        let source = RecordRef {
            origin,
            shard: self.shard.clone(),
            sequence: Arc::new(record.sequence.clone()),
            sub_sequence: None,
            arrived: record.arrived,
            wrapped: None,
        };
        decode::record(&mut self.unwrapper, &mut self.router, &record.data, source)
    }
}

#[cfg(test)]
mod tests;
