//! The clock and chance of the process. Everybody else is given values.

use std::hash::{BuildHasher, RandomState};

use chrono::Utc;

use crate::event::time::Millis;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now() -> Millis {
    Millis(Utc::now().timestamp_millis())
}

/// A number nobody can foresee: the seed of jitter, and of a worker's name.
pub fn chance() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
