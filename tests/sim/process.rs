//! One worker as a process: a runtime of its own on this thread, with a clock that only the world moves.
//!
//! A process that is frozen is simply not run: when it goes on, its clock jumps, every timer of it is due, and what
//! it was about to do it does.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use essink::app::exit::Failure;
use essink::app::intake::{Decoding, Memory};
use essink::app::work::{Outside, Plan, work};
use essink::event::clock::ClockBounds;
use essink::event::family::Prefixes;
use essink::event::scan::ScanLimits;
use essink::event::time::{Day, Millis};
use essink::event::unwrap::Rules;
use essink::kinesis::shard::{ReadLimits, Reading, Tip};
use essink::lease::keeper::Terms;
use essink::pipeline::batch::BatchLimits;
use essink::pipeline::breaker::BreakerLimits;
use essink::pipeline::days::DayGuard;
use essink::pipeline::pauses::Backoff;
use essink::pipeline::position::Position;
use essink::pipeline::route::OldestKept;
use essink::pipeline::run::Settings;
use essink::telemetry::health::Health;
use essink::telemetry::metrics::Metrics;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::time::{Instant, advance, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::events::{LAG, LEAD};
use crate::mix::Knobs;
use crate::ports::{Ctl, Port, Stream};
use crate::stream::at;
use crate::world::{Shared, lock};

type Work = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

pub struct Process {
    pub ctl: Arc<Ctl>,
    // Before the runtime: what is in it is dropped while there is one.
    work: Option<Work>,
    runtime: Runtime,
    stop: CancellationToken,
    oldest_kept: OldestKept,
    /// The world's time when it began, and its own.
    began: (u64, Instant),
    n_polls: u64,
    /// It dies before this poll of its own future.
    pub poll_doom: Option<u64>,
    pub frozen_until: Option<u64>,
    pub stopping_since: Option<u64>,
}

/// What became of a process in its turn.
pub enum Turn {
    Runs,
    Killed,
    Exited(Result<(), Failure>),
}

impl Process {
    /// A new worker; one that `catches_up` leaves by itself.
    pub fn start(name: String, world: &Shared, seed: u64, catches_up: bool) -> Self {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
        let (now, knobs, from, shards, oldest) = {
            let world = lock(world);
            let from_now = world.mix.world.from_now;
            let from = if from_now { Position::At(Millis(at(world.now))) } else { Position::TrimHorizon };
            let shards = world.stream.list(world.mix.stream.children_first);
            (world.now, world.mix.knobs.clone(), from, shards, world.oldest_kept)
        };
        let began = (now, runtime.block_on(async { Instant::now() }));
        let memory = Memory::new(knobs.memory);
        let ctl = Ctl::new(name.clone(), world.clone(), began, memory.bound(), knobs.fetches as u64);
        let ctl = Arc::new(ctl);
        let (stop, give_up) = (CancellationToken::new(), CancellationToken::new());
        let (oldest_kept, health) = (OldestKept::default(), Health::starting());
        let decoding = decoding(memory, &oldest_kept, &health);
        let outside = Outside {
            source: Stream(ctl.clone()),
            table: Port(ctl.clone()),
            positions: std::convert::identity,
            bulk: Port(ctl.clone()),
            dead_letters: Port(ctl.clone()),
            observer: Port(ctl.clone()),
        };
        let ms = Duration::from_millis;
        let plan = Plan {
            terms: Terms { worker: name, failover: ms(knobs.failover_ms) },
            from,
            shards,
            days: DayGuard::new(400, []),
            settings: settings(&knobs, seed, decoding.oldest_kept.clone()),
            reading: Reading {
                limits: ReadLimits { idle_poll: ms(knobs.poll_ms), seed, ..ReadLimits::default() },
                slots: Arc::new(Semaphore::new(knobs.fetches)),
                stop: stop.clone(),
                until: catches_up.then_some(Tip {
                    started: Millis(at(now)),
                    began: tokio::time::Instant::now(),
                    quiet: 3,
                }),
            },
            decoding,
            grace: ms(knobs.grace_ms),
        };
        let (asked, grace, over) = (stop.clone(), ms(knobs.grace_ms), give_up.clone());
        runtime.spawn(async move {
            asked.cancelled().await;
            tokio::time::sleep(grace).await;
            over.cancel();
        });
        let work: Work = Box::pin(work(outside, plan, health, give_up));
        let mut this = Self {
            ctl,
            work: Some(work),
            runtime,
            stop,
            oldest_kept,
            began,
            n_polls: 0,
            poll_doom: None,
            frozen_until: None,
            stopping_since: None,
        };
        this.expire_before(oldest);
        this
    }

    pub fn expire_before(&mut self, day: i64) {
        self.oldest_kept.set(Day(i32::try_from(day.max(i64::from(i32::MIN))).expect("a day")));
    }

    /// SIGTERM.
    pub fn terminate(&mut self, now: u64) {
        self.stop.cancel();
        self.stopping_since.get_or_insert(now);
    }

    /// Runs until its clock shows the world's time `until`. It catches up at once with a world that went on without it.
    pub fn run(&mut self, from: u64, until: u64) -> Turn {
        let mut done = None;
        let (ctl, work, n_polls, doom) = (&self.ctl, &mut self.work, &mut self.n_polls, self.poll_doom);
        let own = |world: u64| self.began.1 + Duration::from_millis(world - self.began.0);
        let (first, last) = (own(from), own(until));
        self.runtime.block_on(async {
            let missed = first.saturating_duration_since(Instant::now());
            if missed > Duration::from_millis(5) {
                advance(missed).await;
            }
            let mut end = pin!(sleep_until(last));
            poll_fn(|cx| {
                *n_polls += 1;
                if doom == Some(*n_polls) {
                    ctl.kill();
                }
                if ctl.is_dead() {
                    return Poll::Ready(());
                }
                let Some(working) = work else { return Poll::Ready(()) };
                if let Poll::Ready(result) = working.as_mut().poll(cx) {
                    *work = None;
                    done = Some(result);
                    return Poll::Ready(());
                }
                end.as_mut().poll(cx)
            })
            .await;
        });
        match done {
            _ if self.ctl.is_dead() => Turn::Killed,
            Some(result) => Turn::Exited(result),
            None => Turn::Runs,
        }
    }

    /// It is over: whether something that it started lives on.
    pub fn bury(mut self) -> bool {
        self.work = None;
        self.runtime.block_on(async {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        });
        Arc::strong_count(&self.ctl) > 1
    }
}

fn decoding(memory: Memory, oldest_kept: &OldestKept, health: &Health) -> Decoding {
    let rules = Rules {
        scan: ScanLimits { depth: 100, keys: 10_000 },
        inflated: 1 << 20,
        values: 10_000,
        clock: ClockBounds { lag: LAG, lead: LEAD },
        redaction: None,
    };
    let prefixes = Prefixes::default();
    let (oldest_kept, health) = (oldest_kept.clone(), health.clone());
    Decoding { rules, prefixes, oldest_kept, memory, metrics: Metrics::new(|| 0), health }
}

fn settings(knobs: &Knobs, seed: u64, oldest_kept: OldestKept) -> Settings {
    let ms = Duration::from_millis;
    Settings {
        batch: BatchLimits { bytes: knobs.batch_bytes, count: knobs.batch_count, interval: ms(knobs.batch_ms) },
        in_flight: knobs.in_flight,
        // Refusals are of single documents here.
        breaker: BreakerLimits { share: None, count: 1 },
        oldest_kept,
        backoff: Backoff { first: ms(200), cap: ms(30_000) },
        store_every: ms(knobs.store_ms),
        seed,
    }
}
