//! Letters kept in the cluster, in the daily index of their arrival.

mod cabinet;
mod tally;
mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde_json::json;

use super::document::{Document, documents_of};
use super::head::{Head, Whole};
use crate::event::family::Family;
use crate::pipeline::op::{BulkOp, Letter, Origin, RecordRef};
use crate::pipeline::ports::{Bulk, DeadLetters, KeepError};
use crate::pipeline::position::{Sequence, ShardId};
use crate::pipeline::verdict::{Reply, Verdict};

pub use cabinet::IndexCabinet;

/// A limit below this is no limit on size but something else that is wrong.
const SMALLEST: usize = 64 << 10;

/// Where letters go and how large a request may be.
#[derive(Debug, Clone)]
pub struct IndexOptions {
    /// What the indices are called before the day.
    pub prefix: String,
    /// The stream the letters come from, as its ARN or name.
    pub stream: Option<String>,
    /// Bytes of a request, and so of a document. The smallest managed clusters take 10 MiB.
    pub request_bytes: usize,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self { prefix: "essink-dead-letters-".into(), stream: None, request_bytes: 8 << 20 }
    }
}

/// Keeps letters through bulk requests with `create`: a letter that is there already is kept.
#[derive(Debug)]
pub struct IndexLetters<B> {
    bulk: B,
    options: IndexOptions,
    /// What the cluster has been found to take; only ever smaller.
    limit: AtomicUsize,
}

/// Why a request did not keep everything in it.
enum Trouble {
    TooLarge(String),
    Keep(KeepError),
}

impl<B: Bulk> IndexLetters<B> {
    /// Nothing is sent yet.
    pub fn new(bulk: B, options: IndexOptions) -> Self {
        let limit = AtomicUsize::new(options.request_bytes.max(SMALLEST));
        Self { bulk, options, limit }
    }

    /// Sends every letter, each request filled up to `limit`; gives how many documents were new.
    async fn keep_within(&self, letters: &[Whole], limit: usize) -> Result<u64, Trouble> {
        let (mut request, mut bytes, mut n_new) = (Vec::new(), 0, 0);
        for letter in letters {
            for op in self.ops(letter, limit).await? {
                if bytes + op.lines.len() > limit && !request.is_empty() {
                    n_new += self.send(&request).await?;
                    request.clear();
                    bytes = 0;
                }
                bytes += op.lines.len();
                request.push(op);
            }
        }
        if request.is_empty() { Ok(n_new) } else { Ok(n_new + self.send(&request).await?) }
    }

    /// The letter's documents. Compressing ten megabytes takes too long for a thread that reads sockets.
    async fn ops(&self, letter: &Whole, limit: usize) -> Result<Vec<BulkOp>, Trouble> {
        let whole = letter.clone();
        let made = tokio::task::spawn_blocking(move || documents_of(&whole, limit)).await;
        let made = made.map_err(std::io::Error::other).and_then(|made| made);
        let made = made.map_err(|e| Trouble::Keep(KeepError::Busy(format!("cannot write a dead letter: {e}"))))?;
        let index: Arc<str> = format!("{}{}", self.options.prefix, letter.head.arrived().day()).into();
        Ok(made.into_iter().map(|document| op(&index, document, &letter.head)).collect())
    }

    /// Keeps letters as they are; gives how many documents were new. On any trouble all are to be sent again.
    pub(super) async fn keep_whole(&self, letters: &[Whole]) -> Result<u64, KeepError> {
        loop {
            let limit = self.limit.load(Ordering::Relaxed);
            match self.keep_within(letters, limit).await {
                Ok(n_new) => return Ok(n_new),
                Err(Trouble::Keep(error)) => return Err(error),
                Err(Trouble::TooLarge(reason)) if limit <= SMALLEST => {
                    return Err(KeepError::Halt(format!(
                        "the cluster takes no dead letter of {SMALLEST} bytes: raise its http.max_content_length, \
                         or a proxy's limit, or use --dead-letters dir:PATH: {reason}"
                    )));
                }
                Err(Trouble::TooLarge(_)) => {
                    self.limit.fetch_min((limit / 2).max(SMALLEST), Ordering::Relaxed);
                }
            }
        }
    }

