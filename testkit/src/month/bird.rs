//! Bird's mail: rows of its webhook, alone or several in a batch, in whole seconds.

use serde_json::{Value, json};

use super::Fact;
use super::book::{Book, DAY, HOUR, MINUTE, SECOND};
use super::people::Person;
use super::pinpoint_mail::{AGENTS, LINKS};

const CAMPAIGNS: [&str; 3] = ["reactivation", "birthday", "price-alert"];
const FROM: &str = "hello@shop.example";

/// Bounce class, code, and the canonical reason.
const BOUNCES: [[&str; 3]; 3] = [
    ["10", "550", "550 5.1.1 - invalid recipient"],
    ["22", "452", "452 4.2.2 - mailbox full"],
    ["51", "554", "554 5.7.1 - IP (a.b.c.d) is in a block list"],
];

/// One mail.
struct Mail {
    id: String,
    person: Person,
    campaign: &'static str,
}

impl Mail {
    /// A row and what it says.
    fn row(
        &self,
        book: &mut Book,
        class: &str,
        name: &'static str,
        at: i64,
        status: &'static str,
        more: Value,
    ) -> (Value, Fact) {
        let at = at / SECOND * SECOND;
        let mut row = json!({"type": name, "event_id": format!("{}", 92_000_000_000_000_000 + book.number()),
            "timestamp": (at / SECOND).to_string(), "campaign_id": self.campaign, "message_id": self.id,
            "rcpt_to": self.person.email, "raw_rcpt_to": self.person.email, "rcpt_meta": {"plan": "gold"},
            "rcpt_tags": [], "customer_id": "1", "transmission_id": "65832150921904138", "subaccount_id": "101"});
        if class == "message_event" {
            row["friendly_from"] = json!(FROM);
            row["msg_from"] = json!("bounces@shop.example");
            row["delv_method"] = json!("esmtp");
            row["ip_address"] = json!("198.51.100.9");
        }
        for (key, value) in more.as_object().into_iter().flatten() {
            row[key] = value.clone();
        }
        let told = Fact {
            at,
            provider: "bird",
            event: name,
            channel: "email",
            status,
            messages: vec![self.id.clone()],
            to: vec![self.person.email.clone()],
            to_domain: self.person.domain,
            from: if class == "message_event" { FROM } else { "" },
            campaign: self.campaign,
            campaign_kind: "campaign",
            ..Fact::default()
        };
        (json!({"msys": {class: row}}), told)
    }
}

fn tell(book: &mut Book, (record, told): (Value, Fact)) {
    book.tell(told, &record);
}

pub(super) fn mail(book: &mut Book, start: i64) {
    let person = book.person();
    let mail = Mail {
        id: format!("{:020x}", 0x000F_0000_0000_u64 + book.number()),
        person,
        campaign: book.favour(&CAMPAIGNS),
    };
    if book.percent(1) {
        let reason = "550 5.7.1 - content is not allowed";
        let (record, told) = mail.row(
            book,
            "message_event",
            "policy_rejection",
            start,
            "rejected",
            json!({"reason": reason, "error_code": "550"}),
        );
        return book.tell(Fact { reason, reason_class: "550", ..told }, &record);
    }
    let (sent, sent_fact) = mail.row(book, "message_event", "injection", start, "sent", json!({"msg_size": "1337"}));
    let mut at = start + book.chance.i64(SECOND..30 * SECOND);
    if book.percent(5) {
        book.tell(sent_fact, &sent);
        let [class, code, reason] = book.favour(&BOUNCES);
        let more = json!({"bounce_class": class, "error_code": code, "reason": reason, "raw_reason": format!("{reason} ({at})")});
        let (record, told) = mail.row(book, "message_event", "bounce", at, "bounced", more);
        return book.tell(Fact { reason, reason_class: class, ..told }, &record);
    }
    let (delivery, delivered) =
        mail.row(book, "message_event", "delivery", at, "delivered", json!({"queue_time": "12", "msg_size": "1337"}));
    // A webhook posts what has come together.
    book.put(vec![sent_fact, delivered], &json!([sent, delivery]));
    if book.percent(40) {
        for number in 0..book.chance.u32(1..4) {
            at += book.chance.i64(2 * SECOND..8 * HOUR);
            looked(book, &mail, if number == 0 { "initial_open" } else { "open" }, "opened", at);
        }
        if book.percent(25) {
            at += book.chance.i64(SECOND..10 * MINUTE);
            looked(book, &mail, "click", "clicked", at);
        }
    }
    if book.one_in(80) {
        at += book.chance.i64(MINUTE..DAY);
        let row = mail.row(book, "unsubscribe_event", "list_unsubscribe", at, "unsubscribed", json!({}));
        tell(book, row);
    }
    if book.one_in(120) {
        at += book.chance.i64(HOUR..2 * DAY);
        let (record, told) =
            mail.row(book, "message_event", "spam_complaint", at, "complained", json!({"fbtype": "abuse"}));
        book.tell(Fact { reason_class: "abuse", ..told }, &record);
    }
}

/// Opened or clicked: from where, and with what.
fn looked(book: &mut Book, mail: &Mail, name: &'static str, status: &'static str, at: i64) {
    let (user_agent, country) = (book.favour(&AGENTS), mail.person.country.code);
    let mut more = json!({"user_agent": user_agent, "ip_address": "203.0.113.5",
        "geo_ip": {"country": country, "region": "", "city": "", "latitude": "48.1", "longitude": 11.5}});
    let link = if status == "clicked" { book.favour(&LINKS) } else { "" };
    if !link.is_empty() {
        more["target_link_url"] = json!(link);
        more["target_link_name"] = json!("a link");
    }
    let (record, told) = mail.row(book, "track_event", name, at, status, more);
    book.tell(Fact { user_agent, link, country, ..told }, &record);
}
