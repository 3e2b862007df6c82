//! No event of Pendula's is published; these are made from its type file.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::event::families::tests::{event, family, msg, near};
use crate::event::family::Family;

fn pendula(kind: &str, more: Value) -> Value {
    let mut event = json!({"kind": kind, "timestamp": "2026-07-01T02:03:04.567Z", "customContext": {"plan": "gold", "n": 1},
        "workflowContext": {"experienceContext": {"experienceId": "x1"}, "nodeContext": {"nodename": "send"},
            "flowContext": {"flowId": "f1", "flowName": "Dunning", "flowVersion": 3}}});
    event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    event
}

fn email() -> Value {
    json!({"kind": "email", "sender": "us@shop.example", "recipient": "Ann@B.org", "subject": "s", "body": "b",
        "replyTo": "reply@shop.example"})
}

fn sms() -> Value {
    json!({"kind": "sms", "sender": "+61400", "recipient": "+61401", "body": "hello"})
}

/// One of every kind, as the type file has them.
fn every_kind() -> Vec<Value> {
    let errors = json!([{"errorMessage": "no such number", "errorCode": "E1"}, {"errorMessage": "other"}]);
    vec![
        pendula("queued", json!({"messageId": "m1", "payload": email()})),
        pendula("queued", json!({"messageId": "m2", "payload": sms()})),
        pendula("validation-failed", json!({"messageId": "m1", "errors": errors})),
        pendula("sent-to-gateway", json!({"messageId": "m1"})),
        pendula("rejected-by-gateway", json!({"messageId": "m1", "errors": errors})),
        pendula("delivered", json!({"messageId": "m1"})),
        pendula("bounced", json!({"messageId": "m1", "errors": errors})),
        pendula("opened", json!({"messageId": "m1"})),
        pendula(
            "inbound-matched-intent",
            json!({"messageId": "m3", "parentMessageId": "m1", "matchedIntentKey": "stop"}),
        ),
        pendula("inbound-unmatched", json!({"messageId": "m4", "payload": sms()})),
        pendula("experience-start", json!({"experienceId": "x1"})),
        pendula("experience-finish", json!({"experienceId": "x1", "outcome": {"code": 3}})),
        pendula("experience-failed", json!({"experienceId": "x1", "errorDetails": errors})),
    ]
}

#[test]
fn every_kind_says_what_it_should() {
    let why = json!({"reason": "no such number", "reason_class": "E1"});
    let mail = json!({"channel": "email", "to": "Ann@B.org", "to_domain": "b.org", "from": "us@shop.example",
        "from_domain": "shop.example"});
    let text = json!({"channel": "sms", "to": "+61401", "from": "+61400"});
    let nothing = json!({});
    let expected = [
        (json!({"event": "queued", "status": "sent", "id": "m1"}), &mail),
        (json!({"event": "queued", "status": "sent", "id": "m2"}), &text),
        (json!({"event": "validation-failed", "status": "failed", "id": "m1"}), &why),
        (json!({"event": "sent-to-gateway", "status": "sent", "id": "m1"}), &nothing),
        (json!({"event": "rejected-by-gateway", "status": "rejected", "id": "m1"}), &why),
        (json!({"event": "delivered", "status": "delivered", "id": "m1"}), &nothing),
        (json!({"event": "bounced", "status": "bounced", "id": "m1"}), &why),
        (json!({"event": "opened", "status": "opened", "id": "m1"}), &nothing),
        (json!({"event": "inbound-matched-intent", "status": "received", "id": "m3"}), &nothing),
        (json!({"event": "inbound-unmatched", "status": "received", "id": "m4"}), &text),
        (json!({"event": "experience-start"}), &nothing),
        (json!({"event": "experience-finish"}), &nothing),
        (json!({"event": "experience-failed"}), &why),
    ];
    let kinds = every_kind();
    assert_eq!(kinds.len(), expected.len());
    for (event, (own, more)) in kinds.iter().zip(expected) {
        let mut all = json!({"campaign": "Dunning", "campaign_kind": "flow", "tags": ["n=1", "plan=gold"]});
        for part in [&own, more] {
            all.as_object_mut().expect("an object").extend(part.as_object().expect("an object").clone());
        }
        assert_eq!(msg(Family::Pendula, event), all, "{event}");
    }
}

#[test]
fn what_is_not_said_is_absent() {
    let bare =
        json!({"kind": "delivered", "messageId": "m1", "timestamp": "2026-07-01T02:03:04Z", "customContext": {}});
    assert_eq!(msg(Family::Pendula, &bare), json!({"event": "delivered", "status": "delivered", "id": "m1"}));
    let unknown = pendula("teleported", json!({"messageId": "m1", "payload": {"kind": "pigeon", "sender": "s"}}));
    let said = msg(Family::Pendula, &unknown);
    assert_eq!((&said["status"], &said["channel"], &said["from"]), (&Value::Null, &Value::Null, &json!("s")));
    let uncoded = pendula("bounced", json!({"messageId": "m1", "errors": [{"errorMessage": "gone"}]}));
    let said = msg(Family::Pendula, &uncoded);
    assert_eq!((&said["reason"], &said["reason_class"]), (&json!("gone"), &Value::Null));
}

