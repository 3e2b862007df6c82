//! Documents of every shape under the templates, on a real cluster that has none of these indices.

use bytes::Bytes;
use essink::event::clock::ClockBounds;
use essink::event::family::{self, Family};
use essink::event::scan::ScanLimits;
use essink::event::time::Millis;
use essink::event::unwrap::{Piece, Rules, Unwrapper, Wrapping};
use essink::upkeep::names::Prefixes;
use essink::upkeep::templates::TemplateOptions;
use http::Method;
use serde_json::{Value, json};

use super::requests::{ask, client, create_all, ensure};
use super::support::{PINPOINT_SAMPLES, samples};

pub fn options() -> TemplateOptions {
    TemplateOptions { shards: Some(1), replicas: Some(0), ..TemplateOptions::default() }
}

/// `events` in another order for every `seed`.
pub fn shuffled(events: &[Value], seed: u64) -> Vec<Value> {
    let mut events = events.to_vec();
    let mut state = seed;
    for at in (1..events.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        events.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
    }
    events
}

/// The document that essink makes of an event.
pub fn written(event: &Value) -> Value {
    const HOUR: i64 = 3_600_000;
    let rules = Rules {
        scan: ScanLimits { depth: 100, keys: 10_000 },
        inflated: 0,
        values: 1,
        clock: ClockBounds { lag: HOUR, lead: HOUR },
        redaction: None,
    };
    let wrapping = Wrapping { arrived: Millis(1_577_836_800_000), envelopes: &[], time: None };
    let mut body = Value::Null;
    Unwrapper::new(rules).unwrap(&Bytes::from(event.to_string()), wrapping, &mut |piece| match piece {
        Piece::Event(event) => body = serde_json::from_slice(&event.body).unwrap(),
        Piece::Poison(poison) => panic!("{poison:?}"),
    });
    body
}

fn two(types: &[&str]) -> (Vec<String>, Vec<String>) {
    let types: Vec<_> = types.iter().map(|t| (*t).to_owned()).collect();
    (types.clone(), types)
}

/// Every published event is indexed in any order, and all days agree about every field.
pub async fn no_published_event_is_refused(url: &str) {
    let client = client(url);
    for (prefix, keyword_twins) in [("pinpoint-", true), ("plain-", false)] {
        let families = family::Prefixes::default().with(Family::Pinpoint, prefix);
        let prefixes = Prefixes { families, ..Prefixes::default() };
        ensure(&client, &TemplateOptions { prefixes, keyword_twins, ..options() }, false).await.unwrap();
        let samples = samples(&PINPOINT_SAMPLES);
        assert!(samples.len() >= 15, "{} samples", samples.len());
        for order in 0..10 {
            let events = if order == 0 { samples.clone() } else { shuffled(&samples, order) };
            let refused = create_all(&client, &format!("{prefix}2020-01-{:02}", order + 1), &events).await;
            assert_eq!(refused, [Value::Null; 0], "order {order}");
        }
        let caps = ask(&client, Method::GET, &format!("/{prefix}*/_field_caps?fields=*"), None).await;
        let fields = caps["fields"].as_object().unwrap();
        let of_two_types: Vec<_> = fields.iter().filter(|(_, types)| types.as_object().unwrap().len() > 1).collect();
        assert_eq!(of_two_types, [], "a field has another type on another day");
        for field in ["arrival_timestamp", "event_timestamp", "session.start_timestamp"] {
            assert_eq!(fields[field]["date"]["aggregatable"], true, "{field}: {}", fields[field]);
        }
        assert_eq!(fields["event_type.keyword"]["keyword"]["aggregatable"], true);
        assert_eq!(fields["metrics.price_in_millicents_usd"]["double"]["aggregatable"], true);
        assert!(fields.contains_key("attributes.campaign_id.keyword"), "named fields keep their twins");
    }
}

