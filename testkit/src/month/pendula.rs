//! Pendula's flows: only the first event of a message carries it, and so says through which channel it goes and to whom.

use serde_json::{Value, json};

use super::Fact;
use super::book::{Book, HOUR, SECOND, iso};

const FLOWS: [&str; 3] = ["Dunning", "Welcome call", "Renewal"];

/// Message and code.
const ERRORS: [[&str; 2]; 2] = [["no such recipient", "E1"], ["the gateway is closed", "E7"]];

/// One message of a flow.
struct Message {
    id: String,
    flow: &'static str,
}

impl Message {
    fn tell(&self, book: &mut Book, kind: &'static str, at: i64, status: &'static str, more: Value, told: Fact) {
        let mut record = json!({"kind": kind, "timestamp": iso(at), "messageId": self.id, "customContext": {"plan": "gold"},
            "workflowContext": {"experienceContext": {"experienceId": "x1"}, "nodeContext": {"nodename": "send"},
                "flowContext": {"flowId": "f1", "flowName": self.flow, "flowVersion": 3}}});
        for (key, value) in more.as_object().into_iter().flatten() {
            record[key] = value.clone();
        }
        let told = Fact {
            at,
            provider: "pendula",
            event: kind,
            status,
            messages: vec![self.id.clone()],
            campaign: self.flow,
            campaign_kind: "flow",
            ..told
        };
        book.tell(told, &record);
    }

    fn fail(&self, book: &mut Book, kind: &'static str, at: i64, status: &'static str) {
        let [reason, reason_class] = book.favour(&ERRORS);
        let errors = json!({"errors": [{"errorMessage": reason, "errorCode": reason_class}]});
        self.tell(book, kind, at, status, errors, Fact { reason, reason_class, ..Fact::default() });
    }
}

pub(super) fn message(book: &mut Book, start: i64) {
    let person = book.person();
    let message = Message { id: book.id(), flow: book.favour(&FLOWS) };
    let is_mail = book.percent(60);
    let (channel, from, to) =
        if is_mail { ("email", "hello@shop.example", &person.email) } else { ("sms", "+61400000000", &person.phone) };
    let payload = json!({"payload": {"kind": channel, "sender": from, "recipient": to, "body": "Your bill"}});
    let first = Fact {
        channel,
        from,
        to: vec![to.clone()],
        to_domain: if is_mail { person.domain } else { "" },
        ..Fact::default()
    };
    message.tell(book, "queued", start, "sent", payload, first);
    let mut at = start + book.chance.i64(200..2 * SECOND);
    if book.percent(6) {
        return message.fail(book, "validation-failed", at, "failed");
    }
    if book.percent(6) {
        return message.fail(book, "rejected-by-gateway", at, "rejected");
    }
    message.tell(book, "sent-to-gateway", at, "sent", Value::Null, Fact::default());
    at += book.chance.i64(SECOND..20 * SECOND);
    if is_mail && book.percent(6) {
        return message.fail(book, "bounced", at, "bounced");
    }
    message.tell(book, "delivered", at, "delivered", Value::Null, Fact::default());
    if is_mail && book.percent(40) {
        at += book.chance.i64(SECOND..8 * HOUR);
        message.tell(book, "opened", at, "opened", Value::Null, Fact::default());
    }
}
