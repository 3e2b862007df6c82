//! What the producer and its task share.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

/// Read by callers, written by the task.
#[derive(Debug)]
pub struct Shared {
    /// Room for events, in units of [`Shared::UNIT`].
    pub room: Arc<Semaphore>,
    /// All of it.
    pub units: u32,
    /// Bytes that one record may have with its key.
    pub largest: AtomicUsize,
    /// What was done.
    pub counts: Counters,
    trouble: Mutex<Option<Arc<str>>>,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Counters {
    /// `PutRecords` sent.
    pub requests: AtomicU64,
    /// Records that had to be sent again.
    pub again: AtomicU64,
    events: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
}

/// What a producer has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that are in the stream; one whose answer was lost counts again when it is sent again.
    pub events: u64,
    /// Records they are in.
    pub records: u64,
    /// Bytes of those, with their keys.
    pub bytes: u64,
    /// `PutRecords` sent.
    pub requests: u64,
    /// Records that had to be sent again.
    pub again: u64,
}

impl Shared {
    /// A semaphore hands out at most `u32::MAX` permits at once; 64 bytes a permit make room for 256 GiB.
    const UNIT: usize = 64;

    /// Room for so many bytes of events, records of at most `largest`.
    pub fn new(memory: u64, largest: usize) -> Self {
        let units = u32::try_from(memory / Self::UNIT as u64).unwrap_or(u32::MAX).max(1);
        Self {
            room: Arc::new(Semaphore::new(units as usize)),
            units,
            largest: AtomicUsize::new(largest),
            counts: Counters::default(),
            trouble: Mutex::default(),
        }
    }

    /// Units for so many bytes. What is larger than all of the room has all of it.
    pub fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(Self::UNIT)).unwrap_or(u32::MAX).min(self.units)
    }

    /// Why something was refused last; `None` once all is taken again.
    pub fn trouble(&self, why: Option<Arc<str>>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// The same, for who has waited in vain.
    pub fn why(&self) -> Arc<str> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone().unwrap_or_else(|| "kinesis has not answered yet, or others were before them".into())
    }
}

impl Counters {
    /// A record with so many events is in the stream.
    pub fn stored(&self, events: usize, bytes: usize) {
        self.records.fetch_add(1, Relaxed);
        self.events.fetch_add(events as u64, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// The counts as they are.
    pub fn read(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Relaxed);
        Counts {
            events: read(&self.events),
            records: read(&self.records),
            bytes: read(&self.bytes),
            requests: read(&self.requests),
            again: read(&self.again),
        }
    }
}
