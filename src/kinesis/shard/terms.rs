//! What a reader is told and what it tells: pages, numbers, ends and errors.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api::Record;
use crate::event::time::Millis;
use crate::pipeline::position::{Sequence, ShardId};

/// Some records of a shard, in its order, none left out.
#[derive(Debug, Clone)]
pub struct Page {
    /// May be empty: the page then only tells how far behind the reader is.
    pub records: Vec<Record>,
    /// How far from the tip the page is, if the service says so.
    pub behind: Option<Duration>,
}

/// The sink takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Takes pages. A `page` call may be dropped at any await when the reader is told to stop.
pub trait Sink: Send {
    /// Returns once the page's bytes are accounted for; waiting here is the backpressure.
    fn page(&mut self, page: Page) -> impl Future<Output = Result<(), Stopped>> + Send;

    /// The shard cannot be read now; the next page means that it can again.
    fn trouble(&mut self, reason: &str) {
        let _ = reason;
    }
}

/// The numbers a reader keeps to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLimits {
    /// Records a call, 1 to 10,000 (the most `GetRecords` gives).
    pub records: u32,
    /// Least time between two calls. `GetRecords`: five calls a second a shard, over all its consumers, so 200 ms.
    pub between_calls: Duration,
    /// Time between two calls at the tip, where calls would only take other consumers' share.
    pub idle_poll: Duration,
    /// How long refusals that may heal (credentials, permissions, a clock ahead of the service's) are borne.
    pub patience: Duration,
    /// Source of chance for pauses; the shard's name is mixed in.
    pub seed: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            records: 10_000,
            between_calls: Duration::from_millis(200),
            idle_poll: Duration::from_secs(1),
            patience: Duration::from_secs(300),
            seed: 0,
        }
    }
}

/// Where a reader that is to catch up may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// A record that arrived later than this lies beyond the tip, by the host's clock.
    pub started: Millis,
    /// The same moment by a clock that nobody sets: what arrived since is no further behind than the time since. A
    /// host whose clock is slow would otherwise take old records for new ones.
    pub began: Instant,
    /// So many empty answers in a row at zero behind are the tip, too. One is not enough: some servers
    /// always say zero, and an empty answer is common in the middle of a shard.
    pub quiet: u32,
}

/// What all readers of a stream share.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The numbers.
    pub limits: ReadLimits,
    /// Fetch slots: one permit a page that no sink has taken yet.
    pub slots: Arc<Semaphore>,
    /// Ends reading at once, wherever it waits.
    pub stop: CancellationToken,
    /// Read on for ever, or to the tip.
    pub until: Option<Tip>,
}

/// How reading ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEnd {
    /// The shard is closed and every record of it was handed over.
    Ended,
    /// Told to stop, by the token or by the sink.
    Stopped,
    /// Every record that was there at the start was handed over.
    CaughtUp,
}

/// Why a shard cannot be read. The words carry the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The stream or the shard was deleted.
    #[error("shard {shard} cannot be read, it no longer exists: {reason}")]
    Gone {
        /// Which shard.
        shard: ShardId,
        /// The service's words.
        reason: String,
    },
    /// Credentials, permissions or keys, for longer than the patience.
    #[error(
        "shard {shard} cannot be read, the service refuses: {reason}; check the credentials and their permission for kinesis:GetRecords, kinesis:GetShardIterator and kms:Decrypt"
    )]
    Refused {
        /// Which shard.
        shard: ShardId,
        /// The service's words.
        reason: String,
    },
    /// The stored position does not fit the stream, or the service answers what it must not.
    #[error(
        "shard {shard} cannot be read from {from}: {reason}; if the stream was deleted and made anew, its old positions are worthless: start with another --group"
    )]
    Invalid {
        /// Which shard.
        shard: ShardId,
        /// Where the reader was.
        from: String,
        /// The service's words.
        reason: String,
    },
    /// Records came in an order that no position can describe.
    #[error("shard {shard} gave record {second} after record {first}: the server does not keep the order of a shard")]
    Disorder {
        /// Which shard.
        shard: ShardId,
        /// The one that came first.
        first: Sequence,
        /// The one that came after it.
        second: Sequence,
    },
}
