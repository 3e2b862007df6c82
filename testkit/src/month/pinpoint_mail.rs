//! Pinpoint's mail: `event_timestamp` is when it was sent, on every event of it.

use serde_json::{Value, json};

use super::Fact;
use super::book::{Book, DAY, HOUR, MINUTE, SECOND, iso};
use super::people::Person;
use super::pinpoint::{CAMPAIGNS, For, JOURNEYS, event, fact};
use super::pinpoint_send::attempt;

/// A header and its address, for all of the shop's mail.
pub(super) const FROM: &str = "Shop <news@shop.example>";

pub(super) const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (via a proxy of images)",
    "Mozilla/5.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0",
];

pub(super) const LINKS: [&str; 6] = [
    "https://shop.example/sale?utm_source=mail&utm_campaign=autumn",
    "https://shop.example/",
    "https://shop.example/shoes/42",
    "https://shop.example/account/orders",
    "https://shop.example/help",
    "https://shop.example/cart",
];

const SUBJECTS: [&str; 4] = ["가을 세일", "Your parcel is on its way", "Nur noch heute: 20 %", "Welcome to the shop"];

/// Bounce: event, type and subtype, both together, diagnostic.
const BOUNCES: [[&str; 5]; 4] = [
    ["_email.hardbounce", "Permanent", "General", "Permanent/General", "smtp; 550 5.1.1 user unknown"],
    ["_email.hardbounce", "Permanent", "Suppressed", "Permanent/Suppressed", "smtp; 550 5.1.1 on the suppression list"],
    ["_email.softbounce", "Transient", "MailboxFull", "Transient/MailboxFull", "smtp; 452 4.2.2 mailbox full"],
    ["_email.softbounce", "Transient", "General", "Transient/General", "smtp; 451 4.3.0 try again later"],
];

/// One mail.
struct Mail {
    id: String,
    sent_at: i64,
    why: For,
    person: Person,
    subject: &'static str,
}

impl Mail {
    fn tell(&self, book: &mut Book, name: &'static str, at: i64, more: Value, told: Fact) {
        let mut attributes = json!({"feedback": if name == "_email.click" { told.link } else { "said" }});
        self.why.write(&mut attributes);
        let mut record = event(name, self.sent_at, at, &self.person.client, attributes);
        let to = &self.person.email;
        let mut mail_event = more;
        mail_event["mail"] = json!({
            "message_id": self.id, "message_send_timestamp": self.sent_at, "from_address": FROM, "destination": [to],
            "headers_truncated": false,
            "headers": [{"name": "From", "value": FROM}, {"name": "To", "value": to}, {"name": "Subject", "value": self.subject}],
            "common_headers": {"from": FROM, "to": [to], "subject": self.subject},
        });
        record["facets"] = json!({"email_channel": {"mail_event": mail_event}});
        record["client_context"] = json!({"custom": {"legacy_identifier": "7f79ec844d644e669ac818fecbc156dc"}});
        let told = Fact {
            messages: vec![self.id.clone()],
            to: vec![to.clone()],
            to_domain: self.person.domain,
            from: FROM,
            ..told
        };
        book.tell(told, &record);
    }

    fn fact(&self, name: &'static str, at: i64, status: &'static str) -> Fact {
        Fact { status, ..fact(name, at, "email", self.why, &self.person.client) }
    }
}

pub(super) fn campaign(book: &mut Book, start: i64) {
    let why = For { kind: "campaign", id: book.favour(&CAMPAIGNS) };
    let person = book.person();
    if attempt(book, start, "email", why, &person) {
        send(book, start, why, person);
    }
}

pub(super) fn journey(book: &mut Book, start: i64) {
    let why = For { kind: "journey", id: book.favour(&JOURNEYS) };
    let person = book.person();
    if attempt(book, start, "email", why, &person) {
        send(book, start, why, person);
    }
}

pub(super) fn transactional(book: &mut Book, start: i64) {
    let person = book.person();
    send(book, start, For::NOTHING, person);
}

