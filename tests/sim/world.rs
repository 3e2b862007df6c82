//! Everything outside the workers, and what is known for certain about every event.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use essink::pipeline::position::Position;

use crate::chance::Chance;
use crate::cluster::Cluster;
use crate::events::{Key, Piece};
use crate::letters::Letters;
use crate::mix::Mix;
use crate::stream::Stream;
use crate::table::Table;

/// 2026-11-23T23:57:00Z: three minutes before a new day.
pub const BEGIN: i64 = 1_795_478_220_000;

/// An event that was put, and what has become of it.
#[derive(Debug)]
pub struct Event {
    pub piece: Piece,
    pub shard: usize,
    pub serial: usize,
    pub indexed: bool,
    pub lettered: bool,
    /// It left the stream before anybody had to have read it, or lies before the group's birth.
    pub excused: bool,
}

#[derive(Debug)]
pub struct World {
    pub mix: Mix,
    pub chance: Chance,
    /// Milliseconds since the world began.
    pub now: u64,
    pub events: Vec<Event>,
    /// Events by their place in the cluster: the same bytes may be put twice.
    pub by_key: BTreeMap<Key, Vec<usize>>,
    pub stream: Stream,
    pub cluster: Cluster,
    pub letters: Letters,
    pub table: Table,
    /// Requests that their sender has given up and that arrive all the same.
    pub late: VecDeque<Late>,
    /// Days before this one have expired.
    pub oldest_kept: i64,
    pub log: Option<Vec<String>>,
    pub violation: Option<String>,
    pub n_taken: u64,
}

/// Something still on the wire.
#[derive(Debug)]
pub struct Late {
    pub sent: u64,
    pub at: u64,
    pub what: LateCall,
}

#[derive(Debug)]
pub enum LateCall {
    Bulk(Vec<crate::cluster::Doc>),
    Write(String, Vec<essink::lease::table::Change>),
}

pub type Shared = Arc<Mutex<World>>;

/// A world in which something panicked is only looked at.
pub fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub fn new(seed: u64, mix: Mix, logs: bool) -> Self {
        let stream = Stream::new(mix.world.shards);
        Self {
            chance: Chance::new(seed ^ 0x5eed),
            now: 0,
            events: Vec::new(),
            by_key: BTreeMap::new(),
            stream,
            cluster: Cluster::new(seed),
            letters: Letters::default(),
            table: Table::default(),
            late: VecDeque::new(),
            oldest_kept: i64::MIN,
            log: logs.then(Vec::new),
            violation: None,
            n_taken: 0,
            mix,
        }
    }

    pub fn say(&mut self, at: u64, who: &str, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(format!("{:>9.3} {who:<6} {}", at as f64 / 1000.0, what()));
        }
    }

    /// The first broken promise is the one that counts.
    pub fn break_promise(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.say(self.now, "ORACLE", || what.clone());
        self.violation.get_or_insert(what);
    }

    pub fn calendar(&self) -> i64 {
        BEGIN + i64::try_from(self.now).expect("not that long")
    }

    /// Takes in what was put with a record; the numbers of its events.
    pub fn expect(&mut self, pieces: Vec<Piece>, shard: usize, serial: usize) -> Vec<usize> {
        let first = self.events.len();
        for (at, piece) in pieces.into_iter().enumerate() {
            let mut indexed = false;
            if let Some(key) = &piece.key {
                let same = self.by_key.entry(key.clone()).or_default();
                indexed = same.iter().any(|other| self.events[*other].indexed);
                same.push(first + at);
            }
            self.events.push(Event { piece, shard, serial, indexed, lettered: false, excused: false });
        }
        (first..self.events.len()).collect()
    }

    pub fn has_ended(&self, event: usize) -> bool {
        let event = &self.events[event];
        event.indexed || event.lettered || event.excused || event.piece.day < self.oldest_kept
    }

    /// A document has been created.
    pub fn created(&mut self, key: &Key, source: &[u8]) {
        let Some(same) = self.by_key.get(key).cloned() else {
            return self.break_promise(format!("{} {} was invented: no event belongs there", key.index, key.id));
        };
        for event in same {
            let event = &mut self.events[event];
            event.indexed = true;
            let (mark, lettered) = (event.piece.mark.clone(), event.lettered);
            if !contains(source, mark.as_bytes()) {
                self.break_promise(format!("{} {} does not hold its event {mark}", key.index, key.id));
            }
            if lettered {
                self.break_promise(format!("event {mark} was dead-lettered before it was indexed"));
            }
        }
    }

    /// A letter is durable.
    pub fn lettered(&mut self, shard: usize, serial: usize, bytes: &Bytes) {
        let record = &self.stream.shards[shard].records[serial];
        let found = record.events.iter().copied().find(|event| self.events[*event].piece.bytes == *bytes);
        let Some(found) = found else {
            let what = format!("a letter of shard {shard} record {serial} holds {} bytes of no event", bytes.len());
            return self.break_promise(what);
        };
        self.events[found].lettered = true;
        if self.events[found].indexed {
            let mark = self.events[found].piece.mark.clone();
            self.break_promise(format!("event {mark} was indexed before it was dead-lettered"));
        }
    }

    /// A stored position must not pass an event that has not ended.
    pub fn check_position(&mut self, shard: usize, position: &Position) {
        let end = match position {
            Position::End if !self.stream.shards[shard].closed => {
                return self.break_promise(format!("the end of shard {shard} was stored, which is open"));
            }
            Position::End => self.stream.shards[shard].records.len(),
            Position::After(sequence) => match self.stream.serial_of(shard, sequence) {
                Some(serial) => serial + 1,
                None => return self.break_promise(format!("{position} of shard {shard} was stored: no such record")),
            },
            _ => return,
        };
        let from = self.stream.shards[shard].n_verified;
        for serial in from..end {
            let events = self.stream.shards[shard].records[serial].events.clone();
            if let Some(open) = events.into_iter().find(|event| !self.has_ended(*event)) {
                let mark = self.events[open].piece.mark.clone();
                let what = format!("{position} of shard {shard} was stored and passes record {serial}: event {mark:?}");
                return self.break_promise(format!("{what} has not ended"));
            }
        }
        self.stream.shards[shard].n_verified = from.max(end);
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
