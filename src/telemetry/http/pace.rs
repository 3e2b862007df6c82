//! How long a connection may last: a fixed time from its beginning, and from each sign of life that a stream gives.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// One request a connection, answered and closed within this: a reader that takes nothing holds a place no longer.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(20);

/// The deadline of one connection. It rides in the request; an answer that goes on for longer moves it each time its
/// reader takes something. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pace {
    until: Arc<Mutex<Instant>>,
}

impl Pace {
    /// Of a connection that begins now.
    pub fn begin() -> Self {
        Self { until: Arc::new(Mutex::new(Instant::now() + CONNECTION_TIMEOUT)) }
    }

    /// The reader has taken what there was.
    pub fn moved(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + CONNECTION_TIMEOUT;
    }

    /// Returns once nothing has moved for too long.
    pub(super) async fn over(&self) {
        loop {
            let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}
