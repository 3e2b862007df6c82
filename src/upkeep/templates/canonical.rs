//! One form for what servers write in many: settings flat or nested, scalars as strings or as themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// `template` in the one form in which two equal templates are the same text.
///
/// Keys are sorted, every scalar is a string, and `settings` are flat under `index.`: servers read back
/// `3000` as `"3000"`, `false` as `"false"` and `{"number_of_shards": 1}` as `{"index": {…}}`.
pub fn canonical(template: &Value) -> String {
    let mut plain = stringified(template);
    if let Some(settings) = plain.pointer_mut("/template/settings") {
        let mut flat = BTreeMap::new();
        flatten("", settings, &mut flat);
        *settings = Value::Object(flat.into_iter().collect());
    }
    sorted(&plain)
}

/// SHA-256 of the canonical form, in hexadecimal.
pub fn hash(template: &Value) -> String {
    let digest = Sha256::digest(canonical(template));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn stringified(value: &Value) -> Value {
    match value {
        Value::Bool(b) => Value::String(b.to_string()),
        Value::Number(n) => Value::String(n.to_string()),
        Value::Array(items) => Value::Array(items.iter().map(stringified).collect()),
        Value::Object(fields) => Value::Object(fields.iter().map(|(k, v)| (k.clone(), stringified(v))).collect()),
        Value::Null | Value::String(_) => value.clone(),
    }
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    if let Value::Object(fields) = value {
        for (key, inner) in fields {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            flatten(&path, inner, into);
        }
    } else {
        let path = if path.starts_with("index.") { path.to_owned() } else { format!("index.{path}") };
        into.insert(path, value.clone());
    }
}

/// Compact JSON with sorted keys, whatever order the parser keeps.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            let fields = fields.into_iter().map(|(k, v)| format!("{}:{}", Value::from(k.as_str()), sorted(v)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// The parts of `found` that `ours` has an opinion on: newer servers add dates and defaults of their own.
pub fn comparable(ours: &Value, found: &Value) -> Value {
    let (Value::Object(ours), Value::Object(found)) = (ours, found) else {
        return found.clone();
    };
    let kept: Map<String, Value> =
        found.iter().filter(|(key, _)| ours.contains_key(*key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_that_mean_the_same_are_the_same() {
        let ours = json!({"priority": 600, "template": {"settings": {"number_of_shards": 1, "index.refresh_interval": "30s"},
            "mappings": {"dynamic": false}}});
        let read_back = json!({"template": {"mappings": {"dynamic": "false"},
            "settings": {"index": {"refresh_interval": "30s", "number_of_shards": "1"}}}, "priority": "600"});
        assert_eq!(canonical(&ours), canonical(&read_back));
        assert_eq!(hash(&ours), hash(&read_back));
    }

    #[test]
    fn forms_that_differ_stay_different() {
        let body = |mapping: Value| json!({"template": {"mappings": mapping}});
        assert_ne!(canonical(&body(json!({"a": [1, 2]}))), canonical(&body(json!({"a": [2, 1]}))));
        assert_ne!(canonical(&body(json!({"a": {"b": 1}}))), canonical(&body(json!({"a.b": 1}))));
        assert_ne!(canonical(&body(json!({"a": null}))), canonical(&body(json!({}))));
    }

    #[test]
    fn additions_of_the_server_are_not_compared() {
        let ours = json!({"priority": 600});
        assert_eq!(comparable(&ours, &json!({"priority": 600, "created_date": 1})), ours);
    }
}
