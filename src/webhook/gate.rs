//! How many requests a second one provider may make.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// A bucket of tokens: one a request, refilled evenly, as many saved up as one second gives.
#[derive(Debug)]
pub struct Gate {
    rate: f64,
    state: Mutex<(f64, Instant)>,
}

impl Gate {
    /// `rate` requests a second, and as many at once after a second of silence.
    pub fn new(rate: u32) -> Self {
        let rate = f64::from(rate);
        Self { rate, state: Mutex::new((rate, Instant::now())) }
    }

    /// Whether one more may pass now.
    pub fn passes(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, last) = *state;
        let tokens = (tokens + (now - last).as_secs_f64() * self.rate).min(self.rate);
        let passes = tokens >= 1.0;
        *state = (if passes { tokens - 1.0 } else { tokens }, now);
        passes
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_gives_what_the_rate_says() {
        let gate = Gate::new(10);
        let burst = |tries: usize| (0..tries).filter(|_| gate.passes()).count();
        assert_eq!(burst(30), 10, "as many at once as one second gives");
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(burst(30), 5);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(burst(30), 10, "no more than one second's are saved up");
    }
}
