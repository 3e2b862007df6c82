//! Refused requests in the log: the first, and then one line a minute with their number.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::answer::Answer;
use crate::telemetry::metrics::{Label, Provider, WebhookAnswer};

/// Between two lines about the same.
const PAUSE: Duration = Duration::from_secs(60);

/// What was refused since the last line about it.
#[derive(Debug, Default)]
pub struct Complaints {
    since: Mutex<Vec<Since>>,
}

#[derive(Debug)]
struct Since {
    about: (Provider, WebhookAnswer),
    said_at: Instant,
    count: u64,
}

impl Complaints {
    /// Logs an answer that somebody has to act on.
    pub fn note(&self, provider: Provider, answer: &Answer) {
        if matches!(answer.kind, WebhookAnswer::Taken | WebhookAnswer::Nothing) {
            return;
        }
        let Some(count) = self.due((provider, answer.kind), Instant::now()) else { return };
        tracing::warn!(
            webhook.provider = provider.text(),
            webhook.answer = answer.kind.text(),
            webhook.requests = count,
            http.status = answer.status.as_u16(),
            "not taken: {}",
            answer.said
        );
    }

    /// How many it were since the last line, when another line is due.
    fn due(&self, about: (Provider, WebhookAnswer), now: Instant) -> Option<u64> {
        let mut all = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(since) = all.iter_mut().find(|since| since.about == about) else {
            all.push(Since { about, said_at: now, count: 0 });
            return Some(1);
        };
        since.count += 1;
        if now - since.said_at < PAUSE {
            return None;
        }
        since.said_at = now;
        Some(std::mem::take(&mut since.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_minute_and_none_is_uncounted() {
        let complaints = Complaints::default();
        let about = (Provider::Bird, WebhookAnswer::Refused);
        let due = || complaints.due(about, Instant::now());
        assert_eq!(due(), Some(1));
        assert_eq!((0..99).find_map(|_| due()), None);
        assert_eq!(complaints.due((Provider::Sns, WebhookAnswer::Refused), Instant::now()), Some(1));
        tokio::time::advance(PAUSE).await;
        assert_eq!(due(), Some(100));
        assert_eq!(due(), None);
    }
}
