//! What an import does with the objects of a file: all are looked at first, and none is stored while one of them has a
//! conflict or lacks a reference.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Setup;

/// Objects by type and id.
pub type Objects = BTreeMap<(String, String), Value>;

/// References to these must resolve; others may dangle.
const ENFORCED: [&str; 2] = ["index-pattern", "search"];

/// What tells an object.
pub fn key(object: &Value) -> (String, String) {
    let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    (text("type"), text("id"))
}

/// The newest version of each type that 7.10 knows how to read.
fn newest(kind: &str) -> [u64; 3] {
    match kind {
        "index-pattern" => [7, 6, 0],
        "visualization" => [7, 10, 0],
        _ => [7, 9, 3],
    }
}

/// The reply, or a refusal of the whole request.
pub fn import(here: &mut Objects, file: &[u8], setup: &Setup, overwrite: bool) -> Result<Value, (StatusCode, String)> {
    let objects = lines(file)?;
    if objects.len() > setup.max_objects {
        return Err((StatusCode::BAD_REQUEST, format!("Can't import more than {} objects", setup.max_objects)));
    }
    let new: BTreeSet<_> = objects.iter().map(key).collect();
    if new.len() < objects.len() {
        return Err((StatusCode::BAD_REQUEST, "Non-unique import objects detected".into()));
    }
    let (mut good, mut errors) = (Vec::new(), Vec::new());
    for object in objects {
        too_new(&object)?;
        let error = wrong(&object, here, &new, setup, overwrite);
        match error {
            Some(error) => errors.push(row(&object, Some(error))),
            None => good.push(object),
        }
    }
    let whole = !errors.iter().any(|row| row["error"]["type"] != "unsupported_type");
    let mut reply = json!({"success": errors.is_empty(), "successCount": 0});
    if whole && !good.is_empty() {
        reply["successCount"] = json!(good.len());
        reply["successResults"] = good.iter().map(|object| row(object, None)).collect();
        here.extend(good.into_iter().map(|object| (key(&object), object)));
    }
    if !errors.is_empty() {
        reply["errors"] = Value::Array(errors);
    }
    Ok(reply)
}

fn lines(file: &[u8]) -> Result<Vec<Value>, (StatusCode, String)> {
    let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let parsed = lines.map(serde_json::from_slice).collect::<Result<Vec<_>, _>>();
    parsed.map_err(|error| (StatusCode::BAD_REQUEST, format!("Unexpected token in JSON: {error}")))
}

fn too_new(object: &Value) -> Result<(), (StatusCode, String)> {
    let (kind, id) = key(object);
    let version = object["migrationVersion"][&kind].as_str().unwrap_or("0.0.0");
    let parts: Vec<u64> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if parts.as_slice() <= newest(&kind).as_slice() {
        return Ok(());
    }
    let why = format!(
        "Document \"{id}\" has property \"{kind}\" which belongs to a more recent version of Kibana [{version}]."
    );
    Err((StatusCode::UNPROCESSABLE_ENTITY, why))
}

fn wrong(
    object: &Value,
    here: &Objects,
    new: &BTreeSet<(String, String)>,
    setup: &Setup,
    overwrite: bool,
) -> Option<Value> {
    if !setup.types.iter().any(|known| object["type"] == *known) {
        return Some(json!({"type": "unsupported_type"}));
    }
    let references = object["references"].as_array().map(Vec::as_slice).unwrap_or_default();
    let missing: Vec<_> = references
        .iter()
        .filter(|reference| ENFORCED.iter().any(|kind| reference["type"] == *kind))
        .filter(|reference| !here.contains_key(&key(reference)) && !new.contains(&key(reference)))
        .map(|reference| json!({"type": reference["type"], "id": reference["id"]}))
        .collect();
    if !missing.is_empty() {
        return Some(json!({"type": "missing_references", "references": missing}));
    }
    (here.contains_key(&key(object)) && !overwrite).then(|| json!({"type": "conflict"}))
}

fn row(object: &Value, error: Option<Value>) -> Value {
    let title = &object["attributes"]["title"];
    let mut row = json!({"id": object["id"], "type": object["type"], "meta": {"title": title}});
    if let Some(error) = error {
        row["title"] = title.clone();
        row["error"] = error;
    }
    row
}