/// The vocabulary has bounces for mail; `failed` is the same of everything else.
#[test]
fn only_mail_bounces() {
    let status = |more: Value| msg(Family::Pendula, &pendula("bounced", more))["status"].clone();
    assert_eq!(status(json!({"messageId": "m1", "payload": sms()})), "failed");
    assert_eq!(status(json!({"messageId": "m1", "payload": {"kind": "pigeon"}})), "failed");
    assert_eq!(status(json!({"messageId": "m1", "payload": email()})), "bounced");
    assert_eq!(status(json!({"messageId": "m1"})), "bounced", "what it was is not said");
}

#[test]
fn its_own_stamp_files_it() {
    for (stamp, at) in [
        ("2026-07-01T02:03:04.567Z", "2026-07-01T02:03:04.567Z"),
        ("2026-07-01T02:03:04Z", "2026-07-01T02:03:04.000Z"),
        ("2026-07-01T02:03:04.567890123Z", "2026-07-01T02:03:04.567Z"),
    ] {
        let (_, document) = event(pendula("opened", json!({"messageId": "m1", "timestamp": stamp})).to_string());
        assert_eq!((&document["@timestamp"], &document["essink"]["clock"]), (&json!(at), &Value::Null));
    }
}

#[test]
fn it_is_told_by_its_kind_and_the_other_direction_is_not() {
    for ours in [
        json!({"kind": "delivered", "messageId": "m", "timestamp": "t"}),
        json!({"kind": "experience-start", "experienceId": "x", "timestamp": "t"}),
        json!({"kind": "teleported", "messageId": "m", "timestamp": "t", "customContext": {}}),
        json!({"kind": "teleported", "experienceId": "m", "timestamp": "t", "workflowContext": {}}),
    ] {
        assert_eq!(family(&ours), Family::Pendula, "{ours}");
    }
    for other in [
        json!({"payload": {"kind": "email", "any": "thing"}, "customContext": {"plan": "gold"}}),
        json!({"kind": "delivered", "messageId": "m"}),
        json!({"kind": "delivered", "timestamp": "t"}),
        json!({"kind": "teleported", "messageId": "m", "timestamp": "t"}),
        json!({"kind": {"a": 1}, "messageId": "m", "timestamp": "t", "customContext": {}}),
    ] {
        assert_eq!(family(&other), Family::Unrecognized, "{other}");
    }
}

/// `outcome` is any value and `customContext` a map of any: what one flow has as an object another has as text.
#[test]
fn any_outcome_and_any_context_fit_the_index() {
    for (outcome, kept) in [
        (json!("done"), json!("done")),
        (json!(3), json!(3)),
        (json!({"code": 3}), json!("{\"code\":3}")),
        (json!([1, {"a": 2}]), json!("[1,{\"a\":2}]")),
        (json!(["a", "b"]), json!(["a", "b"])),
    ] {
        let finish = pendula("experience-finish", json!({"experienceId": "x1", "outcome": outcome}));
        assert_eq!(event(finish.to_string()).1["outcome"], kept);
    }
    // No mapping looks into it, so it stays as it is.
    for (context, kept) in [
        (json!({"a.b": {"c": 1}, "l": [{"d": 2}]}), json!({"a_b": {"c": 1}, "l": [{"d": 2}]})),
        (json!("text"), json!("text")),
        (json!([1]), json!([1])),
    ] {
        let delivered = pendula("delivered", json!({"messageId": "m1", "customContext": context}));
        assert_eq!(event(delivered.to_string()).1["customContext"], kept);
    }
    let odd = pendula("queued", json!({"messageId": "m1", "payload": "text", "errors": [{"errorCode": {"a": 1}}]}));
    let (_, document) = event(odd.to_string());
    assert_eq!(document["payload"], json!({"_value": "text"}));
    assert_eq!(document["errors"], json!([{"errorCode": "{\"a\":1}"}]));
}

#[test]
fn the_template_does_not_look_into_bodies() {
    let text = std::fs::read_to_string("templates/pendula.json").expect("a template");
    let template: Value = serde_json::from_str(&text).expect("JSON");
    let body = &template["template"]["mappings"]["properties"]["payload"]["properties"]["body"];
    assert_eq!(body, &json!({"type": "keyword", "index": false, "doc_values": false}));
}

proptest! {
    #[test]
    fn json_near_the_family_is_never_lost(event in near::near(every_kind())) {
        near::check(&event)?;
    }
}
