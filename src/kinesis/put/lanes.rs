//! What waits to be sent, a lane a shard, and when each lane may send.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::lane::Lane;
use super::parcel::{Parcel, Waiting};
use super::shards::Shards;
use crate::kinesis::chance::Chance;
use crate::pipeline::position::ShardId;

/// Law of `PutRecords`: so many records a request.
pub const REQUEST_RECORDS: usize = 500;
/// Law of `PutRecords`: 5 MiB a request with its keys; 10 MiB by the newer documents, which only a single larger record
/// makes use of, so that servers of either law take every request.
pub const REQUEST_BYTES: usize = 5 << 20;

/// First pause after a refusal, at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Every pause, at most: a shard has room again after a second, and callers do not wait much longer than that.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Everything that waits.
#[derive(Debug)]
pub struct Lanes {
    shards: Shards,
    lanes: Vec<Lane>,
    /// The lane that the next request begins with: each gets its turn.
    first: usize,
    /// Requests under way.
    flying: usize,
    /// Since whole requests fail.
    trouble: Option<Trouble>,
    chance: Chance,
}

/// Since something was refused: one request at a time finds out when it is over.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// Nothing is sent before.
    pub due: Instant,
    faults: u32,
}

impl Trouble {
    /// One more fault now; pauses double, half of each left to chance, so that many do not come back together.
    pub fn next(before: Option<&Self>, now: Instant, chance: &mut Chance) -> Self {
        let faults = before.map_or(0, |trouble| trouble.faults);
        let full = FIRST_PAUSE.saturating_mul(1 << faults.min(10)).min(LONGEST_PAUSE);
        Self { due: now + full.mul_f64(0.5 + 0.5 * chance.share()), faults: faults + 1 }
    }
}

impl Lanes {
    /// No lane waits.
    pub fn new(shards: Shards, seed: u64) -> Self {
        let lanes = std::iter::repeat_with(Lane::default).take(shards.count()).collect();
        Self { shards, lanes, first: 0, flying: 0, trouble: None, chance: Chance(seed) }
    }

    /// The shards have changed: everything goes to the lane where it now belongs.
    pub fn redraw(&mut self, shards: Shards) {
        if shards == self.shards {
            return;
        }
        let lanes = std::iter::repeat_with(Lane::default).take(shards.count()).collect();
        self.shards = shards;
        for lane in std::mem::replace(&mut self.lanes, lanes) {
            for (again, fresh) in lane.into_waiting() {
                again.into_iter().for_each(|parcel| self.again(parcel));
                fresh.into_iter().for_each(|event| self.add(event));
            }
        }
        self.first = 0;
    }

    /// One event more.
    pub fn add(&mut self, event: Waiting) {
        let lane = self.shards.of(event.hash_key);
        self.lanes[lane].add(event);
    }

    /// A record to be sent again.
    pub fn again(&mut self, parcel: Parcel) {
        let lane = self.shards.of(parcel.hash_key);
        self.lanes[lane].again(parcel);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(Lane::is_empty)
    }

    /// The records of the next request, if there may be one now.
    pub fn fill(&mut self, now: Instant) -> Option<Vec<Parcel>> {
        if self.trouble.as_ref().is_some_and(|trouble| trouble.due > now || self.flying > 0) {
            return None;
        }
        let lanes = self.lanes.len();
        let mut rooms: Vec<usize> = self.lanes.iter().map(|lane| lane.room(now)).collect();
        let (mut load, mut bytes): (Vec<Parcel>, usize) = (Vec::new(), 0);
        let (mut at, mut idle) = (self.first, 0);
        // A record of each lane in turn: a shard that is behind does not fill the request.
        while idle < lanes && load.len() < REQUEST_RECORDS && !load.last().is_some_and(|parcel| parcel.alone) {
            let room =
                if load.is_empty() { rooms[at] } else { rooms[at].min(REQUEST_BYTES - bytes.min(REQUEST_BYTES)) };
            match self.lanes[at].next(room, load.is_empty()) {
                None => idle += 1,
                Some(parcel) => {
                    idle = 0;
                    bytes += parcel.bytes;
                    rooms[at] = rooms[at].saturating_sub(parcel.bytes);
                    load.push(parcel);
                }
            }
            at = (at + 1) % lanes;
        }
        if load.is_empty() {
            return None;
        }
        self.first = (self.first + 1) % lanes;
        self.flying += 1;
        self.each_lane(&load, Lane::sent);
        Some(load)
    }

    /// Does something to each lane that has a record in `load`, once.
    fn each_lane(&mut self, load: &[Parcel], mut act: impl FnMut(&mut Lane)) {
        let mut lanes: Vec<usize> = load.iter().map(|parcel| self.shards.of(parcel.hash_key)).collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes.into_iter().for_each(|lane| act(&mut self.lanes[lane]));
    }

    /// A request has ended, with an answer or without one.
    pub fn landed(&mut self, load: &[Parcel]) {
        self.flying = self.flying.saturating_sub(1);
        self.each_lane(load, Lane::landed);
    }

    /// A request was answered record by record; says how many before it failed in a row.
    pub fn answered(&mut self) -> u32 {
        self.trouble.take().map_or(0, |trouble| trouble.faults)
    }

    /// Whether nothing is being refused.
    pub fn is_calm(&self) -> bool {
        self.trouble.is_none() && self.lanes.iter().all(Lane::is_calm)
    }

    /// A whole request failed; says how many have in a row.
    pub fn failed(&mut self, now: Instant) -> u32 {
        let trouble = Trouble::next(self.trouble.as_ref(), now, &mut self.chance);
        let faults = trouble.faults;
        self.trouble = Some(trouble);
        self.lanes.iter_mut().for_each(Lane::forget);
        faults
    }

    /// What became of each record of an answered request: its hash key, its bytes, and whether its shard took it.
    pub fn took(&mut self, records: impl Iterator<Item = (u128, usize, bool)>, now: Instant) {
        let mut lanes: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for (hash_key, bytes, taken) in records {
            let (accepted, refused) = lanes.entry(self.shards.of(hash_key)).or_default();
            *(if taken { accepted } else { refused }) += bytes;
        }
        for (lane, (accepted, refused)) in lanes {
            self.lanes[lane].took(accepted, refused, now, &mut self.chance);
        }
    }

    /// Whether a record of this hash key was to be in this shard.
    pub fn expected(&self, hash_key: u128, shard: &ShardId) -> bool {
        self.shards.id(hash_key) == Some(shard)
    }

    /// When something that waits may be sent; `None` when nothing waits, or a request under way comes first.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.lanes.iter().filter_map(|lane| lane.due(now)).min()?;
        match &self.trouble {
            None => Some(due),
            Some(_) if self.flying > 0 => None,
            Some(trouble) => Some(due.max(trouble.due)),
        }
    }
}
