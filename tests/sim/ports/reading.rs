//! Reading the stream, and the promises about what is read.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use essink::event::time::Millis;
use essink::kinesis::lineage::Shard as Listed;
use essink::kinesis::shard::api::{Answer, Fault, Record, ShardApi};
use essink::kinesis::source::Source;
use essink::pipeline::position::{Position, ShardId};

use super::{Ctl, pass};
use crate::stream::{at, latency};
use crate::world::World;

/// An iterator lives five minutes.
const ITERATOR_MS: u64 = 300_000;

/// The stream as one worker sees it.
#[derive(Debug, Clone)]
pub struct Stream(pub Arc<Ctl>);

/// Reads one shard from the moment it became ours.
#[derive(Debug)]
pub struct Reader {
    ctl: Arc<Ctl>,
    number: u64,
    session: Mutex<Session>,
}

#[derive(Debug, Default)]
struct Session {
    begun: bool,
    /// The first record that has not been handed out.
    next: Option<usize>,
}

impl Source for Stream {
    type Reader = Reader;

    async fn shards(&self) -> anyhow::Result<Vec<Listed>> {
        let ctl = &self.0;
        ctl.gate().await;
        let (fails, ms) = {
            let mut world = ctl.world();
            let per_mille = world.mix.stream.listing;
            (world.chance.hit(per_mille), latency(&mut world.chance, 300))
        };
        pass(ms).await;
        ctl.gate().await;
        anyhow::ensure!(!fails, "LimitExceededException");
        let world = ctl.world();
        Ok(world.stream.list(world.mix.stream.children_first))
    }

    fn reader(&self) -> Reader {
        Reader { ctl: self.0.clone(), number: self.0.new_reader(), session: Mutex::default() }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.ctl.reader_gone(self.number);
    }
}

impl Reader {
    async fn fault(&self) -> Result<(), Fault> {
        self.ctl.gate().await;
        let (fault, ms) = {
            let mut world = self.ctl.world();
            let (throttled, transient) = (world.mix.stream.throttled, world.mix.stream.transient);
            let fault = if world.chance.hit(throttled) {
                Some(Fault::Throttled("ProvisionedThroughputExceededException".to_owned()))
            } else if world.chance.hit(transient) {
                Some(Fault::Transient("500".to_owned()))
            } else {
                None
            };
            (fault, latency(&mut world.chance, 60))
        };
        pass(ms).await;
        self.ctl.gate().await;
        fault.map_or(Ok(()), Err)
    }

    fn open(&self, world: &mut World, id: &ShardId, from: &Position) -> Result<String, Fault> {
        let shard = world.stream.number_of(id).ok_or_else(|| Fault::Gone("no such shard".to_owned()))?;
        if world.stream.shards[shard].gone {
            return Err(Fault::Gone("ResourceNotFoundException".to_owned()));
        }
        let first = world.stream.first_at(shard, from).ok_or_else(|| Fault::Invalid("the end".to_owned()))?;
        let mut session = self.session.lock().expect("whole");
        match session.next {
            Some(next) if next != first => {
                let what = format!("{} reads shard {shard} on from record {first}", self.ctl.name);
                world.break_promise(format!("{what}, after the one before {next}"));
            }
            _ if !session.begun => self.check_begin(world, shard, first, from),
            _ => {}
        }
        session.begun = true;
        Ok(format!("{shard}:{first}:{}", self.ctl.now() + ITERATOR_MS))
    }

    /// A shard is read from where the table says or before, and only when all its parents have settled.
    fn check_begin(&self, world: &mut World, shard: usize, first: usize, from: &Position) {
        let name = &self.ctl.name;
        world.say(self.ctl.now(), name, || format!("reads shard {shard} from record {first} ({from})"));
        let stored = |world: &World, shard: usize| {
            world.table.rows.get(&world.stream.shards[shard].id).map(|row| row.position.clone())
        };
        if let Some(position) = stored(world, shard) {
            let safe = world.stream.first_at(shard, &position);
            if safe.is_some_and(|safe| first > safe) {
                world.break_promise(format!("{name} reads shard {shard} from record {first}, stored is {position}"));
            }
        }
        for parent in world.stream.shards[shard].parents.clone() {
            let settled = stored(world, parent) == Some(Position::End);
            if !settled && !world.stream.shards[parent].gone {
                world.break_promise(format!("{name} reads shard {shard} before its parent {parent} has settled"));
            }
        }
    }

    fn page(&self, world: &mut World, shard: usize, first: usize, limit: u32) -> Answer {
        let silent = world.mix.stream.silent;
        let size = world.mix.stream.page.min(limit) as usize;
        let size = if world.chance.hit(silent) { 0 } else { size };
        let this = &world.stream.shards[shard];
        let n_records = this.records.len();
        let first = first.max(this.n_trimmed);
        let end = (first + size).min(n_records);
        let ended = this.closed && end == n_records;
        let records = (first..end).map(|serial| {
            let record = &this.records[serial];
            let sequence = world.stream.sequence(shard, serial);
            Record { sequence, arrived: Millis(record.arrived), data: record.data.clone() }
        });
        let records: Vec<Record> = records.collect();
        let behind = this.records.get(end).map_or(0, |record| at(world.now).saturating_sub(record.arrived));
        let behind = Duration::from_millis(u64::try_from(behind).unwrap_or(0).max(u64::from(end < n_records)));
        if end > first {
            self.session.lock().expect("whole").next = Some(end);
            world.say(self.ctl.now(), &self.ctl.name, || format!("gets shard {shard} records {first} to {}", end - 1));
        }
        self.ctl.check_memory(world, self.number, shard, first..end);
        let next = (!ended).then(|| format!("{shard}:{end}:{}", self.ctl.now() + ITERATOR_MS));
        Answer { records, next, behind: Some(behind) }
    }
}

impl ShardApi for Reader {
    async fn iterator(&self, shard: &ShardId, from: &Position) -> Result<String, Fault> {
        self.fault().await?;
        self.open(&mut self.ctl.world(), shard, from)
    }

    async fn records(&self, iterator: &str, limit: u32) -> Result<Answer, Fault> {
        self.fault().await?;
        let parts: Vec<u64> = iterator.split(':').map(|part| part.parse().expect("an iterator of ours")).collect();
        let shard = usize::try_from(parts[0]).expect("a shard");
        let first = usize::try_from(parts[1]).expect("a record");
        let answer = {
            let mut world = self.ctl.world();
            let expired = world.mix.stream.expired;
            if parts[2] < self.ctl.now() || world.chance.hit(expired) {
                return Err(Fault::Expired);
            }
            if world.stream.shards[shard].gone {
                return Err(Fault::Gone("ResourceNotFoundException".to_owned()));
            }
            self.page(&mut world, shard, first, limit)
        };
        self.ctl.gate().await;
        Ok(answer)
    }
}
