//! Bird, once SparkPost: one row of a webhook's batch, of the ingest API or of the Events API. The three look alike
//! once `{"msys":{"message_event":{…}}}` is taken off.
//!
//! | form | told by |
//! |---|---|
//! | a row of a known kind | `type`, `timestamp`, and one of `event_id`, `message_id`, `transmission_id` |
//! | … of `sms_status` | the same, or `sms_dst` for an id |
//! | … of the two kinds with an everyday name, `success` and `error` | these and `batch_id`, `event_id` |
//! | … of a kind to come | `type`, `timestamp`, `event_id`, and one of `message_id`, `transmission_id`, `rcpt_to` |
//! | inbound mail (`relay_message`) | `webhook_id`, `msg_from`, `rcpt_to`, `content` and no `type` |
//!
//! A row of a kind to come without an `event_id` is not recognised, though `msys` around it says whose it is: a dead letter
//! keeps the row and not what was around it, and must make the same document again.
//!
//! `timestamp` files a row; Bird's clock made it: seconds as a number or as digits in a string, in the Events API
//! RFC 3339. Inbound mail has none.
//!
//! Source: developers.sparkpost.com, "Webhooks", "Events", "Ingest" and "Relay Webhooks", and the support article
//! "Webhook Event Reference".

use super::Knowledge;
use crate::event::clock::{Clock, seconds_or_rfc3339};
use crate::event::family::Family;
use crate::event::redact::Personal;
use crate::event::scan::Scanned;
use crate::event::time::Millis;
use crate::event::walk::unquoted;

mod read;
#[cfg(test)]
mod tests;

/// What is known of Bird's events.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Bird,
    recognise,
    stamp: filed_by,
    read: read::read,
    template: include_str!(concat!(env!("OUT_DIR"), "/templates/bird.json")),
    personal: PERSONAL,
};

/// Where its documents hold what is a person's. `rcpt_meta` is the sender's own: whoever puts a person there names the path.
const PERSONAL: &[(&str, Personal)] = &[
    ("rcpt_to", Personal::Contact),
    ("raw_rcpt_to", Personal::Contact),
    ("rcpt_hash", Personal::User),
    ("friendly_from", Personal::Contact),
    ("msg_from", Personal::Contact),
    ("mailfrom", Personal::Contact),
    ("sms_src", Personal::Contact),
    ("sms_dst", Personal::Contact),
    ("sms_text", Personal::Body),
    ("subject", Personal::Body),
    ("content", Personal::Body),
    ("device_token", Personal::User),
    ("ip_address", Personal::Ip),
    ("geo_ip", Personal::Ip),
    ("reason", Personal::Mixed),
    ("raw_reason", Personal::Mixed),
];

/// A kind of row.
struct Kind {
    /// Its `type`.
    name: &'static str,
    /// The class it comes in.
    class: &'static str,
    /// What it means, where that is clear.
    status: Option<&'static str>,
}

const fn kind(class: &'static str, name: &'static str, status: Option<&'static str>) -> Kind {
    Kind { name, class, status }
}

/// Relay events are about mail that comes in and is handed on to the user's own server: that it was handed on, or was
/// not, is no delivery of a message that somebody sent.
///
/// A `generation_failure` "typically occurs when there is an error parsing the template" (support article "How can I
/// account for all messages attempted through SparkPost"), which is a rendering failure.
const KINDS: [Kind; 27] = [
    kind("message_event", "injection", Some("sent")),
    kind("message_event", "reception", Some("sent")),
    kind("message_event", "delivery", Some("delivered")),
    kind("message_event", "delay", Some("delayed")),
    kind("message_event", "bounce", Some("bounced")),
    kind("message_event", "inband", Some("bounced")),
    kind("message_event", "out_of_band", Some("bounced")),
    kind("message_event", "policy_rejection", Some("rejected")),
    kind("message_event", "spam_complaint", Some("complained")),
    kind("message_event", "sms_status", None),
    kind("track_event", "open", Some("opened")),
    kind("track_event", "initial_open", Some("opened")),
    kind("track_event", "amp_open", Some("opened")),
    kind("track_event", "amp_initial_open", Some("opened")),
    kind("track_event", "click", Some("clicked")),
    kind("track_event", "amp_click", Some("clicked")),
    kind("gen_event", "generation_failure", Some("rejected")),
    kind("gen_event", "generation_rejection", Some("rejected")),
    kind("unsubscribe_event", "list_unsubscribe", Some("unsubscribed")),
    kind("unsubscribe_event", "link_unsubscribe", Some("unsubscribed")),
    kind("relay_event", "relay_injection", Some("received")),
    kind("relay_event", "relay_rejection", None),
    kind("relay_event", "relay_delivery", None),
    kind("relay_event", "relay_tempfail", None),
    kind("relay_event", "relay_permfail", None),
    kind("ab_test_event", "ab_test_completed", None),
    kind("ab_test_event", "ab_test_cancelled", None),
];

/// The two whose names anybody might use.
const EVERYDAY: [Kind; 2] = [kind("ingest_event", "success", None), kind("ingest_event", "error", None)];

fn recognise(event: &Scanned) -> bool {
    let has = |key: &str| event.get(key.as_bytes()).is_some();
    let Some(name) = event.get(b"type").filter(|name| name.starts_with(b"\"")) else {
        return is_relayed(event);
    };
    let is = |kind: &Kind| kind.name.as_bytes() == unquoted(name);
    let one_id = has("event_id") || has("message_id") || has("transmission_id");
    has("timestamp")
        && if KINDS.iter().any(is) {
            one_id || (name == b"\"sms_status\"" && has("sms_dst"))
        } else if EVERYDAY.iter().any(is) {
            has("event_id") && has("batch_id")
        } else {
            has("event_id") && (has("message_id") || has("transmission_id") || has("rcpt_to"))
        }
}

/// Mail that came in, itself.
fn is_relayed(event: &Scanned) -> bool {
    let keys: [&[u8]; 4] = [b"webhook_id", b"msg_from", b"rcpt_to", b"content"];
    event.get(b"type").is_none() && keys.into_iter().all(|key| event.get(key).is_some())
}

fn kind_of(event: &Scanned) -> Option<&'static Kind> {
    let name = unquoted(event.get(b"type")?);
    KINDS.iter().chain(&EVERYDAY).find(|kind| kind.name.as_bytes() == name)
}

fn filed_by(event: &Scanned) -> (Option<Millis>, Clock) {
    (event.get(b"timestamp").and_then(seconds_or_rfc3339), Clock::Service)
}
