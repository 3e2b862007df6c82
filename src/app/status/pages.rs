//! What running workers say of themselves on their pages.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{Method, Uri};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::config::{Secret, StatusOptions};
use crate::opensearch::client::{Client, Connection};
use crate::telemetry::http::DEFAULT_PORTS;

/// A page is made in milliseconds; one that takes longer is not going to help.
const TIMEOUT: Duration = Duration::from_secs(3);
/// A page with every shard of a large stream has less.
const LARGEST: usize = 16 << 20;

/// One worker's page.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Page {
    /// Where it is.
    pub url: String,
    /// The worker's name in the table of leases.
    pub worker: String,
    /// Whether nothing stands in its way.
    pub ready: bool,
    /// What does, by name.
    pub reasons: BTreeMap<String, String>,
    /// Events that ended since its start, by how.
    pub events: BTreeMap<String, u64>,
    /// Bytes that have not settled, and the most there may be.
    pub in_flight_bytes: u64,
    /// The most there may be.
    pub memory_bound_bytes: u64,
    /// Whether somebody named it.
    #[serde(skip)]
    pub named: bool,
    /// What it reads.
    #[serde(skip)]
    pub reads: (String, String),
    /// What it says of each shard.
    #[serde(skip)]
    pub shards: BTreeMap<String, Lag>,
}

/// How far behind a shard is, as its reader says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lag {
    /// Time behind the newest record.
    pub behind_ms: Option<u64>,
    /// Age of the oldest record that has not settled.
    pub oldest_ms: Option<i64>,
}

/// What asking for pages has shown.
#[derive(Debug, Default)]
pub struct Fetched {
    /// The pages that answer.
    pub pages: Vec<Page>,
    /// Why others do not: those that were named, and workers that want a token.
    pub troubles: Vec<String>,
    /// What somebody should know of how they were asked.
    pub warnings: Vec<String>,
}

/// Asks at every address at once.
pub async fn fetch(options: &StatusOptions) -> Fetched {
    let mut asking = JoinSet::new();
    let addresses = addresses(options);
    let warnings = if options.http.token.is_some() { in_the_clear(&addresses) } else { Vec::new() };
    for (at, (url, named)) in addresses.into_iter().enumerate() {
        // Whoever listens at a port that was guessed must not get it.
        let token = options.http.token.clone().filter(|_| named);
        asking.spawn(async move { (at, named, page(url, token).await) });
    }
    let mut answers = asking.join_all().await;
    answers.sort_by_key(|(at, ..)| *at);
    let mut fetched = Fetched { warnings, ..Fetched::default() };
    for (_, named, answer) in answers {
        match answer {
            Ok(page) => fetched.pages.push(Page { named, ..page }),
            Err(Nothing::Guarded(url)) => fetched.troubles.push(guarded(&url, named, options.http.token.is_some())),
            Err(Nothing::Other(why)) if named => fetched.troubles.push(why),
            Err(Nothing::Other(_)) => {}
        }
    }
    fetched
}

/// Where to ask, and whether somebody named it: by `--worker-url`, or by an address of one's own.
fn addresses(options: &StatusOptions) -> Vec<(String, bool)> {
    let listen = options.http.listen.into_iter();
    let ports = if options.http.chosen { 1 } else { DEFAULT_PORTS };
    let local = listen.flat_map(|at| (0..ports).map(move |n| SocketAddr::new(at.ip(), at.port().saturating_add(n))));
    let local = local.map(|at| (format!("http://{at}"), options.http.chosen));
    // An address may be both guessed and named, and is asked once.
    let named = options.worker_urls.iter().map(|url| (url.trim_end_matches('/').to_owned(), true));
    let mut all: Vec<(String, bool)> = local.collect();
    for (url, _) in named {
        match all.iter_mut().find(|(there, _)| *there == url) {
            Some((_, is_named)) => *is_named = true,
            None => all.push((url, true)),
        }
    }
    all
}

/// Addresses to which the token goes without TLS, beyond this machine.
fn in_the_clear(addresses: &[(String, bool)]) -> Vec<String> {
    let is_near = |url: &Uri| {
        let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|at| at.is_loopback())
    };
    let far = addresses.iter().filter(|(url, named)| {
        *named && url.parse::<Uri>().is_ok_and(|url| url.scheme_str() == Some("http") && !is_near(&url))
    });
    far.map(|(url, _)| format!("the token of the page goes to {url} unencrypted: put TLS or a tunnel before it"))
        .collect()
}

