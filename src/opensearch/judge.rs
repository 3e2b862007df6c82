//! What an answer means: each item judged once, in one pure `match`.
//!
//! The recorded answers of real servers under `tests/transcripts` are its test cases.

use crate::pipeline::verdict::{Refusal, Verdict};

mod fault;
mod words;

pub use fault::Fault;
use words::{masked, plain};

/// Server's names for an error, where the verdict hangs on the name and not on the status alone.
mod name {
    pub(super) const EXISTS: &str = "version_conflict_engine_exception";
    pub(super) const BLOCK: &str = "cluster_block_exception";
    pub(super) const CREATE_BLOCK: &str = "index_create_block_exception";
    /// The index' own trouble, that of its primary shard: it must not hold up the others.
    pub(super) const AWAY: &str = "unavailable_shards_exception";
    pub(super) const ILLEGAL: &str = "illegal_argument_exception";
    pub(super) const REJECTED: [&str; 2] = ["rejected_execution_exception", "es_rejected_execution_exception"];
    /// Passing troubles that come with a 4xx.
    pub(super) const PASSING: [&str; 3] =
        ["resource_already_exists_exception", "shard_not_found_exception", "no_shard_available_action_exception"];
    /// The document's own fault whatever the status: some versions give these a 500.
    pub(super) const DOCUMENT: [&str; 9] = [
        "mapper_parsing_exception",
        "document_parsing_exception",
        "strict_dynamic_mapping_exception",
        "parse_exception",
        "json_parse_exception",
        "x_content_parse_exception",
        "input_coercion_exception",
        "class_cast_exception",
        "stream_constraints_exception",
    ];
}

/// The set-up's own fault, by the server's name for it, each with the cure.
const SETUP: [(&str, &str); 8] = [
    (
        "index_not_found_exception",
        "the cluster does not create the index by itself: allow it in action.auto_create_index",
    ),
    ("security_exception", "grant the user create_index and write on the index"),
    (
        "validation_exception",
        "the cluster takes no more shards: run essink prune, or raise cluster.max_shards_per_node",
    ),
    ("index_closed_exception", "open the index, or delete it"),
    ("fail_processor_exception", "an ingest pipeline of the cluster refuses the document: mend or remove it"),
    ("routing_missing_exception", "a foreign template demands routing: remove it from the index"),
    ("invalid_index_name_exception", "change the index prefix"),
    ("action_request_validation_exception", "this is a bug of essink, or a proxy changes requests"),
];

/// The set-up's own fault under the name that refusals of documents share, by how the reason begins.
const SETUP_REASONS: [(&str, &str); 5] = [
    (
        "pipeline with id",
        "the ingest pipeline that the index names is missing: create it, or remove it from the template",
    ),
    (
        "no write index is defined",
        "an alias has the name of the daily index: remove the alias, or give it a write index",
    ),
    (
        "only write ops with an op_type of create",
        "a data stream has the name of the daily index: change the index prefix",
    ),
    ("if _id is specified", "this is a bug of essink, or a proxy changes requests"),
    ("Document ID is not supported", "the collection replaces document ids: use one of type SEARCH"),
];

/// Judges one item, sent as `create`, of a bulk answer.
///
/// `index` is the index the document was meant for.
pub fn judge_item(status: u16, fault: Option<&Fault<'_>>, index: &str) -> Verdict {
    let Some(fault) = fault else { return judge_bare(status) };
    match (status, fault.kind()) {
        (409, name::EXISTS) => Verdict::AlreadyThere,
        (503, name::BLOCK) => Verdict::Busy(plain(status, fault)),
        (_, name::BLOCK | name::CREATE_BLOCK | name::AWAY) => {
            Verdict::Blocked { index: Some(index.to_owned()), reason: plain(status, fault) }
        }
        (_, kind) if name::PASSING.contains(&kind) => Verdict::Busy(plain(status, fault)),
        (_, kind) if cure_of(kind).is_some() => halt(status, fault, index),
        (400, name::ILLEGAL) if cure_of_reason(fault.reason()).is_some() => halt(status, fault, index),
        (_, kind) if name::DOCUMENT.contains(&kind) => refused(status, fault),
        (413, _) => Verdict::TooLarge(plain(status, fault)),
        (400, _) => refused(status, fault),
        (401 | 403 | 404, _) => halt(status, fault, index),
        // 429 and 5xx; anything else is new to us, and what is kept can be sent again.
        _ => Verdict::Busy(masked(status, fault)),
    }
}

