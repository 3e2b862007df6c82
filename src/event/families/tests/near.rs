//! Events near those of a family: whatever becomes of one, nothing panics and nothing of it is lost.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Map;

use super::*;
use crate::event::scan::scan;

/// Events made of `samples` by changing members: gone, of another type, as their own text, and others beside them.
pub fn near(samples: Vec<Value>) -> impl Strategy<Value = Value> {
    let names = samples.iter().filter_map(Value::as_object).flat_map(|sample| sample.keys().cloned());
    let names: Vec<String> = names.chain(ODD.map(str::to_owned)).collect();
    let changes = prop::collection::vec((select(names), change()), 0..6);
    (select(samples), changes).prop_map(|(mut event, changes)| {
        let members = event.as_object_mut().expect("a sample is an object");
        for (name, change) in changes {
            match change {
                Change::Gone => drop(members.remove(&name)),
                Change::Text => {
                    let text = members.get(&name).map(Value::to_string);
                    members.insert(name, Value::from(text));
                }
                Change::Into(value) => drop(members.insert(name, value)),
                Change::Below(key, value) => {
                    let member = members.entry(name).or_insert_with(|| Value::Object(Map::new()));
                    if !member.is_object() {
                        *member = Value::Object(Map::new());
                    }
                    member[key] = value;
                }
            }
        }
        event
    })
}

/// Names that documents have a use for, or no index takes.
const ODD: [&str; 12] = [
    "msg",
    "essink",
    "@timestamp",
    "_id",
    "",
    " ",
    "a.b",
    "message.id",
    "network.code",
    "message.timestamp",
    "webhook.entry",
    "eventType",
];

/// Values that rules look for.
const WORDS: [&str; 10] =
    ["TEXT_", "RCS_READ", "delivered", "sent", "rcs-1", "2018-10-25 12:10:29", "1759466063", "0.5", "{\"a\":{}}", ""];

/// Keys that rules look below.
const KEYS: [&str; 6] = ["changes", "value", "statuses", "messages", "id", "number"];

#[derive(Debug, Clone)]
enum Change {
    Gone,
    Text,
    Into(Value),
    Below(String, Value),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Gone),
        Just(Change::Text),
        json().prop_map(Change::Into),
        ("[a-z._]{0,8}", json()).prop_map(|(key, value)| Change::Below(key, value)),
    ]
}

/// Any JSON, with a liking for words that families know.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Halves: the parser that compares is off in the last place of others.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 2.0)),
        "\\PC{0,12}".prop_map(Value::from),
        "[\\\\\"+ a-z\n]{0,8}".prop_map(Value::from),
        select(&WORDS[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop_oneof!["[a-z._ ]{0,6}", select(&KEYS[..]).prop_map(str::to_owned)];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Fails unless `event` becomes one document that is strict JSON without a line break, and holds all of the event.
pub fn check(event: &Value) -> Result<(), TestCaseError> {
    let (found, document) = self::event(event.to_string());
    prop_assert!(!found.body.contains(&b'\n'));
    let end = scan(&found.body, 0, &ScanLimits { depth: 200, keys: 100_000 }, &mut Scanned::default());
    prop_assert_eq!(end, Ok(found.body.len()), "{}", document);
    let held = if found.family == Family::Unrecognized { &document["event"] == event } else { holds(&document, event) };
    prop_assert!(held, "{} is not in {}", event, document);
    Ok(())
}

/// Whether `found` is `event`, or what the rules for keys and for values that no mapping takes make of it.
fn holds(found: &Value, event: &Value) -> bool {
    let is_text = |found: &Value| {
        found.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()).is_some_and(|value| value == *event)
    };
    found == event
        || is_text(found)
        || match (found, event) {
            (Value::Object(found), Value::Object(event)) => holds_members(found, event),
            (Value::Array(found), Value::Array(event)) => {
                found.len() == event.len() && found.iter().zip(event).all(|(found, event)| holds(found, event))
            }
            (Value::Object(found), event) => found.get("_value").is_some_and(|value| value == event || is_text(value)),
            _ => false,
        }
}

fn holds_members(found: &Map<String, Value>, event: &Map<String, Value>) -> bool {
    event.iter().all(|(key, value)| {
        let name = if key.trim().is_empty() { "_".to_owned() } else { key.replace('.', "_") };
        found.iter().any(|(found, held)| found.starts_with(&name) && holds(held, value))
    })
}