    async fn send(&self, ops: &[BulkOp]) -> Result<u64, Trouble> {
        match self.bulk.send(ops).await {
            Reply::Whole(verdict) => judged(verdict, &ops[0].index),
            Reply::Items(verdicts) if verdicts.len() != ops.len() => Err(Trouble::Keep(KeepError::Busy(format!(
                "the cluster answered for {} of {} dead letters",
                verdicts.len(),
                ops.len()
            )))),
            Reply::Items(verdicts) => worst(verdicts, ops),
        }
    }
}

impl<B: Bulk> DeadLetters for IndexLetters<B> {
    /// On any trouble all letters are to be sent again: those already kept answer so.
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        let stream = self.options.stream.as_deref();
        let whole = |letter: &Letter| Whole { head: Head::of(letter, stream), bytes: letter.bytes.clone() };
        let letters: Vec<Whole> = letters.iter().map(whole).collect();
        self.keep_whole(&letters).await.map(drop)
    }
}

fn op(index: &Arc<str>, document: Document, head: &Head) -> BulkOp {
    let action = json!({"create": {"_index": &**index, "_id": document.id.to_string()}});
    let mut lines = format!("{action}\n").into_bytes();
    lines.extend_from_slice(&document.json);
    lines.push(b'\n');
    BulkOp {
        index: index.clone(),
        day: head.arrived().day(),
        id: document.id,
        lines: lines.into(),
        event: Bytes::new(),
        offset: 0,
        degraded: None,
        family: Family::Unrecognized,
        trimmed: false,
        redacted: false,
        source: record(head),
    }
}

/// The record it came from, as far as that is still known; nobody settles it here.
fn record(head: &Head) -> RecordRef {
    RecordRef {
        origin: Origin { slot: 0, serial: 0 },
        shard: ShardId::from(head.shard.as_str()),
        sequence: Arc::new(Sequence::parse(head.sequence.as_str()).unwrap_or_default()),
        sub_sequence: head.sub_sequence,
        arrived: head.arrived(),
        wrapped: head.wrapped(),
    }
}

/// The gravest of the items' troubles: a halt stops the shard, a size is cured by smaller parts.
fn worst(verdicts: Vec<Verdict>, ops: &[BulkOp]) -> Result<u64, Trouble> {
    let grade = |trouble: &Trouble| match trouble {
        Trouble::Keep(KeepError::Halt(_)) => 2,
        Trouble::TooLarge(_) => 1,
        Trouble::Keep(KeepError::Busy(_)) => 0,
    };
    let (mut n_new, mut troubles) = (0, Vec::new());
    for (verdict, op) in verdicts.into_iter().zip(ops) {
        match judged(verdict, &op.index) {
            Ok(n) => n_new += n,
            Err(trouble) => troubles.push(trouble),
        }
    }
    troubles.into_iter().max_by_key(grade).map_or(Ok(n_new), Err)
}

/// How many documents are new, one or none.
fn judged(verdict: Verdict, index: &str) -> Result<u64, Trouble> {
    let keep = match verdict {
        Verdict::Indexed => return Ok(1),
        Verdict::AlreadyThere => return Ok(0),
        Verdict::TooLarge(reason) => return Err(Trouble::TooLarge(reason)),
        Verdict::Busy(reason) => KeepError::Busy(reason),
        Verdict::Blocked { index: named, reason } => {
            let index = named.as_deref().unwrap_or(index);
            KeepError::Busy(format!(
                "{index} takes no writes, lift its block, make room with essink prune or bring its shards back: {reason}"
            ))
        }
        Verdict::Refused(refusal) => KeepError::Halt(format!(
            "{index} refuses a dead letter: delete that index or use --dead-letters dir:PATH, after essink init-templates: {}",
            refusal.reason
        )),
        Verdict::Halt(reason) => KeepError::Halt(reason),
    };
    Err(Trouble::Keep(keep))
}

#[cfg(test)]
mod tests;
