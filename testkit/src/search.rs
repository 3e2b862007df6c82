//! Real OpenSearch and Elasticsearch nodes, started by the scripts of `stack/`.
//!
//! A node runs under `stack/tether.sh`, which holds a pipe from this process: when the process ends in any way, even by
//! kill -9, the kernel closes the pipe, the node dies and its data directory goes away.

mod node;
mod shared;
mod wipe;

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use self::node::Node;
pub use self::shared::{Lease, Shared, shared};
use self::wipe::Baseline;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OpenSearch 3.6.0
    OpenSearch3,
    /// OpenSearch 2.19.6
    OpenSearch2,
    /// Elasticsearch 8.19.21, server core: it has no `GET /`
    Elasticsearch8,
    /// Elasticsearch 7.17.29, server core
    Elasticsearch7,
}

/// How a node is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Heap as Java writes it. A node needs about 300 MB beside it.
    pub heap: &'static str,
    /// Half the CPU time at start, slower under load: right for tests, wrong for measurements.
    pub quick: bool,
    /// Settings for the node, `("http.max_content_length", "1mb")`.
    pub sets: Vec<(&'static str, String)>,
    /// Say on stderr what is being waited for.
    pub progress: bool,
    /// Turn users on and give `admin` (everything) and `limited` (may write to `allowed-*` only) this password.
    /// OpenSearch is then version 3.4.0 and speaks TLS under [`Server::ca_file`]; Elasticsearch 8 stays on plain HTTP.
    pub password: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Self { heap: "512m", quick: true, sets: Vec::new(), progress: true, password: None }
    }
}

/// A running node. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    node: Node,
    client: reqwest::Client,
    baseline: Baseline,
    started_in: Duration,
    _room: Option<SemaphorePermit<'static>>,
}

/// Tests that each need a node of their own may run beside each other, on machines whose memory has an end. Nobody may
/// wait for a second one while holding the first.
static ROOM: Semaphore = Semaphore::const_new(2);

impl Server {
    /// Starts a node with empty data on a free port and waits until it is green: about 10 s once the archive is in the
    /// cache. Errors name what is missing (a JDK, Maven) with the command that installs it, or show the node's last words.
    /// In a process that has two such nodes already, it waits until one of them is gone.
    pub async fn start(kind: Kind, options: Options) -> anyhow::Result<Self> {
        let room = ROOM.acquire().await?;
        Self::started(kind, options, Some(room)).await
    }

    async fn started(kind: Kind, options: Options, room: Option<SemaphorePermit<'static>>) -> anyhow::Result<Self> {
        let begun = std::time::Instant::now();
        node::fetch(kind, &options).await?;
        let node = Node::start(kind, &options).await?;
        let client = node.client(&options)?;
        let baseline = Baseline::read(&client, node.url()).await?;
        Ok(Self { node, client, baseline, started_in: begun.elapsed(), _room: room })
    }

    /// Base URL, `http://127.0.0.1:PORT`, without a user even when the node has users.
    pub fn url(&self) -> &str {
        self.node.url()
    }

    /// How long it took to be green, a download included.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The certificate authority to trust, where the node speaks TLS.
    pub fn ca_file(&self) -> Option<std::path::PathBuf> {
        self.node.ca_file()
    }

    /// The node's data directory; it goes away with the node.
    pub fn scratch(&self) -> &std::path::Path {
        self.node.scratch()
    }

    /// The end of what the node printed.
    pub fn last_words(&self) -> String {
        self.node.last_words()
    }

    /// Whether the node still runs; a node can die of what it is sent.
    pub fn is_alive(&mut self) -> bool {
        self.node.is_alive()
    }

    /// `GET path`, as JSON; anything but 2xx is an error. For looking at what the program under test has left.
    pub async fn get(&self, path: &str) -> anyhow::Result<serde_json::Value> {
        crate::http::must(&self.client, reqwest::Method::GET, &format!("{}{path}", self.url()), None).await
    }

    /// `method path` with a JSON body; anything but 2xx is an error.
    pub async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &serde_json::Value,
    ) -> anyhow::Result<serde_json::Value> {
        crate::http::must(&self.client, method, &format!("{}{path}", self.url()), Some(body)).await
    }

    /// Back to how the node was when it started: indices (hidden ones too), data streams, templates of all three kinds,
    /// pipelines, cluster settings and blocks.
    pub async fn wipe(&self) -> anyhow::Result<()> {
        self.baseline.restore(&self.client, self.url()).await
    }

    /// kill -9, and a new start on the same data and at the same address; returns at once, while the node is away.
    pub async fn crash(&self) -> anyhow::Result<()> {
        self.node.crash().await
    }

    /// Ends the node and removes its data; returns when both are done.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.node.stop().await
    }
}
