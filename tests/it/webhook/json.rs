//! JSON of anybody: Pendula's activity sync, as an object, an array and NDJSON, proved in each of the ways.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;
use serde_json::{Value, json};

use super::posts::{Found, Post, Receivers, SECRET, found, sample};
use super::vonage::hex;

/// Kind, and what it means.
const KINDS: [(&str, &str); 7] = [
    ("sent-to-gateway", "sent"),
    ("delivered", "delivered"),
    ("opened", "opened"),
    ("validation-failed", "failed"),
    ("rejected-by-gateway", "rejected"),
    ("bounced", "bounced"),
    ("inbound-unmatched", "received"),
];

pub fn posts(of: &Receivers) -> Vec<Post> {
    let queued = sample("made-pendula-queued.json");
    let (events, expected): (Vec<_>, Vec<_>) = KINDS.into_iter().map(event).unzip();
    let array = Value::from(events[..3].to_vec()).to_string();
    let lines: String = events[3..].iter().map(|event| format!("{event}\n")).collect();
    let json =
        |path: &str, body: &str| of.strict.post(path, body.to_owned()).header("content-type", "application/json");
    let signed = json("/json", &lines).header("x-signature", signature(&lines));
    vec![
        Post::new("one, bearer", json("/json/pendula", &queued.to_string()).bearer_auth(SECRET), vec![of_queued()]),
        Post::new("an array, basic", json("/json", &array).basic_auth("ann", Some(SECRET)), expected[..3].to_vec()),
        Post::new("lines, signed", signed, expected[3..].to_vec()),
        Post::new("one, of anybody", of.open.post("/json", events[0].to_string()), expected[..1].to_vec()),
    ]
}

fn of_queued() -> Found {
    found(
        "pendula-2026-07-01",
        json!({"provider": "pendula", "event": "queued", "channel": "email", "status": "sent",
            "id": "7d9f2b1e-9f0c-4f7e-8f57-0f1f7d9b2c11", "to": "ann@example.org", "from": "care@shop.example",
            "campaign": "Dunning", "campaign_kind": "flow", "tags": ["plan=gold"]}),
    )
}

fn event((kind, status): (&str, &str)) -> (Value, Found) {
    let id = format!("m-{kind}");
    let mut event = json!({"kind": kind, "messageId": id, "timestamp": "2026-07-02T02:03:04.567Z",
        "customContext": {"plan": "gold", "seats": 3}});
    let mut msg =
        json!({"provider": "pendula", "event": kind, "status": status, "id": id, "tags": ["plan=gold", "seats=3"]});
    if status == "failed" || status == "rejected" || status == "bounced" {
        event["errors"] = json!([{"errorMessage": "no such address", "errorCode": "550"}]);
        msg["reason"] = json!("no such address");
    }
    (event, found("pendula-2026-07-02", msg))
}

/// HMAC-SHA256 of the seconds, a dot and the body.
#[expect(clippy::disallowed_methods, reason = "a signature is of the time at which it is made")]
fn signature(body: &str) -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex(tag.as_ref()))
}
