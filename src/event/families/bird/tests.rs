use proptest::prelude::*;
use serde_json::{Value, json};

use super::{EVERYDAY, KINDS};
use crate::event::families::tests::{event, family, msg, near, samples};
use crate::event::family::Family;

/// A row of this type, with `more` beside what every row has.
fn row(kind: &str, more: Value) -> Value {
    let mut row = json!({"type": kind, "timestamp": 1_454_442_600, "event_id": "e1", "customer_id": "1"});
    row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    row
}

fn said(kind: &str, more: Value) -> Value {
    msg(Family::Bird, &row(kind, more))
}

/// The published rows; the batch that tests a webhook has none.
fn rows() -> Vec<(String, Value)> {
    samples("sparkpost-").into_iter().filter(|(name, _)| !name.contains("validation")).collect()
}

#[test]
fn each_type_has_its_status_and_its_class() {
    let mut seen = 0;
    for (class, types) in [
        (
            "message_event",
            json!({"injection": "sent", "reception": "sent", "delivery": "delivered", "delay": "delayed",
            "bounce": "bounced", "inband": "bounced", "out_of_band": "bounced", "policy_rejection": "rejected",
            "spam_complaint": "complained", "sms_status": null}),
        ),
        (
            "track_event",
            json!({"open": "opened", "initial_open": "opened", "amp_open": "opened",
            "amp_initial_open": "opened", "click": "clicked", "amp_click": "clicked"}),
        ),
        ("gen_event", json!({"generation_failure": "rejected", "generation_rejection": "rejected"})),
        ("unsubscribe_event", json!({"list_unsubscribe": "unsubscribed", "link_unsubscribe": "unsubscribed"})),
        (
            "relay_event",
            json!({"relay_injection": "received", "relay_rejection": null, "relay_delivery": null,
            "relay_tempfail": null, "relay_permfail": null}),
        ),
        ("ab_test_event", json!({"ab_test_completed": null, "ab_test_cancelled": null})),
        ("ingest_event", json!({"success": null, "error": null})),
    ] {
        for (kind, status) in types.as_object().expect("types") {
            let row = row(kind, json!({"batch_id": "b1", "message_id": "m1"}));
            let said = msg(Family::Bird, &row);
            assert_eq!((&said["event"], &said["status"]), (&json!(kind), status), "{kind}");
            assert_eq!(event(row.to_string()).1["event_class"], class, "{kind}");
            seen += 1;
        }
    }
    assert_eq!(seen, KINDS.len() + EVERYDAY.len(), "every type that is known");
}

#[test]
fn a_class_that_is_not_known_is_not_said() {
    let unknown = row("teleported", json!({"message_id": "m1"}));
    assert_eq!(msg(Family::Bird, &unknown)["status"], Value::Null);
    assert_eq!(event(unknown.to_string()).1["event_class"], Value::Null);
    let own = row("bounce", json!({"event_class": "mine"}));
    assert_eq!(event(own.to_string()).1["event_class"], "mine", "what the event says itself stays");
}

/// Mail bounces; a text or a push that will not arrive has failed.
#[test]
fn the_method_of_delivery_is_the_channel() {
    let bounce = |method: &str| {
        let said = said("bounce", json!({"delv_method": method, "sms_dst": "7876712656", "device_token": "t"}));
        (said["channel"].clone(), said["status"].clone())
    };
    assert_eq!(bounce("esmtp"), (json!("email"), json!("bounced")));
    assert_eq!(bounce("smpp"), (json!("sms"), json!("failed")));
    assert_eq!(bounce("gcm"), (json!("push"), json!("failed")));
    assert_eq!(bounce("apn"), (json!("push"), json!("failed")));
    assert_eq!(said("injection", json!({}))["channel"], "email");
}

#[test]
fn a_carriers_receipt_is_believed_where_its_word_is_documented() {
    let receipt = |state: &str| {
        let mut row = row(
            "sms_status",
            json!({"sms_dst": "7876712656", "sms_src": "1234", "stat_type": "SMSC Delivery",
            "stat_state": state, "delv_method": "esmtp"}),
        );
        // The published sample has no id at all.
        row.as_object_mut().expect("an object").remove("event_id");
        msg(Family::Bird, &row)
    };
    let expected =
        json!({"event": "sms_status", "channel": "sms", "status": "delivered", "to": "7876712656", "from": "1234"});
    assert_eq!(receipt("Delivered"), expected);
    assert_eq!(receipt("Enroute")["status"], Value::Null);
}

#[test]
fn a_report_of_no_spam_is_no_complaint() {
    let report = |kind: &str| said("spam_complaint", json!({"fbtype": kind}));
    assert_eq!((&report("abuse")["status"], &report("abuse")["reason_class"]), (&json!("complained"), &json!("abuse")));
    assert_eq!(report("not-spam")["status"], Value::Null);
}

