//! Vonage: receipts of the SMS API, one a part, in euros; and the Messages API, in euros and in dollars.

use serde_json::{Value, json};

use super::book::{Book, HOUR, MINUTE, SECOND, iso};
use super::people::Person;
use super::{Fact, Paid};

const SENDER: &str = "Shop";
const REFERENCES: [&str; 3] = ["login-code", "parcel", "reminder"];

/// Status, code, what the code means, and what the status means.
const FAILURES: [[&str; 4]; 4] = [
    ["failed", "6", "Anti-spam rejection", "failed"],
    ["expired", "2", "Absent subscriber, temporary", "failed"],
    ["rejected", "14", "Number blocked by carrier", "rejected"],
    ["unknown", "1", "Unknown", "failed"],
];

pub(super) fn message(book: &mut Book, start: i64) {
    let start = start / SECOND * SECOND;
    match book.chance.u32(..10) {
        0..6 => texts(book, start),
        6 => inbound(book, start),
        7..9 => messages(book, start, "sms"),
        _ => messages(book, start, "whatsapp"),
    }
}

/// Numbers without the plus.
fn number(person: &Person) -> String {
    person.phone[1..].to_owned()
}

/// `2018-10-25 12:10:29`, of UTC though it does not say so.
fn stamp(at: i64) -> String {
    iso(at)[..19].replace('T', " ")
}

/// A text of one or two parts, each with an id and receipts of its own.
fn texts(book: &mut Book, start: i64) {
    let person = book.person();
    let reference = book.favour(&REFERENCES);
    for _ in 0..if book.percent(20) { 2 } else { 1 } {
        let id = format!("{:016X}", 0x0B00_0001_0000_0000_u64 + book.number());
        // All receipts of a part name its price.
        let price = person.country.price.0 + 3_000;
        let tell = |book: &mut Book, [word, code, reason, status]: [&'static str; 4], at: i64, is_final: bool| {
            let record = json!({"msisdn": number(&person), "to": SENDER, "network-code": person.carrier[3],
                "messageId": id, "price": format!("{:.8}", super::book::dollars(price)), "status": word,
                "scts": "2610012359", "err-code": code, "message-timestamp": stamp(at), "client-ref": reference});
            let told = Fact {
                is_final: Some(is_final),
                messages: vec![id.clone()],
                to: vec![number(&person)],
                from: SENDER,
                carrier: person.carrier[3],
                parts: 1,
                campaign: reference,
                reason,
                reason_class: code,
                paid: is_final.then_some(Paid { millionths: price, currency: "EUR" }),
                ..fact(at, word, "sms", status)
            };
            book.tell(told, &record);
        };
        let mut at = start;
        if book.percent(30) {
            tell(book, ["buffered", "0", "", "delayed"], at, false);
            at += SECOND * book.chance.i64(1..600);
        }
        if book.percent(6) {
            let failure = book.favour(&FAILURES);
            tell(book, failure, at + 2 * SECOND, true);
        } else {
            tell(book, ["delivered", "0", "Delivered", "delivered"], at + SECOND, true);
            // A carrier may say it twice, and the price with it.
            if book.percent(5) {
                tell(book, ["delivered", "0", "Delivered", "delivered"], at + 40 * SECOND, true);
            }
        }
    }
}

fn fact(at: i64, event: &'static str, channel: &'static str, status: &'static str) -> Fact {
    Fact { at, provider: "vonage", event, channel, status, ..Fact::default() }
}

/// What somebody answered.
fn inbound(book: &mut Book, at: i64) {
    let person = book.person();
    let id = format!("{:016X}", 0x1700_0002_0000_0000_u64 + book.number());
    let record = json!({"msisdn": number(&person), "to": "447520635498", "messageId": id, "text": "STOP?", "type": "text",
        "keyword": "STOP?", "message-timestamp": stamp(at)});
    let told =
        Fact { messages: vec![id], to: vec!["447520635498".to_owned()], ..fact(at, "inbound", "sms", "received") };
    book.tell(told, &record);
}

/// The Messages API names a price once: of texts when they are submitted, of WhatsApp when they are delivered.
fn messages(book: &mut Book, start: i64, channel: &'static str) {
    let person = book.person();
    let (id, reference) = (book.id(), book.favour(&REFERENCES));
    let currency = if book.percent(70) { "EUR" } else { "USD" };
    let paid_on = if channel == "sms" { "submitted" } else { "delivered" };
    let tell =
        |book: &mut Book, word: &'static str, status: &'static str, at: i64, is_final: Option<bool>, more: Value| {
            let mut record = json!({"message_uuid": id, "to": number(&person), "from": "447520635498",
            "timestamp": format!("{}Z", &iso(at)[..19]), "status": word, "channel": channel, "client_ref": reference});
            let paid = (word == paid_on).then_some(Paid { millionths: 45_000, currency });
            if paid.is_some() {
                record["usage"] = json!({"currency": currency, "price": "0.0450"});
            }
            let mut told = Fact {
                is_final,
                messages: vec![id.clone()],
                to: vec![number(&person)],
                from: "447520635498",
                campaign: reference,
                paid,
                ..fact(at, word, channel, status)
            };
            if let Some(error) = more.as_object() {
                record["error"] = json!(error);
                (told.reason, told.reason_class) = ("No network is found for this number", "1120");
            }
            book.tell(told, &record);
        };
    tell(book, "submitted", "sent", start, Some(false), Value::Null);
    let at = start + SECOND * book.chance.i64(1..30);
    if book.percent(7) {
        let error = json!({"type": "https://errors.example/1120", "title": "1120", "detail": "No network is found for this number"});
        return tell(book, "undeliverable", "failed", at, Some(true), error);
    }
    // Of a text nothing follows; of WhatsApp it may be read, or not.
    tell(book, "delivered", "delivered", at, (channel == "sms").then_some(true), Value::Null);
    if channel == "whatsapp" && book.percent(60) {
        let at = at + SECOND * book.chance.i64(1..3 * HOUR / MINUTE);
        tell(book, "read", "read", at, Some(true), Value::Null);
    }
}