/// Why there is no page.
enum Nothing {
    /// A worker is there, and wants a token.
    Guarded(String),
    /// Anything else.
    Other(String),
}

fn guarded(url: &str, named: bool, token: bool) -> String {
    match (named, token) {
        (true, true) => format!("{url} takes another token than the one that was given"),
        (true, false) => format!("{url} asks for a token: give --http-token-file, or ESSINK_HTTP_TOKEN"),
        (false, _) => format!(
            "{url} asks for a token, which goes only to pages that are named: if it is yours, give --worker-url {url}, and \
             --http-token-file or ESSINK_HTTP_TOKEN"
        ),
    }
}

async fn page(url: String, token: Option<Secret>) -> Result<Page, Nothing> {
    let mut connection = Connection::to(url.clone());
    (connection.timeout, connection.connect_timeout, connection.max_answer) = (TIMEOUT, TIMEOUT, LARGEST);
    let client = Client::new(connection).map_err(|error| Nothing::Other(format!("{error:#}")))?;
    let json = [("accept", "application/json")];
    let bearer = token.map(|token| format!("Bearer {}", token.expose()));
    let shown: Vec<_> = bearer.as_deref().map(|bearer| ("authorization", bearer)).into_iter().collect();
    let (metrics, ready) =
        tokio::join!(client.ask(Method::GET, "/metrics", &shown, None), client.ask(Method::GET, "/ready", &json, None));
    let metrics = metrics.map_err(|error| Nothing::Other(error.detail))?;
    let mut reasons = ready.map(|ready| ready.json()["reasons"].take()).unwrap_or_default();
    // Something else may ask for a token, too; what is ready or not, with reasons, is one of ours.
    if metrics.status == 401 && reasons.is_object() {
        return Err(Nothing::Guarded(url));
    }
    let mut page = read(&String::from_utf8_lossy(&metrics.body))
        .filter(|_| metrics.is_success())
        .ok_or_else(|| Nothing::Other(format!("{url} answers, and not as a worker that reads a stream does")))?;
    page.url = url;
    if let Value::Object(reasons) = reasons.take() {
        let text = |value: Value| value.as_str().unwrap_or_default().to_owned();
        page.reasons = reasons.into_iter().map(|(key, reason)| (key, text(reason))).collect();
    }
    Ok(page)
}

/// A page of metrics; none of something that is no worker.
fn read(text: &str) -> Option<Page> {
    let samples: Vec<Sample<'_>> = text.lines().filter_map(sample).collect();
    let of = |name: &str| samples.iter().filter(move |sample| sample.name == name).collect::<Vec<_>>();
    let one = |name: &str| of(name).first().map_or(0.0, |sample| sample.value);
    let whose = of("essink_worker");
    let whose = whose.first()?;
    let mut page = Page {
        worker: whose.label("worker")?.to_owned(),
        reads: (whose.label("stream")?.to_owned(), whose.label("group")?.to_owned()),
        ready: one("essink_ready") == 1.0,
        in_flight_bytes: one("essink_in_flight_bytes") as u64,
        memory_bound_bytes: one("essink_memory_bound_bytes") as u64,
        ..Page::default()
    };
    for sample in of("essink_events_total") {
        page.events.insert(sample.label("outcome")?.to_owned(), sample.value as u64);
    }
    for sample in of("essink_shard_lag_seconds") {
        page.shards.entry(sample.label("shard")?.to_owned()).or_default().behind_ms = Some(millis(sample.value));
    }
    for sample in of("essink_shard_oldest_unsettled_age_seconds") {
        let age = i64::try_from(millis(sample.value)).unwrap_or(i64::MAX);
        page.shards.entry(sample.label("shard")?.to_owned()).or_default().oldest_ms = Some(age);
    }
    Some(page)
}

fn millis(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1_000.0).round() as u64
}

struct Sample<'a> {
    name: &'a str,
    labels: &'a str,
    value: f64,
}

/// `name{key="value",…} number`; comments and anything else are none.
fn sample(line: &str) -> Option<Sample<'_>> {
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = head.split_once('{').unwrap_or((head, "}"));
    (!name.starts_with('#')).then_some(())?;
    Some(Sample { name, labels: labels.strip_suffix('}')?, value: value.parse().ok()? })
}

impl Sample<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        self.labels
            .split("\",")
            .find_map(|pair| pair.split_once("=\"").filter(|(name, _)| *name == key))
            .map(|(_, value)| value.trim_end_matches('"'))
    }
}

#[cfg(test)]
mod tests;
