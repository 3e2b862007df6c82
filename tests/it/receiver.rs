//! `essink webhook` as a process: started, asked by an ordinary HTTP client, and stopped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use testkit::kinesis::Kinesis;
use tokio::process::Child;

use crate::support::{start, terminate, until};

/// A running receiver on a port of its own.
pub struct Receiver {
    child: Child,
    log: PathBuf,
    /// `http://127.0.0.1:PORT`, or `https://…` where it has a certificate.
    pub url: String,
    client: Client,
}

impl Receiver {
    /// Starts one that puts into `stream`, with more arguments, and waits until it listens. Its log is `dir`/receiver.log.
    pub async fn start(kinesis: &Kinesis, stream: &str, dir: &Path, more: &[&str]) -> Self {
        let (endpoint, log) = (kinesis.url(), dir.join("receiver.log"));
        let mut args = vec!["webhook", "--stream", stream, "--kinesis-endpoint-url", &endpoint];
        args.extend(["--webhook-listen", "127.0.0.1:0", "--http-listen", "none", "--log-format", "json"]);
        args.extend(more);
        let mut child = start(&args, &log);
        until("the receiver listens", || {
            let ended = child.try_wait().expect("can be waited for");
            assert!(ended.is_none(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
            std::future::ready(address(&log).is_some())
        })
        .await;
        let url = address(&log).expect("said so");
        let client = testkit::http::pooled_client().expect("a client");
        Self { child, log, url, client }
    }

    /// A request to one of its paths.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).timeout(Duration::from_secs(60))
    }

    /// A post.
    pub fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, path).body(body)
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// Kills it with SIGKILL, whatever it is doing, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Sends SIGTERM, and gives the exit code and the whole log.
    pub async fn stop(self) -> (Option<i32>, String) {
        let Self { child, log, .. } = self;
        let code = terminate(child).await;
        (code, std::fs::read_to_string(log).expect("a log"))
    }
}

/// Where the log says that it listens.
fn address(log: &Path) -> Option<String> {
    let log = std::fs::read_to_string(log).ok()?;
    let (_, rest) = log.split_once("receiving at ")?;
    let (url, _) = rest.split_once(": ")?;
    Some(url.to_owned())
}
