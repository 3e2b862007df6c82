//! AWS End User Messaging: texts, media, calls and RCS that were sent, and what people answered.
//!
//! | form | told by | its time |
//! |---|---|---|
//! | status of what was sent | `eventType` "TEXT_…", "MEDIA_…", "VOICE_…", "RCS_…" | `eventTimestamp`, milliseconds |
//! | two-way message | `inboundMessageId`, `destinationNumber` | none: that of the notification around it |
//!
//! Fields: AWS End User Messaging SMS User Guide, "Event format", "Event types", "RCS message events" and "Example of a
//! two-way SMS message payload". WhatsApp is [`super::whatsapp`], in the same indices.

use super::{Knowledge, is_text};
use crate::event::clock::{Clock, stamp};
use crate::event::family::Family;
use crate::event::redact::Personal;
use crate::event::scan::Scanned;
use crate::event::walk::unquoted;

mod read;
#[cfg(test)]
mod tests;

/// What is known of End User Messaging's events.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Eum,
    recognise: |event| kind(event).is_some() || is_inbound(event),
    stamp: |event| (event.get(b"eventTimestamp").and_then(stamp), Clock::Service),
    read: read::read,
    template: TEMPLATE,
    personal: PERSONAL,
};

/// Its index template, WhatsApp's too.
pub const TEMPLATE: &str = include_str!(concat!(env!("OUT_DIR"), "/templates/eum.json"));

/// Where its documents hold what is a person's. `context` is the sender's own map: whoever puts a person there names
/// the path.
const PERSONAL: &[(&str, Personal)] = &[
    ("originationPhoneNumber", Personal::Contact),
    ("destinationPhoneNumber", Personal::Contact),
    ("originationNumber", Personal::Contact),
    ("destinationNumber", Personal::Contact),
    ("messageBody", Personal::Body),
    ("messageKeyword", Personal::Body),
    // Of some it begins with the number.
    ("inboundMessageId", Personal::Numbered),
    ("messageStatusDescription", Personal::Mixed),
];

/// The channel of something that was sent, and what became of it in the provider's word: the two halves of `eventType`.
fn kind(event: &Scanned) -> Option<(&'static str, &[u8])> {
    const CHANNELS: [(&[u8], &str); 4] =
        [(b"TEXT_", "sms"), (b"MEDIA_", "mms"), (b"VOICE_", "voice"), (b"RCS_", "rcs")];
    let event_type = event.get(b"eventType").filter(|text| text.starts_with(b"\""))?;
    let event_type = unquoted(event_type);
    CHANNELS.into_iter().find_map(|(head, channel)| Some((channel, event_type.strip_prefix(head)?)))
}

fn is_inbound(event: &Scanned) -> bool {
    is_text(event, "inboundMessageId") && event.get(b"destinationNumber").is_some()
}
