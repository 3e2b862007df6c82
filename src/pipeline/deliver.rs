//! Brings one batch to its end: exactly one outcome for each op and each letter.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::batch::Batch;
use super::op::{BulkOp, Fate, Letter, Outcome};
use super::pauses::{Backoff, Pauses};
use super::ports::{Bulk, DeadLetters, KeepError, Observer};
use super::verdict::{Reply, Verdict};

/// Set-up trouble is tried this often (a rolling change of credentials heals itself), then it halts the worker.
const HALT_TRIES: u32 = 5;

/// Something is wrong with the set-up; nothing that is still open has settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Halt(pub String);

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
}

impl<B: Bulk, D: DeadLetters, O: Observer> Courier<B, D, O> {
    /// Delivers `batch`, trying again for as long as the cluster is busy or blocked.
    pub async fn deliver(&self, batch: Batch, seed: u64) -> Result<Vec<Outcome>, Halt> {
        let n_expected = batch.len();
        let mut job = Job {
            outcomes: Vec::with_capacity(n_expected),
            letters: batch.letters,
            todo: vec![batch.ops],
            wait: Wait { courier: self, pauses: self.backoff.pauses(seed), n_busy: 0, n_halts: 0, held_up: None, seed },
        };
        while let Some(ops) = job.todo.pop() {
            if !ops.is_empty() {
                let reply = self.send(&ops).await;
                job.judge(ops, reply).await?;
            }
        }
        job.keep_letters().await?;
        assert_eq!(job.outcomes.len(), n_expected, "one outcome for each op and letter");
        Ok(job.outcomes)
    }

    async fn send(&self, ops: &[BulkOp]) -> Reply {
        let began = Instant::now();
        let reply = self.bulk.send(ops).await;
        let result = match &reply {
            Reply::Items(verdicts) if verdicts.len() != ops.len() => "busy",
            Reply::Items(verdicts) if verdicts.iter().all(Verdict::is_settled) => "settled",
            Reply::Items(_) => "partial",
            Reply::Whole(verdict) => verdict.name(),
        };
        self.observer.bulk(result, began.elapsed(), ops.len(), ops.iter().map(|op| op.lines.len()).sum());
        reply
    }
}

/// One batch on its way.
struct Job<'a, B, D, O: Observer> {
    outcomes: Vec<Outcome>,
    letters: Vec<Letter>,
    /// Requests still to be sent; a request that was too large comes back as its halves.
    todo: Vec<Vec<BulkOp>>,
    wait: Wait<'a, B, D, O>,
}

