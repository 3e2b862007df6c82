use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::app::redrive;
use crate::config::BYTES_IN_FLIGHT_PER_SENT;
use crate::dead_letter::{Head, Whole, from_line, to_line};
use crate::event::clock::ClockBounds;
use crate::event::family::Prefixes;
use crate::event::scan::ScanLimits;
use crate::event::time::Millis;
use crate::event::unwrap::Rules;
use crate::pipeline::op::Letter;
use crate::pipeline::position::Sequence;
use crate::pipeline::route::OldestKept;

/// Longer than anything here takes on a clock that is paused.
const NEVER: Duration = Duration::from_secs(3_600);

#[test]
fn bytes_are_counted_in_units_and_never_more_than_there_are() {
    let memory = Memory::new(1_000);
    assert_eq!((memory.bound(), memory.used()), (960, 0), "whole units only");
    for (bytes, expected) in [(0, 0), (1, 1), (64, 1), (65, 2), (960, 15), (961, 15), (usize::MAX, 15)] {
        assert_eq!(memory.units(bytes), expected, "{bytes} bytes");
    }
    assert_eq!(Memory::new(0).bound(), 64, "less than a unit would let nothing through");
    let most = Memory::new(u64::MAX);
    assert_eq!((most.bound(), most.used()), (u64::from(u32::MAX) * 64, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_used_up_is_waited_for_and_comes_back() {
    let memory = Memory::new(640);
    let first = memory.take(memory.units(500)).await.expect("room");
    assert_eq!(memory.used(), 512);
    let second = memory.take(2).await.expect("room");
    assert_eq!((memory.used(), memory.bound()), (640, 640));
    assert!(timeout(NEVER, memory.take(1)).await.is_err(), "the bound holds");
    drop(second);
    assert_eq!(memory.used(), 512);
    drop(timeout(NEVER, memory.take(2)).await.expect("there is room again"));
    drop(first);
    assert_eq!(memory.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_record_larger_than_the_bound_waits_until_it_is_alone() {
    let memory = Memory::new(640);
    let huge = memory.units(1 << 30);
    let small = memory.take(1).await.expect("room");
    assert!(timeout(NEVER, memory.take(huge)).await.is_err(), "it is not alone");
    drop(small);
    let alone = timeout(NEVER, memory.take(huge)).await.expect("it is");
    assert_eq!(memory.used(), memory.bound());
    assert!(timeout(NEVER, memory.take(1)).await.is_err(), "nothing beside it");
    drop(alone);
    assert_eq!(memory.used(), 0);
}

fn intake(memory: &Memory) -> (ShardIntake, mpsc::Receiver<Intake>) {
    const HOUR: i64 = 3_600_000;
    let rules = Rules {
        scan: ScanLimits { depth: 100, keys: 10_000 },
        inflated: 1 << 20,
        values: 10_000,
        clock: ClockBounds { lag: HOUR, lead: HOUR },
        redaction: None,
    };
    let (pipeline, entries) = mpsc::channel(1_000);
    let certain = Certain::default();
    let metrics = Metrics::new(|| 0);
    let intake = ShardIntake {
        slot: 0,
        shard: "shardId-000000000000".into(),
        unwrapper: Unwrapper::new(rules),
        router: Router::new(Prefixes::default(), OldestKept::default()),
        memory: memory.clone(),
        pipeline,
        certain,
        gauges: metrics.shard("shardId-000000000000"),
        metrics,
        health: Health::starting(),
        serial: 0,
        in_trouble: false,
    };
    (intake, entries)
}

fn record(n: usize, data: impl Into<Bytes>) -> Record {
    let sequence = Sequence::parse((100 + n).to_string()).expect("digits");
    Record { sequence, arrived: Millis(1_800_000_000_000), data: data.into() }
}

fn event(filling: usize) -> String {
    let stamp = 1_790_000_000_000_i64;
    let filling = "x".repeat(filling);
    format!(
        r#"{{"event_type":"x","event_version":"3.1","awsAccountId":"1","arrival_timestamp":{stamp},"a":"{filling}"}}"#
    )
}

/// Records of one page that are together, and some alone, larger than all that may be in flight.
#[tokio::test(start_paused = true)]
async fn a_page_larger_than_the_bound_comes_through_whole() {
    let memory = Memory::new(4 << 10);
    let (mut intake, mut entries) = intake(&memory);
    let sizes = [10, 100_000, 10, 300_000, 5_000, 300_000];
    let records = sizes.iter().enumerate().map(|(n, size)| record(n, event(*size))).collect();
    let page = Page { records, behind: None };
    let taken = tokio::spawn(async move { intake.page(page).await });
    let mut n = 0;
    while let Some(Intake::Entries(chunk)) = timeout(NEVER, entries.recv()).await.expect("no chunk waits for ever") {
        assert!(memory.used() > 0 && memory.used() <= memory.bound());
        assert!(chunk.iter().all(|entry| entry.ops.len() == 1 && entry.letters.is_empty()));
        n += chunk.len();
    }
    assert_eq!((n, taken.await.expect("no panic")), (sizes.len(), Ok(())));
    assert_eq!(memory.used(), 0, "every permit came back");
}

/// What `--memory` is checked with, against what is counted.
#[test]
fn an_event_counts_at_most_three_times_what_is_sent_of_it() {
    let memory = Memory::new(1 << 30);
    let (mut intake, _entries) = intake(&memory);
    let mut check = |what: &str, data: Vec<u8>| {
        let draft = intake.decode(&record(0, data));
        let sent: usize = draft.ops.iter().map(|op| op.lines.len()).sum();
        let (most, counted) = (sent * usize::try_from(BYTES_IN_FLIGHT_PER_SENT).expect("small"), draft.bytes);
        assert!(sent > 0 && counted <= most, "{what}: {counted} bytes in flight for {sent} sent");
        let kept: usize = draft.ops.iter().map(|op| op.lines.len() + op.event.len()).sum();
        assert!(counted >= kept, "{what}: {counted} counted, and {kept} kept");
    };
    for filling in [200, 1_000, 100_000] {
        check("alone", event(filling).into_bytes());
        check("many in a record", event(filling).repeat(7).into_bytes());
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, event(filling).as_bytes()).expect("memory takes it");
        check("gzip", gzip.finish().expect("memory takes it"));
    }
    check("unrecognized", format!("{{\"a\":\"{}\"}}", "x".repeat(300)).into_bytes());
    for filling in [200, 1_000, 100_000] {
        check("in envelopes", wrapped(&wrapped(&event(filling), 0), 1).into_bytes());
    }
}

/// A text as SNS delivers it, in the minute `n` of an hour of 2026-11-19.
fn wrapped(message: &str, n: usize) -> String {
    let time = format!("2026-11-19T10:{n:02}:00.000Z");
    json!({"Type": "Notification", "MessageId": "m", "Message": message, "Timestamp": time}).to_string()
}

/// One by one, as a re-drive does: the letters of the events, and of what is none, in one record.
#[test]
fn letters_from_envelopes_are_told_apart_and_find_their_day_again() {
    let (mut intake, _entries) = intake(&Memory::new(1 << 20));
    let parts = [wrapped("{}", 1), wrapped("{}", 2), wrapped(&event(9), 3), wrapped("no", 4), "{}".to_owned()];
    let draft = intake.decode(&record(0, parts.concat()));
    let indices: Vec<_> = draft.ops.iter().map(|op| op.index.to_string()).collect();
    let (by_envelope, own, by_arrival) = ("unrecognized-2026-11-19", "pinpoint-2026-09-21", "unrecognized-2027-01-15");
    assert_eq!(indices, [by_envelope, by_envelope, own, by_arrival]);
    let mut letters: Vec<_> = draft.ops.iter().map(|op| (op.event.clone(), op.source.clone())).collect();
    letters.extend(draft.letters.iter().map(|letter| (letter.bytes.clone(), letter.source.clone())));
    let heads: Vec<Head> = letters.iter().map(|(bytes, source)| head(bytes, source)).collect();
    let ids: BTreeSet<_> = heads.iter().map(|head| head.letter.clone()).collect();
    assert_eq!(ids.len(), 5, "equal bytes of different times are different letters");
    for ((bytes, source), op) in letters.iter().zip(&draft.ops) {
        let line = to_line(&Whole { head: head(bytes, source), bytes: bytes.clone() }).expect("a line");
        let kept = from_line(&line).expect("a letter");
        let record = redrive::record(&kept.head, 0);
        let again = decode::record(&mut intake.unwrapper, &mut intake.router, &kept.bytes, record);
        assert_eq!((&again.ops[0].index, again.ops[0].id, again.ops.len()), (&op.index, op.id, 1));
    }
    assert_eq!(heads.iter().map(|head| head.wrapped.is_some()).collect::<Vec<_>>(), [true, true, false, false, true]);
}

fn head(bytes: &Bytes, source: &RecordRef) -> Head {
    let (detail, bytes, source) = (String::new(), bytes.clone(), source.clone());
    Head::of(&Letter { reason: "refused", detail, index: None, id: None, offset: 0, bytes, source }, None)
}
