//! What a real cluster cannot be made to do on demand: replies lost, cut, short, or of somebody else.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::fake_bulk::{FakeBulk, Fault, ItemError, Mode};
use testkit::kinesis::Kinesis;

use crate::page::Page;
use crate::support::*;

const BATCH: usize = 100;

/// A record with an event that knows its number.
pub fn numbered(n: usize, filling: &str) -> (String, Vec<u8>) {
    let event = json!({
        "event_type": "x", "event_version": "3.1", "awsAccountId": "1", "arrival_timestamp": 1_790_000_000_000_i64,
        "attributes": {"n": n.to_string(), "filling": filling}
    });
    ("k".to_owned(), event.to_string().into_bytes())
}

/// Which numbered events an index pattern's prefix holds; fails when one is there twice.
pub fn numbers(fake: &FakeBulk, prefix: &str) -> BTreeSet<usize> {
    let documents = fake.documents();
    let ours: Vec<_> = documents.iter().filter(|document| document.index.starts_with(prefix)).collect();
    let number = |source: &[u8]| {
        let event: Value = serde_json::from_slice(source).expect("JSON");
        event["attributes"]["n"].as_str().expect("a text").parse().expect("a number")
    };
    let numbers: BTreeSet<usize> = ours.iter().map(|document| number(&document.source)).collect();
    assert_eq!(numbers.len(), ours.len(), "an event is there twice, under two ids");
    numbers
}

/// `args` for an endpoint that has nothing but `_bulk`, one request after the other, positions in `state`.
pub fn one_by_one<'a>(mut args: Vec<&'a str>, state: &'a str) -> Vec<&'a str> {
    args.extend(["--no-init-templates", "--state", state, "--in-flight", "1"]);
    args
}

/// Each fault with the items that the endpoint then counts. A batch meets its fault, and then none.
fn script() -> Vec<(Fault, usize)> {
    let every_third = Fault::items(|item| (item.at % 3 == 0).then(ItemError::busy));
    let two_bad = || Fault::items(|item| (item.at < 2).then(|| ItemError::mapping(item.id)));
    let five_blocked = Fault::items(|item| (item.at < 5).then(|| ItemError::flood_stage(item.index)));
    vec![
        // 0, 3, ... 99 are 34; only they come again.
        (every_third, BATCH),
        (Fault::None, 34),
        // Applied, though nobody said so: all come again and are there.
        (Fault::LoseReply, BATCH),
        (Fault::None, BATCH),
        (Fault::HalfReply, BATCH),
        (Fault::None, BATCH),
        (Fault::ShortItems(3), BATCH),
        (Fault::None, BATCH),
        (Fault::status(503, "process_cluster_event_timeout_exception"), BATCH),
        (Fault::None, BATCH),
        (Fault::Html, BATCH),
        (Fault::None, BATCH),
        // The endpoint never saw the items.
        (Fault::CutUpload, 0),
        (Fault::None, BATCH),
        // Refused whole, refused again in the form that dashboards count by, and then two dead letters in a bulk of their own.
        (two_bad(), BATCH),
        (two_bad(), 2),
        (Fault::None, 2),
        // One of them tries whether the block still stands.
        (five_blocked, BATCH),
        (Fault::None, 1),
        (Fault::None, 4),
    ]
}

/// Batches of `script`, three of which were applied before they came again, and two events nobody could index.
const BATCHES: usize = 9;
const ALREADY_THERE: u64 = 3 * BATCH as u64;
const REFUSED: u64 = 2;

#[tokio::test]
async fn after_every_fault_each_event_is_there_once_and_only_the_unsettled_was_sent_again() {
    let fake = FakeBulk::start(Mode::Scripted).expect("an endpoint");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("faulty", 1).await.expect("stream");
    let n = BATCHES * BATCH;
    let records: Vec<_> = (0..n).map(|n| numbered(n, "")).collect();
    kinesis.client().put_records("faulty", &records).await.expect("put");
    let (faults, items): (Vec<_>, Vec<_>) = script().into_iter().unzip();
    let n_requests = faults.len();
    fake.script(faults);

    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    let (page, log) = (Page::on_a_free_port(), dir.path().join("log"));
    let (kinesis_url, url) = (kinesis.url(), fake.url());
    let mut args = one_by_one(page.instead_of_none(run_args(&kinesis_url, &url, "faulty")), &state);
    let batch = BATCH.to_string();
    // Only the count closes a batch, however slow the machine is.
    args.extend(["--flush-count", &batch, "--flush-interval", "600s"]);
    let worker = start(&args, &log);
    let ended = async || {
        let [indexed, there, dead] = ["indexed", "already_there", "dead_lettered"];
        Some((page.events(indexed).await?, page.events(there).await?, page.events(dead).await?))
    };
    until("every event has ended", || async {
        ended().await.is_some_and(|(indexed, there, dead)| indexed + there + dead >= n as u64)
    })
    .await;
    let said = || std::fs::read_to_string(&log).expect("a log");
    assert_eq!(ended().await, Some((n as u64 - ALREADY_THERE - REFUSED, ALREADY_THERE, REFUSED)), "{}", said());
    assert_eq!(terminate(worker).await, Some(0), "{}", said());

    assert_eq!(fake.faults_left(), 0);
    assert_eq!((fake.requests(), fake.items()), (n_requests as u64, items.iter().sum::<usize>() as u64), "{}", said());
    let indexed = numbers(&fake, "pinpoint-");
    // The eighth batch begins with the two that were refused.
    let refused = [7 * BATCH, 7 * BATCH + 1];
    assert_eq!((0..n).filter(|n| !indexed.contains(n)).collect::<Vec<_>>(), refused, "{}", said());
    assert_eq!(fake.count("essink-dead-letters-"), refused.len());
}

/// Vector drops such a batch, logstash-output-opensearch 201 sends it again for ever.
#[tokio::test]
async fn a_limit_that_the_cluster_turns_out_to_have_is_met_once() {
    let fake = FakeBulk::start(Mode::Scripted).expect("an endpoint");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("limited", 1).await.expect("stream");
    let n = 10 * BATCH;
    let records: Vec<_> = (0..n).map(|n| numbered(n, "")).collect();
    kinesis.client().put_records("limited", &records).await.expect("put");
    fake.script(vec![Fault::Empty(413)]);
    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    let (kinesis_url, url) = (kinesis.url(), fake.url());
    let mut args = one_by_one(run_args(&kinesis_url, &url, "limited"), &state);
    let batch = BATCH.to_string();
    args.extend(["--flush-count", &batch, "--until-caught-up"]);
    let words = ["takes no larger request: bulk requests are kept under"];
    let done = finish(essink(&args)).await.expect(0, &words);
    assert_eq!(done.err.matches(words[0]).count(), 1, "{}", done.err);
    assert_eq!(numbers(&fake, "pinpoint-"), (0..n).collect());
    // The first hundred twice: whole, and in halves.
    assert_eq!(fake.items(), (n + BATCH) as u64);
    assert!(fake.requests() >= 21, "no request was larger than what went through: {}", fake.requests());
}
