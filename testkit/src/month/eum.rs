//! Texts, media and calls of AWS End User Messaging: bare, as Firehose has them, or in the envelope of EventBridge.

use serde_json::{Value, json};

use super::book::{Book, HOUR, MINUTE, SECOND, dollars, iso};
use super::people::Person;
use super::{Fact, Paid};

pub(super) const NUMBER: &str = "+12065550152";

/// The outcome, what it means, and the provider's sentence.
const FAILURES: [(&str, &str, &str); 7] = [
    ("CARRIER_UNREACHABLE", "failed", "Message could not be delivered: the carrier is unreachable"),
    ("UNREACHABLE", "failed", "The phone is currently unreachable/unavailable"),
    ("BLOCKED", "rejected", "Phone is blocked"),
    ("UNKNOWN", "failed", "Unknown error attempting to reach phone"),
    ("SPAM", "rejected", "Message is spam"),
    ("INVALID", "failed", "Phone number is invalid"),
    ("TTL_EXPIRED", "failed", "The message could not be delivered in time"),
];

/// One message, on any of its channels.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) channel: &'static str,
    pub(super) person: Person,
    pub(super) from: &'static str,
    pub(super) parts: u32,
    /// Price and fee in millionths of a dollar.
    pub(super) price: (i64, i64),
    pub(super) asked_at: i64,
    /// Whether its events come through EventBridge.
    pub(super) through_bus: bool,
}

/// One of its statuses.
pub(super) struct Step {
    /// The whole `eventType`.
    pub(super) name: &'static str,
    pub(super) at: i64,
    pub(super) status: &'static str,
    pub(super) is_final: bool,
    pub(super) reason: &'static str,
}

impl Message {
    /// What it says, and the fact: with its price on every event, though only the last says it for good.
    pub(super) fn step(&self, step: &Step) -> (Value, Fact) {
        let person = &self.person;
        let [name, mcc, mnc, _] = person.carrier;
        let outcome = step.name.split_once('_').map_or("", |(_, outcome)| outcome);
        let record = json!({
            "eventType": step.name, "eventVersion": "1.0", "eventTimestamp": step.at, "isFinal": step.is_final,
            "originationPhoneNumber": self.from, "destinationPhoneNumber": person.phone,
            "isoCountryCode": person.country.code, "isInternationalSend": false, "mcc": mcc, "mnc": mnc,
            "carrierName": name, "messageId": self.id, "messageRequestTimestamp": self.asked_at,
            "messageEncoding": "GSM", "messageType": "TRANSACTIONAL", "messageStatus": outcome,
            "messageStatusDescription": step.reason, "context": {"team": "shop"}, "totalMessageParts": self.parts,
            "totalMessagePrice": dollars(self.price.0), "totalCarrierFee": dollars(self.price.1),
        });
        let is_bad = matches!(step.status, "failed" | "rejected");
        let told = Fact {
            at: step.at,
            provider: "eum",
            event: step.name,
            channel: self.channel,
            status: step.status,
            is_final: Some(step.is_final),
            messages: vec![self.id.clone()],
            to: vec![person.phone.clone()],
            from: self.from,
            country: person.country.code,
            carrier: name,
            parts: self.parts,
            reason: step.reason,
            reason_class: if is_bad { outcome } else { "" },
            paid: step.is_final.then_some(Paid { millionths: self.price.0 + self.price.1, currency: "USD" }),
            ..Fact::default()
        };
        (record, told)
    }

    pub(super) fn tell(&self, book: &mut Book, step: &Step) {
        let (record, told) = self.step(step);
        self.send(book, record, told);
    }

    /// Puts it into the stream, in the envelope of this message.
    pub(super) fn send(&self, book: &mut Book, record: Value, told: Fact) {
        if !self.through_bus {
            return book.tell(told, &record);
        }
        let kind =
            if self.channel == "voice" { "Voice Call Status Updated" } else { "Text Message Delivery Status Updated" };
        let record = on_the_bus(book, "aws.sms-voice", kind, told.at, record);
        book.tell(told, &record);
    }
}

/// EventBridge's envelope.
pub(super) fn on_the_bus(book: &mut Book, source: &str, kind: &str, at: i64, detail: Value) -> Value {
    json!({"version": "0", "id": book.id(), "detail-type": kind, "source": source, "account": "001234567890",
        "time": format!("{}Z", &iso(at + SECOND)[..19]), "region": "eu-west-1", "resources": [], "detail": detail})
}

