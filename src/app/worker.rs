//! `essink run`: everything from the first connection to the exit code.

pub(super) mod side;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::side::{Side, sample_memory, watch_signals};

use super::clock;
use super::connect;
use super::exit::Failure;
use super::intake::{Decoding, Memory};
use super::observe::Watch;
use super::page::{Beyond, Place};
use super::retain::Retainer;
use super::stores::{self, Letters, Places, Table, Whose};
use super::work::{Outside, Plan, work};
use crate::config::{self, BatchOptions, EventOptions, RunOptions, StreamName, StreamOptions};
use crate::event::clock::ClockBounds;
use crate::event::redact::Redaction;
use crate::event::scan::ScanLimits;
use crate::event::time::Millis;
use crate::event::unwrap::Rules;
use crate::kinesis::client::{Access, AccessError, Kinesis, Stream};
use crate::kinesis::lineage::{self, Shard};
use crate::kinesis::shard::{PAGE_BYTES_MAX, ReadLimits, Reading, Tip};
use crate::kinesis::source::Live;
use crate::lease::keeper::Terms;
use crate::opensearch::bulk::BulkClient;
use crate::opensearch::client::Client;
use crate::pipeline::batch::BatchLimits;
use crate::pipeline::breaker::BreakerLimits;
use crate::pipeline::days::DayGuard;
use crate::pipeline::pauses::Backoff;
use crate::pipeline::position::{Position, ShardId};
use crate::pipeline::route::OldestKept;
use crate::pipeline::run::Settings;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::screen::Screen;

/// Keys in one event, over all its objects. Pinpoint's own limits allow some 1,500.
const MAX_KEYS: usize = 10_000;

/// Values in one record. Small events of ten bytes in a full record of 1 MiB are about this many.
const MAX_VALUES: usize = 100_000;

/// A cluster that is busy is asked again after 200 ms at first and 30 s at most.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), cap: Duration::from_secs(30) };

/// Empty answers in a row that mean the tip.
const QUIET: u32 = 3;

/// What a worker has besides its options.
struct Worker {
    options: RunOptions,
    client: Client,
    kinesis: Kinesis,
    stream: Stream,
    metrics: Metrics,
    health: Health,
    beyond: Beyond,
    memory: Memory,
    oldest_kept: OldestKept,
    stop: CancellationToken,
}

/// What a worker begins with.
struct Start {
    table: Table,
    letters: Letters,
    /// Where the shards begin that exist when the group is born.
    from: Position,
    shards: Vec<Shard>,
    days: DayGuard,
    /// Where catching up ends.
    tip: Tip,
}

/// Runs until told to stop, until caught up, or until something is wrong that waiting does not mend.
pub async fn run(options: RunOptions, screen: Screen) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let give_up = CancellationToken::new();
    watch_signals(stop.clone(), give_up.clone(), options.grace).map_err(Failure::bug)?;
    let (health, metrics) = (Health::starting(), Metrics::new(|| clock::now().0));
    let beyond = Beyond::new(&options);
    let side = Side::start(&options, &screen, &metrics, &health, beyond.clone()).await?;
    let until_caught_up = options.stream.until_caught_up;
    let prepared = async {
        let worker = Box::pin(Worker::connect(options, metrics, health, beyond, stop.clone())).await?;
        let start = Box::pin(worker.prepare()).await?;
        Ok((worker, start))
    };
    let result = match stop.run_until_cancelled(prepared).await {
        Some(Ok((worker, start))) => worker.work(start, give_up).await,
        Some(Err(failure)) => Err(failure),
        // A signal during the start: nothing is in flight yet.
        None if until_caught_up => Err(Failure::unfinished(anyhow::anyhow!("stopped before anything was read"))),
        None => Ok(()),
    };
    stop.cancel();
    side.finish().await;
    result
}

/// The service and the stream, or what is wrong with either.
pub(super) async fn open_stream(
    stream: &StreamName,
    region: Option<&str>,
    endpoint: Option<&str>,
) -> Result<(Kinesis, Stream), AccessError> {
    let StreamName { name, arn, region: of_stream } = stream;
    let access = Access {
        region: region.map(str::to_owned).or_else(|| of_stream.clone()),
        endpoint: endpoint.map(str::to_owned),
        ..Access::default()
    };
    let kinesis = Kinesis::connect(&access).await?;
    let stream = kinesis.stream(arn.as_ref().unwrap_or(name)).await?;
    Ok((kinesis, stream))
}

