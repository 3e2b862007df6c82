//! The two calls of a shard reader, through the SDK.

use std::time::Duration;

use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::ShardIteratorType;
use bytes::Bytes;

use super::error::fault;
use super::{Address, Kinesis, Stream};
use crate::event::time::Millis;
use crate::kinesis::shard::api::{Answer, Fault, Record, ShardApi};
use crate::pipeline::position::{Position, Sequence, ShardId};

/// A stream's shards, as [`crate::kinesis::shard::read_shard`] reads them; cheap to clone.
///
/// The SDK's own retries are off here: the reader waits by itself, and says so.
#[derive(Debug, Clone)]
pub struct StreamReader {
    client: aws_sdk_kinesis::Client,
    address: Address,
}

impl Kinesis {
    /// The calls that read `stream`.
    pub fn reader(&self, stream: &Stream) -> StreamReader {
        StreamReader { client: self.unretried.clone(), address: stream.address.clone() }
    }
}

impl ShardApi for StreamReader {
    async fn iterator(&self, shard: &ShardId, from: &Position) -> Result<String, Fault> {
        let (kind, sequence, time) = match from {
            Position::TrimHorizon => (ShardIteratorType::TrimHorizon, None, None),
            Position::At(time) => (ShardIteratorType::AtTimestamp, None, Some(DateTime::from_millis(time.0))),
            Position::From(sequence) => (ShardIteratorType::AtSequenceNumber, Some(sequence.to_string()), None),
            Position::After(sequence) => (ShardIteratorType::AfterSequenceNumber, Some(sequence.to_string()), None),
            Position::End => return Err(Fault::Invalid("a shard that has ended cannot be read on".to_owned())),
        };
        let request = self.client.get_shard_iterator();
        let request = request.set_stream_name(self.address.name()).set_stream_arn(self.address.arn());
        let request = request.shard_id(&*shard.0).shard_iterator_type(kind);
        let request = request.set_starting_sequence_number(sequence).set_timestamp(time);
        let reply = Box::pin(request.send()).await.map_err(|e| fault(&e))?;
        reply.shard_iterator.ok_or_else(|| Fault::Transient("GetShardIterator answered without an iterator".to_owned()))
    }

    async fn records(&self, iterator: &str, limit: u32) -> Result<Answer, Fault> {
        let limit = i32::try_from(limit.clamp(1, 10_000)).unwrap_or(10_000);
        let request =
            self.client.get_records().shard_iterator(iterator).limit(limit).set_stream_arn(self.address.arn());
        let reply = Box::pin(request.send()).await.map_err(|e| fault(&e))?;
        let records = reply.records.into_iter().map(record).collect::<Result<_, _>>()?;
        let behind = reply.millis_behind_latest.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
        Ok(Answer { records, next: reply.next_shard_iterator, behind })
    }
}

fn record(raw: aws_sdk_kinesis::types::Record) -> Result<Record, Fault> {
    let unreadable = |what: &str| Fault::Invalid(format!("GetRecords answered with a record whose {what}"));
    let sequence = Sequence::parse(raw.sequence_number);
    let sequence = sequence.ok_or_else(|| unreadable("sequence number is not a decimal number"))?;
    let arrived = raw.approximate_arrival_timestamp.and_then(|time| time.to_millis().ok());
    let arrived = arrived.map(Millis).ok_or_else(|| unreadable("arrival time is missing"))?;
    Ok(Record { sequence, arrived, data: Bytes::from(raw.data.into_inner()) })
}
