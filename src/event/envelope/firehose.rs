//! What Amazon Data Firehose sends to a transforming function, to an HTTP endpoint, and to S3 when it gives a record up.

use super::{Envelope, Facts, Holds, Part, Payload, first, is_string};
use crate::event::clock::stamp;
use crate::event::scan::Scanned;
use crate::event::time::Millis;
use crate::event::walk;

pub const TRANSFORM: Envelope = Envelope {
    name: "firehose-transform",
    mark: "records",
    told: |event| is_string(event.get(b"invocationId")) && has_data(event),
    holds: Holds::Each("records"),
    parts: transform,
};

pub const HTTP: Envelope = Envelope {
    name: "firehose-http",
    mark: "records",
    told: |event| is_string(event.get(b"requestId")) && has_data(event),
    holds: Holds::Each("records"),
    parts: http,
};

pub const ERROR: Envelope = Envelope {
    name: "firehose-error",
    mark: "rawData",
    told: is_error,
    holds: Holds::One,
    parts: |event, take| take(error(event)),
};

/// When Firehose received the record that an error document holds, when that can be read; `None` when the event is no
/// error document.
pub fn error_arrival(event: &Scanned) -> Option<Option<Millis>> {
    is_error(event).then(|| event.get(b"arrivalTimestamp").and_then(stamp))
}

fn has_data(event: &Scanned) -> bool {
    first(event, "records").is_some_and(|part| is_string(walk::at(part, &["data"])))
}

fn elements(event: &Scanned) -> walk::Elements<'_> {
    walk::elements(event.get(b"records").unwrap_or_default())
}

fn transform(event: &Scanned, take: &mut dyn FnMut(Part<'_>)) {
    let source = event.get(b"sourceKinesisStreamArn").or_else(|| event.get(b"deliveryStreamArn"));
    let region = event.get(b"region");
    for part in elements(event) {
        let mut facts = Facts { source, region, ..Facts::default() };
        let mut data = None;
        for (key, value) in walk::members(part) {
            match key {
                b"data" => data = Some(value),
                b"recordId" => facts.id = Some(value),
                b"approximateArrivalTimestamp" => facts.time = stamp(value),
                _ => {}
            }
        }
        take(Part { payload: Payload::base64(data, part), facts });
    }
}

fn http(event: &Scanned, take: &mut dyn FnMut(Part<'_>)) {
    let (id, time) = (event.get(b"requestId"), event.get(b"timestamp").and_then(stamp));
    let attributes = event.get(b"commonAttributes");
    for part in elements(event) {
        let payload = Payload::base64(walk::at(part, &["data"]), part);
        take(Part { payload, facts: Facts { id, time, attributes, ..Facts::default() } });
    }
}

fn is_error(event: &Scanned) -> bool {
    is_string(event.get(b"rawData")) && event.get(b"attemptsMade").is_some()
}

fn error(event: &Scanned) -> Part<'_> {
    // As each destination names it.
    let ids = ["EventId", "dataId", "esDocumentId", "osDocumentId"];
    let id = ids.iter().find_map(|name| event.get(name.as_bytes()));
    let time = event.get(b"arrivalTimestamp").and_then(stamp);
    let facts = Facts { id, time, kind: event.get(b"errorCode"), ..Facts::default() };
    Part { payload: Payload::base64(event.get(b"rawData"), &event.json), facts }
}
