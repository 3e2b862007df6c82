//! Amazon SES: what event publishing says of the mail it sends, and the notifications of identities and receipt rules.
//!
//! | form | told by |
//! |---|---|
//! | event publishing | `eventType`, and a `mail` object with a `messageId` |
//! | notifications | the same objects under `notificationType` |
//!
//! Both name the mail in `mail` and say what happened in an object of the kind's own: `bounce`, `open`, … Its
//! `timestamp` files the event; where it has none (`Send`, `Reject`, `Rendering Failure`) `mail.timestamp` does. The
//! services' clocks made both.
//!
//! Source: the SES developer guide, "Contents of event data that Amazon SES publishes to Firehose", "Amazon SNS
//! notification contents for Amazon SES"; for mail received, "Contents of notifications for Amazon SES email receiving".

use super::Knowledge;
use crate::event::clock::{Clock, stamp};
use crate::event::family::Family;
use crate::event::redact::Personal;
use crate::event::scan::Scanned;
use crate::event::time::Millis;
use crate::event::walk::{self, unquoted};

mod read;
#[cfg(test)]
mod tests;

/// What is known of the events of SES.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Ses,
    recognise,
    stamp: filed_by,
    read: read::read,
    template: include_str!(concat!(env!("OUT_DIR"), "/templates/ses.json")),
    personal: PERSONAL,
};

/// Where its documents hold what is a person's. Tags are the sender's own: whoever puts a person there names the path.
const PERSONAL: &[(&str, Personal)] = &[
    ("mail.source", Personal::Contact),
    ("mail.sourceIp", Personal::Ip),
    ("mail.destination", Personal::Contact),
    ("mail.headers", Personal::Mixed),
    ("mail.commonHeaders.from", Personal::Contact),
    ("mail.commonHeaders.sender", Personal::Contact),
    ("mail.commonHeaders.replyTo", Personal::Contact),
    ("mail.commonHeaders.returnPath", Personal::Contact),
    ("mail.commonHeaders.to", Personal::Contact),
    ("mail.commonHeaders.cc", Personal::Contact),
    ("mail.commonHeaders.bcc", Personal::Contact),
    ("mail.commonHeaders.subject", Personal::Body),
    ("bounce.bouncedRecipients.emailAddress", Personal::Contact),
    ("bounce.bouncedRecipients.diagnosticCode", Personal::Mixed),
    ("complaint.complainedRecipients.emailAddress", Personal::Contact),
    ("deliveryDelay.delayedRecipients.emailAddress", Personal::Contact),
    ("deliveryDelay.delayedRecipients.diagnosticCode", Personal::Mixed),
    ("delivery.recipients", Personal::Contact),
    ("delivery.smtpResponse", Personal::Mixed),
    ("receipt.recipients", Personal::Contact),
    ("open.ipAddress", Personal::Ip),
    ("click.ipAddress", Personal::Ip),
    ("mail.tags.ses:source-ip", Personal::Ip),
    ("content", Personal::Body),
];

/// A kind of event.
struct Kind {
    /// What SES calls it.
    name: &'static str,
    /// The member that says what happened.
    inner: &'static str,
    /// The member of that one that lists whom it happened to, where not all the mail's recipients.
    recipients: Option<&'static str>,
    /// What it means; more is asked of complaints and subscriptions.
    status: &'static str,
}

const fn kind(name: &'static str, inner: &'static str, recipients: Option<&'static str>, status: &'static str) -> Kind {
    Kind { name, inner, recipients, status }
}

const KINDS: [Kind; 11] = [
    kind("Send", "send", None, "sent"),
    kind("Delivery", "delivery", Some("recipients"), "delivered"),
    kind("Bounce", "bounce", Some("bouncedRecipients"), "bounced"),
    kind("Complaint", "complaint", Some("complainedRecipients"), "complained"),
    kind("Reject", "reject", None, "rejected"),
    kind("Open", "open", None, "opened"),
    kind("Click", "click", None, "clicked"),
    kind("Rendering Failure", "failure", None, "rejected"),
    kind("DeliveryDelay", "deliveryDelay", Some("delayedRecipients"), "delayed"),
    kind("Subscription", "subscription", None, "unsubscribed"),
    kind("Received", "receipt", Some("recipients"), "received"),
];

fn name(event: &Scanned) -> Option<&[u8]> {
    event.get(b"eventType").or(event.get(b"notificationType")).filter(|name| name.starts_with(b"\""))
}

fn recognise(event: &Scanned) -> bool {
    name(event).is_some() && event.at(&["mail", "messageId"]).is_some()
}

/// What the event is, when this program knows its kind, and the object that says what happened.
fn happened(event: &Scanned) -> (Option<&'static Kind>, &[u8]) {
    let name = name(event).map(unquoted).unwrap_or_default();
    let known = KINDS.iter().find(|kind| kind.name.as_bytes() == name);
    let inner = match known {
        Some(kind) => event.get(kind.inner.as_bytes()),
        // A kind of the future: each has had an object with a stamp beside `mail`.
        None => event
            .members
            .iter()
            .filter(|member| event.key(member) != b"mail")
            .map(|member| event.value(member))
            .find(|value| walk::at(value, &["timestamp"]).is_some()),
    };
    (known, inner.unwrap_or_default())
}

fn filed_by(event: &Scanned) -> (Option<Millis>, Clock) {
    let own = walk::at(happened(event).1, &["timestamp"]).and_then(stamp);
    (own.or_else(|| event.at(&["mail", "timestamp"]).and_then(stamp)), Clock::Service)
}
