//! The live display on a terminal.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::metrics::{Metrics, ShardSnapshot, ShardState, Snapshot};
use super::screen::{REDRAWS_A_SECOND, Screen};

/// Shards with a line of their own; the furthest behind are chosen.
const SHARD_LINES: usize = 8;

/// Bulks come in bursts of thousands of events: over five seconds the rate is calm enough to read.
const RATE_WINDOW: Duration = Duration::from_secs(5);

const MIB: f64 = 1024.0 * 1024.0;

/// A few lines at the bottom of the screen.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    rate: Rate,
}

impl Progress {
    /// Takes its place on the screen; draws nothing yet.
    pub fn new(screen: &Screen) -> Self {
        // A template without placeholders beside `msg` always parses; the default style would still show the text.
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = screen.add(ProgressBar::no_length().with_style(style));
        Self { bar, rate: Rate::default() }
    }

    /// Shows the state `elapsed` after the start.
    pub fn show(&mut self, snapshot: &Snapshot, elapsed: Duration) {
        let rate = self.rate.after(elapsed, snapshot.settled());
        self.bar.set_message(lines(snapshot, rate));
        self.bar.tick();
    }

    /// Leaves the last state on the screen.
    pub fn finish(self) {
        self.bar.abandon();
    }
}

/// Keeps the display current until `stop`.
pub async fn run(screen: Screen, metrics: Metrics, stop: CancellationToken) {
    let (mut progress, start) = (Progress::new(&screen), Instant::now());
    let mut ticks = interval(Duration::from_secs(1) / u32::from(REDRAWS_A_SECOND));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let stopped = tokio::select! {
            _ = ticks.tick() => false,
            () = stop.cancelled() => true,
        };
        progress.show(&metrics.snapshot(), start.elapsed());
        if stopped {
            return progress.finish();
        }
    }
}

/// Settled events a second over the last few seconds.
#[derive(Debug, Default)]
struct Rate {
    samples: VecDeque<(Duration, u64)>,
}

impl Rate {
    /// The rate once `settled` events had settled at `elapsed`.
    fn after(&mut self, elapsed: Duration, settled: u64) -> f64 {
        self.samples.push_back((elapsed, settled));
        // One sample at or before the beginning of the window stays, so that the window is whole.
        while self.samples.get(1).is_some_and(|second| elapsed.saturating_sub(second.0) >= RATE_WINDOW) {
            self.samples.pop_front();
        }
        let (since, before) = self.samples.front().copied().unwrap_or((elapsed, settled));
        let seconds = elapsed.saturating_sub(since).as_secs_f64();
        if seconds > 0.0 { settled.saturating_sub(before) as f64 / seconds } else { 0.0 }
    }
}

/// The display as text.
fn lines(snapshot: &Snapshot, rate: f64) -> String {
    let mut text = format!(
        "{} settled ({} indexed, {} already there)  {}/s\n{} dead-lettered  {} expired  {} retries\n",
        HumanCount(snapshot.settled()),
        HumanCount(snapshot.indexed),
        HumanCount(snapshot.already_there),
        HumanCount(rate.round() as u64),
        HumanCount(snapshot.dead_lettered),
        HumanCount(snapshot.expired),
        HumanCount(snapshot.retries),
    );
    text += &format!(
        "lag {}  in flight {:.1} of {:.0} MiB",
        lag(snapshot.lag_millis()),
        snapshot.in_flight_bytes as f64 / MIB,
        snapshot.memory_bound_bytes as f64 / MIB,
    );
    shard_lines(&mut text, &snapshot.shards);
    text
}

fn shard_lines(text: &mut String, shards: &[ShardSnapshot]) {
    let mut shown: Vec<_> = shards.iter().collect();
    shown.sort_by_key(|shard| std::cmp::Reverse(shard.lag_millis));
    shown.truncate(SHARD_LINES);
    // By name again, so that lines do not jump about.
    shown.sort_by(|a, b| a.name.cmp(&b.name));
    for shard in &shown {
        let state = match shard.state {
            ShardState::Waiting => "waiting for its parents",
            ShardState::Reading => "reading",
            ShardState::Draining => "read to its end",
            ShardState::Stopped => "stopped",
        };
        // Writing to a string cannot fail.
        let _written = write!(text, "\n  {}  lag {}  {state}", shard.name, lag(shard.lag_millis));
    }
    if shards.len() > shown.len() {
        text.push_str(&format!("\n  … and {} more", shards.len() - shown.len()));
    }
}

/// A lag in its two largest units.
fn lag(millis: Option<i64>) -> String {
    let Some(millis) = millis else {
        return "unknown".to_owned();
    };
    let seconds = millis.max(0) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_in_two_units() {
        fn check(millis: i64, expected: &str) {
            assert_eq!(lag(Some(millis)), expected, "{millis} ms");
        }
        check(-5, "0 s");
        check(999, "0 s");
        check(59_999, "59 s");
        check(61_000, "1 min 1 s");
        check(3_599_000, "59 min 59 s");
        check(3_660_000, "1 h 1 min");
        check(90_000_000, "1 d 1 h");
        assert_eq!(lag(None), "unknown");
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut rate = Rate::default();
        let mut at = |millis, settled| rate.after(Duration::from_millis(millis), settled);
        assert_eq!(at(0, 0), 0.0);
        assert_eq!(at(500, 1_000), 2_000.0);
        assert_eq!(at(5_000, 10_000), 2_000.0);
        assert_eq!(at(10_000, 10_000), 0.0, "nothing settled in the last five seconds");
        assert_eq!(at(10_000, 10_000), 0.0, "the same moment twice");
    }

    #[test]
    fn the_rate_keeps_few_samples() {
        let mut rate = Rate::default();
        for tick in 0..10_000 {
            rate.after(Duration::from_millis(250 * tick), tick);
        }
        assert_eq!(rate.samples.len(), 21, "five seconds of four samples, and the one they begin with");
    }

    fn shard(number: i64) -> ShardSnapshot {
        ShardSnapshot {
            name: format!("shardId-{number:012}"),
            state: ShardState::Reading,
            lag_millis: Some(number * 1000),
            oldest_unsettled_millis: None,
            checkpoint_age_millis: None,
        }
    }

    #[test]
    fn shows_the_counts_and_the_worst_shards_in_order() {
        let snapshot = Snapshot {
            indexed: 1_200_000,
            already_there: 34_567,
            dead_lettered: 3,
            in_flight_bytes: 1 << 19,
            memory_bound_bytes: 256 << 20,
            shards: (0..12).map(shard).collect(),
            ..Snapshot::default()
        };
        let text = lines(&snapshot, 4_999.6);
        let all: Vec<_> = text.lines().collect();
        assert_eq!(all[0], "1,234,570 settled (1,200,000 indexed, 34,567 already there)  5,000/s");
        assert_eq!(all[1], "3 dead-lettered  0 expired  0 retries");
        assert_eq!(all[2], "lag 11 s  in flight 0.5 of 256 MiB");
        assert_eq!(all[3], "  shardId-000000000004  lag 4 s  reading", "0 to 3 are the least behind");
        assert_eq!(all[10], "  shardId-000000000011  lag 11 s  reading");
        assert_eq!(all[11], "  … and 4 more");
        assert_eq!(all.len(), 12);
    }

    #[tokio::test(start_paused = true)]
    async fn stops_when_told() {
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(Screen::new(false), Metrics::new(|| 0), stop.clone()));
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.cancel();
        running.await.unwrap();
    }
}
