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
            "provider": {"type": "keyword"}, "status": {"type": "keyword"}, "parts": {"type": "integer"},
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
    let more = json!({"properties": {"a": {"type": "text"}}});
    let older = json!({"dynamic": "false", "properties": {"provider": {}, "status": status, "more": more}});
    let words = json!({"parts": {"type": "integer"}, "more": {"properties": {"b": {"type": "ip"}}}});
    let lack = json!({"msg": {"properties": words}});
    assert_eq!(gets(older), Some(lack.clone()), "and not its `dynamic`");
    assert_eq!(names(lack.as_object().unwrap()), ["msg.more.b", "msg.parts"]);
    // Nothing can be put into these: the comparison names them.
    for other in [
        json!({"type": "text"}),
        json!({"type": "nested", "dynamic": "false", "properties": {"provider": status}}),
        json!({"enabled": false, "dynamic": "false", "properties": {"provider": {}}}),
    ] {
        assert_eq!(gets(other.clone()), None, "{other}");
    }
    let dotted = json!({"provider": {}, "status": status, "parts": {"type": "long"}, "more.a": {"type": "ip"}});
    assert_eq!(gets(json!({"dynamic": false, "properties": dotted})), None);
}

/// Words in another tool's `msg` could refuse what that tool writes next: an object where we say keyword.
#[test]
fn words_come_into_what_essink_made_and_into_no_msg_of_others() {
    let gets = |msg: &Value| {
        // What an earlier run has added says nothing about the rest of the index.
        let essink = json!({"dynamic": "false", "properties": {"rules": {"type": "keyword"}}});
        let there = json!({"properties": {"@timestamp": {"type": "date"}, "essink": essink, "msg": msg}});
        of_index("ses-2026-11-26", &there, &with_words(), Day(0)).map(|lack| names(&lack.properties))
    };
    let fields = json!({"provider": {"type": "keyword"}, "status": {"type": "keyword"}});
    let ours = json!({"dynamic": "false", "properties": fields});
    assert_eq!(gets(&ours), Some(vec!["msg.more".to_owned(), "msg.parts".to_owned()]));
    for msg in [
        json!({"properties": fields}),
        json!({"dynamic": "true", "properties": fields}),
        json!({"dynamic": "false", "properties": {"status": {"type": "keyword"}}}),
        json!({"dynamic": "false"}),
    ] {
        assert_eq!(gets(&msg), None, "{msg}");
    }
    // Nor is there anything to be said about its past days.
    let there = json!({"properties": {"@timestamp": {}, "msg": {"properties": fields}}});
    assert_eq!(of_index("ses-2020-01-01", &there, &with_words(), Day(i32::MAX)), None);
}

#[test]
fn words_go_to_the_last_month_and_whole_members_to_every_day() {
    let (days, expected) =
        (["ses-2026-11-26", "ses-2026-10-26", "ses-2026-10-25", "ses-2030", "other-2030-01-01"], with_words());
    let since = words_since(&days, &expected, Day(20_783));
    assert_eq!(since.to_string(), "2026-10-26");
    let msg =
        json!({"dynamic": "false", "properties": {"provider": {"type": "keyword"}, "status": {"type": "keyword"}}});
    let got = |index: &str, there: &Value| {
        let lack = of_index(index, &json!({ "properties": there }), &expected, since);
        lack.map(|lack| (names(&lack.properties), lack.past))
    };
    let older = json!({ "msg": msg });
    let whole = ["@timestamp", "msg.more", "msg.parts"].map(str::to_owned).to_vec();
    assert_eq!([got(days[0], &older), got(days[1], &older)], [Some((whole.clone(), false)), Some((whole, false))]);
    assert_eq!(got(days[2], &older), Some((vec!["@timestamp".to_owned()], true)));
    // One that gets nothing at all is counted, too; one that has everything is not.
    let dated = json!({"@timestamp": {"type": "date"}, "msg": msg});
    assert_eq!(got(days[2], &dated), Some((Vec::new(), true)));
    let mut same = with_words().remove(0).additions;
    assert_eq!(got(days[2], &Value::Object(same.clone())), None);
    same.remove("@timestamp");
    assert_eq!(got(days[2], &Value::Object(same)), Some((vec!["@timestamp".to_owned()], false)));
}

/// Without its mark a member would never get a word.
#[test]
fn what_essink_makes_now_is_known_as_its_own() {
    let templates = crate::upkeep::templates::all(&crate::upkeep::templates::TemplateOptions::default());
    let members: Map<String, Value> = templates
        .iter()
        .filter_map(|template| template.body["template"]["mappings"]["properties"].as_object())
        .flat_map(Clone::clone)
        .filter(|(name, _)| ["essink", "msg"].contains(&name.as_str()))
        .collect();
    let mut more = members.clone();
    for name in ["essink", "msg"] {
        more[name]["properties"]["later"] = json!({"type": "ip"});
    }
    assert_eq!(names(&words(&members, &more)), ["essink.later", "msg.later"]);
}

/// A phone's clock can make the index of any day.
#[test]
fn a_day_to_come_does_not_move_the_last_month() {
    let (expected, today) = (with_words(), Day(20_783));
    let since = |names: &[&str]| words_since(names, &expected, today).to_string();
    assert_eq!(since(&["ses-2999-01-01", "ses-2026-11-26", "ses-2026-11-27"]), "2026-10-26");
    // Where nothing came for a while, its last month is what a stream's backlog goes on with.
    assert_eq!(since(&["ses-2999-01-01", "ses-2026-09-01"]), "2026-08-01");
    assert_eq!([since(&["ses-2999-01-01"]), since(&[])], ["2026-10-26", "2026-10-26"]);
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
    Lack { index: index.into(), day: Day(day), properties, past: false }
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
    let puts = plan(lacks).puts;
    let expected = [
        Put { indices: vec!["pinpoint-3".into()], properties: fewer },
        Put { indices: vec!["pinpoint-2".into(), "ses-2".into(), "pinpoint-1".into()], properties: additions() },
    ];
    assert_eq!(puts, expected);
    assert_eq!(plan(Vec::new()), Plan::default());
}

/// Days of another tool, all of which may refuse: essink's own day is not behind them, and a newer one not behind older.
#[test]
fn the_request_of_the_newest_day_comes_first_whatever_it_adds() {
    let words = map(json!({"msg": {"properties": {"parts": {"type": "integer"}}}}));
    let foreign = (1..=45).map(|day| lack(&format!("pinpoint-{day}"), day, additions()));
    let own = [lack("ses-45", 45, words.clone()), lack("ses-44", 44, words)];
    let late = lack("eum-10", 10, map(json!({"@timestamp": {"type": "date"}})));
    let plan = plan(foreign.chain(own).chain([late]).collect());
    let firsts: Vec<_> = plan.puts.iter().map(|put| (put.indices[0].as_str(), put.indices.len())).collect();
    assert_eq!(firsts, [("ses-45", 2), ("pinpoint-45", 20), ("pinpoint-25", 20), ("eum-10", 1), ("pinpoint-5", 5)]);
}

#[test]
fn days_that_are_past_are_counted_and_asked_nothing() {
    let past = |day, properties| Lack { past: true, ..lack(&format!("ses-{day}"), day, properties) };
    let plan = plan(vec![past(1, Map::new()), past(2, additions()), lack("ses-3", 3, additions())]);
    assert_eq!((plan.past, plan.left), (2, 0));
    assert_eq!(plan.puts, [Put { indices: vec!["ses-3".into(), "ses-2".into()], properties: additions() }]);
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
