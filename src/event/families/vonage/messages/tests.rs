use proptest::prelude::*;
use serde_json::{Value, json};

use crate::event::families::tests::{event, msg, near};
use crate::event::family::Family;

/// A status as the documentation's example has it.
fn status(word: &str, more: &Value) -> Value {
    let mut event = json!({"message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "to": "447700900000",
        "from": "447700900001", "timestamp": "2023-05-01T14:00:00.000Z", "status": word});
    event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    event
}

fn said(word: &str, more: &Value) -> Value {
    msg(Family::Vonage, &status(word, more))
}

fn usage() -> Value {
    json!({"currency": "EUR", "price": "0.0333"})
}

#[test]
fn a_status_says_whose_message_it_is_of_and_on_what() {
    let sms = json!({"channel": "sms", "client_ref": "spring", "destination": {"network_code": "12345"},
        "sms": {"count_total": "2"}, "usage": usage()});
    let expected = json!({"event": "submitted", "channel": "sms", "status": "sent", "final": false,
        "id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "to": "447700900000", "from": "447700900001", "carrier": "12345",
        "parts": 2, "campaign": "spring", "cost": 0.0333, "currency": "EUR"});
    assert_eq!(said("submitted", &sms), expected);
    let error = json!({"channel": "whatsapp", "error": {"type": "https://developer.vonage.com/api-errors/messages#1320",
        "title": 1320, "detail": "Message already sent", "instance": "bf0ca0bf927b3b52e3cb03217e1a1ddf"}});
    let expected = json!({"event": "rejected", "channel": "whatsapp", "status": "rejected", "final": true,
        "id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "to": "447700900000", "from": "447700900001",
        "reason": "Message already sent", "reason_class": "1320"});
    assert_eq!(said("rejected", &error), expected);
}

#[test]
fn every_word_has_its_status() {
    for (word, status, is_final) in [
        ("submitted", json!("sent"), json!(false)),
        ("delivered", json!("delivered"), Value::Null),
        ("read", json!("read"), json!(true)),
        ("rejected", json!("rejected"), json!(true)),
        ("undeliverable", json!("failed"), json!(true)),
        ("of_the_future", Value::Null, Value::Null),
    ] {
        let said = said(word, &json!({}));
        assert_eq!((&said["event"], &said["status"], &said["final"]), (&json!(word), &status, &is_final), "{word}");
    }
}

/// Where people's reading is reported, `read` may follow what was delivered, or never come.
#[test]
fn delivered_is_the_end_only_where_nobody_says_that_it_was_read() {
    for (channel, is_final) in [
        ("sms", json!(true)),
        ("mms", json!(true)),
        ("rcs", Value::Null),
        ("whatsapp", Value::Null),
        ("messenger", Value::Null),
        ("viber_service", Value::Null),
        ("of_the_future", Value::Null),
    ] {
        let said = |word: &str| said(word, &json!({ "channel": channel }));
        assert_eq!((&said("delivered")["status"], &said("delivered")["final"]), (&json!("delivered"), &is_final));
        assert_eq!(said("submitted")["final"], false, "{channel}");
        for word in ["read", "rejected", "undeliverable"] {
            assert_eq!(said(word)["final"], true, "{channel} {word}");
        }
    }
}

#[test]
fn a_channel_is_one_of_the_vocabulary_or_not_said() {
    for (channel, expected) in [
        ("sms", json!("sms")),
        ("mms", json!("mms")),
        ("rcs", json!("rcs")),
        ("whatsapp", json!("whatsapp")),
        ("messenger", Value::Null),
        ("viber_service", Value::Null),
    ] {
        assert_eq!(said("read", &json!({"channel": channel}))["channel"], expected, "{channel}");
    }
}

/// The events of one text and of one WhatsApp message as their captures have them: the price stands on the one that
/// Vonage charges for, and on no other.
#[test]
fn a_message_costs_what_its_one_usage_says() {
    let costs = |events: &[(&str, Value)]| {
        let costs = events.iter().map(|(word, more)| said(word, more)["cost"].clone());
        costs.filter(|cost| !cost.is_null()).collect::<Vec<_>>()
    };
    let text = [("submitted", json!({"channel": "sms", "usage": usage()})), ("delivered", json!({"channel": "sms"}))];
    assert_eq!(costs(&text), [json!(0.0333)]);
    let app = [
        ("submitted", json!({"channel": "whatsapp"})),
        ("delivered", json!({"channel": "whatsapp", "usage": usage()})),
        ("read", json!({"channel": "whatsapp"})),
    ];
    assert_eq!(costs(&app), [json!(0.0333)]);
}

