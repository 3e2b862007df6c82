//! Firehose: "HTTP endpoint delivery request and response specifications".

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::posts::{Found, Post, Receivers, SECRET, found, sample};

/// The mail of the published events.
pub const MAIL: &str = "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000";

pub fn posts(of: &Receivers, round: u64) -> Vec<Post> {
    let names =
        ["send", "delivery", "complaint", "reject", "click", "rendering-failure", "deliverydelay", "subscription"];
    let mails: Vec<Value> = names.iter().map(|name| sample(&format!("ses-firehose-{name}.json"))).collect();
    let mut texts = sample("eum-rcs-events.json").as_array().expect("a list").clone();
    texts.push(sample("eum-eventbridge-text-delivered.json"));
    let headers = |request: reqwest::RequestBuilder, id: &str| {
        request
            .header("content-type", "application/json")
            .header("X-Amz-Firehose-Protocol-Version", "1.0")
            .header("X-Amz-Firehose-Request-Id", id)
            .header("X-Amz-Firehose-Source-Arn", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/s")
            .header("X-Amz-Firehose-Common-Attributes", r#"{"commonAttributes":{"env":"test"}}"#)
    };
    let plain = headers(of.strict.post("/firehose", delivery("r-1", &mails, round)), "r-1");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(delivery("r-2", &texts, round).as_bytes()).expect("written");
    let gzip = headers(of.strict.post("/firehose", gzip.finish().expect("written")), "r-2");
    let open = headers(of.open.post("/firehose", delivery("r-3", &mails[..1], round)), "r-3");
    vec![
        Post::new("mails, plain", plain.header("X-Amz-Firehose-Access-Key", SECRET), of_mails()),
        Post::new(
            "texts, gzip",
            gzip.header("content-encoding", "gzip").header("X-Amz-Firehose-Access-Key", SECRET),
            of_texts(),
        ),
        Post::new("one mail, of anybody", open, of_mails()[..1].to_vec()),
    ]
}

fn delivery(id: &str, events: &[Value], round: u64) -> String {
    let record = |event: &Value| json!({"data": STANDARD.encode(event.to_string())});
    let records: Vec<_> = events.iter().map(record).collect();
    // "The timestamp of the request": of a retry another one.
    json!({"requestId": id, "timestamp": 1_783_400_000_000_u64 + round, "records": records}).to_string()
}

/// Filed under the time of what happened, or else of the mail.
fn of_mails() -> Vec<Found> {
    let of = |index: &str, event: &str, status: &str, more: Value| {
        let mut msg = json!({"provider": "ses", "event": event, "channel": "email", "status": status, "id": MAIL});
        msg.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        found(index, msg)
    };
    let to = json!({"to": "recipient@example.com", "to_domain": "example.com"});
    let subscription = json!({"id": "EXAMPLEe4bccb684-777bc8de-afa7-4970-92b0-f515137b1497-000000"});
    vec![
        of("ses-2016-10-14", "Send", "sent", to.clone()),
        of("ses-2016-10-19", "Delivery", "delivered", to.clone()),
        of("ses-2017-08-05", "Complaint", "complained", to.clone()),
        of("ses-2016-10-14", "Reject", "rejected", json!({"from": "sender@example.com"})),
        of("ses-2017-08-09", "Click", "clicked", to.clone()),
        of("ses-2018-01-22", "Rendering Failure", "rejected", to.clone()),
        of("ses-2020-06-16", "DeliveryDelay", "delayed", to),
        of("ses-2022-01-12", "Subscription", "unsubscribed", subscription),
    ]
}

/// Price and fee together; an event of EventBridge is taken out of its envelope.
fn of_texts() -> Vec<Found> {
    vec![
        found(
            "eum-2026-06-17",
            json!({"provider": "eum", "event": "RCS_DELIVERED", "channel": "rcs", "status": "delivered",
                "id": "test-sc1-004", "to": "+13022640220", "country": "US", "cost_usd": 0.01194}),
        ),
        found("eum-2026-06-17", json!({"event": "RCS_READ", "channel": "rcs", "status": "read", "id": "test-sc1-004"})),
        found(
            "eum-2025-06-29",
            json!({"event": "RCS_DELIVERED", "channel": "rcs", "status": "delivered", "country": "CA",
                "id": "b4a3196d-5b61-4884-a0d9-745acf1f6235", "cost_usd": 0.012}),
        ),
        found(
            "eum-2024-10-16",
            json!({"event": "TEXT_DELIVERED", "channel": "sms", "status": "delivered", "final": true, "country": "US",
                "id": "9539975a-e71f-45f3-b496-8d98dc098a77", "from": "+18445550123", "cost_usd": 0.00881, "parts": 1}),
        ),
    ]
}
