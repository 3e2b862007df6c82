//! What the events of SES say in the common vocabulary.

use std::collections::HashSet;

use super::{Kind, happened, name};
use crate::event::families::{Reading, addresses};
use crate::event::msg::{Field, Msg};
use crate::event::scan::Scanned;
use crate::event::walk;

/// Says it.
pub fn read(event: &Scanned, reading: &mut Reading<'_>) {
    let (kind, inner) = happened(event);
    let msg = &mut *reading.msg;
    let of_mail = |name: &str| event.at(&["mail", name]);
    let of_inner = |name: &str| walk::at(inner, &[name]);
    msg.text(Field::Event, name(event));
    msg.word(Field::Channel, "email");
    if let Some(status) = kind.and_then(|kind| status(kind, inner)) {
        msg.word(Field::Status, status);
    }
    msg.text(Field::Id, of_mail("messageId"));
    // Whom it happened to. A mail to three of which one bounces is one event with three in `mail.destination`: taken from
    // there, the other two would have bounced as well, and their domains with them.
    let named = kind.and_then(|kind| addresses(recipients(kind, inner), "emailAddress"));
    msg.address(Field::To, named.as_deref());
    msg.address(Field::To, of_mail("destination"));
    tags(of_mail("tags").unwrap_or_default(), msg);
    msg.address(Field::From, of_mail("source"));
    why(kind, inner, msg);
    msg.text(Field::Link, of_inner("link"));
    if kind.is_some_and(|kind| matches!(kind.name, "Open" | "Click")) {
        // Of a complaint `userAgent` is the program that reported it.
        msg.text(Field::UserAgent, of_inner("userAgent"));
        msg.text(Field::Ip, of_inner("ipAddress"));
    }
}

fn status(kind: &Kind, inner: &[u8]) -> Option<&'static str> {
    let says = match kind.name {
        // RFC 5965: "the entity providing the report does not consider the message to be spam".
        "Complaint" => walk::at(inner, &["complaintFeedbackType"]) != Some(b"\"not-spam\""),
        "Subscription" => unsubscribes(inner),
        _ => true,
    };
    says.then_some(kind.status)
}

/// A change of preferences unsubscribes when it turns everything off, or a topic that was on.
fn unsubscribes(inner: &[u8]) -> bool {
    let all = |when: &str| walk::at(inner, &[when, "unsubscribeAll"]) == Some(b"true");
    if all("oldTopicPreferences") {
        return false;
    }
    let topics = |when: &str| {
        let list = walk::at(inner, &[when, "topicSubscriptionStatus"]).unwrap_or_default();
        walk::elements(list).map(|topic| (walk::at(topic, &["topicName"]), walk::at(topic, &["subscriptionStatus"])))
    };
    let with = |when, wanted: &'static [u8]| {
        topics(when).filter(move |(_, status)| *status == Some(wanted)).map(|(name, _)| name)
    };
    if all("newTopicPreferences") {
        return true;
    }
    let were_on: HashSet<_> = with("oldTopicPreferences", b"\"OptIn\"").collect();
    with("newTopicPreferences", b"\"OptOut\"").any(|name| were_on.contains(&name))
}

fn recipients<'a>(kind: &Kind, inner: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let list = kind.recipients.and_then(|name| walk::at(inner, &[name]));
    walk::elements(list.unwrap_or_default())
}

fn tags(tags: &[u8], msg: &mut Msg) {
    let first = |name: &str| walk::at(tags, &[name]).and_then(|values| walk::elements(values).next());
    msg.text(Field::ConfigSet, first("ses:configuration-set"));
    // Escapes in a JSON string stay what they are: their letters are small, and hexadecimal digits are alike.
    msg.text(Field::FromDomain, first("ses:from-domain").map(<[u8]>::to_ascii_lowercase).as_deref());
    msg.text(Field::Campaign, first("campaign"));
    if msg.has(Field::Campaign) {
        msg.word(Field::CampaignKind, "campaign");
    }
    msg.tags(Some(tags));
}

fn why(kind: Option<&Kind>, inner: &[u8], msg: &mut Msg) {
    let Some(kind) = kind else { return };
    let of_inner = |name: &str| walk::at(inner, &[name]);
    match kind.name {
        "Bounce" | "DeliveryDelay" => {
            let code = recipients(kind, inner).find_map(|recipient| walk::at(recipient, &["diagnosticCode"]));
            msg.text(Field::Reason, code);
            msg.class(of_inner("bounceType"), of_inner("bounceSubType"));
            msg.text(Field::ReasonClass, of_inner("delayType"));
        }
        "Complaint" => msg.class(of_inner("complaintFeedbackType"), of_inner("complaintSubType")),
        "Reject" => msg.text(Field::Reason, of_inner("reason")),
        "Rendering Failure" => msg.text(Field::Reason, of_inner("errorMessage")),
        _ => {}
    }
}