impl<B: Bulk, D: DeadLetters, O: Observer> Job<'_, B, D, O> {
    async fn judge(&mut self, ops: Vec<BulkOp>, reply: Reply) -> Result<(), Halt> {
        match reply {
            Reply::Items(verdicts) if verdicts.len() == ops.len() => self.judge_items(ops, verdicts).await,
            Reply::Items(verdicts) => {
                let why = format!("a bulk reply has {} items for {} documents", verdicts.len(), ops.len());
                self.todo.push(ops);
                self.wait.busy(&why).await;
                Ok(())
            }
            Reply::Whole(Verdict::TooLarge(detail)) => {
                self.halve(ops, detail);
                Ok(())
            }
            Reply::Whole(Verdict::Busy(why) | Verdict::Blocked { reason: why, .. }) => {
                self.todo.push(ops);
                self.wait.busy(&why).await;
                Ok(())
            }
            Reply::Whole(verdict) => {
                self.todo.push(ops);
                let why = verdict.reason().unwrap_or("the cluster gave one verdict for a whole request");
                self.wait.set_up(why).await
            }
        }
    }

    /// Settles what can be settled; the rest goes back to be sent again, after a pause.
    async fn judge_items(&mut self, ops: Vec<BulkOp>, verdicts: Vec<Verdict>) -> Result<(), Halt> {
        let mut again = Vec::new();
        let (mut busy, mut halt) = (None, None);
        for (op, verdict) in ops.into_iter().zip(verdicts) {
            let origin = op.source.origin;
            match verdict {
                Verdict::Indexed => self.outcomes.push(Outcome { origin, fate: Fate::Indexed }),
                Verdict::AlreadyThere => self.outcomes.push(Outcome { origin, fate: Fate::AlreadyThere }),
                Verdict::Refused(why) => self.letters.push(letter(&op, "refused", why)),
                Verdict::TooLarge(why) => self.letters.push(letter(&op, "too_large", why)),
                Verdict::Busy(why) => {
                    busy.get_or_insert(why);
                    again.push(op);
                }
                Verdict::Blocked { index, reason } => {
                    busy.get_or_insert_with(|| index.map_or(reason.clone(), |i| format!("index {i}: {reason}")));
                    again.push(op);
                }
                Verdict::Halt(why) => {
                    halt.get_or_insert(why);
                    again.push(op);
                }
            }
        }
        self.todo.push(again);
        match (halt, busy) {
            (Some(why), _) => self.wait.set_up(&why).await?,
            (None, Some(why)) => self.wait.busy(&why).await,
            (None, None) => self.wait.over(),
        }
        Ok(())
    }

    fn halve(&mut self, mut ops: Vec<BulkOp>, detail: String) {
        if let [op] = &ops[..] {
            self.letters.push(letter(op, "too_large", detail));
            return;
        }
        let second = ops.split_off(ops.len() / 2);
        self.todo.extend([second, ops]);
    }

    async fn keep_letters(&mut self) -> Result<(), Halt> {
        if self.letters.is_empty() {
            return Ok(());
        }
        loop {
            match self.wait.courier.dead_letters.keep(&self.letters).await {
                Ok(()) => break,
                Err(KeepError::Busy(why)) => self.wait.busy(&format!("dead letters: {why}")).await,
                Err(KeepError::Halt(why)) => self.wait.set_up(&format!("dead letters: {why}")).await?,
            }
        }
        self.wait.over();
        for letter in &self.letters {
            self.wait.courier.observer.dead_letter(letter.reason);
            self.outcomes.push(Outcome { origin: letter.source.origin, fate: Fate::DeadLettered });
        }
        Ok(())
    }
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

/// A few items that were refused for a moment are the cluster's way to say "slower"; readiness turns red when
/// the third try in a row, about a second after the first, has not brought a delivery on.
const HELD_UP_TRIES: u32 = 3;

/// Pauses of one delivery, and what the observer is told of them.
struct Wait<'a, B, D, O: Observer> {
    courier: &'a Courier<B, D, O>,
    pauses: Pauses,
    n_busy: u32,
    n_halts: u32,
    held_up: Option<O::HeldUp>,
    seed: u64,
}

impl<B, D, O: Observer> Wait<'_, B, D, O> {
    async fn busy(&mut self, why: &str) {
        self.n_busy += 1;
        if self.n_busy >= HELD_UP_TRIES && self.held_up.is_none() {
            self.held_up = Some(self.courier.observer.held_up(why));
        }
        // The iterator never ends; without a pause the next try would simply come at once.
        tokio::time::sleep(self.pauses.next().unwrap_or_default()).await;
    }

    async fn set_up(&mut self, why: &str) -> Result<(), Halt> {
        self.n_halts += 1;
        if self.n_halts >= HALT_TRIES {
            // Not over: the worker ends with this, and must not say on its way out that all is well.
            std::mem::forget(self.held_up.take());
            return Err(Halt(why.to_owned()));
        }
        self.busy(why).await;
        Ok(())
    }

    /// A request went through.
    fn over(&mut self) {
        (self.n_busy, self.n_halts) = (0, 0);
        self.pauses = self.courier.backoff.pauses(self.seed);
        self.held_up = None;
    }
}

#[cfg(test)]
mod tests;
