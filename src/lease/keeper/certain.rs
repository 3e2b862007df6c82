//! Whether a worker's leases are certain, for those who wait until they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// True until told otherwise. Cheap to clone; all clones are one.
///
/// Those who wait go on in the order in which they came: a simulation must replay, and tokio's own `watch` wakes
/// them in any order.
#[derive(Debug, Clone, Default)]
pub struct Certain(Arc<State>);

#[derive(Debug, Default)]
struct State {
    uncertain: AtomicBool,
    changed: Notify,
}

impl Certain {
    /// Whether they are certain now.
    pub fn is(&self) -> bool {
        !self.0.uncertain.load(Ordering::Acquire)
    }

    /// Returns once they are certain.
    pub async fn wait(&self) {
        loop {
            // Before the look: what changes in between still wakes it.
            let changed = self.0.changed.notified();
            if self.is() {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn set(&self, certain: bool) {
        self.0.uncertain.store(!certain, Ordering::Release);
        if certain {
            self.0.changed.notify_waiters();
        }
    }
}
