//! Nothing goes wrong any more: everything must come to its end, and the workers to an order.

use std::collections::BTreeMap;

use essink::pipeline::position::Position;

use super::Play;
use crate::cluster::Blocked;
use crate::process::Process;
use crate::world::World;

/// The longest pause between two tries is half a minute, and a shard's children wait for it.
const CAUGHT_UP_MS: u64 = 30 * 60_000;
/// Listings come every minute, and a row is only cleaned up after some of them.
const ORDER_MS: u64 = 6 * 60_000;
const CALM_MS: u64 = 30_000;
/// By then everybody has listed the stream once more.
const LISTED_MS: u64 = 70_000;

impl Play {
    pub(super) fn peace(&mut self) -> Result<(), String> {
        self.heal();
        if self.world().mix.world.catches_up {
            return self.catch_up();
        }
        let listed = self.now + LISTED_MS;
        let deadline = self.now + CAUGHT_UP_MS;
        self.until(deadline, Self::left)?;
        self.until(deadline, |play| (play.now < listed).then(|| "a listing from after the faults".to_owned()))?;
        let deadline = self.now + ORDER_MS;
        self.until(deadline, Self::disorder)?;
        let (moves, deadline) = (self.world().table.n_moves, self.now + CALM_MS);
        while self.now < deadline {
            self.turn()?;
        }
        let moved = self.world().table.n_moves - moves;
        if moved > 0 {
            return Err(format!("{moved} leases changed hands among workers that nothing happens to"));
        }
        self.disorder().map_or(Ok(()), |what| Err(format!("the order did not last: {what}")))
    }

    /// Everybody goes; whoever comes now is to leave by itself, and then nothing may be left.
    fn catch_up(&mut self) -> Result<(), String> {
        self.dismiss()?;
        self.catches_up = true;
        self.staff();
        let deadline = self.now + CAUGHT_UP_MS;
        while !self.processes.is_empty() {
            if self.now > deadline {
                return Err(format!("{} workers do not catch up: {:?}", self.processes.len(), self.left()));
            }
            self.turn()?;
        }
        self.left().map_or(Ok(()), |what| Err(format!("everybody has caught up and left: {what}")))
    }

    fn left(&self) -> Option<String> {
        self.world().what_is_left(self.catches_up)
    }

    fn heal(&mut self) {
        self.say("world", || "peace".to_owned());
        let now = self.now;
        {
            let mut world = self.world();
            world.mix = world.mix.healed();
            world.cluster.blocked = Blocked::None;
            (world.cluster.out_until, world.letters.halted_until, world.table.out_until) = (now, now, now);
            world.table.outages.iter_mut().for_each(|(_, to)| *to = now.min(*to));
            world.table.cut = None;
        }
        for process in &mut self.processes {
            process.ctl.doom(None);
            (process.poll_doom, process.frozen_until) = (None, None);
        }
    }

    /// Whoever was already dead, or on its way out, is followed by another.
    fn staff(&mut self) {
        let stays = |process: &&Process| process.stopping_since.is_none() && !process.ctl.is_dead();
        let n_staying = self.processes.iter().filter(stays).count() as u64;
        let wanted = self.world().mix.world.workers;
        for _ in n_staying..wanted {
            self.start();
        }
    }

    fn until(&mut self, deadline: u64, what_is_left: impl Fn(&Self) -> Option<String>) -> Result<(), String> {
        loop {
            self.staff();
            for _ in 0..10 {
                self.turn()?;
            }
            match what_is_left(self) {
                None => return Ok(()),
                Some(what) if self.now > deadline => return Err(format!("still not so: {what}")),
                Some(_) => {}
            }
        }
    }

