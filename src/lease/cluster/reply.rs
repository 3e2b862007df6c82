//! What the cluster said, in types: each reply whole, or none of it.

use serde::Deserialize;

use super::document::Document;
use crate::opensearch::judge::{Fault, judge_item};
use crate::pipeline::ports::StoreError;
use crate::pipeline::verdict::Verdict;

/// A document's version: a write that names it goes through only if nobody wrote in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) seq_no: u64,
    pub(super) primary_term: u64,
}

/// How one conditional write ended.
#[derive(Debug)]
pub(super) enum Write {
    Done(Version),
    /// The document is not what we thought, or gone.
    Conflict,
    Failed(StoreError),
}

/// One document as a search or a lookup gives it.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    #[serde(rename = "_id")]
    pub(super) id: String,
    #[serde(rename = "_seq_no", default)]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term", default)]
    primary_term: Option<u64>,
    /// Absent where there is no such document.
    #[serde(rename = "_source", default)]
    pub(super) document: Option<Document>,
    #[serde(default)]
    error: Option<Trouble>,
}

/// Why a document could not be looked up.
#[derive(Debug, Deserialize)]
struct Trouble {
    #[serde(rename = "type", default)]
    kind: String,
}

impl Found {
    pub(super) fn version(&self) -> Option<Version> {
        Some(Version { seq_no: self.seq_no?, primary_term: self.primary_term? })
    }
}

#[derive(Deserialize)]
struct Bulk<'a> {
    #[serde(borrow)]
    items: Vec<Action<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action<'a> {
    #[serde(borrow)]
    Create(Item<'a>),
    #[serde(borrow)]
    Index(Item<'a>),
    #[serde(borrow)]
    Delete(Item<'a>),
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_seq_no", default)]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term", default)]
    primary_term: Option<u64>,
    status: u16,
    #[serde(borrow, default)]
    error: Option<Fault<'a>>,
}

/// One answer for each of `ids`, in their order; anything else is no answer at all.
pub(super) fn writes(body: &[u8], index: &str, ids: &[String]) -> Result<Vec<Write>, StoreError> {
    let bulk: Bulk<'_> = serde_json::from_slice(body).map_err(|e| unreadable(index, &e.to_string()))?;
    let items = bulk.items.into_iter().map(|(Action::Create(item) | Action::Index(item) | Action::Delete(item))| item);
    let items: Vec<Item<'_>> = items.collect();
    if !items.iter().map(|item| &item.id).eq(ids) {
        return Err(unreadable(index, "it does not answer what was sent"));
    }
    Ok(items.into_iter().map(|item| write(&item, index)).collect())
}

fn write(item: &Item<'_>, index: &str) -> Write {
    match (item.status, item.seq_no, item.primary_term) {
        (200 | 201, Some(seq_no), Some(primary_term)) => Write::Done(Version { seq_no, primary_term }),
        (200 | 201, ..) => Write::Failed(unreadable(index, "a write has no version")),
        (409, ..) => Write::Conflict,
        // The removal of what is not there has no error.
        (404, ..) if item.error.is_none() => Write::Conflict,
        _ => Write::Failed(refusal(judge_item(item.status, item.error.as_ref(), index), index)),
    }
}

#[derive(Deserialize)]
struct Search {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Found>,
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

#[derive(Deserialize)]
struct Refresh {
    #[serde(rename = "_shards")]
    shards: Shards,
}

#[derive(Deserialize)]
struct Lookup {
    docs: Vec<Found>,
}

/// The hits of a search that reached everything. A shard that a partial answer hides would be read from the start.
pub(super) fn hits(body: &[u8], index: &str) -> Result<Vec<Found>, StoreError> {
    let search: Search = serde_json::from_slice(body).map_err(|e| unreadable(index, &e.to_string()))?;
    if search.timed_out || search.shards.failed > 0 {
        return Err(StoreError::Busy(format!("index {index} can be read only in part now")));
    }
    Ok(search.hits.hits)
}

/// Whether a refresh reached every copy of the index.
pub(super) fn refreshed(body: &[u8], index: &str) -> Result<(), StoreError> {
    let refresh: Refresh = serde_json::from_slice(body).map_err(|e| unreadable(index, &e.to_string()))?;
    match refresh.shards.failed {
        0 => Ok(()),
        _ => Err(StoreError::Busy(format!("index {index} can be refreshed only in part now"))),
    }
}

/// The documents asked for by id, in the order of `ids`.
pub(super) fn lookup(body: &[u8], index: &str, ids: &[String]) -> Result<Vec<Found>, StoreError> {
    let lookup: Lookup = serde_json::from_slice(body).map_err(|e| unreadable(index, &e.to_string()))?;
    if let Some(error) = lookup.docs.iter().find_map(|found| found.error.as_ref()) {
        return Err(match error.kind.as_str() {
            "index_not_found_exception" => removed(index),
            kind => StoreError::Busy(format!("index {index} cannot be read now: {kind}")),
        });
    }
    if !lookup.docs.iter().map(|found| &found.id).eq(ids) {
        return Err(unreadable(index, "it does not answer what was asked"));
    }
    Ok(lookup.docs)
}

/// Taken for empty, it would be filled anew while other workers hold what was in it.
pub(super) fn removed(index: &str) -> StoreError {
    StoreError::Halt(format!(
        "index {index} was removed while in use: stop every worker of the group, restore the index or let the stream be read anew from --start, then start them"
    ))
}

/// A proxy in the way, or a reply cut short: the next one may be better.
fn unreadable(index: &str, why: &str) -> StoreError {
    StoreError::Busy(format!("the reply about index {index} is unreadable: {why}"))
}

/// What a verdict means for a store. A block passes by waiting, when the operator lifts it.
pub(super) fn refusal(verdict: Verdict, index: &str) -> StoreError {
    match verdict {
        Verdict::Busy(why) => StoreError::Busy(format!("index {index}: {why}")),
        Verdict::Blocked { reason, .. } => StoreError::Busy(format!("index {index} is blocked: {reason}")),
        Verdict::Halt(why) | Verdict::TooLarge(why) => never(index, &why),
        Verdict::Refused(refusal) => never(index, &refusal.reason),
        Verdict::Indexed | Verdict::AlreadyThere => unreadable(index, "success where a failure was told"),
    }
}

fn never(index: &str, why: &str) -> StoreError {
    StoreError::Halt(format!("leases cannot be kept in index {index}: {why}"))
}