impl Worker {
    /// The cluster with its templates, and the stream.
    async fn connect(
        options: RunOptions,
        metrics: Metrics,
        health: Health,
        beyond: Beyond,
        stop: CancellationToken,
    ) -> Result<Self, Failure> {
        let client = connect::cluster_that_keeps_ids(&options.cluster).await?;
        let StreamOptions { stream, region, endpoint_url, .. } = &options.stream;
        let opened = open_stream(stream, region.as_deref(), endpoint_url.as_deref()).await;
        let (kinesis, stream) = opened.map_err(Failure::unavailable)?;
        super::commands::ensure_templates(&client, &options.names, options.templates.as_ref()).await?;
        let memory = Memory::new(options.batch.memory);
        metrics.memory_bound(memory.bound());
        metrics.bulk_bytes_limit(usize::try_from(options.batch.flush_bytes).unwrap_or(usize::MAX));
        let oldest_kept = OldestKept::default();
        Ok(Self { options, client, kinesis, stream, metrics, health, beyond, memory, oldest_kept, stop })
    }

    /// Everything else that must be in place before the first record is read.
    async fn prepare(&self) -> Result<Start, Failure> {
        let at = clock::now();
        let tip = Tip { started: at, began: Instant::now(), quiet: QUIET };
        let from = self.first_position(at)?;
        let table = stores::leases(&self.options, &self.client, &self.stream.arn, &from).await?;
        let letters = stores::letters(
            &self.options.dead_letters,
            &self.options.names.dead_letter_prefix,
            &self.client,
            &self.stream.arn,
        )
        .await?;
        // In this order: a shard that closes in between is no false alarm.
        let stored = stores::positions(&table).await?;
        let shards = self.kinesis.shards(&self.stream).await.map_err(Failure::unavailable)?;
        self.refuse_another_stream(&lineage::reborn(&shards, &stored))?;
        let known = stores::existing_indices(&self.client, &self.options.names.families).await;
        let days = DayGuard::new(self.options.events.max_days, known);
        if let Some(retainer) = self.retainer() {
            // Before anything is read: a run that only catches up is over before it could prune beside its work.
            let pruned_on = retainer.begin(at.day()).await;
            tokio::spawn(retainer.run(pruned_on, self.stop.clone()).boxed());
        }
        self.say_bounds();
        Ok(Start { table, letters, from, shards, days, tip })
    }

    /// Positions of a stream that was deleted would make shards of its namesake look as if they had been read.
    fn refuse_another_stream(&self, reborn: &[ShardId]) -> Result<(), Failure> {
        let Some(shard) = reborn.first() else { return Ok(()) };
        Err(Failure::unavailable(anyhow::anyhow!(
            "shard {shard} of stream {} is stored as read to its end, and takes records: the stream was deleted and made \
             anew, and its old positions are worthless; start with another --group",
            self.stream.name
        )))
    }

    async fn work(self, start: Start, give_up: CancellationToken) -> Result<(), Failure> {
        tokio::spawn(sample_memory(self.memory.clone(), self.metrics.clone(), self.stop.clone()).boxed());
        let reading = self.reading(start.tip);
        let terms = Terms { worker: stores::worker_name(), failover: self.options.lease_timeout };
        self.beyond.connected(Place {
            state: self.options.state.clone(),
            whose: Whose {
                stream: self.stream.arn.clone(),
                group: self.options.stream.group.clone(),
                begin: start.from.clone(),
            },
            client: self.client.clone(),
            worker: terms.worker.clone(),
        });
        self.metrics.worker(&terms.worker, &self.stream.arn, &self.options.stream.group);
        tracing::info!(lease.worker = terms.worker, "this worker's name in the table of leases");
        let outside = Outside {
            source: Live { kinesis: self.kinesis.clone(), stream: self.stream.clone() },
            table: start.table,
            positions: Places::Leases,
            bulk: BulkClient::new(self.client.clone(), self.options.batch.gzip),
            dead_letters: start.letters,
            observer: Watch::new(self.metrics.clone(), self.health.clone()),
        };
        let plan = Plan {
            terms,
            from: start.from,
            shards: start.shards,
            days: start.days,
            settings: self.settings(),
            reading,
            decoding: self.decoding(),
            grace: self.options.grace,
        };
        let done = work(outside, plan, self.health.clone(), give_up).await;
        self.metrics.in_flight(self.memory.used());
        done
    }

