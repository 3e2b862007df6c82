//! What End User Messaging's events say in the common vocabulary.

use super::kind;
use crate::event::families::Reading;
use crate::event::msg::{Field, Msg, number};
use crate::event::scan::Scanned;
use crate::event::walk::{self, unquoted};

/// Says it: of a status, or of what a person sent.
pub fn read(event: &Scanned, reading: &mut Reading<'_>) {
    match kind(event) {
        Some((channel, outcome)) => sent(event, channel, outcome, reading.msg),
        None => inbound(event, reading),
    }
}

fn sent(event: &Scanned, channel: &str, outcome: &[u8], msg: &mut Msg) {
    let get = |name: &str| event.get(name.as_bytes());
    msg.text(Field::Event, get("eventType"));
    msg.word(Field::Channel, channel);
    let status = status(outcome);
    if let Some(status) = status {
        msg.word(Field::Status, status);
    }
    msg.flag(Field::Final, get("isFinal"));
    msg.text(Field::Id, get("messageId"));
    msg.address(Field::To, get("destinationPhoneNumber"));
    msg.address(Field::From, get("originationPhoneNumber"));
    msg.text(Field::Country, get("isoCountryCode").filter(|code| *code != b"\"XX\""));
    msg.text(Field::Carrier, get("carrierName"));
    msg.text(Field::Carrier, network(get("mcc"), get("mnc")).as_deref());
    msg.whole(Field::Parts, get("totalMessageParts"));
    if outcome == b"FALLEN_BACK_TO_SMS" {
        msg.word(Field::Reason, "FALLEN_BACK_TO_SMS");
    }
    msg.text(Field::Reason, get("messageStatusDescription"));
    if matches!(status, Some("failed" | "rejected")) {
        msg.text(Field::ReasonClass, Some(&[b"\"", outcome, b"\""].concat()));
    }
    if get("isFinal") == Some(b"true") {
        cost(event, msg);
    }
    msg.tags(get("context"));
}

fn status(outcome: &[u8]) -> Option<&'static str> {
    Some(match outcome {
        b"QUEUED" | b"PENDING" | b"SENT" | b"INITIATED" | b"RINGING" => "sent",
        // Where handsets send no receipts SUCCESSFUL is the end, elsewhere DELIVERED follows: either says it.
        b"SUCCESSFUL" | b"DELIVERED" | b"ANSWERED" | b"COMPLETED" => "delivered",
        b"READ" => "read",
        b"BLOCKED" | b"CARRIER_BLOCKED" | b"PROTECT_BLOCKED" | b"SPAM" => "rejected",
        b"INVALID"
        | b"INVALID_MESSAGE"
        | b"UNREACHABLE"
        | b"CARRIER_UNREACHABLE"
        | b"UNKNOWN"
        | b"TTL_EXPIRED"
        | b"FILE_INACCESSIBLE"
        | b"FILE_TYPE_UNSUPPORTED"
        | b"FILE_SIZE_EXCEEDED"
        | b"BUSY"
        | b"NO_ANSWER"
        | b"FAILED"
        | b"FALLEN_BACK_TO_SMS" => "failed",
        _ => return None,
    })
}

/// Country and network code as one string, as other families have them.
fn network(mcc: Option<&[u8]>, mnc: Option<&[u8]>) -> Option<Vec<u8>> {
    let digits =
        |code: Option<&[u8]>| code.filter(|c| c.len() > 2 && c.starts_with(b"\"")).map(|c| unquoted(c).to_vec());
    Some([&b"\""[..], &digits(mcc)?, &digits(mnc)?, b"\""].concat())
}

/// The price, the carrier's fee and the fee of a conversation, all in dollars; only of events that are final, because
/// others carry the same price again.
///
/// A message may have several final events with the same price, and RCS_READ is final with a price of zero, so what a
/// message cost is the greatest of its `cost_usd`. The fee of an RCS conversation stands on every message in it and is
/// paid once: what a conversation cost is the greatest of the `cost_usd` with its `conversation`.
fn cost(event: &Scanned, msg: &mut Msg) {
    let mut known = Vec::new();
    for name in ["totalMessagePrice", "totalCarrierFee", "conversationSessionFee"] {
        match event.get(name.as_bytes()) {
            None | Some(b"null") => {}
            Some(value) => match number(value) {
                Some(dollars) => known.push(dollars),
                // A sum without one of its parts would be wrong.
                None => return,
            },
        }
    }
    if known.is_empty() {
        return;
    }
    // A sum of doubles has dust behind it: 0.01 + 0.003 is 0.013000000000000001.
    msg.number(Field::CostUsd, (known.into_iter().sum::<f64>() * 1e9).round() / 1e9);
    if event.get(b"conversationSessionFee").and_then(number).is_some() {
        msg.text(Field::Conversation, event.get(b"conversationInitiatingMessageId"));
    }
}

/// What a person sent: a text, or in RCS a tap on a suggestion, as an object in the text. That they are typing, and that
/// a conversation has begun, come the same way and are no messages.
fn inbound(event: &Scanned, reading: &mut Reading<'_>) {
    let body = reading.hidden(event.get(b"messageBody").filter(|body| body.starts_with(b"\"{")));
    let destination = event.get(b"destinationNumber");
    let is_rcs = destination.is_some_and(|number| number.starts_with(b"\"rcs-"));
    let notice = body.as_ref().filter(|_| is_rcs).and_then(|body| walk::at(&body.json, &["type"]));
    let msg = &mut *reading.msg;
    msg.text(Field::Event, notice);
    msg.word(Field::Event, "inbound");
    msg.word(Field::Channel, if is_rcs { "rcs" } else { "sms" });
    if !matches!(notice, Some(b"\"RCS_TYPING\"" | b"\"CONVERSATION_STARTED\"")) {
        msg.word(Field::Status, "received");
    }
    msg.text(Field::Id, event.get(b"inboundMessageId"));
    msg.address(Field::To, destination);
    msg.address(Field::From, event.get(b"originationNumber"));
}