/// Stamps nobody can read do not keep an event out: it is indexed by its Kinesis arrival with its own stamps as
/// they came.
pub async fn no_stamp_is_refused(url: &str) {
    let client = client(url);
    ensure(&client, &options(), false).await.unwrap();
    let stamps = [
        json!("yesterday"),
        json!(""),
        json!(null),
        json!([]),
        json!(true),
        json!(1.5e12),
        json!(1e30),
        json!(-5),
        json!(12_345_678_901_234_567_890_u64),
        json!("1517537778048"),
        json!("2020-01-01T00:00:00Z"),
        json!("x".repeat(40_000)),
        json!(["yesterday", 5]),
        json!({}),
        json!({"$date": 1_517_537_778_048_i64}),
        json!([{}]),
        json!([5, {"a": {"b": 1}}]),
        json!([[5]]),
    ];
    let event = |stamp: &Value| {
        json!({"event_type": "t", "event_version": "3.1", "awsAccountId": "1",
            "arrival_timestamp": stamp, "event_timestamp": stamp, "timestamp": stamp, "timestamp_created": stamp,
            "session": {"start_timestamp": stamp, "stop_timestamp": stamp},
            "endpoint": {"EffectiveDate": stamp, "CreationDate": stamp}})
    };
    let events: Vec<_> = stamps.iter().map(|stamp| written(&event(stamp))).collect();
    let believed = ["1517537778048", "2020-01-01T00:00:00Z"];
    for (event, stamp) in events.iter().zip(&stamps).filter(|(_, s)| !believed.iter().any(|b| **s == *b)) {
        assert_eq!(event["essink"]["clock"], "corrected", "{stamp}");
    }
    assert_eq!(create_all(&client, "pinpoint-2020-03-01", &events).await, [Value::Null; 0]);
}

/// Shapes that guessed types refuse: numbers as text, text as numbers, objects beside scalars, keys by the hundred.
pub async fn free_maps_take_what_comes(url: &str) {
    let client = client(url);
    ensure(&client, &options(), false).await.unwrap();
    let values = [
        json!("2020-01-01"),
        json!("tomorrow"),
        json!(""),
        json!(1),
        json!(1.5),
        json!(true),
        json!(null),
        json!("y".repeat(40_000)),
        json!(["a", 1, true]),
        json!("\u{0}"),
        json!({}),
        json!({"a": 1}),
        json!([{}]),
    ];
    // An unknown key outside the free maps takes anything but an object beside a scalar, and an array of two types in
    // its first document: the server makes two mappings out of it. Such an event is dead-lettered.
    let single = |v: &Value| if v.is_array() || v.is_object() { json!("several") } else { v.clone() };
    let event = |v: &Value| {
        json!({"event_type": "t", "event_version": "3.1", "awsAccountId": "1",
            "attributes": {"a": v, "url": v}, "metrics": {"m": v, "_quantity": v}, "unknown": single(v),
            "endpoint": {"Attributes": {"k": [v]}, "Metrics": {"n": v}, "User": {"UserAttributes": {"u": v}},
                "Location": {"Latitude": single(v)}},
            "client_context": {"custom": {"endpoint": v, "c": v}}})
    };
    for (day, first) in values.iter().enumerate() {
        let events: Vec<_> = std::iter::once(first).chain(&values).map(|v| written(&event(v))).collect();
        let refused = create_all(&client, &format!("pinpoint-2020-01-{:02}", day + 1), &events).await;
        assert_eq!(refused, [Value::Null; 0], "first value {first}");
    }
    // Pinpoint's quotas: 500 attributes, 500 metrics, 250 attributes of endpoints.
    let keys = |n: usize, v: Value| Value::Object((0..n).map(|k| (format!("k{k}"), v.clone())).collect());
    let full = json!({"attributes": keys(500, json!("x")), "metrics": keys(500, json!(1)), "endpoint": {"Attributes": keys(250, json!(["x"]))}});
    assert_eq!(create_all(&client, "pinpoint-2020-02-01", &[full]).await, [Value::Null; 0]);
}

