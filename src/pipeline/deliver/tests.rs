use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::event::time::Day;
use crate::pipeline::breaker::BreakerLimits;
use crate::pipeline::op::Fate;
use crate::pipeline::op::tests::{op, record};
use crate::pipeline::ports::KeepError;
use crate::pipeline::verdict::Refusal;

/// Answers with what is in the script, in turn, then indexes everything; remembers what was sent.
#[derive(Default)]
struct Scripted {
    replies: Mutex<VecDeque<Reply>>,
    sent: Mutex<Vec<Vec<u64>>>,
    lines: Mutex<Vec<Bytes>>,
    kept: Mutex<Vec<Letter>>,
    told: Mutex<Vec<String>>,
}

impl Bulk for Scripted {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        self.sent.lock().expect("lock").push(ops.iter().map(|op| op.source.origin.serial).collect());
        self.lines.lock().expect("lock").extend(ops.iter().map(|op| op.lines.clone()));
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
        self.0.kept.lock().expect("lock").extend_from_slice(letters);
        Ok(())
    }
}

impl Observer for Port {
    type HeldUp = HeldUp;

    fn degraded(&self) {
        self.0.told.lock().expect("lock").push("degraded".to_owned());
    }

    fn request_bytes(&self, limit: usize, _why: &str) {
        self.0.told.lock().expect("lock").push(format!("limit {limit}"));
    }

