//! What daily indices lack of what essink adds: all of it where another tool made them, and words of `msg` that came
//! later where an older essink did.
//!
//! An event that essink writes there would have `msg` guessed as text, or a word of it not be found, and panels over all
//! days would fail or miss it. Adding a field that is not there changes no other field and no document. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Expected, batches};
use crate::event::time::Day;
use crate::upkeep::retention::Rotation;
use crate::upkeep::retention::name::last_day;

/// The most indices that get anything in one run: each is a change of the cluster's state.
const INDICES_A_RUN: usize = 1_000;

/// Words that came later go to days that new events can still come to, which are those of the last month: a stream keeps
/// its records a day or a week, seldom longer. After an upgrade every day there is lacks them, and a start must not
/// change thousands of indices for days that are past; what a replay brings there has them in its document all the same,
/// where no search finds them. So how many such days there are is said.
pub const DAYS_OF_WORDS: u32 = 31;

/// A field of each member that every essink's templates have had: an object of that name that has it, and takes no
/// other by itself, is essink's.
const MARKS: [(&str, &str); 2] = [("essink", "rules"), ("msg", "provider")];

/// What one index lacks.
#[derive(Debug, Clone, PartialEq)]
pub struct Lack {
    /// The index.
    pub index: String,
    /// Its day.
    pub day: Day,
    /// What is not there, as a request has it that adds it.
    pub properties: Map<String, Value>,
    /// Whether its day is past, and it lacks words for that reason.
    pub past: bool,
}

/// One request to come: what several indices lack alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// The indices, few enough for one request line.
    pub indices: Vec<String>,
    /// What they get.
    pub properties: Map<String, Value>,
}

/// All requests of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// In this order.
    pub puts: Vec<Put>,
    /// Indices that lack something and have to wait for the next run.
    pub left: usize,
    /// Indices that lack words and get none, because their days are past.
    pub past: usize,
}

/// The day of a daily index of a family that gets anything.
fn day_of(index: &str, expected: &[Expected]) -> Option<Day> {
    let family = expected.iter().find(|e| index.starts_with(&e.prefix))?;
    last_day(index, &family.prefix, &[Rotation::Day]).ok()
}

/// The first day that gets words that came later, with these indices there. A day that is not yet is nobody's measure:
/// one event with a wrong clock can have made its index.
pub fn words_since(names: &[&str], expected: &[Expected], today: Day) -> Day {
    let newest = names.iter().filter_map(|name| day_of(name, expected)).filter(|day| *day <= today).max();
    newest.unwrap_or(today).minus(DAYS_OF_WORDS)
}

/// What `index` lacks, if essink can ever write there: only names of a family's days. Of members that are there, only
/// what is essink's own, and only since that day.
///
/// A field that is there is not touched: what is wrong about it is for the comparison to say. A `msg` of another tool's
/// stays as it is: a word of ours might refuse that tool's next document.
pub fn of_index(index: &str, mappings: &Value, expected: &[Expected], words_since: Day) -> Option<Lack> {
    let family = expected.iter().find(|e| index.starts_with(&e.prefix))?;
    let day = day_of(index, expected)?;
    // An index that went away between two requests has no answer; one without fields has one.
    let mappings = mappings.as_object()?;
    let nothing = Map::new();
    let there = mappings.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
    let mut properties = absent(there, &family.additions);
    let words = words(there, &family.additions);
    let past = day < words_since && !words.is_empty();
    if !past {
        properties.extend(words);
    }
    (past || !properties.is_empty()).then(|| Lack { index: index.to_owned(), day, properties, past })
}

/// What of `should` is wholly missing among the fields that are there.
fn absent(there: &Map<String, Value>, should: &Map<String, Value>) -> Map<String, Value> {
    // Where objects are not resolved, an object's fields stand beside each other under dotted names.
    let dotted = |name: &str| there.keys().any(|is| is.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
    let lacking = should.iter().filter(|(name, _)| !there.contains_key(*name) && !dotted(name));
    lacking.map(|(name, mapping)| (name.clone(), mapping.clone())).collect()
}

/// What essink's own members lack.
fn words(there: &Map<String, Value>, should: &Map<String, Value>) -> Map<String, Value> {
    within(there, should, |name, is| {
        let closed = is["dynamic"] == false || is["dynamic"] == "false";
        closed && MARKS.iter().any(|(member, field)| *member == name && is["properties"].get(field).is_some())
    })
}

/// What those objects lack that are there, as deep as our own templates are.
fn within(there: &Map<String, Value>, should: &Map<String, Value>, of: fn(&str, &Value) -> bool) -> Map<String, Value> {
    let mut lacking = Map::new();
    for (name, mapping) in should {
        let is = there.get(name).filter(|is| of(name, is)).and_then(fields);
        let (Some(is), Some(should)) = (is, mapping["properties"].as_object()) else { continue };
        let mut inner = absent(is, should);
        inner.extend(within(is, should, |_, _| true));
        if !inner.is_empty() {
            // Nothing else about the object: whether it takes other fields is as it was.
            lacking.insert(name.clone(), json!({ "properties": inner }));
        }
    }
    lacking
}

/// The fields of a plain object; none of a scalar, and of an object that can have none.
fn fields(mapping: &Value) -> Option<&Map<String, Value>> {
    let plain = mapping["type"].as_str().is_none_or(|kind| kind == "object") && mapping["enabled"] != false;
    if plain { mapping["properties"].as_object() } else { None }
}

/// Names of what a request adds: a member, or `msg.word` where the member is there already.
pub fn names(properties: &Map<String, Value>) -> Vec<String> {
    let mut names = Vec::new();
    for (name, mapping) in properties {
        // What is whole says more than its fields; only what adds to an object says nothing else.
        match mapping.as_object().filter(|mapping| mapping.len() == 1).and_then(|m| m.get("properties")?.as_object()) {
            Some(inner) => names.extend(self::names(inner).iter().map(|word| format!("{name}.{word}"))),
            None => names.push(name.clone()),
        }
    }
    names
}

impl AsRef<str> for Lack {
    fn as_ref(&self) -> &str {
        &self.index
    }
}

/// The requests that give each index what it lacks: the one with the newest day first, because events come to that, and
/// of the same day those that essink's own indices need.
pub fn plan(mut lacks: Vec<Lack>) -> Plan {
    let past = lacks.iter().filter(|lack| lack.past).count();
    lacks.retain(|lack| !lack.properties.is_empty());
    lacks.sort_by(|a, b| (Reverse(a.day), &a.index).cmp(&(Reverse(b.day), &b.index)));
    let left = lacks.len().saturating_sub(INDICES_A_RUN);
    lacks.truncate(INDICES_A_RUN);
    let mut alike: BTreeMap<String, Vec<Lack>> = BTreeMap::new();
    for lack in lacks {
        alike.entry(Value::Object(lack.properties.clone()).to_string()).or_default().push(lack);
    }
    let mut requests: Vec<&[Lack]> = alike.values().flat_map(|lacks| batches(lacks)).collect();
    requests.sort_by_cached_key(|lacks| {
        let newest =
            lacks.first().map(|lack| (lack.day, names(&lack.properties).iter().all(|name| name.contains('.'))));
        Reverse(newest)
    });
    let put = |lacks: &[Lack]| {
        let indices = lacks.iter().map(|lack| lack.index.clone()).collect();
        lacks.first().map(|lack| Put { indices, properties: lack.properties.clone() })
    };
    Plan { puts: requests.into_iter().filter_map(put).collect(), left, past }
}

#[cfg(test)]
mod tests;
