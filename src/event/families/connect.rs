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

use super::{Knowledge, is_text};
use crate::event::clock::{Clock, stamp};
use crate::event::family::Family;
use crate::event::redact::Personal;
use crate::event::scan::Scanned;
use crate::event::time::Millis;

mod read;
#[cfg(test)]
mod tests;

/// What is known of Connect's contact records.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Connect,
    recognise,
    stamp: filed_by,
    read: read::read,
    template: include_str!(concat!(env!("OUT_DIR"), "/templates/connect.json")),
    personal: PERSONAL,
};

/// Where its documents hold what is a person's. `Attributes` are the sender's own: whoever puts a person there names the
/// path.
const PERSONAL: &[(&str, Personal)] = &[
    ("CustomerEndpoint.Address", Personal::Contact),
    ("SystemEndpoint.Address", Personal::Contact),
    ("TransferredToEndpoint.Address", Personal::Contact),
    ("CustomerId", Personal::User),
    ("Agent.Username", Personal::User),
    ("AdditionalEmailRecipients", Personal::Mixed),
    ("ContactDetails", Personal::Mixed),
    ("References", Personal::Mixed),
    ("Recording.Location", Personal::Body),
    ("Recordings.Location", Personal::Body),
];

fn recognise(event: &Scanned) -> bool {
    let is_text = |name| is_text(event, name);
    is_text("ContactId")
        && (is_text("AWSContactTraceRecordFormatVersion")
            || ["InstanceARN", "Channel", "InitiationMethod"].into_iter().all(is_text))
}

fn filed_by(event: &Scanned) -> (Option<Millis>, Clock) {
    (event.get(b"LastUpdateTimestamp").and_then(stamp), Clock::Service)
}
