use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::book::DAY;
use super::*;

fn october(seed: u64, messages: usize) -> Month {
    Month::new(seed, messages, "2026-10-01".parse().unwrap(), 31)
}

const FIRST: i64 = 1_790_812_800_000;

#[test]
fn a_seed_is_a_month_and_another_seed_is_another() {
    let (first, same, other) = (october(1, 500), october(1, 500), october(2, 500));
    assert_eq!(first.events, same.events);
    assert_eq!(first.truth.facts(), same.truth.facts());
    let known: BTreeSet<_> = first.events.iter().map(|event| &event.bytes).collect();
    assert!(other.events.iter().all(|event| !known.contains(&event.bytes)));
}

#[test]
fn events_come_in_their_order_within_the_days_and_each_is_another_but_those_that_come_again() {
    let month = october(3, 3_000);
    assert!(month.events.is_sorted_by_key(|event| event.at));
    assert!(month.events.iter().all(|event| (FIRST..FIRST + 31 * DAY).contains(&event.at)));
    let once: BTreeSet<_> =
        month.events.iter().filter(|event| event.again_of.is_none()).map(|event| &event.bytes).collect();
    let again: Vec<_> = month.events.iter().filter(|event| event.again_of.is_some()).collect();
    assert_eq!(once.len() + again.len(), month.events.len());
    assert!(again.iter().all(|event| once.contains(&event.bytes)));
    assert!(again.len() > 100, "{}", again.len());
    assert_eq!(month.events().count(), month.events.len());
}

/// Takes an event out of what it travels in.
fn unwrapped(record: Value) -> Vec<Value> {
    match record {
        Value::Array(rows) => rows.into_iter().flat_map(unwrapped).collect(),
        Value::Object(mut object) => {
            if let Some(detail) = object.remove("detail") {
                return unwrapped(detail);
            }
            if let Some(msys) = object.remove("msys") {
                return msys.as_object().unwrap().values().cloned().collect();
            }
            match object.get("Message") {
                Some(text) => unwrapped(serde_json::from_str(text.as_str().unwrap()).unwrap()),
                None => vec![Value::Object(object)],
            }
        }
        other => panic!("{other}"),
    }
}

/// What the provider calls it.
fn name(event: &Value) -> String {
    if let Some(entry) = event["whatsAppWebhookEntry"].as_str() {
        let entry: Value = serde_json::from_str(entry).unwrap();
        let status = &entry["changes"][0]["value"]["statuses"][0]["status"];
        return status.as_str().unwrap_or("inbound").to_owned();
    }
    // An answer is a text that has no status.
    let is_answer = event["keyword"].is_string();
    let names = ["event_type", "eventType", "status", "type", "kind"].map(|key| event[key].as_str());
    names.into_iter().flatten().find(|_| !is_answer).unwrap_or("inbound").to_owned()
}

#[test]
fn there_is_a_fact_for_each_event_and_an_event_for_each_fact() {
    let month = october(4, 3_000);
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    for event in month.events.iter().filter(|event| event.again_of.is_none()) {
        for event in unwrapped(serde_json::from_slice(&event.bytes).unwrap()) {
            *made.entry(name(&event)).or_default() += 1;
        }
    }
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for fact in month.truth.facts() {
        *told.entry(fact.event.to_owned()).or_default() += 1;
    }
    assert_eq!(made, told);
}

#[test]
fn money_is_counted_once() {
    let paid = |messages: &[&str], conversation: &str, millionths: i64| Fact {
        messages: messages.iter().map(|id| (*id).to_owned()).collect(),
        conversation: conversation.to_owned(),
        paid: Some(Paid { millionths, currency: "USD" }),
        ..Fact::default()
    };
    let facts = [
        paid(&["a"], "", 8_810),
        paid(&["a"], "", 8_810),
        paid(&["b"], "", 0),
        paid(&["c"], "talk", 12_000),
        paid(&["d"], "talk", 12_000),
        Fact { paid: Some(Paid { millionths: 33_300, currency: "EUR" }), ..paid(&["e"], "", 0) },
        Fact { messages: vec!["a".to_owned(), "f".to_owned()], ..Fact::default() },
    ];
    assert_eq!(spent(facts.iter(), "USD"), 20_810);
    assert_eq!(spent(facts.iter(), "EUR"), 33_300);
    assert_eq!(distinct(facts.iter()), 6);
}

/// Events of a message.
fn by_message(month: &Month) -> BTreeMap<&str, Vec<&Fact>> {
    let mut messages: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
    for fact in month.truth.facts() {
        for id in &fact.messages {
            messages.entry(id).or_default().push(fact);
        }
    }
    messages
}

