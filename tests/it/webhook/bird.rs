//! Bird: "Event Webhooks" and "Webhook Event Reference": batches of every documented kind, and the test of a new webhook.

use serde_json::{Value, json};

use super::posts::{Found, Post, Receivers, SECRET, found, sample};
use crate::receiver::Receiver;

/// Class, type, and what it means.
const KINDS: [(&str, &str, Option<&str>); 27] = [
    ("message_event", "injection", Some("sent")),
    ("message_event", "delivery", Some("delivered")),
    ("message_event", "bounce", Some("bounced")),
    ("message_event", "delay", Some("delayed")),
    ("message_event", "out_of_band", Some("bounced")),
    ("message_event", "policy_rejection", Some("rejected")),
    ("message_event", "spam_complaint", Some("complained")),
    ("message_event", "sms_status", Some("delivered")),
    ("track_event", "open", Some("opened")),
    ("track_event", "initial_open", Some("opened")),
    ("track_event", "click", Some("clicked")),
    ("track_event", "amp_open", Some("opened")),
    ("track_event", "amp_initial_open", Some("opened")),
    ("track_event", "amp_click", Some("clicked")),
    ("gen_event", "generation_failure", Some("rejected")),
    ("gen_event", "generation_rejection", Some("rejected")),
    ("unsubscribe_event", "list_unsubscribe", Some("unsubscribed")),
    ("unsubscribe_event", "link_unsubscribe", Some("unsubscribed")),
    ("relay_event", "relay_injection", Some("received")),
    ("relay_event", "relay_rejection", None),
    ("relay_event", "relay_delivery", None),
    ("relay_event", "relay_tempfail", None),
    ("relay_event", "relay_permfail", None),
    ("ab_test_event", "ab_test_completed", None),
    ("ab_test_event", "ab_test_cancelled", None),
    ("ingest_event", "success", None),
    ("ingest_event", "error", None),
];

/// What `/bird/token` gives out for a request as JSON, as a form, and with basic authentication.
pub async fn tokens(receiver: &Receiver) -> Vec<String> {
    let post = |body: String| receiver.post("/bird/token", body);
    let json = json!({"client_id": "client", "client_secret": SECRET, "grant_type": "client_credentials"});
    let form = format!("grant_type=client_credentials&client_id=client&client_secret={SECRET}");
    let form_type = "application/x-www-form-urlencoded";
    let mut tokens = Vec::new();
    for request in [
        post(json.to_string()).header("content-type", "application/json"),
        post(form).header("content-type", form_type),
        post("grant_type=client_credentials".to_owned())
            .header("content-type", form_type)
            .basic_auth("client", Some(SECRET)),
    ] {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let answer: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        assert_eq!(answer["token_type"].as_str().map(str::to_lowercase).as_deref(), Some("bearer"), "RFC 6749, 7.1");
        tokens.push(answer["access_token"].as_str().expect("a token").to_owned());
    }
    tokens
}

pub fn posts(of: &Receivers, tokens: &[String]) -> Vec<Post> {
    let strict = |id: &str, body: &Value| {
        of.strict
            .post("/bird", body.to_string())
            .header("content-type", "application/json")
            .header("X-MessageSystems-Batch-ID", id)
    };
    let test = sample("sparkpost-webhook-validation.json");
    let (nine, raw) = (sample("sparkpost-batch-9-types.json"), sample("sparkpost-ingest-ndjson-rows.json"));
    let (every, every_found) = every_kind();
    let mut posts = vec![
        Post::new("a batch of every kind, bearer", strict("b-1", &every).bearer_auth(SECRET), every_found),
        Post::new("the published batch, basic", strict("b-2", &nine).basic_auth("bird", Some(SECRET)), published()),
        Post::new("raw rows, OAuth 2.0", strict("b-3", &raw).bearer_auth(&tokens[0]), rows()),
        Post::new("the test, bearer", strict("t-1", &test).bearer_auth(SECRET), vec![]),
        Post::new("the test, basic", strict("t-2", &test).basic_auth("bird", Some(SECRET)), vec![]),
        Post::new("the test to anybody", of.open.post("/bird", test.to_string()), vec![]),
        // On this instance nobody knows the batch: it is put once more, and changes nothing.
        Post::new("the published batch, of anybody", of.open.post("/bird", nine.to_string()), published()),
    ];
    for token in tokens {
        posts.push(Post::new("the test, OAuth 2.0", strict("t-3", &test).bearer_auth(token), vec![]));
    }
    posts
}

