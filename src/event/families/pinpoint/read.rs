//! What Pinpoint's events say in the common vocabulary.

use crate::event::families::{Reading, addresses};
use crate::event::msg::{Field, Msg, number};
use crate::event::scan::{Scanned, View};
use crate::event::walk::{self, unquoted};

/// Says it, and puts the endpoint of campaign and journey events, which comes as text, where app events have theirs.
pub fn read(event: &Scanned, reading: &mut Reading<'_>) {
    let hidden = endpoint_in_text(event, reading);
    let endpoint = &hidden.as_ref().map_or_else(|| event.object(&["endpoint"]), |hidden| hidden.object(&[]));
    let attributes = &event.object(&["attributes"]);
    let event_type = event.get(b"event_type").map(unquoted).unwrap_or_default();
    reading.msg.text(Field::Event, event.get(b"event_type"));
    // The documentation of 2018 writes `_sms.*`, the service `_SMS.*`.
    let kind = event_type.to_ascii_lowercase();
    let (head, tail) = kind.split_at(kind.iter().position(|b| *b == b'.').map_or(kind.len(), |dot| dot + 1));
    match head {
        b"_email." => email(event, attributes, tail, reading.msg),
        b"_sms." => sms(event, attributes, tail, reading),
        b"_campaign." | b"_journey." => attempt(attributes, endpoint, tail, reading.msg),
        _ => reading.msg.word(Field::Channel, "app"),
    }
    sender(attributes, reading.msg);
    person(event, attributes, endpoint, reading.msg);
    if let Some(endpoint) = hidden {
        reading.add("endpoint", endpoint.json);
    }
}

/// The object in `client_context.custom.endpoint`: events of campaigns and journeys hide it in a string.
fn endpoint_in_text(event: &Scanned, reading: &Reading<'_>) -> Option<Scanned> {
    if event.get(b"endpoint").is_some() {
        return None;
    }
    let endpoint = reading.hidden(event.at(&["client_context", "custom", "endpoint"]))?;
    endpoint.json.starts_with(b"{").then_some(endpoint)
}

fn email(event: &Scanned, attributes: &View<'_>, tail: &[u8], msg: &mut Msg) {
    msg.word(Field::Channel, "email");
    let mail_event = event.object(&["facets", "email_channel", "mail_event"]);
    let at = |path: &[&str]| mail_event.at(path);
    let complaint = at(&["complaint", "complaint_feedback_type"]);
    let status = match tail {
        b"send" => Some("sent"),
        b"delivered" => Some("delivered"),
        b"hardbounce" | b"softbounce" => Some("bounced"),
        // RFC 5965: "the entity providing the report does not consider the message to be spam".
        b"complaint" => (complaint != Some(b"\"not-spam\"")).then_some("complained"),
        b"open" => Some("opened"),
        b"click" => Some("clicked"),
        b"unsubscribe" => Some("unsubscribed"),
        b"rejected" | b"rendering_failure" => Some("rejected"),
        _ => None,
    };
    if let Some(status) = status {
        msg.word(Field::Status, status);
    }
    msg.text(Field::Id, at(&["mail", "message_id"]));
    // Whom it happened to, as in SES: `mail.destination` lists those too to whom nothing did.
    for list in [["bounce", "bounced_recipients"], ["complaint", "complained_recipients"], ["delivery", "recipients"]] {
        let named = addresses(walk::elements(at(&list).unwrap_or_default()), "email_address");
        msg.address(Field::To, named.as_deref());
    }
    msg.address(Field::To, at(&["mail", "destination"]));
    msg.address(Field::From, at(&["mail", "from_address"]));
    if let Some(bounced) = at(&["bounce", "bounced_recipients"]).and_then(|list| walk::elements(list).next()) {
        msg.text(Field::Reason, walk::at(bounced, &["diagnostic_code"]));
    }
    msg.text(Field::Reason, at(&["reject", "reason"]));
    msg.class(at(&["bounce", "bounce_type"]), at(&["bounce", "bounce_sub_type"]));
    msg.text(Field::ReasonClass, complaint);
    msg.text(Field::Link, at(&["click", "link"]));
    if tail == b"click" {
        // Of a click `feedback` is the address, of other events a word.
        msg.text(Field::Link, attributes.get("feedback").filter(|link| link.starts_with(b"\"http")));
    }
    for opened in ["click", "open"] {
        msg.text(Field::UserAgent, at(&[opened, "user_agent"]));
        msg.text(Field::Ip, at(&[opened, "ip_address"]));
    }
}

