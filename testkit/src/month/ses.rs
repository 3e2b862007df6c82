//! Mail of SES: to one person, or to three with a receipt for each.

use serde_json::{Value, json};

use super::Fact;
use super::book::{Book, DAY, HOUR, MINUTE, SECOND, iso};
use super::people::Person;
use super::pinpoint_mail::{AGENTS, FROM, LINKS};

/// Configuration set, and the campaign that its tags name.
const SETS: [(&str, &str); 4] =
    [("receipts", ""), ("newsletter", "autumn-sale"), ("newsletter", "win-back"), ("support", "")];

/// Type and subtype, both, diagnostic.
const BOUNCES: [[&str; 4]; 3] = [
    ["Permanent", "General", "Permanent/General", "smtp; 550 5.1.1 user unknown"],
    ["Transient", "MailboxFull", "Transient/MailboxFull", "smtp; 452 4.2.2 mailbox full"],
    ["Transient", "General", "Transient/General", "smtp; 421 4.4.1 connection refused"],
];

/// One mail.
struct Mail {
    id: String,
    at: i64,
    people: Vec<Person>,
    config_set: &'static str,
    campaign: &'static str,
    through_sns: bool,
}

impl Mail {
    /// Says that `name` happened, in the object `inner`, to all of its people or to one.
    fn tell(&self, book: &mut Book, name: &'static str, inner: &str, happened: Value, told: Fact) {
        let everybody: Vec<String> = self.people.iter().map(|person| person.email.clone()).collect();
        let mut tags = json!({"ses:configuration-set": [self.config_set], "ses:from-domain": ["shop.example"],
            "ses:caller-identity": ["shop"], "ses:source-ip": ["192.0.2.5"]});
        if !self.campaign.is_empty() {
            tags["campaign"] = json!([self.campaign]);
        }
        let mail = json!({"timestamp": iso(self.at), "messageId": self.id, "source": FROM,
            "sourceArn": "arn:aws:ses:eu-west-1:001234567890:identity/shop.example", "sendingAccountId": "001234567890",
            "destination": everybody, "headersTruncated": false,
            "headers": [{"name": "From", "value": FROM}, {"name": "Subject", "value": "Your order"}],
            "commonHeaders": {"from": [FROM], "to": everybody, "messageId": self.id, "subject": "Your order"},
            "tags": tags});
        let mut record = json!({"eventType": name, "mail": mail});
        record[inner] = happened;
        let is_all = told.to.is_empty();
        let told = Fact {
            provider: "ses",
            event: name,
            channel: "email",
            messages: vec![self.id.clone()],
            to_domain: if is_all { self.people[0].domain } else { told.to_domain },
            to: if is_all { everybody } else { told.to },
            from: FROM,
            config_set: self.config_set,
            campaign: self.campaign,
            campaign_kind: if self.campaign.is_empty() { "" } else { "campaign" },
            ..told
        };
        if self.through_sns {
            record = json!({"Type": "Notification", "MessageId": book.id(), "TopicArn": "arn:aws:sns:eu-west-1:001234567890:mail",
                "Message": record.to_string(), "Timestamp": iso(told.at + 150)});
        }
        book.tell(told, &record);
    }
}

fn fact(at: i64, status: &'static str) -> Fact {
    Fact { at, status, ..Fact::default() }
}

/// Of one person.
fn of(person: &Person, at: i64, status: &'static str) -> Fact {
    Fact { to: vec![person.email.clone()], to_domain: person.domain, ..fact(at, status) }
}

pub(super) fn mail(book: &mut Book, start: i64) {
    let (config_set, campaign) = book.favour(&SETS);
    let count = if config_set == "support" { 3 } else { 1 };
    // Three different ones: SES tells of each address once.
    let mut people: Vec<Person> = Vec::new();
    while people.len() < count {
        let person = book.person();
        if people.iter().all(|known| known.email != person.email) {
            people.push(person);
        }
    }
    let through_sns = book.percent(30);
    let mail = Mail { id: format!("0102{}-000000", book.id()), at: start, people, config_set, campaign, through_sns };
    if book.percent(1) {
        let told = Fact { reason: "Bad content", ..fact(start, "rejected") };
        return mail.tell(book, "Reject", "reject", json!({"reason": "Bad content"}), told);
    }
    if book.percent(1) {
        let reason = "Attribute 'name' is not present in the rendering data.";
        let told = Fact { reason, ..fact(start, "rejected") };
        let failure = json!({"templateName": "Order", "errorMessage": reason});
        return mail.tell(book, "Rendering Failure", "failure", failure, told);
    }
    mail.tell(book, "Send", "send", json!({}), fact(start, "sent"));
    let mut reached = None;
    for person in mail.people.clone() {
        reached = arrive(book, &mail, &person, start).or(reached);
    }
    if let Some(at) = reached {
        afterwards(book, &mail, at);
    }
}

