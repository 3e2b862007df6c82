//! What is read, what an event may look like, and how requests are filled.

use std::time::Duration;

use super::Secret;
use crate::event::redact::{How, Target};
use crate::event::time::Millis;

/// A stream as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamName {
    /// Its name.
    pub name: String,
    /// Its ARN, when that was given.
    pub arn: Option<String>,
    /// The region in the ARN.
    pub region: Option<String>,
}

/// Where to begin in a shard that has no stored position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record the stream still holds.
    TrimHorizon,
    /// At records that arrive from now on.
    Latest,
    /// At the first record that arrived at this time or later.
    At(Millis),
}

/// What is read, and how fast.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// The stream.
    pub stream: StreamName,
    /// The name under which positions are kept.
    pub group: String,
    /// Where to begin without a stored position.
    pub start: Start,
    /// Stop once every shard has been read to where its tip was at the start.
    pub until_caught_up: bool,
    /// GetRecords pages asked for at the same time, over all shards.
    pub fetches: usize,
    /// Pause of a shard that had nothing new; at least 200 ms.
    pub poll_interval: Duration,
    /// The AWS region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// Another endpoint than the region's.
    pub endpoint_url: Option<String>,
}

/// Limits of records and events, and how far a phone's clock is believed.
#[derive(Debug, Clone)]
pub struct EventOptions {
    /// A device's stamp may be this much earlier than the Kinesis arrival.
    pub max_clock_lag: Duration,
    /// A stamp may be this much later than the Kinesis arrival.
    pub max_clock_lead: Duration,
    /// New daily indices within an hour before further days are dead-lettered.
    pub max_days: usize,
    /// Nesting of JSON.
    pub max_depth: usize,
    /// Bytes one record may inflate to.
    pub max_inflated: u64,
    /// What of a person stays out of documents, in which way.
    pub redact: Vec<(Target, How)>,
    /// The key of the hashes.
    pub redact_key: Option<Secret>,
}

/// How bulk requests are filled and sent.
#[derive(Debug, Clone)]
pub struct BatchOptions {
    /// Bytes of records in flight, over all shards.
    pub memory: u64,
    /// A request closes at this many bytes.
    pub flush_bytes: u64,
    /// A request closes at this many events.
    pub flush_count: usize,
    /// A request closes when its first event has waited this long.
    pub flush_interval: Duration,
    /// Requests under way at the same time, at most.
    pub in_flight: usize,
    /// Share of an index' documents, 0 to 1, whose refusal for one reason halts; `None` never halts.
    pub breaker_share: Option<f64>,
    /// Documents judged before the share counts.
    pub breaker_count: u64,
    /// gzip level 1 to 9; `None` sends plain bodies.
    pub gzip: Option<u32>,
}
