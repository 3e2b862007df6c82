//! The partition key: one message's events keep together, in one shard and in their order, and messages spread.
//!
//! It is the id of the message (`msg.id`), as the family of the event says it; of an envelope that of the first event in
//! it that has one. What has none, is no event, or is packed otherwise (gzip, aggregates) is keyed by a hash of its bytes.

use md5::{Digest, Md5};

use super::envelope::{self, MOST_DEEP, Part, Payload};
use super::families::{self, Reading};
use super::msg::Msg;
use super::scan::{Fault, ScanLimits, Scanned, scan};
use super::walk::{self, unquoted};

/// Law of Kinesis: a partition key has at most so many characters.
const LONGEST: usize = 256;

/// What is beyond these bounds is no event.
const LIMITS: ScanLimits = ScanLimits { depth: 100, keys: 10_000 };

/// The key of `data`: of the JSON object it begins with.
pub fn of_data(data: &[u8]) -> String {
    let mut scanned = Scanned::default();
    of(scan_object(data, &mut scanned).then_some(&scanned), data)
}

/// The key of `data`, whose members are at hand where it is an object.
pub fn of(event: Option<&Scanned>, data: &[u8]) -> String {
    legal(event.and_then(|event| message(event, 0)).unwrap_or_default(), data)
}

/// The key itself where Kinesis takes it. Of one that is too long the digest, which leads all that share it to one shard
/// too; in place of none the digest of the event.
pub fn legal(key: String, data: &[u8]) -> String {
    match key.chars().take(LONGEST + 1).count() {
        0 => digest(data),
        n if n > LONGEST => digest(key.as_bytes()),
        _ => key,
    }
}

/// A string, escapes as they came, or a number; not an empty one.
pub fn scalar(value: &[u8]) -> Option<String> {
    let is_scalar = matches!(value.first(), Some(b'"' | b'-' | b'0'..=b'9'));
    let text = std::str::from_utf8(unquoted(value)).ok()?;
    (is_scalar && !text.is_empty()).then(|| text.to_owned())
}

/// The MD5 of `bytes` in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    format!("{:032x}", u128::from_be_bytes(Md5::digest(bytes).into()))
}

fn scan_object(data: &[u8], scanned: &mut Scanned) -> bool {
    let data = data.trim_ascii_start();
    data.starts_with(b"{") && matches!(scan(data, 0, &LIMITS, scanned), Ok(_) | Err(Fault::Crowded { .. }))
}

/// The id of the message that an event is about, or the first event in an envelope, `depth` envelopes deep.
fn message(event: &Scanned, depth: usize) -> Option<String> {
    let mut found = None;
    if depth < MOST_DEEP
        && let Some(envelope) = envelope::recognise(event)
    {
        envelope.parts(event, &mut |part| found = found.take().or_else(|| inside(&part, depth + 1)));
    }
    // An envelope out of which nothing comes is an event itself.
    found.or_else(|| id(event))
}

fn inside(part: &Part<'_>, depth: usize) -> Option<String> {
    let mut scanned = Scanned::default();
    let is_object = match &part.payload {
        Payload::Value(value) => scan_object(value, &mut scanned),
        other => scan_object(&other.bytes().ok()?, &mut scanned),
    };
    if is_object { message(&scanned, depth) } else { None }
}

