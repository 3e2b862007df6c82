//! The loop in a seeded world: faults at random, and the contract as the oracle.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use tokio::sync::Semaphore;

use super::*;
use crate::event::id::EventId;
use crate::pipeline::op::RecordRef;
use crate::pipeline::op::tests::{op, record};
use crate::pipeline::ports::KeepError;
use crate::pipeline::verdict::{Refusal, Reply, Verdict};

const SHARDS: u32 = 3;

/// The outside world: an index, a heap of letters, a store of positions, and bad luck.
#[derive(Default)]
struct World {
    luck: u64,
    index: HashSet<EventId>,
    letters: HashSet<EventId>,
    /// By shard and serial: ops that have not ended.
    left: HashMap<ShardId, BTreeMap<u64, u32>>,
    stored: BTreeMap<ShardId, Position>,
    n_created: usize,
}

impl World {
    fn chance(&mut self, of: u64) -> u64 {
        self.luck = self.luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.luck >> 33) % of
    }

    fn write(&mut self, op: &BulkOp) -> Verdict {
        match self.chance(10) {
            0 => Verdict::Busy("429".into()),
            1 | 2 if !self.index.contains(&op.id) => Verdict::Refused(Refusal {
                kind: "mapping".into(),
                reason: "mapping".into(),
                for_want_of_fields: false,
            }),
            3 => Verdict::Blocked { index: Some(op.index.to_string()), reason: "flood stage".into() },
            _ if self.index.insert(op.id) => {
                self.n_created += 1;
                Verdict::Indexed
            }
            _ => Verdict::AlreadyThere,
        }
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.0.lock().expect("lock")
    }
}

impl Bulk for Shared {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        let pause = self.world().chance(500);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let mut world = self.world();
        match world.chance(12) {
            0 => return Reply::Whole(Verdict::Busy("connection refused".into())),
            1 if ops.len() > 3 => return Reply::Whole(Verdict::TooLarge("413".into())),
            _ => {}
        }
        let verdicts: Vec<_> = ops.iter().map(|op| world.write(op)).collect();
        match world.chance(12) {
            // Applied, but the reply is lost or cut: nothing may settle by it.
            0 => Reply::Whole(Verdict::Busy("reset".into())),
            1 => Reply::Items(verdicts[1..].to_vec()),
            _ => Reply::Items(verdicts),
        }
    }
}

impl DeadLetters for Shared {
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        let mut world = self.world();
        if world.chance(4) == 0 {
            return Err(KeepError::Busy("disk full".into()));
        }
        world.letters.extend(letters.iter().filter_map(|l| l.id));
        Ok(())
    }
}

impl Positions for Shared {
    async fn store(&self, positions: &[(ShardId, Position)]) -> Result<Vec<ShardId>, StoreError> {
        let pause = self.world().chance(3000);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let mut world = self.world();
        if world.chance(3) == 0 {
            return Err(StoreError::Busy("429".into()));
        }
        for (shard, position) in positions {
            let open = world.left.get(shard).and_then(|left| left.keys().next().copied());
            let passes = match (position, open) {
                (_, None) => false,
                (Position::After(at), Some(open)) => *at >= *record(0, open).sequence,
                (_, Some(_)) => true,
            };
            assert!(!passes, "{position:?} of {shard} passes record {open:?}, which has not ended");
            world.stored.insert(shard.clone(), position.clone());
        }
        Ok(Vec::new())
    }
}

/// A record of each shard in turn, with up to three ops and up to two letters; records without any among them.
fn entries(world: &Shared, memory: &Arc<Semaphore>, n_records: u64) -> Vec<Entry> {
    let mut all = Vec::new();
    for serial in 0..n_records {
        for slot in 0..SHARDS {
            let record = record(slot, serial);
            let n_ops = world.world().chance(4);
            let id = |n: u64| (u64::from(slot) << 32) + serial * 20 + n;
            let ops: Vec<_> = (0..n_ops).map(|n| op(record.clone(), id(n), 0)).collect();
            let n_letters = world.world().chance(9).saturating_sub(6);
            let letters = (0..n_letters).map(|n| poison(&record, id(10 + n))).collect();
            let permit = memory.clone().try_acquire_owned().expect("room");
            all.push(Entry { record, ops, letters, expired: 0, permit });
        }
    }
    all
}

fn poison(record: &RecordRef, n: u64) -> Letter {
    let source = record.clone();
    let (detail, bytes) = (String::new(), n.to_be_bytes().to_vec().into());
    Letter {
        reason: "not_json",
        detail,
        index: None,
        id: Some(EventId::of(&n.to_be_bytes(), None)),
        offset: 0,
        bytes,
        source,
    }
}

