//! The stream: shards that split, merge and expire, and records in them.

use std::collections::BTreeSet;

use bytes::Bytes;
use essink::kinesis::lineage::Shard as Listed;
use essink::pipeline::position::{Position, Sequence, ShardId};

use crate::chance::{Chance, digest};
use crate::events::{DAY, Form};
use crate::world::{BEGIN, World};

/// Sequence numbers are wider than any integer.
const WIDE: &str = "4959033827149025660855969253836157109592";

#[derive(Debug)]
pub struct Record {
    pub arrived: i64,
    pub put_at: u64,
    pub data: Bytes,
    pub events: Vec<usize>,
}

#[derive(Debug)]
pub struct Shard {
    pub id: ShardId,
    pub parents: Vec<usize>,
    /// Hash keys it takes, of 0 to 65,535.
    pub keys: (u64, u64),
    pub records: Vec<Record>,
    pub sequences: Vec<u64>,
    pub closed: bool,
    pub closed_at: u64,
    /// Records that have aged out.
    pub n_trimmed: usize,
    /// It is no longer listed.
    pub gone: bool,
    /// Records behind which a stored position was found to be right.
    pub n_verified: usize,
}

#[derive(Debug)]
pub struct Stream {
    pub shards: Vec<Shard>,
    next_sequence: u64,
    /// By how much the clock that stamps arrivals is off.
    pub clock_off: i64,
    /// What was put lately, for producers that put it again.
    lately: Vec<Form>,
}

impl Stream {
    pub fn new(n_shards: u64) -> Self {
        let mut stream = Self { shards: Vec::new(), next_sequence: 1, clock_off: 0, lately: Vec::new() };
        for n in 0..n_shards {
            let keys = (65_536 * n / n_shards, 65_536 * (n + 1) / n_shards - 1);
            stream.open(keys, Vec::new());
        }
        stream
    }

    fn open(&mut self, keys: (u64, u64), parents: Vec<usize>) {
        self.shards.push(Shard {
            id: ShardId::from(format!("shardId-{:012}", self.shards.len()).as_str()),
            parents,
            keys,
            records: Vec::new(),
            sequences: Vec::new(),
            closed: false,
            closed_at: 0,
            n_trimmed: 0,
            gone: false,
            n_verified: 0,
        });
    }

    pub fn number_of(&self, id: &ShardId) -> Option<usize> {
        let number = id.0.strip_prefix("shardId-")?.parse().ok()?;
        (number < self.shards.len()).then_some(number)
    }

    pub fn sequence(&self, shard: usize, serial: usize) -> Sequence {
        let text = format!("{WIDE}{:016}", self.shards[shard].sequences[serial]);
        Sequence::parse(text).expect("digits")
    }

    fn number(sequence: &Sequence) -> Option<u64> {
        sequence.as_str().strip_prefix(WIDE)?.parse().ok()
    }

    /// Which record of the shard has this number.
    pub fn serial_of(&self, shard: usize, sequence: &Sequence) -> Option<usize> {
        self.shards[shard].sequences.binary_search(&Self::number(sequence)?).ok()
    }

    /// The serial of the first record at or behind a position.
    pub fn first_at(&self, shard: usize, position: &Position) -> Option<usize> {
        let Shard { sequences, records, .. } = &self.shards[shard];
        Some(match position {
            Position::TrimHorizon => 0,
            Position::At(time) => records.iter().position(|record| record.arrived >= time.0).unwrap_or(records.len()),
            Position::From(sequence) => sequences.partition_point(|n| Some(*n) < Self::number(sequence)),
            Position::After(sequence) => sequences.partition_point(|n| Some(*n) <= Self::number(sequence)),
            Position::End => return None,
        })
    }

    /// What ListShards says.
    pub fn list(&self, children_first: bool) -> Vec<Listed> {
        let listed = self.shards.iter().filter(|shard| !shard.gone).map(|shard| Listed {
            id: shard.id.clone(),
            parents: shard.parents.iter().map(|parent| self.shards[*parent].id.clone()).collect(),
            closed: shard.closed,
        });
        let mut listed: Vec<Listed> = listed.collect();
        if children_first {
            listed.reverse();
        }
        listed
    }

    fn open_shards(&self) -> Vec<usize> {
        (0..self.shards.len()).filter(|n| !self.shards[*n].closed).collect()
    }

