use serde_json::json;

use super::*;

fn map(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("{value}") };
    map
}

fn additions() -> Map<String, Value> {
    map(json!({"@timestamp": {"type": "date"}, "essink": {"dynamic": false}, "msg": {"dynamic": false}}))
}

fn expected() -> Vec<Expected> {
    let family = |prefix: &str, additions| Expected { prefix: prefix.into(), properties: Vec::new(), additions };
    let mut fewer = additions();
    fewer.remove("msg");
    vec![family("pinpoint-", additions()), family("unrecognized-", fewer), family("letters-", Map::new())]
}

/// What an index with these fields gets.
fn gets(index: &str, properties: &Value) -> Vec<String> {
    let lack = of_index(index, &json!({ "properties": properties }), &expected());
    lack.map(|lack| lack.properties.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn only_what_is_wholly_missing_is_added() {
    const TODAY: &str = "pinpoint-2026-11-26";
    assert_eq!(gets(TODAY, &json!({"event_type": {"type": "text"}})), ["@timestamp", "essink", "msg"]);
    assert_eq!(gets(TODAY, &json!({"@timestamp": {"type": "text"}, "essink": {"properties": {}}})), ["msg"]);
    let guessed = json!({"msg": {"properties": {"status": {"type": "text"}}}});
    assert_eq!(gets(TODAY, &guessed), ["@timestamp", "essink"], "for the comparison to say");
    assert_eq!(gets(TODAY, &json!({"msg": {"type": "text"}, "essink": {}, "@timestamp": {}})), [""; 0]);
    // Members without an object around them, and names that only begin alike.
    assert_eq!(gets(TODAY, &json!({"msg.status": {"type": "text"}})), ["@timestamp", "essink"]);
    assert_eq!(gets(TODAY, &json!({"msg2": {"type": "text"}})), ["@timestamp", "essink", "msg"]);
    // What is added is the template's, and no more.
    let lack = of_index(TODAY, &json!({}), &expected()).unwrap();
    assert_eq!((lack.properties, lack.day), (additions(), Day(20_783)));
}

#[test]
fn only_indices_into_which_essink_writes_get_anything() {
    let nothing = json!({});
    for other in ["pinpoint-2026-11", "pinpoint-2026-w48", "pinpoint-2026-11-26-07", "pinpoint-config", "pinpoint-"] {
        assert_eq!(gets(other, &nothing), [""; 0], "{other}");
    }
    assert_eq!(gets("pinpoint-2026-02-30", &nothing), [""; 0], "no day");
    assert_eq!(gets("orders-2026-11-26", &nothing), [""; 0]);
    assert_eq!(gets("letters-2026-11-26", &nothing), [""; 0]);
    assert_eq!(gets("unrecognized-2026-11-26", &nothing), ["@timestamp", "essink"]);
    assert_eq!(of_index("pinpoint-2026-11-26", &Value::Null, &expected()), None, "it went away");
}

fn lack(index: &str, day: i32, properties: Map<String, Value>) -> Lack {
    Lack { index: index.into(), day: Day(day), properties }
}

#[test]
fn what_lacks_the_same_goes_together_and_the_newest_first() {
    let fewer = map(json!({"msg": {"dynamic": false}}));
    let lacks = vec![
        lack("pinpoint-1", 1, additions()),
        lack("ses-2", 2, additions()),
        lack("pinpoint-3", 3, fewer.clone()),
        lack("pinpoint-2", 2, additions()),
    ];
    let mut puts = plan(lacks).puts;
    puts.sort_by_key(|put| put.indices.len());
    let expected = [
        Put { indices: vec!["pinpoint-3".into()], properties: fewer },
        Put { indices: vec!["pinpoint-2".into(), "ses-2".into(), "pinpoint-1".into()], properties: additions() },
    ];
    assert_eq!(puts, expected);
    assert_eq!(plan(Vec::new()), Plan::default());
}

#[test]
fn a_run_does_a_thousand_in_short_requests_and_leaves_the_oldest() {
    let all = (0..1_203).map(|day| lack(&format!("pinpoint-{day}"), day, additions()));
    let plan = plan(all.collect());
    assert_eq!(plan.left, 203);
    assert!(plan.puts.iter().all(|put| put.indices.len() <= 20));
    let indices: Vec<_> = plan.puts.into_iter().flat_map(|put| put.indices).collect();
    let newest: Vec<_> = (203..1_203).rev().map(|day| format!("pinpoint-{day}")).collect();
    assert_eq!(indices, newest);
}
