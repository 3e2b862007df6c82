//! What can be made to go wrong.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// Gives the items that are refused their error.
pub type Judge = Box<dyn Fn(&Item<'_>) -> Option<ItemError> + Send>;

/// What one bulk request meets.
pub enum Fault {
    /// Nothing: a gap between faults.
    None,
    /// Nothing is applied; the status with the body a server of that status sends (see [`Fault::status`]).
    Status(u16, Value),
    /// Nothing is applied; a bare status, as 413 and as a load balancer's 502 and 503 come.
    Empty(u16),
    /// Nothing is applied; 200 with a page of HTML, as from a captive proxy.
    Html,
    /// Nothing is applied; the connection is reset when the first part of the body has been read.
    CutUpload,
    /// Everything is applied; the connection is reset instead of the reply.
    LoseReply,
    /// Everything is applied; the reply breaks off in the middle of its items, though its length promised more.
    HalfReply,
    /// Everything is applied; the reply lacks its last items, as many as told.
    ShortItems(usize),
    /// Each item for which an error is given is not applied and answered with that; the others are as ever.
    Items(Judge),
    /// As ever, but late.
    Delay(Duration),
}

/// One item of a bulk, as a script sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its place in the request.
    pub at: usize,
    /// `create`, `index`, `update`, `delete`
    pub action: &'a str,
    /// `_index`
    pub index: &'a str,
    /// `_id`
    pub id: &'a str,
    /// The document, as it came.
    pub source: &'a [u8],
}

/// An item's refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemError {
    /// The item's status.
    pub status: u16,
    /// Its `error` object.
    pub error: Value,
}

impl ItemError {
    /// With the two fields every error has.
    pub fn new(status: u16, kind: &str, reason: &str) -> Self {
        Self { status, error: json!({ "type": kind, "reason": reason }) }
    }

    /// The write queue is full.
    pub fn busy() -> Self {
        Self::new(429, "rejected_execution_exception", "rejected execution of a write on a full queue")
    }

    /// The disk is full: 429 too, but waiting does not help.
    pub fn flood_stage(index: &str) -> Self {
        let block = "[TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has \
                     read-only-allow-delete block]";
        Self::new(429, "cluster_block_exception", &format!("index [{index}] blocked by: {block};"))
    }

    /// The primary shard is away.
    pub fn unavailable(index: &str) -> Self {
        let reason = format!("[{index}][0] primary shard is not active Timeout: [1m]");
        Self::new(503, "unavailable_shards_exception", &reason)
    }

    /// The document does not fit the mapping, in OpenSearch's words.
    pub fn mapping(id: &str) -> Self {
        let reason = format!(
            "failed to parse field [n] of type [long] in document with id '{id}'. \
             Preview of field's value: 'x'"
        );
        let mut refused = Self::new(400, "mapper_parsing_exception", &reason);
        refused.error["caused_by"] =
            json!({ "type": "illegal_argument_exception", "reason": "For input string: \"x\"" });
        refused
    }
}

impl Fault {
    /// A whole request refused, with the error object a server gives: `Fault::status(429, "circuit_breaking_exception")`.
    pub fn status(status: u16, kind: &str) -> Self {
        let cause = json!({ "type": kind, "reason": "as the script says" });
        let mut error = cause.clone();
        error["root_cause"] = json!([cause]);
        Self::Status(status, json!({ "error": error, "status": status }))
    }

    /// Per item: `Fault::items(|item| (item.at % 2 == 0).then(ItemError::busy))`.
    pub fn items(judge: impl Fn(&Item<'_>) -> Option<ItemError> + Send + 'static) -> Self {
        Self::Items(Box::new(judge))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "None"),
            Self::Status(status, _) => write!(f, "Status({status})"),
            Self::Empty(status) => write!(f, "Empty({status})"),
            Self::Html => write!(f, "Html"),
            Self::CutUpload => write!(f, "CutUpload"),
            Self::LoseReply => write!(f, "LoseReply"),
            Self::HalfReply => write!(f, "HalfReply"),
            Self::ShortItems(lacking) => write!(f, "ShortItems({lacking})"),
            Self::Items(_) => write!(f, "Items(..)"),
            Self::Delay(pause) => write!(f, "Delay({pause:?})"),
        }
    }
}

/// Faults that wait for their request.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<VecDeque<Fault>>);

impl Queue {
    pub(super) fn push(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().extend(faults);
    }

    pub(super) fn next(&self) -> Fault {
        self.lock().pop_front().unwrap_or(Fault::None)
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// A panicking script leaves a queue that is as good as before.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
