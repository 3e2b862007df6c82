//! A worker's side of the world: each port of essink as one worker sees it.
//!
//! Before and after whatever a call does stands a gate. A worker that is to die dies at one of them: the call never
//! returns, and nothing that the worker still tries has any effect.

mod reading;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use essink::pipeline::op::Fate;
use essink::pipeline::ports::Observer;
use tokio::time::{Instant, sleep};

pub use self::reading::Stream;
use crate::world::{Shared, World, lock};

/// An op or a letter: slot, serial, user record, offset.
pub type Entity = (u32, u64, Option<u32>, usize);

/// One worker as the world knows it. Who still holds it after the worker's death was left behind by it.
#[derive(Debug)]
pub struct Ctl {
    pub name: String,
    world: Shared,
    /// The world's time when it began, and its own.
    began: (u64, Instant),
    /// Most bytes of records that it may hold, beside pages that are being decoded.
    pub bound: u64,
    pub fetches: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    dead: bool,
    n_gates: u64,
    doom: Option<u64>,
    ended: BTreeMap<Fate, u64>,
    left: u64,
    entities: BTreeSet<Entity>,
    n_readers: u64,
    /// Records that were read and may not have ended: reader, shard and serial.
    held: Vec<(u64, usize, usize)>,
    largest_page: u64,
}

impl Ctl {
    pub fn new(name: String, world: Shared, began: (u64, Instant), bound: u64, fetches: u64) -> Self {
        Self { name, world, began, bound, fetches, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("whole")
    }

    pub fn world(&self) -> std::sync::MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// The world's time by this worker's clock.
    pub fn now(&self) -> u64 {
        self.began.0 + u64::try_from(self.began.1.elapsed().as_millis()).expect("not that long")
    }

    pub fn doom(&self, gate: Option<u64>) {
        self.state().doom = gate;
    }

    pub fn kill(&self) {
        self.state().dead = true;
    }

    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Ops and letters that it has tried to settle, outcomes it has told of, and ops that may be without one although they
    /// were tried: left to another worker, or expired while they waited.
    pub fn counts(&self) -> (u64, u64, u64) {
        let state = self.state();
        let told = state.ended.iter().filter(|(fate, _)| **fate != Fate::Expired).map(|(_, n)| n).sum();
        let expired = state.ended.get(&Fate::Expired).copied().unwrap_or(0);
        (state.entities.len() as u64, told, state.left + expired)
    }

    fn meet(&self, entities: impl Iterator<Item = Entity>) {
        self.state().entities.extend(entities);
    }

    /// Where it may die. Never returns to the dead.
    async fn gate(&self) {
        let dead = {
            let mut state = self.state();
            state.n_gates += 1;
            state.dead |= state.doom == Some(state.n_gates);
            state.dead
        };
        if dead {
            std::future::pending::<()>().await;
        }
    }

    fn say(&self, what: impl FnOnce() -> String) {
        let now = self.now();
        self.world().say(now, &self.name, what);
    }

    fn new_reader(&self) -> u64 {
        let mut state = self.state();
        state.n_readers += 1;
        state.n_readers
    }

    /// A reader is gone. What it read last may be gone with it: nobody outside can tell.
    fn reader_gone(&self, reader: u64) {
        self.state().held.retain(|(of, ..)| *of != reader);
    }

    /// What is read and has not ended never takes more than the bound and the pages being decoded.
    fn check_memory(&self, world: &mut World, reader: u64, shard: usize, page: std::ops::Range<usize>) {
        let mut state = self.state();
        let size =
            |world: &World, shard: usize, serial: usize| world.stream.shards[shard].records[serial].data.len() as u64;
        let bytes = page.clone().map(|serial| size(world, shard, serial)).sum();
        state.largest_page = state.largest_page.max(bytes);
        state.held.extend(page.map(|serial| (reader, shard, serial)));
        state.held.retain(|(_, shard, serial)| {
            world.stream.shards[*shard].records[*serial].events.iter().any(|event| !world.has_ended(*event))
        });
        // What is read of a shard that was lost is thrown away.
        let is_ours = |shard: usize| world.owner(shard) == Some(&self.name);
        let held = state.held.iter().filter(|(_, shard, _)| is_ours(*shard));
        let held: u64 = held.map(|(_, shard, serial)| size(world, *shard, *serial)).sum();
        // A page larger than the whole bound waits until it is alone.
        let most = self.bound.max(state.largest_page) + self.fetches * state.largest_page;
        if held > most {
            world.break_promise(format!("{} holds {held} bytes that have not ended, {most} are allowed", self.name));
        }
    }
}

/// One worker's ports. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Port(pub Arc<Ctl>);

impl Observer for Port {
    type HeldUp = ();

    fn ended(&self, fate: Fate, events: u64) {
        if !self.0.is_dead() {
            *self.0.state().ended.entry(fate).or_default() += events;
        }
    }

    fn left(&self, ops: usize) {
        if !self.0.is_dead() {
            self.0.state().left += ops as u64;
        }
    }

    fn blocked(&self, index: &str, why: &str) {
        self.0.say(|| format!("index {index} is blocked: {why}"));
    }

    fn held_up(&self, why: &str) {
        self.0.say(|| format!("held up: {why}"));
    }
}

async fn pass(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}
