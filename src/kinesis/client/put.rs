//! The calls of a producer, through the SDK.

use std::time::Duration;

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, PutRecordsResultEntry};
use tokio::time::timeout;

use super::error::{by_code, fault};
use super::{AccessError, Kinesis, Stream};
use crate::kinesis::put::api::{Layout, OpenShard, Packed, PutApi};
use crate::kinesis::shard::api::Fault;
use crate::pipeline::position::ShardId;

/// A request of 5 MiB that has no answer by then is sent again: those who wait for it have ten seconds or less.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const OPERATION: &str = "PutRecords";

/// Writes into one stream; cheap to clone. The SDK's own retries are off: only what was refused is sent again.
#[derive(Debug, Clone)]
pub struct StreamWriter {
    kinesis: Kinesis,
    stream: Stream,
}

impl Kinesis {
    /// The calls that write into `stream`.
    pub fn writer(&self, stream: &Stream) -> StreamWriter {
        StreamWriter { kinesis: self.clone(), stream: stream.clone() }
    }

    /// The shards of the stream that take records.
    async fn open_shards(&self, stream: &Stream) -> Result<Vec<OpenShard>, AccessError> {
        let listed = self.list_shards(stream).await?;
        let open = listed
            .into_iter()
            .filter(|shard| shard.sequence_number_range().is_none_or(|range| range.ending_sequence_number().is_none()));
        let open = open.map(|shard| {
            let last = shard.hash_key_range().and_then(|range| range.ending_hash_key().parse().ok());
            let unreadable = || AccessError::Invalid {
                operation: "ListShards",
                stream: stream.name.clone(),
                reason: format!("shard {} has no range of hash keys", shard.shard_id()),
            };
            Ok(OpenShard { id: ShardId::from(shard.shard_id()), last: last.ok_or_else(unreadable)? })
        });
        open.collect()
    }
}

impl PutApi for StreamWriter {
    async fn put(&self, records: &[Packed]) -> Result<Vec<Result<ShardId, Fault>>, Fault> {
        let Stream { address, .. } = &self.stream;
        let entries = records.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let request = self.kinesis.unretried.put_records().set_records(Some(entries));
        let request = request.set_stream_name(address.name()).set_stream_arn(address.arn());
        let Ok(reply) = timeout(CALL_TIMEOUT, Box::pin(request.send())).await else {
            return Err(Fault::Transient(format!("no answer within {} s", CALL_TIMEOUT.as_secs())));
        };
        match reply {
            Ok(reply) => Ok(reply.records.into_iter().map(outcome).collect()),
            Err(error) => Err(match (fault(&error), self.kinesis.failed(OPERATION, address, &error).to_string()) {
                (Fault::Gone(_), cure) => Fault::Gone(cure),
                (Fault::Refused(_), cure) => Fault::Refused(cure),
                (Fault::Invalid(_), cure) => Fault::Invalid(cure),
                (passing, _) => passing,
            }),
        }
    }

    async fn layout(&self) -> Result<Layout, AccessError> {
        let Stream { largest, .. } = self.kinesis.describe(self.stream.address.clone()).await?;
        Ok(Layout { shards: self.kinesis.open_shards(&self.stream).await?, largest })
    }
}

fn entry(record: &Packed) -> Result<PutRecordsRequestEntry, Fault> {
    let entry = PutRecordsRequestEntry::builder().data(Blob::new(record.data.clone())).partition_key(&record.key);
    entry.build().map_err(|error| Fault::Invalid(error.to_string()))
}

/// What became of one record. Its message names account, stream and shard, and nothing of the record.
fn outcome(result: PutRecordsResultEntry) -> Result<ShardId, Fault> {
    match (result.error_code, result.shard_id) {
        (None, Some(shard)) if result.sequence_number.is_some() => Ok(ShardId::from(shard.as_str())),
        (None, _) => Err(Fault::Transient("it answered about a record without saying where it is".to_owned())),
        (Some(code), _) => {
            let message = result.error_message.map_or_else(|| code.clone(), |message| format!("{code}: {message}"));
            Err(by_code(&code, message))
        }
    }
}