    fn blocked(&self, _index: &str, _why: &str) -> HeldUp {
        unreachable!("the loop says so, not a delivery")
    }

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

struct Done {
    fates: Result<Vec<(u64, Fate)>, Halt>,
    /// Serials of parked ops, by index.
    blocked: Vec<(String, Vec<u64>)>,
    sent: Vec<Vec<u64>>,
    lines: Vec<Bytes>,
    kept: Vec<Letter>,
    told: Vec<String>,
}

/// A courier to a scripted cluster, which has learned and counted nothing yet.
fn courier(replies: impl IntoIterator<Item = Reply>) -> (Courier<Port, Port, Port>, Arc<Scripted>) {
    let script = Arc::new(Scripted { replies: Mutex::new(replies.into_iter().collect()), ..Scripted::default() });
    let courier = Courier {
        bulk: Arc::new(Port(script.clone())),
        dead_letters: Arc::new(Port(script.clone())),
        observer: Arc::new(Port(script.clone())),
        backoff: Backoff { first: Duration::from_millis(100), cap: Duration::from_secs(30) },
        size: Arc::new(SizeLimit::new(1_000_000)),
        full_count: 5_000,
        limiter: Arc::new(Limiter::new(8)),
        breaker: Breaker::new(BreakerLimits { share: Some(0.5), count: 100 }),
        oldest_kept: OldestKept::default(),
    };
    (courier, script)
}

fn ops(n: u64) -> Vec<BulkOp> {
    (0..n).map(|n| op(record(0, n), n, 0)).collect()
}

async fn deliver(n_ops: u64, replies: impl IntoIterator<Item = Reply>) -> Done {
    let (courier, script) = courier(replies);
    deliver_by(&courier, &script, ops(n_ops)).await
}

async fn deliver_by(courier: &Courier<Port, Port, Port>, script: &Scripted, ops: Vec<BulkOp>) -> Done {
    let delivered = courier.deliver(Batch { ops, ..Batch::default() }, 7).await;
    let mut blocked = Vec::new();
    let fates = delivered.map(|delivered| {
        let serials = |ops: &[BulkOp]| ops.iter().map(|op| op.source.origin.serial).collect();
        blocked.extend(delivered.blocked.iter().map(|(met, _)| (met.index.to_string(), serials(&met.ops))));
        let mut fates: Vec<_> = delivered.outcomes.iter().map(|o| (o.origin.serial, o.fate)).collect();
        fates.sort_by_key(|(serial, _)| *serial);
        fates
    });
    Done {
        fates,
        blocked,
        sent: script.sent.lock().expect("lock").clone(),
        lines: script.lines.lock().expect("lock").clone(),
        kept: script.kept.lock().expect("lock").clone(),
        told: script.told.lock().expect("lock").clone(),
    }
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
    let [letter] = &done.kept[..] else { panic!("{:?}", done.kept) };
    assert_eq!((letter.reason, letter.source.origin.serial), ("too_large", 1));
    let fates = [Fate::Indexed, Fate::DeadLettered, Fate::Indexed, Fate::Indexed];
    assert_eq!(done.fates, Ok((0..).zip(fates).collect()));
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_learned_once_and_kept_for_what_comes_after() {
    let (courier, script) = courier([Reply::Whole(Verdict::TooLarge("413".into()))]);
    let bytes = ops(4).iter().map(|op| op.lines.len()).sum::<usize>();
    deliver_by(&courier, &script, ops(4)).await;
    assert_eq!(courier.size.bytes(), bytes / 2);
    let done = deliver_by(&courier, &script, ops(4)).await;
    let halves = [vec![0, 1], vec![2, 3]];
    assert_eq!(done.sent, [&[vec![0, 1, 2, 3]][..], &halves, &halves].concat(), "no second request is too large");
    assert_eq!(done.told, [format!("limit {}", bytes / 2)]);
}

fn refused() -> Verdict {
    Verdict::Refused(Refusal {
        kind: "mapper_parsing_exception".into(),
        reason: "status 400: no".into(),
        for_want_of_fields: false,
    })
}

#[tokio::test(start_paused = true)]
async fn a_refused_document_is_sent_once_more_in_the_form_that_still_counts() {
    let done = deliver(2, [Reply::Items(vec![Verdict::Indexed, refused()])]).await;
    assert_eq!(done.sent, [vec![0, 1], vec![1]]);
    assert_eq!(done.fates, Ok(vec![(0, Fate::Indexed), (1, Fate::Indexed)]));
    assert_eq!(done.told, ["degraded"]);
    let whole: Vec<&[u8]> = done.lines[1].split(|byte| *byte == b'\n').collect();
    let small: Vec<&[u8]> = done.lines[2].split(|byte| *byte == b'\n').collect();
    assert_eq!((small.len(), small[0]), (3, whole[0]), "the same index and id, two lines");
}

#[tokio::test(start_paused = true)]
async fn refused_again_it_becomes_a_letter_with_the_whole_event_and_both_reasons() {
    let again =
        Verdict::Refused(Refusal { kind: "x".into(), reason: "status 400: never".into(), for_want_of_fields: false });
    let mut ops = ops(2);
    ops[1].event = Bytes::from_static(b"{\"as\":\"it came\"}");
    ops[1].offset = 77;
    let (courier, script) = courier([Reply::Items(vec![Verdict::Indexed, refused()]), Reply::Items(vec![again])]);
    let expected = ops[1].clone();
    let done = deliver_by(&courier, &script, ops).await;
    assert_eq!(done.fates, Ok(vec![(0, Fate::Indexed), (1, Fate::DeadLettered)]));
    let [letter] = &done.kept[..] else { panic!("{:?}", done.kept) };
    assert_eq!((letter.reason, &*letter.detail), ("refused", "status 400: no; degraded: status 400: never"));
    assert_eq!((letter.index.clone(), letter.id), (Some(expected.index), Some(expected.id)));
    assert_eq!((&letter.bytes, letter.offset), (&expected.event, 77));
}

#[tokio::test(start_paused = true)]
async fn blocked_ops_are_given_back_by_index_and_hold_up_nothing() {
    let block = |index: &str| Verdict::Blocked { index: Some(index.into()), reason: "flood stage".into() };
    let mut four = ops(4);
    four[1].index = "j".into();
    four[3].index = "j".into();
    let began = Instant::now();
    let reply = Reply::Items(vec![Verdict::Indexed, block("j"), Verdict::Indexed, block("j")]);
    let (courier, script) = courier([reply]);
    let done = deliver_by(&courier, &script, four).await;
    assert_eq!(done.fates, Ok(vec![(0, Fate::Indexed), (2, Fate::Indexed)]));
    assert_eq!(done.blocked, [("j".to_owned(), vec![1, 3])]);
    assert_eq!((done.sent.len(), began.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn most_of_an_index_refused_for_one_reason_halts_before_anything_is_degraded_or_kept() {
    let verdicts = |n_refused| (0..200).map(|n| if n < n_refused { refused() } else { Verdict::Indexed }).collect();
    let done = deliver(200, [Reply::Items(verdicts(100))]).await;
    let Err(Halt(why)) = &done.fates else { panic!("{:?}", done.fates) };
    assert!(why.contains("index i refused 100 of the last 200") && why.contains("--breaker-share"), "{why}");
    assert!(done.kept.is_empty() && done.sent.len() == 1);
    let fewer = deliver(200, [Reply::Items(verdicts(99))]).await;
    assert_eq!(fewer.fates.map(|fates| fates.len()), Ok(200));
}

#[tokio::test(start_paused = true)]
async fn what_waits_past_its_retention_expires_and_makes_no_index_anew() {
    let (courier, script) = courier([Reply::Items(vec![busy(), busy(), busy()])]);
    let mut three = ops(3);
    three[1].day = Day(three[0].day.0 - 1);
    courier.oldest_kept.set(Day(three[0].day.0 - 1));
    let later = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        courier.oldest_kept.set(three[0].day);
    };
    let (done, ()) = tokio::join!(deliver_by(&courier, &script, three.clone()), later);
    assert_eq!(done.sent, [vec![0, 1, 2], vec![0, 2]]);
    assert_eq!(done.fates, Ok(vec![(0, Fate::Indexed), (1, Fate::Expired), (2, Fate::Indexed)]));
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
