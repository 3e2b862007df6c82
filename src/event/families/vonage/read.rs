//! What the events of Vonage's SMS API say in the common vocabulary.

use super::spaced;
use crate::event::families::Reading;
use crate::event::msg::{Field, Msg, number};
use crate::event::scan::Scanned;
use crate::event::walk::unquoted;

/// Names without hyphens and capitals for members that have them, as tables of receipts name their columns; `msisdn`,
/// `to`, `price`, `status` and `scts` have such names already.
const PLAIN: [(&[u8], &str); 4] = [
    (b"network-code", "network_code"),
    (b"messageId", "message_id"),
    (b"err-code", "err_code"),
    (b"message-timestamp", "message_timestamp"),
];

/// Says it, and puts the members whose names are awkward to query under plain ones beside them.
pub fn read(event: &Scanned, reading: &mut Reading<'_>) {
    let get = |name: &str| event.get(name.as_bytes());
    let msg = &mut *reading.msg;
    msg.word(Field::Channel, "sms");
    msg.text(Field::Id, get("messageId"));
    msg.text(Field::Carrier, get("network-code"));
    msg.text(Field::Campaign, get("client-ref"));
    let inbound = ["status", "err-code", "scts"].iter().all(|name| get(name).is_none());
    if inbound {
        msg.word(Field::Event, "inbound");
        msg.word(Field::Status, "received");
        msg.address(Field::From, get("msisdn"));
        msg.address(Field::To, get("to"));
        msg.whole(Field::Parts, get("concat-total"));
    } else {
        receipt(event, msg);
    }
    for (awkward, plain) in PLAIN {
        if let Some(value) = event.get(awkward) {
            let value = if awkward == b"message-timestamp" { spaced(value).into_owned() } else { value.to_vec() };
            reading.add(plain, value);
        }
    }
}

/// A text in several parts has a receipt for each, with an id of its own.
fn receipt(event: &Scanned, msg: &mut Msg) {
    let get = |name: &str| event.get(name.as_bytes());
    msg.text(Field::Event, get("status"));
    msg.address(Field::To, get("msisdn"));
    msg.address(Field::From, get("to"));
    msg.whole(Field::Parts, Some(b"1"));
    let (status, is_final) = get("status").and_then(status).unzip();
    if let (Some(status), Some(is_final)) = (status, is_final) {
        msg.word(Field::Status, status);
        msg.truth(Field::Final, is_final);
    }
    let code = get("err-code");
    msg.text(Field::ReasonClass, code);
    // Code 0 says that all went well, also of a message that has only been accepted.
    let meaning = code.map(unquoted).filter(|code| *code != b"0" || status == Some("delivered")).and_then(meaning);
    if let Some(meaning) = meaning {
        msg.word(Field::Reason, meaning);
    }
    if let (Some(true), Some(price)) = (is_final, get("price").and_then(number)) {
        msg.number(Field::Cost, price);
        // Receipts do not name it: accounts of the SMS API are kept in euros.
        msg.word(Field::Currency, "EUR");
    }
}

/// What a receipt's word says, and whether no other receipt follows.
fn status(word: &[u8]) -> Option<(&'static str, bool)> {
    Some(match word {
        b"\"accepted\"" => ("sent", false),
        b"\"buffered\"" => ("delayed", false),
        b"\"delivered\"" => ("delivered", true),
        // `unknown` is the operator's last word too: it sends no receipt that says more.
        b"\"expired\"" | b"\"failed\"" | b"\"deleted\"" | b"\"unknown\"" => ("failed", true),
        b"\"rejected\"" => ("rejected", true),
        _ => return None,
    })
}

/// What an `err-code` means, by the documentation of delivery receipts.
fn meaning(code: &[u8]) -> Option<&'static str> {
    Some(match code {
        b"0" => "Delivered",
        b"1" => "Unknown",
        b"2" => "Absent subscriber, temporary",
        b"3" => "Absent subscriber, permanent",
        b"4" => "Call barred by user",
        b"5" => "Portability error",
        b"6" => "Anti-spam rejection",
        b"7" => "Handset busy",
        b"8" => "Network error",
        b"9" => "Illegal number",
        b"10" => "Illegal message",
        b"11" => "Unroutable",
        b"12" => "Destination unreachable",
        b"13" => "Subscriber age restriction",
        b"14" => "Number blocked by carrier",
        b"15" => "Prepaid: insufficient funds",
        b"50" => "Entity filter",
        b"51" => "Header filter",
        b"52" => "Content filter",
        b"53" => "Consent filter",
        b"54" => "Regulation error",
        b"99" => "General error",
        _ => return None,
    })
}
