//! Existing indices whose live mapping disagrees with the templates.
//!
//! A template changes only indices created after it. The classic: a first event created the day's index with
//! guessed types, `arrival_timestamp` became `long`, and no data view over `pinpoint-*` has a time field.

mod compare;
mod lacking;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::names::Prefixes;
use crate::event::time::Day;
use crate::opensearch::client::Client;

pub use lacking::{DAYS_OF_WORDS, Lack, Plan, Put, names as added_names, plan};

/// What a family's indices should hold.
#[derive(Debug, Clone)]
pub struct Expected {
    /// What the names of the family's indices begin with.
    pub prefix: String,
    /// `properties` objects, as in a mapping; a later one adds to an earlier one.
    pub properties: Vec<Value>,
    /// What essink adds to every event, whatever the family: the members of a document and their mappings.
    pub additions: Map<String, Value>,
}

/// One field of one index that is not what the template says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// The index.
    pub index: String,
    /// The field's path.
    pub field: String,
    /// What it is.
    pub is: String,
    /// What the template makes it.
    pub should: String,
    /// Whether queries over all days fail or miss this one; otherwise the types merely differ.
    pub breaks: bool,
}

/// What the live check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// How many indices were looked at.
    pub checked: usize,
    /// Ordered by index, breaking ones first within each.
    pub disagreements: Vec<Disagreement>,
}

/// An index with its disagreements, breaking ones first.
type PerIndex<'a> = (&'a str, &'a [Disagreement]);

/// Indices a request asks for: 20 names of some 25 bytes stay far below the servers' 4,096 bytes a request
/// line, and 20 full mappings stay near a megabyte.
const INDICES_A_REQUEST: usize = 20;
/// Bytes of names a request line may take; a name may be 255 bytes long.
const NAME_BYTES_A_REQUEST: usize = 3_500;
/// Fields named per index in the text; the JSON report has them all.
const FIELDS_SHOWN: usize = 6;

/// Compares every existing index that a family's pattern matches; with it, what daily ones lack of what essink adds.
pub async fn check(
    client: &Client,
    prefixes: &Prefixes,
    expected: &[Expected],
    today: Day,
) -> anyhow::Result<(Findings, Vec<Lack>)> {
    let patterns = prefixes.patterns(",");
    let answer =
        client.get(&format!("/{patterns}/_alias?expand_wildcards=open,closed&ignore_unavailable=true")).await?;
    anyhow::ensure!(answer.is_success(), "cannot list the indices of {patterns}: HTTP {}", answer.status);
    let listed = answer.json();
    // A pattern also matches data streams and aliases; what it resolves to may be called anything.
    let family = |name: &str| expected.iter().any(|e| name.starts_with(&e.prefix));
    let mut names: Vec<&str> = listed.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    names.retain(|name| family(name));
    names.sort_unstable();
    let mut findings = Findings { checked: names.len(), disagreements: Vec::new() };
    let mut lacks = Vec::new();
    let words_since = lacking::words_since(&names, expected, today);
    for some in batches(&names) {
        let answer = client.get(&format!("/{}/_mapping?ignore_unavailable=true", some.join(","))).await?;
        anyhow::ensure!(answer.is_success(), "cannot read mappings of {}: HTTP {}", some[0], answer.status);
        let mappings = answer.json();
        for name in some {
            let mapping = &mappings[*name]["mappings"];
            findings.disagreements.extend(of_index(name, mapping, expected));
            lacks.extend(lacking::of_index(name, mapping, expected, words_since));
        }
    }
    Ok((findings, lacks))
}

fn batches<S: AsRef<str>>(names: &[S]) -> Vec<&[S]> {
    let mut batches = Vec::new();
    let mut rest = names;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |name: &&S| {
            bytes += name.as_ref().len() + 1;
            bytes <= NAME_BYTES_A_REQUEST
        };
        let count = rest.iter().take(INDICES_A_REQUEST).take_while(fits).count().max(1);
        let (batch, tail) = rest.split_at(count);
        batches.push(batch);
        rest = tail;
    }
    batches
}

fn of_index(index: &str, mappings: &Value, expected: &[Expected]) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for family in expected.iter().filter(|e| index.starts_with(&e.prefix)) {
        for should in &family.properties {
            compare::properties(index, "", &mappings["properties"], should, &mut found);
        }
    }
    found.sort_by(|a, b| b.breaks.cmp(&a.breaks).then_with(|| a.field.cmp(&b.field)));
    found
}

impl Findings {
    /// Indices in which something breaks, with everything that disagrees in them.
    fn by_index(&self) -> (Vec<PerIndex<'_>>, Vec<PerIndex<'_>>) {
        let all = self.disagreements.chunk_by(|a, b| a.index == b.index).map(|of| (of[0].index.as_str(), of));
        all.partition(|(_, of)| of[0].breaks)
    }

    /// How many indices were looked at and how many disagree, in one line.
    pub fn summary(&self) -> String {
        let (broken, differing) = self.by_index();
        let checked = self.checked;
        if broken.is_empty() && differing.is_empty() {
            return format!("existing indices: {checked} checked, all agree");
        }
        format!(
            "existing indices: {checked} checked, {} with fields that break queries over all days, {} that merely differ",
            broken.len(),
            differing.len()
        )
    }

    /// Each index that breaks queries over all days: its name, and its fields in one line.
    pub fn broken(&self) -> Vec<(&str, String)> {
        self.by_index().0.into_iter().map(|(index, of)| (index, breaking_fields(of))).collect()
    }
}

fn breaking_fields(of: &[Disagreement]) -> String {
    let breaking = of.iter().take_while(|d| d.breaks).take(FIELDS_SHOWN);
    let shown: Vec<_> = breaking.map(|d| format!("{} is {}, should be {}", d.field, d.is, d.should)).collect();
    let more = of.len() - shown.len();
    let rest = if more > 0 { format!(", and {more} more fields differ") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary())?;
        let (broken, differing) = self.by_index();
        for (index, of) in &broken {
            writeln!(f, "  {index}: {}", breaking_fields(of))?;
        }
        for (index, of) in &differing {
            writeln!(f, "  {index}: {} fields differ without harm, {} among them", of.len(), of[0].field)?;
        }
        if let Some((index, _)) = broken.first() {
            write!(f, "{}", cure(index))?;
        }
        Ok(())
    }
}

/// What to do about a broken index: as docs/migrating.md has it, and tried on real servers as it stands here.
fn cure(index: &str) -> String {
    let copy = format!("reindexing-{index}");
    let reindex = |from: &str, to: &str| {
        let (source, dest) = (json!({ "index": from }), json!({ "index": to, "op_type": "create" }));
        json!({ "conflicts": "proceed", "source": source, "dest": dest })
    };
    let (away, back) = (reindex(index, &copy), reindex(&copy, index));
    format!(
        "  no request can change the type of a field that exists; the index has to be written anew. For each:
    1. PUT /{index}/_settings {{\"index.blocks.write\":true}}
    2. PUT /{copy} {{\"mappings\":{{\"dynamic\":false}}}}
    3. POST /_reindex?refresh=true {away}
    4. GET /{index}/_count
    5. GET /{copy}/_count
       go on when the two are the same
    6. DELETE /{index}
    7. POST /_reindex?refresh=true {back}
       compare again
    8. DELETE /{copy}
  docs/migrating.md says how to go on when a step fails, and how old events get msg.* too
"
    )
}

#[cfg(test)]
mod tests;
