use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::redact::{Class, How, Target};

mod envelopes;
mod nesting;

const ARRIVED: Millis = Millis(1_783_400_000_000); // 2026-07-07T04:53:20Z
const HOUR: i64 = 3_600_000;

fn rules() -> Rules {
    Rules {
        scan: ScanLimits { depth: 100, keys: 10_000 },
        inflated: 1 << 20,
        values: 5_000,
        clock: ClockBounds { lag: 7 * 24 * HOUR, lead: HOUR },
        redaction: None,
    }
}

fn unwrap(data: impl Into<Vec<u8>>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let wrapping = Wrapping { arrived: ARRIVED, envelopes: &[], time: None };
    Unwrapper::new(rules()).unwrap(&Bytes::from(data.into()), wrapping, &mut |piece| pieces.push(piece));
    pieces
}

fn events(data: impl Into<Vec<u8>>) -> Vec<Event> {
    let event = |piece| match piece {
        Piece::Event(event) => event,
        Piece::Poison(poison) => panic!("{poison:?}"),
    };
    unwrap(data).into_iter().map(event).collect()
}

fn event(data: impl Into<Vec<u8>>) -> (Event, Value) {
    let mut events = events(data);
    assert_eq!(events.len(), 1);
    let event = events.remove(0);
    let body = serde_json::from_slice(&event.body).expect("a body is JSON");
    (event, body)
}

/// `e` for an event, else the reason and the offset of the poison.
fn check(data: impl Into<Vec<u8>>, expected: &str) {
    let data = data.into();
    let text = |piece: &Piece| match piece {
        Piece::Event(_) => "e".to_owned(),
        Piece::Poison(p) => format!("{}@{}+{}", p.reason, p.offset, p.bytes.len()),
    };
    let found: Vec<String> = unwrap(data.clone()).iter().map(text).collect();
    assert_eq!(found.join(" "), expected, "{:.80}", String::from_utf8_lossy(&data));
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(data).expect("memory takes it");
    out.finish().expect("memory takes it")
}

fn pinpoint(stamp: &Value) -> Value {
    json!({"event_type": "x", "event_version": "3.1", "awsAccountId": "1", "arrival_timestamp": stamp})
}

#[test]
fn values_come_one_after_the_other_however_they_are_framed() {
    check("", "");
    check(" \n ", "");
    check("{}", "e");
    check("{}{}", "e e");
    check("{}\n{}\n", "e e");
    check("{\"a\":1} \r\n\t{}", "e e");
    check("[{},{}]", "e e");
    check("[]", "");
    check("[[{}],[],[ {} ]]{}", "e e e");
    check("{}".repeat(4_000), &vec!["e"; 4_000].join(" "));
}

#[test]
fn the_good_ones_are_kept_and_the_unreadable_rest_has_its_offset() {
    check("{}{]{}", "e not_json@2+4");
    check("nonsense", "not_json@0+8");
    check("{} 5 \"x\" null {}", "e not_an_object@3+1 not_an_object@5+3 not_an_object@9+4 e");
    check("[{},7,{}]", "e not_an_object@4+1 e");
    check("[{} {}]", "e not_json@4+3");
    check("[{},]", "e not_json@4+1");
    check("[,{}]", "not_json@1+4");
    check("[{}", "e not_json@3+0");
    check("{},{}", "e not_json@2+3");
    check("{\"a\":1", "not_json@0+6");
    check("{}".repeat(5_001), &format!("{} too_many_values@10000+2", vec!["e"; 5_000].join(" ")));
}

#[test]
fn a_value_that_must_not_be_sent_does_not_hold_up_the_next() {
    check("{\"a\":1,\"a\":2}{}", "unsafe_json@0+13 e");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    check(format!("{deep}{{}}"), &format!("unsafe_json@0+{} e", deep.len()));
    check(&b"{\"a\":\"\xff\"}{\"b\":\"\xc3\xa9\"}"[..], "unsafe_json@0+9 e");
    check(&b"{\"a\":\"\xc0\x80\"}"[..], "unsafe_json@0+10");
    check(&b"\xef\xbb\xbf{}"[..], "not_json@0+5");
}

