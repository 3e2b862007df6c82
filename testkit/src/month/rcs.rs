//! RCS of End User Messaging: read for nothing after it was paid for, and conversations that are paid for once.

use serde_json::json;

use super::book::{Book, MINUTE, SECOND, dollars};
use super::eum::{Message, Step};
use super::{Fact, Paid};

const AGENT: &str = "rcs-c020de2520714385964ebf7b095c4b60";
/// Of a conversation, in millionths of a dollar.
const FEE: i64 = 12_000;

fn new(book: &mut Book, start: i64, price: (i64, i64)) -> Message {
    let person = book.person();
    Message { id: book.id(), channel: "rcs", from: AGENT, parts: 1, price, asked_at: start, through_bus: false, person }
}

/// A message by itself, or several of one conversation.
pub(super) fn message(book: &mut Book, start: i64) {
    if book.percent(20) {
        return conversation(book, start);
    }
    let rcs = new(book, start, (7_000, 4_940));
    let at = start + book.chance.i64(10..SECOND);
    rcs.tell(book, &Step { name: "RCS_SENT", at, status: "sent", is_final: false, reason: "Message has been sent" });
    let at = at + book.chance.i64(300..5 * SECOND);
    if book.percent(6) {
        let free = Message { price: (0, 0), ..rcs };
        let (name, reason) = ("RCS_FAILED", "Message could not be delivered");
        return free.tell(book, &Step { name, at, status: "failed", is_final: true, reason });
    }
    delivered(book, rcs, at, None);
}

/// Delivered and, of many, read: now and then the word of the second has the earlier time.
fn delivered(book: &mut Book, rcs: Message, at: i64, conversation: Option<&str>) {
    let reason = "Message has been accepted by phone";
    let (mut record, mut told) =
        rcs.step(&Step { name: "RCS_DELIVERED", at, status: "delivered", is_final: true, reason });
    record["rcsMetadata"] = json!({"billingEventType": "BASIC"});
    if let Some(conversation) = conversation {
        record["conversationInitiatingMessageId"] = json!(conversation);
        record["conversationInitiatingMessageType"] = json!("OUTBOUND");
        record["conversationSessionFee"] = json!(dollars(FEE));
        told = Fact {
            conversation: conversation.to_owned(),
            paid: Some(Paid { millionths: FEE, currency: "USD" }),
            ..told
        };
    }
    rcs.send(book, record, told);
    if book.percent(60) {
        let at = if book.percent(10) { at - 200 } else { at + book.chance.i64(SECOND..30 * MINUTE) };
        let free = Message { price: (0, 0), ..rcs };
        let reason = "Message has been read by recipient";
        free.tell(book, &Step { name: "RCS_READ", at, status: "read", is_final: true, reason });
    }
}

/// The fee stands on each of its messages, which cost nothing by themselves.
fn conversation(book: &mut Book, start: i64) {
    let id = format!("{}", 177_000_000_000_000_000_i64 + start);
    let first = new(book, start, (0, 0));
    let person = first.person.clone();
    delivered(book, first, start + SECOND, Some(&id));
    let mut at = start + SECOND;
    for _ in 0..book.chance.u32(1..4) {
        at += book.chance.i64(MINUTE..20 * MINUTE);
        let next = Message { person: person.clone(), ..new(book, at - SECOND, (0, 0)) };
        delivered(book, next, at, Some(&id));
    }
}
