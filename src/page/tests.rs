use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::telemetry::http::{Page, serve};
use crate::telemetry::metrics::{BulkResult, Outcome, RetryReason, ShardState};

mod panels;

const NOW: i64 = 1_790_000_000_000;

/// What lies outside, as a test says.
#[derive(Debug, Default)]
struct Fake {
    leases: Leases,
    disk: Disk,
    asked: Mutex<Vec<(Over, Value)>>,
    away: Mutex<Option<Trouble>>,
    failed_shards: AtomicUsize,
    delay: Option<Duration>,
    now: AtomicUsize,
    most: Arc<AtomicUsize>,
}

impl Outside for Fake {
    fn now(&self) -> i64 {
        NOW
    }

    fn leases(&self) -> Later<'_, Leases> {
        Box::pin(std::future::ready(self.leases.clone()))
    }

    fn disk(&self) -> Later<'_, Disk> {
        Box::pin(std::future::ready(self.disk.clone()))
    }

    fn search(&self, over: Over, body: Value) -> Later<'_, Result<Value, Trouble>> {
        Box::pin(async move {
            let _asked = panels::Asked::one(&self.now, &self.most);
            if let Some(delay) = self.delay {
                tokio::time::sleep(delay).await;
            }
            if let Some(away) = self.away.lock().unwrap().clone() {
                return Err(away);
            }
            let mut answer = panels::answer_to(&body);
            answer["_shards"]["failed"] = json!(self.failed_shards.load(Relaxed));
            self.asked.lock().unwrap().push((over, body));
            Ok(answer)
        })
    }
}

fn metrics() -> Metrics {
    Metrics::new(|| NOW)
}

fn desk_of(metrics: &Metrics, health: &Health, guard: Guard, outside: Arc<Fake>, events: bool) -> Arc<Desk> {
    let stop = CancellationToken::new();
    let (metrics, health) = (metrics.clone(), health.clone());
    Desk::new(Parts { metrics, health, guard, outside, events, stop })
}

struct Served {
    at: std::net::SocketAddr,
    desk: Arc<Desk>,
    fake: Arc<Fake>,
    _server: tokio_util::sync::DropGuard,
}

/// The page on a socket, as a worker has it.
async fn served(token: Option<&str>, fake: Fake) -> Served {
    served_with(token, fake, false).await
}

async fn served_with(token: Option<&str>, fake: Fake, events: bool) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (metrics, health, guard) = (metrics(), Health::starting(), Guard::new(token, at));
    health.started();
    let fake = Arc::new(fake);
    let desk = desk_of(&metrics, &health, guard.clone(), fake.clone(), events);
    let page = Page { metrics: Arc::new(metrics), health, guard, more: Some(desk.clone().routes()) };
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, page, stop.clone()));
    Served { at, desk, fake, _server: stop.drop_guard() }
}

struct Got {
    status: u16,
    head: String,
    body: String,
}

