//! `essink run`, as a process of its own with its page.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use testkit::kinesis::Kinesis;
use tokio::process::{Child, Command};

/// The first argument that makes this process essink itself.
pub const BE_ESSINK: &str = "be-essink";

/// Where the page is, unless somebody is there already.
const PAGE: &str = "127.0.0.1:9464";

/// Far more than a start takes.
const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Worker {
    child: Child,
    page: String,
}

impl Worker {
    /// Starts it, and waits until its page answers.
    pub async fn start(kinesis: &Kinesis, stream: &str, cluster: &str) -> anyhow::Result<Self> {
        let (url, address) = (kinesis.url(), free_address()?);
        let args = ["run", "--stream", stream, "--opensearch-url", cluster, "--kinesis-endpoint-url", &url];
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(BE_ESSINK).args(args).args(["--replicas", "0", "--http-listen", &address, "--page-events"]);
        // The month is read at once and not as it happened: the phones of its first day stand 30 days behind.
        command.args(["--max-clock-lag", "40d"]);
        // Any credentials do for a Kinesis that checks none; essink takes them as it takes real ones.
        command.env("AWS_ACCESS_KEY_ID", "demo").env("AWS_SECRET_ACCESS_KEY", "demo").env("AWS_REGION", "us-east-1");
        let child = command.kill_on_drop(true).spawn().context("cannot start essink")?;
        let mut worker = Self { child, page: format!("http://{address}/") };
        worker.until_it_answers().await?;
        Ok(worker)
    }

    async fn until_it_answers(&mut self) -> anyhow::Result<()> {
        let (client, live, begun) = (testkit::http::client()?, format!("{}live", self.page), Instant::now());
        while client.get(&live).send().await.is_err() {
            self.check()?;
            anyhow::ensure!(begun.elapsed() < START_LIMIT, "essink's page does not answer at {live}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Fails when it has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("essink ended with {status}; its own words are above"),
            None => Ok(()),
        }
    }

    /// Its page, `http://127.0.0.1:PORT/`.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Ends it as a service manager would; Ctrl-C has told it already.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.child.id() {
            // It may have ended in this moment.
            Command::new("kill").args(["-TERM", &pid.to_string()]).status().await.context("cannot run kill")?;
        }
        let status = self.child.wait().await?;
        anyhow::ensure!(status.success(), "essink ended with {status}; its own words are above");
        Ok(())
    }
}

fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind(PAGE).or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    Ok(listener.local_addr()?.to_string())
}
