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
/// change thousands of indices for days that are past; what a replay brings there has them in its document all the same.
const DAYS_OF_WORDS: u32 = 31;

/// What one index lacks.
#[derive(Debug, Clone, PartialEq)]
pub struct Lack {
    /// The index.
    pub index: String,
    /// Its day.
    pub day: Day,
    /// What is not there, as a request has it that adds it.
    pub properties: Map<String, Value>,
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
}

/// The day of a daily index of a family that gets anything.
fn day_of(index: &str, expected: &[Expected]) -> Option<Day> {
    let family = expected.iter().find(|e| index.starts_with(&e.prefix))?;
    last_day(index, &family.prefix, &[Rotation::Day]).ok()
}

/// The first day that gets words that came later, with these indices there.
pub fn words_since(names: &[&str], expected: &[Expected]) -> Day {
    let newest = names.iter().filter_map(|name| day_of(name, expected)).max();
    newest.map_or(Day(i32::MAX), |newest| newest.minus(DAYS_OF_WORDS))
}

/// What `index` lacks, if essink can ever write there: only names of a family's days. Of members that are there, only
/// since that day.
///
/// A field that is there is not touched: what is wrong about it is for the comparison to say.
pub fn of_index(index: &str, mappings: &Value, expected: &[Expected], words_since: Day) -> Option<Lack> {
    let family = expected.iter().find(|e| index.starts_with(&e.prefix))?;
    let day = day_of(index, expected)?;
    // An index that went away between two requests has no answer; one without fields has one.
    let mappings = mappings.as_object()?;
    let nothing = Map::new();
    let there = mappings.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
    let properties = missing(there, &family.additions, day >= words_since);
    (!properties.is_empty()).then(|| Lack { index: index.to_owned(), day, properties })
}

/// What of `should` is not among the fields that are there; `within` objects that are there, too. As deep as our own
/// templates are.
fn missing(there: &Map<String, Value>, should: &Map<String, Value>, within: bool) -> Map<String, Value> {
    let mut lacking = Map::new();
    for (name, mapping) in should {
        match there.get(name) {
            // Where objects are not resolved, an object's fields stand beside each other under dotted names.
            None if there.keys().any(|other| other.strip_prefix(name.as_str()).is_some_and(|r| r.starts_with('.'))) => {
            }
            None => drop(lacking.insert(name.clone(), mapping.clone())),
            Some(is) if within => {
                let (Some(is), Some(should)) = (fields(is), mapping["properties"].as_object()) else { continue };
                let inner = missing(is, should, within);
                if !inner.is_empty() {
                    // Nothing else about the object: whether it takes other fields is as it was.
                    lacking.insert(name.clone(), json!({ "properties": inner }));
                }
            }
            Some(_) => {}
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

/// The requests that give each index what it lacks; the newest days first, because events come to those.
pub fn plan(mut lacks: Vec<Lack>) -> Plan {
    lacks.sort_by(|a, b| (Reverse(a.day), &a.index).cmp(&(Reverse(b.day), &b.index)));
    let left = lacks.len().saturating_sub(INDICES_A_RUN);
    lacks.truncate(INDICES_A_RUN);
    let mut alike: BTreeMap<String, (Vec<String>, Map<String, Value>)> = BTreeMap::new();
    for Lack { index, properties, .. } in lacks {
        let same = alike.entry(Value::Object(properties.clone()).to_string());
        same.or_insert_with(|| (Vec::new(), properties)).0.push(index);
    }
    let puts = alike.into_values().flat_map(|(indices, properties)| {
        let requests = batches(&indices).into_iter().map(<[String]>::to_vec);
        requests.map(|indices| Put { indices, properties: properties.clone() }).collect::<Vec<_>>()
    });
    Plan { puts: puts.collect(), left }
}

#[cfg(test)]
mod tests;
