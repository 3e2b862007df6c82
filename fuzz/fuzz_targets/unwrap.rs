//! The input is the data of one record. Whatever it is: what comes out is JSON on one line under an id of the event's own
//! bytes, nothing is made up, and the bounds hold.

#![no_main]

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use essink::event::clock::ClockBounds;
use essink::event::degrade::degraded;
use essink::event::envelope::{MOST_DEEP, recognise};
use essink::event::family::{Family, Prefixes};
use essink::event::id::EventId;
use essink::event::scan::{Fault, ScanLimits, Scanned, scan};
use essink::event::time::Millis;
use essink::event::unwrap::{Event, Piece, Rules, Unwrapper, Wrapping};
use essink::pipeline::op::{Origin, RecordRef};
use essink::pipeline::position::{Sequence, ShardId};
use essink::pipeline::route::{OldestKept, Router};
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const ARRIVED: Millis = Millis(1_800_000_000_000);
const LATER: Millis = Millis(ARRIVED.0 + 86_400_000);
const HOUR: i64 = 3_600_000;
const LIMITS: ScanLimits = ScanLimits { depth: 20, keys: 100 };
const INFLATED: usize = 1 << 16;
const VALUES: usize = 64;

fuzz_target!(|data: &[u8]| {
    let data = Bytes::copy_from_slice(data);
    let (pieces, inflated) = unwrap(&data, ARRIVED, None);
    if data.starts_with(&[0x1f, 0x8b]) {
        pieces.iter().for_each(|piece| sound(piece));
        return;
    }
    let has_envelopes = in_order(&pieces, &data);
    pieces.iter().for_each(|piece| sound(piece));
    // What is in an envelope need not be JSON.
    if !has_envelopes && serde_json::from_slice::<Value>(&data).is_ok() {
        let broken = |piece: &&Piece| matches!(piece, Piece::Poison(poison) if poison.reason == "not_json");
        assert!(pieces.iter().find(broken).is_none(), "JSON is found to be none");
    }
    // What is taken out of envelopes counts with what is inflated.
    if data.len() + inflated < INFLATED && !pieces.iter().any(is_too_large) {
        let (zipped, _) = unwrap(&gzip(&data), ARRIVED, None);
        assert_eq!(names(&pieces), names(&zipped), "compressed, it is the same");
    }
});

fn unwrap(data: &Bytes, arrived: Millis, time: Option<Millis>) -> (Vec<Piece>, usize) {
    let clock = ClockBounds { lag: 168 * HOUR, lead: HOUR };
    let mut unwrapper =
        Unwrapper::new(Rules { scan: LIMITS, inflated: INFLATED, values: VALUES, clock, redaction: None });
    let mut pieces = Vec::new();
    unwrapper.unwrap(data, Wrapping { arrived, envelopes: &[], time }, &mut |piece| pieces.push(piece));
    assert!(unwrapper.held() <= unwrapper.inflated() && unwrapper.inflated() <= INFLATED);
    // What is left over when there are too many, and a broken member behind it; in an envelope, of each part.
    assert!(pieces.len() <= 3 * VALUES + 2);
    (pieces, unwrapper.inflated())
}

fn is_too_large(piece: &Piece) -> bool {
    matches!(piece, Piece::Poison(poison) if poison.reason == "too_large")
}

fn gzip(data: &[u8]) -> Bytes {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(data).expect("memory takes it");
    out.finish().expect("memory takes it").into()
}

/// What each piece is, without what depends on the envelopes.
fn names(pieces: &[Piece]) -> Vec<(usize, String)> {
    let name = |piece: &Piece| match piece {
        Piece::Event(event) => (event.offset, event.id.to_string()),
        Piece::Poison(poison) => (poison.offset, poison.detail.clone()),
    };
    pieces.iter().map(name).collect()
}

/// Pieces are slices of the data, one behind the other, and between them there is only what frames values; where one is
/// none, it was in an envelope that begins at its offset. `true` when there is an envelope.
fn in_order(pieces: &[Piece], data: &[u8]) -> bool {
    let (mut at, mut has_envelopes) = (0, false);
    for piece in pieces {
        let (offset, bytes) = match piece {
            Piece::Event(event) => (event.offset, &event.bytes),
            Piece::Poison(poison) => (poison.offset, &poison.bytes),
        };
        let envelope = envelope(data, offset);
        has_envelopes |= envelope.is_some();
        match envelope.filter(|end| !data[offset..].starts_with(bytes) || offset + bytes.len() < *end) {
            // The next of the same one.
            Some(end) if at == end => {}
            Some(end) => {
                frames(&data[at..offset]);
                at = end;
            }
            None => {
                frames(&data[at..offset]);
                at = offset + bytes.len();
                assert_eq!(&data[offset..at], &bytes[..]);
            }
        }
    }
    frames(&data[at..]);
    has_envelopes
}

