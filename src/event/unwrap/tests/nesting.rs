//! Envelopes inside each other in any order, and hostile ones: nothing is lost, whatever stands around it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use testkit::kpl;

use super::*;

/// A way of putting contents into one envelope.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Kinesis,
    Transform,
    FirehoseHttp,
    FirehoseError,
    Sqs,
    Sns,
    SnsRecords,
    Logs,
    Http,
    HttpBase64,
    Gzip,
    Kpl,
}

/// Envelopes that hand on what they hold, whatever it is.
const PLAIN: [Kind; 7] =
    [Kind::Kinesis, Kind::Transform, Kind::FirehoseHttp, Kind::FirehoseError, Kind::Sqs, Kind::Sns, Kind::SnsRecords];

/// These, and those that make an event of what is no JSON: a form, a line of a log.
const ENVELOPES: [Kind; 10] = {
    let [a, b, c, d, e, f, g] = PLAIN;
    [a, b, c, d, e, f, g, Kind::Logs, Kind::Http, Kind::HttpBase64]
};

const KINDS: [Kind; 12] = {
    let [a, b, c, d, e, f, g, h, i, j] = ENVELOPES;
    [a, b, c, d, e, f, g, h, i, j, Kind::Gzip, Kind::Kpl]
};

impl Kind {
    /// The name in the chain.
    fn name(self) -> &'static str {
        match self {
            Self::Kinesis => "kinesis-lambda",
            Self::Transform => "firehose-transform",
            Self::FirehoseHttp => "firehose-http",
            Self::FirehoseError => "firehose-error",
            Self::Sqs => "sqs",
            Self::Sns | Self::SnsRecords => "sns",
            Self::Logs => "cloudwatch-logs",
            Self::Http | Self::HttpBase64 => "http",
            Self::Gzip => "gzip",
            Self::Kpl => "kpl",
        }
    }

    /// Whether it holds any bytes; the others hold text.
    fn holds_bytes(self) -> bool {
        use Kind::{FirehoseError, FirehoseHttp, Gzip, HttpBase64, Kinesis, Kpl, Transform};
        matches!(self, Kinesis | Transform | FirehoseHttp | FirehoseError | HttpBase64 | Gzip | Kpl)
    }

    /// A content that it can hold.
    fn fitting(self, content: Vec<u8>) -> Vec<u8> {
        if self.holds_bytes() { content } else { String::from_utf8_lossy(&content).into_owned().into_bytes() }
    }

    /// These contents in one envelope; only the first, where it has room for one.
    fn around(self, contents: &[Vec<u8>]) -> Vec<u8> {
        let text = |content: &Vec<u8>| String::from_utf8(content.clone()).expect("text");
        let each = |part: &dyn Fn(&Vec<u8>) -> Value| contents.iter().map(part).collect::<Vec<_>>();
        let only = &contents[0];
        let time = "2026-07-01T10:00:00.000Z";
        let sns = |c: &Vec<u8>| json!({"Type": "Notification", "Message": text(c), "Timestamp": time});
        let envelope = match self {
            Self::Kinesis => json!({"Records": each(&|c| {
                json!({"eventID": "e", "kinesis": {"data": STANDARD.encode(c), "approximateArrivalTimestamp": 1.7e9}})
            })}),
            Self::Transform => json!({"invocationId": "i", "records": each(&|c| {
                json!({"recordId": "r", "data": STANDARD.encode(c), "approximateArrivalTimestamp": 1_783_000_000_000_i64})
            })}),
            Self::FirehoseHttp => json!({"requestId": "q", "timestamp": 1_783_000_000_000_i64, "records": each(&|c| {
                json!({"data": STANDARD.encode(c)})
            })}),
            Self::FirehoseError => json!({"attemptsMade": 1, "rawData": STANDARD.encode(only), "errorCode": "400"}),
            Self::Sqs => json!({"Records": each(&|c| json!({"body": text(c), "eventSource": "aws:sqs"}))}),
            Self::Sns => sns(only),
            Self::SnsRecords => json!({"Records": each(&|c| json!({"EventSource": "aws:sns", "Sns": sns(c)}))}),
            Self::Logs => json!({"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": each(&|c| {
                json!({"id": "l", "timestamp": 1_783_000_000_000_i64, "message": text(c)})
            })}),
            Self::Http => json!({"requestContext": {}, "httpMethod": "POST", "body": text(only)}),
            Self::HttpBase64 => {
                json!({"requestContext": {}, "rawPath": "/", "isBase64Encoded": true, "body": STANDARD.encode(only)})
            }
            Self::Gzip => return gzip(&contents.concat()),
            Self::Kpl => {
                let users = contents.iter().map(|content| kpl::UserRecord::new("k", content.clone()));
                return kpl::aggregate(&users.collect::<Vec<_>>());
            }
        };
        envelope.to_string().into_bytes()
    }

    /// How many of so many contents it takes.
    fn room(self, contents: usize) -> usize {
        match self {
            Self::FirehoseError | Self::Sns | Self::Http | Self::HttpBase64 => 1,
            _ => contents,
        }
    }
}

