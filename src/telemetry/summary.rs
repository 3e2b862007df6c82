//! One line a minute for those who read logs instead of a live display.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::metrics::{Metrics, Snapshot};

/// What happened between two snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Length of the interval.
    pub seconds: f64,
    /// Events created in their index.
    pub indexed: u64,
    /// Events the index had.
    pub already_there: u64,
    /// Events kept as dead letters.
    pub dead_lettered: u64,
    /// Events past retention.
    pub expired: u64,
    /// Events settled a second, in any of the four ways.
    pub events_per_second: f64,
    /// Bulk requests.
    pub bulk_requests: u64,
    /// Retries of every kind.
    pub retries: u64,
    /// Now: the lag of the shard furthest behind.
    pub lag_seconds: Option<f64>,
    /// Now: the age of the oldest record that has not settled.
    pub oldest_unsettled_seconds: Option<f64>,
    /// Now: bytes in flight.
    pub in_flight_bytes: u64,
    /// Now: shards held.
    pub shards: usize,
}

impl Summary {
    /// `elapsed` is the time between the two.
    pub fn between(before: &Snapshot, after: &Snapshot, elapsed: Duration) -> Self {
        let grown = |count: fn(&Snapshot) -> u64| count(after).saturating_sub(count(before));
        let seconds = elapsed.as_secs_f64();
        let settled = grown(Snapshot::settled) as f64;
        Self {
            seconds,
            indexed: grown(|s| s.indexed),
            already_there: grown(|s| s.already_there),
            dead_lettered: grown(|s| s.dead_lettered),
            expired: grown(|s| s.expired),
            events_per_second: if seconds > 0.0 { settled / seconds } else { 0.0 },
            bulk_requests: grown(|s| s.bulk_requests),
            retries: grown(|s| s.retries),
            lag_seconds: after.lag_millis().map(seconds_of),
            oldest_unsettled_seconds: after.oldest_unsettled_millis().map(seconds_of),
            in_flight_bytes: after.in_flight_bytes,
            shards: after.shards.len(),
        }
    }

    /// Logs it as one line.
    pub fn log(&self) {
        let settled = self.indexed + self.already_there + self.dead_lettered + self.expired;
        let lag = self.lag_seconds.map_or_else(|| "unknown".to_owned(), |lag| format!("{lag:.1} s"));
        tracing::info!(
            interval.seconds = self.seconds,
            events.indexed = self.indexed,
            events.already_there = self.already_there,
            events.dead_lettered = self.dead_lettered,
            events.expired = self.expired,
            events.per_second = self.events_per_second,
            bulk.requests = self.bulk_requests,
            retries = self.retries,
            lag.max_seconds = self.lag_seconds,
            unsettled.oldest_seconds = self.oldest_unsettled_seconds,
            in_flight.bytes = self.in_flight_bytes,
            shards = self.shards,
            "{settled} events settled in {:.0} s, {} dead-lettered, lag {lag}",
            self.seconds,
            self.dead_lettered,
        );
    }
}

fn seconds_of(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// Logs a summary `every` so often until `stop`. The last one is of the whole run, and the caller's.
pub async fn run(metrics: Metrics, every: Duration, stop: CancellationToken) {
    let mut last = (metrics.snapshot(), Instant::now());
    let mut ticks = interval_at(last.1 + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            return;
        }
        let now = (metrics.snapshot(), Instant::now());
        Summary::between(&last.0, &now.0, now.1 - last.1).log();
        last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::logs::captured;
    use crate::telemetry::metrics::Outcome;

    #[test]
    fn counts_what_grew_and_shows_what_is() {
        let metrics = Metrics::new(|| 100_000);
        metrics.events(Outcome::Indexed, 1_000);
        let before = metrics.snapshot();
        metrics.events(Outcome::Indexed, 500);
        metrics.events(Outcome::AlreadyThere, 60);
        metrics.events(Outcome::DeadLettered, 30);
        metrics.events(Outcome::Expired, 10);
        metrics.in_flight(77);
        let shard = metrics.shard("a");
        shard.lag(Some(2_500));
        shard.oldest_unsettled(Some(99_000));
        let summary = Summary::between(&before, &metrics.snapshot(), Duration::from_secs(60));
        let expected = Summary {
            seconds: 60.0,
            indexed: 500,
            already_there: 60,
            dead_lettered: 30,
            expired: 10,
            events_per_second: 10.0,
            bulk_requests: 0,
            retries: 0,
            lag_seconds: Some(2.5),
            oldest_unsettled_seconds: Some(1.0),
            in_flight_bytes: 77,
            shards: 1,
        };
        assert_eq!(summary, expected);
        let log = captured(|| summary.log());
        assert_eq!(log.lines().count(), 1);
        assert!(log.contains("600 events settled in 60 s, 30 dead-lettered, lag 2.5 s"), "{log}");
        assert!(log.contains("lag.max_seconds=2.5"), "{log}");
    }

    #[test]
    fn no_time_is_no_rate() {
        let (before, mut after) = (Snapshot::default(), Snapshot::default());
        after.indexed = 5;
        assert_eq!(Summary::between(&before, &after, Duration::ZERO).events_per_second, 0.0);
    }

    #[test]
    fn a_line_each_interval_until_the_end() {
        let log = captured(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let (metrics, stop) = (Metrics::new(|| 0), CancellationToken::new());
                let running = tokio::spawn(run(metrics.clone(), Duration::from_secs(60), stop.clone()));
                tokio::time::sleep(Duration::from_secs(100)).await;
                metrics.event(Outcome::Indexed);
                tokio::time::sleep(Duration::from_secs(50)).await;
                stop.cancel();
                running.await.unwrap();
            });
        });
        let lines: Vec<_> = log.lines().collect();
        assert_eq!(lines.len(), 2, "at 60 and 120 s: {log}");
        assert!(lines[0].contains("0 events settled") && lines[1].contains("1 events settled in 60 s"), "{log}");
    }
}
