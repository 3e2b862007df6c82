//! Documents, letters and leases on their way out, and what may happen to them there.

use essink::lease::table::{Change, LeaseTable, Row, Written};
use essink::pipeline::op::{BulkOp, Letter, RecordRef};
use essink::pipeline::ports::{Bulk, DeadLetters, KeepError, StoreError};
use essink::pipeline::verdict::{Reply, Verdict};

use super::{Entity, Port, pass};
use crate::cluster::{self, Doc, busy};
use crate::stream::latency;
use crate::world::{Late, LateCall};

fn entity(source: &RecordRef, offset: usize) -> Entity {
    (source.origin.slot, source.origin.serial, source.sub_sequence, offset)
}

impl Bulk for Port {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        let ctl = &self.0;
        ctl.gate().await;
        ctl.meet(ops.iter().map(|op| entity(&op.source, op.offset)));
        let (docs, ms) = {
            let mut world = ctl.world();
            let docs: Result<Vec<Doc>, String> = ops.iter().map(cluster::read).collect();
            let docs = docs.unwrap_or_else(|why| {
                world.break_promise(format!("a bulk request that cannot be read: {why}"));
                Vec::new()
            });
            let slow = world.mix.bulk.slow;
            let most = if world.chance.hit(slow) { 40_000 } else { 150 };
            (docs, latency(&mut world.chance, most))
        };
        pass(ms).await;
        ctl.gate().await;
        let reply = self.answer(docs);
        ctl.say(|| format!("bulk of {}: {reply:?}", ops.len()));
        ctl.gate().await;
        let ms = latency(&mut ctl.world().chance, 30);
        pass(ms).await;
        ctl.gate().await;
        reply
    }
}

impl Port {
    fn answer(&self, docs: Vec<Doc>) -> Reply {
        let now = self.0.now();
        let mut world = self.0.world();
        if let Some(reply) = world.bulk_door(&docs) {
            return reply;
        }
        let faults = world.mix.bulk.clone();
        if world.chance.hit(faults.late) {
            let at = now + world.chance.between(1, 20_000);
            world.late.push_back(Late { sent: now, at, what: LateCall::Bulk(docs) });
            return Reply::Whole(busy("time-out"));
        }
        if world.chance.hit(faults.lost) {
            let n = world.chance.choice(docs.len() + 1);
            world.apply_bulk(&docs[..n]);
            return Reply::Whole(busy("reply lost"));
        }
        let mut verdicts = world.apply_bulk(&docs);
        if world.chance.hit(faults.short) {
            verdicts.pop();
        } else if world.chance.hit(faults.long) {
            verdicts.insert(0, Verdict::Indexed);
        }
        Reply::Items(verdicts)
    }
}

impl DeadLetters for Port {
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        let ctl = &self.0;
        ctl.gate().await;
        ctl.meet(letters.iter().map(|letter| entity(&letter.source, letter.offset)));
        let (busy, lost, halts, ms) = {
            let mut world = ctl.world();
            let faults = world.mix.letters.clone();
            let most = if world.chance.hit(faults.slow) { 10_000 } else { 80 };
            let halts = world.now < world.letters.halted_until;
            (world.chance.hit(faults.busy), world.chance.hit(faults.lost), halts, latency(&mut world.chance, most))
        };
        pass(ms).await;
        ctl.gate().await;
        if halts {
            return Err(KeepError::Halt("no such bucket".to_owned()));
        }
        if busy {
            return Err(KeepError::Busy("disk full".to_owned()));
        }
        ctl.world().keep_letters(letters);
        ctl.say(|| format!("keeps {} letters", letters.len()));
        ctl.gate().await;
        if lost { Err(KeepError::Busy("answer lost".to_owned())) } else { Ok(()) }
    }
}

/// How a call to the table goes, as far as it is known when it is made.
struct Trip {
    lost: bool,
    late: bool,
}

impl Port {
    /// Gets a call to the table; what it does there is still to come.
    async fn reach(&self) -> Result<Trip, StoreError> {
        let ctl = &self.0;
        ctl.gate().await;
        let (fails, trip, ms) = {
            let mut world = ctl.world();
            let faults = world.mix.table.clone();
            let trip = Trip { lost: world.chance.hit(faults.lost), late: world.chance.hit(faults.late) };
            let most = if world.chance.hit(faults.slow) { 8_000 } else { 40 };
            (world.chance.hit(faults.fails), trip, latency(&mut world.chance, most))
        };
        // A store that is away refuses at once or says nothing for a while.
        let ms = if self.is_out() && ms % 2 == 0 { 30_000 } else { ms };
        pass(ms).await;
        ctl.gate().await;
        if self.is_out() || fails {
            return Err(StoreError::Busy("503".to_owned()));
        }
        Ok(trip)
    }

    fn is_out(&self) -> bool {
        let now = self.0.now();
        let world = self.0.world();
        let cut = world.table.cut.as_ref().is_some_and(|(who, until)| *who == self.0.name && now < *until);
        cut || now < world.table.out_until
    }

    async fn come_back<R>(&self, trip: &Trip, result: R) -> Result<R, StoreError> {
        self.0.gate().await;
        let ms = latency(&mut self.0.world().chance, 20);
        pass(ms).await;
        self.0.gate().await;
        if trip.lost { Err(StoreError::Busy("answer lost".to_owned())) } else { Ok(result) }
    }
}

impl LeaseTable for Port {
    async fn list(&self) -> Result<Vec<Row>, StoreError> {
        let trip = self.reach().await?;
        let rows = self.0.world().table.rows.values().cloned().collect();
        self.come_back(&trip, rows).await
    }

    async fn create(&self, rows: &[Row]) -> Result<(), StoreError> {
        let trip = self.reach().await?;
        let now = self.0.now();
        // One that is lost may also be cut short: rows are created in their order.
        let n = {
            let mut world = self.0.world();
            if trip.lost { world.chance.choice(rows.len() + 1) } else { rows.len() }
        };
        self.0.world().create_rows(now, &self.0.name, &rows[..n]);
        self.come_back(&trip, ()).await
    }

    async fn write(&self, changes: &[Change]) -> Result<Vec<Written>, StoreError> {
        let trip = self.reach().await?;
        let now = self.0.now();
        if trip.late {
            let at = now + self.0.world().chance.between(1, 30_000);
            let what = LateCall::Write(self.0.name.clone(), changes.to_vec());
            self.0.world().late.push_back(Late { sent: now, at, what });
            pass(100).await;
            return Err(StoreError::Busy("time-out".to_owned()));
        }
        let n = if trip.lost { self.0.world().chance.choice(changes.len() + 1) } else { changes.len() };
        let written = self.0.world().write_rows(now, now, &self.0.name, &changes[..n]);
        self.come_back(&trip, written).await
    }

    async fn remove(&self, rows: &[Row]) -> Result<(), StoreError> {
        let trip = self.reach().await?;
        let now = self.0.now();
        self.0.world().remove_rows(now, &self.0.name, rows);
        self.come_back(&trip, ()).await
    }
}
