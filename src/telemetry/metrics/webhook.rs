//! What `essink webhook` counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::labels::{Counters, Label, Provider, WebhookAnswer};
use super::{Exposed, build_info, counter, encode, gauge, readiness};

/// Seconds. A healthy `PutRecords` takes 10 to 50 ms; 3 s, 8 s and 15 s are where providers lose patience.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 8.0, 15.0];

type Pairs = [(&'static str, &'static str); 2];
type Seconds = Family<[(&'static str, &'static str); 1], Histogram, fn() -> Histogram>;

/// Everything that the webhook server counts. Cheap to clone.
#[derive(Clone)]
pub struct WebhookMetrics {
    shared: Arc<Shared>,
}

struct Shared {
    registry: Registry,
    requests: Vec<Counter>,
    elsewhere: Counter,
    seconds: Vec<Histogram>,
    events: Counters<Provider>,
    bytes: Counters<Provider>,
    connections: Gauge,
    evicted: Counter,
    body_bytes: Gauge,
    ready: Gauge,
}

/// Requests to paths that no provider has.
const NONE: &str = "none";

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl WebhookMetrics {
    /// Registers everything, every series at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("essink");
        let r = &mut registry;
        build_info(r);
        let requests = Family::<Pairs, Counter>::default();
        r.register("webhook_requests", "Requests, by who sent them and how they were answered", requests.clone());
        let one = |provider, answer: WebhookAnswer| {
            requests.get_or_create_owned(&[(Provider::KEY, provider), (WebhookAnswer::KEY, answer.text())])
        };
        let each = |provider: &Provider| {
            let provider = provider.text();
            WebhookAnswer::ALL.iter().map(move |answer| (provider, *answer))
        };
        let counters = Provider::ALL.iter().flat_map(each).map(|(provider, answer)| one(provider, answer)).collect();
        let elsewhere = one(NONE, WebhookAnswer::NotFound);
        let seconds = Seconds::new_with_constructor(histogram);
        r.register("webhook_duration_seconds", "Time from the head of a request to its answer", seconds.clone());
        let timed = |provider: &Provider| seconds.get_or_create_owned(&[(Provider::KEY, provider.text())]);
        let seconds = Provider::ALL.iter().map(timed).collect();
        let events = Counters::register(r, "webhook_events", "Events put into the stream before their 200");
        let bytes = Counters::register(r, "webhook_event_bytes", "Bytes of events put into the stream");
        let connections = gauge(r, "webhook_connections", "Connections open now");
        let evicted = counter(
            r,
            "webhook_evicted_connections",
            "Connections closed early to make room, those that waited longest",
        );
        let body_bytes = gauge(r, "webhook_body_bytes", "Bytes of bodies held now");
        let ready = readiness(r);
        let shared = Shared {
            registry,
            requests: counters,
            elsewhere,
            seconds,
            events,
            bytes,
            connections,
            evicted,
            body_bytes,
            ready,
        };
        Self { shared: Arc::new(shared) }
    }

    /// A request was answered `took` after its head had come.
    pub fn answered(&self, provider: Provider, answer: WebhookAnswer, took: Duration) {
        let at = provider.index() * WebhookAnswer::ALL.len() + answer.index();
        self.shared.requests[at].inc();
        self.shared.seconds[provider.index()].observe(took.as_secs_f64());
    }

    /// A request to a path that no provider has.
    pub fn elsewhere(&self) {
        self.shared.elsewhere.inc();
    }

    /// `count` events of `bytes` together are in the stream.
    pub fn put(&self, provider: Provider, count: u64, bytes: u64) {
        self.shared.events.of(provider).inc_by(count);
        self.shared.bytes.of(provider).inc_by(bytes);
    }

    /// Connections open now.
    pub fn connections(&self, open: usize) {
        self.shared.connections.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// A connection was closed to make room for another.
    pub fn evicted(&self) {
        self.shared.evicted.inc();
    }

    /// Bytes of bodies held now.
    pub fn body_bytes(&self, bytes: usize) {
        self.shared.body_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Requests and events so far, for a summary line.
    pub fn totals(&self) -> (u64, u64) {
        (self.shared.requests.iter().map(Counter::get).sum(), self.shared.events.sum())
    }
}

impl Default for WebhookMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Exposed for WebhookMetrics {
    fn page(&self, ready: bool) -> String {
        self.shared.ready.set(i64::from(ready));
        encode(&self.shared.registry)
    }
}

impl fmt::Debug for WebhookMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookMetrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(metrics: &WebhookMetrics, line: &str) {
        let page = metrics.page(true);
        assert!(page.lines().any(|l| l == line), "no line {line:?} in\n{page}");
    }

    #[test]
    fn every_provider_and_answer_has_a_counter_of_its_own() {
        let metrics = WebhookMetrics::new();
        let mut n = 0;
        for provider in Provider::ALL {
            for answer in WebhookAnswer::ALL {
                n += 1;
                (0..n).for_each(|_| metrics.answered(*provider, *answer, Duration::from_millis(20)));
            }
        }
        n = 0;
        for provider in Provider::ALL {
            for answer in WebhookAnswer::ALL {
                n += 1;
                let (p, a) = (provider.text(), answer.text());
                has(&metrics, &format!("essink_webhook_requests_total{{provider=\"{p}\",answer=\"{a}\"}} {n}"));
            }
        }
        assert_eq!(metrics.totals().0, (1..=n).sum::<u64>());
    }

    #[test]
    fn what_is_put_is_counted_and_timed() {
        let metrics = WebhookMetrics::new();
        metrics.put(Provider::Bird, 350, 400_000);
        metrics.answered(Provider::Bird, WebhookAnswer::Taken, Duration::from_millis(40));
        metrics.elsewhere();
        has(&metrics, r#"essink_webhook_events_total{provider="bird"} 350"#);
        has(&metrics, r#"essink_webhook_events_total{provider="sns"} 0"#);
        has(&metrics, r#"essink_webhook_event_bytes_total{provider="bird"} 400000"#);
        has(&metrics, r#"essink_webhook_requests_total{provider="none",answer="not_found"} 1"#);
        has(&metrics, r#"essink_webhook_duration_seconds_bucket{le="0.05",provider="bird"} 1"#);
        has(&metrics, r#"essink_webhook_duration_seconds_bucket{le="0.025",provider="bird"} 0"#);
        has(&metrics, "essink_ready 1");
    }
}
