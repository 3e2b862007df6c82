//! One way to send a request to the cluster and to read its answer.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use reqwest::{Request, Response, Url, redirect};
use serde_json::Value;

use super::auth::{Auth, Authorizer};
use super::failure;
use super::nodes::{Node, Nodes};
use super::tls::{self, Tls};

/// Load balancers close idle connections after 60 s; ours go first, so that no request meets that.
const IDLE: Duration = Duration::from_secs(50);

/// Pauses before a request to a busy cluster goes out again. A node whose heap is full of garbage has room after
/// its next collection, one whose queues are full after seconds; more patience belongs to who can say what it waits for.
const BUSY_PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// The most of a server's `Retry-After` that is waited for here.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Where the cluster is and how to speak to it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Base URLs of its nodes, `http://127.0.0.1:9200`; used in turn. Never with user and password.
    pub urls: Vec<String>,
    /// How long one request may take, until its answer is whole.
    pub timeout: Duration,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How requests prove who sends them.
    pub auth: Auth,
    /// Whom to trust.
    pub tls: Tls,
    /// Largest body of an answer that is read, bytes.
    pub max_answer: usize,
}

impl Connection {
    /// A connection to one node: no credentials, a minute for a request, five seconds to connect, 32 MiB for an answer.
    pub fn to(url: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            auth: Auth::None,
            tls: Tls::default(),
            max_answer: 32 << 20,
        }
    }
}

/// A handle to the cluster; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    nodes: Nodes,
    authorizer: Authorizer,
    connection: Connection,
}

/// What the server said.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, whole.
    pub body: Bytes,
    /// `Retry-After`, when the server gave one in seconds.
    pub retry_after: Option<Duration>,
}

/// No usable answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct SendError {
    /// What went wrong, for who branches.
    pub failure: Failure,
    /// What went wrong, for people; no secret and no body in it.
    pub detail: String,
}

/// The ways in which no usable answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection to any node; nothing was sent.
    Connect,
    /// The two ends do not agree on TLS; nothing was sent.
    Tls,
    /// No credentials could be had; nothing was sent.
    Credentials,
    /// The request itself cannot be made; nothing was sent.
    Request,
    /// No whole answer in time; the request may have been carried out.
    Timeout,
    /// The connection ended before any answer; the request may have been carried out.
    Closed,
    /// The answer ended early; the request may have been carried out.
    Cut,
    /// The answer is larger than we read; the request was carried out or refused, unknown which.
    TooLarge,
}

