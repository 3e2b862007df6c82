//! A stream that takes everything and keeps nothing: a dry run puts into it, and so packs as a run does.

use crate::kinesis::client::AccessError;
use crate::kinesis::put::api::{Layout, Packed, PutApi};
use crate::kinesis::put::shards::{Shards, hash_key};
use crate::kinesis::shard::api::Fault;
use crate::pipeline::position::ShardId;

/// The stream as it was at the start.
pub struct DryRun {
    layout: Layout,
    shards: Shards,
}

impl DryRun {
    /// A stream that looks so.
    pub fn new(layout: Layout) -> Self {
        Self { shards: Shards::new(layout.shards.clone()), layout }
    }
}

impl PutApi for DryRun {
    async fn put(&self, records: &[Packed]) -> Result<Vec<Result<ShardId, Fault>>, Fault> {
        let shard = |record: &Packed| self.shards.id(hash_key(&record.key)).cloned();
        Ok(records.iter().map(|record| Ok(shard(record).unwrap_or_else(|| ShardId::from("none")))).collect())
    }

    async fn layout(&self) -> Result<Layout, AccessError> {
        Ok(self.layout.clone())
    }
}
