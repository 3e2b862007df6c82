//! `essink webhook`: what providers post, through a real stream into the cluster; and a process that dies while they do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::search::shared;
use tokio::process::{Child, Command};

use crate::put::in_stream;
use crate::support::*;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples");

/// A server of webhooks for stream `s` on a port of its own.
struct Hooks {
    child: Child,
    url: String,
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").to_string()
}

async fn start(kinesis: &str, address: &str, log: &std::path::Path) -> Hooks {
    let args = ["webhook", "--stream", "s", "--kinesis-endpoint-url", kinesis, "--webhook-listen", address];
    let mut command: Command = essink(&args);
    command.args(["--http-listen", "none", "--allow-unauthenticated", "vonage"]);
    command.env("ESSINK_BIRD_TOKEN", "bird-token").env("ESSINK_JSON_TOKEN", "json-token");
    command.env("ESSINK_FIREHOSE_ACCESS_KEY", "firehose-key");
    let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
    command.stdout(std::process::Stdio::null()).stderr(log);
    let hooks = Hooks { child: command.spawn().expect("essink starts"), url: format!("http://{address}") };
    until("it listens", || async { tokio::net::TcpStream::connect(address).await.is_ok() }).await;
    hooks
}

fn sample(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(format!("{SAMPLES}/{name}")).expect("a sample")).expect("JSON")
}

/// Posts what each provider documents, and wants 200 for each.
async fn post_all(client: &Client, url: &str) {
    let receipt = sample("vonage-dlr-delivered.json");
    let form: Vec<(String, String)> = receipt
        .as_object()
        .expect("an object")
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()))
        .collect();
    let mut other = receipt.clone();
    other["messageId"] = json!("0B00000127FDBC64");
    let query = serde_urlencoded(&form).replace("0B00000127FDBC63", "0B00000127FDBC65");
    let json_type = ("content-type", "application/json");
    let form_type = ("content-type", "application/x-www-form-urlencoded");
    let record = {
        use base64::Engine;
        let event = sample("ses-firehose-delivery.json").to_string();
        base64::engine::general_purpose::STANDARD.encode(event)
    };
    let firehose = json!({"requestId": "r1", "timestamp": 1_783_400_000_000_i64, "records": [{"data": record}]});
    let requests = [
        client.get(format!("{url}/vonage?{query}")),
        client.post(format!("{url}/vonage")).header(form_type.0, form_type.1).body(serde_urlencoded(&form)),
        client.post(format!("{url}/vonage")).header(json_type.0, json_type.1).body(other.to_string()),
        client
            .post(format!("{url}/bird"))
            .bearer_auth("bird-token")
            .header("X-MessageSystems-Batch-ID", "b1")
            .body(sample("sparkpost-batch-9-types.json").to_string()),
        client.post(format!("{url}/bird")).bearer_auth("bird-token").body(r#"[{"msys":{}}]"#),
        client
            .post(format!("{url}/firehose"))
            .header("X-Amz-Firehose-Access-Key", "firehose-key")
            .header("X-Amz-Firehose-Request-Id", "r1")
            .header(json_type.0, json_type.1)
            .body(firehose.to_string()),
        client
            .post(format!("{url}/json/pendula"))
            .bearer_auth("json-token")
            .body(sample("made-pendula-queued.json").to_string()),
    ];
    for request in requests {
        let answer = request.send().await.expect("an answer");
        let (status, at) = (answer.status(), answer.url().path().to_owned());
        assert_eq!(status, StatusCode::OK, "{at}: {}", answer.text().await.unwrap_or_default());
    }
}