#[test]
fn gzip_is_opened_within_its_limit() {
    let two = gzip(b"{}\n{}");
    check(two.clone(), "e e");
    check([gzip(b"{}"), gzip(b"{}")].concat(), "e e");
    check(&two[..two.len() - 4], &format!("bad_gzip@0+{}", two.len() - 4));
    check(&two[..12], "bad_gzip@0+12");
    check(vec![0x1f, 0x8b], "bad_gzip@0+2");
    check([&two[..], b"\n"].concat(), "e e");
    let (n, broken) = (two.len() + 1, &two[..two.len() - 4]);
    check([&two[..], b"\0", broken, &two].concat(), &format!("e e bad_gzip@{n}+{}", broken.len() + two.len()));
    // A value may go on in the next member; what is left of it is no event.
    check([gzip(b"{}{\"a\""), gzip(b":1}")].concat(), "e e");
    let (head, tail) = (gzip(b"{}{\"a\""), &two[..9]);
    check([&head[..], tail].concat(), &format!("e not_json@2+4 bad_gzip@{}+9", head.len()));
    let bomb = gzip(&vec![b' '; (1 << 20) + 1]);
    check(bomb.clone(), &format!("too_large@0+{}", bomb.len()));
    let (_, body) = event(gzip(b"{\"a\":1}"));
    assert_eq!(body["essink"]["envelopes"], json!(["gzip"]));
    let (_, body) = event(gzip(&gzip(b"{\"a\":1}")));
    assert_eq!(body["essink"]["envelopes"], json!(["gzip", "gzip"]), "whoever compressed it twice");
    let deep = (0..10).fold(b"{}".to_vec(), |data, _| gzip(&data));
    assert_eq!(unwrap(deep).len(), 1, "and one who did it ten times has a dead letter");
}

#[test]
fn what_is_packed_in_one_record_shares_its_limits() {
    let mut unwrapper = Unwrapper::new(rules());
    let mut unwrap = |data: Vec<u8>, next: bool| {
        if next {
            unwrapper.next_record();
        }
        let mut reasons = Vec::new();
        let wrapping = Wrapping { arrived: ARRIVED, envelopes: &["kpl"], time: None };
        unwrapper.unwrap(&Bytes::from(data), wrapping, &mut |piece| {
            reasons.push(match piece {
                Piece::Event(_) => "e",
                Piece::Poison(poison) => poison.reason,
            });
        });
        reasons
    };
    let large = gzip(&[b"{}", &vec![b' '; 700_000][..]].concat());
    assert_eq!(unwrap(large.clone(), true), ["e"]);
    assert_eq!(unwrap(large.clone(), false), ["too_large"], "the second of one record does not fit");
    assert_eq!(unwrap(large, true), ["e"], "the next record has limits of its own");
    assert_eq!(unwrap("{}".repeat(4_000).into_bytes(), true).len(), 4_000);
    let rest = unwrap("{}".repeat(4_000).into_bytes(), false);
    assert_eq!((rest.len(), rest.last()), (1_001, Some(&"too_many_values")));
}

#[test]
fn poison_does_not_keep_alive_what_stood_around_it() {
    let data = Bytes::from([&b"5 "[..], &vec![b' '; 1000]].concat());
    let mut pieces = Vec::new();
    let wrapping = Wrapping { arrived: ARRIVED, envelopes: &[], time: None };
    Unwrapper::new(rules()).unwrap(&data, wrapping, &mut |piece| pieces.push(piece));
    assert_eq!(pieces.len(), 1);
    assert!(data.is_unique(), "nothing else holds the record");
}