    /// Where the shards begin that exist when the group is born; for "latest", now, so that a restart before the
    /// first record loses nothing.
    fn first_position(&self, now: Millis) -> Result<Position, Failure> {
        match self.options.stream.start {
            config::Start::TrimHorizon => Ok(Position::TrimHorizon),
            config::Start::Latest => Ok(Position::At(now)),
            config::Start::At(time) if time <= now => Ok(Position::At(time)),
            config::Start::At(time) => {
                let why = format!("--start {} lies in the future: give a time before now", time.rfc3339());
                Err(Failure::usage(anyhow::Error::msg(why)))
            }
        }
    }

    fn retainer(&self) -> Option<Retainer> {
        let retention = self.options.retention.as_ref()?;
        Some(Retainer {
            client: self.client.clone(),
            options: super::commands::prune_options(&self.options.names, retention),
            keep_days: retention.keep.days(),
            oldest_kept: self.oldest_kept.clone(),
            metrics: self.metrics.clone(),
            health: self.health.clone(),
        })
    }

    fn settings(&self) -> Settings {
        settings(&self.options.batch, self.options.checkpoint_interval, self.oldest_kept.clone())
    }

    fn reading(&self, tip: Tip) -> Reading {
        let options = &self.options.stream;
        Reading {
            limits: ReadLimits { idle_poll: options.poll_interval, seed: clock::chance(), ..ReadLimits::default() },
            slots: Arc::new(Semaphore::new(options.fetches)),
            stop: self.stop.clone(),
            until: options.until_caught_up.then_some(tip),
        }
    }

    fn decoding(&self) -> Decoding {
        Decoding {
            rules: rules(&self.options.events),
            prefixes: self.options.names.families.clone(),
            oldest_kept: self.oldest_kept.clone(),
            memory: self.memory.clone(),
            metrics: self.metrics.clone(),
            health: self.health.clone(),
        }
    }

    /// The memory bound and what it is made of.
    fn say_bounds(&self) {
        let RunOptions { batch, stream, events, .. } = &self.options;
        let in_flight = self.memory.bound();
        let pages = stream.fetches as u64 * PAGE_BYTES_MAX as u64;
        // A record is inflated, and its events are written beside it, before the room for them is asked for.
        let decoding = stream.fetches as u64 * 2 * events.max_inflated;
        let bodies = (batch.in_flight as u64 + 1) * batch.flush_bytes;
        tracing::info!(
            memory.bytes = in_flight + pages + decoding + bodies,
            memory.records.bytes = in_flight,
            memory.pages.bytes = pages,
            memory.decoding.bytes = decoding,
            memory.bodies.bytes = bodies,
            "memory is bounded: --memory for records that have not ended, {} pages being fetched and decoded \
             (--fetches, --max-inflated), {} bulk bodies (--in-flight, --flush-bytes)",
            stream.fetches,
            batch.in_flight + 1,
        );
    }
}

/// Limits and rules of unwrapping.
pub(super) fn rules(events: &EventOptions) -> Rules {
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let key = events.redact_key.as_ref().map(|key| key.expose().as_bytes());
    Rules {
        scan: ScanLimits { depth: events.max_depth, keys: MAX_KEYS },
        inflated: usize::try_from(events.max_inflated).unwrap_or(usize::MAX),
        values: MAX_VALUES,
        clock: ClockBounds { lag: millis(events.max_clock_lag), lead: millis(events.max_clock_lead) },
        redaction: (!events.redact.is_empty()).then(|| Arc::new(Redaction::new(events.redact.clone(), key))),
    }
}

/// Numbers of the pipeline.
pub(super) fn settings(batch: &BatchOptions, store_every: Duration, oldest_kept: OldestKept) -> Settings {
    Settings {
        batch: BatchLimits {
            bytes: usize::try_from(batch.flush_bytes).unwrap_or(usize::MAX),
            count: batch.flush_count,
            interval: batch.flush_interval,
        },
        in_flight: batch.in_flight,
        breaker: BreakerLimits { share: batch.breaker_share, count: batch.breaker_count },
        oldest_kept,
        backoff: BACKOFF,
        store_every,
        seed: clock::chance(),
    }
}