fn serde_urlencoded(form: &[(String, String)]) -> String {
    let escaped = |text: &str| text.replace(' ', "+").replace(':', "%3A");
    form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// The needs essink began with: receipts of Nexmo and webhooks of Bird, posted, found, and not found twice.
#[tokio::test]
async fn what_is_posted_is_found_in_its_family_and_a_repeat_changes_nothing() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 2).await.expect("stream");
    let dir = tempfile::tempdir().expect("a directory");
    let hooks = start(&kinesis.url(), &free_port(), &dir.path().join("log")).await;
    let client = testkit::http::client().expect("a client");
    post_all(&client, &hooks.url).await;
    let wrong =
        client.post(format!("{}/bird", hooks.url)).bearer_auth("guessed").body("[]").send().await.expect("sent");
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);

    catch_up(&kinesis, &search, "s", &[]).await.expect(0, &[]);
    let counts = || async {
        let mut counts = Vec::new();
        for family in ["vonage", "bird", "ses", "pendula", "unrecognized", "essink-dead-letters"] {
            counts.push(count(&search, &format!("{family}-*")).await);
        }
        counts
    };
    assert_eq!(counts().await, [3, 9, 1, 1, 0, 0]);
    assert_eq!(terms(&search, "vonage-*", "msg.status").await, [("delivered".to_owned(), 3)]);
    let ids: BTreeSet<String> = terms(&search, "vonage-*", "msg.id").await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), ["0B00000127FDBC63", "0B00000127FDBC64", "0B00000127FDBC65"]);
    let of_receipt = documents(&search, "vonage-*").await;
    assert!(
        of_receipt.iter().all(|hit| hit["_source"]["network_code"] == "23410" && hit["_source"]["err_code"] == "0")
    );
    assert_eq!(terms(&search, "pendula-*", "msg.channel").await, [("email".to_owned(), 1)]);
    assert_eq!(terms(&search, "ses-*", "msg.status").await, [("delivered".to_owned(), 1)]);
    let bird = terms(&search, "bird-*", "event_class").await;
    assert!(
        bird.iter().any(|(class, _)| class == "message_event") && bird.iter().any(|(class, _)| class == "track_event")
    );

    post_all(&client, &hooks.url).await;
    catch_up(&kinesis, &search, "s", &[]).await.expect(0, &[]);
    assert_eq!(counts().await, [3, 9, 1, 1, 0, 0], "posted again: nothing new");
    assert_eq!(terminate(hooks.child).await, Some(0));
}

/// What was answered 200 is in the stream, whenever the process dies.
#[tokio::test]
async fn whatever_was_answered_is_in_the_stream_however_often_it_is_killed() {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 4).await.expect("stream");
    let dir = tempfile::tempdir().expect("a directory");
    let (address, log) = (free_port(), dir.path().join("log"));
    let mut hooks = start(&kinesis.url(), &address, &log).await;
    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let (stop, next, url) = (stop.clone(), next.clone(), format!("{}/json", hooks.url));
            tokio::spawn(async move {
                let client = testkit::http::client().expect("a client");
                let mut answered = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let batch: Vec<Value> = (0..3).map(|k| json!({"n": n, "k": k})).collect();
                    let request = client.post(&url).bearer_auth("json-token").body(Value::from(batch).to_string());
                    match request.send().await {
                        Ok(answer) if answer.status() == StatusCode::OK => answered.push(n),
                        // Nobody listens for some milliseconds.
                        _ => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
                    }
                }
                answered
            })
        })
        .collect();
    for round in 0..kills() {
        // Some die in their first requests, some later.
        let wait = 20 + (round * 7919) % 150;
        tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
        hooks.child.kill().await.expect("killed");
        hooks = start(&kinesis.url(), &address, &log).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    let mut answered = Vec::new();
    for sender in senders {
        answered.extend(sender.await.expect("a sender"));
    }
    assert_eq!(terminate(hooks.child).await, Some(0));
    assert!(answered.len() as u64 > kills(), "{} batches were answered", answered.len());
    let there: BTreeSet<String> = in_stream(&kinesis).await.into_iter().collect();
    for n in &answered {
        for k in 0..3 {
            let event = json!({"n": n, "k": k}).to_string();
            assert!(there.contains(&event), "{event} was answered 200 and is not in the stream");
        }
    }
    println!("{} killed, {} batches answered, {} events in the stream", kills(), answered.len(), there.len());
}

/// `ESSINK_TEST_KILLS=200` for a long round by hand.
#[expect(clippy::disallowed_methods, reason = "a knob for a long round by hand")]
fn kills() -> u64 {
    std::env::var("ESSINK_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}
