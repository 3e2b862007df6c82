//! Templates of other people whose patterns meet ours.

use serde_json::Value;

use super::files::{Kind, Template};
use super::installed::refusal;
use crate::opensearch::client::Client;
use crate::upkeep::names::overlap;

/// At most this many sentences about rivals: a cluster may hold hundreds of templates with `*`.
const MOST: usize = 20;

/// Bodies of other people's templates can be megabytes and say nothing here.
const COMPOSABLE: &str =
    "index_templates.name,index_templates.index_template.index_patterns,index_templates.index_template.priority";

/// What other templates mean for ours.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rivals {
    /// Sentences about templates that would win, or no longer apply.
    pub warnings: Vec<String>,
    /// Sentences about templates that make the cluster refuse ours.
    pub obstacles: Vec<String>,
}

/// Looks through every index template of the cluster, composable and legacy.
pub async fn find(client: &Client, wanted: &[Template]) -> anyhow::Result<Rivals> {
    let answer = client.get(&format!("/_index_template?filter_path={COMPOSABLE}")).await?;
    anyhow::ensure!(answer.is_success(), "cannot list index templates: {}", refusal(&answer));
    let mut rivals = composable(wanted, &answer.json());
    let answer = client.get("/_template?filter_path=*.index_patterns").await?;
    if answer.is_success() {
        rivals.warnings.extend(legacy(wanted, &answer.json()));
    } else {
        rivals.warnings.push(format!("cannot list legacy templates: {}", refusal(&answer)));
    }
    bound(&mut rivals.warnings);
    bound(&mut rivals.obstacles);
    Ok(rivals)
}

/// What the composable templates in the answer to `GET /_index_template` mean for ours.
fn composable(wanted: &[Template], reply: &Value) -> Rivals {
    let mut rivals = Rivals::default();
    let entries = reply["index_templates"].as_array().into_iter().flatten();
    for (entry, ours) in entries.flat_map(|entry| families(wanted).map(move |ours| (entry, ours))) {
        let name = entry["name"].as_str().unwrap_or_default();
        let theirs = &entry["index_template"];
        if wanted.iter().any(|t| t.kind == Kind::Index && t.name == name) {
            continue;
        }
        let Some(pattern) = meeting(ours, &theirs["index_patterns"]) else {
            continue;
        };
        let priority = theirs["priority"].as_u64().unwrap_or_default();
        let own = ours.body["priority"].as_u64().unwrap_or_default();
        let rival = format!("index template {name} ({pattern}, priority {priority})");
        match priority.cmp(&own) {
            std::cmp::Ordering::Greater => rivals.warnings.push(format!(
                "{rival} wins over {} (priority {own}) where both match, and indices get its types: lower its priority or narrow its pattern",
                ours.name
            )),
            std::cmp::Ordering::Less => rivals.warnings.push(format!(
                "{rival} no longer applies to indices that {} matches (priority {own})",
                ours.name
            )),
            std::cmp::Ordering::Equal => rivals.obstacles.push(format!(
                "{rival} meets {} at the same priority, and the cluster refuses such a pair: change its priority or its pattern",
                ours.name
            )),
        }
    }
    rivals
}

/// What the legacy templates in the answer to `GET /_template` mean for ours.
fn legacy(wanted: &[Template], reply: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    let entries = reply.as_object().into_iter().flatten();
    for ((name, theirs), ours) in entries.flat_map(|entry| families(wanted).map(move |ours| (entry, ours))) {
        if let Some(pattern) = meeting(ours, &theirs["index_patterns"]) {
            warnings.push(format!(
                "legacy template {name} ({pattern}) does not apply to new indices that {} matches: move what you need of it to a composable template, then delete it",
                ours.name
            ));
        }
    }
    warnings
}

fn families(wanted: &[Template]) -> impl Iterator<Item = &Template> {
    wanted.iter().filter(|t| t.kind == Kind::Index)
}

/// The first of `patterns` that matches some index ours matches too.
fn meeting<'a>(ours: &Template, patterns: &'a Value) -> Option<&'a str> {
    let own = ours.body["index_patterns"][0].as_str()?;
    // Older servers give one pattern as a string; no real pattern is longer than an index name may be.
    let patterns = patterns.as_array().map_or(std::slice::from_ref(patterns), Vec::as_slice);
    patterns.iter().filter_map(Value::as_str).filter(|p| p.len() <= 1_024).find(|p| overlap(own, p))
}

fn bound(sentences: &mut Vec<String>) {
    let more = sentences.len().saturating_sub(MOST);
    if more > 0 {
        sentences.truncate(MOST);
        sentences.push(format!("and {more} more templates like these"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::upkeep::templates::{TemplateOptions, files};

    fn composable_with(patterns: Value, priority: Value) -> Rivals {
        let reply = json!({"index_templates": [
            {"name": "theirs", "index_template": {"index_patterns": patterns, "priority": priority}},
            {"name": "essink-pinpoint", "index_template": {"index_patterns": ["pinpoint-*"], "priority": 600}},
        ]});
        composable(&files::all(&TemplateOptions::default()), &reply)
    }

    #[test]
    fn priority_decides_what_is_said() {
        let higher = composable_with(json!(["pinpoint-*"]), json!(601));
        assert!(higher.obstacles.is_empty() && higher.warnings[0].contains("wins over essink-pinpoint"), "{higher:?}");
        let lower = composable_with(json!(["x", "pin*"]), json!(599));
        assert!(
            lower.warnings[0].starts_with("index template theirs (pin*, priority 599) no longer applies"),
            "{lower:?}"
        );
        let unset = composable_with(json!(["pin*"]), Value::Null);
        assert!(unset.warnings[0].contains("priority 0) no longer applies"), "{unset:?}");
        let equal = composable_with(json!(["pinpoint-2*"]), json!(600));
        assert!(equal.warnings.is_empty() && equal.obstacles[0].contains("refuses such a pair"), "{equal:?}");
        assert_eq!(composable_with(json!(["logs-*"]), json!(600)), Rivals::default());
    }

    #[test]
    fn legacy_templates_are_named_per_family_they_meet() {
        let wanted = files::all(&TemplateOptions::default());
        let reply = json!({"default_template": {"order": 1, "index_patterns": ["pinpoint*"]}, "other": {"index_patterns": ["x*"]}});
        let warnings = legacy(&wanted, &reply);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("legacy template default_template (pinpoint*) does not apply"), "{warnings:?}");
        assert_eq!(legacy(&wanted, &json!({"all": {"index_patterns": "*"}})).len(), 3);
    }

    #[test]
    fn many_rivals_are_bounded() {
        let mut sentences = vec![String::new(); 25];
        bound(&mut sentences);
        assert_eq!((sentences.len(), sentences[20].as_str()), (21, "and 5 more templates like these"));
    }
}
