//! JSON near a family: published events with random changes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use super::events;
use crate::event::family::Family;

/// Anything, with keys that hurt.
fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        select(vec![
            "",
            "null",
            "{}",
            "[1]",
            "{\"a\":{\"b\":1}}",
            "2026-07-06T19:51:59Z",
            "1549054731",
            "a@b.org",
            "é\u{0}\"\\"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Quarters, which every reader of JSON reads as the same double.
        (-4_000_000..4_000_000_i32).prop_map(|n| Value::from(f64::from(n) / 4.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let object = vec((key(), inner.clone()), 0..4).prop_map(|members| Value::Object(members.into_iter().collect()));
        prop_oneof![vec(inner, 0..4).prop_map(Value::from), object]
    })
}

fn key() -> impl Strategy<Value = String> {
    select(vec![
        "",
        " ",
        ".",
        "a.b",
        "a_b",
        "_id",
        "msg",
        "essink",
        "@timestamp",
        "timestamp",
        "type",
        "emailAddress",
        "é",
    ])
    .prop_map(str::to_owned)
}

/// A change of one place in an event.
#[derive(Debug, Clone)]
enum Change {
    /// Another value stands there.
    Put(Value),
    /// Nothing does.
    Remove,
    /// One member more, where it is an object.
    Add(String, Value),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => any_value().prop_map(Change::Put),
        1 => Just(Change::Remove),
        2 => (key(), any_value()).prop_map(|(key, value)| Change::Add(key, value)),
    ]
}

/// One of `samples`, with up to five changes.
pub fn near(samples: Vec<Value>) -> impl Strategy<Value = Value> {
    (select(samples), vec((any::<Index>(), change()), 0..6)).prop_map(|(mut event, changes)| {
        for (place, change) in changes {
            let mut pointers = Vec::new();
            places(&event, String::new(), &mut pointers);
            apply(&mut event, &pointers[place.index(pointers.len())], change);
        }
        event
    })
}

/// JSON pointers to everything in `value`.
fn places(value: &Value, at: String, pointers: &mut Vec<String>) {
    let below = |key: &str| format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| places(value, below(key), pointers)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, value)| places(value, below(&n.to_string()), pointers));
        }
        _ => {}
    }
    pointers.push(at);
}

fn apply(event: &mut Value, at: &str, change: Change) {
    let is_whole = at.is_empty();
    match (change, event.pointer_mut(at)) {
        (Change::Add(key, value), Some(Value::Object(members))) => {
            members.insert(key, value);
        }
        (Change::Put(value), Some(place)) if !is_whole => *place = value,
        (Change::Remove, _) => {
            let (parent, key) = at.rsplit_once('/').unwrap_or_default();
            if let Some(Value::Object(members)) = event.pointer_mut(parent) {
                members.remove(&key.replace("~1", "/").replace("~0", "~"));
            }
        }
        _ => {}
    }
}

/// `event` gives one document, of `family` or unrecognized, and all that it says is in there.
pub fn is_kept(family: Family, event: &Value) -> Result<(), TestCaseError> {
    let mut found = events(event.to_string());
    prop_assert_eq!(found.len(), 1);
    let (found, document) = found.remove(0);
    let Value::Object(mut document) = document else { return Err(TestCaseError::fail("no object")) };
    for added in ["@timestamp", "essink"] {
        prop_assert!(document.remove(added).is_some(), "{added}");
    }
    if found.family == Family::Unrecognized {
        prop_assert_eq!(Value::Object(document), serde_json::json!({ "event": event }));
        return Ok(());
    }
    prop_assert_eq!(found.family, family);
    prop_assert!(document.remove("msg").is_some_and(|msg| msg["provider"] == family.name()));
    if event.get("event_class").is_none() {
        document.remove("event_class");
    }
    prop_assert_eq!(document.len(), event.as_object().map_or(0, Map::len), "members");
    let (mut expected, mut kept) = (Vec::new(), Vec::new());
    leaves(event, &mut expected);
    leaves(&Value::Object(document), &mut kept);
    expected.sort_unstable();
    kept.sort_unstable();
    prop_assert_eq!(kept, expected);
    Ok(())
}

/// The scalars in `value` as text, those too in JSON that stands in a string: that is what becomes of an object where
/// the mapping knows a scalar.
fn leaves(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => members.values().for_each(|value| leaves(value, out)),
        Value::Array(list) if !list.is_empty() => list.iter().for_each(|value| leaves(value, out)),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => leaves(&inner, out),
            _ => out.push(text.clone()),
        },
        other => out.push(other.to_string()),
    }
}
