//! The live page in a real browser: what people see, touch and hear of it.

mod events;
mod pipeline;
mod reach;

use testkit::browser::{Browser, Page};
use testkit::kinesis::Kinesis;
use testkit::search::Lease;
use tokio::process::Child;

use crate::faults::numbered;
use crate::page::Page as Address;
use crate::support::*;

pub const STREAM: &str = "watched";
/// Events of the stream, beside one record that is none.
pub const EVENTS: usize = 240;

/// A worker with a page, a stream, a cluster and a browser.
pub struct World {
    pub search: Lease<'static>,
    pub kinesis: Kinesis,
    pub address: Address,
    pub browser: Browser,
    pub dir: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        let search = testkit::search::shared().lease().await.expect("OpenSearch");
        let kinesis = Kinesis::start().await.expect("Kinesis");
        kinesis.client().create_stream(STREAM, 2).await.expect("stream");
        let browser = Browser::start().await.expect("Chromium");
        let dir = tempfile::tempdir().expect("a directory");
        Self { search, kinesis, address: Address::on_a_free_port(), browser, dir }
    }

    /// Events of these numbers, which go into both shards.
    pub async fn put(&self, numbers: std::ops::Range<usize>) {
        let records: Vec<_> = numbers.map(|n| (n.to_string(), numbered(n, "").1)).collect();
        self.kinesis.client().put_records(STREAM, &records).await.expect("put");
    }

    /// `essink run` with its page, and more arguments.
    pub fn worker(&self, more: &[&str]) -> Child {
        let url = self.kinesis.url();
        let mut args = self.address.instead_of_none(run_args(&url, self.search.url(), STREAM));
        args.extend(["--lease-timeout", "3s", "--opensearch-timeout", "2s"]);
        args.extend(more);
        start(&args, &self.dir.path().join("log"))
    }

    /// The page, once it is served.
    pub async fn open(&self, view: &str) -> Page {
        until("the page is served", || async { self.address.get("/live").await.is_some() }).await;
        self.browser.open(&self.address.url(view)).await.expect("the page")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

/// Waits until an expression holds in the page.
#[track_caller]
pub fn holds<'a>(page: &'a Page, script: &'a str) -> impl Future<Output = serde_json::Value> + 'a {
    let at = std::panic::Location::caller();
    async move { page.until(script).await.unwrap_or_else(|error| panic!("{at}: {error:#}")) }
}

/// The value of an expression in the page.
pub async fn value(page: &Page, script: &str) -> serde_json::Value {
    page.eval(script).await.unwrap_or_else(|error| panic!("{error:#}"))
}

/// Nothing on the console, and nothing that the page's own policy had to refuse.
#[track_caller]
pub fn is_clean(page: &Page) {
    assert_eq!(page.complaints(), []);
}
