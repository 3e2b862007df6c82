//! From a record's bytes to what the pipeline takes; the same for every source of records.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::intake::Memory;
use crate::event::aggregate::{self, Aggregate};
use crate::event::time::Millis;
use crate::event::unwrap::{Piece, Poison, Unwrapper, Wrapping};
use crate::kinesis::shard::Stopped;
use crate::pipeline::op::{BulkOp, Entry, Letter, RecordRef};
use crate::pipeline::route::Router;
use crate::pipeline::run::Intake;

/// Records are handed over together, in chunks of about this many bytes: large enough that the channel costs nothing,
/// small enough that shards take turns.
const CHUNK_BYTES: usize = 256 << 10;

/// What an op or a letter takes beside its bytes.
const OVERHEAD: usize = size_of::<BulkOp>() + size_of::<Letter>() / 2;

/// What any record takes.
const RECORD: usize = 256;

/// Records decoded and not yet handed over.
#[derive(Default)]
pub struct Chunk {
    drafts: Vec<(Draft, u32)>,
    bytes: usize,
    units: u32,
}

/// An entry that has no permit yet.
pub struct Draft {
    /// Which record it is.
    pub record: RecordRef,
    /// What it brings into the indices.
    pub ops: Vec<BulkOp>,
    /// What of it cannot be indexed.
    pub letters: Vec<Letter>,
    /// Events whose day is past retention.
    pub expired: u64,
    /// What it takes of the memory bound.
    pub bytes: usize,
}

impl Chunk {
    /// One record more.
    pub fn add(&mut self, draft: Draft, memory: &Memory) {
        let units = memory.units(draft.bytes);
        self.bytes += draft.bytes;
        self.units = self.units.saturating_add(units);
        self.drafts.push((draft, units));
    }

    /// Whether it is time to hand it over. Of little memory, chunks of several shards must fit side by side.
    pub fn is_full(&self, memory: &Memory) -> bool {
        self.bytes >= CHUNK_BYTES.min(memory.quarter())
    }

    /// Waits for room, and gives the records to the pipeline.
    pub async fn hand_over(self, memory: &Memory, pipeline: &mpsc::Sender<Intake>) -> Result<(), Stopped> {
        if self.drafts.is_empty() {
            return Ok(());
        }
        let mut permit = memory.take(self.units).await?;
        let mut entries = Vec::with_capacity(self.drafts.len());
        for (draft, units) in self.drafts {
            let share = permit.split((units as usize).min(permit.num_permits()));
            let Draft { record, ops, letters, expired, .. } = draft;
            // A split of no more than there is never fails.
            let permit = share.ok_or(Stopped)?;
            entries.push(Entry { record, ops, letters, expired, permit });
        }
        pipeline.send(Intake::Entries(entries)).await.map_err(|_| Stopped)
    }
}

/// Takes everything out of one record.
pub fn record(unwrapper: &mut Unwrapper, router: &mut Router, data: &Bytes, source: RecordRef) -> Draft {
    let mut draft = Draft::new(source);
    draft.record_of(unwrapper, router, data);
    draft
}

impl Draft {
    /// Nothing of the record yet.
    pub fn new(record: RecordRef) -> Self {
        Self { record, ops: Vec::new(), letters: Vec::new(), expired: 0, bytes: RECORD }
    }

    /// Adds what is in `data`, which is a record of its own with limits of its own.
    pub fn record_of(&mut self, unwrapper: &mut Unwrapper, router: &mut Router, data: &Bytes) {
        unwrapper.next_record();
        let mut is_held = false;
        match aggregate::open(data, aggregate::MOST_RECORDS) {
            Aggregate::Plain => is_held = self.unwrap(unwrapper, router, data, &[]),
            Aggregate::Records(users) => {
                for (sub_sequence, user) in (0..).zip(users) {
                    self.record.sub_sequence = Some(sub_sequence);
                    is_held |= self.unwrap(unwrapper, router, &user, &["kpl"]);
                }
                self.record.sub_sequence = None;
            }
            Aggregate::Bad(detail) => {
                let bytes = Bytes::copy_from_slice(data);
                let wrapped = self.record.wrapped;
                self.refuse(Poison { reason: "bad_kpl", detail: detail.to_owned(), offset: 0, bytes, wrapped });
            }
        }
        // Each op holds its event's bytes, and with them the data they lie in.
        self.bytes += unwrapper.held() + if is_held { data.len() } else { 0 };
    }

    /// `true` when ops hold `data`.
    fn unwrap(
        &mut self,
        unwrapper: &mut Unwrapper,
        router: &mut Router,
        data: &Bytes,
        envelopes: &[&'static str],
    ) -> bool {
        let wrapping = Wrapping { arrived: self.record.arrived, envelopes, time: self.record.wrapped };
        unwrapper.unwrap(data, wrapping, &mut |piece| match piece {
            Piece::Poison(poison) => self.refuse(poison),
            Piece::Event(event) => match router.op(&event, self.source(event.wrapped)) {
                None => self.expired += 1,
                Some(op) => {
                    self.bytes += op.lines.len() + OVERHEAD;
                    self.ops.push(op);
                }
            },
        })
    }

    fn source(&self, wrapped: Option<Millis>) -> RecordRef {
        RecordRef { wrapped, ..self.record.clone() }
    }

    /// The same for data that begin at `offset` of what is read.
    pub fn record_at(&mut self, unwrapper: &mut Unwrapper, router: &mut Router, data: &Bytes, offset: usize) {
        let (ops, letters) = (self.ops.len(), self.letters.len());
        self.record_of(unwrapper, router, data);
        let ops = self.ops[ops..].iter_mut().map(|op| &mut op.offset);
        let offsets = ops.chain(self.letters[letters..].iter_mut().map(|letter| &mut letter.offset));
        offsets.for_each(|at| *at = at.saturating_add(offset));
    }

    /// Adds bytes that are no event.
    pub fn refuse(&mut self, poison: Poison) {
        let Poison { reason, detail, offset, bytes, wrapped } = poison;
        self.bytes += bytes.len() + OVERHEAD;
        let source = self.source(wrapped);
        self.letters.push(Letter { reason, detail, index: None, id: None, offset, bytes, source });
    }
}