    fn close(&mut self, shard: usize, now: u64) {
        (self.shards[shard].closed, self.shards[shard].closed_at) = (true, now);
    }
}

impl World {
    /// A producer puts a record.
    pub fn put(&mut self) {
        let now = self.calendar();
        let serial = self.events.len() as u64;
        let large = (self.mix.bulk.limit < 100_000).then_some(self.mix.bulk.limit + 500);
        let lately = &self.stream.lately;
        let form = if !lately.is_empty() && self.chance.hit(60) {
            self.chance.pick(lately).clone()
        } else {
            crate::events::form(&mut self.chance, serial, now, large)
        };
        let key = digest(7, &format!("user {}", self.chance.below(20))) % 65_536;
        if self.mix.world.arrivals_jump && self.chance.hit(20) {
            let day = i64::try_from(self.chance.below(4)).expect("small") - 2;
            self.stream.clock_off = day * DAY / 2;
        }
        let arrived = now + self.stream.clock_off;
        let takes = |shard: &Shard| !shard.closed && (shard.keys.0..=shard.keys.1).contains(&key);
        let shard = self.stream.shards.iter().position(takes).expect("open shards take every key");
        let (data, pieces) = form.put(arrived);
        self.stream.lately.push(form);
        if self.stream.lately.len() > 8 {
            self.stream.lately.remove(0);
        }
        let serial = self.stream.shards[shard].records.len();
        let events = self.expect(pieces, shard, serial);
        self.say(self.now, "stream", || format!("put shard {shard} record {serial} events {events:?}"));
        let sequence = self.stream.next_sequence;
        self.stream.next_sequence += self.chance.between(1, 1 << 20);
        let record = Record { arrived, put_at: self.now, data, events };
        self.stream.shards[shard].records.push(record);
        self.stream.shards[shard].sequences.push(sequence);
    }

    /// A shard is split, or two are merged.
    pub fn reshard(&mut self) {
        let open = self.stream.open_shards();
        if self.stream.shards.len() > 16 {
            return;
        }
        let one = *self.chance.pick(&open);
        let keys = self.stream.shards[one].keys;
        let neighbour = open.iter().copied().find(|other| self.stream.shards[*other].keys.0 == keys.1 + 1);
        let now = self.now;
        match neighbour {
            Some(other) if self.chance.hit(500) => {
                let to = self.stream.shards[other].keys.1;
                self.stream.close(one, now);
                self.stream.close(other, now);
                let mut parents = vec![one, other];
                self.chance.shuffle(&mut parents);
                self.stream.open((keys.0, to), parents);
                self.say(now, "stream", || format!("merge shards {one} and {other}"));
            }
            _ if keys.1 > keys.0 => {
                let middle = keys.0.midpoint(keys.1);
                self.stream.close(one, now);
                self.stream.open((keys.0, middle), vec![one]);
                self.stream.open((middle + 1, keys.1), vec![one]);
                self.say(now, "stream", || format!("split shard {one}"));
            }
            _ => {}
        }
    }

    /// What is older than the retention leaves the stream.
    pub fn expire_records(&mut self) {
        let Some(retention) = self.mix.stream.retention_s.map(|s| s * 1000) else { return };
        let now = self.now;
        let mut excused = BTreeSet::new();
        for n in 0..self.stream.shards.len() {
            let shard = &mut self.stream.shards[n];
            while let Some(record) = shard.records.get(shard.n_trimmed).filter(|r| r.put_at + retention < now) {
                excused.extend(record.events.iter().copied());
                shard.n_trimmed += 1;
            }
            let empty = shard.n_trimmed == shard.records.len();
            if shard.closed && !shard.gone && empty && shard.closed_at + retention < now {
                shard.gone = true;
                self.say(now, "stream", || format!("shard {n} has aged out"));
            }
        }
        for event in excused {
            self.events[event].excused = true;
        }
    }

    /// What lies before the group's birth need not be read.
    pub fn excuse_before(&mut self, birth: i64) {
        for shard in &self.stream.shards {
            for record in shard.records.iter().filter(|record| record.arrived < birth) {
                for event in &record.events {
                    self.events[*event].excused = true;
                }
            }
        }
    }
}

/// A worker's start, by its calendar.
pub fn at(now: u64) -> i64 {
    BEGIN + i64::try_from(now).expect("not that long")
}

/// Rolls for a number of milliseconds.
pub fn latency(chance: &mut Chance, most: u64) -> u64 {
    1 + chance.below(most)
}
