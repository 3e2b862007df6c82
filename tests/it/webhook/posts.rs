//! Every request that a provider documents, posted by an ordinary HTTP client to the real receivers, into a real stream,
//! read by the real `essink run` into a real cluster: found in its index with what the rules say of it; posted again,
//! nothing is new there.
//!
//! One file a provider has its requests, and what must be found, written down from the provider's documentation and the
//! meaning of the vocabulary.

use std::path::Path;
use std::sync::{Arc, Mutex};

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::search::{Server, shared};

use super::{bird, firehose, json as plain, sns, vonage};
use crate::receiver::Receiver;
use crate::support::*;

/// The secret of everything that has one.
pub const SECRET: &str = "s3cret-of-all-of-them";

/// One request, and what must be found of it. Its answer must be 200.
pub struct Post {
    pub what: String,
    pub request: RequestBuilder,
    pub found: Vec<Found>,
}

/// One document.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Family and day.
    pub index: String,
    /// Members that its `msg` has, at least; null for one that it has not.
    pub msg: Value,
}

impl Post {
    pub fn new(what: impl Into<String>, request: RequestBuilder, found: Vec<Found>) -> Self {
        Self { what: what.into(), request, found }
    }
}

pub fn found(index: &str, msg: Value) -> Found {
    Found { index: index.to_owned(), msg }
}

/// A published sample.
pub fn sample(name: &str) -> Value {
    let path = format!("{}/tests/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).expect("a sample")).expect("JSON")
}

/// Receivers for one stream, which differ in what they ask for.
pub struct Receivers {
    /// Asks everybody for credentials; Vonage for MD5.
    pub strict: Receiver,
    /// Asks Vonage for HMAC-SHA256.
    pub hmac: Receiver,
    /// Takes what anybody posts.
    pub open: Receiver,
    /// What SNS was asked for.
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Receivers {
    async fn start(kinesis: &Kinesis, dir: &Path) -> Self {
        let secret = dir.join("secret").display().to_string();
        std::fs::write(&secret, format!("{SECRET}\n")).expect("a file");
        let at = |name: &str| {
            let dir = dir.join(name);
            std::fs::create_dir(&dir).expect("a directory");
            dir
        };
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let amazon = amazon(asked.clone()).await;
        let mut strict = vec!["--sns-topic", testkit::sns::TOPIC, "--sns-endpoint-url", &amazon];
        // What openssl signed in July 2026 stays as it is.
        strict.extend(["--sns-window", "3650d"]);
        for option in ["--vonage-secret-file", "--firehose-access-key-file", "--bird-token-file", "--json-token-file"] {
            strict.extend([option, &secret]);
        }
        strict.extend(["--bird-user", "bird", "--bird-password-file", &secret]);
        strict.extend(["--bird-client-id", "client", "--bird-client-secret-file", &secret]);
        strict.extend(["--json-user", "ann", "--json-password-file", &secret, "--json-hmac-secret-file", &secret]);
        let hmac = ["--vonage-secret-file", &secret, "--vonage-signature", "hmac-sha256"];
        let open = ["--allow-unauthenticated", "vonage,bird,firehose,sns,json"];
        Self {
            strict: Receiver::start(kinesis, "s", &at("strict"), &strict).await,
            hmac: Receiver::start(kinesis, "s", &at("hmac"), &hmac).await,
            open: Receiver::start(kinesis, "s", &at("open"), &open).await,
            asked,
        }
    }

    /// Every request. In each round what only signs it is another, as when a provider tries again.
    async fn posts(&self, round: u64) -> Vec<Post> {
        let tokens = bird::tokens(&self.strict).await;
        let mut posts = vonage::posts(self, round);
        posts.extend(bird::posts(self, &tokens));
        posts.extend(firehose::posts(self, round));
        posts.extend(sns::posts(self));
        posts.extend(plain::posts(self));
        posts
    }
}

/// What stands for SNS: has the certificate, and takes confirmations.
async fn amazon(asked: Arc<Mutex<Vec<String>>>) -> String {
    let answer = move |uri: axum::http::Uri| {
        asked.lock().expect("no panic").push(uri.to_string());
        std::future::ready(if uri.path().ends_with(".pem") { testkit::sns::CERTIFICATE } else { "<confirmed/>" })
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    url
}

/// Posts them all, and gives what must be found.
async fn post(posts: Vec<Post>) -> Vec<Found> {
    let mut expected = Vec::new();
    for Post { what, request, found } in posts {
        let answer = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let status = answer.status();
        assert_eq!(status, StatusCode::OK, "{what}: {}", answer.text().await.unwrap_or_default());
        for one in found {
            // The same event on two ways is one document.
            if !expected.contains(&one) {
                expected.push(one);
            }
        }
    }
    expected
}

/// Every document that is there, of all families and of none.
async fn all(search: &Server) -> Vec<Value> {
    let mut all = Vec::new();
    for family in ["vonage", "bird", "ses", "eum", "pendula", "unrecognized", "essink-dead-letters"] {
        all.extend(documents(search, &format!("{family}-*")).await);
    }
    all
}

fn is(document: &Value, expected: &Found) -> bool {
    let msg = &document["_source"]["msg"];
    let wanted = expected.msg.as_object().expect("members");
    document["_index"] == expected.index.as_str() && wanted.iter().all(|(name, value)| msg[name] == *value)
}

/// The needs essink began with, and all that came after: receipts of Nexmo, webhooks of Bird, Firehose, SNS, Pendula.
#[tokio::test]
async fn what_is_posted_is_found_in_its_family_and_a_repeat_changes_nothing() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 2).await.expect("stream");
    let dir = tempfile::tempdir().expect("a directory");
    let receivers = Receivers::start(&kinesis, dir.path()).await;

    let expected = post(receivers.posts(1).await).await;
    catch_up(&kinesis, &search, "s", &[]).await.expect(0, &[]);
    let documents = all(&search).await;
    for one in &expected {
        let n = documents.iter().filter(|document| is(document, one)).count();
        let of_index: Vec<_> = documents.iter().filter(|d| d["_index"] == one.index.as_str()).collect();
        let msgs: Vec<_> = of_index.iter().map(|document| document["_source"]["msg"].to_string()).collect();
        assert_eq!(n, 1, "{one:?} in {msgs:#?}");
    }
    let names: Vec<_> = documents.iter().map(|d| format!("{} {}", d["_index"], d["_source"]["msg"])).collect();
    assert_eq!(documents.len(), expected.len(), "and nothing else: {names:#?}");
    // What a signature needs is no part of an event.
    for document in &documents {
        let source = &document["_source"];
        assert!(source["sig"].is_null() && source["nonce"].is_null(), "{source}");
    }
    sns::confirmed_and_ended(&receivers);

    let again = post(receivers.posts(2).await).await;
    assert_eq!(again, expected);
    catch_up(&kinesis, &search, "s", &[]).await.expect(0, &[]);
    let ids = |documents: &[Value]| documents.iter().map(|d| json!([d["_index"], d["_id"]])).collect::<Vec<_>>();
    let (mut before, mut after) = (ids(&documents), ids(&all(&search).await));
    for list in [&mut before, &mut after] {
        list.sort_by_key(Value::to_string);
    }
    assert_eq!(after, before, "posted again: nothing new");
    for receiver in [receivers.strict, receivers.hmac, receivers.open] {
        let (code, log) = receiver.stop().await;
        assert_eq!(code, Some(0), "{log}");
        assert!(!log.contains("not taken"), "{log}");
    }
}
