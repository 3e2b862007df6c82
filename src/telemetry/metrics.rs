//! Counters and gauges, as `docs/metrics.md` lists them.

mod labels;
mod latency;
mod shards;
mod webhook;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(crate) use labels::Label;
pub use labels::{BulkResult, Outcome, Provider, RetryReason, ShardState, WebhookAnswer};
pub use latency::Durations;
pub use shards::{ShardMetrics, ShardSnapshot};
pub use webhook::WebhookMetrics;

use labels::{Counters, Pair};
use latency::Latency;
use shards::{ShardCollector, Shards};

/// Seconds. A bulk of 5 MB takes a healthy cluster 0.1 to 1 s and a loaded one several; what takes a minute
/// has met its timeout. The factor of about 2.5 tells these apart with few series.
const BULK_SECONDS: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Everything that is counted. Cheap to clone; counting takes no lock and looks nothing up.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    registry: Registry,
    events: Counters<Outcome>,
    records: Counter,
    record_bytes: Counter,
    bulk_requests: Counters<BulkResult>,
    bulk_seconds: Histogram,
    bulk_latency: Latency,
    bulk_body_bytes: Counter,
    bulk_items: Counter,
    retries: Counters<RetryReason>,
    dead_letters: Family<Pair, Counter>,
    /// The same once more: a family cannot be read.
    dead_letter_reasons: Mutex<BTreeMap<&'static str, u64>>,
    degraded: Counter,
    pruned_indices: Counter,
    pruned_bytes: Counter,
    bulk_limit: Gauge,
    bulk_bytes_limit: Gauge,
    in_flight: Gauge,
    memory_bound: Gauge,
    ready: Gauge,
    shards: Arc<Shards>,
}

/// All of it at one moment, for the live display and the summary line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Events created in their index.
    pub indexed: u64,
    /// Events the index had.
    pub already_there: u64,
    /// Events kept as dead letters.
    pub dead_lettered: u64,
    /// Events past retention.
    pub expired: u64,
    /// Records read.
    pub records: u64,
    /// Bytes of their data.
    pub record_bytes: u64,
    /// Bulk requests answered or given up.
    pub bulk_requests: u64,
    /// Retries of every kind.
    pub retries: u64,
    /// Bytes of records that have not settled.
    pub in_flight_bytes: u64,
    /// Most bytes that may be in flight.
    pub memory_bound_bytes: u64,
    /// Every shard held, by name.
    pub shards: Vec<ShardSnapshot>,
}

