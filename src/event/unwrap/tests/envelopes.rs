//! Events in envelopes: what becomes of them, of what cannot be read, and of what is too much.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn base64(data: impl AsRef<[u8]>) -> String {
    STANDARD.encode(data)
}

fn firehose(parts: &[String]) -> String {
    let records: Vec<Value> = parts.iter().map(|data| json!({"data": data})).collect();
    json!({"requestId": "r", "timestamp": 1_783_000_000_000_i64, "records": records}).to_string()
}

fn sns(message: &str) -> String {
    let time = "2026-07-01T10:00:00.000Z";
    json!({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:t", "Timestamp": time, "Message": message})
        .to_string()
}

fn sqs(bodies: &[&str]) -> String {
    let record = |body: &&str| json!({"messageId": "q", "body": body, "eventSource": "aws:sqs"});
    json!({"Records": bodies.iter().map(record).collect::<Vec<_>>()}).to_string()
}

fn eventbridge(detail: &Value, time: &str) -> String {
    json!({"id": "b", "detail-type": "t", "source": "s", "time": time, "detail": detail}).to_string()
}

/// A Pinpoint event of 2019, by a service's clock.
fn known() -> String {
    pinpoint(&json!(1_567_780_274_582_i64)).to_string()
}

#[test]
fn the_chain_and_what_is_kept_of_it_stand_in_the_document() {
    let inner = json!({"eventType": "X", "n": 1.0});
    let (found, body) = event(gzip(sqs(&[&sns(&eventbridge(&inner, "2026-07-02T00:00:00Z"))]).as_bytes()));
    assert_eq!(body["essink"]["envelopes"], json!(["gzip", "sqs", "sns", "eventbridge"]));
    assert_eq!(
        body["essink"]["wrapping"],
        json!([
            {"name": "sqs", "id": "q"},
            {"name": "sns", "id": "m", "time": "2026-07-01T10:00:00.000Z", "source": "arn:t"},
            {"name": "eventbridge", "id": "b", "time": "2026-07-02T00:00:00.000Z", "source": "s", "type": "t"},
        ])
    );
    assert_eq!((body["event"].clone(), &found.bytes[..]), (inner, &br#"{"eventType":"X","n":1.0}"#[..]));
    let (_, body) = event(sqs(&[r#"{"a":1}"#]).replace(r#","messageId":"q""#, ""));
    assert_eq!((&body["essink"]["envelopes"], &body["essink"]["wrapping"]), (&json!(["sqs"]), &Value::Null));
}

#[test]
fn an_embedded_event_is_its_text_on_one_line() {
    let (found, _) =
        event("{\"detail-type\":\"t\",\"source\":\"s\",\n \"detail\" : { \"a\" : [1.0,\n2] , \"b\":\"x y\" } }");
    assert_eq!(&found.bytes[..], br#"{"a":[1.0,2],"b":"x y"}"#);
    let rows =
        "[{\"msys\":{\"message_event\":{\"a\": 1}}},\n{\"msys\":{\"track_event\":{\"b\":2},\"gen_event\":{\"c\":3}}}]";
    let texts: Vec<_> = events(rows).into_iter().map(|event| (event.offset, event.bytes)).collect();
    let row = |at: usize, text: &'static str| (at, Bytes::from_static(text.as_bytes()));
    assert_eq!(texts, [row(1, r#"{"a":1}"#), row(38, r#"{"b":2}"#), row(38, r#"{"c":3}"#)]);
}

#[test]
fn what_is_in_a_part_may_be_anything_that_a_record_may_be() {
    let (a, b) = (r#"{"a":1}"#, known());
    let packed = testkit::kpl::aggregate(&[
        testkit::kpl::UserRecord::new("k", a),
        testkit::kpl::UserRecord::new("k", gzip(b.as_bytes())),
    ]);
    let parts = [
        base64(format!("{a}{b}\n")),
        base64(format!("[{a},{b}]")),
        base64(gzip(format!("{a}\n{b}").as_bytes())),
        base64(packed),
        base64(sns(&format!("{a}{b}"))),
        String::new(),
        base64(" \n"),
    ];
    let found = events(firehose(&parts));
    let ids: Vec<_> = found.iter().map(|event| event.id).collect();
    assert_eq!(ids, [event(a).0.id, event(b).0.id].repeat(5));
    let chains: Vec<Value> = found
        .iter()
        .map(|e| serde_json::from_slice::<Value>(&e.body).expect("JSON")["essink"]["envelopes"].take())
        .collect();
    let chain = |more: &[&str]| json!([&["firehose-http"], more].concat());
    assert_eq!(chains[..6], [chain(&[]), chain(&[]), chain(&[]), chain(&[]), chain(&["gzip"]), chain(&["gzip"])]);
    assert_eq!(chains[6..], [chain(&["kpl"]), chain(&["kpl", "gzip"]), chain(&["sns"]), chain(&["sns"])]);
    assert!(found.iter().all(|event| event.offset == 0), "where the envelope begins");
}

#[test]
fn one_part_that_cannot_be_read_is_poison_and_the_others_go_on() {
    let parts = [base64("{}"), "***".to_owned(), base64("{}nonsense"), base64("{\"a\":1,\"a\":2}{}"), base64("{}")];
    let envelope = firehose(&parts);
    check(format!("  {envelope}"), "e bad_envelope@2+3 e not_json@2+8 unsafe_json@2+13 e e");
    check(envelope.replace(r#""***""#, "7"), "e bad_envelope@0+10 e not_json@0+8 unsafe_json@0+13 e e");
    check(sqs(&["hello", "{}"]), "not_json@0+5 e");
    check(firehose(&[base64(&gzip(b"{}")[..9]), base64("{}")]), "bad_gzip@0+9 e");
    let mut aggregate = testkit::kpl::aggregate(&[testkit::kpl::UserRecord::new("k", "{}")]);
    aggregate.pop();
    check(firehose(&[base64(&aggregate), base64("{}")]), &format!("bad_kpl@0+{} e", aggregate.len()));
    let Piece::Poison(poison) = unwrap(envelope).remove(1) else { panic!("no poison") };
    assert_eq!((&poison.bytes[..], poison.detail.as_str()), (&b"***"[..], "a part of firehose-http is not base64"));
    assert_eq!(poison.wrapped, Some(Millis(1_783_000_000_000)));
    // The whole is unsafe: which of two would be the part?
    check(r#"{"Type":"Notification","Message":"{}","Message":"{}"}"#, "unsafe_json@0+53");
}

#[test]
fn an_envelope_that_holds_nothing_is_an_event_nobody_knows() {
    for text in [
        r#"{"msys":{}}"#.to_owned(),
        firehose(&[]),
        firehose(&[String::new(), " ".to_owned(), base64(" \n"), base64("[]")]),
        sns("\n"),
        r#"{"requestContext":{},"httpMethod":"GET","body":""}"#.to_owned(),
        r#"{"Records":[{"s3":{}}]}"#.to_owned(),
    ] {
        let (found, body) = event(text.clone());
        assert_eq!((found.family, &found.bytes[..]), (Family::Unrecognized, text.as_bytes()));
        assert_eq!(
            (&body["event"], &body["essink"]["envelopes"]),
            (&serde_json::from_str(&text).expect("JSON"), &Value::Null)
        );
    }
}

#[test]
fn an_event_that_has_no_time_is_filed_by_the_innermost_envelope_that_has_one() {
    let check = |data: String, day: &str, clock: Value, wrapped: Option<i64>| {
        let (found, body) = event(data.clone());
        assert_eq!((found.day.to_string().as_str(), &body["essink"]["clock"]), (day, &clock), "{data}");
        assert_eq!(found.wrapped.map(|at| at.0), wrapped, "{data}");
    };
    let (july_1, july_2) = (Some(1_782_900_000_000), Some(1_782_950_400_000)); // 10:00, 00:00
    let bare = json!({"a": 1});
    check(sns(r#"{"a":1}"#), "2026-07-01", json!("envelope"), july_1);
    check(sns(&eventbridge(&bare, "2026-07-02T00:00:00Z")), "2026-07-02", json!("envelope"), july_2);
    check(sns(&eventbridge(&bare, "soon")), "2026-07-01", json!("envelope"), july_1);
    check(eventbridge(&bare, "2026-07-07T05:53:20.001Z"), "2026-07-07", Value::Null, None);
    check(sqs(&[r#"{"a":1}"#]), "2026-07-07", Value::Null, None);
    check(sns(&known()), "2019-09-06", Value::Null, None);
    check(sns(&pinpoint(&json!(null)).to_string()), "2026-07-01", json!("envelope"), july_1);
    check(sns(&pinpoint(&json!(ARRIVED.0 + 2 * HOUR)).to_string()), "2026-07-01", json!("envelope"), july_1);
    let phone = json!({"event_type": "x", "event_version": "3.1", "arrival_timestamp": null});
    check(sns(&phone.to_string()), "2026-07-07", json!("corrected"), None);
}

#[test]
fn the_bytes_and_the_time_of_the_wrapping_give_the_same_event_again() {
    let (first, body) = event(sns(r#"{"a":1}"#));
    let mut again = Vec::new();
    let wrapping = Wrapping { arrived: ARRIVED, envelopes: &[], time: first.wrapped };
    Unwrapper::new(rules()).unwrap(&first.bytes, wrapping, &mut |piece| again.push(piece));
    let [Piece::Event(again)] = &again[..] else { panic!("{again:?}") };
    assert_eq!((again.id, again.family, again.day, again.wrapped), (first.id, first.family, first.day, first.wrapped));
    let document: Value = serde_json::from_slice(&again.body).expect("JSON");
    assert_eq!((&document["@timestamp"], &document["essink"]["clock"]), (&body["@timestamp"], &json!("envelope")));
    assert_eq!(first.id, event(r#"{"a":1}"#).0.id, "the time of an envelope is no part of the id");
}

/// `{}` in so many envelopes, of every second kind in turn.
fn deep(n: usize) -> String {
    (0..n).fold("{}".to_owned(), |inner, level| if level % 2 == 0 { sns(&inner) } else { sqs(&[&inner]) })
}

#[test]
fn eight_deep_is_opened_and_what_is_deeper_is_an_event() {
    for n in [0, 1, 7, 8] {
        let (found, body) = event(deep(n));
        assert_eq!((&found.bytes[..], body["essink"]["envelopes"].as_array().map_or(0, Vec::len)), (&b"{}"[..], n));
    }
    for (n, left) in [(9, 1), (12, 4), (14, 6)] {
        let (found, body) = event(deep(n));
        assert_eq!((found.family, &found.bytes[..]), (Family::Unrecognized, deep(left).as_bytes()));
        assert_eq!(body["essink"]["envelopes"].as_array().map(Vec::len), Some(8));
    }
}

#[test]
fn what_is_taken_out_of_envelopes_is_bounded_with_what_is_inflated() {
    // 1 MiB for all; each part takes its own bytes of it, and what it is inflated to.
    let bomb = gzip(&vec![b' '; (1 << 20) + 1]);
    check(firehose(&[base64(&bomb), base64("{}")]), &format!("too_large@0+{} e", bomb.len()));
    let large = gzip(&[b"{}", &vec![b' '; 700_000][..]].concat());
    check(firehose(&[base64(&large), base64(&large), base64("{}")]), &format!("e too_large@0+{} e", large.len()));
    let (half, more) = (format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 19)), "y".repeat(1 << 19));
    check(sqs(&[&half, &more, "{}"]), &format!("e too_large@0+{} e", 1 << 19));
    let mut unwrapper = Unwrapper::new(rules());
    let part = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 18));
    let data = Bytes::from(sqs(&[&sns(&part)]));
    let wrapping = Wrapping { arrived: ARRIVED, envelopes: &[], time: None };
    unwrapper.unwrap(&data, wrapping, &mut |piece| assert!(matches!(piece, Piece::Event(_))));
    let kept = unwrapper.inflated() - sns(&part).len() - part.len();
    assert!((1..200).contains(&kept), "{kept} bytes of the wrapping, which the event has a copy of");
    assert_eq!(unwrapper.held(), part.len());
    assert!(data.is_unique(), "an event holds what it was taken out of, and not what is around that");
}

/// A kilobyte of envelopes, compressed, around many small events: each has a copy of what is kept of them.
#[test]
fn what_is_kept_of_the_wrapping_is_bounded_over_all_events_of_a_record() {
    let mut data = firehose(&vec![base64("{}"); 2_000]);
    for _ in 0..6 {
        let detail: Value = serde_json::from_str(&data).expect("JSON");
        let long = "x".repeat(1_000);
        data = json!({"id": long, "source": long, "detail-type": long, "account": long, "region": long,
            "time": "2026-07-01T00:00:00Z", "detail": detail})
        .to_string();
    }
    let found = events(gzip(data.as_bytes()));
    assert_eq!(found.len(), 2_000);
    let bytes: usize = found.iter().map(|event| event.body.len()).sum();
    assert!(bytes < (1 << 20) + 2_000 * 500, "{bytes} bytes of documents");
    assert!(found[0].body.len() > 20_000, "the first have all of it");
}

#[test]
fn parts_are_counted_as_values_and_none_takes_the_place_of_another() {
    let many = |n: usize| firehose(&vec![base64("{}"); n]);
    assert_eq!(events(many(5_000)).len(), 5_000);
    check(many(5_001), &format!("too_many_values@0+{}", many(5_001).len()));
    let first = base64("{}".repeat(5_000));
    let found = unwrap(firehose(&[first, base64("{}"), base64("{}[]")]));
    let reasons = found.iter().filter_map(|piece| match piece {
        Piece::Poison(poison) => Some((poison.reason, poison.bytes.len())),
        Piece::Event(_) => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), [("too_many_values", 4)]);
    assert_eq!(found.len(), 4_998 + 1 + 2);
    let rules = Rules { values: 10_000, inflated: 32 << 20, ..rules() };
    let (mut n, wrapping) = (0, Wrapping { arrived: ARRIVED, envelopes: &[], time: None });
    let data = Bytes::from(firehose(&vec![base64(known()); 10_000]));
    Unwrapper::new(rules).unwrap(&data, wrapping, &mut |piece| n += usize::from(matches!(piece, Piece::Event(_))));
    assert_eq!(n, 10_000, "as many as Firehose packs, with more keys than one event may have");
}

#[test]
fn an_event_of_too_many_keys_stays_refused_in_an_envelope_and_outside() {
    let keys: Vec<String> = (0..5_001).map(|n| format!("{{\"a\":{n},\"b\":1}}")).collect();
    let crowded = format!("{{\"a\":[{}]}}", keys.join(","));
    check(crowded.clone(), &format!("unsafe_json@0+{}", crowded.len()));
    check(sns(&crowded), &format!("unsafe_json@0+{}", crowded.len()));
    let detail = format!(r#"{{"detail-type":"t","source":"s","detail":{crowded}}}"#);
    check(detail, &format!("unsafe_json@0+{}", crowded.len()));
}
