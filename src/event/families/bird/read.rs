//! What Bird's rows say in the common vocabulary.

use super::{Kind, is_relayed, kind_of};
use crate::event::families::Reading;
use crate::event::msg::{Field, Msg};
use crate::event::scan::Scanned;
use crate::event::walk::unquoted;

/// Says it, and puts beside it which class the row is of: the wrapping that said so is gone.
pub fn read(event: &Scanned, reading: &mut Reading<'_>) {
    let kind = kind_of(event);
    let channel = channel(event);
    let msg = &mut *reading.msg;
    let of = |name: &str| event.get(name.as_bytes());
    msg.text(Field::Event, of("type"));
    msg.word(Field::Channel, channel);
    if let Some(status) = status(event, kind, channel) {
        msg.word(Field::Status, status);
    }
    msg.text(Field::Id, of("message_id"));
    // Of inbound mail the id that its events share.
    msg.text(Field::Id, of("relay_id"));
    if channel == "sms" {
        msg.address(Field::To, of("sms_dst"));
        msg.address(Field::From, of("sms_src"));
    }
    msg.address(Field::To, of("rcpt_to"));
    msg.address(Field::From, of("friendly_from"));
    msg.address(Field::From, of("msg_from"));
    msg.text(Field::Campaign, of("campaign_id"));
    if msg.has(Field::Campaign) {
        msg.word(Field::CampaignKind, "campaign");
    }
    // The canonical text counts together what differs in one server's name; the raw one stays in its own member.
    for (field, name) in [
        (Field::Reason, "reason"),
        (Field::Reason, "raw_reason"),
        (Field::ReasonClass, "bounce_class"),
        (Field::ReasonClass, "fbtype"),
        (Field::ReasonClass, "error_code"),
        (Field::Link, "target_link_url"),
    ] {
        msg.text(field, of(name));
    }
    if kind.is_some_and(|kind| matches!(kind.class, "track_event" | "unsubscribe_event")) {
        person(event, msg);
    }
    msg.tags(of("rcpt_meta"));
    if let Some(kind) = kind {
        reading.add("event_class", format!("\"{}\"", kind.class));
    }
}

/// Who opened or clicked; of other rows `ip_address` is the server that took the mail.
fn person(event: &Scanned, msg: &mut Msg) {
    msg.text(Field::UserAgent, event.get(b"user_agent"));
    msg.text(Field::Ip, event.get(b"ip_address"));
    msg.text(Field::Country, event.at(&["geo_ip", "country"]));
    msg.geo(event.at(&["geo_ip", "latitude"]), event.at(&["geo_ip", "longitude"]));
}

/// "`device_token` applies only when `delv_method` is gcm or apn"; the published samples of mail have the members of
/// texts and pushes as well, so only the method tells.
fn channel(event: &Scanned) -> &'static str {
    match (event.get(b"type"), event.get(b"delv_method").map(unquoted)) {
        (Some(b"\"sms_status\""), _) | (_, Some(b"smpp")) => "sms",
        (_, Some(b"gcm" | b"apn")) => "push",
        _ => "email",
    }
}

fn status(event: &Scanned, kind: Option<&Kind>, channel: &str) -> Option<&'static str> {
    let Some(kind) = kind else {
        return is_relayed(event).then_some("received");
    };
    match (kind.name, kind.status) {
        // A carrier's receipt says in a word what became of the text; this is the one that is documented.
        ("sms_status", _) => (event.get(b"stat_state") == Some(b"\"Delivered\"")).then_some("delivered"),
        // RFC 5965: "the entity providing the report does not consider the message to be spam".
        ("spam_complaint", _) if event.get(b"fbtype") == Some(b"\"not-spam\"") => None,
        (_, Some("bounced")) if channel != "email" => Some("failed"),
        (_, status) => status,
    }
}
