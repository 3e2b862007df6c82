//! What is on, and how strong, in one seed: each fault is on in about half of the worlds, so that they meet in
//! every combination and none hides another for ever.

use crate::chance::Chance;

/// The make of one world. Shares are per mille of calls, rates are per minute of its own time.
#[derive(Debug, Clone)]
pub struct Mix {
    pub world: WorldMix,
    pub knobs: Knobs,
    pub stream: StreamFaults,
    pub bulk: BulkFaults,
    pub letters: LetterFaults,
    pub table: TableFaults,
    pub process: ProcessFaults,
}

#[derive(Debug, Clone)]
pub struct WorldMix {
    pub workers: u64,
    pub shards: u64,
    /// Until the faults stop.
    pub seconds: u64,
    /// Workers run in turns of this length: they differ by up to so much in what they think the time is.
    pub turn_ms: u64,
    pub puts_per_minute: u64,
    /// Where the shards begin at the group's birth: from a time, or from the horizon.
    pub from_now: bool,
    /// The clock that stamps arrivals jumps.
    pub arrivals_jump: bool,
    /// At some moment days begin to expire.
    pub days_expire: bool,
    /// In the end workers are started that are to catch up and to leave by themselves.
    pub catches_up: bool,
}

/// Options of the workers.
#[derive(Debug, Clone)]
pub struct Knobs {
    pub failover_ms: u64,
    pub grace_ms: u64,
    pub memory: u64,
    pub fetches: usize,
    pub batch_bytes: usize,
    pub batch_count: usize,
    pub batch_ms: u64,
    pub in_flight: usize,
    pub store_ms: u64,
    pub poll_ms: u64,
}

#[derive(Debug, Clone, Default)]
pub struct StreamFaults {
    pub page: u32,
    pub throttled: u32,
    pub transient: u32,
    pub expired: u32,
    /// Empty pages in the middle of a shard.
    pub silent: u32,
    pub listing: u32,
    pub reshards_per_minute: u64,
    /// Records older than this are gone, read or not.
    pub retention_s: Option<u64>,
    pub children_first: bool,
}

#[derive(Debug, Clone, Default)]
pub struct BulkFaults {
    pub item_busy: u32,
    pub whole: u32,
    /// Applied, in whole or in part, and the reply lost.
    pub lost: u32,
    /// The client hears of a time-out; the request is applied later.
    pub late: u32,
    pub short: u32,
    pub long: u32,
    pub slow: u32,
    /// Of a thousand documents, so many are refused for what they are.
    pub refused: u32,
    /// Most bytes of a request.
    pub limit: usize,
    pub blocks_per_minute: u64,
    pub outages_per_minute: u64,
}

#[derive(Debug, Clone, Default)]
pub struct LetterFaults {
    pub busy: u32,
    pub slow: u32,
    pub lost: u32,
    pub halts_per_minute: u64,
}

#[derive(Debug, Clone, Default)]
pub struct TableFaults {
    pub fails: u32,
    pub lost: u32,
    pub slow: u32,
    pub late: u32,
    pub outages_per_minute: u64,
    /// One worker alone cannot reach it.
    pub cuts_per_minute: u64,
}

#[derive(Debug, Clone, Default)]
pub struct ProcessFaults {
    pub kills_per_minute: u64,
    /// Of a thousand workers so many die at a certain call or poll.
    pub doomed: u32,
    pub terms_per_minute: u64,
    pub joins_per_minute: u64,
    pub pauses_per_minute: u64,
}

impl Mix {
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let c = &mut chance;
        Self {
            world: world(c),
            knobs: knobs(c),
            stream: StreamFaults {
                page: *c.pick(&[1, 3, 10, 50]),
                throttled: share(c, 300),
                transient: share(c, 200),
                expired: share(c, 200),
                silent: share(c, 500),
                listing: share(c, 700),
                reshards_per_minute: rate(c, 6),
                retention_s: c.hit(200).then(|| c.between(30, 120)),
                children_first: c.hit(500),
            },
            bulk: bulk(c),
            letters: LetterFaults {
                busy: share(c, 700),
                slow: share(c, 500),
                lost: share(c, 300),
                halts_per_minute: if c.hit(100) { 1 } else { 0 },
            },
            table: TableFaults {
                fails: share(c, 300),
                lost: share(c, 200),
                slow: share(c, 200),
                late: share(c, 100),
                outages_per_minute: rate(c, 1),
                cuts_per_minute: rate(c, 2),
            },
            process: ProcessFaults {
                kills_per_minute: rate(c, 3),
                doomed: share(c, 900),
                terms_per_minute: rate(c, 3),
                joins_per_minute: rate(c, 4),
                pauses_per_minute: rate(c, 3),
            },
        }
    }

    /// The same world with nothing going wrong any more.
    pub fn healed(&self) -> Self {
        let StreamFaults { page, children_first, .. } = self.stream;
        let stream = StreamFaults { page, children_first, ..StreamFaults::default() };
        let bulk = BulkFaults { limit: self.bulk.limit, refused: self.bulk.refused, ..BulkFaults::default() };
        Self {
            stream,
            bulk,
            letters: LetterFaults::default(),
            table: TableFaults::default(),
            process: ProcessFaults::default(),
            ..self.clone()
        }
    }
}

fn world(c: &mut Chance) -> WorldMix {
    let from_now = c.hit(250);
    // A time to start from, or to catch up to, means what the stream's clock says: one that jumps has none.
    let arrivals_jump = !from_now && c.hit(300);
    WorldMix {
        workers: c.between(1, 4),
        shards: c.between(1, 6),
        seconds: *c.pick(&[45, 90, 150, 240]),
        turn_ms: *c.pick(&[20, 50, 100, 250]),
        puts_per_minute: *c.pick(&[30, 90, 200]),
        from_now,
        arrivals_jump,
        days_expire: c.hit(200),
        catches_up: !arrivals_jump && c.hit(300),
    }
}

fn knobs(c: &mut Chance) -> Knobs {
    Knobs {
        failover_ms: *c.pick(&[4_000, 10_000, 20_000]),
        grace_ms: *c.pick(&[2_000, 10_000, 30_000]),
        memory: *c.pick(&[24_000, 60_000, 1_000_000]),
        fetches: *c.pick(&[1, 2, 4]),
        batch_bytes: *c.pick(&[1_500, 6_000, 40_000]),
        batch_count: *c.pick(&[3, 20, 200]),
        batch_ms: *c.pick(&[100, 700, 3_000]),
        in_flight: *c.pick(&[1, 2, 4]),
        store_ms: *c.pick(&[500, 2_000, 5_000]),
        poll_ms: *c.pick(&[500, 1_000]),
    }
}

fn bulk(c: &mut Chance) -> BulkFaults {
    BulkFaults {
        item_busy: share(c, 300),
        whole: share(c, 400),
        lost: share(c, 300),
        late: share(c, 150),
        short: share(c, 200),
        long: share(c, 200),
        slow: share(c, 150),
        refused: share(c, 30),
        limit: *c.pick(&[3_000, 8_000, 1_000_000]),
        blocks_per_minute: rate(c, 2),
        outages_per_minute: rate(c, 1),
    }
}

/// Off, or up to `most`.
fn share(c: &mut Chance, most: u64) -> u32 {
    if c.hit(500) { u32::try_from(c.between(1, most)).expect("a share") } else { 0 }
}

fn rate(c: &mut Chance, most: u64) -> u64 {
    if c.hit(500) { c.between(1, most) } else { 0 }
}