/// Where the envelope that begins here ends.
fn envelope(data: &[u8], offset: usize) -> Option<usize> {
    let mut scanned = Scanned::default();
    let end = match scan(data, offset, &LIMITS, &mut scanned) {
        Ok(end) | Err(Fault::Crowded { end }) => end,
        Err(_) => return None,
    };
    recognise(&scanned).map(|_| end)
}

fn frames(between: &[u8]) {
    assert!(between.iter().all(|byte| byte.is_ascii_whitespace() || b"[],".contains(byte)), "bytes are lost");
}

fn sound(piece: &Piece) {
    match piece {
        Piece::Event(event) => sound_event(event),
        Piece::Poison(poison) => assert!(!poison.detail.contains(char::is_control) && poison.detail.len() < 200),
    }
}

fn sound_event(event: &Event) {
    let body = one_line(&event.body, event.family == Family::Pinpoint);
    let came: Value = serde_json::from_slice(&event.bytes).expect("an event is JSON to others too");
    assert!(body["essink"]["arrived"].is_string() && body["essink"]["rules"].is_string());
    let stamp = body["@timestamp"].as_str().expect("a time");
    assert!(event.body.starts_with(b"{\"@timestamp\":\"") && stamp.starts_with(&event.day.to_string()));
    assert!(event.day <= Millis(ARRIVED.0 + HOUR).day(), "a day of the future");
    if event.family == Family::Unrecognized {
        assert_eq!(body["event"], came);
    } else {
        assert!(body.as_object().expect("an object").len() >= came.as_object().expect("an object").len() + 2);
    }

    let chain = body["essink"]["envelopes"].as_array().map_or(&[][..], Vec::as_slice);
    let opened = chain.iter().filter(|name| !["gzip", "kpl"].contains(&name.as_str().expect("a name"))).count();
    // What was too deep to be opened is opened when it comes alone.
    if opened < MOST_DEEP {
        let (again, _) = unwrap(&event.bytes, LATER, event.wrapped);
        let [Piece::Event(again)] = &again[..] else { panic!("alone, the event is another thing") };
        assert_eq!((again.id, again.family, &again.bytes), (event.id, event.family, &event.bytes));
        assert!(event.wrapped.is_none() || again.day == event.day, "the envelope's day is lost");
    }
    let hash = EventId::of(&event.bytes, None).to_string();
    assert_eq!(event.id.to_string()[8..], hash[8..], "the id holds a hash of the bytes");

    let reason = "a \"reason\"\nwith a break";
    let less = one_line(&degraded(&event.body, &event.bytes, reason), true);
    assert_eq!(less["essink"]["degraded"], reason);
    assert_eq!(less["essink"]["raw"].as_str().map(str::as_bytes), Some(&event.bytes[..]));
    assert_eq!(less["@timestamp"], body["@timestamp"]);

    let op = Router::new(Prefixes::default(), OldestKept::default()).op(event, source()).expect("every day is kept");
    let lines: Vec<_> = op.lines.split_inclusive(|byte| *byte == b'\n').collect();
    let [action, source] = &lines[..] else { panic!("{} lines in a bulk body", lines.len()) };
    let action: Value = serde_json::from_slice(action).expect("an action is JSON");
    assert_eq!(action["create"]["_id"], event.id.to_string());
    assert_eq!(source.trim_ascii_end(), event.body);
}

/// Nothing that breaks a line, no key twice, and no key a mapping cannot hold where the mapping looks.
fn one_line(json: &[u8], mapped: bool) -> Value {
    assert!(!json.contains(&b'\n') && !json.contains(&b'\r'));
    let mut scanned = Scanned::default();
    let more = ScanLimits { depth: LIMITS.depth + 2, keys: LIMITS.keys + 150 };
    assert_eq!(scan(json, 0, &more, &mut scanned), Ok(json.len()), "{}", String::from_utf8_lossy(json));
    assert_eq!(scanned.json, json);
    let document = serde_json::from_slice(json).expect("a document is JSON");
    assert!(!mapped || can_be_mapped(&document), "a key with a dot, or a blank one");
    document
}

fn can_be_mapped(value: &Value) -> bool {
    match value {
        Value::Array(all) => all.iter().all(can_be_mapped),
        Value::Object(all) => all.iter().all(|(key, value)| {
            !key.contains('.') && !key.bytes().all(|byte| byte.is_ascii_whitespace()) && can_be_mapped(value)
        }),
        _ => true,
    }
}

fn source() -> RecordRef {
    RecordRef {
        origin: Origin { slot: 0, serial: 0 },
        shard: ShardId::from("shardId-000000000000"),
        sequence: Arc::new(Sequence::parse("1").expect("a digit")),
        sub_sequence: None,
        arrived: ARRIVED,
        wrapped: None,
    }
}
