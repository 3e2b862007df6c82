//! What a worker would make of a value, and what it is keyed by.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::event::family::Family;
use crate::event::scan::{ScanLimits, Scanned, scan};
use crate::event::time::Millis;
use crate::event::unwrap::{Piece, Rules, Unwrapper, Wrapping};
use crate::event::walk::{self, unquoted};
use crate::kinesis::put::shards::legal_key;

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
        let (mut seen, mut message) = (Seen::default(), None);
        let wrapping = Wrapping { arrived: self.now, envelopes: &[], time: None };
        self.unwrapper.next_record();
        self.unwrapper.unwrap(value, wrapping, &mut |piece| match piece {
            Piece::Event(event) => {
                *seen.events.entry(event.family).or_default() += 1;
                if message.is_none() {
                    message = walk::at(&event.body, &["msg", "id"]).and_then(text);
                }
            }
            Piece::Poison(poison) => {
                seen.poison.get_or_insert_with(|| format!("{}: {}", poison.reason, poison.detail));
            }
        });
        let named = self.named(value);
        // Without either it is the digest of the value.
        seen.key = legal_key(named.or(message).unwrap_or_default(), value);
        seen
    }

    /// The text of the member that the path leads to.
    fn named(&mut self, value: &[u8]) -> Option<String> {
        let path: Vec<&str> = self.path.as_ref()?.iter().map(String::as_str).collect();
        scan(value, 0, &self.limits, &mut self.scanned).ok()?;
        self.scanned.at(&path).and_then(text)
    }
}

/// A string, escapes as they came, or a number; not an empty one.
fn text(value: &[u8]) -> Option<String> {
    let is_scalar = matches!(value.first(), Some(b'"' | b'-' | b'0'..=b'9'));
    let text = std::str::from_utf8(unquoted(value)).ok()?;
    (is_scalar && !text.is_empty()).then(|| text.to_owned())
}
