//! A proxy that gets in the way: between a worker and a real server, by chance and by a seed.
//!
//! It takes each request whole, rolls the dice, and lets it through, holds it up, refuses it, drops the connection before
//! or after the server has carried it out, or cuts the answer short. So faults that real servers cannot be asked for
//! meet a program that otherwise talks to real servers only.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::{Router, http};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::connection::{Cut, Cuttable};

/// No request or answer of these tests is larger.
const LARGEST: usize = 64 << 20;

/// What a request can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// Goes through late.
    Delay,
    /// Never reaches the server; this status, with an empty body.
    Status(u16),
    /// Never reaches the server; the connection is reset.
    Reset,
    /// Is carried out; the connection is reset instead of the answer.
    LoseAnswer,
    /// Is carried out; half of the answer comes, and then the connection is reset.
    HalfAnswer,
}

/// Mishaps, each with its share of all requests in percent.
pub type Mix = Vec<(Mishap, u32)>;

/// A running proxy; dropping it stops it.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    client: reqwest::Client,
    dice: Mutex<Dice>,
}

#[derive(Debug)]
struct Dice {
    rng: fastrand::Rng,
    mix: Mix,
    met: BTreeMap<Mishap, u64>,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1 and passes on to `upstream`, a base URL.
    pub fn start(upstream: &str, seed: u64, mix: Mix) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no free port for the proxy")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let dice = Mutex::new(Dice { rng: fastrand::Rng::with_seed(seed), mix, met: BTreeMap::new() });
        let client = crate::http::pooled_client()?;
        let shared = Arc::new(Shared { upstream: upstream.to_owned(), client, dice });
        let app = Router::new().fallback(pass).with_state(shared.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("fault-proxy".into()).spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                let app = app.into_make_service_with_connect_info::<Cut>();
                tokio::select! {
                    _ = axum::serve(Cuttable(listener), app) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, shared, _stop: stop })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on these mishaps; none lets everything through.
    pub fn set(&self, mix: Mix) {
        self.shared.dice().mix = mix;
    }

    /// How many requests met each.
    pub fn met(&self) -> BTreeMap<Mishap, u64> {
        self.shared.dice().met.clone()
    }
}

impl Shared {
    fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next request meets, and a number to shape it by.
    fn roll(&self) -> (Option<Mishap>, u64) {
        let mut dice = self.dice();
        let (mut rest, shape) = (dice.rng.u32(0..100), dice.rng.u64(..));
        let mut mishap = None;
        for (what, share) in &dice.mix {
            if rest < *share {
                mishap = Some(*what);
                break;
            }
            rest -= share;
        }
        if let Some(mishap) = mishap {
            *dice.met.entry(mishap).or_default() += 1;
        }
        (mishap, shape)
    }

    async fn forward(
        &self,
        parts: &http::request::Parts,
        body: Bytes,
    ) -> anyhow::Result<(http::response::Parts, Bytes)> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers.clone();
        for own in [http::header::HOST, http::header::CONNECTION, http::header::CONTENT_LENGTH] {
            headers.remove(own);
        }
        let request = self.client.request(parts.method.clone(), format!("{}{path}", self.upstream));
        let answer = request.headers(headers).body(body).send().await?;
        let (mut parts, ()) = http::Response::new(()).into_parts();
        parts.status = answer.status();
        parts.headers = answer.headers().clone();
        for own in [http::header::TRANSFER_ENCODING, http::header::CONNECTION, http::header::CONTENT_LENGTH] {
            parts.headers.remove(own);
        }
        Ok((parts, answer.bytes().await?))
    }
}

async fn pass(State(shared): State<Arc<Shared>>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else { return reset(&cut) };
    let (mishap, shape) = shared.roll();
    match mishap {
        Some(Mishap::Status(status)) => return empty(status),
        Some(Mishap::Reset) => return reset(&cut),
        Some(Mishap::Delay) => tokio::time::sleep(Duration::from_millis(shape % 1_000)).await,
        _ => {}
    }
    // A server that is not there is one more mishap, and no news to who asked for mishaps.
    let Ok((parts, answer)) = shared.forward(&parts, body).await else { return reset(&cut) };
    match mishap {
        Some(Mishap::LoseAnswer) => reset(&cut),
        Some(Mishap::HalfAnswer) => half(parts, &answer),
        _ => Response::from_parts(parts, Body::from(answer)),
    }
}

fn empty(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    response
}

fn reset(cut: &Cut) -> Response {
    cut.pull();
    empty(500)
}

/// The length promises the whole answer; the connection ends in the middle of it.
fn half(mut parts: http::response::Parts, answer: &Bytes) -> Response {
    let (first, length) = (answer.slice(..answer.len() / 2), answer.len());
    parts.headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from(length));
    Response::from_parts(parts, Body::new(crate::connection::Broken::new(first)))
}
