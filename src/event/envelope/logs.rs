//! A subscription of CloudWatch Logs: lines of a log group.
//!
//! A line that is JSON is an event, as services write theirs into a log group. Any other line is one too: the log event
//! itself, with its id and its time. It is not a dead letter, because there is nothing to mend in it: a group that holds
//! events also holds what its programs print (`START RequestId: …`), and one alarm a line would hide those that matter.
//! A check of the subscription (`CONTROL_MESSAGE`) holds nothing.

use serde::de::IgnoredAny;

use super::payload::text;
use super::{Envelope, Facts, Holds, Part, Payload, first};
use crate::event::clock::stamp;
use crate::event::scan::Scanned;
use crate::event::walk;

pub const LOGS: Envelope = Envelope {
    name: "cloudwatch-logs",
    mark: "logEvents",
    told: |event| {
        let has_lines = first(event, "logEvents").is_some_and(|line| line.starts_with(b"{"));
        has_lines && event.get(b"messageType") == Some(br#""DATA_MESSAGE""#)
    },
    holds: Holds::Each("logEvents"),
    parts: lines,
};

fn lines(event: &Scanned, take: &mut dyn FnMut(Part<'_>)) {
    let (source, account) = (event.get(b"logGroup"), event.get(b"owner"));
    for line in walk::elements(event.get(b"logEvents").unwrap_or_default()) {
        let (mut message, mut facts) = (None, Facts { source, account, ..Facts::default() });
        for (key, value) in walk::members(line) {
            match key {
                b"id" => facts.id = Some(value),
                b"timestamp" => facts.time = stamp(value),
                b"message" => message = Some(value),
                _ => {}
            }
        }
        let json = message.filter(|m| m.starts_with(b"\"") && is_json(&text(m)));
        take(Part { payload: json.map_or(Payload::Value(line), Payload::Text), facts });
    }
}

/// Whether all of a line is objects: what is none is no event, and a line of it is one.
fn is_json(line: &str) -> bool {
    let mut rest = line.trim();
    let is_empty = rest.is_empty();
    while !rest.is_empty() {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        if !rest.starts_with('{') || values.next().is_none_or(|value| value.is_err()) {
            return false;
        }
        rest = rest[values.byte_offset()..].trim_start();
    }
    !is_empty
}
