//! Readiness: what stands in the way of settling events, by name, each with its reason.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Reasons come from cluster replies too; the page and the log need the beginning of one.
const MAX_REASON_CHARS: usize = 400;

/// Reasons shown at once: with thousands of shards the first ones tell.
const MAX_SHOWN: usize = 50;

/// Name of a condition: `cluster`, `shard shardId-000000000003`.
pub type Key = Cow<'static, str>;

/// The condition that holds until [`Health::started`].
const START: &str = "start";

/// The conditions that keep essink from being ready. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health {
    conditions: Arc<Mutex<BTreeMap<Key, Condition>>>,
}

#[derive(Debug, Default)]
struct Condition {
    reason: String,
    /// Set by `set`, until `clear`.
    set: bool,
    /// Guards of `hold` that are alive.
    holders: usize,
}

/// What `set` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The condition was not there before: worth a log line.
    Entered,
    /// It was there with another reason.
    OtherReason,
    /// It was there with this reason.
    Same,
}

/// Keeps a condition red while it lives, with as many others as hold the same one.
#[derive(Debug)]
#[must_use = "the condition ends when this is dropped"]
pub struct Held {
    health: Health,
    key: Key,
}

impl Health {
    /// Red with "starting" until [`Health::started`].
    pub fn starting() -> Self {
        let health = Self { conditions: Arc::default() };
        health.set(START, "starting");
        health
    }

    /// The first condition is over.
    pub fn started(&self) {
        self.clear(START);
    }

    /// Turns `key` red, or gives it another reason. Logs nothing.
    pub fn set(&self, key: impl Into<Key>, reason: impl AsRef<str>) -> Change {
        self.change(key.into(), &one_line(reason.as_ref()), |condition| condition.set = true)
    }

    /// Ends what `set` began; true when the condition is over with it. Logs nothing.
    pub fn clear(&self, key: impl Into<Key>) -> bool {
        self.end(&key.into(), |condition| condition.set = false)
    }

    /// `set`, with one log line when the condition begins and none while it lasts.
    pub fn enter(&self, key: impl Into<Key>, reason: impl AsRef<str>) {
        let (key, reason) = (key.into(), one_line(reason.as_ref()));
        if self.change(key.clone(), &reason, |condition| condition.set = true) == Change::Entered {
            log_entered(&key, &reason);
        }
    }

    /// `clear`, with one log line when the condition ends.
    pub fn leave(&self, key: impl Into<Key>) {
        let key = key.into();
        if self.clear(key.clone()) {
            log_left(&key);
        }
    }

    /// Turns `key` red until the last guard of it is dropped: for conditions that several tasks can meet at once,
    /// so that the one that got through does not turn green what still holds the others. One log line at each end.
    pub fn hold(&self, key: impl Into<Key>, reason: impl AsRef<str>) -> Held {
        let (key, reason) = (key.into(), one_line(reason.as_ref()));
        if self.change(key.clone(), &reason, |condition| condition.holders += 1) == Change::Entered {
            log_entered(&key, &reason);
        }
        Held { health: self.clone(), key }
    }

    /// Whether nothing stands in the way.
    pub fn is_ready(&self) -> bool {
        self.lock().is_empty()
    }

    /// Every condition with its reason, at most 50 and then a line that counts the rest.
    pub fn reasons(&self) -> Vec<(String, String)> {
        let conditions = self.lock();
        let shown = conditions.iter().take(MAX_SHOWN);
        let mut reasons: Vec<_> = shown.map(|(key, condition)| (key.to_string(), condition.reason.clone())).collect();
        if let Some(more) = conditions.len().checked_sub(MAX_SHOWN).filter(|&more| more > 0) {
            reasons.push(("…".to_owned(), format!("and {more} more")));
        }
        reasons
    }

    fn change(&self, key: Key, reason: &str, begin: impl FnOnce(&mut Condition)) -> Change {
        let mut conditions = self.lock();
        let change = match conditions.get(&key) {
            None => Change::Entered,
            Some(condition) if condition.reason == reason => Change::Same,
            Some(_) => Change::OtherReason,
        };
        let condition = conditions.entry(key).or_default();
        condition.reason = reason.to_owned();
        begin(condition);
        change
    }

    fn end(&self, key: &str, end: impl FnOnce(&mut Condition)) -> bool {
        let mut conditions = self.lock();
        let Some(condition) = conditions.get_mut(key) else {
            return false;
        };
        end(condition);
        let over = !condition.set && condition.holders == 0;
        if over {
            conditions.remove(key);
        }
        over
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Condition>> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.health.end(&self.key, |condition| condition.holders -= 1) {
            log_left(&self.key);
        }
    }
}

/// The beginning of a reason, without line breaks: it becomes a line of the page and a part of a log message.
fn one_line(reason: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    reason.chars().take(MAX_REASON_CHARS).map(blank).collect()
}

fn log_entered(key: &str, reason: &str) {
    tracing::warn!(health.condition = key, health.reason = reason, "not ready: {key}: {reason}");
}

fn log_left(key: &str) {
    tracing::info!(health.condition = key, "over: {key}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::logs::captured;

    fn ready() -> Health {
        let health = Health::starting();
        health.started();
        health
    }

    #[test]
    fn starts_red() {
        let health = Health::starting();
        assert!(!health.is_ready());
        assert_eq!(health.reasons(), [("start".to_owned(), "starting".to_owned())]);
        health.started();
        assert!(health.is_ready());
    }

    #[test]
    fn says_what_changed() {
        let health = ready();
        assert_eq!(health.set("cluster", "busy"), Change::Entered);
        assert_eq!(health.set("cluster", "busy"), Change::Same);
        assert_eq!(health.set("cluster", "flood stage"), Change::OtherReason);
        assert_eq!(health.set("state", "cannot store"), Change::Entered);
        assert!(health.clear("cluster"));
        assert!(!health.clear("cluster"), "over already");
        assert!(!health.is_ready(), "the other condition still holds");
        assert!(health.clear("state"));
        assert!(health.is_ready());
    }

    #[test]
    fn one_line_on_entering_and_one_on_leaving() {
        let log = captured(|| {
            let health = ready();
            for second in 0..60 {
                health.enter("cluster", format!("busy for {second} s"));
            }
            health.leave("cluster");
            health.leave("cluster");
        });
        assert_eq!(log.lines().count(), 2, "{log}");
        assert!(log.contains("not ready: cluster: busy for 0 s"), "{log}");
        assert!(log.contains("over: cluster"), "{log}");
    }

    #[test]
    fn red_until_the_last_holder_is_through() {
        let log = captured(|| {
            let health = ready();
            let first = health.hold("cluster", "busy");
            let second = health.hold("cluster", "busy");
            drop(first);
            assert!(!health.is_ready());
            health.leave("cluster");
            assert!(!health.is_ready(), "leave ends what enter began, not what another task holds");
            drop(second);
            assert!(health.is_ready());
        });
        assert_eq!(log.lines().count(), 2, "{log}");
    }

    #[test]
    fn reasons_and_their_number_are_bounded() {
        let health = ready();
        health.set("a", "two\nlines\u{1b}[31m");
        assert_eq!(health.reasons()[0].1, "two lines [31m");
        health.clear("a");
        for shard in 0..53 {
            health.set(format!("shard {shard:02}"), "ä".repeat(10_000));
        }
        let reasons = health.reasons();
        assert_eq!(reasons.len(), 51);
        assert_eq!(reasons[0].1.chars().count(), 400);
        assert_eq!(reasons[50].1, "and 3 more");
    }
}
