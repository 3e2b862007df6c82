//! The receiver's life as a process: what it says at the start, what it does at the end, and that its log holds no event.

use std::collections::BTreeSet;

use bytes::Bytes;
use essink::event::aggregate::{Aggregate, open};
use serde_json::Value;
use testkit::kinesis::Kinesis;

use crate::reading::{connect, read_stream};
use crate::receiver::Receiver;
use crate::support::*;

/// Every event in the stream, out of its frames.
pub async fn events(kinesis: &Kinesis, stream: &str) -> Vec<Bytes> {
    let client = connect(&kinesis.url()).await;
    let stream = client.stream(stream).await.expect("a stream");
    let mut events = Vec::new();
    for (_, records) in read_stream(&client, &stream).await {
        for record in records {
            match open(&record.data, 100_000) {
                Aggregate::Plain => events.push(record.data),
                Aggregate::Records(all) => events.extend(all),
                Aggregate::Bad(why) => panic!("{why}"),
            }
        }
    }
    events
}

async fn stream(name: &str) -> Kinesis {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream(name, 2).await.expect("stream");
    kinesis
}

fn secret(dir: &std::path::Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

#[tokio::test]
async fn what_was_answered_200_is_in_the_stream_and_not_in_the_log() {
    let (kinesis, dir) = (stream("posted").await, tempfile::tempdir().expect("a directory"));
    let (token, key) =
        (secret(dir.path(), "bird", "t0ken-of-bird\n"), secret(dir.path(), "vonage", "s3cret-of-vonage"));
    let more = ["--bird-token-file", &token, "--vonage-secret-file", &key, "--log-level", "info,essink=debug"];
    let receiver = Receiver::start(&kinesis, "posted", dir.path(), &more).await;
    let batch = samples(&["sparkpost-batch"]);
    let body = Value::from(batch.clone()).to_string();
    let post =
        || receiver.post("/bird", body.clone()).bearer_auth("t0ken-of-bird").header("x-messagesystems-batch-id", "b-1");
    let status =
        |request: reqwest::RequestBuilder| async { request.send().await.expect("an answer").status().as_u16() };
    assert_eq!(status(post()).await, 200);
    assert_eq!(status(post()).await, 200);
    assert_eq!(status(receiver.post("/bird", body.clone()).bearer_auth("wrong-one")).await, 401);
    assert_eq!(status(receiver.request(reqwest::Method::GET, "/vonage?msisdn=447700900000&to=x")).await, 503);
    assert_eq!(status(receiver.post("/json", "{}")).await, 404, "off");
    let found: Vec<Value> =
        events(&kinesis, "posted").await.iter().map(|e| serde_json::from_slice(e).expect("JSON")).collect();
    let texts = |events: &[Value]| events.iter().map(Value::to_string).collect::<BTreeSet<_>>();
    assert_eq!((found.len(), texts(&found)), (9, texts(&batch)));
    let (code, log) = receiver.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(r#""webhook.provider":"bird","webhook.answer":"refused""#), "as the metrics call them: {log}");
    for private in
        ["t0ken-of-bird", "s3cret", "wrong-one", "447700900000", "recipient@example.com", "msys", "Summer deals"]
    {
        assert!(!log.contains(private), "{private} in {log}");
    }
}

#[tokio::test]
async fn an_open_relay_and_half_a_configuration_do_not_start() {
    for (more, word) in [
        (vec![], "none is on"),
        (vec!["--provider", "json"], "--allow-unauthenticated json"),
        (vec!["--provider", "vonage,sns", "--allow-unauthenticated", "vonage"], "sns has no credentials"),
        (vec!["--allow-unauthenticated", "json", "--webhook-tls-cert", "x"], "--webhook-tls-key"),
        (vec!["--allow-unauthenticated", "json", "--webhook-tls-cert", "/none", "--webhook-tls-key", "/none"], "/none"),
        (vec!["--firehose-access-key", "hunter2"], "ESSINK_FIREHOSE_ACCESS_KEY"),
    ] {
        let done = finish(essink(&[&["webhook", "--stream", "s", "--http-listen", "none"], &more[..]].concat()))
            .await
            .expect(64, &[word]);
        assert!(!done.err.contains("hunter2"), "{}", done.err);
    }
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_said_at_the_start() {
    let kinesis = stream("other").await;
    let url = kinesis.url();
    let args = ["webhook", "--stream", "nowhere", "--kinesis-endpoint-url", &url, "--http-listen", "none"];
    finish(essink(&[&args[..], &["--allow-unauthenticated", "json"]].concat())).await.expect(69, &["nowhere"]);
}

#[tokio::test]
async fn a_stream_that_goes_away_makes_the_receiver_ask_for_patience() {
    let (kinesis, dir) = (stream("gone").await, tempfile::tempdir().expect("a directory"));
    let receiver = Receiver::start(&kinesis, "gone", dir.path(), &["--allow-unauthenticated", "bird"]).await;
    let post = || receiver.post("/bird", r#"[{"msys":{"a":{}}}]"#).send();
    assert_eq!(post().await.expect("an answer").status(), 200);
    drop(kinesis);
    // The server may still take what comes while it ends.
    until("a post is refused", || async { post().await.expect("an answer").status() == 503 }).await;
    let answer = post().await.expect("an answer");
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert!(receiver.log().contains("anybody who reaches /bird"), "{}", receiver.log());
    let (code, log) = receiver.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("not ready: stream").count(), 1, "{log}");
}

#[tokio::test]
async fn killed_behind_a_200_it_has_put_what_it_answered_for() {
    let (kinesis, dir) = (stream("killed").await, tempfile::tempdir().expect("a directory"));
    let receiver = Receiver::start(&kinesis, "killed", dir.path(), &["--allow-unauthenticated", "json"]).await;
    let lines: Vec<_> = (0..500).map(|n| format!("{{\"n\":{n}}}")).collect();
    let answer = receiver.post("/json", lines.join("\n")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    receiver.kill().await;
    let found: BTreeSet<_> = events(&kinesis, "killed").await.into_iter().collect();
    assert_eq!(found, lines.into_iter().map(Bytes::from).collect());
}
