//! What a throw-away index is made like: the index that is there, else the templates as they will be.

use http::Method;
use serde_json::{Map, Value, json};

use super::super::finding::Finding;
use super::{ABOUT, Ground, said};
use crate::event::family::Family;
use crate::opensearch::client::Answer;
use crate::upkeep::templates::{Kind, Template};

/// Settings that decide what a document may be. Others are of its disk, its copies and its life.
const SETTINGS: [&str; 4] = ["analysis", "mapping", "default_pipeline", "final_pipeline"];

/// Settings and mapping that a document for `index` would meet, and what tells them from others.
pub async fn index(
    ground: &Ground<'_>,
    index: &str,
    family: Family,
    findings: &mut Vec<Finding>,
) -> Result<(String, Value), String> {
    let get = async |path: String| ground.client.get(&path).await.map_err(|error| error.detail);
    let only =
        |answer: &Answer| answer.json().as_object().and_then(|all| all.values().next()).cloned().unwrap_or_default();
    let mapping = get(format!("/{index}/_mapping")).await?;
    let own = || composed(&ground.wanted, ground.run.names.families.of(family));
    let (key, template) = match mapping.status {
        200 => {
            let mut found = only(&mapping);
            let settings = get(format!("/{index}/_settings")).await?;
            found["settings"] = only(&settings)["settings"].take();
            findings.extend(blocked(index, &found["settings"]["index"]["blocks"]));
            (index, found)
        }
        404 if !ground.in_place => (family.name(), own()),
        404 => {
            let path = format!("/_index_template/_simulate_index/{index}");
            let simulated = ground.client.send(Method::POST, &path, None).await.map_err(|error| error.detail)?;
            match simulated.status {
                200 => (family.name(), simulated.json()["template"].take()),
                // Not everybody may; these are the same.
                401 | 403 => (family.name(), own()),
                _ => return Err(format!("the cluster does not simulate its templates, {}", said(&simulated))),
            }
        }
        _ => return Err(said(&mapping)),
    };
    Ok((key.to_owned(), body_like(&template)))
}

/// A block that keeps events out of an index that is there.
fn blocked(index: &str, blocks: &Value) -> Option<Finding> {
    let (name, _) =
        blocks.as_object()?.iter().find(|(name, on)| *name != "read" && *name != "metadata" && **on == "true")?;
    let what = format!("index {index} takes no writes: it has the block index.blocks.{name}");
    Some(Finding::warning(
        ABOUT,
        what,
        "free disk (essink prune), and lift the block; a run holds its events until then",
    ))
}

/// The template of a prefix with the components it names, as the cluster puts them together.
fn composed(wanted: &[Template], prefix: &str) -> Value {
    let Some(index) = wanted.iter().find(|t| t.kind == Kind::Index && t.prefix == prefix) else { return Value::Null };
    let names = index.body["composed_of"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let parts = names.filter_map(|name| wanted.iter().find(|t| t.kind == Kind::Component && t.name == name));
    let mut whole = json!({});
    parts.chain([index]).for_each(|part| merge(&mut whole, &part.body["template"]));
    whole
}

/// Objects are merged member by member, lists of rules go one behind the other, and the rest is replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

/// What an index is made with that takes the same documents: one shard, no copies, hidden from stars.
fn body_like(template: &Value) -> Value {
    let mut index = Map::new();
    let settings = &template["settings"];
    // Templates have them under `index` or not, dotted or not.
    let sources = [&settings["index"], settings];
    for source in sources.iter().filter_map(|source| source.as_object()) {
        for (name, value) in source {
            let bare = name.strip_prefix("index.").unwrap_or(name);
            if SETTINGS.contains(&bare.split('.').next().unwrap_or(bare)) {
                index.entry(bare).or_insert_with(|| value.clone());
            }
        }
    }
    index.insert("number_of_shards".to_owned(), json!(1));
    index.insert("number_of_replicas".to_owned(), json!(0));
    index.insert("hidden".to_owned(), json!(true));
    let mappings = if template["mappings"].is_object() { template["mappings"].clone() } else { json!({}) };
    json!({"settings": {"index": index}, "mappings": mappings})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upkeep::templates::{TemplateOptions, all};

    #[test]
    fn a_throw_away_index_takes_what_decides_about_documents_and_nothing_else() {
        let template = json!({
            "settings": {
                "index": {"number_of_shards": "3", "refresh_interval": "30s", "mapping": {"total_fields": {"limit": "5"}}},
                "index.analysis.x": 1, "default_pipeline": "p", "index.blocks.write": true,
            },
            "mappings": {"dynamic": "strict"},
        });
        let index = json!({
            "number_of_shards": 1, "number_of_replicas": 0, "hidden": true,
            "mapping": {"total_fields": {"limit": "5"}}, "analysis.x": 1, "default_pipeline": "p",
        });
        assert_eq!(body_like(&template), json!({"settings": {"index": index}, "mappings": {"dynamic": "strict"}}));
    }

    #[test]
    fn our_own_template_is_put_together_as_the_cluster_does() {
        let wanted = all(&TemplateOptions::default());
        let whole = composed(&wanted, "ses-");
        let index = wanted.iter().find(|t| t.prefix == "ses-").unwrap();
        let rules = |value: &Value| value["mappings"]["dynamic_templates"].as_array().map_or(0, Vec::len);
        let parts =
            wanted.iter().filter(|t| t.kind == Kind::Component).map(|t| rules(&t.body["template"])).sum::<usize>();
        assert_eq!(rules(&whole), parts + rules(&index.body["template"]), "no rule is lost");
        assert_eq!(whole["mappings"]["properties"]["@timestamp"]["type"], "date", "of a component");
        assert!(whole["mappings"]["properties"]["msg"]["properties"]["id"].is_object());
        assert_eq!(composed(&wanted, "other-"), Value::Null);
    }
}
