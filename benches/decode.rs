//! Decode and encode of one event after the other, on one core, beside what serde_json needs only to
//! check that the same bytes are JSON. `cargo bench --bench decode`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::NaiveDate;
use essink::event::clock::ClockBounds;
use essink::event::family::Prefixes;
use essink::event::scan::ScanLimits;
use essink::event::time::Millis;
use essink::event::unwrap::{Piece, Rules, Unwrapper, Wrapping};
use essink::pipeline::op::{Origin, RecordRef};
use essink::pipeline::position::{Sequence, ShardId};
use essink::pipeline::route::{OldestKept, Router};
use serde::de::IgnoredAny;
use testkit::events::{Events, Plan};

const ARRIVED: Millis = Millis(1_800_000_000_000);
const ROUND: Duration = Duration::from_millis(500);

fn main() {
    let events = events();
    let mean = events.iter().map(Bytes::len).sum::<usize>() / events.len();
    println!("{} events, {mean} bytes on average", events.len());
    let checked = per_event(&events, |event| {
        black_box(serde_json::from_slice::<IgnoredAny>(event).is_ok());
    });
    let hours = |h: i64| h * 3_600_000;
    let mut unwrapper = Unwrapper::new(Rules {
        scan: ScanLimits { depth: 100, keys: 10_000 },
        inflated: 32 << 20,
        values: 10_000,
        clock: ClockBounds { lag: hours(168), lead: hours(1) },
        redaction: None,
    });
    let mut router = Router::new(Prefixes::default(), OldestKept::default());
    let source = RecordRef {
        origin: Origin { slot: 0, serial: 0 },
        shard: ShardId::from("shardId-000000000000"),
        sequence: Sequence::parse("1").expect("a digit").into(),
        sub_sequence: None,
        arrived: ARRIVED,
        wrapped: None,
    };
    let decoded = per_event(&events, |event| {
        let wrapping = Wrapping { arrived: ARRIVED, envelopes: &[], time: None };
        unwrapper.next_record();
        unwrapper.unwrap(event, wrapping, &mut |piece| {
            match piece {
                Piece::Event(event) => black_box(router.op(&event, source.clone())),
                Piece::Poison(poison) => panic!("{}", poison.detail),
            };
        });
    });
    report("serde_json check only", checked, mean);
    report("decode + encode", decoded, mean);
    println!("ratio: {:.2} times a check", decoded.as_secs_f64() / checked.as_secs_f64());
}

fn report(what: &str, each: Duration, mean: usize) {
    let per_second = 1.0 / each.as_secs_f64();
    let mb = per_second * mean as f64 / 1e6;
    println!("{what:>22}: {:>6} ns an event, {per_second:>9.0} events/s a core, {mb:.0} MB/s", each.as_nanos());
}

/// The best of five rounds: the others were disturbed.
fn per_event(events: &[Bytes], mut work: impl FnMut(&Bytes)) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let (began, mut n) = (Instant::now(), 0);
        while began.elapsed() < ROUND {
            events.iter().for_each(&mut work);
            n += u32::try_from(events.len()).expect("few");
        }
        best = best.min(began.elapsed() / n);
    }
    best
}

/// As Pinpoint frames them, every kind of event in its share.
fn events() -> Vec<Bytes> {
    let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
    let plan = Plan { enriched: false, ..Plan::days(1, 2_000, day("2026-11-01")..day("2026-11-04")) };
    Events::new(plan).map(|event| Bytes::from(event.record())).collect()
}
