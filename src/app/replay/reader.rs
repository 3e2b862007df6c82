//! Reads one object to its end: inflates it, cuts it into records, and hands them to the pipeline.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Counts;
use super::source::Source;
use crate::app::decode::{Chunk, Draft};
use crate::app::intake::Memory;
use crate::event::time::Millis;
use crate::event::unwrap::{Poison, Unwrapper};
use crate::firehose::inflate::Inflate;
use crate::firehose::name;
use crate::firehose::split::{Splitter, Stretch};
use crate::firehose::{dump, error};
use crate::kinesis::shard::Stopped;
use crate::pipeline::op::{Origin, RecordRef};
use crate::pipeline::position::{Sequence, ShardId};
use crate::pipeline::route::Router;
use crate::pipeline::run::Intake;
use crate::s3::{Object, S3Error};

/// Bytes of an object asked for at once: many enough for the network, few enough to hold.
pub const READ: u64 = 4 << 20;
/// Bytes inflated before what they gave is handed over.
const STEP: usize = 8 << 10;
/// Pauses while an object cannot be read.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Compressions and formats of Firehose that are not read, by how objects of them begin.
const FOREIGN: [(&[u8], &str); 4] =
    [(b"PAR1", "Parquet"), (b"ORC", "ORC"), (b"PK\x03\x04", "a zip archive"), (b"\xff\x06\x00\x00sNaPpY", "Snappy")];

/// How reading of one object ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// All of it was handed over.
    Read,
    /// The pipeline has ended, or reading was to stop.
    Stopped,
    /// It cannot be read; a sentence with the cure.
    Unreadable(String),
    /// No object can be read.
    Halted(String),
}

/// Reads objects, one at a time.
pub struct Reader {
    /// Where they are.
    pub source: Source,
    /// Takes events out of records.
    pub unwrapper: Unwrapper,
    /// Gives events their index.
    pub router: Router,
    /// The bound on bytes in flight.
    pub memory: Memory,
    /// The pipeline.
    pub pipeline: mpsc::Sender<Intake>,
    /// The largest record.
    pub largest: usize,
    /// Told to stop.
    pub stop: CancellationToken,
    /// Counts bytes.
    pub counts: Arc<Counts>,
}

/// Where in which object.
struct At {
    slot: u32,
    serial: u64,
    name: ShardId,
    arrived: Millis,
    /// What has settled before.
    from: u64,
    chunk: Chunk,
}

impl Reader {
    /// Reads `object` under this slot; what comes before `from`, inflated, has settled.
    pub async fn read(mut self, object: Object, slot: u32, from: u64) -> (Object, End) {
        let name = ShardId::from(object.key.as_str());
        if self.pipeline.send(Intake::Open { slot, shard: name.clone() }).await.is_err() {
            return (object, End::Stopped);
        }
        let (arrived, _) = name::arrival(&object.key, object.modified);
        let mut at = At { slot, serial: 0, name, arrived, from, chunk: Chunk::default() };
        let end = match self.read_all(&object, &mut at).await {
            Ok(()) => End::Read,
            Err(end) => end,
        };
        let last = if end == End::Read { Intake::End { slot } } else { Intake::Close { slot } };
        match self.pipeline.send(last).await {
            Ok(()) => (object, end),
            Err(_) => (object, End::Stopped),
        }
    }

