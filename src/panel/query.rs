//! Queries of Lucene, with names for those that return everywhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Queries by name: `$name` stands for one in every other.
pub type Steps = BTreeMap<String, String>;

/// As a search has it. Kibana sends the same for the same text.
pub fn string(query: &str) -> Value {
    json!({"query_string": {"query": query, "analyze_wildcard": true}})
}

/// Puts the queries in the place of their names.
///
/// # Errors
/// The name that stands for nothing.
pub fn expand(query: &str, steps: &Steps) -> Result<String, String> {
    let mut parts = query.split('$');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let step = steps.get(name).ok_or_else(|| format!("${name}"))?;
        whole.push('(');
        whole.push_str(step);
        whole.push(')');
        whole.push_str(rest);
    }
    Ok(whole)
}

/// The fields that a query names.
pub fn fields(query: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // What is in quotation marks names nothing.
    for outside in query.split('"').step_by(2) {
        let words = outside.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'));
        for (name, value) in words.filter_map(|word| word.split_once(':')) {
            let name = if name == "_exists_" { value } else { name };
            found.insert(name.to_owned());
        }
    }
    found
}
