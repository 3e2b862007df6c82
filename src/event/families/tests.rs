//! What holds for every family. Each has tests of its own beside it.

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::event::clock::ClockBounds;
use crate::event::unwrap::{Event, Piece, Rules, Unwrapper, Wrapping};

pub mod near;
mod page;

/// 2026-07-07T04:53:20Z
pub const ARRIVED: Millis = Millis(1_783_400_000_000);

/// The events in `data`, each with its document.
pub fn events(data: impl Into<Vec<u8>>) -> Vec<(Event, Value)> {
    let rules = Rules {
        scan: ScanLimits { depth: 100, keys: 10_000 },
        inflated: 1 << 20,
        values: 5_000,
        clock: ClockBounds { lag: 7 * 86_400_000, lead: 3_600_000 },
        redaction: None,
    };
    let mut events = Vec::new();
    let wrapping = Wrapping { arrived: ARRIVED, envelopes: &[], time: None };
    Unwrapper::new(rules).unwrap(&Bytes::from(data.into()), wrapping, &mut |piece| match piece {
        Piece::Event(event) => {
            let document = serde_json::from_slice(&event.body).expect("a body is JSON");
            events.push((event, document));
        }
        Piece::Poison(poison) => panic!("{poison:?}"),
    });
    events
}

/// The one event in `data`, and its document.
pub fn event(data: impl Into<Vec<u8>>) -> (Event, Value) {
    let mut events = events(data);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// Whose `event` is.
pub fn family(event: &Value) -> Family {
    self::event(event.to_string()).0.family
}

/// The vocabulary of the one event in `event`, which must be of `family`.
pub fn msg(family: Family, event: &Value) -> Value {
    let (found, mut document) = self::event(event.to_string());
    assert_eq!(found.family, family, "{event}");
    let mut msg = document["msg"].take();
    let provider = msg.as_object_mut().expect("an object").remove("provider");
    assert_eq!(provider, Some(Value::from(family.name())));
    msg
}

/// The events in the published samples whose file names begin with `prefix`, each with its file's name; rows of Bird's
/// without their wrapping.
pub fn samples(prefix: &str) -> Vec<(String, Value)> {
    let mut files: Vec<_> = std::fs::read_dir("tests/samples")
        .expect("samples are in the tree")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
        .collect();
    files.sort();
    let mut samples = Vec::new();
    for path in files {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let value: Value = serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
        let list = if let Value::Array(list) = value { list } else { vec![value] };
        for event in list {
            let row = event["msys"].as_object().and_then(|classes| classes.values().next()).cloned();
            samples.push((name.clone(), row.unwrap_or(event)));
        }
    }
    samples
}

/// Fails when an event of 4n parts takes more than eight times as long as one of n: it would be four times where each
/// part takes as long, and sixteen where each takes longer for every other. One calm moment is enough, because other
/// programs run beside.
pub fn assert_linear(n: usize, make: impl Fn(usize) -> Value) {
    let (one, four) = (Bytes::from(make(n).to_string()), Bytes::from(make(4 * n).to_string()));
    let best = |data: &Bytes| {
        let run = || {
            let begin = std::time::Instant::now();
            events(data.clone());
            begin.elapsed().as_secs_f64()
        };
        (0..3).map(|_| run()).fold(f64::INFINITY, f64::min)
    };
    let is_linear = || best(&four) / best(&one) < 8.0;
    assert!((0..10).any(|_| is_linear()), "four times as many parts take more than eight times as long");
}

/// Samples that hold a greeting, a number or an address where others have an event.
const NO_EVENTS: [&str; 4] = ["lambda-go-", "vonage-dlr-get-", "firehose-error-", "seed-kinesis-lambda-"];

/// The published events come through as they are, but for dots in keys, which a mapping takes for paths.
#[test]
fn no_published_event_is_changed() {
    let mut seen = 0;
    for entry in std::fs::read_dir("tests/samples").expect("samples are in the tree") {
        let path = entry.expect("readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        if !name.ends_with(".json") || NO_EVENTS.iter().any(|none| name.starts_with(none)) {
            continue;
        }
        for (event, document) in events(std::fs::read(&path).expect("readable")) {
            if event.family != Family::Unrecognized {
                let original = serde_json::from_slice(&event.bytes).expect("JSON");
                assert_held(&name, &original, &document);
                seen += 1;
            }
        }
    }
    assert!(seen >= 35, "{seen} events");
}

fn assert_held(path: &str, original: &Value, found: &Value) {
    let (Some(members), Some(_)) = (original.as_object(), found.as_object()) else {
        return assert_eq!(original, found, "{path}");
    };
    for (key, value) in members {
        assert_held(&format!("{path}.{key}"), value, &found[key.replace('.', "_")]);
    }
}