#[test]
fn an_event_is_filed_under_the_day_of_its_arrival_stamp() {
    let check = |event: Value, day: &str, timestamp: &str, clock: Value| {
        let (found, body) = self::event(event.to_string());
        assert_eq!((found.family, found.day.to_string().as_str()), (Family::Pinpoint, day), "{event}");
        assert_eq!((&body["@timestamp"], &body["essink"]["clock"]), (&json!(timestamp), &clock), "{event}");
        assert_eq!(body["arrival_timestamp"], event["arrival_timestamp"], "its own stamps stay as they came");
    };
    let (old, arrived) = ("2019-09-06T14:31:14.582Z", "2026-07-07T04:53:20.000Z");
    let corrected = json!("corrected");
    check(pinpoint(&json!(1_567_780_274_582_i64)), "2019-09-06", old, Value::Null);
    check(pinpoint(&json!("1567780274582")), "2019-09-06", old, Value::Null);
    check(pinpoint(&json!(1_567_780_274)), "2026-07-07", arrived, corrected.clone());
    check(pinpoint(&json!(null)), "2026-07-07", arrived, corrected.clone());
    check(pinpoint(&json!(ARRIVED.0 + HOUR + 1)), "2026-07-07", arrived, corrected.clone());
    check(pinpoint(&json!(ARRIVED.0 + HOUR)), "2026-07-07", "2026-07-07T05:53:20.000Z", Value::Null);
    let phone = json!({"event_type": "x", "event_version": "3.1", "arrival_timestamp": 1_567_780_274_582_i64});
    check(phone, "2026-07-07", arrived, corrected.clone());
    let phone = json!({"event_type": "x", "event_version": "3.1", "arrival_timestamp": ARRIVED.0 - 5 * HOUR});
    check(phone, "2026-07-06", "2026-07-06T23:53:20.000Z", Value::Null);
    check(json!({"event_type": "x", "event_version": "3.0"}), "2026-07-07", arrived, corrected);
}

#[test]
fn what_no_rule_recognises_goes_under_its_kinesis_day_unchanged() {
    for text in [
        r#"{"hello":"world","_id":1,"a.b":{"":[]}}"#,
        r#"{"event_type":"x"}"#,
        r#"{"event_type":{"a":1},"event_version":"3.1"}"#,
        r#"{"event_type":"x","event_version":"1.0"}"#,
        r#"{"event_type":"x","arrival_timestamp":1567780274582}"#,
    ] {
        let (found, body) = event(text);
        assert_eq!((found.family, found.day.to_string().as_str()), (Family::Unrecognized, "2026-07-07"), "{text}");
        assert_eq!(body["event"], serde_json::from_str::<Value>(text).expect("JSON"));
    }
}

#[test]
fn a_document_holds_the_whole_event_and_what_essink_adds() {
    let text = r#"{"event_type":"x","event_version":"3.1","awsAccountId":"012","metrics":{"n":1.0,"big":12345678901234567890},"arrival_timestamp":1567780274582}"#;
    let (found, _) = event(format!(" {text}\n"));
    let expected = format!(
        r#"{{"@timestamp":"2019-09-06T14:31:14.582Z","essink":{{"arrived":"2026-07-07T04:53:20.000Z","rules":"2"}},"msg":{{"provider":"pinpoint","event":"x","channel":"app"}},{}"#,
        &text[1..]
    );
    assert_eq!(String::from_utf8(found.body).expect("text"), expected);
}

#[test]
fn the_id_is_of_the_bytes_and_of_nothing_else() {
    let text = pinpoint(&json!(1_567_780_274_582_i64)).to_string();
    let alone = event(text.clone()).0.id;
    assert_eq!(events(format!("{{}}\n{text}\n"))[1].id, alone, "whatever stands around it");
    assert_eq!(events(format!("[{text}]"))[0].id, alone);
    assert_eq!(event(gzip(text.as_bytes())).0.id, alone);
    let mut later = Vec::new();
    let wrapping = Wrapping { arrived: Millis(ARRIVED.0 + 99 * 24 * HOUR), envelopes: &["kpl"], time: None };
    Unwrapper::new(rules()).unwrap(&Bytes::from(text.clone()), wrapping, &mut |piece| later.push(piece));
    assert!(matches!(&later[..], [Piece::Event(e)] if e.id == alone), "whenever it arrived");
    assert_ne!(event(text.replace(":", ": ")).0.id, alone, "other bytes are another event");
    // The six bytes of 1567780274582 are 01 6d 06 fc 81 96.
    assert!(alone.to_string().starts_with("AW0G_IGW"), "{alone}");
    assert_eq!(alone.to_string().len(), EventId::LEN);
    assert!(event("{}").0.id.to_string().starts_with("AAAAAAAA"), "no readable time, no clock");
}