/// What becomes of it at one person. When it arrived.
fn arrive(book: &mut Book, mail: &Mail, person: &Person, sent: i64) -> Option<i64> {
    let mut at = sent + book.chance.i64(300..10 * SECOND);
    if book.percent(4) {
        let reason = "smtp; 421 4.4.1 Unable to connect to remote host";
        let delayed = json!({"emailAddress": person.email, "status": "4.4.1", "diagnosticCode": reason});
        let delay = json!({"timestamp": iso(at), "delayType": "TransientCommunicationFailure",
            "expirationTime": iso(at + DAY), "delayedRecipients": [delayed]});
        let told = Fact { reason, reason_class: "TransientCommunicationFailure", ..of(person, at, "delayed") };
        mail.tell(book, "DeliveryDelay", "deliveryDelay", delay, told);
        at += book.chance.i64(10 * MINUTE..3 * HOUR);
    }
    if book.percent(5) {
        let [kind, sub, class, reason] = book.favour(&BOUNCES);
        let recipient =
            json!({"emailAddress": person.email, "action": "failed", "status": "5.1.1", "diagnosticCode": reason});
        let bounce = json!({"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": [recipient], "timestamp": iso(at),
            "feedbackId": book.id(), "reportingMTA": "dsn; mta.example.com"});
        let told = Fact { reason, reason_class: class, ..of(person, at, "bounced") };
        mail.tell(book, "Bounce", "bounce", bounce, told);
        return None;
    }
    let delivery = json!({"timestamp": iso(at), "processingTimeMillis": at - sent, "recipients": [person.email],
        "smtpResponse": "250 2.6.0 Message received", "reportingMTA": "mta.example.com"});
    mail.tell(book, "Delivery", "delivery", delivery, of(person, at, "delivered"));
    Some(at)
}

/// SES does not say who of several opened: the events name them all.
fn afterwards(book: &mut Book, mail: &Mail, delivered: i64) {
    let mut at = delivered;
    let opens = if book.percent(38) { book.chance.u32(1..4) } else { 0 };
    for _ in 0..opens {
        at += if book.percent(6) { book.chance.i64(5 * DAY..18 * DAY) } else { book.chance.i64(200..8 * HOUR) };
        let user_agent = book.favour(&AGENTS);
        let open = json!({"timestamp": iso(at), "userAgent": user_agent, "ipAddress": "192.0.2.1"});
        mail.tell(book, "Open", "open", open, Fact { user_agent, ..fact(at, "opened") });
    }
    if (opens > 0 && book.percent(22)) || book.percent(1) {
        at += book.chance.i64(300..10 * MINUTE);
        let (link, user_agent) = (book.favour(&LINKS), book.favour(&AGENTS));
        let click = json!({"timestamp": iso(at), "ipAddress": "192.0.2.1", "userAgent": user_agent, "link": link, "linkTags": null});
        mail.tell(book, "Click", "click", click, Fact { user_agent, link, ..fact(at, "clicked") });
    }
    if book.one_in(100) {
        at += book.chance.i64(HOUR..DAY);
        let (feedback, status) = if book.percent(75) { ("abuse", "complained") } else { ("not-spam", "") };
        let person = &mail.people[0];
        let complaint = json!({"complainedRecipients": [{"emailAddress": person.email}], "timestamp": iso(at),
            "feedbackId": book.id(), "userAgent": "Feedback/1.0", "complaintFeedbackType": feedback,
            "complaintSubType": null, "arrivalDate": iso(at)});
        let told = Fact { reason_class: feedback, ..of(person, at, status) };
        mail.tell(book, "Complaint", "complaint", complaint, told);
    }
    if mail.config_set == "newsletter" && book.one_in(60) {
        at += book.chance.i64(MINUTE..HOUR);
        let topics = json!([{"topicName": "news", "subscriptionStatus": "OptIn"}]);
        let subscription = json!({"contactList": "all", "timestamp": iso(at), "source": "UnsubscribeHeader",
            "newTopicPreferences": {"unsubscribeAll": true, "topicSubscriptionStatus": topics},
            "oldTopicPreferences": {"unsubscribeAll": false, "topicSubscriptionStatus": topics}});
        mail.tell(book, "Subscription", "subscription", subscription, fact(at, "unsubscribed"));
    }
}
