//! The port to the stream.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

/// One event on its way into the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The partition key: the same for events of one message, 1 to 256 characters.
    pub key: String,
    /// The event as it was posted.
    pub data: Bytes,
}

/// Why items are not in the stream. Some of them may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not now, or not in time; for people.
    Busy(String),
    /// One of them is larger than a record may be, and will never be taken; for people.
    TooLarge(String),
}

/// What a method of a trait object gives.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where events go.
pub trait Stream: Send + Sync {
    /// Puts all of them, and gives `Ok` only when every one is durable. Takes no longer than `within`.
    fn put(&self, items: Vec<Item>, within: Duration) -> Later<'_, Result<(), Refusal>>;
}
