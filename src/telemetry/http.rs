//! The server of the page: `/live`, `/ready`, `/metrics`, and what room `page` adds.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::guard::Guard;
use self::pace::Pace;
use super::health::Health;
use super::metrics::Exposed;

pub mod guard;
pub mod pace;

/// Where the page is when nobody says otherwise. Only this machine reaches it: it asks for no token.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// Workers on one machine that each take the next port after the default.
pub const DEFAULT_PORTS: u16 = 16;

/// Connections at the same time; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 64;

/// A scraper and a few people: of the connections, those that have asked for anything but a probe. The others are for
/// probes, which nobody may keep from their answer, or a healthy worker would be killed.
const PLACES: usize = 32;

/// A request is a line and a few headers.
const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 16 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// How long answers under way may take once the page is told to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Out of file descriptors or the like: the pause before the next try, and so before the next log line.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What Kubernetes and the like ask again and again.
const PROBES: [&str; 2] = ["/live", "/ready"];

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// [`DEFAULT_LISTEN`], or the next free port when it is taken.
    Default,
    /// Exactly here.
    At(SocketAddr),
}

/// The page cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {at}: {source}; {cure}")]
pub struct ListenError {
    at: SocketAddr,
    cure: String,
    source: io::Error,
}

/// Begins to listen, and logs `what` is where.
pub async fn bind(listen: Listen, what: &str) -> Result<TcpListener, ListenError> {
    let listener = match listen {
        Listen::At(at) => TcpListener::bind(at).await.map_err(|source| ListenError {
            at,
            cure: "give another address with --http-listen, or stop what listens there".to_owned(),
            source,
        })?,
        Listen::Default => bind_next(DEFAULT_LISTEN, DEFAULT_PORTS).await?,
    };
    let at = listener.local_addr().map_err(|source| ListenError {
        at: DEFAULT_LISTEN,
        cure: "give an address with --http-listen".to_owned(),
        source,
    })?;
    let moved = match listen == Listen::Default && at != DEFAULT_LISTEN {
        true => format!(" ({DEFAULT_LISTEN} is taken)"),
        false => String::new(),
    };
    tracing::info!(http.address = %at, "{what} at http://{at}/{moved}");
    Ok(listener)
}

/// The first free port from `first` on, of `ports`.
async fn bind_next(first: SocketAddr, ports: u16) -> Result<TcpListener, ListenError> {
    let mut at = first;
    for _ in 1..ports {
        match TcpListener::bind(at).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => at.set_port(at.port().saturating_add(1)),
            other => return other.map_err(|source| no_port(at, first, ports, source)),
        }
    }
    TcpListener::bind(at).await.map_err(|source| no_port(at, first, ports, source))
}

fn no_port(at: SocketAddr, first: SocketAddr, ports: u16, source: io::Error) -> ListenError {
    let cure = format!("{ports} ports from {} on were to be tried: give a free one with --http-listen", first.port());
    ListenError { at, cure, source }
}

/// What the page shows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Page {
    /// For `/metrics`.
    pub metrics: Arc<dyn Exposed>,
    /// For `/ready`.
    pub health: Health,
    /// Who may see what.
    pub guard: Guard,
    /// What else is served; without it, `/` is a plain list.
    pub more: Option<More>,
}

/// Routes beside those of probes and metrics.
#[derive(Debug, Clone)]
pub struct More {
    /// What anybody who reaches the page may have: no data.
    pub open: Router,
    /// What needs the token, where there is one.
    pub kept: Router,
}

