//! A worker's page, as a scraper and a probe see it.

use std::time::Duration;

/// Where a worker is told to serve its page.
pub struct Page(String);

impl Page {
    /// On a port that was free a moment ago.
    pub fn on_a_free_port() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        Self(listener.local_addr().expect("bound").to_string())
    }

    /// `args` of `run_args`, which ask for no page, with this one.
    pub fn instead_of_none<'a>(&'a self, mut args: Vec<&'a str>) -> Vec<&'a str> {
        let none = args.iter().position(|arg| *arg == "none").expect("given");
        args[none] = &self.0;
        args
    }

    /// The address of a view of it, for a browser.
    pub fn url(&self, view: &str) -> String {
        format!("http://{}/{view}", self.0)
    }

    /// Status and text; nothing while the worker does not listen.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let client = testkit::http::client().expect("a client");
        let request = client.get(format!("http://{}{path}", self.0)).timeout(Duration::from_secs(5));
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// The first state of the stream that a browser reads for which `right` holds; none when it takes too long.
    pub async fn state(&self, right: impl Fn(&serde_json::Value) -> bool) -> Option<serde_json::Value> {
        let client = testkit::http::client().expect("a client");
        let mut answer = client.get(format!("http://{}/page/pipeline", self.0)).send().await.expect("the page answers");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let (mut text, until) = (String::new(), tokio::time::Instant::now() + Duration::from_secs(60));
        while let Ok(piece) = tokio::time::timeout_at(until, answer.chunk()).await {
            text += std::str::from_utf8(&piece.ok()??).expect("text");
            while let Some((event, rest)) = text.split_once("\n\n") {
                let state = event.strip_prefix("event: message\ndata: ");
                let state = state.map(|json| serde_json::from_str(json).expect("a state is JSON"));
                text = rest.to_owned();
                if let Some(state) = state.filter(&right) {
                    return Some(state);
                }
            }
        }
        None
    }

    /// Somebody who watches, until it is dropped.
    pub async fn watch(&self) -> tokio::net::TcpStream {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(&self.0).await.expect("the page answers");
        stream.write_all(b"GET /page/pipeline HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("asked");
        stream.read_exact(&mut [0; 15]).await.expect("an answer");
        stream
    }

    /// Events that ended so: `indexed`, `already_there`, `dead_lettered`, `expired`.
    pub async fn events(&self, outcome: &str) -> Option<u64> {
        let (_, metrics) = self.get("/metrics").await?;
        let sample = format!("essink_events_total{{outcome=\"{outcome}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&sample))?.parse().ok()
    }
}
