//! Where positions and dead letters are kept.

use std::path::PathBuf;

use super::indices::NAMED;
use super::{KEEPERS, Opt, Row, TABLES};
use crate::config::concerns::S3Url;
use crate::config::{names, units};

/// `--state`: in the cluster, at a path, or in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leases {
    Index,
    File(PathBuf),
    Table(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Index,
    Path(PathBuf),
}

/// `--dead-letters`: in the cluster, at a path, or in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetterPlace {
    Index,
    Directory(PathBuf),
    S3(S3Url),
}

options! {
    "State and dead letters";
    STATE: Leases = leases, {
        name: "state",
        value: "index|dynamodb:TABLE|file:PATH",
        default: Some("index"),
        on: TABLES,
        help: "Where leases and positions are kept: in the cluster itself or in a DynamoDB table, for any number of workers, or \
               in a file, for one: a second worker on the same file is refused. The table may be that of a stopped KCL \
               application; one that is missing is made.",
    }
    DYNAMODB_ENDPOINT_URL: String = units::url, {
        name: "dynamodb-endpoint-url",
        value: "URL",
        on: TABLES,
        help: "Another DynamoDB endpoint than the region's: an emulator or a VPC endpoint. AWS_ENDPOINT_URL_DYNAMODB does the \
               same.",
    }
    STATE_INDEX: String = names::index_name, {
        name: "state-index",
        value: "INDEX",
        default: Some("essink-state"),
        on: TABLES,
        help: "The index that keeps positions with --state index. init-templates makes it, and run where it is missing.",
    }
    DEAD_LETTERS: LetterPlace = letter_place, {
        name: "dead-letters",
        value: "index|dir:PATH|s3://BUCKET/PREFIX",
        default: Some("index"),
        on: KEEPERS,
        help: "Where events go that cannot be indexed, whole and with the reason: to daily indices, to NDJSON files in a \
               directory, or to a bucket, under its prefix by the UTC hour of arrival. A position is stored only after they are durable.",
    }
    DEAD_LETTER_PREFIX: String = names::index_prefix, {
        name: "dead-letter-prefix",
        value: "PREFIX",
        default: Some("essink-dead-letters-"),
        on: NAMED,
        help: "What the indices of dead letters begin with.",
    }
}

pub fn leases(text: &str) -> Result<Leases, String> {
    let text = text.trim();
    match (text, text.strip_prefix("file:"), text.strip_prefix("dynamodb:")) {
        ("index", ..) => Ok(Leases::Index),
        (_, Some(""), _) => Err("names no path; write file:PATH".to_owned()),
        (_, Some(path), _) => Ok(Leases::File(PathBuf::from(path))),
        (.., Some(table)) => names::table(table).map(Leases::Table).map_err(|why| format!("names a table that {why}")),
        _ => Err("is neither index, dynamodb:TABLE nor file:PATH".to_owned()),
    }
}

fn letter_place(text: &str) -> Result<LetterPlace, String> {
    if text.starts_with("s3://") {
        return names::s3_url(text).map(LetterPlace::S3);
    }
    let place = place(text, "dir:").map_err(|why| format!("{why}; or write s3://BUCKET/PREFIX"))?;
    Ok(match place {
        Place::Index => LetterPlace::Index,
        Place::Path(directory) => LetterPlace::Directory(directory),
    })
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
