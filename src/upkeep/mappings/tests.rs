use serde_json::json;

use super::*;

fn expected() -> Vec<Expected> {
    let twin = json!({"type": "keyword", "fields": {"keyword": {"type": "keyword"}}});
    vec![Expected {
        prefix: "pinpoint-".into(),
        properties: vec![
            json!({"@timestamp": {"type": "date"}, "msg": {"properties": {"status": {"type": "keyword"}}}}),
            json!({
                "arrival_timestamp": {"type": "date", "format": "epoch_millis||strict_date_optional_time"},
                "event_type": twin,
                "attributes": {"properties": {"number_of_message_parts": {"type": "integer"}}},
                "metrics": {"properties": {"price": {"type": "double"}}},
                "ip": {"type": "ip"},
            }),
        ],
        additions: Map::new(),
    }]
}

/// Fields that disagree, as `field: is -> should`, with `!` when it breaks.
fn of(properties: Value) -> Vec<String> {
    let found = of_index("pinpoint-2020-01-01", &json!({ "properties": properties }), &expected());
    let words = |d: &Disagreement| format!("{}{}: {} -> {}", if d.breaks { "!" } else { "" }, d.field, d.is, d.should);
    found.iter().map(words).collect()
}

#[test]
fn guessed_types_disagree() {
    assert_eq!(of(json!({"arrival_timestamp": {"type": "long"}})), ["!arrival_timestamp: long -> date"]);
    assert_eq!(of(json!({"@timestamp": {"type": "text"}})), ["!@timestamp: text -> date"]);
    assert_eq!(of(json!({"ip": {"type": "text"}})), ["!ip: text -> ip"]);
    assert_eq!(
        of(json!({"event_type": {"type": "text"}})),
        ["!event_type: text without .keyword -> keyword with .keyword"]
    );
    assert_eq!(
        of(json!({"event_type": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}})),
        ["event_type: text -> keyword"]
    );
    // Panels split by `msg.status`, which a text does not answer, whatever stands beside it.
    let guessed = json!({"type": "text", "fields": {"keyword": {"type": "keyword"}}});
    assert_eq!(of(json!({"msg": {"properties": {"status": guessed}}})), ["!msg.status: text -> keyword"]);
    assert_eq!(
        of(json!({"msg": {"properties": {"status": {"type": "wildcard"}}}})),
        ["msg.status: wildcard -> keyword"]
    );
    assert_eq!(of(json!({"metrics": {"properties": {"price": {"type": "long"}}}})), ["metrics.price: long -> double"]);
    assert_eq!(of(json!({"metrics": {"type": "text"}})), ["!metrics: text -> object"]);
    assert_eq!(
        of(json!({"arrival_timestamp": {"type": "date", "format": "epoch_millis"}})),
        ["arrival_timestamp: date (epoch_millis) -> date (epoch_millis||strict_date_optional_time)"]
    );
}

#[test]
fn what_agrees_or_is_not_there_is_not_named() {
    assert_eq!(of(json!({})), [""; 0]);
    assert_eq!(of(json!({"arrival_timestamp": {"type": "date"}, "unknown": {"type": "text"}})), [""; 0]);
    assert_eq!(of_index("orders-2020-01-01", &json!({"properties": {"ip": {"type": "text"}}}), &expected()), []);
}

#[test]
fn breaking_fields_come_first_and_the_rest_is_counted() {
    let found = of_index(
        "pinpoint-2020-01-01",
        &json!({"properties": {"arrival_timestamp": {"type": "long"}, "metrics": {"properties": {"price": {"type": "long"}}}}}),
        &expected(),
    );
    let text = Findings { checked: 3, disagreements: found }.to_string();
    assert!(
        text.contains("  pinpoint-2020-01-01: arrival_timestamp is long, should be date, and 1 more fields differ\n"),
        "{text}"
    );
    assert!(text.contains("3 checked, 1 with fields that break"), "{text}");
    assert!(text.contains("POST /_reindex"), "{text}");
}

#[test]
fn requests_are_bounded_by_names_and_by_bytes() {
    let sizes = |names: &[&str]| batches(names).iter().map(|b| b.len()).collect::<Vec<_>>();
    assert_eq!(sizes(&[]), [0; 0]);
    assert_eq!(sizes(&["pinpoint-2020-01-01"; 41]), [20, 20, 1]);
    let long = "x".repeat(1_749);
    assert_eq!(sizes(&[long.as_str(); 3]), [2, 1]);
    let huge = "x".repeat(5_000);
    assert_eq!(sizes(&[huge.as_str(); 2]), [1, 1]);
}
