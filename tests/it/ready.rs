//! `/ready` of a running worker: red with the name of what stands in the way, and green when it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::json;
use testkit::fake_bulk::{FakeBulk, Fault, Mode};
use testkit::kinesis::Kinesis;

use crate::faults::{numbered, one_by_one};
use crate::page::Page;
use crate::support::*;

const SHARD: &str = "shardId-000000000000";

/// Waits until the page answers so, with all of `words`.
async fn until_ready_says(page: &Page, status: u16, words: &[&str]) {
    until(&format!("/ready says {status} {words:?}"), || async {
        let answer = page.get("/ready").await;
        answer.is_some_and(|(found, text)| found == status && words.iter().all(|word| text.contains(word)))
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_stops_to_answer_is_named_until_it_is_back() {
    let fake = FakeBulk::start(Mode::Scripted).expect("an endpoint");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("down", 1).await.expect("stream");
    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    let (page, kinesis_url, url) = (Page::on_a_free_port(), kinesis.url(), fake.url());
    let args = one_by_one(page.instead_of_none(run_args(&kinesis_url, &url, "down")), &state);
    let worker = start(&args, &dir.path().join("log"));
    until_ready_says(&page, 200, &["ready"]).await;

    fake.script(std::iter::repeat_with(|| Fault::Empty(503)).take(10_000));
    kinesis.client().put_records("down", &[numbered(1, "")]).await.expect("put");
    until_ready_says(&page, 503, &["not ready", "cluster: ", "503"]).await;
    assert_eq!(page.get("/live").await.expect("alive").0, 200, "a restart would not help");
    fake.heal();
    until_ready_says(&page, 200, &["ready"]).await;
    assert_eq!(page.events("indexed").await, Some(1));
    assert_eq!(terminate(worker).await, Some(0));
}

#[tokio::test]
async fn the_live_page_shows_the_shard_its_lease_and_what_stands_in_the_way() {
    let fake = FakeBulk::start(Mode::Scripted).expect("an endpoint");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("watched", 1).await.expect("stream");
    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    let (page, kinesis_url, url) = (Page::on_a_free_port(), kinesis.url(), fake.url());
    let args = one_by_one(page.instead_of_none(run_args(&kinesis_url, &url, "watched")), &state);
    let worker = start(&args, &dir.path().join("log"));
    until_ready_says(&page, 200, &["ready"]).await;
    let (status, html) = page.get("/").await.expect("a page");
    assert!(status == 200 && html.contains("tab-pipeline"), "{html}");

    fake.script(std::iter::repeat_with(|| Fault::Empty(503)).take(10_000));
    kinesis.client().put_records("watched", &[numbered(1, "")]).await.expect("put");
    let red = page.state(|now| now["conditions"][0]["name"] == "cluster").await.expect("what stands in the way");
    assert!(red["conditions"][0]["cure"].as_str().is_some_and(|cure| cure.contains("mend the cluster")), "{red}");
    assert!(red["in_flight_bytes"].as_u64() > Some(0), "{red}");
    fake.heal();
    let done = |now: &serde_json::Value| now["outcomes"]["indexed"] == 1 && now["leases"]["rows"][0]["mine"] == true;
    let now = page.state(done).await.expect("the event is in, and the lease is ours");
    assert_eq!(now["shards"][0]["name"], SHARD);
    assert_eq!(now["leases"]["rows"][0]["shard"], SHARD);
    assert_eq!(now["ready"], true);
    assert_eq!(terminate(worker).await, Some(0), "a page that watched holds nothing up");
}

/// A Kinesis whose `GetRecords` is refused while somebody else reads all that may be read.
#[derive(Clone)]
struct Crowded {
    kinesis: String,
    throttles: Arc<AtomicBool>,
    http: reqwest::Client,
}

async fn forward(State(crowded): State<Crowded>, headers: HeaderMap, body: Bytes) -> (StatusCode, Bytes) {
    let is_read = headers["x-amz-target"].as_bytes().ends_with(b".GetRecords");
    if is_read && crowded.throttles.load(Ordering::Relaxed) {
        let kind = "ProvisionedThroughputExceededException";
        let refusal = json!({"__type": kind, "message": "Rate exceeded for shard"});
        return (StatusCode::BAD_REQUEST, refusal.to_string().into());
    }
    let names = ["x-amz-target", "x-amz-date", "authorization", "content-type"];
    let mut request = crowded.http.post(&crowded.kinesis).body(body);
    for name in names {
        request = request.header(name, headers[name].as_bytes());
    }
    let answer = request.send().await.expect("Kinesis answers");
    let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    (status, answer.bytes().await.expect("whole"))
}

#[tokio::test]
async fn a_shard_that_is_throttled_for_long_is_named_until_it_is_read() {
    let fake = FakeBulk::start(Mode::Scripted).expect("an endpoint");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("crowded", 1).await.expect("stream");
    let throttles = Arc::new(AtomicBool::new(false));
    let http = testkit::http::client().expect("a client");
    let crowded = Crowded { kinesis: kinesis.url(), throttles: throttles.clone(), http };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let kinesis_url = format!("http://{}", listener.local_addr().expect("bound"));
    let app = Router::new().fallback(forward).with_state(crowded);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    let (page, url) = (Page::on_a_free_port(), fake.url());
    let args = one_by_one(page.instead_of_none(run_args(&kinesis_url, &url, "crowded")), &state);
    let worker = start(&args, &dir.path().join("log"));
    kinesis.client().put_records("crowded", &[numbered(1, "")]).await.expect("put");
    until("the shard is read", || async { page.events("indexed").await == Some(1) }).await;
    until_ready_says(&page, 200, &["ready"]).await;

    throttles.store(true, Ordering::Relaxed);
    kinesis.client().put_records("crowded", &[numbered(2, "")]).await.expect("put");
    until_ready_says(&page, 503, &["not ready", &format!("shard {SHARD}: throttled")]).await;
    throttles.store(false, Ordering::Relaxed);
    until_ready_says(&page, 200, &["ready"]).await;
    until("what waited is read", || async { page.events("indexed").await == Some(2) }).await;
    assert_eq!(terminate(worker).await, Some(0));
}
