//! Amazon EventBridge: the event is the object `detail`.

use super::{Envelope, Facts, Holds, Part, Payload, is_string};
use crate::event::clock::stamp;
use crate::event::scan::Scanned;

/// An empty `detail` (a schedule's) is no event: all of them would be the same one.
pub const EVENTBRIDGE: Envelope = Envelope {
    name: "eventbridge",
    mark: "detail-type",
    told: |event| {
        let has_detail = event.get(b"detail").is_some_and(|detail| detail.starts_with(b"{") && detail != b"{}");
        has_detail && is_string(event.get(b"detail-type")) && is_string(event.get(b"source"))
    },
    holds: Holds::One,
    parts: |event, take| take(part(event)),
};

fn part(event: &Scanned) -> Part<'_> {
    let facts = Facts {
        id: event.get(b"id"),
        time: event.get(b"time").and_then(stamp),
        source: event.get(b"source"),
        kind: event.get(b"detail-type"),
        account: event.get(b"account"),
        region: event.get(b"region"),
        attributes: None,
    };
    Part { payload: event.get(b"detail").map_or(Payload::Missing(&event.json), Payload::Value), facts }
}
