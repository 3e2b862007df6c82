//! Servers with users: OpenSearch over TLS, Elasticsearch without, and API keys.

mod roles;

use std::path::Path;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use essink::event::family::Family;
use testkit::fake_bulk::{FakeBulk, Mode};
use testkit::kinesis::Kinesis;
use testkit::search::{Kind, Options, Server};
use tokio::process::Command;

use crate::faults::{numbered, numbers, one_by_one};
use crate::support::*;

const PASSWORD: &str = "correct-horse-7";
const WRONG: &str = "wrong-donkey-8";
/// `nobody:nothing`, in the form a cluster gives keys out.
const KEY: &str = "bm9ib2R5Om5vdGhpbmc=";

async fn server(kind: Kind) -> Server {
    Server::start(kind, Options { password: Some(PASSWORD), ..Options::default() }).await.expect("a server with users")
}

/// A stream with `n` events.
async fn stream(n: usize) -> Kinesis {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("secured", 1).await.expect("stream");
    let records: Vec<_> = (0..n).map(|n| numbered(n, "")).collect();
    kinesis.client().put_records("secured", &records).await.expect("put");
    kinesis
}

/// `essink run --until-caught-up` with these further arguments, by nobody yet.
fn run(kinesis: &Kinesis, search: &Server, more: &[&str]) -> Command {
    let url = kinesis.url();
    let mut args = run_args(&url, search.url(), "secured");
    args.push("--until-caught-up");
    args.extend(more);
    essink(&args)
}

/// As a user with a password from the environment.
fn as_user(mut command: Command, user: &str, password: &str) -> Command {
    command.env("ESSINK_OPENSEARCH_USER", user).env("ESSINK_OPENSEARCH_PASSWORD", password);
    command
}

/// Runs it to its end; whatever it said, it said no password.
async fn discreetly(command: Command) -> Done {
    let done = finish(command).await;
    for secret in [PASSWORD, WRONG] {
        assert!(!done.out.contains(secret) && !done.err.contains(secret), "a password is shown: {done:?}");
    }
    done
}

fn written(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("text").to_owned()
}

#[tokio::test]
async fn opensearch_with_tls_and_users() {
    let search = server(Kind::OpenSearch3).await;
    let kinesis = stream(300).await;
    let ca = search.ca_file().expect("it speaks TLS");
    let ca = ["--opensearch-ca", ca.to_str().expect("text")];
    let dir = tempfile::tempdir().expect("a directory");

    refusals(&kinesis, &search, &ca).await;
    assert_eq!(count(&search, "pinpoint-*").await, 0, "nobody was let in so far");

    discreetly(as_user(run(&kinesis, &search, &ca), "admin", PASSWORD)).await.expect(0, &["\"events.indexed\":300"]);
    assert_eq!(count(&search, "pinpoint-*").await, 300);
    // The file has a newline at its end, as editors leave it.
    let file = written(dir.path(), "password", &format!("{PASSWORD}\n"));
    let by_file = ["--opensearch-user", "admin", "--opensearch-password-file", &file, "--group", "second"];
    let all = [&ca[..], &by_file].concat();
    discreetly(run(&kinesis, &search, &all)).await.expect(0, &["\"events.already_there\":300"]);
    limited(&kinesis, &search, &ca, dir.path()).await;
    search.stop().await.expect("stopped");
}

async fn refusals(kinesis: &Kinesis, search: &Server, ca: &[&str]) {
    let url = search.url();
    let wrong = as_user(run(kinesis, search, ca), "admin", WRONG);
    discreetly(wrong).await.expect(69, &[url, "wrong user or password"]);
    discreetly(run(kinesis, search, ca)).await.expect(69, &[url, "wrong user or password"]);
    // Nobody told it whom to trust.
    let untrusting = as_user(run(kinesis, search, &[]), "admin", PASSWORD);
    discreetly(untrusting).await.expect(69, &[url, "no secure connection", "CA"]);
}