/// Every family but the unrecognized: members that no template names, first of one type and then of another, are taken
/// under types that do not depend on the order, and the vocabulary has one type everywhere.
pub async fn every_family_has_the_vocabulary_and_takes_unknown_members(url: &str) {
    let client = client(url);
    ensure(&client, &options(), false).await.unwrap();
    let said = json!({
        "provider": "ses", "channel": "email", "status": "clicked", "event": "Click", "id": "m", "to": ["a@example.com"],
        "tags": ["plan=gold"], "link": "x".repeat(40_000), "final": "true", "cost_usd": 0.00645, "cost": 0.05, "parts": 2,
        "ip": "192.0.2.7", "geo": {"lat": 52.5, "lon": 13.4}, "unplanned": {"a": 1},
    });
    let odd =
        json!({"ip": "unknown", "geo": "nowhere", "cost_usd": "free", "parts": "two", "final": true, "unplanned": 1});
    let unknown =
        [json!("2026-01-01"), json!(""), json!(7), json!(1.5), json!(true), json!(null), json!("z".repeat(40_000))];
    let families = Family::ALL.into_iter().filter(|family| *family != Family::Unrecognized).map(Family::name);
    for family in families {
        for (day, first) in unknown.iter().enumerate() {
            let event = |v: &Value| json!({"unknown": v, "nested": {"unknown": [v]}, "msg": said});
            let odd =
                json!({"msg": odd, "essink": {"wrapping": {"name": "sns", "time": "yesterday", "more": {"a": 1}}}});
            let events: Vec<_> = std::iter::once(first).chain(&unknown).map(event).chain([odd]).collect();
            let refused = create_all(&client, &format!("{family}-2021-01-{:02}", day + 1), &events).await;
            assert_eq!(refused, [Value::Null; 0], "{family}, first {first}");
        }
        let caps = ask(&client, Method::GET, &format!("/{family}-2021-*/_field_caps?fields=*unknown*"), None).await;
        // A member that is null on the first day is not mapped then; text and truth are keywords, numbers are doubles.
        let types = |field: &str| caps["fields"][field].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!((types("unknown"), types("nested.unknown")), two(&["double", "keyword"]), "{family}");
    }
    let caps = ask(&client, Method::GET, "/*-2021-01-0*/_field_caps?fields=msg.*,essink.wrapping.*", None).await;
    let expected = [
        ("msg.status", "keyword"),
        ("msg.final", "keyword"),
        ("msg.cost_usd", "double"),
        ("msg.cost", "double"),
        ("msg.parts", "integer"),
        ("msg.ip", "ip"),
        ("msg.ip.keyword", "keyword"),
        ("msg.geo", "geo_point"),
        ("essink.wrapping.time", "date"),
    ];
    for (field, kind) in expected {
        let types: Vec<_> = caps["fields"][field].as_object().unwrap().keys().collect();
        assert_eq!(types, [kind], "{field}");
    }
    assert!(caps["fields"]["msg.unplanned"].is_null() && caps["fields"]["msg.unplanned.a"].is_null());
    // One query over all families.
    let everybody = json!({"size": 0, "track_total_hits": true, "query": {"bool": {"filter": [
        {"term": {"msg.status": "clicked"}}, {"term": {"msg.final": "true"}}, {"range": {"msg.cost_usd": {"gt": 0.006}}},
        {"term": {"msg.ip": "192.0.2.0/24"}}, {"term": {"msg.tags": "plan=gold"}},
        {"geo_distance": {"distance": "10km", "msg.geo": {"lat": 52.5, "lon": 13.4}}}]}}});
    let found = ask(&client, Method::POST, "/*-2021-01-0*/_search", Some(&everybody)).await;
    assert_eq!(found["hits"]["total"]["value"], 7 * unknown.len() * (unknown.len() + 1), "{found}");
    let odd = json!({"size": 0, "track_total_hits": true, "query": {"term": {"msg.ip.keyword": "unknown"}}});
    let found = ask(&client, Method::POST, "/*-2021-01-0*/_search", Some(&odd)).await;
    assert_eq!(found["hits"]["total"]["value"], 7 * unknown.len(), "{found}");
}

/// What no rule recognises may be of any shape, one after the other.
pub async fn the_unrecognized_are_never_refused(url: &str) {
    let client = client(url);
    ensure(&client, &options(), false).await.unwrap();
    let mut deep = json!(1);
    for _ in 0..90 {
        deep = json!({ "d": deep });
    }
    let wide = Value::Object((0..5_000).map(|k| (format!("k{k}"), json!(k))).collect());
    let events = [
        json!({}),
        json!({"a": 1}),
        json!({"a": "x"}),
        json!({"a": {"b": 1}}),
        json!({"a.b": 1, "a": 2}),
        json!({"a": [[{}]]}),
        json!({"type": {}}),
        json!({"type": "x"}),
        json!({"event_type": [1]}),
        json!({"big": "x".repeat(100_000)}),
        json!({"n": 1e300, "m": u64::MAX}),
        json!({"ip": "999"}),
        json!({"\u{0}": 1}),
        deep,
        wide,
    ];
    let stamped = |e: &Value| {
        let mut e = e.clone();
        e["@timestamp"] = json!("2020-01-01T00:00:00.000Z");
        e["essink"] =
            json!({"arrived": 1_577_836_800_000_i64, "envelopes": ["kpl"], "raw": "x".repeat(40_000), "new": {"a": 1}});
        e
    };
    let events: Vec<_> = events.iter().map(stamped).collect();
    assert_eq!(create_all(&client, "unrecognized-2020-01-01", &events).await, [Value::Null; 0]);
    let query = json!({"query": {"range": {"@timestamp": {"gte": "2020-01-01"}}}, "size": 0, "track_total_hits": true});
    let found = ask(&client, Method::POST, "/unrecognized-*/_search", Some(&query)).await;
    assert_eq!(found["hits"]["total"]["value"], events.len());
}
