use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn some(n: usize) -> Vec<Event> {
    Events::new(Plan::days(7, n, day("2026-11-16")..day("2026-11-21"))).collect()
}

fn parse(event: &Event) -> Value {
    serde_json::from_slice(&event.bytes).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&event.bytes));
    })
}

#[test]
fn what_the_generator_tells_is_what_the_bytes_say() {
    for event in some(20_000) {
        let json = parse(&event);
        assert_eq!(json["event_type"], event.event_type);
        assert_eq!(json["arrival_timestamp"], event.arrival_ms);
        assert_eq!(json["event_version"], "3.1");
        assert_eq!(json["awsAccountId"].is_null(), event.enriched, "{json}");
        assert!(event.partition_key.parse::<i32>().is_ok());
        assert!(!event.bytes.contains(&b'\n'));
        // Strings that hold JSON must hold JSON.
        for hidden in [&json["client_context"]["custom"]["endpoint"], &json["attributes"]["customer_context"]] {
            if let Some(text) = hidden.as_str() {
                assert!(serde_json::from_str::<Value>(text).unwrap().is_object(), "{text}");
            }
        }
    }
}

#[test]
fn a_seed_is_a_stream_and_another_seed_is_another() {
    let days = || day("2026-11-16")..day("2026-11-18");
    let first = batch(1, 3000, days());
    assert_eq!(first, batch(1, 3000, days()));
    let other: HashSet<Vec<u8>> = batch(2, 3000, days()).into_iter().collect();
    assert!(first.iter().all(|bytes| !other.contains(bytes)));
}

#[test]
fn every_event_is_different_and_later_than_the_one_before_even_when_they_are_dense() {
    let (from_ms, to_ms) = (1_763_000_000_000, 1_763_000_040_000);
    let plan = Plan { seed: 3, count: 20_000, from_ms, to_ms, enriched: true };
    let events: Vec<Event> = Events::new(plan).collect();
    assert_eq!(events.len(), plan.count);
    assert!(events.windows(2).all(|pair| pair[0].arrival_ms < pair[1].arrival_ms));
    assert!(events.iter().all(|event| (from_ms..to_ms).contains(&event.arrival_ms)));
    assert_eq!(events.iter().map(|event| &event.bytes).collect::<HashSet<_>>().len(), plan.count);
}

#[test]
fn every_event_type_occurs_over_all_days_and_volume_grows() {
    let mut truth = Truth::default();
    let events = some(100_000);
    events.iter().for_each(|event| truth.add(event));
    assert_eq!(truth.total(), 100_000);
    let expected: BTreeSet<_> = event_types().into_iter().collect();
    assert_eq!(truth.by_type().into_keys().collect::<BTreeSet<_>>(), expected);
    let by_day = truth.by_day();
    assert_eq!(by_day.len(), 5);
    let volumes: Vec<u64> = by_day.into_values().collect();
    assert!(volumes.is_sorted(), "{volumes:?}");
    // Of density 1 + 2t over five days the first has (0.2 + 0.04) / 2 and the last 1 - (0.8 + 0.64) / 2.
    assert!(volumes[0].abs_diff(12_000) <= 1 && volumes[4].abs_diff(28_000) <= 1, "{volumes:?}");
}

#[test]
fn a_mean_event_has_about_1200_bytes() {
    let events = some(20_000);
    let mean = events.iter().map(|event| event.bytes.len()).sum::<usize>() / events.len();
    assert!((1100..1300).contains(&mean), "{mean}");
}

#[test]
fn a_message_keeps_its_id_from_delivery_to_click_and_its_sending_time() {
    let mut by_message: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in some(20_000).iter().filter(|event| event.event_type.starts_with("_email.")) {
        let json = parse(event);
        let id = json["facets"]["email_channel"]["mail_event"]["mail"]["message_id"].as_str().unwrap().to_owned();
        by_message.entry(id).or_default().push(json);
    }
    let mut clicked = 0;
    for steps in by_message.values() {
        assert!(steps.iter().all(|step| step["event_timestamp"] == steps[0]["event_timestamp"]));
        assert!(steps.iter().all(|step| step["client"] == steps[0]["client"]));
        let types: Vec<&str> = steps.iter().map(|step| step["event_type"].as_str().unwrap()).collect();
        if types.contains(&"_email.click") {
            clicked += 1;
            assert_eq!(types[..2], ["_email.send", "_email.delivered"]);
        }
    }
    assert!(clicked > 100, "{clicked} of {}", by_message.len());
}

#[test]
fn pinpoint_frames_with_a_newline_and_apps_do_not() {
    for event in some(500) {
        let record = event.record();
        assert_eq!(record.ends_with(b"\n"), !event.enriched);
        assert_eq!(record.trim_ascii_end(), event.bytes);
    }
}

#[test]
fn without_enriched_events_every_event_is_pinpoints() {
    let plan = Plan { enriched: false, ..Plan::days(5, 5000, day("2020-02-28")..day("2020-03-02")) };
    assert!(Events::new(plan).all(|event| !event.enriched));
}
