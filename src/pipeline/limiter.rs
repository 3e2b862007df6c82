//! How many deliveries may be under way: fewer when the cluster rejects items or slows down, more when it does not.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Deliveries to begin with, unless fewer are allowed.
const FIRST: f64 = 4.0;
/// A reply this many times slower than the usual says that the cluster queues what it is sent.
const SLOW: f64 = 3.0;
/// Weight of one reply in the usual time: a slower one counts little, so that a queue does not become usual at once; a
/// faster one more, but not wholly, for a reply that found everything already there is fast for a reason.
const SLOWER: f64 = 0.02;
const FASTER: f64 = 0.2;
/// A cut leaves at least this share: a few rejected items among thousands are no reason to stand still.
const LEAST_SHARE: f64 = 0.5;

/// What a reply says about the cluster's load.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// When the request was sent.
    pub began: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// Items sent.
    pub items: usize,
    /// Items, or all of them, that were rejected because the cluster is busy.
    pub rejected: usize,
    /// Whether the request was large enough for its time to be compared with others'.
    pub full: bool,
}

/// The limit, shared by all deliveries. Additive increase, multiplicative decrease.
#[derive(Debug)]
pub struct Limiter {
    most: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: f64,
    /// Seconds a full request usually takes.
    usual: Option<f64>,
    /// Requests sent before this met the same queue as the one that was cut for.
    cut: Option<Instant>,
}

impl Limiter {
    /// At most `most` deliveries, fewer to begin with.
    pub fn new(most: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few dozen at most")]
        let most = most.max(1) as f64;
        Self { most, state: Mutex::new(State { limit: FIRST.min(most), usual: None, cut: None }) }
    }

    /// Deliveries that may be under way now; at least one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a few dozen")]
    pub fn limit(&self) -> usize {
        self.lock().limit as usize
    }

    /// Learns from a reply.
    pub fn learn(&self, sample: Sample) {
        let mut state = self.lock();
        if sample.rejected > 0 {
            state.reject(sample);
        } else if sample.full {
            state.accept(sample, self.most);
        } else if state.limit < FIRST.min(self.most) {
            // Small ones say nothing about time, but that they are taken: a quiet stream gets back what a cut took.
            state.limit = (state.limit + 1.0 / state.limit).min(FIRST.min(self.most));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Cuts by the share that was rejected, once for all requests that were under way together.
    fn reject(&mut self, sample: Sample) {
        if self.cut.is_some_and(|cut| sample.began < cut) {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "items of one request")]
        let share = 1.0 - sample.rejected as f64 / sample.items.max(1) as f64;
        self.limit = (self.limit * share.max(LEAST_SHARE)).max(1.0);
        self.cut = Some(sample.began + sample.took);
    }

    /// One more for every round of replies that came in their usual time; none while they are slow.
    fn accept(&mut self, sample: Sample, most: f64) {
        let took = sample.took.as_secs_f64();
        let usual = *self.usual.get_or_insert(took);
        let weight = if took < usual { FASTER } else { SLOWER };
        self.usual = Some(usual + (took - usual) * weight);
        if took <= usual * SLOW {
            self.limit = (self.limit + 1.0 / self.limit).min(most);
        } else {
            self.limit = (self.limit - 1.0 / self.limit).max(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A world with one clock: replies take what they are told to.
    struct Bench {
        limiter: Limiter,
        now: Instant,
    }

    impl Bench {
        fn new(most: usize) -> Self {
            Self { limiter: Limiter::new(most), now: Instant::now() }
        }

        fn reply(&mut self, millis: u64, rejected: usize) -> usize {
            let (began, took) = (self.now, Duration::from_millis(millis));
            self.now += took;
            self.limiter.learn(Sample { began, took, items: 100, rejected, full: true });
            self.limiter.limit()
        }
    }

    #[test]
    fn it_grows_to_the_most_while_replies_come_in_their_usual_time() {
        let mut bench = Bench::new(8);
        assert_eq!(bench.limiter.limit(), 4);
        for _ in 0..60 {
            bench.reply(100, 0);
        }
        assert_eq!(bench.limiter.limit(), 8);
        assert_eq!(Bench::new(2).limiter.limit(), 2);
    }

    #[test]
    fn rejected_items_cut_it_and_requests_of_the_same_moment_cut_once() {
        let mut bench = Bench::new(8);
        assert_eq!(bench.reply(100, 100), 2);
        let together = Sample {
            began: bench.now - Duration::from_millis(50),
            took: Duration::from_millis(60),
            items: 100,
            rejected: 100,
            full: true,
        };
        bench.limiter.learn(together);
        assert_eq!(bench.limiter.limit(), 2, "the same queue");
        assert_eq!(bench.reply(100, 100), 1);
        assert_eq!(bench.reply(100, 100), 1, "never none");
        let mut mild = Bench::new(8);
        assert_eq!(mild.reply(100, 1), 3, "one item of a hundred");
    }

    #[test]
    fn slow_replies_shrink_it_and_what_stays_slow_becomes_usual() {
        let mut bench = Bench::new(8);
        bench.reply(100, 0);
        for _ in 0..10 {
            bench.reply(1_000, 0);
        }
        assert!(bench.limiter.limit() < 4);
        for _ in 0..500 {
            bench.reply(1_000, 0);
        }
        assert_eq!(bench.limiter.limit(), 8, "a cluster that is simply slower is not queueing");
    }

    #[test]
    fn small_requests_say_nothing_about_time() {
        let mut bench = Bench::new(8);
        for _ in 0..60 {
            let sample =
                Sample { began: bench.now, took: Duration::from_millis(1), items: 1, rejected: 0, full: false };
            bench.limiter.learn(sample);
        }
        assert_eq!(bench.limiter.limit(), 4);
        bench.reply(500, 0);
        assert_eq!(bench.reply(500, 0), 4);
    }

    proptest! {
        #[test]
        fn it_stays_between_one_and_the_most(
            most in 1_usize..64, replies in prop::collection::vec((1_u64..5_000, 0_usize..=100), 0..200)
        ) {
            let mut bench = Bench::new(most);
            for (millis, rejected) in replies {
                let limit = bench.reply(millis, rejected.saturating_sub(60));
                prop_assert!((1..=most).contains(&limit));
            }
        }
    }
}
