//! Saved objects for Kibana 7.10 and later and for OpenSearch Dashboards, made of the definitions of room `panel`.
//!
//! `dashboards/essink.ndjson` is what comes of the usual prefixes; a test keeps it so. Other prefixes have other index
//! patterns, and ids of their own.

mod import;
mod layout;
mod names;
mod objects;
mod vega;
mod visualization;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;

use self::names::Names;
use super::names::Prefixes;
use crate::opensearch::client::Client;
use crate::panel;

pub use import::{Installed, Refusal};
pub use names::patterns;

/// What the file is called.
const FILE: &str = "essink.ndjson";

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
pub async fn install(client: &Client, prefixes: &Prefixes, place: &Place) -> anyhow::Result<Installed> {
    import::post(client, place, &ndjson(prefixes)).await
}

/// What [`install`] would post, without asking the server.
pub fn plan(prefixes: &Prefixes) -> Vec<String> {
    let objects = objects::all(panel::dashboards(), &Names::new(prefixes));
    objects.iter().map(import::title).collect()
}

/// Writes the objects to a file in `dir`, which is made when missing, for importing by hand.
pub fn export(dir: &Path, prefixes: &Prefixes) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    let file = dir.join(FILE);
    fs::write(&file, ndjson(prefixes)).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(vec![file])
}

/// The objects for indices of those prefixes, one JSON object a line.
pub fn ndjson(prefixes: &Prefixes) -> Bytes {
    let objects = objects::all(panel::dashboards(), &Names::new(prefixes));
    objects.iter().map(|object| format!("{object}\n")).collect::<String>().into()
}

#[cfg(test)]
mod tests;