/// Judges a whole request by its status; `None` when its items are to be judged one by one.
pub fn judge_request(status: u16, body: &[u8]) -> Option<Verdict> {
    if (200..300).contains(&status) {
        return None;
    }
    let fault = Fault::of_answer(body);
    let said = || plain(status, &fault);
    Some(match (status, fault.kind()) {
        (503, name::BLOCK) => Verdict::Busy(said()),
        (_, name::BLOCK | name::CREATE_BLOCK) => Verdict::Blocked { index: None, reason: said() },
        (413, _) => Verdict::TooLarge("status 413: the request is larger than the cluster takes".to_owned()),
        (429, kind) if name::REJECTED.contains(&kind) && never_fits(fault.reason()) => Verdict::TooLarge(said()),
        (408 | 429 | 500.., _) => Verdict::Busy(said()),
        (401, _) => Verdict::Halt(format!("the cluster refuses our credentials, check them: {}", said())),
        (403, _) => {
            Verdict::Halt(format!("the cluster denies us a right, grant the user write and create_index: {}", said()))
        }
        (300..=399, _) => {
            Verdict::Halt(format!("the URL redirects elsewhere, give the cluster's own: status {status}"))
        }
        (404 | 405, _) => Verdict::Halt(format!("the URL takes no bulk requests, is it the cluster's: {}", said())),
        // 400, 406: a request that is wrong stays wrong.
        _ => Verdict::Halt(format!(
            "the cluster finds our request wrong, a bug or a meddling proxy: {}",
            masked(status, &fault)
        )),
    })
}

/// An item without an error.
fn judge_bare(status: u16) -> Verdict {
    match status {
        200 | 201 => Verdict::Indexed,
        413 => Verdict::TooLarge("status 413 without a reason".to_owned()),
        401 | 403 => Verdict::Halt(format!("status {status} without a reason: grant the user write and create_index")),
        _ => Verdict::Busy(format!("status {status} without a reason")),
    }
}

fn refused(status: u16, fault: &Fault<'_>) -> Verdict {
    let for_want_of_fields = fault.reason().contains("Limit of total fields");
    Verdict::Refused(Refusal { kind: fault.kind().to_owned(), reason: masked(status, fault), for_want_of_fields })
}

fn halt(status: u16, fault: &Fault<'_>, index: &str) -> Verdict {
    let cure = cure_of(fault.kind()).or_else(|| cure_of_reason(fault.reason()));
    let cure = cure.unwrap_or("check the user's rights and that the URL is the cluster's");
    Verdict::Halt(format!("index {index}: {cure}: {}", plain(status, fault)))
}

fn cure_of(kind: &str) -> Option<&'static str> {
    SETUP.iter().find(|(name, _)| *name == kind).map(|(_, cure)| *cure)
}

fn cure_of_reason(reason: &str) -> Option<&'static str> {
    SETUP_REASONS.iter().find(|(begin, _)| reason.starts_with(begin)).map(|(_, cure)| *cure)
}

/// Indexing pressure refused a request that alone is larger than the node's whole allowance: waiting cannot help.
fn never_fits(reason: &str) -> bool {
    let number =
        |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse::<u64>().ok());
    let asked = reason.split_once("coordinating_operation_bytes=").and_then(|(_, rest)| number(rest));
    let allowed = reason.split_once("max_coordinating").and_then(|(_, rest)| rest.split_once('='));
    let allowed = allowed.and_then(|(_, rest)| number(rest));
    matches!((asked, allowed), (Some(asked), Some(allowed)) if asked > allowed)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod transcripts;
