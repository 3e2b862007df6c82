//! Takes pages from a shard's reader, decodes them, and hands them to the pipeline within the memory bound.
//!
//! This runs on the shard's own task, so all cores decode.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::event::unwrap::{Piece, Poison, Rules, Unwrapper, Wrapping};
use crate::kinesis::aggregate::{self, Aggregate};
use crate::kinesis::shard::api::Record;
use crate::kinesis::shard::{Page, ReadEnd, ReadError, Sink, Stopped};
use crate::lease::keeper::Certain;
use crate::pipeline::op::{BulkOp, Entry, Letter, Origin, RecordRef};
use crate::pipeline::position::ShardId;
use crate::pipeline::route::{OldestKept, Prefixes, Router};
use crate::pipeline::run::Intake;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::{Metrics, ShardMetrics, ShardState};

/// Records of a Kinesis record are handed over together, in chunks of about this many bytes: large
/// enough that the channel costs nothing, small enough that shards take turns.
const CHUNK_BYTES: usize = 256 << 10;

/// User records in one KPL aggregate. The library packs at most a megabyte, so this is beyond what it makes.
const MAX_USER_RECORDS: usize = 50_000;

/// What an op or a letter takes beside its bytes.
const OVERHEAD: usize = size_of::<BulkOp>() + size_of::<Letter>() / 2;

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

    /// Bytes that are handed over together: of less room, chunks of several shards must fit side by side.
    fn chunk(&self) -> usize {
        CHUNK_BYTES.min(self.total as usize * Self::UNIT / 4)
    }

    fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(Self::UNIT)).unwrap_or(u32::MAX).min(self.total)
    }

    /// Waits for room. What is larger than the whole bound waits until it is alone.
    async fn take(&self, units: u32) -> Result<OwnedSemaphorePermit, Stopped> {
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
            if chunk.bytes >= self.memory.chunk() {
                self.hand_over(std::mem::take(&mut chunk)).await?;
            }
        }
        self.hand_over(chunk).await
    }

    fn trouble(&mut self, reason: &str) {
        self.in_trouble = true;
        // The reader logs it; here it only turns readiness red.
        self.health.set(self.trouble_key(), reason);
    }
}

/// Records decoded and not yet handed over.
#[derive(Default)]
struct Chunk {
    drafts: Vec<(Draft, u32)>,
    bytes: usize,
    units: u32,
}

/// An entry that has no permit yet.
struct Draft {
    record: RecordRef,
    ops: Vec<BulkOp>,
    letters: Vec<Letter>,
    expired: u64,
    bytes: usize,
}

impl Chunk {
    fn add(&mut self, draft: Draft, memory: &Memory) {
        let units = memory.units(draft.bytes);
        self.bytes += draft.bytes;
        self.units = self.units.saturating_add(units);
        self.drafts.push((draft, units));
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

    async fn hand_over(&mut self, chunk: Chunk) -> Result<(), Stopped> {
        if chunk.drafts.is_empty() {
            return Ok(());
        }
        let mut permit = self.memory.take(chunk.units).await?;
        let mut entries = Vec::with_capacity(chunk.drafts.len());
        for (draft, units) in chunk.drafts {
            let share = permit.split((units as usize).min(permit.num_permits()));
            let Draft { record, ops, letters, expired, .. } = draft;
            // A split of no more than there is never fails.
            let permit = share.ok_or(Stopped)?;
            entries.push(Entry { record, ops, letters, expired, permit });
        }
        self.pipeline.send(Intake::Entries(entries)).await.map_err(|_| Stopped)
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
        };
        let mut draft = Draft { record: source, ops: Vec::new(), letters: Vec::new(), expired: 0, bytes: 256 };
        self.unwrapper.next_record();
        match aggregate::open(&record.data, MAX_USER_RECORDS) {
            Aggregate::Plain => self.unwrap(&record.data, &[], &mut draft),
            Aggregate::Records(users) => {
                for (sub_sequence, user) in (0..).zip(users) {
                    draft.record.sub_sequence = Some(sub_sequence);
                    self.unwrap(&user, &["kpl"], &mut draft);
                }
                draft.record.sub_sequence = None;
            }
            Aggregate::Bad(detail) => {
                let bytes = Bytes::copy_from_slice(&record.data);
                let poison = Poison { reason: "bad_kpl", detail: detail.to_owned(), offset: 0, bytes };
                draft.refuse(poison);
            }
        }
        // Each op holds its event's bytes, and with them the data they lie in.
        draft.bytes += record.data.len() + self.unwrapper.inflated();
        draft
    }

    fn unwrap(&mut self, data: &Bytes, envelopes: &[&'static str], draft: &mut Draft) {
        let router = &mut self.router;
        let wrapping = Wrapping { arrived: draft.record.arrived, envelopes };
        self.unwrapper.unwrap(data, wrapping, &mut |piece| match piece {
            Piece::Poison(poison) => draft.refuse(poison),
            Piece::Event(event) => match router.op(&event, draft.record.clone()) {
                None => draft.expired += 1,
                Some(op) => {
                    draft.bytes += op.lines.len() + OVERHEAD;
                    draft.ops.push(op);
                }
            },
        });
    }
}

impl Draft {
    fn refuse(&mut self, poison: Poison) {
        let Poison { reason, detail, offset, bytes } = poison;
        self.bytes += bytes.len() + OVERHEAD;
        let source = self.record.clone();
        self.letters.push(Letter { reason, detail, index: None, id: None, offset, bytes, source });
    }
}
