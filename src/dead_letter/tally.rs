//! How many letters there are, and why.

use std::collections::BTreeMap;

use serde::Serialize;

use super::head::Head;

/// Counts of letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All of them.
    pub letters: u64,
    /// Those of each reason.
    pub reasons: BTreeMap<String, u64>,
    /// Kinesis arrival of the oldest, in milliseconds since 1970.
    pub oldest: Option<i64>,
    /// The same of the newest.
    pub newest: Option<i64>,
    /// Whether there are more that were not counted.
    pub more: bool,
}

impl Tally {
    /// One letter more.
    pub fn count(&mut self, head: &Head) {
        self.letters += 1;
        *self.reasons.entry(head.reason.clone()).or_default() += 1;
        self.oldest = Some(self.oldest.map_or(head.arrived, |at| at.min(head.arrived)));
        self.newest = Some(self.newest.map_or(head.arrived, |at| at.max(head.arrived)));
    }
}
