//! Positions in a shard.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::event::time::Millis;

/// Name of a shard, `shardId-000000000000`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub Arc<str>);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ShardId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

/// A Kinesis sequence number: decimal, wider than `u128`, ordered by value.
///
/// Only digits without leading zeros are admitted, so width and then text is numeric order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sequence(String);

impl Sequence {
    /// Refuses anything but a decimal number of at most 128 digits (Kinesis' own pattern) without leading zeros.
    pub fn parse(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let digits = !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_digit());
        let canonical = text == "0" || !text.starts_with('0');
        (digits && canonical).then_some(Self(text))
    }

    /// The decimal text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Zero: before everything.
impl Default for Sequence {
    fn default() -> Self {
        Self("0".to_owned())
    }
}

impl From<u64> for Sequence {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_width = self.0.len().cmp(&other.0.len());
        by_width.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where reading of a shard goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// From the oldest record kept.
    TrimHorizon,
    /// From the first record that arrived at or after this time.
    At(Millis),
    /// From the record with this sequence number on, that one included: part of it may have settled elsewhere (a
    /// checkpoint of KCL inside an aggregate), or an operator said so.
    From(Sequence),
    /// After the record with this sequence number; that record and all before it have settled.
    After(Sequence),
    /// The shard is closed and every record of it has settled.
    End,
}

/// In words, for people.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrimHorizon => f.write_str("its oldest record"),
            Self::At(time) => write!(f, "time {}", time.rfc3339()),
            Self::From(sequence) => write!(f, "from record {sequence}"),
            Self::After(sequence) => write!(f, "after record {sequence}"),
            Self::End => f.write_str("its end"),
        }
    }
}
