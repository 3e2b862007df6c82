//! When the next call may be made: the service's limits as arithmetic on tokio's clock.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::kinesis::chance::Chance;

/// Kinesis lets all polling consumers of a shard together read 2 MB a second; a call that returned
/// 10 MB is followed by five seconds of refusals.
const BYTES_PER_SECOND: f64 = 2_000_000.0;
/// First pause after a fault. Less would break the law of five calls a second again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause after a fault: a healed service is noticed within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The pace of one reader.
#[derive(Debug)]
pub(super) struct Pace {
    between: Duration,
    started: Instant,
    next: Instant,
    /// Set by the first throttle: only servers that have the byte limit are spared by honouring it.
    byte_law: bool,
    n_faults: u32,
    chance: Chance,
}

impl Pace {
    pub(super) fn new(between: Duration, seed: u64) -> Self {
        let now = Instant::now();
        Self { between, started: now, next: now, byte_law: false, n_faults: 0, chance: Chance(seed) }
    }

    /// Waits until the next call is due.
    pub(super) async fn turn(&self) {
        sleep_until(self.next).await;
    }

    /// The call is made now: the next one is counted from here, not from when it was due.
    pub(super) fn call(&mut self) {
        self.started = Instant::now();
        self.next = self.started + self.between;
    }

    /// A page of `n_bytes` came; the next call is due after `idle` at the earliest.
    pub(super) fn page(&mut self, n_bytes: usize, idle: Duration) {
        self.n_faults = 0;
        let drained = if self.byte_law { n_bytes as f64 / BYTES_PER_SECOND } else { 0.0 };
        self.next = self.started + self.between.max(idle).max(Duration::from_secs_f64(drained));
    }

    /// The service said that this shard is read too fast.
    pub(super) fn throttled(&mut self) {
        self.byte_law = true;
    }

    /// Waits after a fault: doubling from 200 ms to 10 s, the upper half of it left to chance, so
    /// that many readers that failed together do not come back together.
    pub(super) async fn pause(&mut self) {
        let full = FIRST_PAUSE.saturating_mul(1 << self.n_faults.min(10)).min(LONGEST_PAUSE);
        self.n_faults += 1;
        sleep(full.mul_f64(0.5 + 0.5 * self.chance.share())).await;
    }

    /// Faults since the last page.
    pub(super) fn n_faults(&self) -> u32 {
        self.n_faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest_and_keep_their_lower_half() {
        let mut pace = Pace::new(Duration::ZERO, 7);
        let mut full = FIRST_PAUSE;
        for n in 0..64 {
            let before = Instant::now();
            pace.pause().await;
            let waited = before.elapsed();
            // Tokio's timer wakes on the next millisecond.
            let slack = Duration::from_millis(1);
            assert!(waited >= full / 2 && waited <= full + slack, "pause {n}: {waited:?} of {full:?}");
            full = (full * 2).min(LONGEST_PAUSE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_page_delays_the_next_call_only_where_the_limit_is_enforced() {
        let between = Duration::from_millis(200);
        let mut pace = Pace::new(between, 7);
        let mut start = Instant::now();
        pace.call();
        pace.page(10_000_000, Duration::ZERO);
        pace.turn().await;
        assert_eq!(start.elapsed(), between);

        pace.throttled();
        start = Instant::now();
        pace.call();
        pace.page(10_000_000, Duration::ZERO);
        pace.turn().await;
        assert_eq!(start.elapsed(), Duration::from_secs(5), "10 MB at 2 MB a second");
    }
}
