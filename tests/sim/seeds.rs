//! Runs seeds, and shows one that fails so that it can be looked at.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mix::Mix;
use crate::play::{Broken, Seen, play};

/// Seeds of one run of the tests.
const SEEDS: u64 = 1_000;
/// Lines of the log that are shown of a seed that fails.
const TAIL: usize = 80;

#[expect(clippy::disallowed_methods, reason = "which seeds to run is asked for by hand")]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(seed: u64, logs: bool) -> Result<(Seen, Vec<String>), Broken> {
    run_mix(seed, Mix::of(seed), logs)
}

/// Plays a seed; a panic is a broken promise, too.
fn run_mix(seed: u64, mix: Mix, logs: bool) -> Result<(Seen, Vec<String>), Broken> {
    let played = catch_unwind(AssertUnwindSafe(|| play(seed, mix, logs)));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Broken { what: format!("panic: {}", text.unwrap_or_default()), log: Vec::new() })
    })
}

/// Everything there is to say about a seed that fails.
fn report(seed: u64, what: &str) -> String {
    let again = run(seed, true);
    let (again, log) = match again {
        Ok((_, log)) => ("NOTHING: it does not replay".to_owned(), log),
        Err(broken) => (broken.what, broken.log),
    };
    let tail = log[log.len().saturating_sub(TAIL)..].join("\n");
    let mix = Mix::of(seed);
    format!(
        "seed {seed}: {what}\nagain: {again}\n{mix:#?}\n{tail}\nreplay: SIM_SEED={seed} cargo test --test sim one_seed"
    )
}

fn add(sum: &mut Seen, seen: &Seen) {
    sum.n_events += seen.n_events;
    sum.n_indexed += seen.n_indexed;
    sum.n_letters += seen.n_letters;
    sum.n_started += seen.n_started;
    sum.n_killed += seen.n_killed;
    sum.n_frozen += seen.n_frozen;
    sum.n_taken += seen.n_taken;
    sum.n_shards += seen.n_shards;
    sum.virtual_ms += seen.virtual_ms;
}

/// Seeds that several threads take in turn, until they are through or one fails.
struct Seeds {
    next: AtomicU64,
    end: u64,
    sum: Mutex<Seen>,
    broken: Mutex<Option<(u64, String)>>,
}

impl Seeds {
    fn take(&self) {
        loop {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.end {
                return;
            }
            match run(seed, false) {
                Ok((seen, _)) => add(&mut self.sum.lock().expect("whole"), &seen),
                Err(Broken { what, .. }) => {
                    self.next.store(self.end, Ordering::Relaxed);
                    self.broken.lock().expect("whole").get_or_insert((seed, what));
                }
            }
        }
    }
}

#[test]
fn whatever_fails_every_event_ends_once() {
    let (first, count) = (asked("SIM_FIRST").unwrap_or(0), asked("SIM_SEEDS").unwrap_or(SEEDS));
    let n_cores = || std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let n_threads = asked("SIM_THREADS").unwrap_or_else(n_cores);
    let seeds =
        Seeds { next: AtomicU64::new(first), end: first + count, sum: Mutex::default(), broken: Mutex::default() };
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| seeds.take());
        }
    });
    if let Some((seed, what)) = seeds.broken.into_inner().expect("whole") {
        panic!("{}", report(seed, &what));
    }
    let sum = seeds.sum.into_inner().expect("whole");
    println!("{count} seeds: {sum:?}");
    // A world in which nothing happens proves nothing.
    if count >= SEEDS {
        assert!(sum.n_indexed > 50 * count && sum.n_letters > count && sum.n_killed > count, "{sum:?}");
        assert!(sum.n_frozen > count / 4 && sum.n_taken > count / 2 && sum.n_shards > 4 * count, "{sum:?}");
    }
}

/// `SIM_SEED=n` plays that seed with its whole log.
#[test]
fn one_seed() {
    let Some(seed) = asked("SIM_SEED") else { return };
    println!("{:#?}", Mix::of(seed));
    match run(seed, true) {
        Ok((seen, log)) => println!("{}\n{seen:#?}", log.join("\n")),
        Err(Broken { what, log }) => {
            println!("{}", log.join("\n"));
            panic!("seed {seed}: {what}");
        }
    }
}

/// The same seed is the same world, to the last line of its log.
#[test]
fn a_seed_replays() {
    for seed in 0..12 {
        let log = || run(seed, true).map_or_else(|broken| broken.log, |(_, log)| log);
        let (one, two) = (log(), log());
        assert!(one.len() > 100, "seed {seed} has a log of {} lines", one.len());
        let differs = one.iter().zip(&two).position(|(a, b)| a != b);
        assert_eq!(differs.map(|at| (&one[at], &two[at])), None, "seed {seed} differs");
        assert_eq!(one.len(), two.len(), "seed {seed}");
    }
}

/// Of workers that come together to catch up one takes all, another asks for its share: whoever asks must stay for it,
/// and whoever gives must not leave before somebody has it.
#[test]
fn workers_that_catch_up_together_leave_nothing_to_each_other() {
    for seed in 0..40 {
        let mut mix = Mix::of(seed).healed();
        // Little is read while records are put, so that there is much to catch up with.
        (mix.stream.page, mix.stream.throttled, mix.world.puts_per_minute) = (1, 900, 200);
        (mix.knobs.memory, mix.knobs.batch_count, mix.knobs.in_flight) = (1_000_000, 200, 4);
        // They look at the table side by side, and one is faster.
        (mix.world.workers, mix.world.shards, mix.world.seconds) = (2, 2, 50 + seed);
        mix.world.turn_ms = 10;
        (mix.world.arrivals_jump, mix.world.catches_up, mix.knobs.failover_ms) = (false, true, 20_000);
        show(seed, mix);
    }
}

/// Whoever was frozen hears that its shards were taken while it stores a position; by then they are free again, and it
/// takes them in the next look.
#[test]
fn a_worker_that_comes_back_to_shards_that_are_free_again_reads_them() {
    for seed in 0..40 {
        let mut mix = Mix::of(seed).healed();
        (mix.world.arrivals_jump, mix.world.catches_up, mix.world.puts_per_minute) = (false, false, 200);
        (mix.world.workers, mix.world.shards, mix.world.seconds) = (2, 1 + seed % 4, 150);
        (mix.knobs.failover_ms, mix.knobs.store_ms, mix.knobs.batch_ms) = (10_000, 500, 100);
        (mix.bulk.limit, mix.knobs.in_flight) = (1_000_000, 4);
        (mix.process.joins_per_minute, mix.process.pauses_per_minute) = (6, 6);
        show(seed, mix);
    }
}

/// Plays a world that must be whole; the log of one that is not.
fn show(seed: u64, mix: Mix) {
    if let Err(Broken { what, log }) = run_mix(seed, mix, true) {
        println!("{}", log.join("\n"));
        panic!("seed {seed}: {what}");
    }
}