#[test]
fn every_published_pinpoint_event_is_recognised() {
    let mut n = 0;
    for entry in std::fs::read_dir("tests/samples").expect("samples are in the tree") {
        let path = entry.expect("readable").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name").to_owned();
        let ours = ["pinpoint-", "mobile-", "amplify-", "seed-session"].iter().any(|p| name.starts_with(p));
        if !ours || name.contains("custom-channel") {
            continue;
        }
        for event in events(std::fs::read(&path).expect("readable")) {
            assert_eq!(event.family, Family::Pinpoint, "{name}");
            n += 1;
        }
    }
    assert_eq!(n, 16, "events in the published samples");
}

#[test]
fn redaction_changes_the_document_and_not_the_event() {
    let text =
        r#"{"event_type":"x","event_version":"3.1","client":{"client_id":"c1"},"arrival_timestamp":1783400000000}"#;
    let redaction = Redaction::new(vec![(Target::Class(Class::Users), How::Drop)], None);
    let mut rules = rules();
    rules.redaction = Some(Arc::new(redaction));
    let mut found = Vec::new();
    let wrapping = Wrapping { arrived: ARRIVED, envelopes: &[], time: None };
    Unwrapper::new(rules).unwrap(&Bytes::from(text), wrapping, &mut |piece| found.push(piece));
    let [Piece::Event(redacted)] = &found[..] else { panic!("{found:?}") };
    let whole = event(text).0;
    assert_eq!((redacted.id, &redacted.bytes, redacted.redacted), (whole.id, &whole.bytes, true));
    let body = |event: &Event| String::from_utf8(event.body.clone()).expect("text");
    assert!(body(&whole).contains("c1") && !whole.redacted);
    assert!(!body(redacted).contains("c1"), "{}", body(redacted));
}

/// Bytes, most of them like a record's. Not gzip, whose pieces lie in other data.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "{}",
        "{\"a\":1}",
        "{\"a\":[{}]}",
        "[",
        "]",
        ",",
        " ",
        "\n",
        "{",
        "}",
        "\"",
        "5",
        "null",
        "{\"a\":1,\"a\":2}",
        "é",
    ]);
    let part =
        prop_oneof![9 => word.prop_map(|w| w.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..9)];
    let data = prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat());
    data.prop_filter("no gzip", |data| !data.starts_with(&[0x1f, 0x8b]))
}

proptest! {
    #[test]
    fn any_bytes_are_events_or_poison_and_none_is_lost(data in anything()) {
        // Only arrays are opened, so only their marks may be in no piece; and a mark needs an array.
        let opened = data.contains(&b'[');
        let between = |gap: &[u8]| gap.iter().all(|b| b.is_ascii_whitespace() || (opened && b"[],".contains(b)));
        let mut at = 0;
        for piece in unwrap(data.clone()) {
            let (offset, bytes) = match &piece {
                Piece::Event(event) => (event.offset, &event.bytes),
                Piece::Poison(poison) => (poison.offset, &poison.bytes),
            };
            prop_assert!(offset >= at && data[offset..].starts_with(bytes), "{piece:?}");
            prop_assert!(between(&data[at..offset]), "lost before {piece:?}");
            at = offset + bytes.len();
        }
        prop_assert!(between(&data[at..]), "lost at the end, from {at}");
    }

    #[test]
    fn any_run_of_values_gives_one_event_each(texts in prop::collection::vec("\\{\"[a-z]{1,3}\":[1-9][0-9]{0,2}\\}", 0..20), gap in "[ \n]{0,3}") {
        let found = events(texts.join(&gap));
        prop_assert_eq!(found.len(), texts.len());
        for (event, text) in found.iter().zip(&texts) {
            prop_assert_eq!(event.id, EventId::of(text.as_bytes(), None));
        }
    }
}
