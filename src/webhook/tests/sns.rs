use bytes::Bytes;
use serde_json::{Value, json};
use testkit::sns::{CERTIFICATE, CERTIFICATE_URL, ENDED, OF_ANOTHER, SIGNED, TO_COME, TOPIC};

use super::*;
use crate::webhook::sns::{Fetch, Sns};

/// SNS as this machine sees it: addresses that were asked for, and whether it is there.
#[derive(Default)]
struct Amazon {
    asked: Mutex<Vec<String>>,
    down: Mutex<bool>,
    /// In place of the certificate.
    instead: Mutex<Option<&'static str>>,
}

impl Amazon {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Fetch for Amazon {
    fn get<'a>(&'a self, url: &'a str) -> Later<'a, Result<Bytes, String>> {
        self.asked.lock().unwrap().push(url.to_owned());
        let (down, instead) = (*self.down.lock().unwrap(), *self.instead.lock().unwrap());
        Box::pin(async move {
            match down {
                true => Err("no connection".to_owned()),
                false => Ok(Bytes::from_static(instead.unwrap_or(CERTIFICATE).as_bytes())),
            }
        })
    }
}

async fn server_of(topics: &[&str]) -> (Server, Arc<Amazon>) {
    let amazon = Arc::new(Amazon::default());
    let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
    (Server::start(Plan::of("/sns", Sns::new(topics, Duration::from_secs(86_400), amazon.clone()))).await, amazon)
}

async fn server() -> (Server, Arc<Amazon>) {
    server_of(&["arn:aws:sns:eu-west-1:123456789012:other", TOPIC]).await
}

/// As SNS posts it.
fn post(server: &Server, body: &str) -> RequestBuilder {
    let envelope: Value = serde_json::from_str(body).unwrap_or_default();
    let of = |name: &str| envelope[name].as_str().unwrap_or("x").to_owned();
    server
        .post("/sns", body.to_owned())
        .header("content-type", "text/plain; charset=UTF-8")
        .header("x-amz-sns-message-type", of("Type"))
        .header("x-amz-sns-message-id", of("MessageId"))
        .header("x-amz-sns-topic-arn", of("TopicArn"))
}

fn changed(envelope: &str, name: &str, value: Value) -> String {
    let mut envelope: Value = serde_json::from_str(envelope).unwrap();
    envelope[name] = value;
    envelope.to_string()
}

/// What is signed of a notification, by the rules, as JSON.
fn signed_members(notification: &str) -> Value {
    let Ok(Value::Object(mut all)) = serde_json::from_str(notification) else { panic!("{notification}") };
    let signed = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
    all.retain(|name, value| signed.contains(&name.as_str()) && !value.is_null());
    Value::Object(all)
}

fn values(server: &Server) -> Vec<Value> {
    server.memory.taken().iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

#[tokio::test]
async fn what_is_signed_of_a_notification_is_put() {
    let (server, amazon) = server().await;
    for body in &SIGNED[..2] {
        assert_eq!(status(post(&server, body)).await, 200);
        let items = server.memory.items_taken();
        assert_eq!(items.len(), 1);
        assert_eq!(serde_json::from_slice::<Value>(&items[0].data).unwrap(), signed_members(body));
        let message: Value = serde_json::from_str::<Value>(body).unwrap()["Message"].as_str().unwrap().parse().unwrap();
        assert_eq!(items[0].key, message["mail"]["messageId"].as_str().unwrap(), "the mail's events stay together");
    }
    assert_eq!(amazon.asked(), [CERTIFICATE_URL], "once for both");
    let text = testkit::sns::notification("n-1", "plain text, \"quoted\"\n").unwrap().to_string();
    assert_eq!(status(post(&server, &text)).await, 200);
    assert_eq!(values(&server), [signed_members(&text)]);
}

#[tokio::test]
async fn one_signed_notification_lets_no_other_event_in() {
    let (server, _) = server().await;
    let forged = json!([{"Sns": {"Message": "{\"forged\":1}"}}]);
    for (name, value) in [
        ("Records", forged.clone()),
        ("AAA", json!(1)),
        ("records", json!([{"data": "e30="}])),
        ("requestId", json!("r")),
        ("detail", json!({"forged": 1})),
        ("MessageAttributes", json!({"forged": {"Type": "String", "Value": "1"}})),
        ("UnsubscribeURL", json!("https://example.com")),
        ("message", json!("forged")),
    ] {
        assert_eq!(status(post(&server, &changed(SIGNED[1], name, value))).await, 200, "{name}");
        let (items, signed) = (server.memory.items_taken(), signed_members(SIGNED[1]));
        assert_eq!(serde_json::from_slice::<Value>(&items[0].data).unwrap(), signed, "{name}");
    }
    // Before the others, where it is the first to be seen.
    let first = format!("{{\"Records\":{forged},{}", SIGNED[1].trim_start().strip_prefix('{').unwrap());
    assert_eq!(status(post(&server, &first)).await, 200);
    assert_eq!(values(&server), [signed_members(SIGNED[1])]);
}

#[tokio::test]
async fn a_message_of_another_day_is_refused() {
    let (server, _) = server().await;
    let (second, day) = (1_000, 86_400_000);
    for (away, expected) in
        [(0, 200), (-3_600 * second, 200), (-day, 200), (-day - second, 403), (day, 200), (day + second, 403)]
    {
        let mut envelope = testkit::sns::notification("n-1", "{}").unwrap();
        envelope["Timestamp"] = json!(Millis(NOW.0 + away).rfc3339());
        let body = testkit::sns::sign(envelope).unwrap().to_string();
        assert_eq!(status(post(&server, &body)).await, expected, "{away}");
    }
    let mut envelope = testkit::sns::notification("n-1", "{}").unwrap();
    envelope["Timestamp"] = json!("now");
    assert_eq!(status(post(&server, &testkit::sns::sign(envelope).unwrap().to_string())).await, 403);
    assert_eq!(server.memory.taken().len(), 4);
}

#[tokio::test]
async fn a_confirmation_that_is_posted_again_asks_nobody() {
    let (server, amazon) = server().await;
    let subscribe = serde_json::from_str::<Value>(SIGNED[2]).unwrap()["SubscribeURL"].as_str().unwrap().to_owned();
    for _ in 0..20 {
        assert_eq!(status(post(&server, SIGNED[2])).await, 200);
    }
    assert_eq!(amazon.asked(), [CERTIFICATE_URL, &subscribe]);
    // One that SNS does not confirm is tried again, but not at the rate at which it is posted.
    *amazon.down.lock().unwrap() = true;
    let began = std::time::Instant::now();
    for token in 0..50 {
        let url = format!("{subscribe}{token}");
        let body = testkit::sns::confirmation(TOPIC, &url).unwrap().to_string();
        assert_eq!(status(post(&server, &body)).await, 503);
    }
    let most = 5 * (began.elapsed().as_secs() as usize + 2);
    let asked = amazon.asked().len();
    assert!((1..=most).contains(&asked), "{asked} of 50");
}

#[tokio::test]
async fn a_subscription_of_a_configured_topic_is_confirmed_and_no_other() {
    let (server, amazon) = server().await;
    let subscribe = serde_json::from_str::<Value>(SIGNED[2]).unwrap()["SubscribeURL"].as_str().unwrap().to_owned();
    assert_eq!(status(post(&server, SIGNED[2])).await, 200);
    assert_eq!(amazon.asked(), [CERTIFICATE_URL, &subscribe]);
    // Signed by Amazon too, but of somebody else's topic.
    let theirs = TOPIC.replace("123456789012", "999999999999");
    let of_theirs = testkit::sns::confirmation(&theirs, &subscribe.replace(TOPIC, &theirs)).unwrap().to_string();
    assert_eq!(status(post(&server, &of_theirs)).await, 403);
    assert_eq!(status(server.post("/sns", of_theirs)).await, 403, "whatever the head says");
    // Of ours, but it leads elsewhere.
    for url in [
        subscribe.replace("amazonaws.com", "example.com"),
        subscribe.replace("ConfirmSubscription", "Publish"),
        subscribe.replace(TOPIC, &theirs),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        String::new(),
    ] {
        let body = testkit::sns::confirmation(TOPIC, &url).unwrap().to_string();
        assert_eq!(status(post(&server, &body)).await, 403, "{url}");
    }
    // Unsigned.
    assert_eq!(status(post(&server, &changed(SIGNED[2], "Signature", json!("AAAA")))).await, 403);
    assert_eq!(amazon.asked(), Vec::<String>::new());
    assert_eq!(server.memory.taken().len(), 0);
}

#[tokio::test]
async fn the_end_of_a_subscription_is_noted() {
    let (server, amazon) = server().await;
    assert_eq!(status(post(&server, SIGNED[3])).await, 200);
    assert_eq!((amazon.asked(), server.memory.taken().len()), (vec![CERTIFICATE_URL.to_owned()], 0));
    assert_eq!(server.counted("sns", "nothing"), 1);
}

#[tokio::test]
async fn what_is_not_signed_by_sns_is_refused_and_no_other_host_is_asked() {
    let (server, amazon) = server().await;
    for url in [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-a.pem",
        "https://sns.eu-west-1.amazonaws.com.example.com/SimpleNotificationService-a.pem",
        "https://example.com/SimpleNotificationService-a.pem",
        "https://127.0.0.1/SimpleNotificationService-a.pem",
        "file:///etc/passwd",
        "",
    ] {
        assert_eq!(status(post(&server, &changed(SIGNED[1], "SigningCertURL", json!(url)))).await, 403, "{url}");
    }
    assert_eq!(amazon.asked(), Vec::<String>::new());
    for (name, value) in [
        ("Message", json!("{}")),
        ("Timestamp", json!("2026-07-08T04:53:19.456Z")),
        ("SignatureVersion", json!("1")),
        ("Type", json!("Other")),
    ] {
        assert_eq!(status(post(&server, &changed(SIGNED[1], name, value))).await, 403, "{name}");
    }
    let raw = server.post("/sns", "{\"a\":1}").header("x-amz-sns-rawdelivery", "true");
    let answer = said(raw).await;
    assert!(answer.status == 403 && answer.body.contains("raw message delivery"), "{answer:?}");
    for bad in ["", "[]", "{}", "{", "null", &SIGNED[1][1..], &format!("{}{{}}", SIGNED[1])] {
        assert_eq!(status(server.post("/sns", bad.to_owned())).await, 400, "{bad}");
    }
    assert_eq!(status(server.request(Method::GET, "/sns")).await, 405);
    assert_eq!(server.memory.taken().len(), 0);
}

#[tokio::test]
async fn a_certificate_of_another_time_or_of_somebody_else_signs_nothing() {
    for (instead, expected, why) in [
        (ENDED, 503, "has ended; is this machine's clock right?"),
        (TO_COME, 503, "is of a time to come"),
        (OF_ANOTHER, 403, "SigningCertURL leads to a certificate that does not name SNS"),
        ("nonsense", 403, "SigningCertURL leads to no certificate"),
    ] {
        let (server, amazon) = server().await;
        *amazon.instead.lock().unwrap() = Some(instead);
        for body in &SIGNED[..3] {
            let answer = said(post(&server, body)).await;
            assert!(answer.status == expected && answer.body.contains(why), "{answer:?}");
        }
        assert_eq!((amazon.asked(), server.memory.taken().len()), (vec![CERTIFICATE_URL.to_owned()], 0), "{why}");
    }
}

#[tokio::test]
async fn when_amazon_does_not_answer_sns_comes_again() {
    let (server, amazon) = server().await;
    *amazon.down.lock().unwrap() = true;
    assert_eq!(status(post(&server, SIGNED[1])).await, 503);
    *amazon.down.lock().unwrap() = false;
    // It is not asked with every message.
    let began = std::time::Instant::now();
    while status(post(&server, SIGNED[1])).await != 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "it answers again");
    }
    assert_eq!(amazon.asked().len(), 2);
    *amazon.down.lock().unwrap() = true;
    assert_eq!(status(post(&server, SIGNED[2])).await, 503, "not confirmed");
    assert_eq!(server.memory.taken().len(), 1);
}

#[tokio::test]
async fn who_says_so_takes_messages_of_anybody_and_confirms_none() {
    let (server, amazon) = server_of(&[]).await;
    let unsigned = changed(SIGNED[1], "Signature", json!(""));
    assert_eq!(status(post(&server, &unsigned)).await, 200);
    let raw = server.post("/sns", "{\"a\":1}").header("x-amz-sns-rawdelivery", "true");
    assert_eq!(status(raw).await, 200);
    assert_eq!(server.memory.taken(), [unsigned, "{\"a\":1}".to_owned()]);
    assert_eq!(status(post(&server, SIGNED[2])).await, 403);
    assert_eq!(amazon.asked(), Vec::<String>::new());
}