/// Levels from the innermost out: a kind, and how often what is inside it is repeated. What is not text does not go
/// where text belongs, and an aggregate is opened where one record is.
fn levels() -> impl Strategy<Value = Vec<(Kind, usize)>> {
    prop::collection::vec((prop::sample::select(KINDS.to_vec()), 1..4_usize), 0..7).prop_map(|levels| {
        let mut kept: Vec<(Kind, usize)> = Vec::new();
        for (kind, times) in levels {
            let fits = match (kept.last().map(|(kind, _)| *kind), kind) {
                (Some(Kind::Kpl), Kind::Gzip | Kind::Kpl) => false,
                (Some(Kind::Gzip | Kind::Kpl), kind) => kind.holds_bytes(),
                _ => true,
            };
            if fits {
                kept.push((kind, times));
            }
        }
        // The data of a record are opened as an aggregate before they come here.
        if let Some((Kind::Kpl, _)) = kept.last() {
            kept.push((Kind::FirehoseHttp, 1));
        }
        kept
    })
}

/// An event of any family or of none, as it may be written.
fn any_event() -> impl Strategy<Value = String> {
    let stamp =
        prop_oneof![Just(json!(1_567_780_274_582_i64)), Just(json!(null)), Just(json!("2026-07-06T19:51:59.839Z"))];
    let samples =
        ["ses-firehose-click", "eum-docs-text-successful", "vonage-dlr-delivered", "sparkpost-events-api-click"];
    let sample = |name: &str| std::fs::read_to_string(format!("tests/samples/{name}.json")).expect("a sample");
    prop_oneof![
        (stamp, "\\PC{0,9}").prop_map(|(stamp, text)| {
            let mut event = pinpoint(&stamp);
            event["attributes"] = json!({"text": text});
            event.to_string()
        }),
        prop::sample::select(samples.to_vec()).prop_map(move |name| sample(name).trim().to_owned()),
        "\\PC{0,9}".prop_map(|text| format!("{{ \"a\":\n{} }}", json!(text))),
    ]
}

/// The events in `data`, by limits that no nesting here meets.
fn all(data: Vec<u8>) -> Vec<Event> {
    let (mut events, wrapping) = (Vec::new(), Wrapping { arrived: ARRIVED, envelopes: &[], time: None });
    let rules = Rules { inflated: 64 << 20, ..rules() };
    Unwrapper::new(rules).unwrap(&data.into(), wrapping, &mut |piece| match piece {
        Piece::Event(event) => events.push(event),
        Piece::Poison(poison) => panic!("{}: {}", poison.reason, poison.detail),
    });
    events
}

