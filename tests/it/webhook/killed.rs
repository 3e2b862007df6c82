//! A receiver that dies while it is posted to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use tokio::process::{Child, Command};

use crate::put::in_stream;
use crate::support::*;

/// A receiver for stream `s` that is always found at the same port.
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
    command.args(["--http-listen", "none"]).env("ESSINK_JSON_TOKEN", "json-token");
    let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
    command.stdout(std::process::Stdio::null()).stderr(log);
    let hooks = Hooks { child: command.spawn().expect("essink starts"), url: format!("http://{address}") };
    until("it listens", || async { tokio::net::TcpStream::connect(address).await.is_ok() }).await;
    hooks
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