fn sms(event: &Scanned, attributes: &View<'_>, tail: &[u8], reading: &mut Reading<'_>) {
    let at = |name: &str| attributes.get(name);
    let context = reading.hidden(at("customer_context"));
    let msg = &mut *reading.msg;
    msg.word(Field::Channel, "sms");
    let (status, is_final) = match tail {
        b"buffered" => (Some("sent"), false),
        b"success" => (Some("delivered"), true),
        b"failure" => (Some("failed"), true),
        b"optout" => (Some("unsubscribed"), false),
        _ => (None, false),
    };
    if let Some(status) = status {
        msg.word(Field::Status, status);
    }
    msg.text(Field::Id, at("message_id"));
    msg.address(Field::To, at("destination_phone_number"));
    msg.address(Field::From, at("origination_phone_number"));
    // XX is the service's word for "not known".
    msg.text(Field::Country, at("iso_country_code").filter(|code| *code != b"\"XX\""));
    msg.text(Field::Carrier, at("mcc_mnc"));
    msg.text(Field::Reason, at("record_status"));
    msg.whole(Field::Parts, at("number_of_message_parts"));
    if status.is_some_and(|status| status != "unsubscribed") {
        msg.truth(Field::Final, is_final);
    }
    // Captured BUFFERED events carry the price too: counted there as well, a message would cost twice.
    let price = event.at(&["metrics", "price_in_millicents_usd"]).and_then(number);
    if let (true, Some(millicents)) = (is_final, price) {
        msg.number(Field::CostUsd, millicents / 100_000.0);
    }
    msg.tags(context.as_ref().map(|context| context.json.as_slice()));
}

/// A campaign or a journey has done something for one endpoint; the message itself has events of its own.
fn attempt(attributes: &View<'_>, endpoint: &View<'_>, tail: &[u8], msg: &mut Msg) {
    let at = |name: &str| attributes.get(name);
    let send_status = at("campaign_send_status").or(at("journey_send_status"));
    msg.text(Field::SendStatus, send_status);
    msg.text(Field::Reason, at("journey_send_status_message"));
    let status = match (tail, send_status.map(unquoted)) {
        // A wait that ended and a result that is not known are no refusal.
        (b"send", None | Some(b"SUCCESS" | b"null" | b"UNKNOWN" | b"QUIET_TIME_WAIT_FINISHED")) => Some("attempted"),
        (b"send", _) => Some("rejected"),
        (b"opened_notification", _) => Some("opened"),
        (b"received_foreground" | b"received_background", _) => Some("delivered"),
        _ => None,
    };
    if let Some(status) = status {
        msg.word(Field::Status, status);
    }
    let through = [at("delivery_type"), at("journey_activity_type"), endpoint.get("ChannelType")];
    let named = through.into_iter().flatten().find_map(|name| channel(unquoted(name)));
    // Only pushes are opened and received.
    let channel = if tail == b"send" { named } else { named.or(Some("push")) };
    if let Some(channel) = channel {
        msg.word(Field::Channel, channel);
    }
    msg.address(Field::To, endpoint.get("Address"));
}

fn channel(name: &[u8]) -> Option<&'static str> {
    match name {
        b"EMAIL" => Some("email"),
        b"SMS" => Some("sms"),
        b"VOICE" => Some("voice"),
        b"IN_APP" => Some("in_app"),
        b"PUSH" | b"GCM" | b"ADM" | b"BAIDU" => Some("push"),
        _ if name.starts_with(b"APNS") => Some("push"),
        _ => None,
    }
}

fn sender(attributes: &View<'_>, msg: &mut Msg) {
    for (kind, id) in [("campaign", attributes.get("campaign_id")), ("journey", attributes.get("journey_id"))] {
        msg.text(Field::Campaign, id);
        if msg.has(Field::Campaign) {
            return msg.word(Field::CampaignKind, kind);
        }
    }
}

/// Who it was, on what, in which session, and where.
fn person(event: &Scanned, attributes: &View<'_>, endpoint: &View<'_>, msg: &mut Msg) {
    msg.text(Field::User, endpoint.at(&["User", "UserId"]));
    msg.text(Field::User, event.at(&["client", "user_id"]));
    msg.text(Field::Client, event.at(&["client", "client_id"]));
    msg.text(Field::Client, event.get(b"cognito_id"));
    msg.text(Field::Session, event.at(&["session", "session_id"]));
    msg.text(Field::Session, event.at(&["session", "id"]));
    msg.text(Field::Session, attributes.get("_session.id"));
    msg.text(Field::Device, event.at(&["device", "model"]));
    msg.text(Field::Device, event.get(b"model"));
    msg.text(Field::Country, endpoint.at(&["Location", "Country"]));
    msg.geo(endpoint.at(&["Location", "Latitude"]), endpoint.at(&["Location", "Longitude"]));
}
