use proptest::prelude::*;
use serde_json::{Value, json};

use crate::event::families::tests::{ARRIVED, event, msg, near};
use crate::event::family::Family;

const TEXT: &str = include_str!("../../../../tests/samples/eum-docs-text-successful.json");
const DELIVERED: &str = include_str!("../../../../tests/samples/eum-eventbridge-text-delivered.json");
const PROTECTED: &str = include_str!("../../../../tests/samples/eum-eventbridge-text-successful-protect.json");
const RCS: &str = include_str!("../../../../tests/samples/eum-rcs-events.json");
const INBOUND: &str = include_str!("../../../../tests/samples/eum-rcs-inbound-sns.json");

/// The events in a sample, out of the envelope of EventBridge.
fn sample(text: &str) -> Vec<Value> {
    match serde_json::from_str(text).expect("JSON") {
        Value::Array(events) => events,
        mut event if event["detail"].is_object() => vec![event["detail"].take()],
        event => vec![event],
    }
}

fn samples() -> Vec<Value> {
    [TEXT, DELIVERED, PROTECTED, RCS, INBOUND].into_iter().flat_map(sample).collect()
}

fn check(event: &Value, expected: &Value) {
    assert_eq!(&msg(Family::Eum, event), expected, "{event}");
}

/// A status of this type with these members.
fn status(event_type: &str, more: &Value) -> Value {
    let mut event = json!({"eventType": event_type, "eventTimestamp": 1_759_342_841_377_i64, "messageId": "m1"});
    event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    event
}

#[test]
fn published_texts_say_what_they_say() {
    check(
        &sample(TEXT)[0],
        &json!({"event": "TEXT_SUCCESSFUL", "channel": "sms", "status": "delivered", "final": true,
            "id": "862a8790-60c0-4430-9b2b-658bdexample", "to": "+14255550156", "from": "+12065550152",
            "carrier": "310800", "parts": 1, "reason": "Message has been accepted by phone carrier",
            "cost_usd": 0.09582, "tags": ["account=bar"]}),
    );
    check(
        &sample(DELIVERED)[0],
        &json!({"event": "TEXT_DELIVERED", "channel": "sms", "status": "delivered", "final": true,
            "id": "9539975a-e71f-45f3-b496-8d98dc098a77", "from": "+18445550123", "country": "US",
            "carrier": "T-mobile USA Inc.", "parts": 1, "reason": "Message has been accepted by phone",
            "cost_usd": 0.00881}),
    );
    check(
        &sample(PROTECTED)[0],
        &json!({"event": "TEXT_SUCCESSFUL", "channel": "sms", "status": "delivered", "final": true,
            "id": "ed23196c-75ce-4727-93ee-7bf72b64998f", "from": "VAJZNBLLDX", "country": "ES", "carrier": "Movistar",
            "parts": 1, "reason": "Message has been accepted by phone carrier", "cost_usd": 0.06087}),
    );
}

#[test]
fn published_rcs_events_say_what_they_say() {
    let rcs = sample(RCS);
    let first = json!({"event": "RCS_DELIVERED", "channel": "rcs", "status": "delivered", "final": true,
        "id": "test-sc1-004", "to": "+13022640220", "from": "rcs-c020de2520714385964ebf7b095c4b60", "country": "US",
        "parts": 1, "reason": "Message has been accepted by phone", "cost_usd": 0.01194});
    check(&rcs[0], &first);
    let mut read = first;
    read["event"] = json!("RCS_READ");
    read["status"] = json!("read");
    read["reason"] = json!("Message has been read by recipient");
    read["cost_usd"] = json!(0.0);
    check(&rcs[1], &read);
    check(
        &rcs[2],
        &json!({"event": "RCS_DELIVERED", "channel": "rcs", "status": "delivered", "final": true,
            "id": "b4a3196d-5b61-4884-a0d9-745acf1f6235", "to": "+14376638816",
            "from": "rcs-f4e4252a5abe48bea50a6c176a056124", "country": "CA", "parts": 1,
            "reason": "Message has been accepted by phone", "cost_usd": 0.012,
            "conversation": "177930985040408106521449"}),
    );
}

