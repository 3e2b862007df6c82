//! AWS End User Messaging: texts, media, calls and RCS that were sent, and what people answered.
//!
//! | form | told by | its time |
//! |---|---|---|
//! | status of what was sent | `eventType` "TEXT_…", "MEDIA_…", "VOICE_…", "RCS_…" | `eventTimestamp`, milliseconds |
//! | two-way message | `inboundMessageId`, `destinationNumber` | none: that of the notification around it |
//!
//! Fields: AWS End User Messaging SMS User Guide, "Event format", "Event types", "RCS message events" and "Example of a
//! two-way SMS message payload". WhatsApp is [`super::whatsapp`], in the same indices.

use super::Knowledge;
use crate::event::clock::{Clock, stamp};
use crate::event::family::Family;
use crate::event::msg::unquoted;
use crate::event::rewrite::Shape;
use crate::event::scan::Scanned;

mod read;
#[cfg(test)]
mod tests;

/// What is known of End User Messaging's events.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Eum,
    recognise: |event| kind(event).is_some() || is_inbound(event),
    stamp: |event| (event.get(b"eventTimestamp").and_then(stamp), Clock::Service),
    read: read::read,
    shape: Shape::Holds(&MEMBERS),
};

/// `context` is a map of the sender's, here.
const MEMBERS: [(&str, Shape); KNOWN.len() + 1] = members(Shape::Free);

/// What the indices of the family know, and what `context` is: a map of the sender's, or WhatsApp's accounts.
pub const fn members(context: Shape) -> [(&'static str, Shape); KNOWN.len() + 1] {
    let mut all = [("context", context); KNOWN.len() + 1];
    let mut at = 0;
    while at < KNOWN.len() {
        all[at + 1] = KNOWN[at];
        at += 1;
    }
    all
}

/// Members that the template maps: one value, or an object of single values.
const KNOWN: [(&str, Shape); 41] = [
    ("eventType", Shape::Scalar),
    ("eventVersion", Shape::Scalar),
    ("eventTimestamp", Shape::Scalar),
    ("isFinal", Shape::Scalar),
    ("originationPhoneNumber", Shape::Scalar),
    ("destinationPhoneNumber", Shape::Scalar),
    ("isoCountryCode", Shape::Scalar),
    ("isInternationalSend", Shape::Scalar),
    ("mcc", Shape::Scalar),
    ("mnc", Shape::Scalar),
    ("carrierName", Shape::Scalar),
    ("messageId", Shape::Scalar),
    ("messageRequestTimestamp", Shape::Scalar),
    ("messageEncoding", Shape::Scalar),
    ("messageType", Shape::Scalar),
    ("messageStatus", Shape::Scalar),
    ("messageStatusDescription", Shape::Scalar),
    ("totalMessageParts", Shape::Scalar),
    ("totalMessagePrice", Shape::Scalar),
    ("totalCarrierFee", Shape::Scalar),
    ("protectConfiguration", Shape::Free),
    ("callDurationInSeconds", Shape::Scalar),
    ("totalDurationInMinutes", Shape::Scalar),
    ("rcsMetadata", Shape::Free),
    ("rcsBusinessId", Shape::Scalar),
    ("agentIsoCountryCode", Shape::Scalar),
    ("conversationInitiatingMessageId", Shape::Scalar),
    ("conversationInitiatingMessageType", Shape::Scalar),
    ("conversationSessionFee", Shape::Scalar),
    ("originationNumber", Shape::Scalar),
    ("destinationNumber", Shape::Scalar),
    ("messageKeyword", Shape::Scalar),
    ("messageBody", Shape::Scalar),
    ("inboundMessageId", Shape::Scalar),
    ("previousPublishedMessageId", Shape::Scalar),
    ("wabaId", Shape::Scalar),
    ("originationPhoneNumberId", Shape::Scalar),
    ("status", Shape::Scalar),
    ("whatsAppWebhookEntry", Shape::Scalar),
    ("aws_account_id", Shape::Scalar),
    ("message_timestamp", Shape::Scalar),
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
    event.get(b"inboundMessageId").is_some_and(|id| id.starts_with(b"\"")) && event.get(b"destinationNumber").is_some()
}