    /// What is not yet as it should be among workers that nothing happens to.
    fn disorder(&self) -> Option<String> {
        if let Some(process) = self.processes.iter().find(|process| process.stopping_since.is_some()) {
            return Some(format!("{} is still on its way out", process.ctl.name));
        }
        let mut counts: BTreeMap<String, u64> =
            self.processes.iter().map(|process| (process.ctl.name.clone(), 0)).collect();
        let world = self.world();
        for (shard, row) in &world.table.rows {
            let number = world.stream.number_of(shard).expect("a shard of the stream");
            if world.stream.shards[number].gone {
                return Some(format!("the row of {shard} outlives its shard"));
            }
            let Some(owner) = &row.owner else {
                if row.position == Position::End {
                    continue;
                }
                return Some(format!("nobody owns {shard}"));
            };
            if let Some(by) = &row.wanted_by {
                return Some(format!("{by} still waits for {shard}"));
            }
            match counts.get_mut(owner) {
                Some(count) => *count += 1,
                None => return Some(format!("{shard} is owned by {owner}, which is dead")),
            }
        }
        let (least, most) = (counts.values().min()?, counts.values().max()?);
        (most - least > 1).then(|| format!("shards are shared {counts:?}"))
    }

    /// Every worker is told to stop, and everything must be as if there had been no faults.
    pub(super) fn end(&mut self) -> Result<(), String> {
        self.dismiss()?;
        self.world().verdict().map_or(Ok(()), Err)
    }

    fn dismiss(&mut self) -> Result<(), String> {
        let now = self.now;
        self.processes.iter_mut().for_each(|process| process.terminate(now));
        let deadline = now + self.world().mix.knobs.grace_ms + 10_000;
        while !self.processes.is_empty() {
            if self.now > deadline {
                let names: Vec<_> = self.processes.iter().map(|process| &process.ctl.name).collect();
                return Err(format!("{names:?} do not stop"));
            }
            self.turn()?;
        }
        Ok(())
    }
}

impl World {
    /// What of the stream has not been brought to its end, or is not known to have been; with every shard `free`, or
    /// none.
    fn what_is_left(&self, free: bool) -> Option<String> {
        let open = (0..self.events.len()).find(|event| !self.has_ended(*event));
        if let Some(event) = open.map(|at| &self.events[at]) {
            let (mark, shard, serial) = (&event.piece.mark, event.shard, event.serial);
            return Some(format!("event {mark:?} of shard {shard} record {serial} has not ended"));
        }
        for (number, shard) in self.stream.shards.iter().enumerate().filter(|(_, shard)| !shard.gone) {
            let Some(row) = self.table.rows.get(&shard.id) else {
                return Some(format!("shard {number} has no row"));
            };
            let read_to = self.stream.first_at(number, &row.position);
            let n_records = shard.records.len();
            let expired = shard.n_trimmed == n_records || self.table.born_at.is_some() && !self.has_new(number);
            let is_done = match (&row.position, shard.closed) {
                (Position::End, _) => true,
                (_, true) => false,
                (_, false) => row.owner.is_none() == free && (expired || read_to == Some(n_records)),
            };
            if !is_done {
                return Some(format!("shard {number} stands at {} ({:?})", row.position, row.owner));
            }
        }
        None
    }

    /// Whether a shard has records from after the group's birth.
    fn has_new(&self, shard: usize) -> bool {
        let birth = self.table.born_at.unwrap_or(i64::MIN);
        self.stream.shards[shard].records.iter().any(|record| record.arrived >= birth)
    }

    /// The contract, event by event.
    fn verdict(&self) -> Option<String> {
        for (key, same) in &self.by_key {
            let is_indexed = self.cluster.docs.contains(key);
            for event in same.iter().map(|event| &self.events[*event]) {
                let mark = &event.piece.mark;
                let lost = !is_indexed && !event.lettered && !event.excused && event.piece.day >= self.oldest_kept;
                if lost || event.indexed != is_indexed {
                    return Some(format!("event {mark} is lost"));
                }
                if is_indexed && event.lettered {
                    return Some(format!("event {mark} ended twice"));
                }
            }
        }
        if let Some(key) = self.cluster.docs.iter().find(|key| !self.by_key.contains_key(key)) {
            return Some(format!("document {} {} is of no event", key.index, key.id));
        }
        // Rows of shards that have aged out are cleaned up by workers that stay.
        let shards = self.stream.shards.iter().filter(|shard| !shard.gone);
        let mut rows = shards.filter_map(|shard| self.table.rows.get(&shard.id));
        let held = rows.find(|row| row.owner.is_some())?;
        Some(format!("{} still has an owner, {:?}, and nobody runs", held.shard, held.owner))
    }
}
