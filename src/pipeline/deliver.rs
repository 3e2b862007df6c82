//! Brings one batch to its end: exactly one outcome for each op and each letter, or a place in the parking.

mod job;
mod wait;

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use self::job::Job;
use super::batch::Batch;
use super::breaker::Breaker;
use super::limiter::{Limiter, Sample};
use super::op::{BulkOp, Letter, Outcome};
use super::parking::Met;
use super::pauses::Backoff;
use super::ports::{Bulk, DeadLetters, Observer};
use super::route::OldestKept;
use super::size::SizeLimit;
use super::verdict::{Reply, Verdict};

/// Something is wrong with the set-up; nothing that is still open has settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Halt(pub String);

/// How a delivery ended.
#[derive(Debug, Default)]
pub struct Delivered {
    /// One for each op and letter that has ended.
    pub outcomes: Vec<Outcome>,
    /// Ops that met a block, with its words, one entry an index: they have not ended.
    pub blocked: Vec<(Met, String)>,
    /// The blocked index that this delivery tried.
    pub probe: Option<Arc<str>>,
}

/// Delivers batches; one for all of them.
#[derive(Debug)]
pub struct Courier<B, D, O> {
    /// Where documents go.
    pub bulk: Arc<B>,
    /// Where go those that cannot be indexed.
    pub dead_letters: Arc<D>,
    /// Who is told.
    pub observer: Arc<O>,
    /// Pauses between tries.
    pub backoff: Backoff,
    /// Bytes of a request.
    pub size: Arc<SizeLimit>,
    /// Ops of a full request.
    pub full_count: usize,
    /// Learns from every reply.
    pub limiter: Arc<Limiter>,
    /// Halts when refusals are too many.
    pub breaker: Breaker,
    /// Days before this are not created any more, however long their ops have waited.
    pub oldest_kept: OldestKept,
}

impl<B: Bulk, D: DeadLetters, O: Observer> Courier<B, D, O> {
    /// Delivers `batch`, trying again for as long as the cluster is busy.
    pub async fn deliver(&self, batch: Batch, seed: u64) -> Result<Delivered, Halt> {
        let (n_expected, probe) = (batch.len(), batch.probe.clone());
        let mut job = Job::new(self, batch, seed);
        while let Some(ops) = job.next() {
            if !ops.is_empty() {
                let reply = self.send(&ops).await;
                job.judge(ops, reply).await?;
            }
        }
        job.keep_letters().await?;
        let Job { outcomes, blocked, .. } = job;
        let n_blocked: usize = blocked.values().map(|(ops, _)| ops.len()).sum();
        assert_eq!(outcomes.len() + n_blocked, n_expected, "one outcome for each op and letter");
        let met = |index: Arc<str>, ops| Met { probed: probe.as_ref() == Some(&index), index, ops };
        let blocked = blocked.into_iter().map(|(index, (ops, why))| (met(index, ops), why)).collect();
        Ok(Delivered { outcomes, blocked, probe })
    }

    async fn send(&self, ops: &[BulkOp]) -> Reply {
        let began = Instant::now();
        let reply = self.bulk.send(ops).await;
        let result = match &reply {
            Reply::Items(verdicts) if verdicts.len() != ops.len() => "busy",
            Reply::Items(verdicts) if verdicts.iter().all(Verdict::is_settled) => "settled",
            Reply::Items(verdicts) if is_only_blocked(verdicts) => "blocked",
            Reply::Items(_) => "partial",
            Reply::Whole(verdict) => verdict.name(),
        };
        let rejected = match &reply {
            Reply::Items(verdicts) => verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Busy(_))).count(),
            Reply::Whole(Verdict::Busy(_)) => ops.len(),
            Reply::Whole(_) => 0,
        };
        let (took, bytes) = (began.elapsed(), bytes_of(ops));
        self.observer.bulk(result, took, ops.len(), bytes);
        // A request that was refused as a whole is no measure of time.
        let is_full = bytes * 2 >= self.size.bytes() || ops.len() * 2 >= self.full_count;
        let full = is_full && matches!(reply, Reply::Items(_));
        self.limiter.learn(Sample { began, took, items: ops.len(), rejected, full });
        reply
    }
}

/// Whether nothing but a block keeps what has not settled.
fn is_only_blocked(verdicts: &[Verdict]) -> bool {
    verdicts.iter().all(|verdict| verdict.is_settled() || matches!(verdict, Verdict::Blocked { .. }))
}

fn bytes_of(ops: &[BulkOp]) -> usize {
    ops.iter().map(|op| op.lines.len()).sum()
}

/// A letter that keeps the event of `op`.
pub(super) fn letter(op: &BulkOp, reason: &'static str, detail: String) -> Letter {
    Letter {
        reason,
        detail,
        index: Some(op.index.clone()),
        id: Some(op.id),
        offset: op.offset,
        // A copy: a slice would keep the record around it alive, and letters are rare.
        bytes: Bytes::copy_from_slice(&op.event),
        source: op.source.clone(),
    }
}

#[cfg(test)]
mod tests;
