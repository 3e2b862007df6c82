//! Plays one seed: a time of faults, then peace until everything is caught up, then an orderly end.

mod peace;
mod trouble;

use std::sync::{Arc, Mutex};

use crate::chance::Chance;
use crate::mix::Mix;
use crate::process::{Process, Turn};
use crate::world::{LateCall, Shared, World, lock};

/// What a seed showed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    pub n_events: u64,
    pub n_indexed: u64,
    pub n_letters: u64,
    pub n_started: u64,
    pub n_killed: u64,
    pub n_frozen: u64,
    /// Leases that were taken from a worker that gave no sign of life.
    pub n_taken: u64,
    pub n_shards: u64,
    pub virtual_ms: u64,
}

/// A broken promise, with the log if there is one.
#[derive(Debug)]
pub struct Broken {
    pub what: String,
    pub log: Vec<String>,
}

pub struct Play {
    world: Shared,
    chance: Chance,
    processes: Vec<Process>,
    now: u64,
    seen: Seen,
    /// At times letters are refused for good, and workers may end for it.
    may_halt: bool,
    /// Workers that are started are to catch up and to leave.
    catches_up: bool,
    /// When everybody who is awake is told to stop.
    farewell: Option<u64>,
}

/// A test of one world: what was seen and its log, or the promise that was broken.
pub fn play(seed: u64, mix: Mix, logs: bool) -> Result<(Seen, Vec<String>), Broken> {
    let may_halt = mix.letters.halts_per_minute > 0;
    let mut play = Play {
        world: Arc::new(Mutex::new(World::new(seed, mix, logs))),
        chance: Chance::new(seed ^ 0x91a7),
        processes: Vec::new(),
        now: 0,
        seen: Seen::default(),
        may_halt,
        catches_up: false,
        farewell: None,
    };
    let result = play.all();
    play.processes.clear();
    let mut world = lock(&play.world);
    let log = world.log.take().unwrap_or_default();
    let mut seen = play.seen;
    (seen.n_events, seen.n_shards) = (world.events.len() as u64, world.stream.shards.len() as u64);
    (seen.n_indexed, seen.n_letters) = (world.cluster.docs.len() as u64, world.letters.n_kept);
    (seen.n_taken, seen.virtual_ms) = (world.n_taken, play.now);
    result.map(|()| (seen, log.clone())).map_err(|what| Broken { what, log })
}

impl Play {
    fn all(&mut self) -> Result<(), String> {
        self.trouble()?;
        self.peace()?;
        self.end()
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        lock(&self.world)
    }

    fn say(&self, who: &str, what: impl FnOnce() -> String) {
        self.world().say(self.now, who, what);
    }

    /// One turn of the world: what is late arrives, then every process runs, in any order.
    fn turn(&mut self) -> Result<(), String> {
        let length = self.world().mix.world.turn_ms;
        self.world().now = self.now;
        self.deliver_late();
        self.world().expire_records();
        let until = self.now + length;
        let mut order: Vec<usize> = (0..self.processes.len()).collect();
        self.chance.shuffle(&mut order);
        let mut over = Vec::new();
        for at in order {
            let process = &mut self.processes[at];
            if process.frozen_until.is_some_and(|frozen| frozen > self.now) {
                continue;
            }
            process.frozen_until = None;
            match process.run(self.now, until) {
                Turn::Runs => {}
                Turn::Killed => over.push((at, None)),
                Turn::Exited(result) => over.push((at, Some(result))),
            }
        }
        over.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        for (at, result) in over {
            let process = self.processes.remove(at);
            self.is_over(process, result)?;
        }
        self.now = until;
        let broken = self.world().violation.clone();
        broken.map_or(Ok(()), Err)
    }

    fn is_over(
        &mut self,
        process: Process,
        result: Option<Result<(), essink::app::exit::Failure>>,
    ) -> Result<(), String> {
        let name = process.ctl.name.clone();
        let (settled, told, without) = process.ctl.counts();
        if process.bury() {
            return Err(format!("{name} is dead and something that it started is not"));
        }
        match result {
            None => {
                self.seen.n_killed += 1;
                self.say(&name, || "dies".to_owned());
            }
            Some(Ok(())) => {
                self.say(&name, || format!("exits, {settled} settled"));
                // What was left may have come back with its shard, and then have ended here.
                if !(told..=told + without).contains(&settled) {
                    return Err(format!("{name} settled {settled} ops and letters and told of {told} outcomes"));
                }
            }
            Some(Err(failure)) => {
                self.say(&name, || format!("exits with {}: {failure}", failure.code()));
                if (failure.code() != 75 || self.catches_up) && !(failure.code() == 69 && self.may_halt) {
                    return Err(format!("{name} exits with {}: {failure}", failure.code()));
                }
            }
        }
        Ok(())
    }

    fn deliver_late(&mut self) {
        let mut world = self.world();
        let now = self.now;
        let (due, later) = std::mem::take(&mut world.late).into_iter().partition(|late| late.at <= now);
        world.late = later;
        let due: std::collections::VecDeque<crate::world::Late> = due;
        for late in due {
            match late.what {
                LateCall::Bulk(docs) => {
                    if world.bulk_door(&docs).is_none() {
                        world.say(now, "late", || format!("bulk of {}", docs.len()));
                        world.apply_bulk(&docs);
                    }
                }
                LateCall::Write(who, changes) => {
                    if world.table.out_until <= now {
                        world.say(now, "late", || format!("write of {who}"));
                        world.write_rows(late.sent, now, &who, &changes);
                    }
                }
            }
        }
    }

    /// A new worker; it may be doomed from the beginning.
    fn start(&mut self) {
        self.seen.n_started += 1;
        let name = format!("w{}", self.seen.n_started);
        self.world().now = self.now;
        self.say(&name, || "starts".to_owned());
        let doomed = self.world().mix.process.doomed;
        let mut process = Process::start(name, &self.world, self.chance.roll(), self.catches_up);
        if self.chance.hit(doomed) {
            let most = *self.chance.pick(&[60, 600, 4_000]);
            let n = self.chance.between(1, most);
            if self.chance.hit(250) {
                process.poll_doom = Some(n);
            } else {
                process.ctl.doom(Some(n));
            }
        }
        self.processes.push(process);
    }
}
