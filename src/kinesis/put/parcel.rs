//! Events on their way into one record, and what of it belongs to whom.

use std::sync::Arc;

use bytes::Bytes;

use super::api::Packed;
use super::frame::{self, EVENT, FRAME, Keyed};
use super::ticket::Ticket;
use crate::event::aggregate::MAGIC;

/// A frame is closed at this many bytes: 50 KiB, as the Kinesis Producer Library does. Kinesis bills by pieces of 25 KB,
/// so that larger ones save nothing; a shard takes 1 MB a second, so that a refused one is cheap to send again; and a
/// reader holds few bytes back while one is decoded.
pub const TARGET: usize = 51_200;

/// One event that waits.
#[derive(Debug)]
pub struct Waiting {
    /// Its partition key; Kinesis takes it.
    pub key: String,
    /// Where that leads.
    pub hash_key: u128,
    /// Its bytes.
    pub data: Bytes,
    /// Whose it is.
    pub ticket: Arc<Ticket>,
}

impl Waiting {
    /// What it adds to a frame, at most.
    pub fn bytes(&self) -> usize {
        bytes(&self.key, &self.data) + EVENT
    }
}

/// What an event takes of a record of its own.
pub fn bytes(key: &str, data: &[u8]) -> usize {
    // Plain, it would be taken for a frame.
    let wrapped = if data.starts_with(&MAGIC) { FRAME } else { 0 };
    key.len() + data.len() + wrapped
}

/// One record, open or sealed.
#[derive(Debug)]
pub struct Parcel {
    /// The partition key of its first event.
    key: String,
    /// Where that leads.
    pub hash_key: u128,
    contents: Contents,
    /// Whose events these are, and how many.
    shares: Vec<(Arc<Ticket>, usize)>,
    /// What it takes of a request, at most.
    pub bytes: usize,
    /// It travels without others, because the service refused a request that it was in.
    pub alone: bool,
}

#[derive(Debug)]
enum Contents {
    Open(Vec<Keyed>),
    Sealed(Bytes),
}

impl Parcel {
    /// A parcel of one event.
    pub fn new(first: Waiting) -> Self {
        let bytes = first.bytes() + first.key.len() + FRAME;
        let Waiting { key, hash_key, data, ticket } = first;
        let contents = Contents::Open(vec![(key.clone(), data)]);
        Self { key, hash_key, contents, shares: vec![(ticket, 1)], bytes, alone: false }
    }

    /// One event more.
    pub fn add(&mut self, event: Waiting) {
        let bytes = event.bytes();
        let Contents::Open(events) = &mut self.contents else { return };
        events.push((event.key, event.data));
        self.bytes += bytes;
        match self.shares.last_mut() {
            Some((ticket, n)) if Arc::ptr_eq(ticket, &event.ticket) => *n += 1,
            _ => self.shares.push((event.ticket, 1)),
        }
    }

    /// The record: a single event is itself, several are a frame.
    pub fn seal(&mut self) -> Packed {
        let data = match &mut self.contents {
            Contents::Sealed(data) => data.clone(),
            Contents::Open(events) => match events.as_mut_slice() {
                [(_, data)] if !data.starts_with(&MAGIC) => std::mem::take(data),
                events => frame::encode(events, self.hash_key).into(),
            },
        };
        self.bytes = self.key.len() + data.len();
        self.contents = Contents::Sealed(data.clone());
        Packed { key: self.key.clone(), data }
    }

    /// Events in it.
    pub fn events(&self) -> usize {
        self.shares.iter().map(|(_, n)| n).sum()
    }

    /// Whose turn it takes when it is sent again: the first one's who still waits for it.
    pub fn owner(&self) -> Option<&Arc<Ticket>> {
        let live = self.shares.iter().find(|(ticket, _)| ticket.is_live());
        live.or(self.shares.first()).map(|(ticket, _)| ticket)
    }

    /// Whether anybody still waits for it.
    pub fn is_live(&self) -> bool {
        self.shares.iter().any(|(ticket, _)| ticket.is_live())
    }

    /// It is in the stream.
    pub fn stored(&self) {
        self.shares.iter().for_each(|(ticket, n)| ticket.stored(*n));
    }

    /// It has to be sent again.
    pub fn again(&self, why: &Arc<str>) {
        self.shares.iter().for_each(|(ticket, _)| ticket.again(why));
    }

    /// It will never be in the stream.
    pub fn never(&self, why: &str) {
        self.shares.iter().for_each(|(ticket, _)| ticket.never(why));
    }
}
