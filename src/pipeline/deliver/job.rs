//! One batch on its way.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::wait::Wait;
use super::{Courier, Halt, bytes_of, letter};
use crate::event::aside::aside;
use crate::event::degrade::degraded;
use crate::event::families;
use crate::pipeline::batch::Batch;
use crate::pipeline::breaker::Tally;
use crate::pipeline::op::{BulkOp, Fate, Letter, Outcome};
use crate::pipeline::ports::{Bulk, DeadLetters, KeepError, Observer};
use crate::pipeline::verdict::{Refusal, Reply, Verdict};

pub(super) struct Job<'a, B, D, O: Observer> {
    pub(super) outcomes: Vec<Outcome>,
    /// Ops that met a block, by index, with its words.
    pub(super) blocked: BTreeMap<Arc<str>, (Vec<BulkOp>, String)>,
    letters: Vec<Letter>,
    /// Requests still to be sent; a request that was too large comes back in pieces.
    todo: Vec<Vec<BulkOp>>,
    wait: Wait<'a, B, D, O>,
}

/// Why ops of a reply are to be sent again, if any are.
#[derive(Default)]
struct Again {
    ops: Vec<BulkOp>,
    busy: Option<String>,
    halt: Option<String>,
}

impl<'a, B: Bulk, D: DeadLetters, O: Observer> Job<'a, B, D, O> {
    pub(super) fn new(courier: &'a Courier<B, D, O>, batch: Batch, seed: u64) -> Self {
        let mut job = Self {
            outcomes: Vec::with_capacity(batch.len()),
            blocked: BTreeMap::new(),
            letters: batch.letters,
            todo: Vec::new(),
            wait: Wait::new(courier, seed),
        };
        // It may have been closed before the limit was learned.
        job.split(batch.ops, courier.size.bytes());
        job
    }

    /// The next request, without the ops whose day has gone past retention while they waited: they would make the
    /// index anew that was just pruned.
    pub(super) fn next(&mut self) -> Option<Vec<BulkOp>> {
        let mut ops = self.todo.pop()?;
        let kept = &self.wait.courier.oldest_kept;
        let outcomes = &mut self.outcomes;
        ops.retain(|op| {
            let expired = kept.expires(op.day);
            if expired {
                outcomes.push(Outcome { origin: op.source.origin, fate: Fate::Expired });
            }
            !expired
        });
        Some(ops)
    }

