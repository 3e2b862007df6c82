//! Vonage's SMS API, once Nexmo's: delivery receipts, and messages that people sent. Its Messages API is [`messages`].
//!
//! Both are told by `msisdn` and `messageId` beside a member with a hyphen: `message-timestamp`, `network-code` or
//! `err-code`. They come as JSON, or as the parameters of a form or of an address. Their time is `message-timestamp`: of
//! UTC, though its text does not say so.
//!
//! Fields: Vonage API documentation, "Delivery Receipts", "Inbound SMS" and "Signing Messages".

use std::borrow::Cow;

use super::{Knowledge, is_text};
use crate::event::clock::{Clock, seconds, stamp, zoneless};
use crate::event::family::Family;
use crate::event::redact::Personal;
use crate::event::scan::Scanned;
use crate::event::time::Millis;

pub mod messages;
mod read;
#[cfg(test)]
mod tests;

/// What is known of the SMS API's events.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Vonage,
    recognise,
    stamp: |event| (at(event), Clock::Service),
    read: read::read,
    template: TEMPLATE,
    personal: PERSONAL,
};

/// Its index template, for both APIs.
const TEMPLATE: &str = include_str!(concat!(env!("OUT_DIR"), "/templates/vonage.json"));

/// Where documents of both APIs hold what is a person's.
const PERSONAL: &[(&str, Personal)] = &[
    ("msisdn", Personal::Contact),
    ("to", Personal::Contact),
    ("from", Personal::Contact),
    ("text", Personal::Body),
    ("keyword", Personal::Body),
    ("data", Personal::Body),
    ("message", Personal::Body),
    ("image", Personal::Body),
    ("audio", Personal::Body),
    ("video", Personal::Body),
    ("file", Personal::Body),
    ("location", Personal::Body),
    ("reply", Personal::Body),
    ("button", Personal::Body),
    ("vcard", Personal::Body),
    ("sms.keyword", Personal::Body),
    ("error.detail", Personal::Mixed),
    ("provider_message", Personal::Mixed),
    ("order", Personal::Body),
    ("profile", Personal::User),
];

fn recognise(event: &Scanned) -> bool {
    let hyphened: [&[u8]; 3] = [b"message-timestamp", b"network-code", b"err-code"];
    is_text(event, "msisdn")
        && is_text(event, "messageId")
        && hyphened.into_iter().any(|name| event.get(name).is_some())
}

fn at(event: &Scanned) -> Option<Millis> {
    let written = event.get(b"message-timestamp").map(spaced);
    let written = written.and_then(|text| zoneless(&text).or_else(|| stamp(&text)));
    // Of signed events, the same in seconds.
    written.or_else(|| event.get(b"timestamp").and_then(seconds))
}

/// A `message-timestamp` as it should be: in addresses it has been seen with backslashes around the day, and a plus for
/// the space. Anything that is then no time stays as it came.
fn spaced(value: &[u8]) -> Cow<'_, [u8]> {
    let spaced = value.iter().filter(|b| **b != b'\\').map(|b| if *b == b'+' { b' ' } else { *b });
    let spaced: Vec<u8> = spaced.collect();
    if zoneless(&spaced).is_some() { Cow::Owned(spaced) } else { Cow::Borrowed(value) }
}