#[test]
fn every_outcome_has_the_status_that_the_table_says() {
    const TEXT_AND_MEDIA: [(&str, &str); 14] = [
        ("QUEUED", "sent"),
        ("PENDING", "sent"),
        ("SENT", "sent"),
        ("SUCCESSFUL", "delivered"),
        ("DELIVERED", "delivered"),
        ("INVALID", "failed"),
        ("INVALID_MESSAGE", "failed"),
        ("UNREACHABLE", "failed"),
        ("CARRIER_UNREACHABLE", "failed"),
        ("BLOCKED", "rejected"),
        ("CARRIER_BLOCKED", "rejected"),
        ("SPAM", "rejected"),
        ("UNKNOWN", "failed"),
        ("TTL_EXPIRED", "failed"),
    ];
    let files = ["FILE_INACCESSIBLE", "FILE_TYPE_UNSUPPORTED", "FILE_SIZE_EXCEEDED"].map(|outcome| (outcome, "failed"));
    let calls = [
        ("INITIATED", "sent"),
        ("RINGING", "sent"),
        ("ANSWERED", "delivered"),
        ("COMPLETED", "delivered"),
        ("BUSY", "failed"),
        ("NO_ANSWER", "failed"),
        ("FAILED", "failed"),
        ("TTL_EXPIRED", "failed"),
    ];
    let rcs = [
        ("QUEUED", "sent"),
        ("SENT", "sent"),
        ("DELIVERED", "delivered"),
        ("READ", "read"),
        ("FAILED", "failed"),
        ("TTL_EXPIRED", "failed"),
        ("PROTECT_BLOCKED", "rejected"),
        ("FALLEN_BACK_TO_SMS", "failed"),
    ];
    let text: Vec<_> = TEXT_AND_MEDIA.into_iter().chain([("PROTECT_BLOCKED", "rejected")]).collect();
    let media: Vec<_> = TEXT_AND_MEDIA.into_iter().chain(files).collect();
    let all = [("TEXT", "sms", &text[..]), ("MEDIA", "mms", &media), ("VOICE", "voice", &calls), ("RCS", "rcs", &rcs)];
    for (head, channel, outcomes) in all {
        for (outcome, status) in outcomes {
            let said = msg(Family::Eum, &self::status(&format!("{head}_{outcome}"), &json!({})));
            assert_eq!((&said["channel"], &said["status"]), (&json!(channel), &json!(status)), "{head}_{outcome}");
            let class = if matches!(*status, "failed" | "rejected") { json!(outcome) } else { Value::Null };
            assert_eq!(said["reason_class"], class, "{head}_{outcome}");
        }
    }
}

#[test]
fn an_outcome_nobody_knows_has_no_status() {
    for (event_type, channel) in [("TEXT_OF_THE_FUTURE", "sms"), ("RCS_", "rcs")] {
        check(&status(event_type, &json!({})), &json!({"event": event_type, "channel": channel, "id": "m1"}));
    }
}

#[test]
fn what_fell_back_to_sms_failed_for_that_reason() {
    let fallen = status("RCS_FALLEN_BACK_TO_SMS", &json!({"messageStatusDescription": "Sent as SMS instead"}));
    let expected = json!({"event": "RCS_FALLEN_BACK_TO_SMS", "channel": "rcs", "status": "failed", "id": "m1",
        "reason": "FALLEN_BACK_TO_SMS", "reason_class": "FALLEN_BACK_TO_SMS"});
    check(&fallen, &expected);
}

