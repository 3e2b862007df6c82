//! Whether `/ready` says that the stream takes nothing.
//!
//! It says so once a request was refused that had given the stream time enough, while no other was taken: one hot shard is
//! no reason to send everybody elsewhere. And it says so for a while only. A balancer sends nothing to whoever is not
//! ready, so that nothing could be taken again: with the condition over, the next request finds out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};

use crate::telemetry::health::Health;

/// The condition of readiness.
const STREAM: &str = "stream";

/// A request with less time than this says nothing of the stream: its sender was slow. The producer pauses for two seconds
/// at most between two tries.
const ENOUGH: Duration = Duration::from_secs(3);

/// A stream that took something so long ago takes events.
const RECENT: Duration = Duration::from_secs(10);

/// The condition is over so long after the last refusal.
const LASTS: Duration = Duration::from_secs(30);

/// What the last requests said of the stream. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Readiness {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    health: Health,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: Option<Instant>,
    /// While the condition holds: the last refusal.
    refused: Option<Instant>,
}

impl Readiness {
    /// Nothing was put yet.
    pub fn new(health: Health) -> Self {
        Self { shared: Arc::new(Shared { health, state: Mutex::default() }) }
    }

    /// Whether the condition holds: it has a line of its own in the log.
    pub fn is_red(&self) -> bool {
        self.shared.lock().refused.is_some()
    }

    /// The stream took something.
    pub fn taken(&self) {
        let mut state = self.shared.lock();
        state.taken = Some(Instant::now());
        if state.refused.take().is_some() {
            self.shared.health.leave(STREAM);
        }
    }

    /// The stream refused a request that had waited at most `within`, because of `why`.
    pub fn refused(&self, within: Duration, why: &str) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        let takes = state.taken.is_some_and(|taken| now - taken < RECENT);
        if within < ENOUGH || takes {
            return;
        }
        self.shared.health.enter(STREAM, why);
        if state.refused.replace(now).is_none() {
            tokio::spawn(self.shared.clone().expire().boxed());
        }
    }
}

impl Shared {
    /// Ends the condition once nothing was refused for a while.
    async fn expire(self: Arc<Self>) {
        while let Some(over) = self.over() {
            sleep_until(over).await;
        }
    }

    /// When to look again; `None` when the condition is over.
    fn over(&self) -> Option<Instant> {
        let mut state = self.lock();
        let over = state.refused? + LASTS;
        if over > Instant::now() {
            return Some(over);
        }
        state.refused = None;
        self.health.leave(STREAM);
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ready() -> (Readiness, Health) {
        let health = Health::starting();
        health.started();
        (Readiness::new(health.clone()), health)
    }

    #[tokio::test(start_paused = true)]
    async fn red_while_nothing_is_taken_and_for_a_while_only() {
        let (readiness, health) = ready();
        readiness.refused(8 * SECOND, "throttled");
        assert_eq!(health.reasons(), [("stream".to_owned(), "throttled".to_owned())]);
        assert!(readiness.is_red());
        sleep(20 * SECOND).await;
        readiness.refused(8 * SECOND, "still throttled");
        sleep(29 * SECOND).await;
        assert!(!health.is_ready(), "the last refusal counts");
        // No request comes to an instance that is red: nothing but time can end it.
        sleep(2 * SECOND).await;
        assert!(health.is_ready() && !readiness.is_red());
        readiness.refused(8 * SECOND, "throttled");
        assert!(!health.is_ready(), "and again");
        readiness.taken();
        assert!(health.is_ready());
        sleep(15 * SECOND).await;
        readiness.refused(8 * SECOND, "throttled");
        sleep(16 * SECOND).await;
        assert!(!health.is_ready(), "what was begun before the end of the other lasts as long");
        sleep(15 * SECOND).await;
        assert!(health.is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn who_had_no_time_says_nothing_of_the_stream() {
        let (readiness, health) = ready();
        readiness.refused(Duration::from_millis(10), "not in time");
        readiness.refused(ENOUGH - Duration::from_millis(1), "not in time");
        assert!(health.is_ready());
        readiness.refused(ENOUGH, "not in time");
        assert!(!health.is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn one_hot_shard_is_not_the_stream() {
        let (readiness, health) = ready();
        for _ in 0..60 {
            readiness.taken();
            advance(SECOND).await;
            readiness.refused(8 * SECOND, "throttled");
            assert!(health.is_ready());
        }
        advance(RECENT).await;
        readiness.refused(8 * SECOND, "throttled");
        assert!(!health.is_ready());
    }
}
