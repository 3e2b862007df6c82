//! `filter_path`, as far as bulk clients use it: exact names and `*` for one step, no exclusions.

use serde_json::{Map, Value};

/// What `paths` (comma-separated) leave of an answer. Objects of which nothing is left go too, also out of arrays: a
/// real server's `items.*.error` gives fewer items than were sent when some succeeded.
pub(super) fn filter(answer: &Value, paths: &str) -> Value {
    let paths: Vec<Vec<&str>> = paths.split(',').map(|path| path.split('.').collect()).collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    keep(answer, &paths).unwrap_or_else(|| Value::Object(Map::new()))
}

fn keep(value: &Value, paths: &[&[&str]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter_map(|(name, inner)| {
                let further: Vec<&[&str]> = paths.iter().filter_map(|path| step(path, name)).collect();
                Some((name.clone(), keep(inner, &further)?))
            });
            Some(kept.collect::<Map<_, _>>()).filter(|map| !map.is_empty()).map(Value::Object)
        }
        // An array takes no step of its own.
        Value::Array(list) => {
            let kept: Vec<Value> = list.iter().filter_map(|inner| keep(inner, paths)).collect();
            Some(kept).filter(|list| !list.is_empty()).map(Value::Array)
        }
        _ => None,
    }
}

fn step<'a, 'b>(path: &'a [&'b str], name: &str) -> Option<&'a [&'b str]> {
    let (first, rest) = path.split_first()?;
    (*first == "*" || *first == name).then_some(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_what_is_named_and_nothing_empty() {
        let answer = json!({ "took": 3, "errors": true, "items": [
            { "create": { "_id": "1", "status": 201 } },
            { "create": { "_id": "2", "status": 400, "error": { "type": "t", "reason": "r" } } },
        ]});
        let check = |paths: &str, expected: Value| assert_eq!(filter(&answer, paths), expected, "{paths}");
        check("took,errors", json!({ "took": 3, "errors": true }));
        check("items.*.status", json!({ "items": [{ "create": { "status": 201 } }, { "create": { "status": 400 } }] }));
        check("items.*.error.type", json!({ "items": [{ "create": { "error": { "type": "t" } } }] }));
        check("items.create.error", json!({ "items": [{ "create": { "error": { "type": "t", "reason": "r" } } }] }));
        check("none.of.it", json!({}));
    }
}