/// Serves the page until `stop`; answers under way then get a second.
pub async fn serve(listener: TcpListener, page: Page, stop: CancellationToken) {
    let service = TowerToHyperService::new(router(page));
    let connected = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let places = Arc::new(Semaphore::new(PLACES));
    let mut connections = JoinSet::new();
    while let Some(stream) = next(&listener, &stop).await {
        let Some(one) = stop.run_until_cancelled(connected.clone().acquire_owned()).await else {
            break;
        };
        let (service, places) = (service.clone(), places.clone());
        let answering = async move {
            let _one = one;
            answer(stream, service, places).await;
        };
        connections.spawn(answering.boxed());
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    // Those that are still not done end with the set.
    let _done = tokio::time::timeout(STOP_GRACE, rest).await;
}

/// The next connection; none when it is time to stop.
async fn next(listener: &TcpListener, stop: &CancellationToken) -> Option<TcpStream> {
    loop {
        match stop.run_until_cancelled(listener.accept()).await? {
            Ok((stream, _)) => return Some(stream),
            Err(error) => {
                tracing::warn!(error = %error, "the page cannot accept a connection: {error}");
                stop.run_until_cancelled(tokio::time::sleep(ACCEPT_PAUSE)).await?;
            }
        }
    }
}

async fn answer<S>(stream: S, service: TowerToHyperService<Router>, places: Arc<Semaphore>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let pace = Pace::begin();
    // Kept to the end of the connection.
    let place = OnceLock::new();
    let service = service_fn(|mut request: axum::http::Request<Incoming>| {
        request.extensions_mut().insert(pace.clone());
        let has_place = PROBES.contains(&request.uri().path())
            || places.clone().try_acquire_owned().is_ok_and(|free| place.set(free).is_ok());
        let answer = has_place.then(|| service.call(request));
        async move {
            match answer {
                Some(answer) => answer.await,
                None => Ok((StatusCode::SERVICE_UNAVAILABLE, "busy: try again in a few seconds\n").into_response()),
            }
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    http.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES).keep_alive(false);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    // A client that went away or was too slow has nobody to tell and nothing to act upon.
    tokio::select! {
        ended = connection => match ended {
            Ok(()) => {}
            Err(error) => tracing::debug!(error = %error, "a connection to the page ended early"),
        },
        () = pace.over() => tracing::debug!("a connection to the page took too long"),
    }
}

fn router(page: Page) -> Router {
    let guard = page.guard.clone();
    let More { open, kept } = page.more.clone().unwrap_or_else(|| {
        let open = Router::new().route("/", get(index));
        More { open, kept: Router::new() }
    });
    let kept = kept
        .merge(Router::new().route("/metrics", get(metrics)).with_state(page.clone()))
        .route_layer(from_fn_with_state(guard.clone(), guard::admitted));
    // Probes come under any name, and their answers hold nothing that is kept from anybody.
    let probes = Router::new().route("/live", get(|| async { "live\n" })).route("/ready", get(ready)).with_state(page);
    let nothing = || async { StatusCode::NOT_FOUND };
    open.merge(kept).fallback(nothing).layer(from_fn_with_state(guard, guard::known_by_name)).merge(probes)
}

async fn index() -> &'static str {
    concat!("essink ", env!("CARGO_PKG_VERSION"), "\n\n/live\n/ready\n/metrics\n")
}

async fn metrics(State(page): State<Page>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], page.metrics.page(page.health.is_ready()))
}

async fn ready(State(page): State<Page>, headers: HeaderMap) -> impl IntoResponse {
    let reasons = page.health.reasons();
    let status = match reasons.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let json = headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(JSON.as_bytes()));
    let (kind, body) = if json { (JSON, as_json(&reasons)) } else { (TEXT, as_text(&reasons)) };
    (status, [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], body)
}

fn as_text(reasons: &[(String, String)]) -> String {
    match reasons {
        [] => "ready\n".to_owned(),
        _ => reasons.iter().fold("not ready\n".to_owned(), |text, (key, reason)| text + key + ": " + reason + "\n"),
    }
}

fn as_json(reasons: &[(String, String)]) -> String {
    let reasons: serde_json::Map<_, _> =
        reasons.iter().map(|(key, reason)| (key.clone(), reason.clone().into())).collect();
    serde_json::json!({"ready": reasons.is_empty(), "reasons": reasons}).to_string() + "\n"
}

#[cfg(test)]
mod tests;
