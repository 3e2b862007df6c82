//! The shards that are being read, and what each is about.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::kinesis::shard::{ReadEnd, ReadError};
use crate::pipeline::position::ShardId;

/// What a slot is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is read.
    Reading,
    /// Read to where its tip was at the start; nothing more is asked of it.
    CaughtUp,
    /// Read to its end; what is open settles.
    Ending,
    /// Another worker asks for it; what is open may settle until then.
    Closing(Instant),
}

#[derive(Debug)]
struct Slot {
    slot: u32,
    stop: CancellationToken,
    phase: Phase,
}

/// One slot a shard that is ours, and the tasks that read.
#[derive(Debug, Default)]
pub struct Slots {
    /// Readers; also those of shards that are no longer ours and have not noticed yet.
    pub tasks: JoinSet<(u32, ShardId, Result<ReadEnd, ReadError>)>,
    open: BTreeMap<ShardId, Slot>,
    next: u32,
}

impl Slots {
    /// A slot, never used before, whose reading `stop` ends.
    pub fn open(&mut self, shard: &ShardId, stop: CancellationToken) -> u32 {
        let slot = self.next;
        self.next += 1;
        self.open.insert(shard.clone(), Slot { slot, stop, phase: Phase::Reading });
        slot
    }

    /// The shard is no longer ours: its reader ends, and this was its slot.
    pub fn remove(&mut self, shard: &ShardId) -> Option<u32> {
        let slot = self.open.remove(shard)?;
        slot.stop.cancel();
        Some(slot.slot)
    }

    /// Reading of the shard ends, and what is open may settle for as long as `grace`. Gives the slot when nothing
    /// reads it: it can be closed at once.
    pub fn close(&mut self, shard: &ShardId, grace: Duration) -> Option<u32> {
        let slot = self.open.get_mut(shard)?;
        slot.stop.cancel();
        let was = std::mem::replace(&mut slot.phase, Phase::Closing(Instant::now() + grace));
        match was {
            Phase::CaughtUp => Some(slot.slot),
            // It is over in a moment, and the shard then free.
            Phase::Ending => {
                slot.phase = Phase::Ending;
                None
            }
            Phase::Reading | Phase::Closing(_) => None,
        }
    }

    /// What this slot of the shard is about; `None` when the shard has another one, or none.
    pub fn phase(&mut self, shard: &ShardId, slot: u32) -> Option<&mut Phase> {
        self.open.get_mut(shard).filter(|open| open.slot == slot).map(|open| &mut open.phase)
    }

    /// When the first shard must be given, settled or not.
    pub fn deadline(&self) -> Option<Instant> {
        self.open.values().filter_map(Slot::deadline).min()
    }

    /// Shards that must be given now, with their slots.
    pub fn take_overdue(&mut self) -> Vec<(ShardId, u32)> {
        let now = Instant::now();
        let is_overdue = |_: &ShardId, slot: &mut Slot| slot.deadline().is_some_and(|at| at <= now);
        self.open.extract_if(.., is_overdue).map(|(shard, slot)| (shard, slot.slot)).collect()
    }

    /// Whether everything that is ours has been read to its tip.
    pub fn are_caught_up(&self) -> bool {
        self.open.values().all(|slot| slot.phase == Phase::CaughtUp)
    }
}

impl Slot {
    fn deadline(&self) -> Option<Instant> {
        if let Phase::Closing(at) = self.phase { Some(at) } else { None }
    }
}