impl SendError {
    pub(super) fn new(failure: Failure, detail: impl Into<String>) -> Self {
        Self { failure, detail: detail.into() }
    }
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON, `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// A request before it has a node.
pub(super) struct Outgoing<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<Bytes>,
    pub(super) gzipped: bool,
    /// Set last: they replace what the path would have chosen.
    pub(super) headers: &'a [(&'static str, &'a str)],
}

impl Client {
    /// Prepares connections; nothing is sent yet. Refuses what cannot work, with the cure.
    pub fn new(connection: Connection) -> anyhow::Result<Self> {
        tls::install_crypto();
        let nodes = Nodes::new(&connection.urls)?;
        let authorizer = Authorizer::new(&connection.auth)?;
        let builder = reqwest::Client::builder()
            .timeout(connection.timeout)
            .connect_timeout(connection.connect_timeout)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("essink/", env!("CARGO_PKG_VERSION")))
            // Credentials must not follow a redirect to another host, nor pass a proxy nobody named.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false);
        let builder = connection.tls.apply(builder, nodes.any_https())?;
        let http = builder.build().context(
            "the TLS set-up does not work: do certificate and key belong together, and has this machine CA certificates",
        )?;
        Ok(Self { shared: Arc::new(Shared { http, nodes, authorizer, connection }) })
    }

    /// Sends one request; `path` begins with `/` and may carry a query. `body` is JSON (or NDJSON for `_bulk`).
    ///
    /// A busy cluster is asked again for some seconds, and so is one whose answer was lost, where asking twice is
    /// asking once: templates are not left half installed, nor a start or a prune failed, by a moment's load. The last
    /// answer is given, whatever it is.
    pub async fn send(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer, SendError> {
        let outgoing = Outgoing { method, path, body, gzipped: false, headers: &[] };
        self.exchange_patiently(&outgoing).await.map(|(answer, _)| answer)
    }

    /// `send` without a second try, for who has a clock of its own to watch.
    ///
    /// A node that takes no connection is passed over for the next one; nothing else is tried twice here.
    pub async fn send_once(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer, SendError> {
        let outgoing = Outgoing { method, path, body, gzipped: false, headers: &[] };
        self.exchange(&outgoing).await.map(|(answer, _)| answer)
    }

    /// `send` with a JSON body.
    pub async fn send_json(&self, method: Method, path: &str, body: &Value) -> Result<Answer, SendError> {
        self.send(method, path, Some(Bytes::from(body.to_string()))).await
    }

    /// `send` with headers of its own, `content-type` among them; for servers that are no cluster.
    pub async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
    ) -> Result<Answer, SendError> {
        let outgoing = Outgoing { method, path, body: Some(body), gzipped: false, headers };
        self.exchange(&outgoing).await.map(|(answer, _)| answer)
    }

    /// One request with headers of its own, tried once: for services that answer otherwise than a cluster.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<Bytes>,
    ) -> Result<Answer, SendError> {
        let outgoing = Outgoing { method, path, body, gzipped: false, headers };
        self.exchange(&outgoing).await.map(|(answer, _)| answer)
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Result<Answer, SendError> {
        self.send(Method::GET, path, None).await
    }

    /// The `Date` that the server gives its answer to `GET /`, whatever that answer is.
    pub async fn date(&self) -> Option<String> {
        let outgoing = Outgoing { method: Method::GET, path: "/", body: None, gzipped: false, headers: &[] };
        let (_, headers) = self.exchange(&outgoing).await.ok()?;
        headers.get(http::header::DATE)?.to_str().ok().map(str::to_owned)
    }

    /// How requests prove who sends them.
    pub(super) fn auth(&self) -> &Auth {
        &self.shared.connection.auth
    }

    /// What `send` does, with the headers of the answer.
    pub(super) async fn exchange_patiently(&self, outgoing: &Outgoing<'_>) -> Result<(Answer, HeaderMap), SendError> {
        let repeatable = matches!(outgoing.method, Method::GET | Method::HEAD | Method::PUT);
        for pause in BUSY_PAUSES {
            let pause = match self.exchange(outgoing).await {
                Ok((answer, _)) if matches!(answer.status, 429 | 502..=504) => {
                    answer.retry_after.map_or(pause, |asked| asked.min(LONGEST_PAUSE))
                }
                Err(error) if repeatable && matches!(error.failure, Failure::Closed | Failure::Cut) => pause,
                other => return other,
            };
            tokio::time::sleep(pause).await;
        }
        self.exchange(outgoing).await
    }

    /// Sends one request and gives the answer with its headers.
    pub(super) async fn exchange(&self, outgoing: &Outgoing<'_>) -> Result<(Answer, HeaderMap), SendError> {
        let mut last = None;
        for node in self.shared.nodes.candidates() {
            match self.try_node(node, outgoing).await {
                Err(error) if matches!(error.failure, Failure::Connect | Failure::Tls) => {
                    self.shared.nodes.unreachable(node);
                    last = Some(error);
                }
                other => {
                    self.shared.nodes.reachable(node);
                    return other;
                }
            }
        }
        Err(last.unwrap_or_else(|| SendError::new(Failure::Connect, "the cluster has no node")))
    }

    async fn try_node(&self, node: &Node, outgoing: &Outgoing<'_>) -> Result<(Answer, HeaderMap), SendError> {
        let Shared { http, authorizer, connection, .. } = &*self.shared;
        let mut request = build(&node.base, outgoing)?;
        authorizer.apply(&mut request).await?;
        let failed = |error| failure::of_sending(&node.base, error, connection.timeout);
        let mut response = http.execute(request).await.map_err(failed)?;
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            authorizer.refused().await;
        }
        let headers = std::mem::take(response.headers_mut());
        let body = read(&mut response, connection.max_answer, &node.base, failed).await?;
        Ok((Answer { status: status.as_u16(), body, retry_after: retry_after(&headers) }, headers))
    }
}

fn build(base: &str, outgoing: &Outgoing<'_>) -> Result<Request, SendError> {
    let path = outgoing.path;
    let url = Url::parse(&format!("{base}{path}"));
    let url = url.map_err(|error| SendError::new(Failure::Request, format!("{path:?} is not a path: {error}")))?;
    let mut request = Request::new(outgoing.method.clone(), url);
    if let Some(body) = &outgoing.body {
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, content_type(path));
        if outgoing.gzipped {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        *request.body_mut() = Some(body.clone().into());
    }
    for (name, value) in outgoing.headers {
        let value = HeaderValue::from_str(value);
        let value =
            value.map_err(|_| SendError::new(Failure::Request, format!("the value of {name} is no header value")))?;
        request.headers_mut().insert(*name, value);
    }
    Ok(request)
}

/// Elasticsearch 9 refuses a bulk that calls itself JSON.
fn content_type(path: &str) -> HeaderValue {
    let resource = path.split('?').next().unwrap_or(path);
    let lines = resource.ends_with("/_bulk") || resource.ends_with("/_msearch");
    HeaderValue::from_static(if lines { "application/x-ndjson" } else { "application/json" })
}

/// Reads a body of at most `limit` bytes; one that comes in one piece is not copied.
async fn read(
    response: &mut Response,
    limit: usize,
    base: &str,
    failed: impl Fn(reqwest::Error) -> SendError,
) -> Result<Bytes, SendError> {
    let too_large = || {
        let detail = format!("the answer of {base} is larger than {limit} bytes, the most that is read");
        Err(SendError::new(Failure::TooLarge, detail))
    };
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return too_large();
    }
    let mut whole = BytesMut::new();
    let Some(mut piece) = response.chunk().await.map_err(&failed)? else { return Ok(Bytes::new()) };
    loop {
        if whole.len() + piece.len() > limit {
            return too_large();
        }
        let Some(next) = response.chunk().await.map_err(&failed)? else { break };
        if whole.is_empty() {
            // `announced` is at most `limit`, which fits a usize.
            whole.reserve(usize::try_from(announced).unwrap_or(0).max(piece.len()));
        }
        whole.extend_from_slice(&piece);
        piece = next;
    }
    if whole.is_empty() {
        return Ok(piece);
    }
    whole.extend_from_slice(&piece);
    Ok(whole.freeze())
}

/// Only the form in seconds: the other one is a date, which would need the server's clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
