//! Findings as they come, and the time there is for them.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::finding::Finding;
use crate::app::commands::print_lines;

/// What was not tried, and why.
pub const OUT_OF_TIME: &str = "out of time";

/// The findings so far.
#[derive(Debug)]
pub struct Found {
    /// All of them, in the order they were found.
    pub findings: Vec<Finding>,
    /// Whether each is shown at once: somebody waits for it.
    aloud: bool,
    limit: Duration,
    until: Instant,
}

impl Found {
    /// Nothing yet, and so much time from now on.
    pub fn new(aloud: bool, limit: Duration) -> Self {
        Self { findings: Vec::new(), aloud, limit, until: Instant::now() + limit }
    }

    /// When time is up.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// One more.
    pub fn push(&mut self, finding: Finding) {
        if self.aloud {
            // The report says at its end whether standard output takes anything.
            print_lines([finding.to_string()]).ok();
        }
        self.findings.push(finding);
    }

    /// Some more.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// What a step gives; nothing when time is up before its end, which is said.
    pub async fn within<T>(&mut self, about: &'static str, what: &str, step: impl Future<Output = T>) -> Option<T> {
        let done = match Instant::now() < self.until {
            true => timeout_at(self.until, step).await.ok(),
            false => None,
        };
        if done.is_none() {
            self.late(about, what);
        }
        done
    }

    /// Says that something was not looked at to its end. Nobody knows then whether a run works: that is none which does.
    pub fn late(&mut self, about: &'static str, what: &str) {
        let what = format!("{what}: not tried: {OUT_OF_TIME} ({} s)", self.limit.as_secs());
        self.push(Finding::problem(about, what, "see what was slow or silent above, mend it and check again"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_hangs_takes_the_time_there_is_and_what_follows_takes_none() {
        let (mut found, began) = (Found::new(false, Duration::from_secs(60)), Instant::now());
        assert_eq!(found.within("cluster", "its name", async { 7 }).await, Some(7));
        assert_eq!(found.findings, []);
        assert_eq!(found.within("cluster", "room", std::future::pending::<u8>()).await, None);
        assert_eq!(began.elapsed(), Duration::from_secs(60));
        assert_eq!(found.within("state", "positions", async { 7 }).await, None, "it is not begun");
        assert_eq!(began.elapsed(), Duration::from_secs(60));
        let said: Vec<_> = found.findings.iter().map(|one| (one.level, one.about, one.what.as_str())).collect();
        let late = [
            (Level::Problem, "cluster", "room: not tried: out of time (60 s)"),
            (Level::Problem, "state", "positions: not tried: out of time (60 s)"),
        ];
        assert_eq!(said, late);
    }
}
