//! Pendula's activity sync: what became of the messages and the experiences of its flows.
//!
//! | form | told by |
//! |---|---|
//! | a kind that is known | `kind` and `timestamp`, and `messageId` or `experienceId` |
//! | a kind to come | these and `customContext` or `workflowContext` |
//!
//! `timestamp` files an event; Pendula's clock made it. The trigger record `{payload, customContext}`, which goes the
//! other way over Kinesis, has no `kind`: it is none of these.
//!
//! Source: Pendula's help centre, "Adding Amazon Kinesis Integration in Pendula", its type file.

use super::{Knowledge, Reading, is_text};
use crate::event::clock::{Clock, stamp};
use crate::event::family::Family;
use crate::event::msg::Field;
use crate::event::redact::Personal;
use crate::event::scan::Scanned;
use crate::event::time::Millis;
use crate::event::walk::{self, unquoted};

#[cfg(test)]
mod tests;

/// What is known of Pendula's events.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Pendula,
    recognise,
    stamp: filed_by,
    read,
    template: include_str!(concat!(env!("OUT_DIR"), "/templates/pendula.json")),
    personal: PERSONAL,
};

/// Where its documents hold what is a person's. `customContext` is the sender's own: whoever puts a person there names
/// the path.
const PERSONAL: &[(&str, Personal)] = &[
    ("payload.sender", Personal::Contact),
    ("payload.recipient", Personal::Contact),
    ("payload.replyTo", Personal::Contact),
    ("payload.subject", Personal::Body),
    ("payload.body", Personal::Body),
    ("errors.errorMessage", Personal::Mixed),
    ("errorDetails.errorMessage", Personal::Mixed),
];

/// The kinds and what they mean. A flow that starts or ends is no message.
const KINDS: [(&str, Option<&str>); 12] = [
    ("queued", Some("sent")),
    ("sent-to-gateway", Some("sent")),
    ("delivered", Some("delivered")),
    ("opened", Some("opened")),
    ("bounced", Some("bounced")),
    ("validation-failed", Some("failed")),
    ("rejected-by-gateway", Some("rejected")),
    ("inbound-matched-intent", Some("received")),
    ("inbound-unmatched", Some("received")),
    ("experience-start", None),
    ("experience-finish", None),
    ("experience-failed", None),
];

fn kind(event: &Scanned) -> Option<&'static (&'static str, Option<&'static str>)> {
    let name = unquoted(event.get(b"kind")?);
    KINDS.iter().find(|(kind, _)| kind.as_bytes() == name)
}

fn recognise(event: &Scanned) -> bool {
    let has = |key: &str| event.get(key.as_bytes()).is_some();
    is_text(event, "kind")
        && has("timestamp")
        && (has("messageId") || has("experienceId"))
        && (kind(event).is_some() || has("customContext") || has("workflowContext"))
}

fn filed_by(event: &Scanned) -> (Option<Millis>, Clock) {
    (event.get(b"timestamp").and_then(stamp), Clock::Service)
}

fn read(event: &Scanned, reading: &mut Reading<'_>) {
    let msg = &mut *reading.msg;
    msg.text(Field::Event, event.get(b"kind"));
    // Only the events that carry a message say through which channel it goes.
    let through = event.at(&["payload", "kind"]);
    if let Some(channel) = through.and_then(channel) {
        msg.word(Field::Channel, channel);
    }
    if let Some((_, Some(status))) = kind(event) {
        // Mail alone bounces.
        let is_other = through.is_some_and(|kind| kind != b"\"email\"");
        msg.word(Field::Status, if *status == "bounced" && is_other { "failed" } else { status });
    }
    msg.text(Field::Id, event.get(b"messageId"));
    msg.address(Field::To, event.at(&["payload", "recipient"]));
    msg.address(Field::From, event.at(&["payload", "sender"]));
    for list in ["errors", "errorDetails"] {
        let first = event.get(list.as_bytes()).and_then(|errors| walk::elements(errors).next()).unwrap_or_default();
        msg.text(Field::Reason, walk::at(first, &["errorMessage"]));
        msg.text(Field::ReasonClass, walk::at(first, &["errorCode"]));
    }
    msg.text(Field::Campaign, event.at(&["workflowContext", "flowContext", "flowName"]));
    if msg.has(Field::Campaign) {
        msg.word(Field::CampaignKind, "flow");
    }
    msg.tags(event.get(b"customContext"));
}

/// The vocabulary's word for a payload's kind.
fn channel(kind: &[u8]) -> Option<&'static str> {
    ["email", "sms", "mms", "voice", "rcs", "whatsapp", "push"]
        .into_iter()
        .find(|word| word.as_bytes() == unquoted(kind))
}
