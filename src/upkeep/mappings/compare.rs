//! One index's `properties` against what the template says, field by field.

use serde_json::Value;

use super::Disagreement;

/// Kinds of field that a query or a data view over several indices can treat as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Date,
    Number,
    Text,
    Object,
    Other,
}

/// Compares the fields both sides have; a field the index has not met yet disagrees with nothing.
pub fn properties(index: &str, path: &str, is: &Value, should: &Value, found: &mut Vec<Disagreement>) {
    let (Value::Object(is), Value::Object(should)) = (is, should) else {
        return;
    };
    for (name, should) in should {
        let Some(is) = is.get(name) else { continue };
        let field = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match differ(is, should) {
            Some((is, should, breaks)) => {
                found.push(Disagreement { index: index.into(), field, is, should, breaks });
            }
            None => properties(index, &field, &is["properties"], &should["properties"], found),
        }
    }
}

/// What the field is, what it should be, and whether that breaks anything.
fn differ(is: &Value, should: &Value) -> Option<(String, String, bool)> {
    let (is_type, should_type) = (type_of(is), type_of(should));
    let missing_twin = should["fields"]["keyword"].is_object() && !is["fields"]["keyword"].is_object();
    if class(is_type) != class(should_type) {
        return Some((is_type.into(), should_type.into(), true));
    }
    if missing_twin && class(is_type) != Class::Object {
        return Some((format!("{is_type} without .keyword"), format!("{should_type} with .keyword"), true));
    }
    if is_type != should_type {
        // Where the template has no twin, people split by the field itself, which a text refuses.
        let split_by = should_type == "keyword" && !should["fields"]["keyword"].is_object();
        return Some((is_type.into(), should_type.into(), split_by && is_type.ends_with("text")));
    }
    if is_type == "date" {
        return formats_differ(is, should);
    }
    None
}

/// A date that reads fewer forms than the template's refuses documents of one of the producers.
fn formats_differ(is: &Value, should: &Value) -> Option<(String, String, bool)> {
    // What servers use when a mapping names no format.
    let format =
        |field: &Value| field["format"].as_str().unwrap_or("strict_date_optional_time||epoch_millis").to_owned();
    let (is, should) = (format(is), format(should));
    let lacks = should.split("||").any(|form| !is.split("||").any(|known| known == form));
    lacks.then(|| (format!("date ({is})"), format!("date ({should})"), false))
}

fn type_of(field: &Value) -> &str {
    field["type"].as_str().unwrap_or("object")
}

fn class(kind: &str) -> Class {
    match kind {
        "date" | "date_nanos" => Class::Date,
        "long" | "integer" | "short" | "byte" | "double" | "float" | "half_float" | "scaled_float"
        | "unsigned_long" => Class::Number,
        "text" | "keyword" | "constant_keyword" | "wildcard" | "match_only_text" => Class::Text,
        "object" | "nested" => Class::Object,
        _ => Class::Other,
    }
}
