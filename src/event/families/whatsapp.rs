//! WhatsApp through AWS End User Messaging Social, in the indices of End User Messaging.
//!
//! | form | told by | its time, in seconds |
//! |---|---|---|
//! | from SNS | `whatsAppWebhookEntry`: Meta's entry, JSON in a string | of the first status or message in the entry |
//! | detail of EventBridge | `wabaId` | `eventTimestamp`, in a string |
//!
//! An entry of Meta's may hold several statuses and messages. It stays one document, so `msg` says of it the ids of all and
//! what is the same for all: where a message was sent and another delivered, the document has both ids and no status, and
//! who counts what was delivered does not see it. Of one message alone every event and every status is said, as a list. A
//! list for several would say of each what is true of another. What became of which is in `webhook_entry`.
//!
//! Fields: AWS End User Messaging Social User Guide, "Message and event format" and "Monitoring with Amazon
//! EventBridge"; Meta's WhatsApp Business Platform, webhooks "messages" and "Message status".

use super::{Knowledge, eum, is_text};
use crate::event::clock::{Clock, seconds, stamp};
use crate::event::family::Family;
use crate::event::hidden::hidden;
use crate::event::redact::Personal;
use crate::event::scan::{ScanLimits, Scanned};
use crate::event::time::Millis;

mod entry;
mod read;
#[cfg(test)]
mod tests;

/// What is known of WhatsApp's events.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Eum,
    recognise: |event| is_text(event, "whatsAppWebhookEntry") || is_text(event, "wabaId"),
    stamp: |event| (at(event), Clock::Service),
    read: read::read,
    template: eum::TEMPLATE,
    personal: PERSONAL,
};

/// Where its documents hold what is a person's. The entry is Meta's whole message, numbers and all.
const PERSONAL: &[(&str, Personal)] = &[
    ("whatsAppWebhookEntry", Personal::Mixed),
    ("webhook_entry", Personal::Mixed),
    ("originationPhoneNumber", Personal::Contact),
    ("destinationPhoneNumber", Personal::Contact),
];

/// What an entry may be at most for its time to be looked for. The id of an event holds its time, so these are not the
/// limits that an option sets: another value of the option would be another id for the same event.
const LIMITS: ScanLimits = ScanLimits { depth: 100, keys: 100_000 };

fn at(event: &Scanned) -> Option<Millis> {
    let Some(text) = event.get(b"whatsAppWebhookEntry") else {
        // Milliseconds and RFC 3339 too, should the service come to write its time as its other events have it.
        return event.get(b"eventTimestamp").and_then(|at| seconds(at).or_else(|| stamp(at)));
    };
    let entry = hidden(text, &LIMITS);
    let own =
        entry.as_ref().and_then(|entry| entry::items(&entry.json).find_map(|item| seconds(item.get("timestamp")?)));
    // When the service received it; the only time of entries about templates and accounts.
    own.or_else(|| event.get(b"message_timestamp").and_then(stamp))
}