async fn send(at: std::net::SocketAddr, request: &str) -> Got {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Got { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

async fn get_with(at: std::net::SocketAddr, path: &str, headers: &str) -> Got {
    send(at, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")).await
}

async fn fetch(at: std::net::SocketAddr, path: &str) -> Got {
    get_with(at, path, "").await
}

#[tokio::test]
async fn the_page_and_its_files_have_their_types_and_a_policy() {
    let served = served(None, Fake::default()).await;
    let at = served.at;
    for (path, kind) in [
        ("/", "text/html"),
        ("/page/assets/page.css", "text/css"),
        ("/page/assets/main.js", "text/javascript"),
        ("/page/assets/vendor/chart.umd.min.js", "text/javascript"),
        ("/page/assets/icon.svg", "image/svg+xml"),
        ("/page/about", "application/json"),
    ] {
        let got = fetch(at, path).await;
        assert_eq!(got.status, 200, "{path}");
        for wanted in [&format!("content-type: {kind}"), "content-security-policy: default-src 'self'", "nosniff"] {
            assert!(got.head.contains(wanted), "{path}: no {wanted} in {}", got.head);
        }
    }
    assert!(fetch(at, "/page/about").await.head.contains("cache-control: no-store"));
    assert_eq!(fetch(at, "/page/assets/..%2FCargo.toml").await.status, 404);
    assert_eq!(fetch(at, "/live").await.body, "live\n");
    assert!(fetch(at, "/metrics").await.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_token_keeps_data_and_not_the_form() {
    let token = "correct horse battery";
    let served = served(Some(token), Fake::default()).await;
    let at = served.at;
    for open in ["/", "/page/assets/main.js", "/page/about", "/live", "/ready"] {
        assert_eq!(fetch(at, open).await.status, 200, "{open}");
    }
    for kept in ["/page/pipeline", "/metrics"] {
        let got = fetch(at, kept).await;
        assert_eq!(got.status, 401, "{kept}");
        let said: Value = serde_json::from_str(&got.body).unwrap();
        assert!(said["cure"].as_str().unwrap().contains("log in"), "{said}");
    }
    let about = |got: Got| serde_json::from_str::<Value>(&got.body).unwrap()["token"].clone();
    assert_eq!(about(fetch(at, "/page/about").await), "wanted");

    let login = |token: &str| {
        let length = token.len();
        format!("POST /page/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{token}")
    };
    let wrong = send(at, &login("wrong horse battery!!")).await;
    assert_eq!((wrong.status, wrong.head.contains("set-cookie")), (401, false));
    let right = send(at, &login(token)).await;
    assert_eq!(right.status, 204);
    let (_, cookie) = right.head.split_once("set-cookie: ").unwrap();
    let cookie = format!("cookie: {}\r\n", cookie.split(';').next().unwrap());
    assert_eq!(about(get_with(at, "/page/about", &cookie).await), "shown");
    assert_eq!(get_with(at, "/metrics", &cookie).await.status, 200);
    let end = send(at, "POST /page/logout HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(end.head.contains("max-age=0"), "{}", end.head);
}

/// A body that never comes.
struct Unsaid;

impl hyper::body::Body for Unsaid {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_does_not_come_holds_no_place() {
    let guard = Guard::new(Some("correct horse battery"), "127.0.0.1:1".parse().unwrap());
    let desk = desk_of(&metrics(), &Health::starting(), guard, Arc::default(), false);
    let began = Instant::now();
    let answer = session::login(axum::extract::State(desk), axum::body::Body::new(Unsaid)).await;
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}

#[tokio::test]
async fn a_strangers_name_gets_nothing_of_it() {
    let served = served(None, Fake::default()).await;
    let at = served.at;
    for path in ["/", "/page/about", "/page/pipeline", "/page/assets/main.js"] {
        let got = send(at, &format!("GET {path} HTTP/1.1\r\nhost: evil.example\r\n\r\n")).await;
        assert_eq!(got.status, 421, "{path}");
    }
}

/// Reads the stream of events until there are so many.
async fn events(at: std::net::SocketAddr, how_many: usize) -> Vec<(String, Value)> {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"GET /page/pipeline HTTP/1.0\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    let mut buffer = vec![0; 65536];
    while text.matches("\n\n").count() < how_many {
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(n > 0, "it ended after {text}");
        text += std::str::from_utf8(&buffer[..n]).unwrap();
    }
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.to_ascii_lowercase().contains("content-type: text/event-stream"), "{head}");
    let parse = |event: &str| {
        let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Some((line("event: ")?, serde_json::from_str(&line("data: ")?).unwrap()))
    };
    body.split("\n\n").filter_map(parse).collect()
}

#[tokio::test]
async fn who_opens_the_page_sees_what_was_and_then_what_is() {
    let lease = Lease {
        shard: "s1".to_owned(),
        owner: Some("w1".to_owned()),
        mine: true,
        still_seconds: 2,
        wanted_by: None,
        position: "after record 7".to_owned(),
        ended: false,
    };
    let leases = Leases { read_at: Some(NOW - 1000), rows: vec![lease], more: 0, trouble: None };
    let families = json!([{"family": "ses", "days": 3}]);
    let prune = "essink prune --keep 7d".to_owned();
    let disk = Disk { read_at: Some(NOW - 60_000), families: families.clone(), prune: prune.clone(), trouble: None };
    let served = served(None, Fake { leases, disk, ..Fake::default() }).await;
    let metrics = &served.desk.metrics;
    metrics.events(Outcome::Indexed, 40);
    metrics.events(Outcome::Expired, 2);
    metrics.retry(RetryReason::Blocked);
    metrics.dead_letter("not_json");
    metrics.bulk(BulkResult::Settled, Duration::from_millis(300), 10, 10);
    metrics.in_flight(500);
    metrics.memory_bound(1000);
    let shard = metrics.shard("s1");
    shard.lag(Some(2_500));
    shard.state(ShardState::Reading);
    served.desk.health.set("index pinpoint-2026-11-01", "flood stage");
    served.desk.history().take(NOW - 10, &metrics.snapshot(), &metrics.details());

    let seen = events(served.at, 3).await;
    assert_eq!(seen[0].0, "history");
    assert_eq!(seen[0].1["samples"][0]["lag_ms"], 2_500);
    assert_eq!(seen[0].1["shards"]["s1"], json!([[NOW - 10, 2_500]]));
    let (kind, now) = &seen[1];
    assert_eq!((kind.as_str(), &now["now"]), ("message", &json!(NOW)));
    assert_eq!(
        now["outcomes"],
        json!({"indexed": 40, "already_there": 0, "dead_lettered": 0, "expired": 2, "degraded": 0})
    );
    assert_eq!((&now["in_flight_bytes"], &now["bound_bytes"]), (&json!(500), &json!(1000)));
    assert_eq!(now["retries_by_reason"][1], json!({"reason": "blocked", "count": 1}));
    assert_eq!(now["dead_letters"], json!([{"reason": "not_json", "count": 1}]));
    assert_eq!(now["shards"][0]["name"], "s1");
    assert_eq!((&now["shards"][0]["state"], &now["shards"][0]["lag_ms"]), (&json!("reading"), &json!(2_500)));
    assert_eq!(now["ready"], false);
    assert_eq!(now["conditions"][0]["name"], "index pinpoint-2026-11-01");
    assert_eq!(now["conditions"][0]["reason"], "flood stage");
    assert!(now["conditions"][0]["cure"].as_str().unwrap().contains("essink prune"));
    assert_eq!(now["leases"]["rows"][0]["owner"], "w1");
    assert_eq!(now["leases"]["read_at"], NOW - 1000);
    assert_eq!(now["disk"], json!({"read_at": NOW - 60_000, "families": families, "prune": prune, "trouble": null}));
    assert!(now.get("sample").is_none(), "it came with the past");
    assert_eq!(seen[2].0, "message", "and so on, a second later");
}

#[tokio::test]
async fn there_are_so_many_watchers_and_a_place_is_free_again() {
    let served = served(None, Fake::default()).await;
    let mut watching = Vec::new();
    for _ in 0..WATCHERS {
        let mut stream = TcpStream::connect(served.at).await.unwrap();
        stream.write_all(b"GET /page/pipeline HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        stream.read_exact(&mut [0; 15]).await.unwrap();
        watching.push(stream);
    }
    let full = fetch(served.at, "/page/pipeline").await;
    assert_eq!(full.status, 503);
    assert!(serde_json::from_str::<Value>(&full.body).unwrap()["cure"].is_string());
    assert_eq!(fetch(served.at, "/page/about").await.status, 200, "the rest has room");
    watching.pop();
    let free = async {
        while served.desk.watchers.available_permits() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), free).await.unwrap();
    events(served.at, 1).await;
}

/// The body of a stream, without a server around it.
async fn body(desk: &Arc<Desk>) -> axum::body::Body {
    let pace = crate::telemetry::http::pace::Pace::begin();
    let response = watch::stream(axum::extract::State(desk.clone()), axum::Extension(pace)).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body()
}

#[tokio::test(start_paused = true)]
async fn a_stream_says_a_state_a_second_and_ends_in_time() {
    let (metrics, health) = (metrics(), Health::starting());
    let guard = Guard::new(None, "127.0.0.1:1".parse().unwrap());
    let desk = desk_of(&metrics, &health, guard, Arc::default(), false);
    let mut stream = body(&desk).await;
    let began = Instant::now();
    let mut pieces = 0;
    while stream.frame().await.is_some() {
        pieces += 1;
        assert_eq!(desk.watchers.available_permits(), WATCHERS - 1);
    }
    assert_eq!(began.elapsed().as_secs(), 600);
    assert_eq!(pieces, 1 + 600, "the past, and a state at 0, 1, … 599 s");
    assert_eq!(desk.watchers.available_permits(), WATCHERS);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_ends_its_streams() {
    let guard = Guard::new(None, "127.0.0.1:1".parse().unwrap());
    let desk = desk_of(&metrics(), &Health::starting(), guard, Arc::default(), false);
    let mut stream = body(&desk).await;
    stream.frame().await.unwrap().unwrap();
    stream.frame().await.unwrap().unwrap();
    desk.stop.cancel();
    assert!(stream.frame().await.is_none());
}

#[test]
fn of_many_shards_those_furthest_behind_are_listed() {
    let metrics = metrics();
    let held: Vec<_> = (0..300)
        .map(|n| {
            let shard = metrics.shard(&format!("s{n:03}"));
            shard.lag(Some(n));
            shard
        })
        .collect();
    let guard = Guard::new(None, "127.0.0.1:1".parse().unwrap());
    let desk = desk_of(&metrics, &Health::starting(), guard, Arc::default(), false);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let now = runtime.block_on(desk.pipeline(0));
    assert_eq!((now.shards.len(), now.more_shards, held.len()), (200, 100, 300));
    assert_eq!(now.shards[0].name, "s100");
}
