//! Bird's rows: `{"msys":{"message_event":{…}}}`, each member of `msys` an event of that class.
//!
//! The events are the inner objects, so that rows of a webhook and of the Events API, which has no row around them, look
//! alike. An inbound message (`relay_message`) is a class like others.

use super::{Envelope, Facts, Holds, Part, Payload};
use crate::event::walk;

/// `msys` alone: beside other members it is somebody else's, and opening it would lose them. `{"msys":{}}`, which
/// Bird sends to try an endpoint, holds nothing.
pub const MSYS: Envelope = Envelope {
    name: "msys",
    mark: "msys",
    told: |event| {
        let classes = event.get(b"msys").unwrap_or_default();
        event.members.len() == 1 && walk::members(classes).any(|(_, class)| class.starts_with(b"{") && class != b"{}")
    },
    holds: Holds::Each("msys"),
    parts: |event, take| {
        for (key, value) in walk::members(event.get(b"msys").unwrap_or_default()) {
            let class = [b"\"", key, b"\""].concat();
            let facts = Facts { kind: Some(&class), ..Facts::default() };
            take(Part { payload: Payload::Value(value), facts });
        }
    },
};
