//! What the pipeline needs from the outside, as small traits. The simulation implements them too.

use std::future::Future;
use std::time::Duration;

use super::op::{BulkOp, Fate, Letter};
use super::position::{Position, ShardId};
use super::verdict::Reply;
use crate::event::time::Millis;

/// Sends one bulk request and judges the answer.
pub trait Bulk: Send + Sync + 'static {
    /// Sends `ops` as one request. Never fails: whatever goes wrong is a verdict.
    fn send(&self, ops: &[BulkOp]) -> impl Future<Output = Reply> + Send;
}

/// Keeps what cannot be indexed.
pub trait DeadLetters: Send + Sync + 'static {
    /// Returns once every letter is durable. The same letter kept twice is one letter.
    fn keep(&self, letters: &[Letter]) -> impl Future<Output = Result<(), KeepError>> + Send;
}

/// Why letters could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Try again, for as long as it takes.
    #[error("{0}")]
    Busy(String),
    /// Trying again will not help; the shard must stop.
    #[error("{0}")]
    Halt(String),
}

/// Keeps how far each shard of one stream has been read and settled, for one group.
pub trait Positions: Send + Sync + 'static {
    /// Stores positions of shards that are still ours. Gives the shards that are not: their positions stay as they
    /// are, and whoever owns them reads on from there.
    fn store(&self, positions: &[(ShardId, Position)])
    -> impl Future<Output = Result<Vec<ShardId>, StoreError>> + Send;
}

/// Why positions could not be loaded or stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Try again later.
    #[error("{0}")]
    Busy(String),
    /// Trying again will not help.
    #[error("{0}")]
    Halt(String),
}

/// Is told what happens; counts it, shows it. Nothing depends on it.
pub trait Observer: Send + Sync + 'static {
    /// Lives as long as a delivery is held up.
    type HeldUp: Send;

    /// Events ended this way.
    fn ended(&self, _fate: Fate, _events: u64) {}
    /// One bulk request was answered (or was not).
    fn bulk(&self, _result: &'static str, _took: Duration, _ops: usize, _bytes: usize) {}
    /// A letter was kept, for this class of reason.
    fn dead_letter(&self, _reason: &'static str) {}
    /// A document that was refused whole was indexed in its degraded form.
    fn degraded(&self) {}
    /// Requests are kept under this many bytes from now on, because the cluster takes no larger ones.
    fn request_bytes(&self, _limit: usize, _why: &str) {}
    /// Deliveries that may be under way now.
    fn in_flight_limit(&self, _limit: usize) {}
    /// A block stands on this index; it is over when what this returns is dropped.
    fn blocked(&self, index: &str, why: &str) -> Self::HeldUp;
    /// A delivery cannot go on for now; it can again when what this returns is dropped.
    fn held_up(&self, why: &str) -> Self::HeldUp;
    /// Positions cannot be stored for now; `None` once they can again.
    fn state_held_up(&self, _why: Option<&str>) {}
    /// The arrival of the shard's oldest record that has not ended; `None` when all have.
    fn oldest_open(&self, _shard: &ShardId, _arrived: Option<Millis>) {}
    /// Ops of a blocked index that are left to the new owner of their shard.
    fn left(&self, _ops: usize) {}
    /// The shard is no longer ours, or has been read to its end: nothing more is said of it.
    fn let_go(&self, _shard: &ShardId) {}
    /// Positions were stored for these shards.
    fn stored(&self, _positions: &[(ShardId, Position)]) {}
}

/// Looks away.
impl Observer for () {
    type HeldUp = ();

    fn blocked(&self, _index: &str, _why: &str) {}

    fn held_up(&self, _why: &str) {}
}
