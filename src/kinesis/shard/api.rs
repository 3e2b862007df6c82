//! What a shard reader asks of Kinesis, as a port: tests and the simulation script it.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::event::time::Millis;
use crate::pipeline::position::{Position, Sequence, ShardId};

/// One Kinesis record as the service keeps it: not de-aggregated, not inflated. `data` may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, rising within the shard.
    pub sequence: Sequence,
    /// When the service received it.
    pub arrived: Millis,
    /// What the producer put.
    pub data: Bytes,
}

/// One reply to `GetRecords`.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// In shard order. Often empty, also far from the tip.
    pub records: Vec<Record>,
    /// Where to read on; `None` when the shard is closed and read to its end.
    pub next: Option<String>,
    /// `MillisBehindLatest`: how far from the tip this answer is. Some servers always say zero.
    pub behind: Option<Duration>,
}

/// Why a call failed, sorted by what the reader has to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The iterator is older than five minutes: ask for another.
    #[error("the shard iterator expired")]
    Expired,
    /// Too many calls or bytes for this shard, of this reader or of others: call later.
    #[error("{0}")]
    Throttled(String),
    /// The network or the service: the same call may succeed later.
    #[error("{0}")]
    Transient(String),
    /// Credentials, permissions or keys: may heal by itself (a token is renewed), else an operator must act.
    #[error("{0}")]
    Refused(String),
    /// The stream or the shard does not exist.
    #[error("{0}")]
    Gone(String),
    /// The service does not accept the call, or answered what a Kinesis never answers.
    #[error("{0}")]
    Invalid(String),
}

/// The two calls that reading a shard takes.
pub trait ShardApi: Send + Sync {
    /// An iterator that begins at `from`, which is never [`Position::End`].
    fn iterator(&self, shard: &ShardId, from: &Position) -> impl Future<Output = Result<String, Fault>> + Send;

    /// At most `limit` records (1 to 10,000) at the iterator.
    fn records(&self, iterator: &str, limit: u32) -> impl Future<Output = Result<Answer, Fault>> + Send;
}
