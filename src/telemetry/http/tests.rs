use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::pace::CONNECTION_TIMEOUT;
use super::*;
use crate::telemetry::metrics::{Metrics, Outcome};

struct Served {
    at: SocketAddr,
    page: Page,
    metrics: Metrics,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn served() -> Served {
    served_with(None).await
}

async fn served_with(token: Option<&str>) -> Served {
    served_of(token, None).await
}

async fn served_of(token: Option<&str>, more: Option<More>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let metrics = Metrics::new(|| 0);
    let guard = Guard::new(token, at);
    let page = Page { metrics: Arc::new(metrics.clone()), health: Health::starting(), guard, more };
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve(listener, page.clone(), stop.clone()));
    Served { at, page, metrics, stop, task }
}

/// Sends `head` as it is and reads until the server closes.
async fn exchange(at: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is the server closing on what it would not read.
    let _end = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn fetch(at: SocketAddr, path: &str, accept: &str) -> (u16, String, String) {
    let answer = exchange(at, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn live_while_it_runs_and_ready_when_it_is() {
    let served = served().await;
    let (status, _, body) = fetch(served.at, "/ready", "*/*").await;
    assert_eq!((status, body.as_str()), (503, "not ready\nstart: starting\n"));
    assert_eq!(fetch(served.at, "/live", "*/*").await.0, 200);

    served.page.health.started();
    served.page.health.set("cluster", "busy: 429 \"queue full\"");
    let (status, head, body) = fetch(served.at, "/ready", "application/json").await;
    assert_eq!(status, 503);
    assert!(head.contains("content-type: application/json"), "{head}");
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json, serde_json::json!({"ready": false, "reasons": {"cluster": "busy: 429 \"queue full\""}}));

    served.page.health.clear("cluster");
    assert_eq!(fetch(served.at, "/ready", "*/*").await.2, "ready\n");
    assert_eq!(fetch(served.at, "/ready", "application/json").await.0, 200);
}

#[tokio::test]
async fn metrics_are_open_metrics_with_readiness() {
    let served = served().await;
    served.metrics.events(Outcome::Indexed, 7);
    let (status, head, body) = fetch(served.at, "/metrics", "*/*").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.contains("essink_events_total{outcome=\"indexed\"} 7\n"), "{body}");
    assert!(body.contains("essink_ready 0\n"), "{body}");
    assert!(body.ends_with("# EOF\n"), "{body}");
}

#[tokio::test]
async fn the_index_names_the_rest() {
    let served = served().await;
    let (status, _, body) = fetch(served.at, "/", "*/*").await;
    assert_eq!(status, 200);
    for path in ["/live", "/ready", "/metrics"] {
        assert!(body.contains(path), "{body}");
    }
    assert_eq!(fetch(served.at, "/nothing", "*/*").await.0, 404);
}

#[tokio::test]
async fn what_is_not_a_small_get_is_refused() {
    let at = served().await.at;
    let post = exchange(at, "POST /ready HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\nxx").await;
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
    let many = "x: y\r\n".repeat(MAX_HEADERS + 1);
    let answer = exchange(at, &format!("GET /live HTTP/1.1\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = "y".repeat(MAX_HEAD_BYTES);
    let answer = exchange(at, &format!("GET /live HTTP/1.1\r\nx: {long}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
}

#[tokio::test]
async fn silent_clients_neither_fill_the_page_nor_stay() {
    let served = served().await;
    let mut silent = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = TcpStream::connect(served.at).await.unwrap();
        stream.write_all(b"GET /live HT").await.unwrap();
        silent.push(stream);
    }
    let began = tokio::time::Instant::now();
    assert_eq!(fetch(served.at, "/live", "*/*").await.0, 200);
    assert!(began.elapsed() < CONNECTION_TIMEOUT, "{:?}", began.elapsed());
    let mut end = Vec::new();
    let _end = silent[0].read_to_end(&mut end).await;
    assert!(!String::from_utf8_lossy(&end).contains("200 OK"));
}

#[tokio::test]
async fn those_who_hold_every_place_keep_no_probe_from_its_answer() {
    async fn waits(body: axum::body::Bytes) -> axum::body::Bytes {
        body
    }
    let open = Router::new().route("/waits", axum::routing::post(waits));
    let served = served_of(None, Some(More { open, kept: Router::new() })).await;
    let mut held = Vec::new();
    for _ in 0..PLACES {
        let mut stream = TcpStream::connect(served.at).await.unwrap();
        let head = b"POST /waits HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
        stream.write_all(head).await.unwrap();
        // It has its place, and waits for the rest.
        stream.read_exact(&mut [0; 25]).await.unwrap();
        held.push(stream);
    }
    let (status, _, said) = fetch(served.at, "/metrics", "*/*").await;
    assert_eq!((status, said.as_str()), (503, "busy: try again in a few seconds\n"));
    assert_eq!(fetch(served.at, "/live", "*/*").await.0, 200);
    assert_eq!(fetch(served.at, "/ready", "*/*").await.0, 503, "it is starting");
    held.clear();
    let free = async {
        while fetch(served.at, "/metrics", "*/*").await.0 != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(CONNECTION_TIMEOUT, free).await.unwrap();
}

#[tokio::test]
async fn stops_at_once_when_nobody_is_served() {
    let served = served().await;
    assert_eq!(fetch(served.at, "/live", "*/*").await.0, 200);
    served.stop.cancel();
    tokio::time::timeout(STOP_GRACE * 5, served.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(served.at).await.is_err(), "still listening");
}

#[tokio::test]
async fn the_default_moves_to_the_next_free_port() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = first.local_addr().unwrap();
    let moved = bind_next(taken, DEFAULT_PORTS).await.unwrap().local_addr().unwrap();
    assert!(moved.port() > taken.port() && moved.port() < taken.port() + DEFAULT_PORTS, "{taken} to {moved}");
    let none = bind_next(taken, 1).await.unwrap_err().to_string();
    assert!(none.contains("--http-listen"), "{none}");
}

#[tokio::test]
async fn an_explicit_address_that_is_taken_is_an_error_with_the_cure() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = first.local_addr().unwrap();
    let error = bind(Listen::At(taken), "metrics").await.unwrap_err().to_string();
    assert!(error.contains(&taken.to_string()) && error.contains("give another address"), "{error}");
    let free = bind(Listen::At("127.0.0.1:0".parse().unwrap()), "metrics").await.unwrap();
    assert_ne!(free.local_addr().unwrap().port(), 0);
}

#[tokio::test]
async fn strangers_names_are_refused_but_to_probes() {
    let at = served().await.at;
    let head = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: evil.example\r\n\r\n");
    for path in ["/", "/metrics", "/nothing"] {
        let answer = exchange(at, &head(path)).await;
        assert!(answer.starts_with("HTTP/1.1 421") && answer.contains("127.0.0.1"), "{path}: {answer}");
    }
    assert!(exchange(at, &head("/live")).await.starts_with("HTTP/1.1 200"));
    assert!(exchange(at, &head("/ready")).await.starts_with("HTTP/1.1 503"));
}

#[tokio::test]
async fn a_token_is_asked_for_by_metrics_and_not_by_probes() {
    let served = served_with(Some("correct horse battery")).await;
    let (status, head, body) = fetch(served.at, "/metrics", "*/*").await;
    assert_eq!(status, 401);
    assert!(head.contains("www-authenticate: bearer") && body.contains("--http-token-file"), "{head}{body}");
    assert_eq!(fetch(served.at, "/live", "*/*").await.0, 200);
    assert_eq!(fetch(served.at, "/ready", "*/*").await.0, 503);
    let shown = "GET /metrics HTTP/1.1\r\nhost: any.example\r\nauthorization: Bearer correct horse battery\r\n\r\n";
    let answer = exchange(served.at, shown).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("essink_ready 0"), "{answer}");
}

#[tokio::test]
async fn other_sites_get_nothing_of_the_page() {
    let open = Router::new().route("/page/x", get(|| async { "x" })).route("/", get(|| async { "top" }));
    let at = served_of(None, Some(More { open, kept: Router::new() })).await.at;
    let status = async |path: &str, site: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: {site}\r\n\r\n");
        exchange(at, &head).await.split(' ').nth(1).unwrap().to_owned()
    };
    for (site, wanted) in [("cross-site", "403"), ("same-site", "403"), ("same-origin", "200"), ("none", "200")] {
        assert_eq!(status("/page/x", site).await, wanted, "{site}");
    }
    assert_eq!(status("/", "cross-site").await, "200", "a link to the page");
    assert_eq!(fetch(at, "/page/x", "*/*").await.0, 200, "what is no browser");
}

#[tokio::test]
async fn answers_say_what_a_browser_may_do_with_them() {
    let at = served().await.at;
    for path in ["/", "/metrics", "/nothing"] {
        let (_, head, _) = fetch(at, path, "*/*").await;
        for wanted in [
            "content-security-policy: default-src 'self'",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
        ] {
            assert!(head.contains(wanted), "{path}: no {wanted} in {head}");
        }
    }
}

/// A page with one endless answer, and one connection to it over a pipe of `room` bytes.
fn endless(room: usize) -> tokio::io::DuplexStream {
    async fn stream(axum::Extension(pace): axum::Extension<Pace>) -> axum::body::Body {
        axum::body::Body::new(Endless(pace))
    }
    let router = Router::new().route("/", get(stream));
    let (mine, theirs) = tokio::io::duplex(room);
    tokio::spawn(answer(theirs, TowerToHyperService::new(router), Arc::new(Semaphore::new(1))));
    mine
}

/// A kilobyte each time that somebody takes one, a second after the last.
struct Endless(Pace);

impl hyper::body::Body for Endless {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        self.0.moved();
        std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(vec![b'x'; 1024].into()))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_dropped_and_one_that_reads_is_not() {
    let head = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut slow = endless(4096);
    slow.write_all(head).await.unwrap();
    // Far longer than a connection has: it reads a little every ten seconds.
    let mut piece = [0; 1024];
    for _ in 0..30 {
        tokio::time::sleep(CONNECTION_TIMEOUT / 2).await;
        // As much as lies between the two ends, so that the server has room to go on.
        for _ in 0..64 {
            slow.read_exact(&mut piece).await.unwrap();
        }
    }
    tokio::time::sleep(CONNECTION_TIMEOUT * 2).await;
    // What lay between the two ends, and no more: it is over.
    let mut rest = 0;
    while let Ok(n @ 1..) = slow.read(&mut piece).await {
        rest += n;
        assert!(rest < 1 << 20, "the connection is still open");
    }
}
