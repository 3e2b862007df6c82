//! What kind of server answers, and whether essink knows how to speak to it.

use std::fmt;

use http::{HeaderMap, Method};
use serde::Deserialize;

use super::client::{Answer, Client, Failure, Outgoing, SendError};
use super::judge::Fault;

mod probe;

pub use probe::probe_ids;

/// The two families of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// OpenSearch 1.x to 3.x, also as a service of AWS.
    OpenSearch,
    /// Elasticsearch 7.10 to 9.x.
    Elasticsearch,
}

/// Major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The 2 of 2.19.6.
    pub major: u32,
    /// The 19 of 2.19.6.
    pub minor: u32,
    /// The 6 of 2.19.6.
    pub patch: u32,
}

/// What answers at the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Which family.
    pub distribution: Distribution,
    /// Which version; for a serverless collection, which tells none, the oldest whose API it has.
    pub version: Version,
    /// OpenSearch Serverless: no cluster APIs, no `_nodes`, no `_cluster`.
    pub serverless: bool,
}

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// Nothing answers, or only that it cannot now; may pass.
    #[error("the cluster does not answer: {0}")]
    Down(String),
    /// It answers, but not to us.
    #[error("the cluster refuses us: {0}")]
    Refused(String),
    /// The two ends do not agree on TLS.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// Something else answers.
    #[error("no search server answers: {0}")]
    NotSearch(String),
    /// A search server that essink does not know.
    #[error("{0}: use OpenSearch 1.x to 3.x or Elasticsearch 7.10 to 9.x")]
    Unsupported(Product),
}

impl Version {
    /// Serverless collections speak the API of 2.x.
    const SERVERLESS: Self = Self::new(2, 0, 0);

    /// `major.minor.patch`.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads `2.19.6`, `9.0.0-beta1`, `8.19`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split(['-', '+', ' ']).next()?;
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let major = parts.next()??;
        let minor = parts.next().unwrap_or(Some(0))?;
        let patch = parts.next().unwrap_or(Some(0))?;
        Some(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.serverless, self.distribution) {
            (true, _) => f.write_str("OpenSearch Serverless"),
            (false, Distribution::OpenSearch) => write!(f, "OpenSearch {}", self.version),
            (false, Distribution::Elasticsearch) => write!(f, "Elasticsearch {}", self.version),
        }
    }
}

/// Asks the server what it is: `/` first, `_nodes` where `/` is missing or speaks in an older one's name.
pub async fn detect(client: &Client) -> Result<Product, DetectError> {
    let (answer, headers) = ask(client, "/").await?;
    if client.auth().is_serverless() {
        // A collection has no `/`; any answer that is no refusal shows that it is there and knows us.
        return Ok(Product { distribution: Distribution::OpenSearch, version: Version::SERVERLESS, serverless: true });
    }
    let said = Root::read(&answer).or_else(|| of_headers(&headers));
    let product = match said {
        // An OpenSearch told to answer in the name of Elasticsearch 7.10 (`override_main_response_version`).
        Some(product) if product.distribution == Distribution::OpenSearch && product.version.major == 7 => {
            of_nodes(client).await?.unwrap_or(Product { version: Version::new(1, 0, 0), ..product })
        }
        Some(product) => product,
        None if answer.is_success() => return Err(DetectError::NotSearch(foreign(&answer, &headers))),
        None => match of_nodes(client).await? {
            Some(product) => product,
            None => return Err(DetectError::NotSearch(foreign(&answer, &headers))),
        },
    };
    if product.is_supported() { Ok(product) } else { Err(DetectError::Unsupported(product)) }
}

impl Product {
    fn new(distribution: Distribution, version: Version) -> Self {
        Self { distribution, version, serverless: false }
    }

    fn is_supported(self) -> bool {
        match self.distribution {
            Distribution::OpenSearch => (1..=3).contains(&self.version.major),
            Distribution::Elasticsearch => self.version >= Version::new(7, 10, 0) && self.version.major <= 9,
        }
    }
}

/// What `GET /` says.
#[derive(Deserialize)]
struct Root {
    version: RootVersion,
    #[serde(default)]
    tagline: String,
}

