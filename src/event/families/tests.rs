//! What holds for every family. Each has tests of its own beside it.

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::event::clock::ClockBounds;
use crate::event::unwrap::{Event, Piece, Rules, Unwrapper, Wrapping};

/// 2026-07-07T04:53:20Z
pub const ARRIVED: Millis = Millis(1_783_400_000_000);

/// The events in `data`, each with its document.
pub fn events(data: impl Into<Vec<u8>>) -> Vec<(Event, Value)> {
    let rules = Rules {
        scan: ScanLimits { depth: 100, keys: 10_000 },
        inflated: 1 << 20,
        values: 5_000,
        clock: ClockBounds { lag: 7 * 86_400_000, lead: 3_600_000 },
        redaction: None,
    };
    let mut events = Vec::new();
    let wrapping = Wrapping { arrived: ARRIVED, envelopes: &[], time: None };
    Unwrapper::new(rules).unwrap(&Bytes::from(data.into()), wrapping, &mut |piece| match piece {
        Piece::Event(event) => {
            let document = serde_json::from_slice(&event.body).expect("a body is JSON");
            events.push((event, document));
        }
        Piece::Poison(poison) => panic!("{poison:?}"),
    });
    events
}

/// The one event in `data`, and its document.
pub fn event(data: impl Into<Vec<u8>>) -> (Event, Value) {
    let mut events = events(data);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// The vocabulary of the one event in `event`, which must be of `family`.
pub fn msg(family: Family, event: &Value) -> Value {
    let (found, mut document) = self::event(event.to_string());
    assert_eq!(found.family, family, "{event}");
    let mut msg = document["msg"].take();
    let provider = msg.as_object_mut().expect("an object").remove("provider");
    assert_eq!(provider, Some(Value::from(family.name())));
    msg
}