#[test]
fn a_row_says_whom_which_and_why() {
    let more = json!({"message_id": "m1", "rcpt_to": "a@B.org", "raw_rcpt_to": "A@b.org", "msg_from": "bounces@mta.example",
        "friendly_from": "News <news@shop.example>", "campaign_id": "spring", "reason": "IP (a.b.c.d) is listed",
        "raw_reason": "IP (17.99.99.99) is listed", "bounce_class": "25", "error_code": "551", "ip_address": "192.0.2.9",
        "rcpt_meta": {"plan": "gold", "n": {"deep": 1}}, "user_agent": "not of a person"});
    let expected = json!({"event": "bounce", "channel": "email", "status": "bounced", "id": "m1", "to": "a@B.org",
        "to_domain": "b.org", "from": "News <news@shop.example>", "from_domain": "shop.example", "campaign": "spring",
        "campaign_kind": "campaign", "reason": "IP (a.b.c.d) is listed", "reason_class": "25",
        "tags": ["n.deep=1", "plan=gold"]});
    assert_eq!(said("bounce", more), expected, "the address is the receiving server's, so it is not said");
    let poorer = said(
        "generation_failure",
        json!({"msg_from": "x@mta.example", "raw_reason": "no template", "error_code": "554",
        "campaign_id": ""}),
    );
    assert_eq!(
        (&poorer["from"], &poorer["reason"], &poorer["reason_class"], &poorer["campaign"], &poorer["campaign_kind"]),
        (&json!("x@mta.example"), &json!("no template"), &json!("554"), &Value::Null, &Value::Null)
    );
    let relayed = said("relay_injection", json!({"relay_id": "r1", "rcpt_to": "in@us.example", "msg_from": "a@b.org"}));
    assert_eq!(
        (&relayed["id"], &relayed["to"], &relayed["from"]),
        (&json!("r1"), &json!("in@us.example"), &json!("a@b.org"))
    );
}

#[test]
fn who_clicked_is_said_with_where_in_numbers_or_texts() {
    for (latitude, longitude) in [(json!("39.1749"), json!("-76.8375")), (json!(39.1749), json!(-76.8375))] {
        let more = json!({"ip_address": "192.0.2.1", "user_agent": "UA", "target_link_url": "https://x.example/",
            "geo_ip": {"country": "US", "latitude": latitude, "longitude": longitude}});
        let expected = json!({"event": "click", "channel": "email", "status": "clicked", "ip": "192.0.2.1",
            "user_agent": "UA", "link": "https://x.example/", "country": "US", "geo": {"lat": 39.1749, "lon": -76.8375}});
        assert_eq!(said("click", more), expected);
    }
    let unsubscribed = said("link_unsubscribe", json!({"user_agent": "UA"}));
    assert_eq!(unsubscribed["user_agent"], "UA");
}

#[test]
fn its_stamp_is_seconds_or_a_date() {
    for (stamp, expected) in [
        (json!(1_454_442_600), "2016-02-02T19:50:00.000Z"),
        (json!("1549054731"), "2019-02-01T20:58:51.000Z"),
        (json!("2016-04-18T14:25:07.000+00:00"), "2016-04-18T14:25:07.000Z"),
    ] {
        let (found, document) = event(row("open", json!({"timestamp": stamp})).to_string());
        assert_eq!(document["@timestamp"], expected, "{stamp}");
        assert_eq!(found.day.to_string(), &expected[..10]);
        assert_eq!(document["essink"]["clock"], Value::Null);
    }
    let (_, document) = event(row("open", json!({"timestamp": 1_454_442_600_000_i64})).to_string());
    assert_eq!(document["essink"]["clock"], "corrected", "milliseconds are not what Bird sends");
}

#[test]
fn a_row_is_told_without_its_wrapping_and_no_other_event_is_taken_for_one() {
    for id in ["event_id", "message_id", "transmission_id"] {
        assert_eq!(family(&json!({"type": "delivery", "timestamp": 1_454_442_600, id: "x"})), Family::Bird, "{id}");
    }
    for ours in [
        json!({"type": "teleported", "timestamp": "1", "event_id": "e", "rcpt_to": "a@b.org"}),
        json!({"type": "teleported", "timestamp": "1", "event_id": "e", "transmission_id": "t"}),
        json!({"type": "success", "timestamp": "1", "event_id": "e", "batch_id": "b"}),
        json!({"webhook_id": "w", "rcpt_to": "in@us.example", "msg_from": "a@b.org", "content": {"text": "hello"}}),
    ] {
        assert_eq!(family(&ours), Family::Bird, "{ours}");
    }
    for other in [
        json!({"type": "delivery", "timestamp": 1_454_442_600}),
        json!({"type": "delivery", "event_id": "e", "message_id": "m"}),
        json!({"type": 7, "timestamp": 1, "event_id": "e", "message_id": "m"}),
        json!({"type": "teleported", "timestamp": 1, "event_id": "e"}),
        json!({"type": "teleported", "timestamp": 1, "message_id": "m", "rcpt_to": "a@b.org"}),
        json!({"type": "success", "timestamp": 1, "event_id": "e"}),
        json!({"type": "error", "timestamp": 1, "message_id": "m"}),
        json!({"type": "Notification", "MessageId": "m", "Timestamp": "2026-07-01T10:00:00Z"}),
        json!({"webhook_id": "w", "rcpt_to": "in@us.example", "content": {}}),
        json!({"msys": {}}),
    ] {
        assert_eq!(family(&other), Family::Unrecognized, "{other}");
    }
}

