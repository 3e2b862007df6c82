//! What a fresh node holds, and the way back to it.

use std::collections::BTreeSet;

use anyhow::Context;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::http::{ask, must};

/// The names a node had when it started: built-in templates and system indices differ by version, so they are
/// looked at rather than listed here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Baseline {
    names: [BTreeSet<String>; KINDS.len()],
}

/// Kinds of things in the order in which they can go: an index template goes before the components it is made of,
/// and after the data streams that need it.
const KINDS: [Named; 6] = [
    Named { list: "/_data_stream?expand_wildcards=all", remove: "/_data_stream", at: At::Array("data_streams") },
    Named { list: "/_cat/indices?h=index&format=json&expand_wildcards=all", remove: "", at: At::Cat },
    Named { list: "/_index_template", remove: "/_index_template", at: At::Array("index_templates") },
    Named { list: "/_component_template", remove: "/_component_template", at: At::Array("component_templates") },
    Named { list: "/_template", remove: "/_template", at: At::Keys },
    Named { list: "/_ingest/pipeline", remove: "/_ingest/pipeline", at: At::Keys },
];
const INDICES: usize = 1;

/// Names are deleted one URL at a time up to this length: servers take a first line of 4 KiB.
const URL_LIMIT: usize = 3000;

struct Named {
    list: &'static str,
    remove: &'static str,
    at: At,
}

/// Where the names are in the answer.
enum At {
    /// `{"index_templates": [{"name": ...}]}`
    Array(&'static str),
    /// `[{"index": ...}]`
    Cat,
    /// `{NAME: {...}}`
    Keys,
}

impl Baseline {
    pub(super) async fn read(client: &Client, url: &str) -> anyhow::Result<Self> {
        let mut names: [BTreeSet<String>; KINDS.len()] = Default::default();
        for (kind, names) in KINDS.iter().zip(&mut names) {
            *names = list(client, url, kind).await?;
        }
        Ok(Self { names })
    }

    pub(super) async fn restore(&self, client: &Client, url: &str) -> anyhow::Result<()> {
        lift_settings(client, url).await?;
        for (at, kind) in KINDS.iter().enumerate() {
            let now = list(client, url, kind).await?;
            let extra: Vec<&String> = now.difference(&self.names[at]).collect();
            match at {
                INDICES => remove_indices(client, url, &extra).await?,
                _ => remove_one_by_one(client, url, kind, &extra).await?,
            }
        }
        let left = Self::read(client, url).await?;
        anyhow::ensure!(left == *self, "the node at {url} is not clean after a wipe: {left:?} instead of {self:?}");
        Ok(())
    }
}

/// The server core of Elasticsearch has no data streams and no pipelines, and says so with 400 or 405: no names.
async fn list(client: &Client, url: &str, kind: &Named) -> anyhow::Result<BTreeSet<String>> {
    let (status, answer) = ask(client, Method::GET, &format!("{url}{}", kind.list), None).await?;
    if matches!(status, 400 | 404 | 405) {
        return Ok(BTreeSet::new());
    }
    anyhow::ensure!(status == 200, "GET {url}{} answered {status}: {answer}", kind.list);
    let array = |list: Option<&Value>, field: &str| -> BTreeSet<String> {
        let items = list.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| Some(item[field].as_str()?.to_owned())).collect()
    };
    Ok(match kind.at {
        At::Array(field) => array(answer.get(field), "name"),
        At::Cat => array(Some(&answer), "index"),
        At::Keys => answer.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect(),
    })
}

/// Cluster settings may block every write, and index blocks refuse the deletion of the index: both go first.
async fn lift_settings(client: &Client, url: &str) -> anyhow::Result<()> {
    let settings = format!("{url}/_cluster/settings");
    let now = must(client, Method::GET, &settings, None).await?;
    // A blocked cluster lets its block be lifted only by a request that does nothing else.
    let mut resets = Vec::new();
    for scope in ["persistent", "transient"] {
        for block in ["read_only", "read_only_allow_delete"] {
            if !now[scope]["cluster"]["blocks"][block].is_null() {
                resets.push((scope, format!("cluster.blocks.{block}")));
            }
        }
    }
    for scope in ["persistent", "transient"] {
        if now[scope].as_object().is_some_and(|map| !map.is_empty()) {
            resets.push((scope, "*".into()));
        }
    }
    for (scope, setting) in resets {
        let body = json!({ scope: { setting: null } });
        must(client, Method::PUT, &settings, Some(&body)).await.context("cannot reset the cluster settings")?;
    }
    lift_index_blocks(client, url).await
}

/// Only what is set: an index with a block lets the block be lifted only by a request that does nothing else.
async fn lift_index_blocks(client: &Client, url: &str) -> anyhow::Result<()> {
    let look = format!("{url}/_all/_settings/index.blocks.*?expand_wildcards=all&flat_settings=true");
    let answer = must(client, Method::GET, &look, None).await?;
    for (index, found) in answer.as_object().into_iter().flatten() {
        for block in found["settings"].as_object().into_iter().flat_map(|settings| settings.keys()) {
            let target = format!("{url}/{}/_settings", path_part(index));
            let body = json!({ block: null });
            must(client, Method::PUT, &target, Some(&body)).await.context("cannot lift an index block")?;
        }
    }
    Ok(())
}

async fn remove_indices(client: &Client, url: &str, names: &[&String]) -> anyhow::Result<()> {
    let mut rest = names;
    while !rest.is_empty() {
        let mut length = 0;
        let fit = rest.iter().take_while(|name| {
            length += name.len() + 1;
            length < URL_LIMIT
        });
        let (now, later) = rest.split_at(fit.count().max(1));
        let joined = now.iter().map(|name| path_part(name)).collect::<Vec<_>>().join(",");
        must(client, Method::DELETE, &format!("{url}/{joined}"), None).await.context("cannot delete indices")?;
        rest = later;
    }
    Ok(())
}

async fn remove_one_by_one(client: &Client, url: &str, kind: &Named, names: &[&String]) -> anyhow::Result<()> {
    for name in names {
        let target = format!("{url}{}/{}", kind.remove, path_part(name));
        must(client, Method::DELETE, &target, None).await.context("cannot wipe")?;
    }
    Ok(())
}

/// Names may hold bytes that a path may not.
fn path_part(name: &str) -> String {
    use std::fmt::Write as _;
    name.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(out, "%{byte:02X}").ok();
        }
        out
    })
}
