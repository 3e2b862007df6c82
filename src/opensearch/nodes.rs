//! The cluster's nodes, used in turn; one that refuses connections rests for a while.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::Url;
use tokio::time::Instant;

/// A first failure may be a restart: back within a second.
const FIRST_REST: Duration = Duration::from_secs(1);
/// A node that is gone costs one refused connection this often.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Never empty.
#[derive(Debug)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    turn: AtomicUsize,
    started: Instant,
}

/// One base URL and how it fares.
#[derive(Debug)]
pub(super) struct Node {
    /// `https://host:port/prefix`, no slash at the end, no credentials.
    pub(super) base: String,
    /// Milliseconds after `Nodes::started`.
    rests_until: AtomicU64,
    failures: AtomicU32,
}

impl Nodes {
    /// Refuses URLs that cannot be a node's, or that carry a password.
    pub(super) fn new(urls: &[String]) -> anyhow::Result<Self> {
        ensure!(!urls.is_empty(), "no URL of the cluster is given");
        let nodes = urls.iter().map(|url| base(url).map(Node::new)).collect::<anyhow::Result<_>>()?;
        Ok(Self { nodes, turn: AtomicUsize::new(0), started: Instant::now() })
    }

    pub(super) fn any_https(&self) -> bool {
        self.nodes.iter().any(|node| node.base.starts_with("https:"))
    }

    /// The nodes to try for one request, in order: those awake, beginning with the next in turn; when all
    /// rest, the one that has rested longest, for a request must not fail untried.
    pub(super) fn candidates(&self) -> Vec<&Node> {
        let now = self.elapsed();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.nodes.len();
        let (before, after) = self.nodes.split_at(turn);
        let awake = |node: &&Node| node.rests_until.load(Ordering::Relaxed) <= now;
        let awake: Vec<&Node> = after.iter().chain(before).filter(awake).collect();
        if awake.is_empty() {
            return self.nodes.iter().min_by_key(|node| node.rests_until.load(Ordering::Relaxed)).into_iter().collect();
        }
        awake
    }

    /// No connection came about: the node rests, longer each time.
    pub(super) fn unreachable(&self, node: &Node) {
        let failures = node.failures.fetch_add(1, Ordering::Relaxed).min(16);
        let rest = FIRST_REST.saturating_mul(1 << failures).min(LONGEST_REST);
        let until = self.elapsed().saturating_add(millis(rest));
        node.rests_until.store(until, Ordering::Relaxed);
    }

    /// The node answered.
    pub(super) fn reachable(&self, node: &Node) {
        if node.failures.swap(0, Ordering::Relaxed) > 0 {
            node.rests_until.store(0, Ordering::Relaxed);
        }
    }

    fn elapsed(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

impl Node {
    fn new(base: String) -> Self {
        Self { base, rests_until: AtomicU64::new(0), failures: AtomicU32::new(0) }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The URL as requests begin, or why it is none. A refusal never shows the URL's own user and password.
fn base(text: &str) -> anyhow::Result<String> {
    if text.contains('@') {
        bail!("a URL of the cluster holds user:password@: take it out and give user and password by their own options");
    }
    let url = Url::parse(text.trim());
    let url = url.with_context(|| format!("{text:?} is not a URL: give it as https://host:9200"))?;
    ensure!(matches!(url.scheme(), "http" | "https"), "{text:?} is not an http:// or https:// URL");
    ensure!(url.host_str().is_some_and(|host| !host.is_empty()), "{text:?} names no host");
    let plain = url.query().is_none() && url.fragment().is_none();
    ensure!(plain, "{text:?} holds a query or a fragment: give only host, port and path");
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(urls: &[&str]) -> Nodes {
        Nodes::new(&urls.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn bases(nodes: &Nodes) -> Vec<String> {
        nodes.candidates().iter().map(|node| node.base.clone()).collect()
    }

    #[test]
    fn urls_are_taken_or_refused_with_the_cure() {
        for (url, expected) in [
            ("http://127.0.0.1:9200", Ok("http://127.0.0.1:9200")),
            ("http://127.0.0.1:9200/", Ok("http://127.0.0.1:9200")),
            (" https://Search.Example/os/ ", Ok("https://search.example/os")),
            ("https://ann:hush@search.example", Err("by their own options")),
            ("hush@search.example", Err("by their own options")),
            ("search.example:9200", Err("http:// or https://")),
            ("127.0.0.1:9200", Err("https://host:9200")),
            ("ftp://search.example", Err("http:// or https://")),
            ("https://search.example?x=1", Err("query")),
        ] {
            match (base(url), expected) {
                (Ok(base), Ok(expected)) => assert_eq!(base, expected),
                (Err(error), Err(part)) => {
                    let shown = format!("{error:#}");
                    assert!(shown.contains(part) && !shown.contains("hush"), "{url}: {shown}");
                }
                (got, _) => panic!("{url}: {got:?}"),
            }
        }
        assert!(Nodes::new(&[]).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_take_turns_and_rest_after_a_failure() {
        let nodes = nodes(&["http://a", "http://b", "http://c"]);
        assert_eq!(bases(&nodes), ["http://a", "http://b", "http://c"]);
        assert_eq!(bases(&nodes), ["http://b", "http://c", "http://a"]);

        nodes.unreachable(&nodes.nodes[0]);
        assert_eq!(bases(&nodes), ["http://c", "http://b"]);
        tokio::time::advance(FIRST_REST).await;
        assert_eq!(bases(&nodes), ["http://a", "http://b", "http://c"], "rested enough");

        // The second failure in a row rests twice as long; an answer forgives all.
        nodes.unreachable(&nodes.nodes[0]);
        tokio::time::advance(FIRST_REST).await;
        assert_eq!(nodes.candidates().len(), 2);
        nodes.reachable(&nodes.nodes[0]);
        assert_eq!(nodes.candidates().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_rest_the_one_that_rested_longest_is_tried() {
        let nodes = nodes(&["http://a", "http://b"]);
        nodes.unreachable(&nodes.nodes[1]);
        tokio::time::advance(Duration::from_millis(10)).await;
        nodes.unreachable(&nodes.nodes[0]);
        assert_eq!(bases(&nodes), ["http://b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_rest_is_longer_than_the_longest() {
        let nodes = nodes(&["http://a", "http://b"]);
        for _ in 0..100 {
            nodes.unreachable(&nodes.nodes[0]);
        }
        tokio::time::advance(LONGEST_REST).await;
        assert_eq!(nodes.candidates().len(), 2);
    }
}