#[test]
fn a_cost_has_the_currency_that_the_event_names() {
    let cost = |usage: Value| {
        let said = said("delivered", &json!({ "usage": usage }));
        [&said["cost"], &said["currency"], &said["cost_usd"]].map(Clone::clone)
    };
    let none = || [Value::Null, Value::Null, Value::Null];
    assert_eq!(cost(usage()), [json!(0.0333), json!("EUR"), Value::Null]);
    assert_eq!(cost(json!({"currency": "USD", "price": 0.05})), [Value::Null, Value::Null, json!(0.05)]);
    for unknown in [
        json!({"price": "0.0333"}),
        json!({"currency": "EUR"}),
        json!({"currency": "", "price": "1"}),
        json!({"currency": "EUR", "price": "free"}),
        json!("EUR 0.0333"),
        json!(null),
    ] {
        assert_eq!(cost(unknown.clone()), none(), "{unknown}");
    }
}

#[test]
fn what_people_send_is_received() {
    let inbound = json!({"to": "18335787204", "from": "19999999999", "channel": "sms",
        "message_uuid": "a580f869-e995-4d76-9b80-a7befe3186a3", "timestamp": "2022-12-07T23:04:32Z",
        "usage": {"price": "0.0057", "currency": "EUR"}, "message_type": "text", "text": "Hello",
        "sms": {"num_messages": "1"}});
    let expected = json!({"event": "inbound", "channel": "sms", "status": "received",
        "id": "a580f869-e995-4d76-9b80-a7befe3186a3", "to": "18335787204", "from": "19999999999", "parts": 1,
        "cost": 0.0057, "currency": "EUR"});
    assert_eq!(msg(Family::Vonage, &inbound), expected);
}

/// Until 2021 who and through what were objects.
#[test]
fn the_old_form_says_the_same() {
    let party = |number: &str| json!({"type": "sms", "number": number});
    let old = json!({"message_uuid": "m1", "to": party("447401234567"), "from": party("447312277109"),
        "timestamp": "2019-09-09T23:18:25.308Z", "usage": {"price": "0.0062", "currency": "EUR"}, "status": "delivered"});
    let expected = json!({"event": "delivered", "channel": "sms", "status": "delivered", "final": true, "id": "m1",
        "to": "447401234567", "from": "447312277109", "cost": 0.0062, "currency": "EUR"});
    assert_eq!(msg(Family::Vonage, &old), expected);
    let (_, document) = event(old.to_string());
    assert_eq!(document["to"], old["to"].to_string(), "where receipts have a string the index takes no object");
    let inbound = json!({"message_uuid": "m2", "to": party("447401234567"), "from": {"type": "messenger", "id": "1234"},
        "timestamp": "2021-07-07T15:30:26.706Z", "direction": "inbound",
        "message": {"content": {"type": "text", "text": "Hi"}}});
    let expected = json!({"event": "inbound", "channel": "sms", "status": "received", "id": "m2", "to": "447401234567",
        "from": "1234"});
    assert_eq!(msg(Family::Vonage, &inbound), expected);
}

#[test]
fn an_event_is_filed_by_its_timestamp() {
    let (found, document) = event(status("read", &json!({})).to_string());
    assert_eq!(
        (document["@timestamp"].as_str(), found.day.to_string()),
        (Some("2023-05-01T14:00:00.000Z"), "2023-05-01".into())
    );
}

#[test]
fn nothing_of_others_is_taken() {
    for other in
        [json!({"message_uuid": "m1"}), json!({"message_uuid": 1, "status": "read"}), json!({"status": "read"})]
    {
        assert_eq!(event(other.to_string()).0.family, Family::Unrecognized, "{other}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_near_is_kept(
        event in near::near(vec![
            status("rejected", &json!({"error": {"title": 1}, "usage": usage(), "sms": {"count_total": "1"}})),
            json!({"message_uuid": "m2", "to": {"number": "1"}, "from": "2", "message_type": "text", "text": "Hi"}),
        ]),
    ) {
        near::check(&event)?;
    }
}
