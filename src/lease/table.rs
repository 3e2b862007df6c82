//! The table of leases: one row a shard, who owns it, and how far it has been read. One protocol, several stores.
//!
//! Nobody compares clocks: an owner bumps its row's counter, and whoever sees a counter stand still for long enough by
//! its own clock may take the row. Every write is conditional on the row being as its writer last saw it.

use std::future::Future;

use crate::pipeline::ports::StoreError;
use crate::pipeline::position::{Position, ShardId};

/// One shard's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The shard: its key, within one group and stream.
    pub shard: ShardId,
    /// The worker that reads it; `None` when it is free.
    pub owner: Option<String>,
    /// Rises with every write of an owner. With `owner`, what a write is conditional on.
    pub counter: u64,
    /// Another worker that asks for it: the owner drains, stores, and frees it. Written by that other worker,
    /// without a change of owner or counter.
    pub wanted_by: Option<String>,
    /// How far it has been read and settled.
    pub position: Position,
    /// The shards it was split or merged from, for people and for KCL.
    pub parents: Vec<ShardId>,
}

/// A row to be written in place of the one that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The row as it was last seen.
    pub was: Row,
    /// The row as it is to be; of the same shard.
    pub now: Row,
}

/// How a conditional write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The row is now as it was to be.
    Done,
    /// It was not what we thought, and was left alone: this is what is there, `None` when the row is gone.
    Conflict(Option<Row>),
}

/// A store of leases for one group on one stream. Cheap to call from one task at a time; no method waits for data.
///
/// A store that keeps more than owner and counter to tell versions apart (`_seq_no`) keeps them by itself, as of the
/// last `list`, `write` or conflict.
pub trait LeaseTable: Send + Sync + 'static {
    /// Every row, as it is now and not as it was a moment ago.
    fn list(&self) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

    /// Creates the rows that do not exist, in this order; those that exist stay as they are.
    fn create(&self, rows: &[Row]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes each row if it is still as it `was`; one answer a change, in order.
    ///
    /// An error says nothing about any of them: each may have been written or not.
    fn write(&self, changes: &[Change]) -> impl Future<Output = Result<Vec<Written>, StoreError>> + Send;

    /// Whether somebody else removes rows of shards that have ended, while the stream still lists them.
    fn forgets_ended(&self) -> bool {
        false
    }

    /// Removes rows that are still as they were; one that changed or is gone is left.
    fn remove(&self, rows: &[Row]) -> impl Future<Output = Result<(), StoreError>> + Send;
}