proptest! {
    #[test]
    fn an_event_is_the_same_in_any_envelopes(text in any_event(), levels in levels()) {
        let (bare, _) = event(text.clone());
        let (mut data, mut times) = (text.clone().into_bytes(), 1);
        for (kind, repeat) in &levels {
            data = kind.around(&vec![data; *repeat]);
            times *= kind.room(*repeat);
        }
        let found = all(data);
        prop_assert_eq!(found.len(), times);
        let chain: Vec<_> = levels.iter().rev().map(|(kind, _)| kind.name()).collect();
        for one in found {
            let body: Value = serde_json::from_slice(&one.body).expect("JSON");
            prop_assert_eq!((one.id, one.family, &one.bytes[..]), (bare.id, bare.family, text.as_bytes()));
            prop_assert_eq!(body["essink"]["envelopes"].as_array().cloned().unwrap_or_default(), json!(chain).as_array().cloned().unwrap_or_default());
            prop_assert!(one.day == bare.day || one.wrapped.is_some());
            // Alone, with the time that dated it: what a letter keeps.
            let mut again = Vec::new();
            let wrapping = Wrapping { arrived: ARRIVED, envelopes: &[], time: one.wrapped };
            Unwrapper::new(rules()).unwrap(&one.bytes, wrapping, &mut |piece| again.push(piece));
            let [Piece::Event(again)] = &again[..] else { panic!("{again:?}") };
            prop_assert_eq!((again.id, again.family, again.day), (one.id, one.family, one.day));
        }
    }

    #[test]
    fn every_byte_of_every_part_ends_in_an_event_or_in_poison(contents in prop::collection::vec(anything(), 1..5), kind in prop::sample::select(PLAIN.to_vec())) {
        let contents: Vec<_> = contents.into_iter().map(|content| kind.fitting(content)).collect();
        let taken = &contents[..kind.room(contents.len())];
        let bare: Vec<_> = taken.iter().flat_map(|content| names(&unwrap(content.clone()))).collect();
        let found = unwrap(kind.around(&contents));
        if bare.is_empty() {
            // Nothing is in it, and it is an event itself.
            prop_assert!(matches!(&found[..], [Piece::Event(event)] if event.family == Family::Unrecognized), "{:?}", found);
        } else {
            prop_assert_eq!(names(&found), bare);
        }
    }

    #[test]
    fn whatever_is_near_an_envelope_ends_in_pieces(kind in 0..ENVELOPES.len(), content in anything(), cut in any::<prop::sample::Index>(), with in any::<u8>(), how in 0..3) {
        let content = ENVELOPES[kind].fitting(content);
        let mut data = ENVELOPES[kind].around(&[content.clone(), content]);
        let at = cut.index(data.len());
        match how {
            0 => data[at] = with,
            1 => data.truncate(at),
            _ => data.insert(at, with),
        }
        let pieces = unwrap(data.clone());
        let blank = data.iter().all(|b| b.is_ascii_whitespace() || b"[]".contains(b));
        prop_assert!(blank || !pieces.is_empty(), "lost: {}", String::from_utf8_lossy(&data));
        for piece in pieces {
            if let Piece::Event(event) = piece {
                prop_assert!(serde_json::from_slice::<Value>(&event.body).is_ok() && !event.body.contains(&b'\n'));
            }
        }
    }

    #[test]
    fn members_of_envelopes_may_be_anything(name in 0..MEMBERS.len(), other in 0..MEMBERS.len(), value in values(), list in any::<bool>()) {
        let mut object = serde_json::Map::new();
        for (keys, path) in [(MEMBERS[other], false), (MEMBERS[name], true)] {
            for key in keys {
                let made = if path && list { json!([{"kinesis": &value, "body": &value, "data": &value, "Sns": &value, "message": &value, "eventSource": "aws:sqs"}, &value]) } else { value.clone() };
                object.insert((*key).to_owned(), made);
            }
        }
        for key in ["Type", "messageType"] {
            object.entry(key).and_modify(|value| *value = json!(if key == "Type" { "Notification" } else { "DATA_MESSAGE" }));
        }
        let text = Value::from(object).to_string();
        let pieces = unwrap(text.clone());
        prop_assert!(!pieces.is_empty(), "lost: {}", text);
        let again: Vec<_> = unwrap(gzip(text.as_bytes()));
        prop_assert_eq!(names(&pieces), names(&again));
    }
}

/// What tells envelopes.
const MEMBERS: [&[&str]; 10] = [
    &["Records"],
    &["records", "invocationId"],
    &["records", "requestId"],
    &["Type", "Message"],
    &["detail-type", "source", "detail"],
    &["rawData", "attemptsMade"],
    &["logEvents", "messageType"],
    &["requestContext", "httpMethod", "body", "headers", "queryStringParameters"],
    &["requestContext", "rawPath", "rawQueryString", "multiValueQueryStringParameters"],
    &["msys"],
];

/// Any small JSON value, some of them what an envelope would hold.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i32>().prop_map(Value::from),
        "[a-z=&%{}]{0,6}".prop_map(Value::from),
        Just(json!("{\"a\":1}")),
        Just(json!("eyJhIjoxfQ==")),
        Just(json!({"a": 1})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let key = prop::sample::select(vec!["data", "body", "Message", "kinesis", "Sns", "a.b", ""]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..3).prop_map(|members| members
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

/// What pieces are, without where they lie.
fn names(pieces: &[Piece]) -> Vec<(&'static str, EventId, Bytes)> {
    let name = |piece: &Piece| match piece {
        Piece::Event(event) => (event.family.name(), event.id, event.bytes.clone()),
        Piece::Poison(poison) => (poison.reason, EventId::of(&poison.bytes, None), poison.bytes.clone()),
    };
    pieces.iter().map(name).collect()
}
