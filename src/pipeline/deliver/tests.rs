use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::pipeline::op::tests::{op, record};

/// Answers with what is in the script, in turn, then indexes everything; remembers what was sent.
#[derive(Default)]
struct Scripted {
    replies: Mutex<VecDeque<Reply>>,
    sent: Mutex<Vec<Vec<u64>>>,
    kept: Mutex<Vec<&'static str>>,
    told: Mutex<Vec<String>>,
}

impl Bulk for Scripted {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        self.sent.lock().expect("lock").push(ops.iter().map(|op| op.source.origin.serial).collect());
        let scripted = self.replies.lock().expect("lock").pop_front();
        scripted.unwrap_or_else(|| Reply::Items(vec![Verdict::Indexed; ops.len()]))
    }
}

/// `Scripted` behind an `Arc`, to be used as every port.
#[derive(Clone)]
struct Port(Arc<Scripted>);

impl Bulk for Port {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        self.0.send(ops).await
    }
}

impl DeadLetters for Port {
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        self.0.kept.lock().expect("lock").extend(letters.iter().map(|l| l.reason));
        Ok(())
    }
}

impl Observer for Port {
    type HeldUp = HeldUp;

    fn held_up(&self, why: &str) -> HeldUp {
        self.0.told.lock().expect("lock").push(why.to_owned());
        HeldUp(self.0.clone())
    }
}

/// Says when it is over.
struct HeldUp(Arc<Scripted>);

impl Drop for HeldUp {
    fn drop(&mut self) {
        self.0.told.lock().expect("lock").push("over".to_owned());
    }
}

struct Delivered {
    fates: Result<Vec<(u64, Fate)>, Halt>,
    sent: Vec<Vec<u64>>,
    kept: Vec<&'static str>,
    told: Vec<String>,
}

async fn deliver(n_ops: u64, replies: impl IntoIterator<Item = Reply>) -> Delivered {
    let script = Arc::new(Scripted { replies: Mutex::new(replies.into_iter().collect()), ..Scripted::default() });
    let courier = Courier {
        bulk: Arc::new(Port(script.clone())),
        dead_letters: Arc::new(Port(script.clone())),
        observer: Arc::new(Port(script.clone())),
        backoff: Backoff { first: Duration::from_millis(100), cap: Duration::from_secs(30) },
    };
    let ops: Vec<_> = (0..n_ops).map(|n| op(record(0, n), n, 0)).collect();
    let outcomes = courier.deliver(Batch { ops, ..Batch::default() }, 7).await;
    let fates = outcomes.map(|all| {
        let mut fates: Vec<_> = all.iter().map(|o| (o.origin.serial, o.fate)).collect();
        fates.sort_by_key(|(serial, _)| *serial);
        fates
    });
    let take = |list: &Mutex<Vec<&'static str>>| list.lock().expect("lock").clone();
    let (sent, told) = (script.sent.lock().expect("lock").clone(), script.told.lock().expect("lock").clone());
    Delivered { fates, sent, kept: take(&script.kept), told }
}

fn busy() -> Verdict {
    Verdict::Busy("queue full".into())
}

#[tokio::test(start_paused = true)]
async fn only_what_is_unsettled_is_sent_again() {
    let first = vec![Verdict::Indexed, busy(), Verdict::AlreadyThere, busy()];
    let done = deliver(4, [Reply::Items(first), Reply::Items(vec![busy(), Verdict::Indexed])]).await;
    assert_eq!(done.sent, [vec![0, 1, 2, 3], vec![1, 3], vec![1]]);
    let expected = [Fate::Indexed, Fate::Indexed, Fate::AlreadyThere, Fate::Indexed];
    assert_eq!(done.fates, Ok((0..).zip(expected).collect()));
    assert!(done.told.is_empty(), "a moment's refusal turns nothing red");
}

#[tokio::test(start_paused = true)]
async fn only_a_delivery_that_does_not_come_on_is_said_to_be_held_up_and_once() {
    let done = deliver(1, std::iter::repeat_n(Reply::Whole(busy()), 9)).await;
    assert_eq!(done.told, ["queue full", "over"]);
    let done = deliver(1, std::iter::repeat_n(Reply::Whole(busy()), 2)).await;
    assert!(done.told.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_busy_cluster_is_waited_for_however_long_it_takes() {
    let began = Instant::now();
    let done = deliver(1, std::iter::repeat_n(Reply::Whole(busy()), 200)).await;
    assert_eq!(done.fates, Ok(vec![(0, Fate::Indexed)]));
    let waited = began.elapsed();
    // 200 pauses, nearly all at the cap of 30 s, each at least half of it.
    assert!(waited > Duration::from_secs(180 * 15) && waited < Duration::from_secs(200 * 30), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_with_fewer_or_more_items_settles_nothing() {
    for n in [0, 1, 3] {
        let done = deliver(2, [Reply::Items(vec![Verdict::Indexed; n])]).await;
        assert_eq!(done.sent, [vec![0, 1], vec![0, 1]], "{n} items for 2");
        assert_eq!(done.fates, Ok(vec![(0, Fate::Indexed), (1, Fate::Indexed)]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_large_is_halved_down_to_the_one_document() {
    let large = || Reply::Whole(Verdict::TooLarge("413".into()));
    let ok = |n| Reply::Items(vec![Verdict::Indexed; n]);
    // 0123 → 01, 23 → 0, 1 → only 1 stays too large.
    let done = deliver(4, [large(), large(), ok(1), large(), ok(2)]).await;
    assert_eq!(done.sent, [vec![0, 1, 2, 3], vec![0, 1], vec![0], vec![1], vec![2, 3]]);
    assert_eq!(done.kept, ["too_large"]);
    let fates = [Fate::Indexed, Fate::DeadLettered, Fate::Indexed, Fate::Indexed];
    assert_eq!(done.fates, Ok((0..).zip(fates).collect()));
}

#[tokio::test(start_paused = true)]
async fn a_refused_document_becomes_a_letter_and_the_others_go_in() {
    let reply = vec![Verdict::Indexed, Verdict::Refused("mapper_parsing_exception".into())];
    let done = deliver(2, [Reply::Items(reply)]).await;
    assert_eq!(done.kept, ["refused"]);
    assert_eq!(done.fates, Ok(vec![(0, Fate::Indexed), (1, Fate::DeadLettered)]));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_set_up_is_tried_a_few_times_and_then_halts() {
    let halt = || Reply::Whole(Verdict::Halt("wrong password".into()));
    let done = deliver(1, [halt(), halt(), halt(), halt()]).await;
    assert_eq!(done.fates, Ok(vec![(0, Fate::Indexed)]), "healed in time");
    let item = Reply::Items(vec![Verdict::Indexed, Verdict::Halt("index closed".into())]);
    let again = || Reply::Items(vec![Verdict::Halt("index closed".into())]);
    let done = deliver(2, [item, again(), again(), again(), again()]).await;
    assert_eq!(done.fates, Err(Halt("index closed".into())));
}
