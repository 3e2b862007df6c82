//! Pinpoint's texts: buffered, then done, with the price on both.

use serde_json::json;

use super::book::{Book, DAY, HOUR, MINUTE, SECOND};
use super::pinpoint::{CAMPAIGNS, For, event, fact};
use super::pinpoint_send::attempt;
use super::{Fact, Paid};
use crate::month::people::Person;

const FAILURES: [&str; 5] = ["CARRIER_UNREACHABLE", "UNREACHABLE", "BLOCKED", "INVALID", "TTL_EXPIRED"];
pub(super) const NUMBER: &str = "+12065550142";

/// One text.
struct Text {
    id: String,
    why: For,
    person: Person,
    parts: u32,
    millicents: i64,
}

impl Text {
    fn tell(&self, book: &mut Book, name: &'static str, at: i64, reason: &'static str, told: Fact) {
        let person = &self.person;
        let mut attributes = json!({
            "sender_request_id": self.id, "origination_phone_number": NUMBER, "destination_phone_number": person.phone,
            "record_status": reason, "iso_country_code": person.country.code, "mcc_mnc": person.carrier[3],
            "number_of_message_parts": self.parts.to_string(), "message_id": self.id, "message_type": "Promotional",
            "customer_context": "{\"userId\":\"x\"}",
        });
        self.why.write(&mut attributes);
        let mut record = event(name, at + 300, at, &person.client, attributes);
        if name != "_SMS.OPTOUT" {
            // On BUFFERED too, whatever the documentation says.
            record["metrics"] = json!({"price_in_millicents_usd": self.millicents as f64});
        }
        let told = Fact {
            messages: vec![self.id.clone()],
            to: vec![person.phone.clone()],
            from: NUMBER,
            country: person.country.code,
            carrier: person.carrier[3],
            parts: self.parts,
            reason,
            ..told
        };
        book.tell(told, &record);
    }

    fn fact(&self, name: &'static str, at: i64, status: &'static str) -> Fact {
        Fact { status, ..fact(name, at, "sms", self.why, &self.person.client) }
    }

    /// The last word, with what it cost.
    fn end(&self, book: &mut Book, name: &'static str, at: i64, status: &'static str, reason: &'static str) {
        // A millicent is ten millionths.
        let paid = Some(Paid { millionths: self.millicents * 10, currency: "USD" });
        let told = Fact { is_final: Some(true), paid, ..self.fact(name, at, status) };
        self.tell(book, name, at, reason, told);
    }
}

pub(super) fn campaign(book: &mut Book, start: i64) {
    let person = book.person();
    let why = if book.percent(80) { For { kind: "campaign", id: book.favour(&CAMPAIGNS) } } else { For::NOTHING };
    if why != For::NOTHING && !attempt(book, start, "sms", why, &person) {
        return;
    }
    let parts = if book.percent(75) { 1 } else { book.chance.u32(2..4) };
    let (price, fee) = person.country.price;
    let text = Text { id: book.id(), why, parts, millicents: (price + fee) / 10 * i64::from(parts), person };
    let at = start + book.chance.i64(1..SECOND);
    let sent = Fact { is_final: Some(false), ..text.fact("_SMS.BUFFERED", at, "sent") };
    text.tell(book, "_SMS.BUFFERED", at, "PENDING", sent);
    // Of some nothing more is heard: the price of those was never paid.
    if book.percent(3) {
        return;
    }
    let at = at + book.chance.i64(200..40 * SECOND);
    if book.percent(92) {
        let reason = if text.person.country.receipts { "DELIVERED" } else { "SUCCESSFUL" };
        text.end(book, "_SMS.SUCCESS", at, "delivered", reason);
    } else {
        let reason = book.favour(&FAILURES);
        let at = at + book.chance.i64(1..HOUR);
        text.end(book, "_SMS.FAILURE", at, "failed", reason);
    }
    if book.one_in(20) {
        let at = at + book.chance.i64(MINUTE..DAY);
        text.tell(book, "_SMS.OPTOUT", at, "OPTED_OUT", text.fact("_SMS.OPTOUT", at, "unsubscribed"));
    }
}
