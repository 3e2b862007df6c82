use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::event::time::Millis;
use crate::pipeline::op::{Origin, RecordRef};
use crate::pipeline::position::Sequence;

/// 2026-11-21T00:00:00.005Z.
pub const ARRIVED: Millis = Millis(1_795_219_200_005);

pub fn letter(bytes: impl Into<Bytes>) -> Letter {
    Letter {
        reason: "not_json",
        detail: "it is not JSON".into(),
        index: Some("pinpoint-2026-11-20".into()),
        id: Some(EventId::of(b"event", None)),
        offset: 7,
        bytes: bytes.into(),
        source: RecordRef {
            origin: Origin { slot: 0, serial: 0 },
            shard: "shardId-000000000000".into(),
            sequence: Arc::new(Sequence::parse("49590338271490256608559692538361571095921575989136588898").unwrap()),
            sub_sequence: None,
            arrived: ARRIVED,
            wrapped: None,
        },
    }
}

fn parsed(document: &Document) -> Value {
    serde_json::from_slice(&document.json).unwrap()
}

/// The letter's bytes out of its documents, whichever limits cut them.
pub fn reassembled(documents: &[Value]) -> Vec<u8> {
    let mut pieces: Vec<_> = documents.iter().collect();
    pieces.sort_by_key(|d| d["part_at"].as_u64().unwrap_or_default());
    pieces.into_iter().flat_map(piece).collect()
}

fn piece(document: &Value) -> Vec<u8> {
    let Some(packed) = document["raw_gzip"].as_str() else {
        return document["raw"].as_str().unwrap().into();
    };
    let mut bytes = Vec::new();
    GzDecoder::new(&STANDARD.decode(packed).unwrap()[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Bytes that do not compress.
pub fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        // Knuth's MMIX generator; its high byte is random enough not to compress.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..size).map(|_| next()).collect()
}

#[test]
fn a_letter_says_where_it_came_from() {
    let documents = documents(&letter("{oops"), Some("arn:aws:kinesis:eu-west-1:1:stream/s"), 8 << 20).unwrap();
    let id = EventId::of(b"{oops", None);
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].id, id);
    assert_eq!(
        parsed(&documents[0]),
        serde_json::json!({
            "@timestamp": "2026-11-21T00:00:00.005Z", "arrived": 1_795_219_200_005_i64,
            "reason": "not_json", "detail": "it is not JSON",
            "index": "pinpoint-2026-11-20", "id": EventId::of(b"event", None).to_string(),
            "letter": id.to_string(), "stream": "arn:aws:kinesis:eu-west-1:1:stream/s",
            "shard": "shardId-000000000000",
            "sequence": "49590338271490256608559692538361571095921575989136588898",
            "offset": 7, "size": 5, "raw": "{oops",
        })
    );
}

#[test]
fn the_time_of_an_envelope_goes_with_the_letter_and_into_its_id() {
    let mut wrapped = letter("{}");
    wrapped.source.wrapped = Some(Millis(1_795_000_000_000));
    let found = parsed(&documents(&wrapped, None, 8 << 20).unwrap()[0]);
    let id = EventId::of(b"{}", Some(Millis(1_795_000_000_000))).to_string();
    assert_eq!((&found["wrapped"], &found["letter"]), (&1_795_000_000_000_i64.into(), &id.clone().into()));
    assert_ne!(id, EventId::of(b"{}", None).to_string(), "the same bytes of another day are another letter");
}

#[test]
fn a_letter_without_bytes_is_a_document_whatever_the_limit() {
    let whole = Whole { head: Head::of(&letter(Bytes::new()), Some("stream")), bytes: Bytes::new() };
    for limit in [0, 1, 500, 1 << 20] {
        let documents = documents_of(&whole, limit).unwrap();
        let read: Vec<_> = documents.iter().map(|d| crate::dead_letter::read::document(&d.json).unwrap()).collect();
        assert_eq!(crate::dead_letter::read::assemble(read).unwrap(), whole, "{limit}");
    }
}