/// A row of each kind, with a message of its own; times as numbers and as strings, as both are documented.
fn every_kind() -> (Value, Vec<Found>) {
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for (n, (class, kind, status)) in KINDS.into_iter().enumerate() {
        // 18 April 2016, 14:25:07.
        let timestamp = if n % 2 == 0 { json!(1_460_989_507) } else { json!("1460989507") };
        let mut row = json!({"type": kind, "timestamp": timestamp, "event_id": format!("9235692769381{n:04}"),
            "message_id": format!("m-{kind}"), "rcpt_to": "recipient@example.com", "friendly_from": "sender@shop.example",
            "campaign_id": "Summer", "batch_id": "b", "rcpt_meta": {"plan": "gold"}});
        let mut msg = json!({"provider": "bird", "event": kind, "channel": "email", "status": status,
            "id": format!("m-{kind}"), "to": "recipient@example.com", "to_domain": "example.com",
            "from": "sender@shop.example", "campaign": "Summer", "tags": ["plan=gold"]});
        let more = match kind {
            "bounce" | "out_of_band" | "delay" | "policy_rejection" => {
                msg["reason"] = json!("550 no such user");
                msg["reason_class"] = json!("10");
                json!({"reason": "550 no such user", "raw_reason": "550 (1.2.3.4)", "bounce_class": "10", "error_code": "550"})
            }
            "spam_complaint" => json!({"fbtype": "abuse"}),
            "sms_status" => {
                (msg["channel"], msg["to"], msg["from"]) = (json!("sms"), json!("7876712656"), json!("1234"));
                msg["to_domain"] = Value::Null;
                json!({"sms_dst": "7876712656", "sms_src": "1234", "stat_type": "SMSC Delivery", "stat_state": "Delivered"})
            }
            "click" | "amp_click" => {
                msg["link"] = json!("https://shop.example/sale");
                json!({"target_link_url": "https://shop.example/sale"})
            }
            "open" => {
                (msg["country"], msg["ip"]) = (json!("US"), json!("192.0.2.1"));
                msg["geo"] = json!({"lat": 39.1749, "lon": -76.8375});
                json!({"ip_address": "192.0.2.1",
                    "geo_ip": {"country": "US", "latitude": "39.1749", "longitude": "-76.8375"}})
            }
            _ => json!({}),
        };
        row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        rows.push(json!({"msys": {class: row}}));
        expected.push(found("bird-2016-04-18", msg));
    }
    (rows.into(), expected)
}

/// Nine rows of 2 February 2016 about one message, or none.
fn published() -> Vec<Found> {
    let message = "0e0d94b7-9085-4e3c-ab30-e3f2cd9c273e";
    let of = |event: &str, status: &str, id: Value| {
        let msg =
            json!({"event": event, "status": status, "channel": "email", "id": id, "to": "recipient@example.com"});
        found("bird-2016-02-02", msg)
    };
    let mut all: Vec<_> = [
        ("bounce", "bounced"),
        ("delivery", "delivered"),
        ("injection", "sent"),
        ("spam_complaint", "complained"),
        ("delay", "delayed"),
        ("click", "clicked"),
        ("open", "opened"),
        ("list_unsubscribe", "unsubscribed"),
    ]
    .into_iter()
    .map(|(event, status)| of(event, status, json!(message)))
    .collect();
    all.push(of("generation_rejection", "rejected", Value::Null));
    all
}

/// As the ingest API has them: 1 February 2019, in seconds as text.
fn rows() -> Vec<Found> {
    let of = |event: &str, status: &str, id: &str| {
        found("bird-2019-02-01", json!({"event": event, "status": status, "channel": "email", "id": id}))
    };
    vec![of("inband", "bounced", "00000bb3545c0100a205"), of("reception", "sent", "00000bb3545c0100a505")]
}
