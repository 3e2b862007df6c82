//! How much of all bodies may be in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::answer::Answer;
use crate::telemetry::metrics::WebhookMetrics;

/// Bytes that all requests together may hold. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    used: AtomicUsize,
    metrics: WebhookMetrics,
}

/// What one request holds; given back when it is dropped.
#[derive(Debug)]
pub struct Hold {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// At most `limit` bytes.
    pub fn new(limit: usize, metrics: WebhookMetrics) -> Self {
        Self { shared: Arc::new(Shared { limit, used: AtomicUsize::new(0), metrics }) }
    }

    /// Nothing held yet.
    pub fn hold(&self) -> Hold {
        Hold { budget: self.clone(), bytes: 0 }
    }
}

impl Hold {
    /// Takes `bytes` more, as they come: what a head announces and never sends takes no room.
    pub fn take(&mut self, bytes: usize) -> Result<(), Answer> {
        let Shared { limit, used, metrics } = &*self.budget.shared;
        let grown = |now: usize| now.checked_add(bytes).filter(|sum| sum <= limit);
        let Ok(before) = used.fetch_update(Relaxed, Relaxed, grown) else {
            return Err(Answer::busy("the bodies of other requests take all of --webhook-memory"));
        };
        self.bytes += bytes;
        metrics.body_bytes(before + bytes);
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Shared { used, metrics, .. } = &*self.budget.shared;
        let before = used.fetch_sub(self.bytes, Relaxed);
        metrics.body_bytes(before - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_shared_and_comes_back() {
        let budget = Budget::new(100, WebhookMetrics::new());
        let (mut a, mut b) = (budget.hold(), budget.hold());
        assert!(a.take(60).is_ok() && b.take(40).is_ok());
        assert_eq!(b.take(1).map_err(|answer| answer.status.as_u16()), Err(503));
        drop(a);
        assert!(b.take(60).is_ok(), "what a refused take asked for is not held");
        assert!(b.take(usize::MAX).is_err());
    }
}
