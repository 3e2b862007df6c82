//! What the cluster has under a template's name, and whether it must change.

use http::Method;
use serde_json::Value;

use super::canonical::{canonical, comparable, hash};
use super::files::{Kind, Template};
use super::report::Action;
use crate::opensearch::client::{Answer, Client};

/// What comparing one template led to.
pub struct Verdict {
    /// What is to be done, or was.
    pub action: Action,
    /// What the operator should know about it.
    pub warning: Option<String>,
}

/// The installed template of that name.
pub async fn read(client: &Client, wanted: &Template) -> anyhow::Result<Option<Value>> {
    let answer = client.get(&wanted.path()).await?;
    if answer.status == 404 {
        return Ok(None);
    }
    let what = format!("{} {}", wanted.kind.words(), wanted.name);
    anyhow::ensure!(answer.is_success(), "cannot read {what}: {}", refusal(&answer));
    let (list, inner) = match wanted.kind {
        Kind::Component => ("component_templates", "component_template"),
        Kind::Index => ("index_templates", "index_template"),
    };
    let reply = answer.json();
    let found = reply[list].as_array().into_iter().flatten().find(|entry| entry["name"] == wanted.name.as_str());
    let found = found.map(|entry| entry[inner].clone());
    anyhow::ensure!(found.is_some(), "cannot read {what}: the answer does not hold it");
    Ok(found)
}

/// What has to be done about `wanted`, given what is installed.
///
/// # Errors
/// One sentence, when the name belongs to somebody else.
pub fn compare(wanted: &Template, found: Option<&Value>) -> Result<Verdict, String> {
    let verdict = |action, warning| Ok(Verdict { action, warning });
    let Some(found) = found else {
        return verdict(Action::Created, None);
    };
    let what = format!("{} {}", wanted.kind.words(), wanted.name);
    if found["_meta"]["managed_by"] != "essink" {
        return Err(format!(
            "{what} exists and is not essink's (its _meta.managed_by is not \"essink\"): delete it, or choose other prefixes"
        ));
    }
    if wanted.kind == Kind::Index && found["index_patterns"] != wanted.body["index_patterns"] {
        return Err(format!(
            "{what} serves other indices ({}): choose a prefix whose template has another name",
            found["index_patterns"]
        ));
    }
    let (theirs, ours) = (version(found), version(&wanted.body));
    if theirs > ours {
        let warning = format!("{what} has version {theirs}, newer than this essink's {ours}: left as it is");
        return verdict(Action::KeptNewer, Some(warning));
    }
    let content = comparable(&wanted.body, found);
    if canonical(&content) == canonical(&wanted.body) {
        return verdict(Action::Unchanged, None);
    }
    let warning = edited(&content).then(|| {
        format!("{what} had been changed by hand; to keep a change, put it in a template of a higher priority")
    });
    verdict(Action::Updated, warning)
}

/// Installs `wanted`.
pub async fn write(client: &Client, wanted: &Template) -> anyhow::Result<()> {
    let answer = client.send_json(Method::PUT, &wanted.path(), &wanted.body).await?;
    let what = format!("{} {}", wanted.kind.words(), wanted.name);
    anyhow::ensure!(answer.is_success(), "cannot install {what}: {}", refusal(&answer));
    Ok(())
}

/// The server's own words for a refusal, bounded.
pub fn refusal(answer: &Answer) -> String {
    let reply = answer.json();
    let kind = reply["error"]["type"].as_str().unwrap_or("no reason given");
    let reason: String = reply["error"]["reason"].as_str().unwrap_or_default().chars().take(500).collect();
    format!("HTTP {}, {kind}: {reason}", answer.status)
}

fn version(template: &Value) -> u64 {
    template["_meta"]["version"].as_u64().unwrap_or_default()
}

/// Whether the content is not what its own hash was taken of.
fn edited(content: &Value) -> bool {
    let mut bare = content.clone();
    let meta = bare.as_object_mut().and_then(|fields| fields.remove("_meta"));
    meta.is_some_and(|meta| meta["hash"] != hash(&bare))
}
