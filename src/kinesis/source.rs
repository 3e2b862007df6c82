//! A stream, as whoever decides what is read sees it: the service, or the world of a simulation.

use std::future::Future;

use super::client::{Kinesis, Stream, StreamReader};
use super::lineage::Shard;
use super::shard::api::ShardApi;

/// One stream.
pub trait Source: Send + Sync + 'static {
    /// Reads its shards.
    type Reader: ShardApi + 'static;

    /// All its shards, open and closed; an error says why they cannot be listed now.
    fn shards(&self) -> impl Future<Output = anyhow::Result<Vec<Shard>>> + Send;

    /// A reader for one shard.
    fn reader(&self) -> Self::Reader;
}

/// A stream of the service.
#[derive(Debug, Clone)]
pub struct Live {
    /// The service.
    pub kinesis: Kinesis,
    /// The stream.
    pub stream: Stream,
}

impl Source for Live {
    type Reader = StreamReader;

    async fn shards(&self) -> anyhow::Result<Vec<Shard>> {
        Ok(self.kinesis.shards(&self.stream).await?)
    }

    fn reader(&self) -> StreamReader {
        self.kinesis.reader(&self.stream)
    }
}