/// A user who may write to `allowed-*` and to nothing else.
async fn limited(kinesis: &Kinesis, search: &Server, ca: &[&str], dir: &Path) {
    let run = |more: &[&str]| as_user(run(kinesis, search, &[ca, more].concat()), "limited", PASSWORD);
    discreetly(run(&["--group", "third"])).await.expect(69, &["template", "403"]);
    let state = format!("file:{}", dir.join("state.json").display());
    let mut args = vec!["--no-init-templates", "--state", &state];
    // Five tries with pauses: rights may be on their way.
    let refused = discreetly(run(&args)).await;
    refused.expect(69, &["pinpoint-2026-09-21", "security_exception", "create_index"]);
    // Names within what is allowed are all it takes.
    let families = Family::ALL.map(Family::name);
    let prefixes = families.map(|name| [format!("--{name}-prefix"), format!("allowed-{name}-")]);
    args.extend(prefixes.as_flattened().iter().map(String::as_str));
    args.extend(["--dead-letter-prefix", "allowed-dead-letters-"]);
    discreetly(run(&args)).await.expect(0, &["\"events.indexed\":300"]);
    assert_eq!(count(search, "allowed-pinpoint-*").await, 300);
    // What it may not list is named, with the right that is missing, and the rest is shown.
    let url = kinesis.url();
    let mut look =
        vec!["status", "--stream", "secured", "--kinesis-endpoint-url", &url, "--opensearch-url", search.url()];
    look.extend(["--state", &state, "--lease-timeout", "3s"]);
    look.extend(ca);
    let seen = discreetly(as_user(essink(&look), "limited", PASSWORD)).await.expect(0, &[]).out;
    for words in ["1 shards", "unknown: days on disk", "403", "it takes the right to list the daily indices"] {
        assert!(seen.contains(words), "no {words} in {seen}");
    }
}

#[tokio::test]
async fn elasticsearch_with_users() {
    let search = server(Kind::Elasticsearch8).await;
    let kinesis = stream(300).await;
    let dir = tempfile::tempdir().expect("a directory");
    let bad = written(dir.path(), "key", &format!("{KEY}\n"));
    let refused = finish(run(&kinesis, &search, &["--opensearch-api-key-file", &bad])).await;
    let refused = refused.expect(69, &[search.url(), "API key"]);
    assert!(!refused.err.contains(KEY), "the key is shown: {}", refused.err);
    discreetly(as_user(run(&kinesis, &search, &[]), "admin", WRONG)).await.expect(69, &["wrong user or password"]);
    discreetly(as_user(run(&kinesis, &search, &[]), "admin", PASSWORD)).await.expect(0, &["\"events.indexed\":300"]);
    assert_eq!(count(&search, "pinpoint-*").await, 300);
    search.stop().await.expect("stopped");
}

/// Elasticsearch's core from Maven can make no API keys, so this gate lets through what shows [`KEY`].
async fn gate(State(behind): State<String>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let shown = head.headers.get("authorization").is_some_and(|shown| shown == &format!("ApiKey {KEY}"));
    let answer = |status: u16, body: Bytes| Response::builder().status(status).body(Body::from(body)).expect("valid");
    if !shown {
        return answer(401, Bytes::new());
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    let client = testkit::http::client().expect("a client");
    let url = format!("{behind}{}", head.uri.path_and_query().expect("a path"));
    let passed = client.request(head.method, url).body(body).send().await.expect("an answer");
    answer(passed.status().as_u16(), passed.bytes().await.expect("a body"))
}

#[tokio::test]
async fn an_api_key_from_a_file_is_shown_with_every_request() {
    let fake = FakeBulk::start(Mode::Scripted).expect("an endpoint");
    let kinesis = stream(300).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let app = Router::new().fallback(gate).with_state(fake.url());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let dir = tempfile::tempdir().expect("a directory");
    let (key, state) = (written(dir.path(), "key", &format!("{KEY}\n")), dir.path().join("state.json"));
    let state = format!("file:{}", state.display());
    let kinesis_url = kinesis.url();
    let mut args = one_by_one(run_args(&kinesis_url, &url, "secured"), &state);
    args.push("--until-caught-up");
    finish(essink(&args)).await.expect(69, &[&url, "API key"]);
    args.extend(["--opensearch-api-key-file", &key]);
    let done = finish(essink(&args)).await.expect(0, &["\"events.indexed\":300"]);
    assert!(!done.out.contains(KEY) && !done.err.contains(KEY), "the key is shown: {}", done.err);
    assert_eq!(numbers(&fake, "pinpoint-").len(), 300);
}