fn send(book: &mut Book, start: i64, why: For, person: Person) {
    let sent_at = start + book.chance.i64(1..SECOND);
    let mail = Mail { id: format!("0102{}-000000", book.id()), sent_at, why, person, subject: book.favour(&SUBJECTS) };
    if book.percent(1) {
        let (name, reason) = ("_email.rejected", "Bad content");
        let told = Fact { reason, ..mail.fact(name, sent_at + 5, "rejected") };
        return mail.tell(book, name, sent_at + 5, json!({"reject": {"reason": reason}}), told);
    }
    if book.percent(1) {
        let name = "_email.rendering_failure";
        return mail.tell(book, name, sent_at + 5, json!({}), mail.fact(name, sent_at + 5, "rejected"));
    }
    let at = sent_at + book.chance.i64(1..800);
    mail.tell(book, "_email.send", at, json!({"send": {}}), mail.fact("_email.send", at, "sent"));
    if book.percent(6) {
        return bounce(book, &mail, at);
    }
    let at = at + book.chance.i64(300..8 * SECOND);
    // Of some the receipt never comes, and they are opened all the same.
    if !book.percent(2) {
        let delivery = json!({"delivery": {"smtp_response": format!("250 ok: Message {} accepted", sent_at % 100_000_000),
            "reporting_mta": "a8-53.smtp-out.example.com", "recipients": [mail.person.email], "processing_time_millis": at - sent_at}});
        mail.tell(book, "_email.delivered", at, delivery, mail.fact("_email.delivered", at, "delivered"));
    }
    afterwards(book, &mail, at);
}

fn bounce(book: &mut Book, mail: &Mail, sent: i64) {
    let [name, kind, sub, class, reason] = book.favour(&BOUNCES);
    let at = sent + book.chance.i64(SECOND..20 * MINUTE);
    let recipient =
        json!({"email_address": mail.person.email, "action": "failed", "status": "5.0.0", "diagnostic_code": reason});
    let bounce = json!({"bounce": {"bounce_type": kind, "bounce_sub_type": sub, "bounced_recipients": [recipient],
        "feedback_id": format!("0102{at:x}"), "reporting_mta": "dsn; a8-53.smtp-out.example.com"}});
    mail.tell(book, name, at, bounce, Fact { reason, reason_class: class, ..mail.fact(name, at, "bounced") });
}

/// Opens, clicks, complaints: many times, late, and clicks without an open.
fn afterwards(book: &mut Book, mail: &Mail, delivered: i64) {
    let opens = if book.percent(42) { book.chance.u32(1..4) } else { 0 };
    let mut at = delivered;
    for _ in 0..opens {
        at += if book.percent(8) { book.chance.i64(5 * DAY..20 * DAY) } else { book.chance.i64(200..9 * HOUR) };
        let user_agent = book.favour(&AGENTS);
        let open = json!({"open": {"ip_address": "192.0.2.7", "user_agent": user_agent}});
        mail.tell(book, "_email.open", at, open, Fact { user_agent, ..mail.fact("_email.open", at, "opened") });
    }
    if (opens > 0 && book.percent(25)) || book.percent(1) {
        for _ in 0..book.chance.u32(1..3) {
            at += book.chance.i64(300..20 * MINUTE);
            let (link, user_agent) = (book.favour(&LINKS), book.favour(&AGENTS));
            let click = json!({"click": {"ip_address": "192.0.2.8", "user_agent": user_agent, "link": link}});
            let told = Fact { user_agent, link, ..mail.fact("_email.click", at, "clicked") };
            mail.tell(book, "_email.click", at, click, told);
        }
    }
    if book.one_in(60) {
        at += book.chance.i64(MINUTE..DAY);
        let unsubscribe = json!({"click": {"ip_address": "192.0.2.8", "user_agent": AGENTS[1], "link": LINKS[4]}});
        let told =
            Fact { link: LINKS[4], user_agent: AGENTS[1], ..mail.fact("_email.unsubscribe", at, "unsubscribed") };
        mail.tell(book, "_email.unsubscribe", at, unsubscribe, told);
    }
    if book.one_in(120) {
        at += book.chance.i64(HOUR..2 * DAY);
        // The other kind of report says that the mail is none.
        let (feedback, status) = if book.percent(80) { ("abuse", "complained") } else { ("not-spam", "") };
        let complaint = json!({"complaint": {"complained_recipients": [{"email_address": mail.person.email}],
            "feedback_id": format!("0102{at:x}"), "user_agent": "Feedback/1.0", "complaint_feedback_type": feedback,
            "arrival_date": iso(at)}});
        let told = Fact { reason_class: feedback, ..mail.fact("_email.complaint", at, status) };
        mail.tell(book, "_email.complaint", at, complaint, told);
    }
}
