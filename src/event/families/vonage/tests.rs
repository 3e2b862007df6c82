use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::event::families::tests::{event, msg, near};
use crate::event::family::Family;

const RECEIPT: &str = include_str!("../../../../tests/samples/vonage-dlr-delivered.json");
const QUERIES: &str = include_str!("../../../../tests/samples/vonage-dlr-get-queries.json");
const INBOUND: &str = include_str!("../../../../tests/samples/vonage-inbound-sms.json");
const CLAIMS: &str = include_str!("../../../../tests/samples/vonage-signed-webhook-jwt-claims.json");

fn sample(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The parameters of the published addresses, as one object each.
fn queries() -> Vec<Value> {
    let addresses: Vec<String> = serde_json::from_str(QUERIES).expect("JSON");
    let parameters = |address: String| {
        let (_, query) = address.split_once('?').expect("a query");
        let pairs = query.split('&').map(|pair| pair.split_once('=').expect("a value"));
        pairs.map(|(name, value)| (name.to_owned(), json!(decoded(value)))).collect::<BTreeMap<_, _>>()
    };
    addresses.into_iter().map(|address| json!(parameters(address))).collect()
}

/// A form's value: `+` for the space, `%3A` for the colon; the samples have no other.
fn decoded(value: &str) -> String {
    value.replace('+', " ").replace("%3A", ":")
}

fn receipt(changes: &Value) -> Value {
    let mut receipt = sample(RECEIPT);
    receipt.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    receipt
}

#[test]
fn the_published_receipt_says_what_it_says() {
    let expected = json!({"event": "delivered", "channel": "sms", "status": "delivered", "final": true,
        "id": "0B00000127FDBC63", "to": "447547232824", "from": "Vonage", "carrier": "23410", "parts": 1,
        "reason": "Delivered", "reason_class": "0", "cost": 0.0333, "currency": "EUR"});
    assert_eq!(msg(Family::Vonage, &sample(RECEIPT)), expected);
}

#[test]
fn the_parameters_of_an_address_are_a_receipt_too() {
    let queries = queries();
    let expected = json!({"event": "delivered", "channel": "sms", "status": "delivered", "final": true,
        "id": "000000FFFB0356D2", "to": "66837000111", "from": "12150000025", "carrier": "52099", "parts": 1,
        "reason": "Delivered", "reason_class": "0", "cost": 0.02, "currency": "EUR"});
    assert_eq!(msg(Family::Vonage, &queries[0]), expected);
    let expected = json!({"event": "delivered", "channel": "sms", "status": "delivered", "final": true,
        "id": "0C0000002EEBDA56", "to": "4527631111", "from": "Tak", "carrier": "23820", "parts": 1,
        "reason": "Delivered", "reason_class": "0", "cost": 0.0182, "currency": "EUR"});
    assert_eq!(msg(Family::Vonage, &queries[1]), expected);
}

#[test]
fn every_word_of_a_receipt_has_its_status() {
    for (word, status, is_final) in [
        ("accepted", json!("sent"), json!(false)),
        ("buffered", json!("delayed"), json!(false)),
        ("delivered", json!("delivered"), json!(true)),
        ("expired", json!("failed"), json!(true)),
        ("failed", json!("failed"), json!(true)),
        ("deleted", json!("failed"), json!(true)),
        ("unknown", json!("failed"), json!(true)),
        ("rejected", json!("rejected"), json!(true)),
        ("of_the_future", Value::Null, Value::Null),
    ] {
        let said = msg(Family::Vonage, &receipt(&json!({"status": word})));
        assert_eq!((&said["event"], &said["status"], &said["final"]), (&json!(word), &status, &is_final), "{word}");
        let cost = if is_final == true { json!(0.0333) } else { Value::Null };
        assert_eq!(said["cost"], cost, "{word}: a receipt that is not final has the price of the one that will be");
        assert_eq!(said["currency"].is_null(), cost.is_null(), "{word}");
    }
}

#[test]
fn a_price_that_is_none_is_not_a_cost() {
    for price in [json!(""), json!("free"), json!(null), json!({}), json!(["0.1"])] {
        let said = msg(Family::Vonage, &receipt(&json!({"price": price})));
        assert_eq!((&said["cost"], &said["currency"]), (&Value::Null, &Value::Null), "{price}");
    }
}

#[test]
fn a_code_has_its_meaning_in_words() {
    for (code, meaning) in [
        (json!("1"), json!("Unknown")),
        (json!("6"), json!("Anti-spam rejection")),
        (json!("15"), json!("Prepaid: insufficient funds")),
        (json!("54"), json!("Regulation error")),
        (json!(99), json!("General error")),
        (json!("1000"), Value::Null),
    ] {
        let said = msg(Family::Vonage, &receipt(&json!({"status": "failed", "err-code": code})));
        let class = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
        assert_eq!((&said["reason"], &said["reason_class"]), (&meaning, &json!(class)), "{code}");
    }
    let accepted = msg(Family::Vonage, &receipt(&json!({"status": "accepted"})));
    assert_eq!((&accepted["reason"], &accepted["reason_class"]), (&Value::Null, &json!("0")), "not delivered yet");
}

#[test]
fn a_signed_receipt_is_one_and_its_reference_is_the_campaign() {
    let signed = receipt(&json!({"api-key": "abcd1234", "client-ref": "spring", "timestamp": "1540469430",
        "nonce": "ec11dd3e", "sig": "1d4f5a6b7c"}));
    let said = msg(Family::Vonage, &signed);
    assert_eq!((&said["status"], &said["campaign"]), (&json!("delivered"), &json!("spring")));
}

#[test]
fn nine_columns_can_be_queried_beside_the_original() {
    let (_, document) = event(sample(RECEIPT).to_string());
    for (column, value) in [
        ("msisdn", "447547232824"),
        ("to", "Vonage"),
        ("network_code", "23410"),
        ("message_id", "0B00000127FDBC63"),
        ("price", "0.03330000"),
        ("status", "delivered"),
        ("scts", "1810251310"),
        ("err_code", "0"),
        ("message_timestamp", "2018-10-25 12:10:29"),
    ] {
        assert_eq!(document[column], value, "{column}");
    }
    for (name, value) in sample(RECEIPT).as_object().expect("an object") {
        assert_eq!(&document[name], value, "{name} stays as it came");
    }
    let (_, document) = event(queries()[0].to_string());
    assert_eq!(document["message-timestamp"], "\\2020-01-01\\ 12:00:00");
    assert_eq!(document["message_timestamp"], "2020-01-01 12:00:00");
}

#[test]
fn a_column_that_the_document_has_is_not_added() {
    let own = receipt(&json!({"message_id": "own", "err.code": "own too"}));
    let (found, document) = event(own.to_string());
    assert_eq!((&document["message_id"], &document["err_code"]), (&json!("own"), &json!("own too")));
    let text = String::from_utf8(found.body).expect("text");
    assert_eq!(text.matches("\"err_code\"").count(), 1, "{text}");
    let escaped = sample(RECEIPT).to_string().replace("\"status\"", r#""err\u005fcode":"own","status""#);
    let text = String::from_utf8(event(escaped).0.body).expect("text");
    assert_eq!(text.matches("err_code").count(), 1, "{text}");
}

#[test]
fn a_column_is_held_to_its_type() {
    let (_, document) = event(receipt(&json!({"err-code": {"a": 1}, "price": [{}]})).to_string());
    assert_eq!((&document["err-code"], &document["err_code"]), (&json!("{\"a\":1}"), &json!("{\"a\":1}")));
    assert_eq!(document["price"], "[{}]");
}

#[test]
fn an_event_is_filed_by_the_time_it_writes_without_a_zone() {
    let at = |event: &Value| self::event(event.to_string()).1["@timestamp"].clone();
    assert_eq!(at(&sample(RECEIPT)), "2018-10-25T12:10:29.000Z");
    let queries = queries();
    assert_eq!(
        (at(&queries[0]), at(&queries[1])),
        (json!("2020-01-01T12:00:00.000Z"), json!("2017-05-02T11:24:03.000Z"))
    );
    assert_eq!(at(&receipt(&json!({"message-timestamp": "2018-10-25+12:10:29"}))), "2018-10-25T12:10:29.000Z");
    assert_eq!(at(&sample(INBOUND)), "2019-04-16T13:55:21.000Z");
    let signed = json!({"message-timestamp": "soon", "timestamp": "1540469430"});
    assert_eq!(at(&receipt(&signed)), "2018-10-25T12:10:30.000Z");
    // scts is the carrier's local time.
    assert_eq!(at(&receipt(&json!({"message-timestamp": "soon"}))), "2026-07-07T04:53:20.000Z");
}

#[test]
fn an_odd_time_never_breaks_the_document() {
    for odd in ["\\\"", "a\\\\b\"+\n", "2018-10-25 12:10:29\"", "\u{1}"] {
        let (_, document) = event(receipt(&json!({"message-timestamp": odd})).to_string());
        assert_eq!((&document["message-timestamp"], &document["message_timestamp"]), (&json!(odd), &json!(odd)));
    }
}

#[test]
fn what_people_send_is_received() {
    let expected = json!({"event": "inbound", "channel": "sms", "status": "received", "id": "1700000240EAA6B6",
        "to": "447520635498", "from": "447700000001"});
    assert_eq!(msg(Family::Vonage, &sample(INBOUND)), expected);
    let mut part = sample(INBOUND);
    part["concat"] = json!("true");
    part["concat-total"] = json!("3");
    assert_eq!(msg(Family::Vonage, &part)["parts"], 3);
}

#[test]
fn nothing_of_others_is_taken() {
    for other in [
        sample(CLAIMS),
        json!({"msisdn": "1", "messageId": "m"}),
        json!({"msisdn": "1", "message-timestamp": "2018-10-25 12:10:29"}),
        json!({"msisdn": 1, "messageId": "m", "err-code": "0"}),
    ] {
        assert_eq!(event(other.to_string()).0.family, Family::Unrecognized, "{other}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_near_is_kept(event in near::near([queries(), vec![sample(RECEIPT), sample(INBOUND)]].concat())) {
        near::check(&event)?;
    }
}
