//! A cluster to write to: the user's, docker's or Maven's.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use testkit::search::{Kind, Options, Server};
use tokio::process::Command;

const IMAGE: &str = "opensearchproject/opensearch:3.6.0";
const START_LIMIT: Duration = Duration::from_secs(180);
const HEAP: &str = "1g";

pub struct Cluster {
    url: String,
    part: Part,
}

/// What ends with the demo.
enum Part {
    Theirs,
    Container(String),
    Node(Box<Server>),
}

impl Cluster {
    /// In this order: the one that is given, docker if its daemon answers, Maven.
    pub async fn find_or_start(given: Option<&str>) -> anyhow::Result<Self> {
        if let Some(url) = given {
            let url = url.trim_end_matches('/').to_owned();
            reachable(&url).await.with_context(|| format!("no cluster answers at {url}"))?;
            return Ok(Self { url, part: Part::Theirs });
        }
        if docker(&["version", "--format", "{{.Server.Version}}"]).await.is_ok() {
            return Self::in_docker().await;
        }
        eprintln!("no docker daemon answers: starting OpenSearch 3.6.0 with what Maven Central has of it");
        let options = Options { heap: HEAP, quick: false, ..Options::default() };
        let server = Server::start(Kind::OpenSearch3, options).await;
        let server = server.context("cannot start OpenSearch (a running docker daemon would do as well)")?;
        eprintln!("OpenSearch is green at {} after {:.0?}", server.url(), server.started_in());
        Ok(Self { url: server.url().to_owned(), part: Part::Node(Box::new(server)) })
    }

    async fn in_docker() -> anyhow::Result<Self> {
        eprintln!("docker answers: starting {IMAGE} (docker downloads it the first time, about 1 GB)");
        pull().await?;
        let java = format!("OPENSEARCH_JAVA_OPTS=-Xms{HEAP} -Xmx{HEAP}");
        let mut args = vec!["run", "--detach", "--rm", "--publish", "127.0.0.1::9200"];
        args.extend(["--env", "discovery.type=single-node", "--env", "DISABLE_SECURITY_PLUGIN=true"]);
        args.extend(["--env", "DISABLE_INSTALL_DEMO_CONFIG=true", "--env", &java, IMAGE]);
        let container = docker(&args).await?;
        // From here on the container ends with this value.
        let mut cluster = Self { url: String::new(), part: Part::Container(container.clone()) };
        let address = docker(&["port", &container, "9200/tcp"]).await?;
        cluster.url = format!("http://{}", address.lines().next().unwrap_or_default());
        let begun = Instant::now();
        while let Err(error) = reachable(&cluster.url).await {
            if begun.elapsed() > START_LIMIT {
                bail!("{IMAGE} does not answer after {START_LIMIT:?} ({error:#}); see docker logs {container}");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        eprintln!("OpenSearch answers at {} after {:.0?}", cluster.url, begun.elapsed());
        Ok(cluster)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends what the demo has started, data included; leaves the user's cluster alone.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        match std::mem::replace(&mut self.part, Part::Theirs) {
            Part::Theirs => Ok(()),
            Part::Container(id) => docker(&["stop", &id]).await.map(drop),
            Part::Node(server) => server.stop().await,
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Part::Container(id) = &self.part {
            // Best effort on the way out of an error, which is what the user should read.
            std::process::Command::new("docker").args(["stop", id]).output().ok();
        }
    }
}

/// Shows docker's own progress, which `run --detach` would write into the same stream as the container's id.
async fn pull() -> anyhow::Result<()> {
    let status = Command::new("docker").args(["pull", IMAGE]).status().await?;
    if !status.success() {
        bail!("docker pull {IMAGE} failed ({status})");
    }
    Ok(())
}

async fn docker(args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("docker").args(args).output().await.context("cannot start docker")?;
    if !output.status.success() {
        bail!("docker {} failed: {}", args[0], String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn reachable(url: &str) -> anyhow::Result<()> {
    let health = format!("{url}/_cluster/health");
    testkit::http::must(&testkit::http::client()?, reqwest::Method::GET, &health, None).await.map(drop)
}
