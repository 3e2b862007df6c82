//! Gauges of the shards read now. What is stored is a time; ages are taken when somebody asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::labels::{Label, ShardState};

/// A clock: milliseconds since 1970 in UTC.
pub(super) type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// An answer older than this no longer says how far behind a shard is: a reader asks every second or
/// so, and one that is held back falls behind by a second a second.
const LAG_STALE_MILLIS: i64 = 10_000;

/// No value yet.
const NONE: i64 = i64::MIN;

/// What one shard reports. The series lives as long as the last clone of the handle.
#[derive(Clone)]
pub struct ShardMetrics {
    slot: Arc<Slot>,
    shards: Arc<Shards>,
}

struct Slot {
    behind_millis: AtomicI64,
    behind_at: AtomicI64,
    checkpoint_at: AtomicI64,
    oldest_unsettled_at: AtomicI64,
    state: AtomicUsize,
}

impl Default for Slot {
    fn default() -> Self {
        let none = || AtomicI64::new(NONE);
        Self {
            behind_millis: none(),
            behind_at: none(),
            checkpoint_at: none(),
            oldest_unsettled_at: none(),
            state: AtomicUsize::new(ShardState::Waiting.index()),
        }
    }
}

impl ShardMetrics {
    /// Kinesis' `MillisBehindLatest` of the answer that came just now; `None` when it is not known.
    pub fn lag(&self, behind_millis: Option<i64>) {
        self.slot.behind_at.store((self.shards.now)(), Relaxed);
        self.slot.behind_millis.store(behind_millis.unwrap_or(NONE), Relaxed);
    }

    /// When the shard's position was last stored, in milliseconds since 1970.
    pub fn checkpoint_at(&self, millis: i64) {
        self.slot.checkpoint_at.store(millis, Relaxed);
        self.shards.checkpoint_at.fetch_max(millis, Relaxed);
    }

    /// Kinesis arrival of the oldest record that has not settled, in milliseconds since 1970; `None` when all have.
    pub fn oldest_unsettled(&self, arrived_millis: Option<i64>) {
        self.slot.oldest_unsettled_at.store(arrived_millis.unwrap_or(NONE), Relaxed);
    }

    /// What the reader is doing; `Waiting` until told otherwise.
    pub fn state(&self, state: ShardState) {
        self.slot.state.store(state.index(), Relaxed);
    }
}

impl fmt::Debug for ShardMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardMetrics").finish_non_exhaustive()
    }
}

/// One shard at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardSnapshot {
    /// Name of the shard.
    pub name: String,
    /// What its reader is doing.
    pub state: ShardState,
    /// How far behind the newest record of the shard, in milliseconds.
    pub lag_millis: Option<i64>,
    /// Age of the oldest record that has not settled, in milliseconds.
    pub oldest_unsettled_millis: Option<i64>,
    /// Time since its position was last stored, in milliseconds.
    pub checkpoint_age_millis: Option<i64>,
}

/// Every shard that somebody holds a handle to.
pub(super) struct Shards {
    now: Now,
    slots: Mutex<BTreeMap<String, Weak<Slot>>>,
    checkpoint_at: AtomicI64,
}

impl Shards {
    pub(super) fn new(now: Now) -> Self {
        Self { now, slots: Mutex::default(), checkpoint_at: AtomicI64::new(NONE) }
    }

    /// The handle of the shard with this name: the one in use, or a new one.
    pub(super) fn handle(self: &Arc<Self>, name: &str) -> ShardMetrics {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| slot.strong_count() > 0);
        let slot = slots.get(name).and_then(Weak::upgrade).unwrap_or_default();
        slots.insert(name.to_owned(), Arc::downgrade(&slot));
        ShardMetrics { slot, shards: self.clone() }
    }

    /// Every shard now, by name.
    pub(super) fn snapshot(&self) -> Vec<ShardSnapshot> {
        let now = (self.now)();
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.iter().filter_map(|(name, slot)| Some(read(name, &*slot.upgrade()?, now))).collect()
    }

    /// Time since any position was stored, in milliseconds.
    pub(super) fn checkpoint_age_millis(&self) -> Option<i64> {
        age(&self.checkpoint_at, (self.now)())
    }
}

