//! Puts events into a stream. What [`Producer::put`] has answered with `Ok` is in the stream, durably.
//!
//! Small events travel together in the frames of the Kinesis Producer Library, which the KCL and essink open again: events
//! that lead to the same shard go into one record, across callers. Nobody waits for company: a request goes off as soon as
//! there is room for one, and what comes while requests are under way goes together into the next.
//!
//! A caller's events with the same key go to the same shard, in the order in which they came unless the service refuses
//! some of them; between keys and between callers there is no order: those that wait for one shard take turns. An event may be in the stream although its caller was told that it is late, and it may
//! be there twice: ids come from an event's bytes, so both are harmless. After a reshard, events of one key may lie in two
//! shards until the map of the shards has been drawn again; every one of them can be read (see `frame`).

pub mod api;
pub mod shards;

mod frame;
mod lane;
mod lanes;
mod parcel;
mod state;
mod ticket;
mod worker;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

pub use self::lanes::REQUEST_BYTES;
pub use self::state::Counts;
pub use self::worker::FLIGHTS;

use self::api::{Layout, PutApi};
use self::lanes::Lanes;
use self::parcel::Waiting;
use self::shards::{Shards, hash_key};
use self::state::Shared;
use self::ticket::Ticket;
use self::worker::{Message, Worker};
use super::client::{AccessError, Kinesis, Stream};
use crate::event::key;

/// What an event takes beside its bytes and its key while it waits.
const OVERHEAD: usize = 256;
/// Nobody waits longer: a deadline must be a time.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 24 * 3600);

/// One event to be put: what it is keyed by, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Events of one key go to the same shard. Any text: one that is longer than Kinesis allows is replaced by its digest, an
    /// empty one by that of the event.
    pub key: String,
    /// The event.
    pub data: Bytes,
}

/// Why not all events are known to be in the stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Never: one of the events does not fit into a record of the stream. None was sent.
    #[error(
        "an event of {bytes} bytes with its partition key is larger than a record of the stream may be, {limit} bytes: split it, \
         or raise the stream's record size (UpdateMaxRecordSize, up to 10 MiB)"
    )]
    TooLarge {
        /// Bytes of the event and its key.
        bytes: usize,
        /// What a record may have.
        limit: usize,
    },
    /// Try again later: the time is over, and the service has not taken them all.
    #[error("{stored} of {events} events are in the stream, the others not in time: {why}")]
    Later {
        /// So many are certainly in.
        stored: usize,
        /// Of so many.
        events: usize,
        /// The last words of the service.
        why: String,
    },
    /// Never, until somebody has mended what the reason says.
    #[error("{stored} of {events} events are in the stream, the others are refused: {why}")]
    Never {
        /// So many are certainly in.
        stored: usize,
        /// Of so many.
        events: usize,
        /// The words of the service, and the cure.
        why: String,
    },
}

impl PutError {
    /// Whether the same may succeed later, without anybody mending anything.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Later { .. })
    }

    /// So many of the events are certainly in the stream.
    pub fn stored(&self) -> usize {
        match self {
            Self::TooLarge { .. } => 0,
            Self::Later { stored, .. } | Self::Never { stored, .. } => *stored,
        }
    }
}

/// The numbers of a producer.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Bytes of events that wait or are under way, over all callers. Beside them each of [`FLIGHTS`] requests of up to
    /// [`REQUEST_BYTES`] is held three times: packed, as the SDK takes it, and in base64 as it is sent.
    pub memory: u64,
    /// Source of chance for pauses.
    pub seed: u64,
}

/// Puts events into one stream; cheap to clone, and shared by all that put.
#[derive(Debug, Clone)]
pub struct Producer {
    messages: mpsc::UnboundedSender<Message>,
    shared: Arc<Shared>,
}

impl Producer {
    /// A producer for `stream`, once its shards are known.
    pub async fn open(kinesis: &Kinesis, stream: &Stream, settings: Settings) -> Result<Self, AccessError> {
        let writer = kinesis.writer(stream);
        let layout = writer.layout().await?;
        Ok(Self::start(writer, layout, settings))
    }

    /// A producer by this port, for a stream that looks so now. Its task ends with its last clone.
    pub fn start(api: impl PutApi, layout: Layout, settings: Settings) -> Self {
        let (messages, taken) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(settings.memory, layout.largest));
        let lanes = Lanes::new(Shards::new(layout.shards), settings.seed);
        tokio::spawn(Worker::new(api, taken, shared.clone(), lanes).run().boxed());
        Self { messages, shared }
    }

    /// Bytes that an event may have with its key.
    pub fn largest(&self) -> usize {
        self.shared.largest.load(Relaxed)
    }

    /// What has been done so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts.read()
    }

    /// Returns once every event is in the stream, at the latest when `within` has passed.
    ///
    /// # Errors
    /// Not every event is known to be in; [`PutError::may_pass`] says whether to try again. Events that had not been sent
    /// by then never will be; those that had may still come to be in the stream.
    pub async fn put(&self, items: Vec<Item>, within: Duration) -> Result<(), PutError> {
        let (events, deadline) = (items.len(), Instant::now() + within.min(LONGEST_WAIT));
        if items.is_empty() {
            return Ok(());
        }
        let limit = self.largest();
        let items: Vec<Item> =
            items.into_iter().map(|Item { key, data }| Item { key: key::legal(key, &data), data }).collect();
        if let Some(bytes) = items.iter().map(|item| parcel::bytes(&item.key, &item.data)).find(|bytes| *bytes > limit)
        {
            // Somebody may have raised the limit.
            self.messages.send(Message::Look).ok();
            return Err(PutError::TooLarge { bytes, limit });
        }
        let later = || PutError::Later { stored: 0, events, why: self.shared.why().to_string() };
        let bytes = items.iter().map(|item| item.key.len() + item.data.len() + OVERHEAD).sum();
        let room = self.shared.room.clone().acquire_many_owned(self.shared.units(bytes));
        // The semaphore is never closed.
        let Ok(Ok(room)) = timeout_at(deadline, room).await else { return Err(later()) };
        let (ticket, answer) = Ticket::new(events, room);
        let waiting = |Item { key, data }: Item| {
            let hash_key = hash_key(&key);
            Waiting { key, hash_key, data, ticket: ticket.clone() }
        };
        if self.messages.send(Message::Put(items.into_iter().map(waiting).collect())).is_err() {
            return Err(later());
        }
        match timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            // The task has ended, or the time is over.
            Ok(Err(_)) | Err(_) => Err(ticket.late(&self.shared.why())),
        }
    }
}
