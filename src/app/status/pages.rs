//! What running workers say of themselves on their pages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
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

/// The pages that answer, and why others that were named do not.
pub async fn fetch(options: &StatusOptions) -> (Vec<Page>, Vec<String>) {
    let mut asking = JoinSet::new();
    for (at, (url, named)) in addresses(options).into_iter().enumerate() {
        let token = options.http.token.clone();
        asking.spawn(async move { (at, named, page(url, token).await) });
    }
    let mut answers = asking.join_all().await;
    answers.sort_by_key(|(at, ..)| *at);
    let (mut pages, mut troubles) = (Vec::new(), Vec::new());
    for (_, named, answer) in answers {
        match answer {
            Ok(page) => pages.push(Page { named, ..page }),
            Err(why) if named => troubles.push(why),
            Err(_) => {}
        }
    }
    (pages, troubles)
}

/// Where to ask, and whether somebody named it.
fn addresses(options: &StatusOptions) -> Vec<(String, bool)> {
    let listen = options.http.listen.into_iter();
    let ports = if options.http.chosen { 1 } else { DEFAULT_PORTS };
    let local = listen.flat_map(|at| (0..ports).map(move |n| SocketAddr::new(at.ip(), at.port().saturating_add(n))));
    let local = local.map(|at| (format!("http://{at}"), options.http.chosen));
    local.chain(options.worker_urls.iter().map(|url| (url.clone(), true))).collect()
}

async fn page(url: String, token: Option<Secret>) -> Result<Page, String> {
    let mut connection = Connection::to(url.clone());
    (connection.timeout, connection.connect_timeout, connection.max_answer) = (TIMEOUT, TIMEOUT, LARGEST);
    let client = Client::new(connection).map_err(|error| format!("{error:#}"))?;
    let json = [("accept", "application/json")];
    let bearer = token.map(|token| format!("Bearer {}", token.expose()));
    let shown: Vec<_> = bearer.as_deref().map(|bearer| ("authorization", bearer)).into_iter().collect();
    let (metrics, ready) =
        tokio::join!(client.ask(Method::GET, "/metrics", &shown, None), client.ask(Method::GET, "/ready", &json, None));
    let metrics = metrics.map_err(|error| error.detail)?;
    if metrics.status == 401 {
        return Err(format!("{url} asks for a token: give --http-token-file, or ESSINK_HTTP_TOKEN"));
    }
    let mut page = read(&String::from_utf8_lossy(&metrics.body))
        .filter(|_| metrics.is_success())
        .ok_or_else(|| format!("{url} answers, and not as a worker that reads a stream does"))?;
    page.url = url;
    if let Some(Value::Object(reasons)) = ready.ok().map(|ready| ready.json()["reasons"].take()) {
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
mod tests {
    use super::*;
    use crate::telemetry::metrics::{Metrics, Outcome};

    #[test]
    fn a_worker_s_own_page_is_read_as_it_was_written() {
        let metrics = Metrics::new(|| 1_000_000);
        metrics.worker("host-1-ab", "arn:aws:kinesis:eu-west-1:123456789012:stream/s", "essink");
        metrics.events(Outcome::Indexed, 7);
        metrics.in_flight(12);
        metrics.memory_bound(100);
        let (near, far) = (metrics.shard("shardId-000000000000"), metrics.shard("shardId-000000000001"));
        near.lag(Some(0));
        far.lag(Some(61_500));
        far.oldest_unsettled(Some(1_000_000 - 62_250));
        let page = read(&metrics.render(true)).expect("a worker");
        assert_eq!((page.worker.as_str(), page.ready), ("host-1-ab", true));
        assert_eq!(page.reads.0, "arn:aws:kinesis:eu-west-1:123456789012:stream/s");
        assert_eq!((page.events["indexed"], page.in_flight_bytes, page.memory_bound_bytes), (7, 12, 100));
        assert_eq!(page.shards["shardId-000000000000"], Lag { behind_ms: Some(0), oldest_ms: None });
        assert_eq!(page.shards["shardId-000000000001"], Lag { behind_ms: Some(61_500), oldest_ms: Some(62_250) });
        assert!(!read(&metrics.render(false)).expect("a worker").ready);
    }

    #[test]
    fn another_page_is_no_worker_s() {
        assert_eq!(read("<html>\n"), None);
        assert_eq!(read(&Metrics::new(|| 0).render(true)), None, "it has not begun to read");
    }
}
