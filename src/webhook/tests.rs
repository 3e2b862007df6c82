//! The real server on a port of this machine, asked by an ordinary HTTP client, before a stream in memory.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, DeskLimits, Outside, Route};
use super::receiver::Receiver;
use super::serve::{ServeLimits, Stop, serve};
use super::stream::{Item, Later, Refusal, Stream};
use super::tls::Tls;
use super::{Credentials, Secret};
use crate::event::time::Millis;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::{Exposed, WebhookMetrics};

mod bird;
mod firehose;
mod json;
mod limits;
mod log;
mod sns;
mod tls;
mod vonage;

/// 2026-07-07T04:53:20Z: what the clock says in every test.
const NOW: Millis = Millis(1_783_400_000_000);

/// A stream that keeps what is put, unless it is told otherwise.
struct Memory {
    items: Mutex<Vec<Item>>,
    refusal: Mutex<Option<Refusal>>,
    /// What is put waits here.
    gate: Semaphore,
}

impl Memory {
    fn new() -> Arc<Self> {
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        Arc::new(Self { items: Mutex::default(), refusal: Mutex::default(), gate })
    }

    /// What was put so far, as text, and forgets it.
    fn taken(&self) -> Vec<String> {
        self.items_taken().into_iter().map(|item| String::from_utf8(item.data.to_vec()).expect("text")).collect()
    }

    fn items_taken(&self) -> Vec<Item> {
        std::mem::take(&mut self.items.lock().unwrap())
    }

    /// From now on, or no longer.
    fn refuse(&self, refusal: Option<Refusal>) {
        *self.refusal.lock().unwrap() = refusal;
    }
}

impl Stream for Memory {
    fn put(&self, items: Vec<Item>, within: Duration) -> Later<'_, Result<(), Refusal>> {
        Box::pin(async move {
            assert!(within > Duration::ZERO && items.iter().all(|item| (1..=256).contains(&item.key.len())));
            let _passed = self.gate.acquire().await.expect("never closed");
            if let Some(refusal) = self.refusal.lock().unwrap().clone() {
                return Err(refusal);
            }
            self.items.lock().unwrap().extend(items);
            Ok(())
        })
    }
}

/// What a test may want otherwise.
struct Plan {
    routes: Vec<Route>,
    tls: Option<Tls>,
    desk: DeskLimits,
    serve: ServeLimits,
}

impl Plan {
    fn new(routes: Vec<Route>) -> Self {
        let seconds = Duration::from_secs;
        let desk = DeskLimits { max_body: 64 << 20, memory: 256 << 20, rate: 10_000, body_timeout: seconds(30) };
        let serve = ServeLimits { connections: 100, head_timeout: seconds(10), idle_timeout: seconds(75) };
        Self { routes, tls: None, desk, serve }
    }

    fn of(path: &'static str, receiver: impl Receiver + 'static) -> Self {
        Self::new(vec![route(path, receiver)])
    }
}

fn route(path: &'static str, receiver: impl Receiver + 'static) -> Route {
    Route { path, named: path == "/json", receiver: Arc::new(receiver) }
}

struct Server {
    at: SocketAddr,
    memory: Arc<Memory>,
    metrics: WebhookMetrics,
    health: Health,
    client: reqwest::Client,
    stop: Stop,
    task: JoinHandle<usize>,
}

/// Status, the headers in small letters, and the body.
#[derive(Debug)]
struct Said {
    status: u16,
    head: String,
    body: String,
}

impl Server {
    async fn start(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (memory, metrics, health) = (Memory::new(), WebhookMetrics::new(), Health::starting());
        health.started();
        let outside = Outside { stream: memory.clone(), now: || NOW, metrics: metrics.clone(), health: health.clone() };
        let desk = Arc::new(Desk::new(plan.routes, plan.desk, outside));
        let stop = Stop { drain: CancellationToken::new(), give_up: CancellationToken::new() };
        let task = tokio::spawn(serve(listener, plan.tls, desk, plan.serve, stop.clone()));
        let client = testkit::http::pooled_client().unwrap();
        Self { at, memory, metrics, health, client, stop, task }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.at))
    }

    fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, path).body(body)
    }

    /// How often a request was answered so.
    fn counted(&self, provider: &str, answer: &str) -> u64 {
        let sample = format!("essink_webhook_requests_total{{provider=\"{provider}\",answer=\"{answer}\"}} ");
        let page = self.metrics.page(true);
        page.lines().find_map(|line| line.strip_prefix(&sample)).expect(&sample).parse().unwrap()
    }
}

async fn said(request: RequestBuilder) -> Said {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let head = format!("{:?}", response.headers()).to_ascii_lowercase();
    Said { status, head, body: response.text().await.expect("a body") }
}

async fn status(request: RequestBuilder) -> u16 {
    said(request).await.status
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(format!("tests/samples/{name}")).expect(name)
}

fn basic(user: &str, password: &str) -> Credentials {
    Credentials { basic: Some((user.to_owned(), Secret::new(password))), bearer: None }
}

fn bearer(token: &str) -> Credentials {
    Credentials { basic: None, bearer: Some(Secret::new(token)) }
}
