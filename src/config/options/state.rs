//! Where positions and dead letters are kept.

use std::path::PathBuf;

use super::{Opt, Row, Verb};
use crate::config::names;

/// `--state` and `--dead-letters`: in the cluster, or at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Index,
    Path(PathBuf),
}

options! {
    "State and dead letters";
    STATE: Place = |text| place(text, "file:"), {
        name: "state",
        value: "index|file:PATH",
        default: Some("index"),
        on: &[Verb::Run, Verb::InitTemplates],
        help: "Where leases and positions are kept: in the cluster itself, for any number of workers, or in a file, for one: a \
               second worker on the same file is refused.",
    }
    STATE_INDEX: String = names::index_name, {
        name: "state-index",
        value: "INDEX",
        default: Some("essink-state"),
        on: &[Verb::Run, Verb::InitTemplates],
        help: "The index that keeps positions with --state index. init-templates makes it, and run where it is missing.",
    }
    DEAD_LETTERS: Place = |text| place(text, "dir:"), {
        name: "dead-letters",
        value: "index|dir:PATH",
        default: Some("index"),
        on: &[Verb::Run],
        help: "Where events go that cannot be indexed, whole and with the reason: to daily indices, or to NDJSON files in a \
               directory. A position is stored only after they are durable.",
    }
    DEAD_LETTER_PREFIX: String = names::index_prefix, {
        name: "dead-letter-prefix",
        value: "PREFIX",
        default: Some("essink-dead-letters-"),
        on: &[Verb::Run, Verb::InitTemplates, Verb::Prune],
        help: "What the indices of dead letters begin with.",
    }
}

fn place(text: &str, scheme: &str) -> Result<Place, String> {
    if text.trim() == "index" {
        return Ok(Place::Index);
    }
    match text.strip_prefix(scheme) {
        Some(path) if !path.is_empty() => Ok(Place::Path(PathBuf::from(path))),
        Some(_) => Err(format!("names no path; write {scheme}PATH")),
        None => Err(format!("is neither index nor {scheme}PATH")),
    }
}