    pub(super) async fn judge(&mut self, ops: Vec<BulkOp>, reply: Reply) -> Result<(), Halt> {
        match reply {
            Reply::Items(verdicts) if verdicts.len() == ops.len() => self.judge_items(ops, verdicts).await,
            Reply::Items(verdicts) => {
                let why = format!("a bulk reply has {} items for {} documents", verdicts.len(), ops.len());
                self.todo.push(ops);
                self.wait.busy(&why).await;
                Ok(())
            }
            Reply::Whole(Verdict::TooLarge(detail)) => {
                self.too_large(ops, detail);
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
        let breaker = &self.wait.courier.breaker;
        if breaker.is_counting() || verdicts.iter().any(|verdict| matches!(verdict, Verdict::Refused(_))) {
            breaker.count(&tallies(&ops, &verdicts)).map_err(|why| self.wait.halt(&why))?;
        }
        let mut again = Again::default();
        for (op, verdict) in ops.into_iter().zip(verdicts) {
            self.judge_item(op, verdict, &mut again);
        }
        self.todo.push(again.ops);
        match (again.halt, again.busy) {
            (Some(why), _) => self.wait.set_up(&why).await?,
            (None, Some(why)) => self.wait.busy(&why).await,
            (None, None) => self.wait.over(),
        }
        Ok(())
    }

    fn judge_item(&mut self, op: BulkOp, verdict: Verdict, again: &mut Again) {
        let origin = op.source.origin;
        match verdict {
            Verdict::Indexed => {
                self.outcomes.push(Outcome { origin, fate: Fate::Indexed });
                if op.degraded.is_some() {
                    self.wait.courier.observer.degraded();
                }
            }
            Verdict::AlreadyThere => self.outcomes.push(Outcome { origin, fate: Fate::AlreadyThere }),
            Verdict::Refused(refusal) => self.refused(op, refusal, again),
            Verdict::TooLarge(why) => self.letters.push(letter(&op, "too_large", why)),
            Verdict::Blocked { reason, .. } => {
                let (ops, _) = self.blocked.entry(op.index.clone()).or_insert_with(|| (Vec::new(), reason));
                ops.push(op);
            }
            Verdict::Busy(why) => {
                again.busy.get_or_insert(why);
                again.ops.push(op);
            }
            Verdict::Halt(why) => {
                again.halt.get_or_insert(why);
                again.ops.push(op);
            }
        }
    }

    /// Once more in the form that no mapping refuses, so that the event still counts; then it is a dead letter.
    fn refused(&mut self, op: BulkOp, refusal: Refusal, again: &mut Again) {
        match &op.degraded {
            None if refusal.for_want_of_fields && !op.trimmed => again.ops.push(trim(op)),
            None => again.ops.push(degrade(op, &refusal.reason)),
            Some(first) => {
                let detail = format!("{first}; degraded: {}", refusal.reason);
                self.letters.push(letter(&op, "refused", detail));
            }
        }
    }

    fn too_large(&mut self, ops: Vec<BulkOp>, detail: String) {
        if let [op] = &ops[..] {
            self.letters.push(letter(op, "too_large", detail));
            return;
        }
        let (courier, bytes) = (self.wait.courier, bytes_of(&ops));
        if let Some(limit) = courier.size.too_large(bytes) {
            courier.observer.request_bytes(limit, &detail);
        }
        self.split(ops, (bytes / 2).min(courier.size.bytes()));
    }

    /// Puts ops back as requests of at most `limit` bytes, in their order; a larger op goes alone.
    fn split(&mut self, ops: Vec<BulkOp>, limit: usize) {
        let (mut pieces, mut piece, mut bytes) = (Vec::new(), Vec::new(), 0);
        for op in ops {
            let more = op.lines.len();
            if bytes + more > limit && !piece.is_empty() {
                pieces.push(std::mem::take(&mut piece));
                bytes = 0;
            }
            bytes += more;
            piece.push(op);
        }
        pieces.push(piece);
        self.todo.extend(pieces.into_iter().rev());
    }

    pub(super) async fn keep_letters(&mut self) -> Result<(), Halt> {
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

/// Without the names that the index has no room for.
fn trim(op: BulkOp) -> BulkOp {
    let (action, source) = lines(&op);
    let trimmed = aside(source, families::shape(op.family));
    let lines = [action, &trimmed, b"\n"].concat().into();
    BulkOp { lines, trimmed: true, ..op }
}

/// The action line with its newline, and the source line without.
fn lines(op: &BulkOp) -> (&[u8], &[u8]) {
    let end = op.lines.iter().position(|byte| *byte == b'\n').map_or(op.lines.len(), |at| at + 1);
    let (action, source) = op.lines.split_at(end);
    (action, source.trim_ascii_end())
}

fn degrade(op: BulkOp, reason: &str) -> BulkOp {
    let (action, source) = lines(&op);
    // The whole event in `essink.raw` would bring back what was taken out.
    let whole = if op.redacted { source } else { &op.event };
    let small = degraded(source, whole, reason);
    let lines = [action, &small, b"\n"].concat().into();
    BulkOp { lines, degraded: Some(reason.into()), ..op }
}

/// Too many names are the senders' doing, and the document is taken without them.
fn wants_fields(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Refused(refusal) if refusal.for_want_of_fields)
}

/// What the breaker counts: documents of each index that were judged for good, as they came.
fn tallies(ops: &[BulkOp], verdicts: &[Verdict]) -> BTreeMap<Arc<str>, Tally> {
    let mut tallies: BTreeMap<Arc<str>, Tally> = BTreeMap::new();
    for (op, verdict) in ops.iter().zip(verdicts) {
        if op.degraded.is_some() || !verdict.is_settled() || wants_fields(verdict) {
            continue;
        }
        if !tallies.contains_key(&op.index) {
            tallies.insert(op.index.clone(), Tally::default());
        }
        let Some(tally) = tallies.get_mut(&op.index) else { continue };
        tally.judged += 1;
        if let Verdict::Refused(Refusal { kind, reason, .. }) = verdict {
            tally.refused.entry(kind.clone()).or_insert_with(|| (0, reason.clone())).0 += 1;
        }
    }
    tallies
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    use crate::pipeline::op::tests::{op, record};

    #[test]
    fn what_was_taken_out_does_not_come_back_in_the_degraded_form() {
        let lines = b"{\"create\":{}}\n{\"@timestamp\":\"t\",\"essink\":{},\"left\":1}\n";
        let event = Bytes::from_static(b"the whole event");
        let mut op = BulkOp { lines: Bytes::from_static(lines), event, ..op(record(0, 0), 0, 0) };
        let lines = |op: &BulkOp| String::from_utf8(degrade(op.clone(), "no").lines.to_vec()).expect("text");
        assert!(lines(&op).contains("the whole event"));
        op.redacted = true;
        assert!(!lines(&op).contains("the whole event") && lines(&op).contains("left"), "{}", lines(&op));
    }
}
