//! Saved objects for Kibana 7.10 and later and for OpenSearch Dashboards: an index pattern and an overview.
//!
//! `dashboards/pinpoint.ndjson` is embedded as it stands; another prefix changes its index pattern and ids.

mod import;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use serde_json::Value;

use super::names::{pattern, template_name};
use crate::opensearch::client::Client;

pub use import::{Installed, Refusal};

const PINPOINT: &str = include_str!("../../dashboards/pinpoint.ndjson");
/// What every id in the file begins with; also the id of the index pattern.
const ID: &str = "essink-pinpoint";

/// Where the objects belong.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Kibana's space; the default one when unset.
    pub space: Option<String>,
    /// OpenSearch Dashboards' tenant; the user's own choice when unset.
    pub tenant: Option<String>,
}

/// Posts every object to the import API behind `client`, whose URL is that of the dashboards server. Objects
/// of the same id are replaced.
///
/// # Errors
/// When the server does not answer or refuses the request whole.
pub async fn install(client: &Client, pinpoint_prefix: &str, place: &Place) -> anyhow::Result<Installed> {
    import::post(client, place, &ndjson(pinpoint_prefix)).await
}

/// Writes the objects to files in `dir`, which is made when missing, for importing by hand.
pub fn export(dir: &Path, pinpoint_prefix: &str) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    let file = dir.join(format!("{}.ndjson", template_name(pinpoint_prefix)));
    fs::write(&file, ndjson(pinpoint_prefix)).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(vec![file])
}

/// The objects for indices of that prefix, one JSON object a line.
pub fn ndjson(pinpoint_prefix: &str) -> Bytes {
    let id = template_name(pinpoint_prefix);
    let mut text = String::new();
    for mut object in objects() {
        rename(&mut object["id"], &id);
        let references = object["references"].as_array_mut().into_iter().flatten();
        references.for_each(|reference| rename(&mut reference["id"], &id));
        if object["type"] == "index-pattern" {
            object["attributes"]["title"] = Value::from(pattern(pinpoint_prefix));
        }
        text.push_str(&object.to_string());
        text.push('\n');
    }
    text.into()
}

fn objects() -> impl Iterator<Item = Value> {
    // The file is part of the binary, and a test parses every line of it.
    PINPOINT.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// Two prefixes have two sets of objects.
fn rename(id: &mut Value, to: &str) {
    if let Some(rest) = id.as_str().and_then(|id| id.strip_prefix(ID)) {
        *id = Value::from(format!("{to}{rest}"));
    }
}

#[cfg(test)]
mod tests;
