//! SNS: "Parsing message formats" and "Verifying the signatures of Amazon SNS messages".

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testkit::sns::{OF_A_TEXT, SIGNED, notification};

use super::firehose::MAIL;
use super::posts::{Found, Post, Receivers, found, sample};
use crate::receiver::Receiver;

pub fn posts(of: &Receivers) -> Vec<Post> {
    let [bounce_1, bounce_2, confirmation, end] = SIGNED;
    let open = sample("ses-firehose-open.json").to_string();
    let text = sample("eum-eventbridge-text-successful-protect.json").to_string();
    let signed = |id: &str, message: &str| notification(id, message).expect("signed").to_string();
    let strict = |body: &str| as_sns(&of.strict, body);
    let raw = |request: RequestBuilder| request.header("x-amz-sns-rawdelivery", "true");
    vec![
        Post::new("the confirmation of a subscription", strict(confirmation), vec![]),
        Post::new("a mail's bounce, version 1", strict(bounce_1), vec![bounced()]),
        Post::new("the same bounce, version 2", strict(bounce_2), vec![bounced()]),
        Post::new("a mail's open, version 2", strict(&signed("n-1", &open)), vec![opened()]),
        Post::new("a text, version 1", strict(OF_A_TEXT), vec![sent_text()]),
        Post::new("a text in EventBridge's envelope, version 2", strict(&signed("n-2", &text)), vec![protected_text()]),
        Post::new("a raw message, of anybody", raw(of.open.post("/sns", open.clone())), vec![opened()]),
        Post::new("the end of a subscription", strict(end), vec![]),
    ]
}

/// Its headers are copied from the body, as SNS does.
fn as_sns(receiver: &Receiver, body: &str) -> RequestBuilder {
    let envelope: Value = serde_json::from_str(body).expect("JSON");
    let of = |name: &str| envelope[name].as_str().expect("a text").to_owned();
    receiver
        .post("/sns", body.to_owned())
        .header("content-type", "text/plain; charset=UTF-8")
        .header("user-agent", "Amazon Simple Notification Service Agent")
        .header("x-amz-sns-message-type", of("Type"))
        .header("x-amz-sns-message-id", of("MessageId"))
        .header("x-amz-sns-topic-arn", of("TopicArn"))
}

/// The address of the confirmation was fetched, the certificate no more than once, and the end was said.
pub fn confirmed_and_ended(of: &Receivers) {
    let asked = of.asked.lock().expect("no panic").clone();
    let envelope: Value = serde_json::from_str(SIGNED[2]).expect("JSON");
    let address = envelope["SubscribeURL"].as_str().expect("a text").replace("https://sns.eu-west-1.amazonaws.com", "");
    let certificate = "/SimpleNotificationService-6aad65c2f9911b05cd53efda11f913f9.pem";
    assert_eq!(asked, [certificate, &address]);
    let log = of.strict.log();
    assert!(log.contains("the subscription is confirmed") && log.contains("a subscription was ended"), "{log}");
}

fn bounced() -> Found {
    found(
        "ses-2017-08-05",
        json!({"provider": "ses", "event": "Bounce", "channel": "email", "status": "bounced", "id": MAIL,
            "to": "recipient@example.com", "from_domain": "example.com", "reason": "smtp; 550 5.1.1 user unknown",
            "reason_class": "Permanent/General", "config_set": "ConfigSet"}),
    )
}

fn opened() -> Found {
    found(
        "ses-2017-08-09",
        json!({"provider": "ses", "event": "Open", "channel": "email", "status": "opened", "id": MAIL, "ip": "192.0.2.1"}),
    )
}

/// 17 June 2023, 04:11:43.
fn sent_text() -> Found {
    found(
        "eum-2023-06-17",
        json!({"provider": "eum", "event": "TEXT_SUCCESSFUL", "channel": "sms", "status": "delivered", "final": true,
            "id": "862a8790-60c0-4430-9b2b-658bdexample", "to": "+14255550156", "from": "+12065550152",
            "cost_usd": 0.09582, "parts": 1}),
    )
}

fn protected_text() -> Found {
    let event = &sample("eum-eventbridge-text-successful-protect.json")["detail"];
    let milliseconds = event["eventTimestamp"].as_i64().expect("a number");
    let day = chrono::DateTime::from_timestamp_millis(milliseconds).expect("a time").format("%Y-%m-%d");
    found(
        &format!("eum-{day}"),
        json!({"provider": "eum", "event": "TEXT_SUCCESSFUL", "channel": "sms", "status": "delivered",
            "id": event["messageId"], "to": event["destinationPhoneNumber"]}),
    )
}
