//! `essink webhook`: from the options to a server that ends well.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::clock;
use super::exit::Failure;
use super::worker::side::watch_signals;
use crate::config::{HttpOptions, WebhookOptions};
use crate::kinesis::put::{FLIGHTS, REQUEST_BYTES};
use crate::telemetry::health::Health;
use crate::telemetry::http::guard::Guard;
use crate::telemetry::http::{self, Listen, Page};
use crate::telemetry::metrics::WebhookMetrics;
use crate::webhook::desk::{Desk, DeskLimits, Outside};
use crate::webhook::serve::{ServeLimits, Stop, serve};
use crate::webhook::tls::Tls;

mod fetch;
mod receivers;
mod stream;

/// How often certificate files are looked at: a renewal is days before the old one ends.
const LOOK_AT_FILES: Duration = Duration::from_secs(10);

/// How long requests are taken after the signal to stop, but no longer than half of `--grace`. Whoever spreads requests
/// inside a cluster hears within a second or two that an instance stops.
const LINGERS: Duration = Duration::from_secs(5);

/// One line on what was received in this time.
const SUMMARY_EVERY: Duration = Duration::from_secs(60);

/// Receives until told to stop.
pub async fn run(options: WebhookOptions) -> Result<(), Failure> {
    let stop = Stop { drain: CancellationToken::new(), give_up: CancellationToken::new() };
    let told = CancellationToken::new();
    watch_signals(told.clone(), stop.give_up.clone(), options.grace).map_err(Failure::bug)?;
    let (health, metrics) = (Health::starting(), WebhookMetrics::new());
    let (side, mut beside) = (CancellationToken::new(), JoinSet::new());
    if let Some(page) = page(&options.http, &metrics, &health, side.clone()).await? {
        beside.spawn(page.boxed());
    }
    let prepared = told.run_until_cancelled(prepare(&options, &metrics, &health)).await;
    // A signal during the start: nothing was received yet.
    let Some(server) = prepared else { return Ok(()) };
    let Server { listener, tls, desk } = server?;
    if let Some(tls) = &tls {
        beside.spawn(tls.clone().follow(LOOK_AT_FILES, side.clone()).boxed());
    }
    beside.spawn(summary(metrics.clone(), side.clone()).boxed());
    health.started();
    let limits = ServeLimits {
        connections: options.limits.connections,
        head_timeout: options.limits.head_timeout,
        idle_timeout: options.limits.idle_timeout,
    };
    let serving = serve(listener, tls, Arc::new(desk), limits, stop.clone());
    let ending = async {
        told.cancelled().await;
        end(&health, &stop, LINGERS.min(options.grace / 2)).await;
        std::future::pending().await
    };
    let cut = tokio::select! { cut = serving => cut, never = ending => never };
    side.cancel();
    while beside.join_next().await.is_some() {}
    match cut {
        0 => Ok(()),
        n => Err(Failure::unfinished(anyhow!(
            "{n} requests were being put when --grace was over; they were not answered, and come again"
        ))),
    }
}

/// Not ready from now on, and a little later no new requests: balancers go on sending until they have looked.
async fn end(health: &Health, stop: &Stop, lingers: Duration) {
    health.set("stop", "draining: no new requests");
    stop.give_up.run_until_cancelled(sleep(lingers)).await;
    stop.drain.cancel();
}

struct Server {
    listener: TcpListener,
    tls: Option<Tls>,
    desk: Desk,
}

/// All that can go wrong before the first request.
async fn prepare(options: &WebhookOptions, metrics: &WebhookMetrics, health: &Health) -> Result<Server, Failure> {
    let tls = options.tls.as_ref().map(|(cert, key)| Tls::load(cert, key));
    let tls = tls.transpose().map_err(|error| Failure::usage(error).during("--webhook-tls-cert"))?;
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    let limits = DeskLimits {
        max_body: bytes(options.limits.max_body),
        memory: bytes(options.limits.memory),
        rate: options.limits.rate,
        body_timeout: options.limits.body_timeout,
    };
    let routes = receivers::routes(&options.providers)?;
    let stream = stream::open(options).await?;
    let outside = Outside { stream, now: clock::now, metrics: metrics.clone(), health: health.clone() };
    let desk = Desk::new(routes, limits, outside);
    let paths = desk.paths();
    let at = options.listen;
    let listener = TcpListener::bind(at).await.map_err(|error| {
        Failure::usage(anyhow!("cannot listen on {at}: {error}; give another address with --webhook-listen"))
    })?;
    let at = listener.local_addr().unwrap_or(at);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let bounded = memory(limits.memory);
    tracing::info!(
        webhook.address = %at,
        memory.bytes = bounded,
        "receiving at {scheme}://{at}: {paths}; memory is bounded: {bounded} bytes, twice --webhook-memory for bodies and what \
         waits for the stream, and {FLIGHTS} requests under way"
    );
    Ok(Server { listener, tls, desk })
}

/// Bytes of everything that is held: bodies, what waits for the stream after their senders were told that it is late, and
/// requests under way, packed, as the SDK takes them, and in base64.
fn memory(bodies: usize) -> usize {
    bodies.saturating_mul(2).saturating_add(3 * FLIGHTS * REQUEST_BYTES)
}

/// The page of health and metrics, when it is wanted.
async fn page(
    options: &HttpOptions,
    metrics: &WebhookMetrics,
    health: &Health,
    stop: CancellationToken,
) -> Result<Option<impl Future<Output = ()> + use<>>, Failure> {
    let Some(at) = options.listen else { return Ok(None) };
    let listen = if options.chosen { Listen::At(at) } else { Listen::Default };
    let listener = http::bind(listen, "readiness and metrics").await.map_err(Failure::usage)?;
    let guard = Guard::new(options.token.as_ref().map(|token| token.expose()), at);
    let page = Page { metrics: Arc::new(metrics.clone()), health: health.clone(), guard, more: None };
    Ok(Some(http::serve(listener, page, stop)))
}

/// Says now and then what came, where something came.
async fn summary(metrics: WebhookMetrics, stop: CancellationToken) {
    let mut before = metrics.totals();
    let mut going = true;
    while going {
        going = stop.run_until_cancelled(sleep(SUMMARY_EVERY)).await.is_some();
        let (requests, events) = metrics.totals();
        if (requests, events) != before {
            let (requests, events) = (requests - before.0, events - before.1);
            tracing::info!(
                webhook.requests = requests,
                webhook.events = events,
                "{requests} requests, {events} events put"
            );
        }
        before = metrics.totals();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop() -> Stop {
        Stop { drain: CancellationToken::new(), give_up: CancellationToken::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn not_ready_comes_first_and_the_end_of_new_requests_later() {
        let (health, stop) = (Health::starting(), stop());
        health.started();
        let (of_end, red) = (stop.clone(), health.clone());
        let ending = tokio::spawn(async move { end(&red, &of_end, LINGERS).await });
        sleep(Duration::from_secs(4)).await;
        assert!(!health.is_ready() && !stop.drain.is_cancelled());
        sleep(Duration::from_secs(2)).await;
        assert!(stop.drain.is_cancelled() && ending.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_does_not_linger() {
        let (health, stop) = (Health::starting(), stop());
        stop.give_up.cancel();
        end(&health, &stop, LINGERS).await;
        assert!(stop.drain.is_cancelled());
    }

    #[test]
    fn the_bound_of_memory_counts_what_the_producer_holds() {
        // Four requests of five MiB, three times each.
        assert_eq!(memory(256 << 20), (512 + 60) << 20);
    }
}
