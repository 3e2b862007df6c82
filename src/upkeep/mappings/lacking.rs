//! Daily indices that another tool made without essink's templates, and what they lack of what essink adds.
//!
//! An event that essink writes there would have `msg` guessed as text, and panels over all days would fail. Adding a
//! field that is not there changes no other field and no document. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Expected, batches};
use crate::event::time::Day;
use crate::upkeep::retention::Rotation;
use crate::upkeep::retention::name::last_day;

/// The most indices that get anything in one run: each is a change of the cluster's state.
const INDICES_A_RUN: usize = 1_000;

/// What one index lacks wholly.
#[derive(Debug, Clone, PartialEq)]
pub struct Lack {
    /// The index.
    pub index: String,
    /// Its day.
    pub day: Day,
    /// The members that are not there, with their mappings.
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

/// What `index` lacks, if essink can ever write there: only names of a family's days.
///
/// A member of which anything is there is not touched: what is wrong about it is for the comparison to say.
pub fn of_index(index: &str, mappings: &Value, expected: &[Expected]) -> Option<Lack> {
    let family = expected.iter().find(|e| index.starts_with(&e.prefix))?;
    let day = last_day(index, &family.prefix, &[Rotation::Day]).ok()?;
    // An index that went away between two requests has no answer; one without fields has one.
    let mappings = mappings.as_object()?;
    let there = mappings.get("properties").and_then(Value::as_object);
    // Where objects are not resolved, a member's fields stand beside each other under dotted names.
    let has = |member: &str| {
        let part_of = |name: &String| name.strip_prefix(member).is_some_and(|r| r.is_empty() || r.starts_with('.'));
        there.is_some_and(|there| there.keys().any(part_of))
    };
    let lacking = family.additions.iter().filter(|(member, _)| !has(member));
    let properties: Map<String, Value> = lacking.map(|(member, mapping)| (member.clone(), mapping.clone())).collect();
    (!properties.is_empty()).then(|| Lack { index: index.to_owned(), day, properties })
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
