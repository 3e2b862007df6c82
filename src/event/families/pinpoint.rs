//! Amazon Pinpoint's event envelope: 3.x from the service, 3.1 from Amplify's enrichment clients
//! after it, and the flat forms before it.
//!
//! | form | told by | whose clock is `arrival_timestamp` |
//! |---|---|---|
//! | 3.x | `event_type`, `event_version` "3.…" | the service's |
//! | enriched 3.1 | the same, "3.1" and no `awsAccountId` | the device's |
//! | flat (2017-18) | `event_type`, no `event_version`, `arrival_timestamp`, `account_id` or `application_key` | the service's |
//!
//! No form carries an event id; for e-mail `event_timestamp` is the time of sending, the same for
//! every event of a message. So only `arrival_timestamp` files an event.

use super::Knowledge;
use crate::event::clock::{Clock, stamp};
use crate::event::family::Family;
use crate::event::redact::Personal;
use crate::event::scan::Scanned;
use crate::event::time::Millis;

mod read;
#[cfg(test)]
mod tests;

/// What is known of Pinpoint's events.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Pinpoint,
    recognise: |event| clock(event).is_some(),
    stamp: filed_by,
    read: read::read,
    template: include_str!(concat!(env!("OUT_DIR"), "/templates/pinpoint.json")),
    personal: PERSONAL,
};

/// Where its documents hold what is a person's. Attributes are the sender's own: whoever puts a person there names the path.
const PERSONAL: &[(&str, Personal)] = &[
    ("endpoint.Address", Personal::Contact),
    ("endpoint.Id", Personal::User),
    ("endpoint.User.UserId", Personal::User),
    ("endpoint.Location", Personal::Ip),
    ("client.client_id", Personal::User),
    ("client.cognito_id", Personal::User),
    ("client.user_id", Personal::User),
    ("cognito_id", Personal::User),
    ("client_context.custom.endpoint", Personal::Mixed),
    ("attributes.customer_context", Personal::Mixed),
    ("attributes.destination_phone_number", Personal::Contact),
    ("attributes.origination_phone_number", Personal::Contact),
    ("attributes.record_status", Personal::Mixed),
    ("facets.email_channel.mail_event.mail.destination", Personal::Contact),
    ("facets.email_channel.mail_event.mail.from_address", Personal::Contact),
    ("facets.email_channel.mail_event.mail.headers", Personal::Mixed),
    ("facets.email_channel.mail_event.mail.common_headers.from", Personal::Contact),
    ("facets.email_channel.mail_event.mail.common_headers.to", Personal::Contact),
    ("facets.email_channel.mail_event.mail.common_headers.subject", Personal::Body),
    ("facets.email_channel.mail_event.delivery.recipients", Personal::Contact),
    ("facets.email_channel.mail_event.delivery.smtp_response", Personal::Mixed),
    ("facets.email_channel.mail_event.open.ip_address", Personal::Ip),
    ("facets.email_channel.mail_event.click.ip_address", Personal::Ip),
    ("facets.email_channel.mail_event.bounce.bounced_recipients.email_address", Personal::Contact),
    ("facets.email_channel.mail_event.bounce.bounced_recipients.diagnostic_code", Personal::Mixed),
    ("facets.email_channel.mail_event.complaint.complained_recipients.email_address", Personal::Contact),
];

/// Whose clock the stamp of a Pinpoint event is; `None` when this is no Pinpoint event.
fn clock(event: &Scanned) -> Option<Clock> {
    if !event.get(b"event_type")?.starts_with(b"\"") {
        return None;
    }
    match event.get(b"event_version") {
        Some(b"\"3.1\"") if event.get(b"awsAccountId").is_none() => Some(Clock::Device),
        Some(version) if version.starts_with(b"\"3.") => Some(Clock::Service),
        None if event.get(b"arrival_timestamp").is_some() && is_flat(event) => Some(Clock::Service),
        _ => None,
    }
}

fn is_flat(event: &Scanned) -> bool {
    event.get(b"account_id").is_some() || event.get(b"application_key").is_some()
}

fn filed_by(event: &Scanned) -> (Option<Millis>, Clock) {
    (event.get(b"arrival_timestamp").and_then(stamp), clock(event).unwrap_or(Clock::Device))
}