fn read(name: &str, slot: &Slot, now: i64) -> ShardSnapshot {
    ShardSnapshot {
        name: name.to_owned(),
        state: ShardState::ALL[slot.state.load(Relaxed)],
        lag_millis: lag(slot, now),
        oldest_unsettled_millis: age(&slot.oldest_unsettled_at, now),
        checkpoint_age_millis: age(&slot.checkpoint_at, now),
    }
}

fn lag(slot: &Slot, now: i64) -> Option<i64> {
    let behind = Some(slot.behind_millis.load(Relaxed)).filter(|&behind| behind != NONE)?;
    let silent = age(&slot.behind_at, now).unwrap_or(0);
    Some(behind + if silent > LAG_STALE_MILLIS { silent } else { 0 })
}

/// Clocks of two machines differ: a time that lies ahead is an age of zero.
fn age(at: &AtomicI64, now: i64) -> Option<i64> {
    let at = at.load(Relaxed);
    (at != NONE).then(|| now.saturating_sub(at).max(0))
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").finish_non_exhaustive()
    }
}

/// The same at each scrape, as series.
#[derive(Debug)]
pub(super) struct ShardCollector(pub(super) Arc<Shards>);

impl Collector for ShardCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let shards = self.0.snapshot();
        per_shard(&mut encoder, &shards, "shard_lag_seconds", "Time behind the newest record of the shard", |s| {
            s.lag_millis
        })?;
        per_shard(
            &mut encoder,
            &shards,
            "shard_oldest_unsettled_age_seconds",
            "Age, since Kinesis received it, of the shard's oldest record that has not settled",
            |s| s.oldest_unsettled_millis,
        )?;
        per_shard(
            &mut encoder,
            &shards,
            "shard_checkpoint_age_seconds",
            "Time since the shard's position was last stored",
            |s| s.checkpoint_age_millis,
        )?;
        by_state(&mut encoder, &shards)?;
        let lag = shards.iter().filter_map(|s| s.lag_millis).max();
        overall(&mut encoder, "lag_seconds", "Time behind, of the shard furthest behind", lag)?;
        let oldest = shards.iter().filter_map(|s| s.oldest_unsettled_millis).max();
        overall(&mut encoder, "oldest_unsettled_age_seconds", "Age of the oldest record that has not settled", oldest)?;
        let checkpoint = self.0.checkpoint_age_millis();
        overall(&mut encoder, "checkpoint_age_seconds", "Time since any position was last stored", checkpoint)
    }
}

fn per_shard(
    encoder: &mut DescriptorEncoder<'_>,
    shards: &[ShardSnapshot],
    name: &str,
    help: &str,
    millis: impl Fn(&ShardSnapshot) -> Option<i64>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, &format!("{help}."), None, MetricType::Gauge)?;
    for shard in shards {
        if let Some(millis) = millis(shard) {
            family.encode_family(&[("shard", shard.name.as_str())])?.encode_gauge(&seconds(millis))?;
        }
    }
    Ok(())
}

fn by_state(encoder: &mut DescriptorEncoder<'_>, shards: &[ShardSnapshot]) -> fmt::Result {
    let mut family = encoder.encode_descriptor("shards", "Shards this worker holds.", None, MetricType::Gauge)?;
    for state in ShardState::ALL {
        let count = shards.iter().filter(|shard| shard.state == *state).count();
        family.encode_family(&[(ShardState::KEY, state.text())])?.encode_gauge(&(count as u64))?;
    }
    Ok(())
}

fn overall(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, millis: Option<i64>) -> fmt::Result {
    let mut gauge = encoder.encode_descriptor(name, &format!("{help}."), None, MetricType::Gauge)?;
    millis.map_or(Ok(()), |millis| gauge.encode_gauge(&seconds(millis)))
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
