//! How much of all bodies may be in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::answer::Answer;
use super::receiver::Admitted;
use crate::telemetry::metrics::WebhookMetrics;

/// Largest body of one who has proven nothing yet: twice what SNS posts, four times what Vonage does.
pub const UNPROVEN_BODY: usize = 4 << 20;

/// Bytes that all requests together may hold. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    used: AtomicUsize,
    /// A part of it is for those who have proven nothing yet: whoever has no credentials cannot take the room of those
    /// who have.
    unproven_limit: usize,
    unproven: AtomicUsize,
    metrics: WebhookMetrics,
}

/// What one request holds; given back when it is dropped.
#[derive(Debug)]
pub struct Hold {
    budget: Budget,
    bytes: usize,
    proven: bool,
}

impl Budget {
    /// At most `limit` bytes; an eighth of that for those who have proven nothing, or where that is more, one body of
    /// [`UNPROVEN_BODY`] and at most half of all.
    pub fn new(limit: usize, metrics: WebhookMetrics) -> Self {
        let unproven_limit = (limit / 8).max(UNPROVEN_BODY.min(limit / 2));
        let (used, unproven) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { shared: Arc::new(Shared { limit, used, unproven_limit, unproven, metrics }) }
    }

    /// Nothing held yet, by one who is `admitted` so.
    pub fn hold(&self, admitted: Admitted) -> Hold {
        Hold { budget: self.clone(), bytes: 0, proven: admitted == Admitted::Known }
    }
}

impl Hold {
    /// Takes `bytes` more, as they come: what a head announces and never sends takes no room.
    pub fn take(&mut self, bytes: usize) -> Result<(), Answer> {
        let Shared { limit, used, unproven_limit, unproven, metrics } = &*self.budget.shared;
        let most = if self.proven { limit } else { unproven_limit };
        if self.bytes.saturating_add(bytes) > *most {
            return Err(Answer::over_memory());
        }
        if !self.proven && grow(unproven, bytes, *unproven_limit).is_none() {
            return Err(Answer::busy(
                "the bodies of others who have proven nothing yet take all that --webhook-memory has for such",
            ));
        }
        let Some(all) = grow(used, bytes, *limit) else {
            if !self.proven {
                unproven.fetch_sub(bytes, Relaxed);
            }
            return Err(Answer::busy("the bodies of other requests take all of --webhook-memory"));
        };
        self.bytes += bytes;
        metrics.body_bytes(all);
        Ok(())
    }

    /// Gives back `bytes` of it.
    pub fn give(&mut self, bytes: usize) {
        let Shared { used, unproven, metrics, .. } = &*self.budget.shared;
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        if !self.proven {
            unproven.fetch_sub(bytes, Relaxed);
        }
        metrics.body_bytes(used.fetch_sub(bytes, Relaxed) - bytes);
    }

    /// The body has proven who posts: it waits with the others from now on.
    pub fn prove(&mut self) {
        if !std::mem::replace(&mut self.proven, true) {
            self.budget.shared.unproven.fetch_sub(self.bytes, Relaxed);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.give(self.bytes);
    }
}

/// The sum, unless it is more than `limit`.
fn grow(used: &AtomicUsize, bytes: usize, limit: usize) -> Option<usize> {
    let grown = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= limit);
    used.fetch_update(Relaxed, Relaxed, grown).ok().map(|before| before + bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(taken: Result<(), Answer>) -> Result<(), u16> {
        taken.map_err(|answer| answer.status.as_u16())
    }

    #[test]
    fn room_is_shared_and_comes_back() {
        let budget = Budget::new(100, WebhookMetrics::new());
        let (mut a, mut b) = (budget.hold(Admitted::Known), budget.hold(Admitted::Known));
        assert!(a.take(60).is_ok() && b.take(40).is_ok());
        assert_eq!(status(b.take(1)), Err(503));
        a.give(10);
        assert!(b.take(10).is_ok());
        drop(a);
        assert!(b.take(50).is_ok(), "what a refused take asked for is not held");
        assert!(b.take(usize::MAX).is_err());
    }

    #[test]
    fn who_has_proven_nothing_leaves_room_for_those_who_have() {
        let budget = Budget::new(100, WebhookMetrics::new());
        let (mut a, mut b) = (budget.hold(Admitted::Unproven), budget.hold(Admitted::Unproven));
        assert!(a.take(30).is_ok() && b.take(20).is_ok());
        assert_eq!(status(b.take(1)), Err(503));
        let mut known = budget.hold(Admitted::Known);
        assert!(known.take(50).is_ok());
        drop(known);
        a.prove();
        assert!(b.take(30).is_ok(), "the room is there for the next");
        assert!(a.take(20).is_ok(), "with the others now");
        assert_eq!(status(b.take(1)), Err(413), "alone it would be too much");
        drop((a, b));
        let shared = &budget.shared;
        assert_eq!((shared.used.load(Relaxed), shared.unproven.load(Relaxed)), (0, 0));
        assert!(budget.hold(Admitted::Known).take(100).is_ok());
    }

    #[test]
    fn what_can_never_fit_is_not_told_to_wait_for_others() {
        let budget = Budget::new(100, WebhookMetrics::new());
        let mut hold = budget.hold(Admitted::Known);
        assert!(hold.take(60).is_ok());
        let answer = hold.take(41).expect_err("more than all");
        assert!(answer.curable && answer.said.contains("raise --webhook-memory"), "{answer:?}");
    }
}
