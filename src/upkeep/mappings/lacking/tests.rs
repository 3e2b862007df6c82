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
    gets_since(index, properties, Day(0))
}

fn gets_since(index: &str, properties: &Value, since: Day) -> Vec<String> {
    let lack = of_index(index, &json!({ "properties": properties }), &expected(), since);
    lack.map(|lack| names(&lack.properties)).unwrap_or_default()
}

#[test]
fn only_what_is_wholly_missing_is_added() {
    const TODAY: &str = "pinpoint-2026-11-26";
    let gets = |index: &str, properties: &Value| gets_since(index, properties, Day(i32::MAX));
    assert_eq!(gets(TODAY, &json!({"event_type": {"type": "text"}})), ["@timestamp", "essink", "msg"]);
    assert_eq!(gets(TODAY, &json!({"@timestamp": {"type": "text"}, "essink": {"properties": {}}})), ["msg"]);
    let guessed = json!({"msg": {"properties": {"status": {"type": "text"}}}});
    assert_eq!(gets(TODAY, &guessed), ["@timestamp", "essink"], "for the comparison to say");
    assert_eq!(gets(TODAY, &json!({"msg": {"type": "text"}, "essink": {}, "@timestamp": {}})), [""; 0]);
    // Members without an object around them, and names that only begin alike.
    assert_eq!(gets(TODAY, &json!({"msg.status": {"type": "text"}})), ["@timestamp", "essink"]);
    assert_eq!(gets(TODAY, &json!({"msg2": {"type": "text"}})), ["@timestamp", "essink", "msg"]);
    // What is added is the template's, and no more.
    let lack = of_index(TODAY, &json!({}), &expected(), Day(0)).unwrap();
    assert_eq!((lack.properties, lack.day), (additions(), Day(20_783)));
}

/// A family whose `msg` has words, and an object with words of its own.
fn with_words() -> Vec<Expected> {
    let additions = map(json!({
        "@timestamp": {"type": "date"},
        "msg": {"dynamic": false, "properties": {
            "status": {"type": "keyword"}, "parts": {"type": "integer"},
            "more": {"dynamic": false, "properties": {"a": {"type": "ip"}, "b": {"type": "ip"}}},
        }},
    }));
    vec![Expected { prefix: "ses-".into(), properties: Vec::new(), additions }]
}

#[test]
fn words_that_came_later_are_added_and_nothing_that_is_there_is_touched() {
    let gets = |msg: Value| {
        let there = json!({"properties": {"@timestamp": {"type": "text"}, "msg": msg}});
        let lack = of_index("ses-2026-11-26", &there, &with_words(), Day(0));
        lack.map(|lack| Value::Object(lack.properties))
    };
    let status = json!({"type": "keyword"});
    let older =
        json!({"dynamic": "false", "properties": {"status": status, "more": {"properties": {"a": {"type": "text"}}}}});
    let words = json!({"parts": {"type": "integer"}, "more": {"properties": {"b": {"type": "ip"}}}});
    let lack = json!({"msg": {"properties": words}});
    assert_eq!(gets(older), Some(lack.clone()), "and not its `dynamic`");
    assert_eq!(names(lack.as_object().unwrap()), ["msg.more.b", "msg.parts"]);
    // Nothing can be put into these: the comparison names them.
    for other in [
        json!({"type": "text"}),
        json!({"type": "nested", "properties": {"status": status}}),
        json!({"enabled": false, "properties": {}}),
    ] {
        assert_eq!(gets(other.clone()), None, "{other}");
    }
    let dotted = json!({"properties": {"status": status, "parts": {"type": "long"}, "more.a": {"type": "ip"}}});
    assert_eq!(gets(dotted), None);
}

#[test]
fn words_go_to_the_last_month_and_whole_members_to_every_day() {
    let (days, expected) =
        (["ses-2026-11-26", "ses-2026-10-26", "ses-2026-10-25", "ses-2030", "other-2030-01-01"], with_words());
    let since = words_since(&days, &expected);
    assert_eq!(since.to_string(), "2026-10-26");
    let older = json!({"properties": {"msg": {"properties": {"status": {"type": "keyword"}}}}});
    let got = |index: &str| of_index(index, &older, &expected, since).map(|lack| names(&lack.properties));
    let whole = ["@timestamp", "msg.more", "msg.parts"].map(str::to_owned).to_vec();
    assert_eq!([got(days[0]), got(days[1])], [Some(whole.clone()), Some(whole)]);
    assert_eq!(got(days[2]), Some(vec!["@timestamp".to_owned()]));
    assert_eq!(words_since(&[], &expected), Day(i32::MAX));
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
    assert_eq!(of_index("pinpoint-2026-11-26", &Value::Null, &expected(), Day(0)), None, "it went away");
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
