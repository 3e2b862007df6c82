//! Panels that show documents, and what a reader types to find them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Panel;

/// What a reader typed, by the id of the [`Input`].
pub type Inputs = BTreeMap<String, String>;

/// Something that a reader types.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// A word for addresses.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// The fields that may have it.
    pub fields: Vec<String>,
}

/// Documents of one answer; the rest are counted.
const MOST: u32 = 500;

impl Input {
    /// What it asks for. Nothing was typed: nothing is found, because everything would be somebody else's.
    pub fn clause(&self, inputs: &Inputs) -> Value {
        let typed = inputs.get(&self.id).map(|typed| spellings(typed)).unwrap_or_default();
        if typed.is_empty() {
            return json!({"match_none": {}});
        }
        let any: Vec<_> = self.fields.iter().map(|field| json!({"terms": {field: typed}})).collect();
        json!({"bool": {"should": any, "minimum_should_match": 1}})
    }
}

/// Providers write numbers with and without the plus, and addresses with the capitals they were given.
fn spellings(typed: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for one in typed.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let digits = one.strip_prefix('+').unwrap_or(one);
        let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let others = if number { vec![digits.to_owned(), format!("+{digits}")] } else { vec![one.to_lowercase()] };
        for spelling in std::iter::once(one.to_owned()).chain(others) {
            if !all.contains(&spelling) {
                all.push(spelling);
            }
        }
    }
    all
}

/// The body of a search for documents.
pub fn search(panel: &Panel, filter: Vec<Value>) -> Value {
    let order = if panel.newest_first { "desc" } else { "asc" };
    json!({
        "size": MOST,
        "track_total_hits": true,
        "query": {"bool": {"filter": filter}},
        // An index that has no such time would fail the whole search.
        "sort": [{panel.over.time(): {"order": order, "unmapped_type": "date"}}],
        "_source": panel.show
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_asked_for() {
        let check = |typed: &str, expected: &[&str]| assert_eq!(spellings(typed), expected, "{typed}");
        check("+447700900001", &["+447700900001", "447700900001"]);
        check("447700900001", &["447700900001", "+447700900001"]);
        check("Ann@Example.com", &["Ann@Example.com", "ann@example.com"]);
        check("a, b,,a", &["a", "b"]);
        check(" ", &[]);
        check("+", &["+"]);
    }

    #[test]
    fn nothing_typed_finds_nothing() {
        let input = Input { id: "id".into(), label: "id".into(), fields: vec!["msg.id".into(), "b".into()] };
        assert_eq!(input.clause(&Inputs::new()), json!({"match_none": {}}));
        assert_eq!(
            input.clause(&Inputs::from([("id".into(), "x".into())])),
            json!({"bool": {"should": [{"terms": {"msg.id": ["x"]}}, {"terms": {"b": ["x"]}}], "minimum_should_match": 1}})
        );
    }
}
