//! Templates of other people whose patterns meet ours.

use std::cmp::Ordering;

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
    for entry in reply["index_templates"].as_array().into_iter().flatten() {
        let name = entry["name"].as_str().unwrap_or_default();
        let theirs = &entry["index_template"];
        if families(wanted).any(|ours| ours.name == name) {
            continue;
        }
        let Some(Meeting { ours, patterns, own }) = meeting(wanted, &theirs["index_patterns"]) else {
            continue;
        };
        let priority = theirs["priority"].as_u64().unwrap_or_default();
        let rival = format!("index template {name} ({patterns}, priority {priority})");
        match priority.cmp(&own) {
            Ordering::Greater => rivals.warnings.push(format!(
                "{rival} wins over {ours} (priority {own}) where both match, and indices get its types: lower its priority or narrow its pattern"
            )),
            Ordering::Less => rivals
                .warnings
                .push(format!("{rival} no longer applies to indices that {ours} matches (priority {own})")),
            Ordering::Equal => rivals.obstacles.push(format!(
                "{rival} meets {ours} at the same priority, and the cluster refuses such a pair: change its priority or its pattern"
            )),
        }
    }
    rivals
}

/// What the legacy templates in the answer to `GET /_template` mean for ours.
fn legacy(wanted: &[Template], reply: &Value) -> Vec<String> {
    let entries = reply.as_object().into_iter().flatten();
    let met = entries.filter_map(|(name, theirs)| Some((name, meeting(wanted, &theirs["index_patterns"])?)));
    met.map(|(name, Meeting { ours, patterns, .. })| {
        format!(
            "legacy template {name} ({patterns}) does not apply to new indices that {ours} matches: move what you need of it to a composable template, then delete it"
        )
    })
    .collect()
}

fn families(wanted: &[Template]) -> impl Iterator<Item = &Template> {
    wanted.iter().filter(|t| t.kind == Kind::Index)
}

/// Where a template of somebody else matches indices of ours.
struct Meeting {
    /// Names of ours, in one sentence: a pattern of `*` meets every family.
    ours: String,
    /// Their patterns.
    patterns: String,
    /// The priority of ours, which all have.
    own: u64,
}

/// Which of ours match some index that one of `patterns` matches too.
fn meeting(wanted: &[Template], patterns: &Value) -> Option<Meeting> {
    // Older servers give one pattern as a string; no real pattern is longer than an index name may be.
    let patterns = patterns.as_array().map_or(std::slice::from_ref(patterns), Vec::as_slice);
    let patterns: Vec<&str> = patterns.iter().filter_map(Value::as_str).filter(|p| p.len() <= 1_024).collect();
    let met = |(ours, theirs): &(&Template, &str)| {
        ours.body["index_patterns"][0].as_str().is_some_and(|own| overlap(own, theirs))
    };
    let pairs = families(wanted).flat_map(|ours| patterns.iter().map(move |theirs| (ours, *theirs))).filter(met);
    let (mut ours, mut theirs, mut own) = (Vec::new(), Vec::new(), None);
    for (template, pattern) in pairs {
        once(&mut ours, template.name.as_str());
        once(&mut theirs, pattern);
        own = own.or(template.body["priority"].as_u64());
    }
    (!ours.is_empty()).then(|| Meeting {
        ours: ours.join(", "),
        patterns: theirs.join(", "),
        own: own.unwrap_or_default(),
    })
}

fn once<'a>(names: &mut Vec<&'a str>, name: &'a str) {
    if !names.contains(&name) {
        names.push(name);
    }
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
    fn legacy_templates_are_named_once_with_the_families_they_meet() {
        let wanted = files::all(&TemplateOptions::default());
        let reply = json!({"default_template": {"order": 1, "index_patterns": ["pinpoint*"]}, "other": {"index_patterns": ["x*"]}});
        let warnings = legacy(&wanted, &reply);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("legacy template default_template (pinpoint*) does not apply"), "{warnings:?}");
        // What meets nothing is not said.
        let reply = json!({"some": {"index_patterns": ["x*", "bird-2*", "eum-*"]}});
        let [warning] = &legacy(&wanted, &reply)[..] else { panic!("not one") };
        let said = "some (eum-*, bird-2*) does not apply to new indices that essink-eum, essink-bird matches:";
        assert!(warning.contains(said), "{warning}");
        let ours = "essink-pinpoint, essink-eum, essink-ses, essink-bird, essink-vonage, essink-pendula, essink-connect, \
                    essink-unrecognized, essink-dead-letters matches";
        let [warning] = &legacy(&wanted, &json!({"all": {"index_patterns": "*"}}))[..] else { panic!("not one") };
        assert!(warning.contains("(*)") && warning.contains(ours), "{warning}");
    }

    #[test]
    fn many_rivals_are_bounded() {
        let mut sentences = vec![String::new(); 25];
        bound(&mut sentences);
        assert_eq!((sentences.len(), sentences[20].as_str()), (21, "and 5 more templates like these"));
    }
}
