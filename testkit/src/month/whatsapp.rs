//! WhatsApp through End User Messaging Social: one status in EventBridge's envelope, or Meta's entry in SNS's, which may
//! be about several messages.

use serde_json::{Value, json};

use super::Fact;
use super::book::{Book, HOUR, SECOND, iso};
use super::eum::on_the_bus;

const BUSINESS: &str = "15550783881";

fn told(name: &'static str, at: i64, status: &'static str, id: &str) -> Fact {
    Fact {
        at,
        provider: "eum",
        event: name,
        channel: "whatsapp",
        status,
        messages: vec![id.to_owned()],
        from: BUSINESS,
        ..Fact::default()
    }
}

/// Sent, delivered, read, in whole seconds; the answers of people; and failures.
pub(super) fn message(book: &mut Book, start: i64) {
    let start = start / SECOND * SECOND;
    if book.percent(25) {
        return entries(book, start);
    }
    let id = book.id();
    let mut at = start;
    status(book, &id, "sent", "sent", at);
    at += SECOND * book.chance.i64(0..20);
    if book.percent(5) {
        return status(book, &id, "failed", "failed", at);
    }
    status(book, &id, "delivered", "delivered", at);
    if book.percent(65) {
        at += SECOND * book.chance.i64(0..2 * HOUR / SECOND);
        status(book, &id, "read", "read", at);
    }
}

fn status(book: &mut Book, id: &str, name: &'static str, status: &'static str, at: i64) {
    let detail = json!({"wabaId": "1163793972139053", "originationPhoneNumber": BUSINESS,
        "originationPhoneNumberId": "574086085794038", "messageId": id, "status": name,
        "eventTimestamp": (at / SECOND).to_string()});
    let record = on_the_bus(book, "aws.social-messaging", "WhatsApp Message Status", at, detail);
    book.tell(told(name, at, status, id), &record);
}

/// Meta's entries in SNS's envelope: what became of two messages to one person at once, and the person's answer.
fn entries(book: &mut Book, start: i64) {
    let person = book.person();
    // Meta writes numbers without the plus.
    let number = &person.phone[1..];
    let ids = [format!("wamid.{}", book.id()), format!("wamid.{}", book.id())];
    let mut at = start;
    for name in ["sent", "delivered"] {
        let of = |id: &String| {
            json!({"id": id, "status": name, "timestamp": (at / SECOND).to_string(), "recipient_id": number,
                "conversation": {"id": ids[0], "origin": {"type": "marketing"}},
                "pricing": {"billable": true, "category": "marketing"}})
        };
        let statuses = json!({"statuses": ids.iter().map(of).collect::<Vec<_>>()});
        let record = notification(book, &statuses, at);
        let both = Fact { messages: ids.to_vec(), to: vec![number.to_owned()], ..told(name, at, name, "") };
        book.tell(both, &record);
        at += 3 * SECOND;
    }
    if book.percent(50) {
        at += SECOND * book.chance.i64(1..600);
        let id = format!("wamid.{}", book.id());
        let answer = json!({"messages": [{"from": number, "id": id, "timestamp": (at / SECOND).to_string(),
            "type": "text", "text": {"body": "Does it come in red?"}}]});
        let record = notification(book, &answer, at);
        // The number of the business is whom it goes to.
        let inbound = Fact { to: vec![BUSINESS.to_owned()], from: "", ..told("inbound", at, "received", &id) };
        book.tell(inbound, &record);
    }
}

fn notification(book: &mut Book, more: &Value, at: i64) -> Value {
    let mut value = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": BUSINESS, "phone_number_id": "106540352242922"}});
    for (name, list) in more.as_object().into_iter().flatten() {
        value[name] = list.clone();
    }
    let entry = json!({"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]});
    let message = json!({"context": {"MetaWabaIds": [], "MetaPhoneNumberIds": []},
        "whatsAppWebhookEntry": entry.to_string(), "aws_account_id": "001234567890", "message_timestamp": iso(at + 300),
        "messageId": book.id()});
    json!({"Type": "Notification", "MessageId": book.id(), "TopicArn": "arn:aws:sns:eu-west-1:001234567890:whatsapp",
        "Message": message.to_string(), "Timestamp": iso(at + 400)})
}