fn settings(seed: u64) -> Settings {
    Settings {
        batch: BatchLimits { bytes: 600, count: 6, interval: Duration::from_millis(700) },
        in_flight: 3,
        breaker: BreakerLimits { share: None, count: 1 },
        oldest_kept: OldestKept::default(),
        backoff: Backoff { first: Duration::from_millis(50), cap: Duration::from_secs(2) },
        store_every: Duration::from_secs(1),
        seed,
    }
}

fn shard(slot: u32) -> ShardId {
    record(slot, 0).shard
}

async fn round(seed: u64, give_up_after: Option<Duration>) -> (Shared, Result<(), RunError>, usize, usize) {
    let world = Shared::default();
    world.world().luck = seed;
    let memory = Arc::new(Semaphore::new(10_000));
    let all = entries(&world, &memory, 40);
    let mut n_ops = 0;
    for entry in &all {
        let mut world = world.world();
        let left = world.left.entry(entry.record.shard.clone()).or_default();
        let n = entry.ops.len() + entry.letters.len();
        if n > 0 {
            left.insert(entry.record.origin.serial, u32::try_from(n).expect("few"));
        }
        n_ops += n;
    }
    let (send, intake) = mpsc::channel(4);
    let (ended, mut seen_ended) = mpsc::unbounded_channel();
    let give_up = CancellationToken::new();
    let ports = Ports {
        bulk: Settling(world.clone()),
        dead_letters: Settling(world.clone()),
        positions: world.clone(),
        observer: (),
    };
    let days = DayGuard::new(10, []);
    let task = tokio::spawn(run(ports, settings(seed), days, intake, ended, give_up.clone()));
    if let Some(after) = give_up_after {
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            give_up.cancel();
        });
    }
    for slot in 0..SHARDS {
        send.send(Intake::Open { slot, shard: shard(slot) }).await.ok();
    }
    for entry in all {
        send.send(Intake::Entries(vec![entry])).await.ok();
    }
    for slot in 0..SHARDS {
        send.send(Intake::End { slot }).await.ok();
    }
    drop(send);
    let result = task.await.expect("no panic");
    let mut n_ended = 0;
    while seen_ended.try_recv().is_ok() {
        n_ended += 1;
    }
    assert!(result.is_err() || memory.available_permits() == 10_000, "every permit comes back");
    (world, result, n_ops, n_ended)
}

/// The world's ports, which also strike an op off once the world has it for good: in the index or as a
/// letter. The ledger hears of that later, or never; what is stored must not be ahead of it.
#[derive(Clone)]
struct Settling(Shared);

impl Settling {
    fn strike(&self, record: &RecordRef) {
        let mut world = self.0.world();
        let left = world.left.get_mut(&record.shard).expect("a shard");
        if let Some(n) = left.get_mut(&record.origin.serial) {
            *n -= 1;
            if *n == 0 {
                left.remove(&record.origin.serial);
            }
        }
    }
}

impl Bulk for Settling {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        let before: Vec<bool> = ops.iter().map(|op| self.0.world().index.contains(&op.id)).collect();
        let reply = self.0.send(ops).await;
        for (op, was) in ops.iter().zip(before) {
            if !was && self.0.world().index.contains(&op.id) {
                self.strike(&op.source);
            }
        }
        reply
    }
}