/// Events that are not final carry the same price as the one that is.
#[test]
fn a_message_costs_on_its_final_events() {
    let cost = |event_type: &str, more: Value| msg(Family::Eum, &status(event_type, &more))["cost_usd"].clone();
    let prices = json!({"totalMessagePrice": 0.01, "totalCarrierFee": 0.003});
    for (is_final, expected) in [
        (json!(true), json!(0.013)),
        (json!(false), Value::Null),
        (json!("true"), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let mut event = prices.clone();
        event["isFinal"] = is_final.clone();
        assert_eq!(cost("TEXT_SUCCESSFUL", event), expected, "{is_final}");
    }
    assert_eq!(cost("TEXT_SUCCESSFUL", prices), Value::Null);
}

#[test]
fn a_cost_is_a_whole_sum_or_nothing() {
    let cost = |price: Value, fee: Value, session: Value| {
        let mut event = json!({"isFinal": true});
        for (name, value) in
            [("totalMessagePrice", price), ("totalCarrierFee", fee), ("conversationSessionFee", session)]
        {
            if value != "absent" {
                event[name] = value;
            }
        }
        msg(Family::Eum, &status("RCS_DELIVERED", &event))["cost_usd"].clone()
    };
    let absent = || json!("absent");
    // 0.01 + 0.003 is 0.013000000000000001 in doubles.
    assert_eq!(cost(json!(0.01), json!(0.003), absent()), json!(0.013));
    assert_eq!(cost(json!(0.00581), json!(0.003), absent()), json!(0.00881));
    assert_eq!(cost(json!("0.1"), json!("0.2"), absent()), json!(0.3));
    assert_eq!(cost(json!(0.007), absent(), json!(null)), json!(0.007));
    assert_eq!(cost(json!(0), json!(0), json!(0.012)), json!(0.012));
    assert_eq!(cost(absent(), absent(), absent()), Value::Null);
    assert_eq!(cost(json!(0.007), json!("dear"), absent()), Value::Null, "a sum without its fee would be wrong");
    assert_eq!(cost(json!({}), json!(0.003), absent()), Value::Null);
}

/// What a message cost is the greatest `cost_usd` of its events: a zero on READ, or a second final event, does not
/// change it. What a conversation cost is that of its messages, which all carry its one fee.
#[test]
fn the_greatest_cost_of_a_message_or_conversation_is_its_cost() {
    let session = json!({"isFinal": true, "totalMessagePrice": 0.0, "totalCarrierFee": 0.0,
        "conversationInitiatingMessageId": "c1", "conversationSessionFee": 0.012});
    let other = |id: &str| {
        let mut event = status("RCS_DELIVERED", &session);
        event["messageId"] = json!(id);
        event
    };
    let mut successful = sample(DELIVERED).remove(0);
    successful["eventType"] = json!("TEXT_SUCCESSFUL");
    let mut events = vec![other("m1"), other("m2"), other("m3"), successful];
    events.extend(sample(DELIVERED));
    events.extend(sample(RCS).into_iter().take(2));
    let mut costs = std::collections::BTreeMap::<String, f64>::new();
    for said in events.iter().map(|event| msg(Family::Eum, event)) {
        let counted = said["conversation"].as_str().or(said["id"].as_str()).expect("an id").to_owned();
        let cost = costs.entry(counted).or_default();
        *cost = cost.max(said["cost_usd"].as_f64().expect("a cost"));
    }
    let expected = [("9539975a-e71f-45f3-b496-8d98dc098a77", 0.00881), ("c1", 0.012), ("test-sc1-004", 0.01194)];
    assert_eq!(costs, expected.map(|(id, cost)| (id.to_owned(), cost)).into());
}

#[test]
fn a_country_that_is_not_known_is_not_said() {
    assert_eq!(msg(Family::Eum, &status("TEXT_UNKNOWN", &json!({"isoCountryCode": "XX"})))["country"], Value::Null);
}

/// Codes keep their leading zeros; a number has lost them.
#[test]
fn a_network_has_a_name_or_both_its_codes() {
    let carrier = |more: Value| msg(Family::Eum, &status("TEXT_SENT", &more))["carrier"].clone();
    assert_eq!(carrier(json!({"mcc": "214", "mnc": "05"})), "21405");
    assert_eq!(carrier(json!({"mcc": "214", "mnc": "05", "carrierName": "Movistar"})), "Movistar");
    for half in [json!({"mcc": "214"}), json!({"mcc": 214, "mnc": 5}), json!({"mcc": "214", "mnc": ""})] {
        assert_eq!(carrier(half), Value::Null);
    }
}

#[test]
fn what_the_sender_attached_is_a_list_and_stays_what_it_is() {
    let event = status("TEXT_SENT", &json!({"context": {"plan": "gold", "a.b": {"c": 1}}}));
    let (_, document) = self::event(event.to_string());
    assert_eq!(document["msg"]["tags"], json!(["a.b.c=1", "plan=gold"]));
    assert_eq!(document["context"], json!({"plan": "gold", "a_b": {"c": 1}}));
}

#[test]
fn an_event_is_filed_by_its_own_time_and_an_answer_by_its_arrival() {
    let (found, document) = event(sample(DELIVERED)[0].to_string());
    assert_eq!(
        (document["@timestamp"].as_str(), found.day.to_string()),
        (Some("2024-10-16T17:21:39.998Z"), "2024-10-16".into())
    );
    let (found, document) = event(sample(INBOUND)[0].to_string());
    assert_eq!((document["@timestamp"].as_str(), found.day), (Some("2026-07-07T04:53:20.000Z"), ARRIVED.day()));
}

/// That somebody types, and that a conversation begins, are no messages: who counts what was received must not meet them.
#[test]
fn what_people_send_is_received() {
    let inbound = |rcs: bool, body: &str| {
        let to = if rcs { "rcs-cb1e" } else { "+12125550101" };
        json!({"originationNumber": "+14255550182", "destinationNumber": to, "messageKeyword": "JOIN",
            "messageBody": body, "inboundMessageId": "i1", "previousPublishedMessageId": "p1"})
    };
    let said = |channel: &str, event: &str, status: Option<&str>, to: &str| {
        let mut said = json!({"event": event, "channel": channel, "id": "i1", "to": to, "from": "+14255550182"});
        if let Some(status) = status {
            said["status"] = json!(status);
        }
        said
    };
    let text = said("sms", "inbound", Some("received"), "+12125550101");
    check(&inbound(false, "EXAMPLE"), &text);
    check(&inbound(false, r#"{"type":"RCS_TYPING"}"#), &text);
    check(&inbound(true, "Hello"), &said("rcs", "inbound", Some("received"), "rcs-cb1e"));
    check(&inbound(true, r#"{"type":"CONVERSATION_STARTED"}"#), &said("rcs", "CONVERSATION_STARTED", None, "rcs-cb1e"));
    let published = sample(INBOUND);
    let business = "rcs-cb1e6e519e9049fabf8c0ae38e4d876b";
    check(
        &published[0],
        &json!({"event": "RCS_TYPING", "channel": "rcs", "id": "12679164820-2026-06-17T17:36:29.937+0000",
            "to": business, "from": "12679164820"}),
    );
    check(
        &published[1],
        &json!({"event": "SUGGESTION", "channel": "rcs", "status": "received", "to": business, "from": "12679164820",
            "id": "nIMYZGrBUILWng0Qck0deqVaAoTSJY5PsktKYOBYJhVaTsrdMdrs714e8SLZAjD3"}),
    );
}

#[test]
fn nothing_of_others_is_taken() {
    for other in [
        json!({"eventType": "Send", "mail": {"messageId": "m"}}),
        json!({"eventType": "TEXTILE", "messageId": "m"}),
        json!({"eventType": ["TEXT_SENT"]}),
        json!({"eventType": "VIDEO_SENT"}),
        json!({"inboundMessageId": 7, "destinationNumber": "+1"}),
        json!({"inboundMessageId": "i1"}),
    ] {
        assert_ne!(event(other.to_string()).0.family, Family::Eum, "{other}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_near_is_kept(event in near::near(samples())) {
        near::check(&event)?;
    }
}
