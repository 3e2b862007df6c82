//! Amazon SNS: a message in a string, delivered alone or by Lambda in `Records`.

use super::lambda::records;
use super::{Envelope, Facts, Holds, Part, Payload, first, is_string};
use crate::event::clock::stamp;
use crate::event::walk;

const NAME: &str = "sns";

pub const RECORDS: Envelope = Envelope {
    name: NAME,
    mark: "Records",
    told: |event| first(event, "Records").is_some_and(|part| is_string(walk::at(part, &["Sns", "Message"]))),
    holds: Holds::Each("Records"),
    parts: |event, take| records(event, |part| notification(walk::at(part, &["Sns"]).unwrap_or_default(), part), take),
};

/// `Type` tells a notification from the confirmation of a subscription, which has a `Message` for people.
pub const NOTIFICATION: Envelope = Envelope {
    name: NAME,
    mark: "Message",
    told: |event| event.get(b"Type") == Some(br#""Notification""#) && is_string(event.get(b"Message")),
    holds: Holds::One,
    parts: |event, take| take(notification(&event.json, &event.json)),
};

/// The notification `json`, which is or lies in the part `of`.
fn notification<'a>(json: &'a [u8], of: &'a [u8]) -> Part<'a> {
    let (mut message, mut facts) = (None, Facts::default());
    for (key, value) in walk::members(json) {
        match key {
            b"Message" => message = Some(value),
            b"MessageId" => facts.id = Some(value),
            b"Timestamp" => facts.time = stamp(value),
            b"TopicArn" => facts.source = Some(value),
            _ => {}
        }
    }
    Part { payload: Payload::text(message, of), facts }
}
