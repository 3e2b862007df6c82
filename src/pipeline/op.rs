//! What travels through the pipeline. Position rides inside; progress is never recomputed from a neighbour.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::position::{Sequence, ShardId};
use crate::event::family::Family;
use crate::event::id::EventId;
use crate::event::time::{Day, Millis};

/// The ledger entry an op or a letter belongs to: which shard, and which record of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The shard's slot in the running pipeline.
    pub slot: u32,
    /// The record's serial number within the slot, counting from zero.
    pub serial: u64,
}

/// One document to create: an action line and a source line, each ended by `\n`.
#[derive(Debug, Clone)]
pub struct BulkOp {
    /// The index to create it in.
    pub index: Arc<str>,
    /// Its UTC day, for expiry.
    pub day: Day,
    /// Its id in that index.
    pub id: EventId,
    /// Action line, source line, each with its newline; ready to be sent.
    pub lines: Bytes,
    /// The event as it came, for a letter if the cluster refuses it: its id is of these bytes.
    pub event: Bytes,
    /// Where they begin in the data they were found in.
    pub offset: usize,
    /// Why the whole document was refused, when `lines` hold the little that dashboards need.
    pub degraded: Option<Box<str>>,
    /// Whose mapping it meets.
    pub family: Family,
    /// `lines` hold what the mapping does not name where no mapping looks: the index had no room for more fields.
    pub trimmed: bool,
    /// `lines` lack personal data that `event` has.
    pub redacted: bool,
    /// Which record it came from.
    pub source: RecordRef,
}

/// What a dead letter must know of the record its event came from.
#[derive(Debug, Clone)]
pub struct RecordRef {
    /// Ledger entry to settle.
    pub origin: Origin,
    /// Name of the shard.
    pub shard: ShardId,
    /// Sequence number of the record.
    pub sequence: Arc<Sequence>,
    /// Which user record of an aggregate, counted from zero; `None` when the record is none.
    pub sub_sequence: Option<u32>,
    /// When Kinesis received the record.
    pub arrived: Millis,
    /// The time of an envelope that dates what was found in it, because its own bytes do not.
    pub wrapped: Option<Millis>,
}

/// Something that cannot be indexed, kept whole with the reason.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Short, stable class of the reason, for grouping: `not_json`, `refused`, `too_large`.
    pub reason: &'static str,
    /// One sentence for people; never a part of the body.
    pub detail: String,
    /// The index the document was meant for, when it got that far.
    pub index: Option<Arc<str>>,
    /// The id the document would have had, when it got that far.
    pub id: Option<EventId>,
    /// Where in the record's data (after de-aggregation and inflation) the bytes begin.
    pub offset: usize,
    /// The bytes themselves.
    pub bytes: Bytes,
    /// Which record they came from.
    pub source: RecordRef,
}

/// How an event's journey ended. The four ways of the contract, and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// Created in its index.
    Indexed,
    /// A replay: the index had it.
    AlreadyThere,
    /// Kept as a dead letter.
    DeadLettered,
    /// Its day is past retention; counted, not kept.
    Expired,
}

/// One op's or letter's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The ledger entry it settles.
    pub origin: Origin,
    /// How it ended.
    pub fate: Fate,
}

/// A decoded record on its way into the pipeline.
#[derive(Debug)]
pub struct Entry {
    /// Which record it is.
    pub record: RecordRef,
    /// What it brings into the indices.
    pub ops: Vec<BulkOp>,
    /// What of it cannot be indexed.
    pub letters: Vec<Letter>,
    /// Events whose day is past retention.
    pub expired: u64,
    /// Its share of the memory bound; given back when its position is safe.
    pub permit: OwnedSemaphorePermit,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record for tests: the `serial`-th of `slot`, with a sequence number made from the serial.
    pub(crate) fn record(slot: u32, serial: u64) -> RecordRef {
        let sequence = Sequence::parse((100 + serial).to_string()).expect("digits");
        let shard = ShardId::from(format!("shardId-{slot:012}").as_str());
        let origin = Origin { slot, serial };
        let arrived = Millis(1_800_000_000_000);
        RecordRef { origin, shard, sequence: Arc::new(sequence), sub_sequence: None, arrived, wrapped: None }
    }

    /// An op for tests whose source line is `{}` and `pad` spaces.
    pub(crate) fn op(record: RecordRef, n: u64, pad: usize) -> BulkOp {
        let id = EventId::of(&n.to_be_bytes(), None);
        let action = format!("{{\"create\":{{\"_index\":\"i\",\"_id\":\"{id}\"}}}}\n");
        let lines = format!("{action}{{}}{}\n", " ".repeat(pad));
        let (event, day) = (Bytes::from_static(b"{}"), record.arrived.day());
        BulkOp {
            index: "i".into(),
            day,
            id,
            lines: lines.into(),
            event,
            offset: 0,
            degraded: None,
            family: Family::Unrecognized,
            trimmed: false,
            redacted: false,
            source: record,
        }
    }
}