#[derive(Deserialize)]
struct RootVersion {
    number: String,
    #[serde(default)]
    distribution: String,
}

impl Root {
    fn read(answer: &Answer) -> Option<Product> {
        let root: Self = serde_json::from_slice(&answer.body).ok().filter(|_| answer.is_success())?;
        let version = Version::parse(&root.version.number)?;
        let opensearch =
            root.version.distribution == "opensearch" || root.tagline.starts_with("The OpenSearch Project");
        let distribution = if opensearch { Distribution::OpenSearch } else { Distribution::Elasticsearch };
        Some(Product::new(distribution, version))
    }
}

/// OpenSearch 3 names itself in every answer: `OpenSearch/3.6.0 (opensearch)`.
fn of_headers(headers: &HeaderMap) -> Option<Product> {
    let text = headers.get("x-opensearch-version")?.to_str().ok()?;
    let version = Version::parse(text.strip_prefix("OpenSearch/")?)?;
    Some(Product::new(Distribution::OpenSearch, version))
}

/// What the nodes say. Their versions tell the families apart: OpenSearch began again at 1, Elasticsearch was at 7.
async fn of_nodes(client: &Client) -> Result<Option<Product>, DetectError> {
    let (answer, _) = ask(client, "/_nodes/_local?filter_path=nodes.*.version").await?;
    let body = answer.json();
    let nodes = body.get("nodes").and_then(|nodes| nodes.as_object()).filter(|_| answer.is_success());
    let version = nodes.and_then(|nodes| nodes.values().next()?.get("version")?.as_str().and_then(Version::parse));
    Ok(version.map(|version| {
        let distribution = if version.major < 5 { Distribution::OpenSearch } else { Distribution::Elasticsearch };
        Product::new(distribution, version)
    }))
}

async fn ask(client: &Client, path: &str) -> Result<(Answer, HeaderMap), DetectError> {
    let outgoing = Outgoing { method: Method::GET, path, body: None, gzipped: false, headers: &[] };
    let (answer, headers) = client.exchange_patiently(&outgoing).await.map_err(of_failure)?;
    let said = Fault::of_answer(&answer.body);
    let said = format!("status {} {}", answer.status, said.kind());
    match answer.status {
        401 => Err(DetectError::Refused(format!("wrong user or password, API key or AWS role ({})", said.trim_end()))),
        // An OpenSearch that names itself has taken the credentials; the user only may not ask this.
        403 if of_headers(&headers).is_some() => Ok((answer, headers)),
        403 => Err(DetectError::Refused(format!(
            "the credentials are known but lack a right: allow the user (or AWS role) cluster:monitor/main ({})",
            said.trim_end()
        ))),
        408 | 429 | 500.. => Err(DetectError::Down(format!("it answers {}", said.trim_end()))),
        _ => Ok((answer, headers)),
    }
}

fn of_failure(error: SendError) -> DetectError {
    match error.failure {
        Failure::Tls => DetectError::Tls(error.detail),
        Failure::Credentials => DetectError::Refused(error.detail),
        Failure::Request | Failure::TooLarge => DetectError::NotSearch(error.detail),
        Failure::Closed => {
            DetectError::Down(format!("{} (a port that speaks TLS does that: is the URL https://)", error.detail))
        }
        Failure::Connect | Failure::Timeout | Failure::Cut => DetectError::Down(error.detail),
    }
}

/// What to say of an answer that no search server gives.
fn foreign(answer: &Answer, headers: &HeaderMap) -> String {
    let status = answer.status;
    let dashboards = headers.contains_key("osd-name") || headers.contains_key("kbn-name");
    if dashboards {
        return format!("Dashboards or Kibana does (status {status}): give the cluster's own URL, often port 9200");
    }
    match status {
        300..=399 => format!("the URL redirects elsewhere (status {status}): give the cluster's own URL"),
        200..=299 => format!("status {status}, but not what a cluster says of itself: is the URL the cluster's"),
        _ => format!("status {status} for both / and /_nodes: is the URL the cluster's"),
    }
}

#[cfg(test)]
mod tests;
