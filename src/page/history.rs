//! The last hour, for whoever opens the page at three in the morning: a few numbers every five seconds, and the lags of
//! the shards furthest behind every fifteen. Its size is bounded whatever the stream does.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::telemetry::metrics::{Details, Durations, Snapshot};

/// Seconds between two samples.
const STEP: usize = 5;
/// Samples kept: an hour.
const SAMPLES: usize = 3600 / STEP;

/// Samples between two looks at the shards, the shards looked at, and the looks kept: half an hour.
const SHARD_STEP: usize = 3;
const SHARDS: usize = 32;
const SHARD_SAMPLES: usize = 1800 / (STEP * SHARD_STEP);

/// Bulks come in bursts of thousands of events: over five seconds the rate is calm enough to read.
const RATE_SECONDS: usize = 5;

/// Latency is that of the last minute: of so many samples.
const LATENCY_SAMPLES: usize = 60 / STEP;

/// A lag that moved less than this in the time looked at stands still.
const STEADY_MILLIS: i64 = 2_000;
/// The time that a trend looks back, milliseconds.
const TREND_MILLIS: i64 = 120_000;

/// What was, as far as it is kept.
#[derive(Debug, Default)]
pub struct History {
    /// Time and settled events, each second.
    seconds: VecDeque<(i64, u64)>,
    /// Durations of bulk requests at each sample.
    bulks: VecDeque<Durations>,
    samples: VecDeque<Sample>,
    shards: VecDeque<(i64, Vec<(String, i64)>)>,
    taken: usize,
}

/// The numbers of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub at: i64,
    /// Events settled a second.
    pub rate: f64,
    /// Of the shard furthest behind.
    pub lag_ms: Option<i64>,
    /// Bytes in flight.
    pub in_flight_bytes: u64,
    /// Bulk requests of the last minute: their median.
    pub p50_ms: Option<f64>,
    /// And what one in a hundred exceeds.
    pub p99_ms: Option<f64>,
    /// Retries until then.
    pub retries: u64,
    /// Dead letters until then.
    pub dead_lettered: u64,
}

/// Which way a shard's lag goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// It falls further behind.
    Growing,
    /// It catches up.
    Falling,
    /// Neither.
    Steady,
}

/// All of it, for a page that was just opened.
#[derive(Debug, Serialize)]
pub struct Past {
    /// Oldest first.
    pub samples: Vec<Sample>,
    /// By shard: when, and how far behind in milliseconds.
    pub shards: BTreeMap<String, Vec<(i64, i64)>>,
}

impl History {
    /// What is now; called once a second.
    pub fn take(&mut self, at: i64, now: &Snapshot, details: &Details) {
        // The clock of a machine may be set back: what was is then still to come, and is left out.
        if self.seconds.back().is_some_and(|(last, _)| *last > at) {
            self.seconds.clear();
            self.samples.retain(|sample| sample.at < at);
            self.shards.retain(|(then, _)| *then < at);
        }
        push(&mut self.seconds, (at, now.settled()), RATE_SECONDS + 1);
        if self.taken.is_multiple_of(STEP) {
            push(&mut self.bulks, details.bulk.clone(), LATENCY_SAMPLES + 1);
            let sample = self.sample(at, now, details);
            push(&mut self.samples, sample, SAMPLES);
        }
        if self.taken.is_multiple_of(STEP * SHARD_STEP) {
            push(&mut self.shards, (at, furthest(now)), SHARD_SAMPLES);
        }
        self.taken = self.taken.wrapping_add(1);
    }

    fn sample(&self, at: i64, now: &Snapshot, details: &Details) -> Sample {
        let [p50_ms, p99_ms] = self.bulk_millis(details);
        Sample {
            at,
            rate: self.rate(),
            lag_ms: now.lag_millis(),
            in_flight_bytes: now.in_flight_bytes,
            p50_ms,
            p99_ms,
            retries: now.retries,
            dead_lettered: now.dead_lettered,
        }
    }

    /// Events settled a second, over the last few.
    pub fn rate(&self) -> f64 {
        let (Some(first), Some(last)) = (self.seconds.front(), self.seconds.back()) else { return 0.0 };
        let millis = last.0.saturating_sub(first.0);
        if millis <= 0 { 0.0 } else { last.1.saturating_sub(first.1) as f64 * 1000.0 / millis as f64 }
    }

    /// Median and 99th percentile of bulk requests in the last minute or so.
    pub fn bulk_millis(&self, now: &Details) -> [Option<f64>; 2] {
        let before = self.bulks.front().cloned().unwrap_or_default();
        let last = now.bulk.since(&before);
        [0.5, 0.99].map(|share| last.quantile_millis(share))
    }

    /// Which way the lag of a shard went in the last two minutes; `None` where nothing is known of then.
    pub fn trend(&self, shard: &str, at: i64, lag_millis: i64) -> Option<Trend> {
        let recent = self.shards.iter().filter(|(then, _)| at.saturating_sub(*then) <= TREND_MILLIS);
        let mut lags = recent.filter_map(|(_, lags)| lags.iter().find(|(name, _)| name == shard));
        let (_, before) = lags.next()?;
        Some(match lag_millis.saturating_sub(*before) {
            moved if moved > STEADY_MILLIS => Trend::Growing,
            moved if moved < -STEADY_MILLIS => Trend::Falling,
            _ => Trend::Steady,
        })
    }

