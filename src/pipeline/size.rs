//! How large a request may be: what was configured, or what the cluster, or a proxy before it, turned out to take.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a request, before compression: servers look at the inflated size too. Only ever smaller, for as long as the
/// process lives: nobody says when a limit is raised, and to ask costs a rejected upload.
#[derive(Debug)]
pub struct SizeLimit(AtomicUsize);

impl SizeLimit {
    /// Nothing learned yet.
    pub fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    /// Bytes of a request, at most.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A request of this size was too large. Gives the new limit when it is lower than before.
    pub fn too_large(&self, bytes: usize) -> Option<usize> {
        let half = (bytes / 2).max(1);
        let before = self.0.fetch_min(half, Ordering::Relaxed);
        (half < before).then_some(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_too_large_is_never_tried_again() {
        let limit = SizeLimit::new(5_000_000);
        assert_eq!(limit.too_large(5_000_000), Some(2_500_000));
        assert_eq!(limit.too_large(4_900_000), Some(2_450_000), "two that were under way together");
        assert_eq!(limit.too_large(10_000_000), None);
        assert_eq!(limit.bytes(), 2_450_000);
        let tiny = SizeLimit::new(1);
        tiny.too_large(1);
        assert_eq!(tiny.bytes(), 1);
    }
}