#[test]
fn every_trap_is_in_a_month() {
    let month = october(5, 9_000);
    let messages = by_message(&month);
    let some = |what: &str, is_it: &dyn Fn(&[&Fact]) -> bool| {
        let count = messages.values().filter(|facts| is_it(facts)).count();
        assert!(count >= 3, "{what}: {count}");
    };
    let says = |facts: &[&Fact], event: &str| facts.iter().any(|fact| fact.event == event);
    some("three receipts", &|facts| facts.iter().filter(|fact| fact.event == "Delivery").count() == 3);
    some("two ends", &|facts| says(facts, "TEXT_SUCCESSFUL") && says(facts, "TEXT_DELIVERED"));
    some("buffered and done", &|facts| says(facts, "_SMS.BUFFERED") && says(facts, "_SMS.SUCCESS"));
    some("buffered for ever", &|facts| says(facts, "_SMS.BUFFERED") && facts.len() == 1);
    some("its price twice", &|facts| {
        facts[0].provider == "vonage" && facts.iter().filter(|f| f.paid.is_some()).count() == 2
    });
    some("in parts", &|facts| facts[0].parts > 1);
    some("a click without an open", &|facts| says(facts, "_email.click") && !says(facts, "_email.open"));
    some("an open without a receipt", &|facts| says(facts, "_email.open") && !says(facts, "_email.delivered"));
    some("a late open", &|facts| facts.iter().any(|fact| fact.status == "opened" && fact.at > facts[0].at + 5 * DAY));
    some("on both sides of midnight", &|facts| {
        facts.windows(2).any(|two| two[0].at / DAY != two[1].at / DAY && two[1].at - two[0].at < 10_000)
    });
    some("a channel that is said once", &|facts| {
        facts[0].channel == "email" && facts.iter().any(|f| f.channel.is_empty())
    });
    some("refused by a carrier", &|facts| says(facts, "TEXT_BLOCKED") || says(facts, "TEXT_SPAM"));
    some("paid for with others", &|facts| !facts[0].conversation.is_empty());
    some("in euros", &|facts| facts.iter().any(|fact| fact.paid.is_some_and(|paid| paid.currency == "EUR")));
    some("two in one event", &|facts| facts[0].messages.len() == 2);
    some("read before delivered", &|facts| facts.first().is_some_and(|fact| fact.event == "RCS_READ"));
    let count = |is_it: &dyn Fn(&&Fact) -> bool| month.truth.facts().iter().filter(is_it).count();
    assert!(count(&|fact| fact.event == "_campaign.send" && fact.status == "attempted") > 100);
    assert!(count(&|fact| fact.event == "_campaign.send" && fact.status == "rejected") > 10);
    assert!(count(&|fact| fact.send_status == "QUIET_TIME_WAIT_FINISHED") > 3);
    assert!(count(&|fact| fact.purchase.is_some_and(|bought| bought.cents % 100 == 0)) > 10, "whole prices");
    assert!(count(&|fact| fact.provider == "pinpoint" && !fact.is_pinpoints) > 100, "enriched ones");
    assert!(count(&|fact| fact.purchase.is_some()) > 50);
    assert!(count(&|fact| fact.event == "_session.stop" && fact.session_ms.is_none()) > 10, "sessions of 1970");
    assert!(count(&|fact| fact.session_ms.is_some()) > 300);
    assert!(count(&|fact| !fact.referrer.is_empty()) > 100);
    assert!(count(&|fact| !fact.utm[0].is_empty() && fact.utm[2].is_empty()) > 10, "a source without a campaign");
    let providers: BTreeSet<_> = month.truth.facts().iter().map(|fact| fact.provider).collect();
    assert_eq!(providers, BTreeSet::from(["pinpoint", "eum", "ses", "bird", "vonage", "pendula"]));
    let channels: BTreeSet<_> = month.truth.facts().iter().map(|fact| fact.channel).collect();
    assert_eq!(channels, BTreeSet::from(["email", "sms", "mms", "voice", "rcs", "whatsapp", "push", "app", ""]));
    let days: BTreeSet<_> = month.truth.facts().iter().map(|fact| fact.at / DAY).collect();
    assert_eq!(days.len(), 31);
}

#[test]
fn firehose_had_what_pinpoint_wrote_once_each() {
    let month = october(6, 1_000);
    let days = FIRST..FIRST + 5 * DAY;
    let told = month.truth.during(days.clone()).filter(|fact| fact.is_pinpoints).count();
    assert_eq!(month.firehose(days).count(), told);
    assert!(told > 100, "{told}");
}
