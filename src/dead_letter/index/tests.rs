use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;

use super::*;
use crate::dead_letter::document::tests::{letter, noise, reassembled};
use crate::pipeline::verdict::Refusal;

/// A cluster of one rule: requests above `takes` bytes are too large; otherwise `create` as a server does it.
#[derive(Default)]
struct Cluster {
    takes: usize,
    /// Answers to give before any other, last one first.
    first: Mutex<Vec<Reply>>,
    kept: Mutex<BTreeMap<(String, String), Value>>,
    requests: Mutex<Vec<usize>>,
}

impl Bulk for Arc<Cluster> {
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        let bytes = ops.iter().map(|op| op.lines.len()).sum();
        self.requests.lock().unwrap().push(bytes);
        if let Some(reply) = self.first.lock().unwrap().pop() {
            return reply;
        }
        if bytes > self.takes {
            return Reply::Whole(Verdict::TooLarge("413".into()));
        }
        let mut kept = self.kept.lock().unwrap();
        let create = |op: &BulkOp| {
            let action: Value = serde_json::from_slice(op.lines.split(|b| *b == b'\n').next().unwrap()).unwrap();
            let key = (op.index.to_string(), action["create"]["_id"].as_str().unwrap().to_owned());
            assert_eq!(action["create"]["_index"], key.0.as_str());
            let known = kept
                .insert(key, serde_json::from_slice(op.lines.split(|b| *b == b'\n').nth(1).unwrap()).unwrap())
                .is_some();
            if known { Verdict::AlreadyThere } else { Verdict::Indexed }
        };
        Reply::Items(ops.iter().map(create).collect())
    }
}

fn cluster(takes: usize, first: Vec<Reply>) -> (Arc<Cluster>, IndexLetters<Arc<Cluster>>) {
    let cluster = Arc::new(Cluster { takes, first: Mutex::new(first), ..Cluster::default() });
    (cluster.clone(), IndexLetters::new(cluster, IndexOptions::default()))
}

#[tokio::test]
async fn a_letter_is_kept_once_in_the_index_of_its_arrival() {
    let (cluster, letters) = cluster(usize::MAX, vec![]);
    letters.keep(&[letter("a"), letter("b"), letter("a")]).await.unwrap();
    letters.keep(&[letter("b")]).await.unwrap();
    let kept = cluster.kept.lock().unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.keys().all(|(index, _)| index == "essink-dead-letters-2026-11-21"), "{kept:?}");
    assert_eq!(cluster.requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_to_keep_sends_nothing() {
    let (cluster, letters) = cluster(usize::MAX, vec![]);
    letters.keep(&[]).await.unwrap();
    assert!(cluster.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn requests_stay_below_the_limit_and_large_letters_are_split() {
    let (cluster, letters) = cluster(10 << 20, vec![]);
    let big = noise(20 << 20);
    letters.keep(&[letter("small"), letter(big.clone()), letter("last")]).await.unwrap();
    assert!(cluster.requests.lock().unwrap().iter().all(|bytes| *bytes <= 8 << 20));
    let kept = cluster.kept.lock().unwrap();
    let parts: Vec<Value> = kept.values().filter(|d| d.get("parts").is_some()).cloned().collect();
    assert_eq!(parts.len(), 4, "20 MiB in pieces below 6 MiB");
    assert_eq!(reassembled(&parts), big);
}

#[tokio::test]
async fn a_smaller_limit_is_learned_and_remembered() {
    let (cluster, letters) = cluster(1 << 20, vec![]);
    let big = noise(3 << 20);
    letters.keep(&[letter(big.clone())]).await.unwrap();
    let parts: Vec<Value> = cluster.kept.lock().unwrap().values().cloned().collect();
    assert_eq!(reassembled(&parts), big);
    cluster.requests.lock().unwrap().clear();
    letters.keep(&[letter(noise(2 << 20))]).await.unwrap();
    assert!(cluster.requests.lock().unwrap().iter().all(|bytes| *bytes <= 1 << 20));
}

#[tokio::test]
async fn a_cluster_that_takes_nothing_halts_with_the_cure() {
    let (_, letters) = cluster(0, vec![]);
    let error = letters.keep(&[letter("a")]).await.unwrap_err();
    assert!(matches!(&error, KeepError::Halt(text) if text.contains("http.max_content_length")), "{error}");
}

#[tokio::test]
async fn troubles_are_told_apart_and_the_gravest_counts() {
    let one = |reply| async {
        let (_, letters) = cluster(usize::MAX, vec![reply]);
        match letters.keep(&[letter("a"), letter("b")]).await {
            Ok(()) => "kept",
            Err(KeepError::Busy(_)) => "busy",
            Err(KeepError::Halt(_)) => "halt",
        }
    };
    let text = String::new;
    let items = |a, b| Reply::Items(vec![a, b]);
    let blocked = || Verdict::Blocked { index: None, reason: text() };
    assert_eq!(one(Reply::Whole(Verdict::Busy(text()))).await, "busy");
    assert_eq!(one(Reply::Whole(Verdict::Halt(text()))).await, "halt");
    assert_eq!(one(Reply::Whole(blocked())).await, "busy");
    assert_eq!(one(items(Verdict::Indexed, Verdict::AlreadyThere)).await, "kept");
    assert_eq!(one(items(Verdict::Indexed, Verdict::Busy(text()))).await, "busy");
    assert_eq!(one(items(blocked(), Verdict::Indexed)).await, "busy");
    let refused = Verdict::Refused(Refusal { kind: text(), reason: text(), for_want_of_fields: false });
    assert_eq!(one(items(refused, Verdict::Busy(text()))).await, "halt");
    assert_eq!(one(items(Verdict::Busy(text()), Verdict::Halt(text()))).await, "halt");
    // Fewer answers than letters settle nothing.
    assert_eq!(one(Reply::Items(vec![Verdict::Indexed])).await, "busy");
    assert_eq!(one(items(Verdict::Indexed, Verdict::TooLarge(text()))).await, "kept", "sent again in smaller parts");
}