/// What the live page shows besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// Things done again, by reason; every reason is there.
    pub retries: Vec<(&'static str, u64)>,
    /// Dead letters kept, by reason; those that there were.
    pub dead_letters: Vec<(&'static str, u64)>,
    /// How long bulk requests took.
    pub bulk: Durations,
    /// Bulk requests that may be under way now.
    pub bulk_limit: u64,
    /// Documents indexed in their degraded form.
    pub degraded: u64,
}

impl Snapshot {
    /// Events that have ended, in any of the four ways.
    pub fn settled(&self) -> u64 {
        self.indexed + self.already_there + self.dead_lettered + self.expired
    }

    /// Lag of the shard furthest behind, in milliseconds; `None` while no lag is known.
    pub fn lag_millis(&self) -> Option<i64> {
        self.shards.iter().filter_map(|shard| shard.lag_millis).max()
    }

    /// Age of the oldest record that has not settled, in milliseconds.
    pub fn oldest_unsettled_millis(&self) -> Option<i64> {
        self.shards.iter().filter_map(|shard| shard.oldest_unsettled_millis).max()
    }
}

impl Metrics {
    /// Registers everything. `now` is the clock that ages are taken with: milliseconds since 1970.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let mut registry = Registry::with_prefix("essink");
        let r = &mut registry;
        build_info(r);
        let events = Counters::register(r, "events", "Events that ended, by how they ended");
        let records = counter(r, "records", "Records read from the stream");
        let record_bytes = counter(r, "record_bytes", "Bytes of the data of records read");
        let bulk_requests = Counters::register(r, "bulk_requests", "Bulk requests, by what became of them");
        let bulk_seconds = Histogram::new(BULK_SECONDS);
        r.register("bulk_duration_seconds", "Time from sending a bulk request to its answer", bulk_seconds.clone());
        let bulk_body_bytes = counter(r, "bulk_body_bytes", "Bytes of bulk requests, before compression");
        let bulk_items = counter(r, "bulk_items", "Documents sent in bulk requests, repetitions included");
        let retries = Counters::register(r, "retries", "Things done again, by reason");
        let dead_letters = Family::default();
        r.register("dead_letters", "Dead letters kept, by reason", dead_letters.clone());
        let degraded =
            counter(r, "degraded", "Documents indexed with their event as one text, because they were refused whole");
        let pruned_indices = counter(r, "pruned_indices", "Daily indices deleted because they were past retention");
        let pruned_bytes = counter(r, "pruned_bytes", "Bytes that deleting them freed");
        let bulk_limit = gauge(r, "bulk_in_flight_limit", "Bulk requests that may be under way now");
        let bulk_bytes_limit = gauge(r, "bulk_request_limit_bytes", "Size at which bulk requests are closed");
        let in_flight = gauge(r, "in_flight_bytes", "Bytes of records that were read and have not settled");
        let memory_bound = gauge(r, "memory_bound_bytes", "Most bytes that may be in flight");
        let ready = readiness(r);
        let shards = Arc::new(Shards::new(Arc::new(now)));
        r.register_collector(Box::new(ShardCollector(shards.clone())));
        let shared = Shared {
            registry,
            events,
            records,
            record_bytes,
            bulk_requests,
            bulk_seconds,
            bulk_latency: Latency::default(),
            bulk_body_bytes,
            bulk_items,
            retries,
            dead_letters,
            dead_letter_reasons: Mutex::default(),
            degraded,
            pruned_indices,
            pruned_bytes,
            bulk_limit,
            bulk_bytes_limit,
            in_flight,
            memory_bound,
            ready,
            shards,
        };
        Self { shared: Arc::new(shared) }
    }

    /// One event ended.
    pub fn event(&self, outcome: Outcome) {
        self.events(outcome, 1);
    }

    /// `count` events ended the same way.
    pub fn events(&self, outcome: Outcome, count: u64) {
        self.shared.events.of(outcome).inc_by(count);
    }

    /// One record with `bytes` bytes of data was read.
    pub fn record(&self, bytes: u64) {
        self.records(1, bytes);
    }

    /// `count` records with `bytes` bytes of data together were read.
    pub fn records(&self, count: u64, bytes: u64) {
        self.shared.records.inc_by(count);
        self.shared.record_bytes.inc_by(bytes);
    }

    /// A bulk request of `items` documents and `body_bytes` (before compression) was answered or given up after `took`.
    pub fn bulk(&self, result: BulkResult, took: Duration, body_bytes: u64, items: u64) {
        self.shared.bulk_requests.of(result).inc();
        self.shared.bulk_seconds.observe(took.as_secs_f64());
        self.shared.bulk_latency.observe(took);
        self.shared.bulk_body_bytes.inc_by(body_bytes);
        self.shared.bulk_items.inc_by(items);
    }

    /// Something is done again.
    pub fn retry(&self, reason: RetryReason) {
        self.shared.retries.of(reason).inc();
    }

    /// A dead letter was kept. `reason` is the letter's short class; being `'static`, its values are bounded by the code.
    pub fn dead_letter(&self, reason: &'static str) {
        self.shared.dead_letters.get_or_create(&[("reason", reason)]).inc();
        *self.shared.dead_letter_reasons.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }

    /// A document was indexed in its degraded form.
    pub fn degraded(&self) {
        self.shared.degraded.inc();
    }

    /// Bulk requests that may be under way now.
    pub fn bulk_limit(&self, limit: usize) {
        self.shared.bulk_limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    /// Size at which bulk requests are closed.
    pub fn bulk_bytes_limit(&self, bytes: usize) {
        self.shared.bulk_bytes_limit.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Retention deleted `indices` indices and freed `bytes`.
    pub fn pruned(&self, indices: u64, bytes: u64) {
        self.shared.pruned_indices.inc_by(indices);
        self.shared.pruned_bytes.inc_by(bytes);
    }

    /// Bytes in flight now.
    pub fn in_flight(&self, bytes: u64) {
        self.shared.in_flight.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// The most bytes that may be in flight; said once at start.
    pub fn memory_bound(&self, bytes: u64) {
        self.shared.memory_bound.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// The handle of one shard. Calls with the same name share it; its series end with the last clone.
    pub fn shard(&self, name: &str) -> ShardMetrics {
        self.shared.shards.handle(name)
    }

    /// Everything in OpenMetrics text, which Prometheus reads.
    pub fn render(&self, ready: bool) -> String {
        self.shared.ready.set(i64::from(ready));
        encode(&self.shared.registry)
    }

    /// All of it now.
    pub fn snapshot(&self) -> Snapshot {
        let Shared { events, .. } = &*self.shared;
        let bytes = |gauge: &Gauge| u64::try_from(gauge.get()).unwrap_or(0);
        Snapshot {
            indexed: events.of(Outcome::Indexed).get(),
            already_there: events.of(Outcome::AlreadyThere).get(),
            dead_lettered: events.of(Outcome::DeadLettered).get(),
            expired: events.of(Outcome::Expired).get(),
            records: self.shared.records.get(),
            record_bytes: self.shared.record_bytes.get(),
            bulk_requests: self.shared.bulk_requests.sum(),
            retries: self.shared.retries.sum(),
            in_flight_bytes: bytes(&self.shared.in_flight),
            memory_bound_bytes: bytes(&self.shared.memory_bound),
            shards: self.shared.shards.snapshot(),
        }
    }

    /// The rest of it now.
    pub fn details(&self) -> Details {
        let reason = |reason: &RetryReason| (reason.text(), self.shared.retries.of(*reason).get());
        let dead_letters = self.shared.dead_letter_reasons.lock().unwrap_or_else(PoisonError::into_inner);
        Details {
            retries: RetryReason::ALL.iter().map(reason).collect(),
            dead_letters: dead_letters.iter().map(|(reason, count)| (*reason, *count)).collect(),
            bulk: self.shared.bulk_latency.counts(),
            bulk_limit: u64::try_from(self.shared.bulk_limit.get()).unwrap_or(0),
            degraded: self.shared.degraded.get(),
        }
    }
}

/// Whatever `/metrics` shows.
pub trait Exposed: fmt::Debug + Send + Sync {
    /// All of it in OpenMetrics text, with readiness.
    fn page(&self, ready: bool) -> String;
}

impl Exposed for Metrics {
    fn page(&self, ready: bool) -> String {
        self.render(ready)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The page of a registry.
fn encode(registry: &Registry) -> String {
    let mut page = String::new();
    match text::encode(&mut page, registry) {
        Ok(()) => page,
        // Writing to a string cannot fail; a broken page must still not pass for a whole one.
        Err(fmt::Error) => String::new(),
    }
}

fn build_info(registry: &mut Registry) {
    registry.register("build", "Version of the running program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
}

fn readiness(registry: &mut Registry) -> Gauge {
    gauge(registry, "ready", "1 when ready, 0 when not; /ready has the reasons")
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

#[cfg(test)]
mod tests;