impl DeadLetters for Settling {
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        self.0.keep(letters).await?;
        letters.iter().for_each(|letter| self.strike(&letter.source));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_every_op_ends_once_and_no_position_passes_it() {
    for seed in 0..200 {
        let (world, result, n_ops, n_ended) = round(seed, None).await;
        result.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let world = world.world();
        assert_eq!(world.index.len() + world.letters.len(), n_ops, "seed {seed}: lost or invented");
        assert!(world.index.is_disjoint(&world.letters), "seed {seed}: ended twice");
        assert_eq!(world.n_created, world.index.len(), "seed {seed}: created twice");
        assert_eq!(n_ended, SHARDS as usize, "seed {seed}");
        let ends: Vec<_> = (0..SHARDS).map(|slot| world.stored.get(&shard(slot)).cloned()).collect();
        assert_eq!(ends, vec![Some(Position::End); SHARDS as usize], "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn told_to_give_up_it_stores_what_is_safe_and_says_that_it_is_not_done() {
    let mut n_unfinished = 0;
    for seed in 0..50 {
        let (_, result, ..) = round(seed, Some(Duration::from_millis(1500))).await;
        n_unfinished += usize::from(matches!(result, Err(RunError::Unfinished { .. })));
    }
    assert!(n_unfinished > 40, "{n_unfinished} of 50 rounds were cut short");
}

/// Stores at once, and counts how often.
struct Counting(Arc<Mutex<usize>>);

impl Positions for Counting {
    async fn store(&self, _: &[(ShardId, Position)]) -> Result<Vec<ShardId>, StoreError> {
        *self.0.lock().expect("lock") += 1;
        Ok(Vec::new())
    }
}

struct Takes;

impl Bulk for Takes {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        Reply::Items(vec![Verdict::Indexed; ops.len()])
    }
}

impl DeadLetters for Takes {
    async fn keep(&self, _: &[Letter]) -> Result<(), KeepError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn positions_are_stored_as_often_as_asked_and_not_with_every_batch() {
    let (count, memory) = (Arc::new(Mutex::new(0)), Arc::new(Semaphore::new(1_000)));
    let (send, intake) = mpsc::channel(4);
    let (ended, _) = mpsc::unbounded_channel();
    let ports = Ports { bulk: Takes, dead_letters: Takes, positions: Counting(count.clone()), observer: () };
    let batch = BatchLimits { bytes: 600, count: 1, interval: Duration::from_millis(100) };
    let settings = Settings { batch, store_every: Duration::from_secs(5), ..settings(1) };
    let task = tokio::spawn(run(ports, settings, DayGuard::new(10, []), intake, ended, CancellationToken::new()));
    send.send(Intake::Open { slot: 0, shard: shard(0) }).await.expect("taken");
    for serial in 0..200 {
        let record = record(0, serial);
        let ops = vec![op(record.clone(), serial, 0)];
        let permit = memory.clone().try_acquire_owned().expect("room");
        let entry = Entry { record, ops, letters: Vec::new(), expired: 0, permit };
        send.send(Intake::Entries(vec![entry])).await.expect("taken");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(send);
    task.await.expect("no panic").expect("done");
    // 20 s: at 5, 10, 15 and perhaps 20 s, and once at the end.
    let n_stores = *count.lock().expect("lock");
    assert!((4..=6).contains(&n_stores), "{n_stores} stores in 20 s at one every 5 s");
}

/// An index behind a block, beside one that is open, as `index` names them.
#[derive(Clone)]
struct HalfBlocked {
    blocked: Arc<Mutex<bool>>,
    sent: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Bulk for HalfBlocked {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let is_blocked = *self.blocked.lock().expect("lock");
        let mut sent = self.sent.lock().expect("lock");
        let verdict = |op: &BulkOp| {
            if is_blocked && &*op.index == "blocked" {
                return Verdict::Blocked { index: Some("blocked".into()), reason: "flood stage".into() };
            }
            sent.push((op.index.to_string(), op.source.origin.serial));
            Verdict::Indexed
        };
        Reply::Items(ops.iter().map(verdict).collect())
    }
}

/// Told when an index becomes blocked and when it is over.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

struct Over(Told);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.0.lock().expect("lock").push("over".into());
    }
}

impl Observer for Told {
    type HeldUp = Over;

    fn blocked(&self, index: &str, why: &str) -> Over {
        self.0.lock().expect("lock").push(format!("{index}: {why}"));
        Over(self.clone())
    }

    fn held_up(&self, why: &str) -> Over {
        self.0.lock().expect("lock").push(why.to_owned());
        Over(self.clone())
    }
}

/// logstash-output-opensearch 180: one read-only index stalls the whole pipeline.
#[tokio::test(start_paused = true)]
async fn a_blocked_index_holds_up_no_other_and_goes_on_by_itself_when_the_block_is_lifted() {
    let bulk = HalfBlocked { blocked: Arc::new(Mutex::new(true)), sent: Arc::default() };
    let (told, memory) = (Told::default(), Arc::new(Semaphore::new(1_000)));
    let (send, intake) = mpsc::channel(4);
    let (ended, _) = mpsc::unbounded_channel();
    let ports =
        Ports { bulk: bulk.clone(), dead_letters: Takes, positions: Counting(Arc::default()), observer: told.clone() };
    let task = tokio::spawn(run(ports, settings(1), DayGuard::new(10, []), intake, ended, CancellationToken::new()));
    send.send(Intake::Open { slot: 0, shard: shard(0) }).await.expect("taken");
    for serial in 0..100 {
        let record = record(0, serial);
        let mut one = op(record.clone(), serial, 0);
        one.index = if serial % 2 == 0 { "open" } else { "blocked" }.into();
        let permit = memory.clone().try_acquire_owned().expect("room");
        send.send(Intake::Entries(vec![Entry { record, ops: vec![one], letters: vec![], expired: 0, permit }]))
            .await
            .expect("taken");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let serials = |index: &str| {
        let sent = bulk.sent.lock().expect("lock");
        let mut serials: Vec<u64> = sent.iter().filter(|(of, _)| of == index).map(|(_, serial)| *serial).collect();
        serials.sort_unstable();
        serials
    };
    assert_eq!(serials("open"), (0..100).step_by(2).collect::<Vec<_>>());
    assert_eq!(*told.0.lock().expect("lock"), ["blocked: flood stage"], "said once");
    // The readers have gone meanwhile; what is parked is still waited for.
    drop(send);
    tokio::time::sleep(Duration::from_secs(60)).await;
    *bulk.blocked.lock().expect("lock") = false;
    tokio::time::timeout(Duration::from_secs(10), task).await.expect("goes on").expect("no panic").expect("done");
    assert_eq!(serials("blocked"), (1..100).step_by(2).collect::<Vec<_>>());
    assert_eq!(*told.0.lock().expect("lock"), ["blocked: flood stage", "over"]);
    assert_eq!(memory.available_permits(), 1_000);
}

/// Takes everything, and keeps what it took.
#[derive(Clone, Default)]
struct Keeps(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    indices: Vec<String>,
    letters: Vec<Letter>,
}

impl Bulk for Keeps {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        self.0.lock().expect("lock").indices.extend(ops.iter().map(|op| op.index.to_string()));
        Takes.send(ops).await
    }
}

impl DeadLetters for Keeps {
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        self.0.lock().expect("lock").letters.extend(letters.iter().cloned());
        Ok(())
    }
}

/// Events of more new days than `--max-days` in an hour: the first days get theirs, the others are letters.
#[tokio::test(start_paused = true)]
async fn events_of_too_many_new_days_are_dead_lettered_and_those_of_existing_ones_are_not() {
    let (kept, memory) = (Keeps::default(), Arc::new(Semaphore::new(1_000)));
    let (send, intake) = mpsc::channel(4);
    let (ended, mut has_ended) = mpsc::unbounded_channel();
    let stores = Arc::new(Mutex::new(0));
    let ports =
        Ports { bulk: kept.clone(), dead_letters: kept.clone(), positions: Counting(stores.clone()), observer: () };
    let days = DayGuard::new(2, ["i-2020-01-01".into(), "i-2020-01-02".into()]);
    let task = tokio::spawn(run(ports, settings(1), days, intake, ended, CancellationToken::new()));
    send.send(Intake::Open { slot: 0, shard: shard(0) }).await.expect("taken");
    let put = async |serial: u64, day: &str| {
        let record = record(0, serial);
        let ops = vec![BulkOp { index: format!("i-2020-01-{day}").into(), ..op(record.clone(), serial, 0) }];
        let permit = memory.clone().try_acquire_owned().expect("room");
        let entry = Entry { record, ops, letters: Vec::new(), expired: 0, permit };
        send.send(Intake::Entries(vec![entry])).await.expect("taken");
    };
    for (serial, day) in (0..).zip(["01", "03", "02", "04", "05", "03", "01", "06"]) {
        put(serial, day).await;
    }
    // In the next hour there is room for two more.
    tokio::time::sleep(Duration::from_secs(3_601)).await;
    put(8, "05").await;
    send.send(Intake::End { slot: 0 }).await.expect("taken");
    drop(send);
    task.await.expect("no panic").expect("done");

    let kept = kept.0.lock().expect("lock");
    let indices: Vec<_> = kept.indices.iter().map(|index| index.trim_start_matches("i-2020-01-")).collect();
    assert_eq!(indices, ["01", "03", "02", "04", "03", "01", "05"]);
    let letters: Vec<_> = kept.letters.iter().map(|l| (l.reason, l.index.as_deref(), l.source.origin.serial)).collect();
    let refused = |day, serial| ("too_many_days", Some(day), serial);
    assert_eq!(letters, [refused("i-2020-01-05", 4), refused("i-2020-01-06", 7)]);
    assert!(kept.letters.iter().all(|l| l.detail.contains("--max-days") && l.id.is_some() && l.bytes == "{}"));
    assert!(has_ended.try_recv().is_ok(), "the letters have settled their records");
    assert_eq!(memory.available_permits(), 1_000);
}