#[test]
fn mail_that_came_in_is_received_when_it_arrives() {
    let mail = json!({"webhook_id": "w", "rcpt_to": "in@us.example", "msg_from": "a@b.org", "friendly_from": "Ann <a@b.org>",
        "content": {"subject": "hi", "text": "hello", "headers": [{"To": "in@us.example"}]}});
    let expected = json!({"channel": "email", "status": "received", "to": "in@us.example", "to_domain": "us.example",
        "from": "Ann <a@b.org>", "from_domain": "b.org"});
    assert_eq!(msg(Family::Bird, &mail), expected);
    let (_, document) = event(mail.to_string());
    assert_eq!((&document["content"], &document["essink"]["clock"]), (&mail["content"], &json!("corrected")));
}

#[test]
fn a_row_is_flat_but_for_what_is_known() {
    let more = json!({"rcpt_meta": {"a.b": {"c": 1}}, "rcpt_subs": "none", "geo_ip": {"city": {"x": 1}}, "new": {"y": [2]},
        "rcpt_tags": ["male", "US"], "subject": {"z": 3}, "ab_test": {"variants": [{"id": 1}]}, "user_agent_parsed": "?"});
    let (_, document) = event(row("open", more).to_string());
    for (name, expected) in [
        ("rcpt_meta", json!({"a_b": {"c": 1}})),
        ("rcpt_subs", json!("none")),
        ("geo_ip", json!({"city": "{\"x\":1}"})),
        ("new", json!("{\"y\":[2]}")),
        ("rcpt_tags", json!(["male", "US"])),
        ("subject", json!("{\"z\":3}")),
        ("ab_test", json!({"variants": [{"id": 1}]})),
        ("user_agent_parsed", json!({"_value": "?"})),
    ] {
        assert_eq!(document[name], expected, "{name}");
    }
}

#[test]
fn every_published_sample_says_what_it_should() {
    let everywhere = json!({"channel": "email", "to": "recipient@example.com", "to_domain": "example.com",
        "from": "sender@example.com", "from_domain": "example.com", "id": "0e0d94b7-9085-4e3c-ab30-e3f2cd9c273e",
        "campaign": "Example Campaign Name", "campaign_kind": "campaign", "tags": ["customKey=customValue"]});
    let listed = "MAIL REFUSED - IP (a.b.c.d) is in black list";
    let chrome = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_3) AppleWebKit/537.36 (KHTML, like Gecko) \
                  Chrome/41.0.2272.118 Safari/537.36";
    let columbia = json!({"lat": 39.1749, "lon": -76.8375});
    // What one row says beside or instead of that; null is what it does not say.
    let own = json!([
        {"event": "bounce", "status": "bounced", "reason": listed, "reason_class": "1"},
        {"event": "delivery", "status": "delivered"},
        {"event": "injection", "status": "sent"},
        {"event": "spam_complaint", "status": "complained", "reason_class": "abuse"},
        {"event": "delay", "status": "delayed", "reason": listed, "reason_class": "1"},
        {"event": "click", "status": "clicked", "from": null, "from_domain": null, "link": "http://example.com",
            "ip": "127.0.0.1", "user_agent": chrome, "country": "US", "geo": columbia},
        {"event": "open", "status": "opened", "from": null, "from_domain": null,
            "ip": "127.0.0.1", "user_agent": chrome, "country": "US", "geo": columbia},
        {"event": "generation_rejection", "status": "rejected", "id": null, "reason": listed, "reason_class": "554"},
        {"event": "list_unsubscribe", "status": "unsubscribed"},
        {"event": "click", "status": "clicked", "id": "000443ee14578172be22", "link": "http://example.com",
            "ip": "127.0.0.1", "user_agent": chrome, "country": "US", "geo": columbia,
            "tags": ["anotherKey=value1", "anotherKey=value2", "anotherKey=value3", "customKey=customValue"]},
        {"event": "inband", "status": "bounced", "id": "00000bb3545c0100a205", "reason_class": "25",
            "reason": "551 5.7.0 [internal] recipient blackholed", "campaign": null, "campaign_kind": null, "tags": null},
        {"event": "reception", "status": "sent", "id": "00000bb3545c0100a505", "campaign": null, "campaign_kind": null,
            "tags": null},
    ]);
    let samples = rows();
    let own = own.as_array().expect("a list");
    assert_eq!(samples.len(), own.len());
    for ((name, row), own) in samples.iter().zip(own) {
        let mut expected = everywhere.as_object().expect("an object").clone();
        expected.extend(own.as_object().expect("an object").clone());
        expected.retain(|_, value| !value.is_null());
        assert_eq!(msg(Family::Bird, row), Value::Object(expected), "{name}");
        assert_eq!(event(row.to_string()).1["essink"]["clock"], Value::Null, "{name} has a time");
    }
}

proptest! {
    #[test]
    fn json_near_the_family_is_never_lost(
        event in near::near(rows().into_iter().map(|(_, row)| row).collect())
    ) {
        near::check(&event)?;
    }
}