fn id(event: &Scanned) -> Option<String> {
    let (known, mut msg) = (families::recognise(event)?, Msg::default());
    (known.read)(event, &mut Reading::of(event, &mut msg, &LIMITS));
    scalar(walk::at(&[b"{", msg.json(), b"}"].concat(), &["id"])?)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::event::clock::ClockBounds;
    use crate::event::time::Millis;
    use crate::event::unwrap::{Piece, Rules, Unwrapper, Wrapping};

    fn mail() -> Value {
        json!({"eventType": "Open", "mail": {"messageId": "m-1", "timestamp": "2026-11-21T08:00:00.000Z"}, "open": {}})
    }

    /// Events of each family, bare, by its documentation of which member names the message.
    fn events() -> Vec<(&'static str, Value)> {
        vec![
            ("m-1", mail()),
            ("t-1", json!({"eventType": "TEXT_DELIVERED", "eventVersion": "1.0", "messageId": "t-1"})),
            (
                "0A0000001234567B",
                json!({"msisdn": "447700900000", "messageId": "0A0000001234567B", "err-code": "0", "status": "delivered"}),
            ),
            ("u-1", json!({"message_uuid": "u-1", "status": "read", "timestamp": "2026-11-21T08:00:00Z"})),
            ("p-1", json!({"kind": "delivered", "messageId": "p-1", "timestamp": "2026-11-21T08:00:00Z"})),
            ("b-1", json!({"type": "delivery", "event_id": "1", "timestamp": "1795248000", "message_id": "b-1"})),
            (
                "1111-2222-3333",
                json!({"event_type": "_SMS.SUCCESS", "event_version": "3.1", "arrival_timestamp": 1_790_000_000_000_i64,
                    "awsAccountId": "1", "attributes": {"message_id": "1111-2222-3333"}}),
            ),
        ]
    }

    /// In each of the envelopes that providers and services put around events.
    fn wrapped(event: &Value) -> Vec<Value> {
        let (text, base64) = (event.to_string(), STANDARD.encode(event.to_string()));
        vec![
            json!({"msys": {"message_event": event}}),
            json!({"Type": "Notification", "MessageId": "n", "TopicArn": "t", "Message": text}),
            json!({"Records": [{"EventSource": "aws:sns", "Sns": {"MessageId": "n", "Message": text}}]}),
            json!({"Records": [{"eventSource": "aws:sqs", "messageId": "q", "body": text}]}),
            json!({"Records": [{"kinesis": {"data": base64}}]}),
            json!({"id": "e", "detail-type": "x", "source": "y", "detail": event}),
            json!({"requestId": "r", "timestamp": 1, "records": [{"data": base64}]}),
        ]
    }

    fn key(value: &Value) -> String {
        of_data(value.to_string().as_bytes())
    }

    #[test]
    fn a_message_has_one_key_whichever_way_its_events_come() {
        for (id, event) in events() {
            assert_eq!(key(&event), id, "{event}");
            for envelope in wrapped(&event) {
                assert_eq!(key(&envelope), id, "{envelope}");
                for twice in wrapped(&envelope) {
                    assert_eq!(key(&twice), id, "{twice}");
                }
            }
        }
    }

    #[test]
    fn of_several_the_first_that_has_an_id() {
        let body = |id: &str| json!({"eventSource": "aws:sqs", "messageId": "q", "body": mail().to_string().replace("m-1", id)});
        let other = json!({"eventSource": "aws:sqs", "messageId": "q", "body": "{\"a\":1}"});
        assert_eq!(key(&json!({"Records": [other, body("m-2"), body("m-3")]})), "m-2");
        let lines = format!("\n {}\n{}", mail(), mail().to_string().replace("m-1", "m-2"));
        assert_eq!(of_data(lines.as_bytes()), "m-1");
    }

    #[test]
    fn what_has_none_is_keyed_by_its_bytes() {
        // Nobody knows what another's messageId means; and an id may be missing, empty or no text.
        for text in [
            "{}",
            r#"{"messageId":"x"}"#,
            "text",
            "",
            "[{}]",
            r#"{"eventType":"Open","mail":{"messageId":""}}"#,
            r#"{"eventType":"Open","mail":{"messageId":{"a":1}}}"#,
            r#"{"eventType":"Open","mail":{"messageId":"x"},"mail":{}}"#,
        ] {
            let key = of_data(text.as_bytes());
            assert!(key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{text}: {key}");
            assert_ne!(key, of_data(format!("{text} ").as_bytes()), "{text}");
        }
        // RFC 1321, appendix A.5.
        assert_eq!(of_data(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of(None, b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn keys_that_kinesis_does_not_take_become_digests() {
        let check = |key: &str, expected: &str| assert_eq!(legal(key.to_owned(), b"abc"), expected, "{key}");
        check("k", "k");
        check(&"ü".repeat(256), &"ü".repeat(256));
        check("", "900150983cd24fb0d6963f7d28e17f72");
        let long = legal("a".repeat(257), b"x");
        assert_eq!((long.len(), &long), (32, &legal("a".repeat(257), b"y")), "one key, one shard");
        assert_ne!(long, legal("a".repeat(258), b"x"));
    }

    /// What a worker says of the message, from the documents it makes.
    fn id_in_documents(data: &[u8]) -> Option<String> {
        let clock = ClockBounds { lag: 604_800_000, lead: 3_600_000 };
        let rules = Rules { scan: LIMITS, inflated: 1 << 20, values: 1_000, clock, redaction: None };
        let (mut unwrapper, mut found) = (Unwrapper::new(rules), None);
        let wrapping = Wrapping { arrived: Millis(1_790_000_000_000), envelopes: &[], time: None };
        unwrapper.unwrap(&data.to_vec().into(), wrapping, &mut |piece| {
            if let (Piece::Event(event), None) = (piece, &found) {
                let body: Value = serde_json::from_slice(&event.body).expect("JSON");
                found = body["msg"]["id"].as_str().map(str::to_owned);
            }
        });
        found
    }

    #[test]
    fn it_is_the_id_that_the_document_will_have() {
        let mut events: Vec<_> = events().into_iter().map(|(_, event)| event).collect();
        events.extend(events.clone().iter().flat_map(wrapped));
        for event in events {
            assert_eq!(Some(key(&event)), id_in_documents(event.to_string().as_bytes()), "{event}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_key_that_kinesis_takes(data in prop::collection::vec(any::<u8>(), 0..64), deep in 0..20_usize) {
            let key = of_data(&data);
            prop_assert!((1..=256).contains(&key.chars().count()));
            let mut nested = json!({"text": String::from_utf8_lossy(&data)});
            for _ in 0..deep {
                nested = json!({"id": "e", "detail-type": "x", "source": "y", "detail": nested});
            }
            prop_assert_eq!(self::key(&nested).len(), 32);
        }
    }
}
