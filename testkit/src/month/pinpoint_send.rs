//! Attempts of campaigns and journeys, and pushes.

use serde_json::json;

use super::Fact;
use super::book::{Book, HOUR, MINUTE, SECOND};
use super::people::Person;
use super::pinpoint::{CAMPAIGNS, For, JOURNEYS, endpoint, event, fact, of_an_app};

/// How an attempt of a campaign may end that sends nothing.
const CAMPAIGN_ENDS: [&str; 6] =
    ["DAILY_CAP", "QUIET_TIME", "HOLDOUT", "DUPLICATE_ADDRESS", "FAILURE_PERMANENT", "EXPIRED"];
const JOURNEY_ENDS: [&str; 3] = ["QUIET_TIME", "DAILY_CAP", "FAILURE"];

/// Pinpoint's name of a channel for each of the vocabulary's.
fn through(channel: &str, person: &Person) -> (&'static str, String) {
    match channel {
        "email" => ("EMAIL", person.email.clone()),
        "sms" => ("SMS", person.phone.clone()),
        _ if person.device[0] == "Apple" => ("APNS", person.token.clone()),
        _ => ("GCM", person.token.clone()),
    }
}

/// A campaign or a journey tries to reach somebody. Whether it sent.
pub(super) fn attempt(book: &mut Book, at: i64, channel: &'static str, why: For, person: &Person) -> bool {
    let is_campaign = why.kind == "campaign";
    let sent = !book.percent(9);
    let ends: &[&str] = if is_campaign { &CAMPAIGN_ENDS } else { &JOURNEY_ENDS };
    let send_status = if sent { "SUCCESS" } else { book.favour(ends) };
    if !is_campaign && book.percent(8) {
        // The night is over: no outcome, and the attempt follows.
        tried(book, at, channel, why, person, "QUIET_TIME_WAIT_FINISHED");
    }
    tried(book, at, channel, why, person, send_status);
    sent
}

/// Says how an attempt stands.
fn tried(book: &mut Book, at: i64, channel: &'static str, why: For, person: &Person, send_status: &'static str) {
    let is_campaign = why.kind == "campaign";
    let name = if is_campaign { "_campaign.send" } else { "_journey.send" };
    let (kind, address) = through(channel, person);
    let mut attributes = if is_campaign {
        json!({"delivery_type": kind, "campaign_send_status": send_status, "campaign_type": null})
    } else {
        let activity = if matches!(kind, "EMAIL" | "SMS") { kind } else { "PUSH" };
        json!({"journey_activity_type": activity, "journey_send_status": send_status})
    };
    why.write(&mut attributes);
    let mut record = event(name, at, at, &person.client, attributes);
    let endpoint = endpoint(person, kind, &address);
    record["client_context"] = json!({"custom": {"endpoint": endpoint.to_string()}});
    let told = Fact {
        status: if matches!(send_status, "SUCCESS" | "QUIET_TIME_WAIT_FINISHED") { "attempted" } else { "rejected" },
        send_status,
        to: vec![address],
        to_domain: if channel == "email" { person.domain } else { "" },
        country: person.country.code,
        user: person.user.clone(),
        ..fact(name, at, channel, why, &person.client)
    };
    book.tell(told, &record);
}

/// A push, which has no id; only an app that is open, or whose notification is, says more of it.
pub(super) fn push(book: &mut Book, start: i64) {
    let person = book.person();
    let why = if book.percent(75) {
        For { kind: "campaign", id: book.favour(&CAMPAIGNS) }
    } else {
        For { kind: "journey", id: book.favour(&JOURNEYS) }
    };
    if !attempt(book, start, "push", why, &person) || book.percent(20) {
        return;
    }
    let received = match (why.kind, book.percent(40)) {
        ("campaign", true) => "_campaign.received_foreground",
        ("campaign", false) => "_campaign.received_background",
        (_, true) => "_journey.received_foreground",
        (_, false) => "_journey.received_background",
    };
    let at = start + book.chance.i64(SECOND..10 * MINUTE);
    notified(book, at, received, "delivered", why, &person);
    if book.percent(30) {
        let opened =
            if why.kind == "campaign" { "_campaign.opened_notification" } else { "_journey.opened_notification" };
        let at = at + book.chance.i64(SECOND..HOUR);
        notified(book, at, opened, "opened", why, &person);
    }
}

fn notified(book: &mut Book, at: i64, name: &'static str, status: &'static str, why: For, person: &Person) {
    let mut attributes = json!({});
    why.write(&mut attributes);
    let session = book.id();
    let mut record = event(name, at - 400, at, &person.client, attributes);
    of_an_app(&mut record, person);
    record["session"] = json!({"session_id": session, "start_timestamp": at - MINUTE});
    let told = Fact {
        status,
        to: vec![person.token.clone()],
        country: person.country.code,
        user: person.user.clone(),
        session,
        device: person.device[1],
        platform: person.device[2],
        ..fact(name, at, "push", why, &person.client)
    };
    book.tell(told, &record);
}