fn message(book: &mut Book, start: i64, channel: &'static str, factor: i64) -> Message {
    let person = book.person();
    let parts = if channel == "sms" && book.percent(25) { book.chance.u32(2..4) } else { 1 };
    let (price, fee) = person.country.price;
    let times = factor * i64::from(parts);
    let through_bus = book.percent(40);
    Message {
        id: book.id(),
        channel,
        from: NUMBER,
        parts,
        price: (price * times, fee * times),
        asked_at: start,
        through_bus,
        person,
    }
}

fn step(name: &'static str, at: i64, status: &'static str, is_final: bool, reason: &'static str) -> Step {
    Step { name, at, status, is_final, reason }
}

/// A text: where handsets send receipts it ends twice, each time for the whole price.
pub(super) fn text(book: &mut Book, start: i64) {
    const NAMES: [&str; 7] = [
        "TEXT_CARRIER_UNREACHABLE",
        "TEXT_UNREACHABLE",
        "TEXT_BLOCKED",
        "TEXT_UNKNOWN",
        "TEXT_SPAM",
        "TEXT_INVALID",
        "TEXT_TTL_EXPIRED",
    ];
    let text = message(book, start, "sms", 1);
    let mut at = start + book.chance.i64(10..SECOND);
    let queued = if book.percent(80) { "TEXT_QUEUED" } else { "TEXT_PENDING" };
    text.tell(book, &step(queued, at, "sent", false, "Message has been queued"));
    if book.percent(7) {
        at += book.chance.i64(SECOND..6 * HOUR);
        let which = book.chance.usize(..NAMES.len());
        let (_, status, reason) = FAILURES[which];
        return text.tell(book, &step(NAMES[which], at, status, true, reason));
    }
    at += book.chance.i64(200..2 * SECOND);
    text.tell(book, &step("TEXT_SUCCESSFUL", at, "delivered", true, "Message has been accepted by phone carrier"));
    if text.person.country.receipts && book.percent(85) {
        at += book.chance.i64(300..MINUTE);
        text.tell(book, &step("TEXT_DELIVERED", at, "delivered", true, "Message has been accepted by phone"));
    }
}

/// A picture.
pub(super) fn media(book: &mut Book, start: i64) {
    let media = message(book, start, "mms", 3);
    let mut at = start + book.chance.i64(10..SECOND);
    media.tell(book, &step("MEDIA_QUEUED", at, "sent", false, "Message has been queued"));
    at += book.chance.i64(200..20 * SECOND);
    if book.percent(8) {
        let reason = "The media file could not be read";
        return media.tell(book, &step("MEDIA_FILE_INACCESSIBLE", at, "failed", true, reason));
    }
    media.tell(book, &step("MEDIA_DELIVERED", at, "delivered", true, "Message has been accepted by phone"));
}

/// A call: answered and completed are both delivered, and only the last is paid.
pub(super) fn voice(book: &mut Book, start: i64) {
    let call = message(book, start, "voice", 2);
    let mut at = start + book.chance.i64(10..SECOND);
    call.tell(book, &step("VOICE_INITIATED", at, "sent", false, "Call has been initiated"));
    at += book.chance.i64(SECOND..5 * SECOND);
    call.tell(book, &step("VOICE_RINGING", at, "sent", false, "Phone is ringing"));
    at += book.chance.i64(SECOND..20 * SECOND);
    if book.percent(25) {
        let (name, reason) = book.pick(&[("VOICE_BUSY", "Phone is busy"), ("VOICE_NO_ANSWER", "Nobody answered")]);
        return call.tell(book, &step(name, at, "failed", true, reason));
    }
    call.tell(book, &step("VOICE_ANSWERED", at, "delivered", false, "Call has been answered"));
    at += book.chance.i64(5 * SECOND..MINUTE);
    let (mut record, told) = call.step(&step("VOICE_COMPLETED", at, "delivered", true, "Call has been completed"));
    record["callDurationInSeconds"] = json!((at - start) / SECOND);
    record["totalDurationInMinutes"] = json!(1);
    call.send(book, record, told);
}
