//! What indices there are, how large, and which aliases hold them.

use serde_json::{Map, Value};

use super::Keep;
use crate::opensearch::client::{Answer, Client};
use crate::upkeep::names::pattern;

/// An alias that holds an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// Whether writes to the alias go to this index.
    pub is_write_index: bool,
}

/// One index of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its own name, never an alias's.
    pub name: String,
    /// What it takes on disk, replicas included; unknown of a closed index.
    pub bytes: Option<u64>,
    /// The aliases that hold it; `None` when the cluster does not say, which is not the same as none.
    pub aliases: Option<Vec<Alias>>,
}

/// Every index, open or closed, whose own name begins with a family's prefix. Hidden ones are somebody's
/// machinery and are not looked at.
pub async fn list(client: &Client, families: &[Keep]) -> anyhow::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for family in families {
        let names = names(&family.prefix);
        let sizes = answered(
            client,
            &format!("/_cat/indices/{names}?format=json&bytes=b&h=index,store.size&expand_wildcards=open,closed"),
        )
        .await?;
        let aliases = answered(client, &format!("/{names}/_alias?expand_wildcards=open,closed")).await?;
        listed.extend(joined(&family.prefix, &sizes.json(), &aliases.json()));
    }
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    listed.dedup_by(|a, b| a.name == b.name);
    Ok(listed)
}

/// The pattern that lists a family: without the last dash, so that an index that is not rotated is listed too.
pub(super) fn names(prefix: &str) -> String {
    pattern(prefix.strip_suffix('-').unwrap_or(prefix))
}

/// Whether an index that was listed is the family's. A pattern also matches aliases and data streams and lists what
/// these hold, under names of its own: only names that begin as the family's do are taken.
pub(super) fn is_of(prefix: &str, name: &str) -> bool {
    name.starts_with(prefix) || Some(name) == prefix.strip_suffix('-')
}

/// Joins the two answers.
fn joined(prefix: &str, sizes: &Value, aliases: &Value) -> Vec<Listed> {
    let rows = sizes.as_array().into_iter().flatten();
    let named = rows.filter_map(|row| Some((row["index"].as_str()?, row["store.size"].as_str())));
    let ours = named.filter(|(name, _)| is_of(prefix, name));
    ours.map(|(name, size)| Listed {
        name: name.into(),
        bytes: size.and_then(|text| text.parse().ok()),
        aliases: aliases[name]["aliases"].as_object().map(holders),
    })
    .collect()
}

fn holders(aliases: &Map<String, Value>) -> Vec<Alias> {
    aliases
        .iter()
        .map(|(name, alias)| Alias { name: name.clone(), is_write_index: alias["is_write_index"] == true })
        .collect()
}

pub(super) async fn answered(client: &Client, path: &str) -> anyhow::Result<Answer> {
    let answer = client.get(path).await?;
    let error = &answer.json()["error"];
    let said = |field: &str| error[field].as_str().unwrap_or("no reason given").chars().take(300).collect::<String>();
    // The reason names the right that is missing.
    let (status, kind, reason) = (answer.status, said("type"), said("reason"));
    let cure = match status {
        401 | 403 => "; it takes the right to list the daily indices with their sizes",
        _ => "",
    };
    anyhow::ensure!(answer.is_success(), "cannot list indices: HTTP {status}, {kind}: {reason}{cure}");
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_names_that_begin_as_the_family_are_taken() {
        let sizes = json!([
            {"index": "pinpoint-2020-01-01", "store.size": "6017"},
            {"index": "pinpoint-2020-01-02", "store.size": null},
            {"index": "archive-1", "store.size": "1"},
            {"index": ".ds-pinpoint-x-000001", "store.size": "1"},
            {"index": "pinpointer", "store.size": "1"},
            {"index": "pinpoint", "store.size": "1"},
        ]);
        let aliases = json!({
            "pinpoint-2020-01-01": {"aliases": {"all": {}, "now": {"is_write_index": true}}},
            "pinpoint-2020-01-02": {"aliases": {}},
            "archive-1": {"aliases": {"pinpoint-2019-01-01": {}}},
        });
        let listed = joined("pinpoint-", &sizes, &aliases);
        let names: Vec<_> = listed.iter().map(|l| (l.name.as_str(), l.bytes)).collect();
        assert_eq!(names, [("pinpoint-2020-01-01", Some(6_017)), ("pinpoint-2020-01-02", None), ("pinpoint", Some(1))]);
        let alias = |name: &str, is_write_index| Alias { name: name.into(), is_write_index };
        assert_eq!(listed[0].aliases, Some(vec![alias("all", false), alias("now", true)]));
        assert_eq!(listed[1].aliases, Some(vec![]));
        assert_eq!(listed[2].aliases, None, "unknown: the two answers are of two moments, or of two rights");
    }
}
