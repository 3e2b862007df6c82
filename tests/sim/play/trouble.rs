//! The time of faults.

use super::Play;
use crate::cluster::Blocked;
use crate::events::DAY;

impl Play {
    pub(super) fn trouble(&mut self) -> Result<(), String> {
        let mix = self.world().mix.clone();
        // A backlog, with a past of its own.
        for _ in 0..self.chance.below(20) {
            self.world().put();
        }
        for _ in 0..mix.world.workers {
            self.start();
        }
        while self.now < mix.world.seconds * 1000 {
            self.world().now = self.now;
            self.stream_happens();
            self.stores_happen();
            self.processes_happen();
            self.turn()?;
        }
        Ok(())
    }

    /// Whether something that happens so often a minute happens in this turn.
    fn happens(&mut self, per_minute: u64) -> bool {
        let turn = self.world().mix.world.turn_ms;
        self.chance.below(60_000) < per_minute * turn
    }

    fn stream_happens(&mut self) {
        let mix = self.world().mix.clone();
        if self.happens(mix.world.puts_per_minute / 3) {
            for _ in 0..self.chance.between(1, 5) {
                self.world().put();
            }
        }
        if self.happens(mix.stream.reshards_per_minute) {
            self.world().reshard();
        }
        if mix.world.days_expire && self.happens(1) {
            let back = i64::try_from(self.chance.below(20)).expect("small");
            let mut world = self.world();
            let day = world.calendar().div_euclid(DAY) - back;
            world.oldest_kept = world.oldest_kept.max(day);
            let oldest = world.oldest_kept;
            world.say(self.now, "world", || format!("days before {oldest} expire"));
            drop(world);
            self.processes.iter_mut().for_each(|process| process.expire_before(oldest));
        }
    }

    fn stores_happen(&mut self) {
        let mix = self.world().mix.clone();
        let now = self.now;
        if self.happens(mix.bulk.blocks_per_minute) {
            let blocked = match self.chance.below(4) {
                0 => Blocked::All,
                1 => Blocked::Some(self.chance.below(3)),
                _ => Blocked::None,
            };
            self.say("world", || format!("block: {blocked:?}"));
            self.world().cluster.blocked = blocked;
        }
        if self.happens(mix.bulk.outages_per_minute) {
            let until = now + self.chance.between(1_000, 60_000);
            self.say("world", || format!("the cluster is away until {until}"));
            self.world().cluster.out_until = until;
        }
        if self.happens(mix.letters.halts_per_minute) {
            let until = now + self.chance.between(1_000, 30_000);
            self.world().letters.halted_until = until;
        }
        let is_out = now < self.world().table.out_until;
        if !is_out && self.happens(mix.table.outages_per_minute) {
            let until = now + self.chance.between(500, 120_000);
            self.say("world", || format!("the table of leases is away until {until}"));
            let mut world = self.world();
            world.table.out_until = until;
            world.table.outages.push((now, until));
        }
        if self.happens(mix.table.cuts_per_minute) && !self.processes.is_empty() {
            let who = self.chance.choice(self.processes.len());
            let who = self.processes[who].ctl.name.clone();
            let until = now + self.chance.between(500, 60_000);
            self.say("world", || format!("{who} does not reach the table until {until}"));
            self.world().table.cut = Some((who, until));
        }
    }

    fn processes_happen(&mut self) {
        let mix = self.world().mix.process.clone();
        let now = self.now;
        let failover = self.world().mix.knobs.failover_ms;
        let most = self.world().mix.world.workers;
        if (self.processes.len() as u64) < most && (self.processes.is_empty() || self.happens(mix.joins_per_minute)) {
            self.start();
        }
        let at = self.chance.choice(self.processes.len());
        if self.farewell.is_some_and(|at| at <= now) {
            self.farewell = None;
            let awake = self.processes.iter_mut().filter(|process| process.frozen_until.is_none());
            awake.for_each(|process| process.terminate(now));
        }
        if self.happens(mix.kills_per_minute) {
            self.processes[at].ctl.kill();
        }
        if self.happens(mix.terms_per_minute) {
            self.say(&self.processes[at].ctl.name, || "is told to stop".to_owned());
            self.processes[at].terminate(now);
        }
        let may_freeze = self.farewell.is_none() && self.processes[at].frozen_until.is_none();
        if may_freeze && self.happens(mix.pauses_per_minute) {
            let mut until = now + self.chance.between(failover / 2, failover * 4);
            if self.chance.hit(400) {
                // The others take what it has, and are gone just before it comes back: all of it is free again.
                until = until.max(now + failover * 2 + 7_000);
                self.farewell = Some(until - self.chance.between(500, 6_000));
            }
            self.say(&self.processes[at].ctl.name, || format!("is frozen until {until}"));
            self.processes[at].frozen_until = Some(until);
            self.seen.n_frozen += 1;
        }
    }
}