    async fn read_all(&mut self, object: &Object, at: &mut At) -> Result<(), End> {
        let (mut inflate, mut splitter) = (Inflate::Unknown, Splitter::new(self.largest));
        let (mut read, mut tail) = (0, Bytes::new());
        while read < object.size {
            let bytes = self.bytes(object, read).await?;
            if bytes.is_empty() {
                return Err(End::Unreadable(format!("{} ends at byte {read} of {}", object.key, object.size)));
            }
            if read == 0
                && let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| bytes.starts_with(magic))
            {
                let why = format!("{} is {what}: convert it to JSON or gzip, or leave it out of --from", object.key);
                return Err(End::Unreadable(why));
            }
            for (n, step) in bytes.chunks(STEP).enumerate() {
                if let Err(error) = inflate.push(step, |piece| splitter.push(piece)) {
                    let broken = bytes.slice(n * STEP..);
                    self.give_up(broken, &splitter, read + (n * STEP) as u64, &error, at);
                    return self.drain(&mut splitter, true, at).await;
                }
                self.drain(&mut splitter, false, at).await?;
            }
            read += bytes.len() as u64;
            tail = bytes.slice(bytes.len().saturating_sub(STEP)..);
            self.counts.add_bytes(bytes.len() as u64);
        }
        if let Err(error) = inflate.finish(|piece| splitter.push(piece)) {
            self.give_up(tail, &splitter, read, &error, at);
        }
        self.drain(&mut splitter, true, at).await
    }

    /// The next bytes; what cannot be had for a moment is waited for.
    async fn bytes(&self, object: &Object, from: u64) -> Result<Bytes, End> {
        let mut pause = PAUSE;
        loop {
            if self.stop.is_cancelled() {
                return Err(End::Stopped);
            }
            match self.source.read(object, from, from + READ).await {
                Ok(bytes) => return Ok(bytes),
                Err(S3Error::Gone(why)) => return Err(End::Unreadable(why)),
                Err(S3Error::Halt(why)) => return Err(End::Halted(why)),
                Err(S3Error::Busy(why)) => {
                    if pause == PAUSE {
                        tracing::warn!("an object cannot be read now, trying again: {why}");
                    }
                    self.stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Hands over every record that is whole.
    async fn drain(&mut self, splitter: &mut Splitter, at_end: bool, at: &mut At) -> Result<(), End> {
        while let Some(stretch) = splitter.next(at_end) {
            let end = splitter.offset();
            if end > at.from {
                let draft = self.decode(&stretch, end, at)?;
                at.chunk.add(draft, &self.memory);
            }
            if at.chunk.is_full(&self.memory) {
                self.hand_over(at).await?;
            }
        }
        if at_end { self.hand_over(at).await } else { Ok(()) }
    }

    async fn hand_over(&self, at: &mut At) -> Result<(), End> {
        if self.stop.is_cancelled() {
            return Err(End::Stopped);
        }
        let given = std::mem::take(&mut at.chunk).hand_over(&self.memory, &self.pipeline).await;
        given.map_err(|Stopped| End::Stopped)
    }

    /// One stretch as one record. An error document, and a document out of a dump, also says when its event arrived.
    fn decode(&mut self, stretch: &Stretch, end: u64, at: &mut At) -> Result<Draft, End> {
        let mut draft = Draft::new(at.record(end));
        let offset = usize::try_from(stretch.offset).unwrap_or(usize::MAX);
        let (unwrapper, router) = (&mut self.unwrapper, &mut self.router);
        match dump::read(&stretch.bytes) {
            None => {
                if let Some(Some(arrived)) = error::arrival(&stretch.bytes) {
                    draft.record.arrived = arrived;
                }
                draft.record_at(unwrapper, router, &stretch.bytes, offset);
            }
            Some(Ok(documents)) => {
                for document in documents {
                    draft.record.arrived = document.arrived.unwrap_or(at.arrived);
                    draft.record_at(unwrapper, router, &document.event, offset.saturating_add(document.offset));
                }
            }
            Some(Err(why)) => return Err(End::Unreadable(format!("{} at byte {} {why}", at.name, stretch.offset))),
        }
        Ok(draft)
    }

    /// The rest of an object whose gzip is broken cannot be had; what was read of it last is kept with the place.
    fn give_up(&self, broken: Bytes, splitter: &Splitter, byte: u64, error: &std::io::Error, at: &mut At) {
        let end = splitter.offset();
        if end < at.from {
            return;
        }
        let mut draft = Draft::new(at.record(end));
        draft.refuse(Poison {
            reason: "bad_gzip",
            detail: format!(
                "the gzip of the object cannot be read from about byte {byte} on, the rest is only there: {error}"
            ),
            offset: usize::try_from(end).unwrap_or(usize::MAX),
            bytes: broken,
            wrapped: None,
        });
        at.chunk.add(draft, &self.memory);
    }
}

impl At {
    fn record(&mut self, end: u64) -> RecordRef {
        let origin = Origin { slot: self.slot, serial: self.serial };
        self.serial += 1;
        RecordRef {
            origin,
            shard: self.name.clone(),
            sequence: Arc::new(Sequence::from(end)),
            sub_sequence: None,
            arrived: self.arrived,
            wrapped: None,
        }
    }
}
