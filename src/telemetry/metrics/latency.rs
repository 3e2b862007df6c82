//! How long bulk requests took, fine enough to say a median: what `/metrics` has is too coarse to read off a page.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Each bucket ends a fifth above the last: a quantile read off them is within a fifth of the truth.
const STEP: f64 = 1.2;

/// From 1 ms on, `1.2^64` ms is two minutes, twice the longest time-out; the last bucket takes what is longer.
const BUCKETS: usize = 66;

/// Counts of durations. Counting is one atomic addition.
#[derive(Debug)]
pub(super) struct Latency {
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Latency {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Latency {
    /// One took this long.
    pub(super) fn observe(&self, took: Duration) {
        self.buckets[bucket(took)].fetch_add(1, Relaxed);
    }

    /// All of them until now.
    pub(super) fn counts(&self) -> Durations {
        Durations(self.buckets.iter().map(|count| count.load(Relaxed)).collect())
    }
}

/// The first bucket that ends at or above `took`.
fn bucket(took: Duration) -> usize {
    let millis = took.as_secs_f64() * 1000.0;
    // Negative below 1 ms; a cast of a float holds at the ends of the type.
    ((millis.ln() / STEP.ln()).ceil().max(0.0) as usize).min(BUCKETS - 1)
}

/// Durations counted by how long they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations(Vec<u64>);

impl Durations {
    /// What was counted since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let earlier = before.0.iter().copied().chain(std::iter::repeat(0));
        Self(self.0.iter().zip(earlier).map(|(now, before)| now.saturating_sub(before)).collect())
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The duration that `share` of them did not exceed, in milliseconds; `None` of none.
    pub fn quantile_millis(&self, share: f64) -> Option<f64> {
        let wanted = (self.count() as f64 * share).max(1.0);
        let mut below = 0.0;
        for (at, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = *count as f64;
            if below + count >= wanted {
                let upper = STEP.powi(at as i32);
                let lower = if at == 0 { 0.0 } else { upper / STEP };
                return Some(lower + (upper - lower) * (wanted - below) / count);
            }
            below += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Durations {
        let latency = Latency::default();
        millis.into_iter().for_each(|millis| latency.observe(Duration::from_millis(millis)));
        latency.counts()
    }

    #[test]
    fn quantiles_are_within_a_fifth() {
        let thousand = of(1..=1000);
        for (share, truth) in [(0.5, 500.0), (0.99, 990.0), (0.1, 100.0)] {
            let said = thousand.quantile_millis(share).unwrap();
            assert!((truth / STEP..=truth * STEP).contains(&said), "{share}: {said} for {truth}");
        }
        let one = of([250]).quantile_millis(0.99).unwrap();
        assert!((250.0 / STEP..=250.0 * STEP).contains(&one), "{one}");
        assert_eq!(of([]).quantile_millis(0.5), None);
    }

    #[test]
    fn the_shortest_and_the_longest_have_a_bucket() {
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::from_millis(1)), 0);
        assert_eq!(bucket(Duration::from_micros(1100)), 1);
        assert_eq!(bucket(Duration::from_secs(1 << 40)), BUCKETS - 1);
        let longest = of([3_600_000]).quantile_millis(0.5).unwrap();
        assert!(longest > 100_000.0, "{longest}");
    }

    #[test]
    fn what_came_since() {
        let (before, after) = (of([10, 10]), of([10, 10, 1000]));
        let since = after.since(&before);
        assert_eq!(since.count(), 1);
        assert!(since.quantile_millis(0.5).unwrap() > 800.0);
        assert_eq!(after.since(&Durations::default()), after, "since the start");
    }
}
