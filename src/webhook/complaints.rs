//! Refused requests in the log: the first, and then one line a minute with their number.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::answer::Answer;
use crate::telemetry::metrics::{Label, Provider, WebhookAnswer};

/// Between two lines about the same.
const PAUSE: Duration = Duration::from_secs(60);

/// Whose requests, and what they were told; nobody's are those to a path that nobody has.
type About = (Option<Provider>, WebhookAnswer);

/// What was refused since the last line about it.
#[derive(Debug, Default)]
pub struct Complaints {
    since: Mutex<Vec<Since>>,
}

#[derive(Debug)]
struct Since {
    about: About,
    said_at: Instant,
    count: u64,
}

impl Complaints {
    /// Logs an answer that somebody has to act on.
    pub fn note(&self, provider: Provider, answer: &Answer) {
        if matches!(answer.kind, WebhookAnswer::Taken | WebhookAnswer::Nothing) {
            return;
        }
        let Some(count) = self.due((Some(provider), answer.kind), Instant::now()) else { return };
        tracing::warn!(
            webhook.provider = provider.text(),
            webhook.answer = answer.kind.text(),
            webhook.requests = count,
            http.status = answer.status.as_u16(),
            "not taken: {}",
            answer.said
        );
    }

    /// Logs a request to a path that nobody has, and where something is received. The path is whatever somebody sent, and
    /// not shown.
    pub fn elsewhere(&self, paths: &str) {
        let Some(count) = self.due((None, WebhookAnswer::NotFound), Instant::now()) else { return };
        tracing::warn!(
            webhook.answer = WebhookAnswer::NotFound.text(),
            webhook.requests = count,
            http.status = 404,
            "not taken: nothing is received at the path of the request, but at {paths}"
        );
    }

    /// How many it were since the last line, when another line is due.
    fn due(&self, about: About, now: Instant) -> Option<u64> {
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
    use crate::telemetry::logs::captured;

    #[test]
    fn who_posts_elsewhere_is_told_where_to_and_not_repeated() {
        let log = captured(|| {
            let complaints = Complaints::default();
            (0..9).for_each(|_| complaints.elsewhere("/bird /json/NAME"));
        });
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("not taken") && log.contains("at /bird /json/NAME"), "{log}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_line_a_minute_and_none_is_uncounted() {
        let complaints = Complaints::default();
        let about = (Some(Provider::Bird), WebhookAnswer::Refused);
        let due = || complaints.due(about, Instant::now());
        assert_eq!(due(), Some(1));
        assert_eq!((0..99).find_map(|_| due()), None);
        assert_eq!(complaints.due((Some(Provider::Sns), WebhookAnswer::Refused), Instant::now()), Some(1));
        tokio::time::advance(PAUSE).await;
        assert_eq!(due(), Some(100));
        assert_eq!(due(), None);
    }
}
