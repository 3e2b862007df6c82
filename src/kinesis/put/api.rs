//! What a producer asks of Kinesis, as a port: tests script it, a dry run answers by itself.

use std::future::Future;

use bytes::Bytes;

use crate::kinesis::client::AccessError;
use crate::kinesis::shard::api::Fault;
use crate::pipeline::position::ShardId;

/// One Kinesis record to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its partition key, 1 to 256 characters.
    pub key: String,
    /// One event, or several in the frame of the Kinesis Producer Library.
    pub data: Bytes,
}

/// A shard that takes records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenShard {
    /// Its name.
    pub id: ShardId,
    /// The last hash key it takes; its first one follows the last one of the shard before it.
    pub last: u128,
}

/// What a producer must know of its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The open shards, in any order.
    pub shards: Vec<OpenShard>,
    /// Bytes that the data and the partition key of one record may have together.
    pub largest: usize,
}

/// The two calls that putting takes.
pub trait PutApi: Send + Sync + 'static {
    /// `PutRecords`. One outcome a record, in their order: the shard it is in, or why it is not. An error says that
    /// nothing is known to be in.
    fn put(&self, records: &[Packed]) -> impl Future<Output = Result<Vec<Result<ShardId, Fault>>, Fault>> + Send;

    /// The stream as it is now.
    fn layout(&self) -> impl Future<Output = Result<Layout, AccessError>> + Send;
}