proptest! {
    #[test]
    fn any_bytes_come_back_out_of_documents_of_any_size(
        text in "\\PC{0,300}", binary in prop::collection::vec(any::<u8>(), 0..40_000), is_text in any::<bool>(), limit in 0_usize..30_000
    ) {
        let bytes = Bytes::from(if is_text { text.into_bytes() } else { binary });
        let mut whole = Whole { head: Head::of(&letter(bytes.clone()), Some("stream")), bytes };
        whole.head.tries = 3;
        if is_text {
            whole.head.wrapped = Some(limit as i64 * 1_000_000_007);
            whole.head.letter = whole.id().to_string();
        }
        whole.head.first_reason = Some("refused".to_owned());
        let documents = documents_of(&whole, limit).unwrap();
        let read: Result<Vec<_>, _> = documents.iter().map(|d| crate::dead_letter::read::document(&d.json)).collect();
        let read = read.unwrap();
        prop_assert_eq!(&crate::dead_letter::read::assemble(read.clone()).unwrap(), &whole);
        // Pieces of another limit beside them, and in another order.
        let others = documents_of(&whole, limit / 2).unwrap();
        let others = others.iter().map(|d| crate::dead_letter::read::document(&d.json).unwrap());
        let both: Vec<_> = others.chain(read.clone()).rev().collect();
        prop_assert_eq!(&crate::dead_letter::read::assemble(both).unwrap(), &whole);
        // One line is the whole letter, whatever its size.
        let line = crate::dead_letter::to_line(&whole).unwrap();
        prop_assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
        prop_assert_eq!(&crate::dead_letter::from_line(&line).unwrap(), &whole);
        if read.len() > 1 {
            for missing in 0..read.len() {
                let mut fewer = read.clone();
                fewer.remove(missing);
                prop_assert!(crate::dead_letter::read::assemble(fewer).unwrap_err().contains("misses the part"));
            }
        }
    }
}

#[test]
fn what_is_not_known_is_not_there() {
    let bare = Letter { index: None, id: None, ..letter("x") };
    let document = parsed(&documents(&bare, None, 8 << 20).unwrap()[0]);
    for field in ["index", "id", "stream", "part", "raw_gzip"] {
        assert_eq!(document.get(field), None, "{field}");
    }
}

#[test]
fn bytes_that_are_no_text_and_long_text_are_compressed() {
    let form = |bytes: Vec<u8>| {
        let document = parsed(&documents(&letter(bytes.clone()), None, 8 << 20).unwrap()[0]);
        assert_eq!(reassembled(std::slice::from_ref(&document)), bytes);
        document.get("raw").is_some()
    };
    assert!(form(b"text\n\0\x7f".to_vec()));
    assert!(form(vec![b'x'; READABLE]));
    assert!(!form(vec![b'x'; READABLE + 1]));
    assert!(!form(vec![0xff]));
}

#[test]
fn text_that_grows_by_escaping_stays_below_the_limit() {
    // A control byte is six in JSON: half a megabyte becomes three.
    let controls = letter(vec![1; 512 << 10]);
    let documents = documents(&controls, None, 1 << 20).unwrap();
    assert!(documents.len() == 1 && parsed(&documents[0]).get("raw_gzip").is_some());
}

#[test]
fn a_long_sentence_is_cut_at_a_character() {
    let wordy = Letter { detail: "é".repeat(3_000), ..letter("x") };
    let document = parsed(&documents(&wordy, None, 8 << 20).unwrap()[0]);
    assert_eq!(document["detail"].as_str().unwrap().chars().count(), 2_048);
}

#[test]
fn the_same_bytes_are_the_same_letter() {
    let ids =
        |bytes: Vec<u8>| documents(&letter(bytes), None, 64 << 10).unwrap().iter().map(|d| d.id).collect::<Vec<_>>();
    let big = noise(200_000);
    assert_eq!(ids(big.clone()), ids(big.clone()));
    let mut other = big.clone();
    other[0] ^= 1;
    assert!(ids(big).iter().all(|id| !ids(other.clone()).contains(id)));
    // Two pieces with the same bytes are still two documents.
    let repeated = ids([noise(40_000), noise(40_000), noise(40_000)].concat());
    assert_eq!(repeated.len(), repeated.iter().collect::<std::collections::BTreeSet<_>>().len());
}

#[test]
fn bytes_that_grow_when_compressed_stay_below_the_limit() {
    let high: Vec<u8> = noise(3 << 20).into_iter().map(|byte| 144 + byte % 112).collect();
    let limit = 1 << 20;
    let documents = documents(&letter(high.clone()), None, limit).unwrap();
    assert!(documents.iter().all(|d| d.json.len() + 200 <= limit), "no room for the action line");
    assert_eq!(reassembled(&documents.iter().map(parsed).collect::<Vec<_>>()), high);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn parts_fit_the_limit_and_together(size in 0usize..400_000, limit in (16usize << 10)..(128 << 10)) {
        let bytes = noise(size);
        let documents = documents(&letter(bytes.clone()), None, limit).unwrap();
        prop_assert!(documents.iter().all(|d| d.json.len() <= limit));
        let parsed: Vec<_> = documents.iter().map(parsed).collect();
        prop_assert!(parsed.iter().all(|d| d["size"] == size));
        prop_assert_eq!(reassembled(&parsed), bytes);
    }
}
