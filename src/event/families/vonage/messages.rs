//! Vonage's Messages API: what became of messages on any channel, and messages that people sent.
//!
//! Told by `message_uuid` beside `status`, `message_type` or `message`. The time is `timestamp`, RFC 3339.
//!
//! `msg.final` of what was delivered is said for SMS and MMS alone: on every other channel that it was read may follow.
//!
//! Fields: Vonage API documentation, "Messages API Status Callbacks" (developer.vonage.com) and the classes
//! `MessageStatus` and `InboundMessage` of vonage-java-sdk. Until 2021 `to` and `from` were objects with the channel in
//! `type`, and what a person sent was in `message`.

use super::{Knowledge, PERSONAL, TEMPLATE};
use crate::event::clock::{Clock, stamp};
use crate::event::families::{Reading, is_text};
use crate::event::family::Family;
use crate::event::msg::{Field, Msg, number};
use crate::event::scan::Scanned;
use crate::event::walk::{self, unquoted};

#[cfg(test)]
mod tests;

/// What is known of the Messages API's events.
pub const KNOWLEDGE: Knowledge = Knowledge {
    family: Family::Vonage,
    recognise,
    stamp: |event| (event.get(b"timestamp").and_then(stamp), Clock::Service),
    read,
    template: TEMPLATE,
    personal: PERSONAL,
};

fn recognise(event: &Scanned) -> bool {
    let is_text = |name| is_text(event, name);
    is_text("message_uuid") && (is_text("status") || is_text("message_type") || event.get(b"message").is_some())
}

fn read(event: &Scanned, reading: &mut Reading<'_>) {
    let get = |name: &str| event.get(name.as_bytes());
    let msg = &mut *reading.msg;
    if get("status").is_some() {
        outcome(event, msg);
    } else {
        msg.word(Field::Event, "inbound");
        msg.word(Field::Status, "received");
        msg.whole(Field::Parts, event.at(&["sms", "num_messages"]));
    }
    if let Some(channel) = through(event) {
        msg.word(Field::Channel, channel);
    }
    msg.text(Field::Id, get("message_uuid"));
    msg.address(Field::To, party(get("to")));
    msg.address(Field::From, party(get("from")));
    msg.text(Field::Carrier, event.at(&["destination", "network_code"]).or(get("network_code")));
    msg.text(Field::Campaign, get("client_ref"));
    cost(event, msg);
}

fn outcome(event: &Scanned, msg: &mut Msg) {
    let word = event.get(b"status");
    msg.text(Field::Event, word);
    // Texts and media have no receipt after this; of all else `read` may follow, or never come.
    let is_last = matches!(through(event), Some("sms" | "mms")).then_some(true);
    let known = word.and_then(|word| match word {
        b"\"submitted\"" => Some(("sent", Some(false))),
        b"\"delivered\"" => Some(("delivered", is_last)),
        b"\"read\"" => Some(("read", Some(true))),
        b"\"rejected\"" => Some(("rejected", Some(true))),
        b"\"undeliverable\"" => Some(("failed", Some(true))),
        _ => None,
    });
    if let Some((status, is_final)) = known {
        msg.word(Field::Status, status);
        if let Some(is_final) = is_final {
            msg.truth(Field::Final, is_final);
        }
    }
    msg.whole(Field::Parts, event.at(&["sms", "count_total"]));
    msg.text(Field::Reason, event.at(&["error", "detail"]));
    msg.text(Field::ReasonClass, event.at(&["error", "title"]));
}

/// Vonage sends `usage` once a message, on the event that it charges for: SMS and MMS when they are submitted, RCS and
/// the apps when they are delivered. That price is final though the status may not be; on final events alone no text
/// would ever cost anything.
fn cost(event: &Scanned, msg: &mut Msg) {
    let currency = event.at(&["usage", "currency"]).filter(|text| text.len() > 2 && text.starts_with(b"\""));
    let (Some(currency), Some(price)) = (currency, event.at(&["usage", "price"]).and_then(number)) else { return };
    if unquoted(currency) == b"USD" {
        return msg.number(Field::CostUsd, price);
    }
    msg.number(Field::Cost, price);
    msg.text(Field::Currency, Some(currency));
}

/// An address; the old form has it in an object, an app's user as an `id`.
fn party(value: Option<&[u8]>) -> Option<&[u8]> {
    let value = value?;
    walk::at(value, &["number"]).or_else(|| walk::at(value, &["id"])).or(Some(value))
}

/// The channel; the old form has it beside the address.
fn through(event: &Scanned) -> Option<&'static str> {
    event.get(b"channel").or(event.at(&["to", "type"])).and_then(channel)
}

/// Facebook's Messenger and Viber are none of the vocabulary's channels.
fn channel(name: &[u8]) -> Option<&'static str> {
    Some(match name {
        b"\"sms\"" => "sms",
        b"\"mms\"" => "mms",
        b"\"rcs\"" => "rcs",
        b"\"whatsapp\"" => "whatsapp",
        _ => return None,
    })
}