    /// The last sample, when it is not the one of `seen`.
    pub fn other_than(&self, seen: i64) -> Option<Sample> {
        self.samples.back().filter(|sample| sample.at != seen).copied()
    }

    /// All of it.
    pub fn past(&self) -> Past {
        let mut shards: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
        for (at, lags) in &self.shards {
            for (shard, lag) in lags {
                shards.entry(shard.clone()).or_default().push((*at, *lag));
            }
        }
        Past { samples: self.samples.iter().copied().collect(), shards }
    }
}

fn push<T>(ring: &mut VecDeque<T>, item: T, most: usize) {
    ring.push_back(item);
    while ring.len() > most {
        ring.pop_front();
    }
}

/// Lags of the shards furthest behind.
fn furthest(now: &Snapshot) -> Vec<(String, i64)> {
    let mut lags: Vec<_> = now.shards.iter().filter_map(|shard| Some((&shard.name, shard.lag_millis?))).collect();
    lags.sort_by_key(|(_, lag)| std::cmp::Reverse(*lag));
    lags.into_iter().take(SHARDS).map(|(name, lag)| (name.clone(), lag)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::{ShardSnapshot, ShardState};

    fn shard(number: i64, lag_millis: i64) -> ShardSnapshot {
        ShardSnapshot {
            name: format!("s{number:03}"),
            state: ShardState::Reading,
            lag_millis: Some(lag_millis),
            oldest_unsettled_millis: None,
            checkpoint_age_millis: None,
        }
    }

    fn run(history: &mut History, seconds: std::ops::Range<i64>, at: impl Fn(i64) -> Snapshot) {
        for second in seconds {
            history.take(second * 1000, &at(second), &Details::default());
        }
    }

    #[test]
    fn the_rate_is_that_of_the_last_five_seconds() {
        let mut history = History::default();
        assert_eq!(history.rate(), 0.0);
        run(&mut history, 0..11, |second| Snapshot { indexed: 200 * second as u64, ..Snapshot::default() });
        assert_eq!(history.rate(), 200.0);
        run(&mut history, 11..16, |_| Snapshot { indexed: 2_000, ..Snapshot::default() });
        assert_eq!(history.rate(), 0.0, "the events of the eleventh second are five seconds old");
        history.take(3_000, &Snapshot::default(), &Details::default());
        assert_eq!(history.rate(), 0.0, "a clock that was set back");
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let mut history = History::default();
        run(&mut history, 0..10_000, |second| Snapshot {
            shards: (0..100).map(|n| shard(n, n * 1000 + second)).collect(),
            ..Snapshot::default()
        });
        let past = history.past();
        assert_eq!(past.samples.len(), 720);
        assert_eq!(past.samples[0].at, 6_400_000, "the last is of second 9,995");
        assert_eq!(past.shards.len(), 32);
        assert!(past.shards.contains_key("s099") && !past.shards.contains_key("s067"), "{:?}", past.shards.keys());
        assert_eq!(past.shards["s099"].len(), 120);
        assert_eq!(history.other_than(9_990_000).map(|sample| sample.at), Some(9_995_000));
        assert_eq!(history.other_than(9_995_000), None);
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let mut history = History::default();
        run(&mut history, 0..100, |second| Snapshot {
            shards: vec![shard(1, second * 500)],
            indexed: 200 * second as u64,
            ..Snapshot::default()
        });
        assert_eq!(history.other_than(95_000), None);
        run(&mut history, 40..50, |second| Snapshot {
            shards: vec![shard(1, 50_000 + second * 500)],
            indexed: 20_000 + 100 * second as u64,
            ..Snapshot::default()
        });
        let last = history.other_than(95_000).unwrap();
        assert_eq!(last.at, 45_000, "who saw the last one before sees those after");
        assert_eq!(history.rate(), 100.0);
        let past = history.past();
        let times: Vec<_> = past.samples.iter().map(|sample| sample.at).collect();
        assert_eq!(times, [0, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 35_000, 40_000, 45_000]);
        assert!(past.shards["s001"].is_sorted_by(|a, b| a.0 < b.0), "{:?}", past.shards);
    }

    #[test]
    fn a_trend_is_of_the_last_two_minutes() {
        let mut history = History::default();
        run(&mut history, 0..600, |second| Snapshot {
            shards: vec![shard(1, second * 500), shard(2, 700_000 - second * 1000), shard(3, second % 2 * 1000)],
            ..Snapshot::default()
        });
        assert_eq!(history.trend("s001", 600_000, 300_000), Some(Trend::Growing));
        assert_eq!(history.trend("s002", 600_000, 100_000), Some(Trend::Falling));
        assert_eq!(history.trend("s003", 600_000, 1_000), Some(Trend::Steady));
        assert_eq!(history.trend("s004", 600_000, 1_000), None);
        assert_eq!(history.trend("s001", 9_600_000, 1_000), None, "of long ago");
    }
}
