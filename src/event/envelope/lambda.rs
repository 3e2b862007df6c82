//! What AWS Lambda hands to a function from Kinesis and from SQS: `Records`.

use super::facts::seconds;
use super::{Envelope, Facts, Holds, Part, Payload, first, is_string};
use crate::event::clock::stamp;
use crate::event::scan::Scanned;
use crate::event::walk;

pub const KINESIS: Envelope = Envelope {
    name: "kinesis-lambda",
    mark: "Records",
    told: |event| first(event, "Records").is_some_and(|part| is_string(walk::at(part, &["kinesis", "data"]))),
    holds: Holds::Each("Records"),
    parts: |event, take| records(event, kinesis, take),
};

pub const SQS: Envelope = Envelope {
    name: "sqs",
    mark: "Records",
    told: |event| {
        let part = first(event, "Records").unwrap_or_default();
        walk::at(part, &["eventSource"]) == Some(br#""aws:sqs""#) && is_string(walk::at(part, &["body"]))
    },
    holds: Holds::Each("Records"),
    parts: |event, take| records(event, sqs, take),
};

/// Every element of `Records`, as `read` sees it.
pub fn records(event: &Scanned, read: fn(&[u8]) -> Part<'_>, take: &mut dyn FnMut(Part<'_>)) {
    walk::elements(event.get(b"Records").unwrap_or_default()).for_each(|part| take(read(part)));
}

fn kinesis(part: &[u8]) -> Part<'_> {
    let (mut data, mut facts) = (None, Facts::default());
    for (key, value) in walk::members(part) {
        match key {
            b"eventID" => facts.id = Some(value),
            b"eventSourceARN" => facts.source = Some(value),
            b"awsRegion" => facts.region = Some(value),
            b"kinesis" => {
                for (key, value) in walk::members(value) {
                    match key {
                        b"data" => data = Some(value),
                        b"approximateArrivalTimestamp" => facts.time = seconds(value),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Part { payload: Payload::base64(data, part), facts }
}

fn sqs(part: &[u8]) -> Part<'_> {
    let (mut body, mut facts) = (None, Facts::default());
    for (key, value) in walk::members(part) {
        match key {
            b"body" => body = Some(value),
            b"messageId" => facts.id = Some(value),
            b"eventSourceARN" => facts.source = Some(value),
            b"awsRegion" => facts.region = Some(value),
            b"attributes" => facts.time = walk::at(value, &["SentTimestamp"]).and_then(stamp),
            _ => {}
        }
    }
    Part { payload: Payload::text(body, part), facts }
}
