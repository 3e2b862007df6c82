//! What a worker would make of a value, and what it is keyed by.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::event::family::Family;
use crate::event::key::{self, scalar};
use crate::event::scan::{ScanLimits, Scanned, scan};
use crate::event::time::Millis;
use crate::event::unwrap::{Piece, Rules, Unwrapper, Wrapping};

/// Looks at values.
#[derive(Debug)]
pub struct Look {
    unwrapper: Unwrapper,
    limits: ScanLimits,
    scanned: Scanned,
    path: Option<Vec<String>>,
    /// Stands for the arrival.
    now: Millis,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The partition key.
    pub key: String,
    /// Events in it, by family.
    pub events: BTreeMap<Family, u64>,
    /// Why some of it is no event, and would be a dead letter.
    pub poison: Option<String>,
}

impl Look {
    /// By these rules; `path` leads to the partition key.
    pub fn new(rules: Rules, path: Option<Vec<String>>, now: Millis) -> Self {
        Self { limits: rules.scan, unwrapper: Unwrapper::new(rules), scanned: Scanned::default(), path, now }
    }

    /// Looks at one value.
    pub fn at(&mut self, value: &Bytes) -> Seen {
        let mut seen = Seen { key: self.key(value), ..Seen::default() };
        let wrapping = Wrapping { arrived: self.now, envelopes: &[], time: None };
        self.unwrapper.next_record();
        self.unwrapper.unwrap(value, wrapping, &mut |piece| match piece {
            Piece::Event(event) => *seen.events.entry(event.family).or_default() += 1,
            Piece::Poison(poison) => {
                seen.poison.get_or_insert_with(|| format!("{}: {}", poison.reason, poison.detail));
            }
        });
        seen
    }

    fn key(&mut self, value: &[u8]) -> String {
        match self.named(value) {
            Some(named) => key::legal(named, value),
            None => key::of_data(value),
        }
    }

    /// The text of the member that the path leads to.
    fn named(&mut self, value: &[u8]) -> Option<String> {
        let path: Vec<&str> = self.path.as_ref()?.iter().map(String::as_str).collect();
        scan(value, 0, &self.limits, &mut self.scanned).ok()?;
        self.scanned.at(&path).and_then(scalar)
    }
}
