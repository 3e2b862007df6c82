//! Amazon Connect: contact records ("contact trace records"), which say how one contact went, outbound campaigns' among
//! them. A record comes again, whole, whenever something about its contact changes.
//!
//! | form | told by |
//! |---|---|
//! | contact record | `ContactId` and `AWSContactTraceRecordFormatVersion` |
//! | … that lost its version on the way | `ContactId`, `InstanceARN`, `Channel` and `InitiationMethod` |
//!
//! `LastUpdateTimestamp` files a record; the service's clock made it.
//!
//! Source: the Amazon Connect administrator guide, "Data model for Amazon Connect contact records"
//! (docs.aws.amazon.com/connect/latest/adminguide/ctr-data-model.html).

use super::Knowledge;
use crate::event::clock::{Clock, stamp};
use crate::event::family::Family;
use crate::event::rewrite::Shape;
use crate::event::scan::Scanned;
use crate::event::time::Millis;

mod read;
#[cfg(test)]
mod tests;

/// What is known of Connect's contact records.
pub const KNOWLEDGE: Knowledge =
    Knowledge { family: Family::Connect, recognise, stamp: filed_by, read: read::read, shape: SHAPE };

/// Objects that are documented; those that nobody searches are not looked into.
const SHAPE: Shape = Shape::Flat(&[
    ("Attributes", Shape::Free),
    ("Tags", Shape::Free),
    ("ContactDetails", Shape::Free),
    ("Campaign", Shape::Flat(&[])),
    ("CustomerEndpoint", Shape::Flat(&[])),
    ("SystemEndpoint", Shape::Flat(&[])),
    ("TransferredToEndpoint", Shape::Flat(&[])),
    (
        "Agent",
        Shape::Flat(&[
            ("RoutingProfile", Shape::Flat(&[])),
            ("HierarchyGroups", Shape::Fixed),
            ("StateTransitions", Shape::Fixed),
            ("Capabilities", Shape::Fixed),
            ("DeviceInfo", Shape::Flat(&[])),
        ]),
    ),
    ("Queue", Shape::Flat(&[])),
    ("Recording", Shape::Flat(&[])),
    ("Recordings", Shape::Flat(&[])),
    ("MediaStreams", Shape::Flat(&[])),
    ("DisconnectDetails", Shape::Flat(&[])),
    ("CustomerVoiceActivity", Shape::Flat(&[])),
    ("SegmentAttributes", Shape::Fixed),
    ("References", Shape::Fixed),
    ("AdditionalEmailRecipients", Shape::Fixed),
    ("ChatMetrics", Shape::Fixed),
    ("ContactEvaluations", Shape::Fixed),
    ("ContactLens", Shape::Fixed),
    ("Customer", Shape::Fixed),
    ("ExternalThirdParty", Shape::Fixed),
    ("GlobalResiliencyMetadata", Shape::Fixed),
    ("OutboundStrategy", Shape::Fixed),
    ("QualityMetrics", Shape::Fixed),
    ("RoutingCriteria", Shape::Fixed),
    ("VoiceIdResult", Shape::Fixed),
    ("WisdomInfo", Shape::Fixed),
]);

fn recognise(event: &Scanned) -> bool {
    let is_text = |key: &str| event.get(key.as_bytes()).is_some_and(|value| value.starts_with(b"\""));
    is_text("ContactId")
        && (is_text("AWSContactTraceRecordFormatVersion")
            || ["InstanceARN", "Channel", "InitiationMethod"].into_iter().all(is_text))
}

fn filed_by(event: &Scanned) -> (Option<Millis>, Clock) {
    (event.get(b"LastUpdateTimestamp").and_then(stamp), Clock::Service)
}
