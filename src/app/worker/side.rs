//! What runs beside a worker: signals, the page, the live display or the summary, and the memory gauge.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::exit::Failure;
use crate::app::intake::Memory;
use crate::app::page::Beyond;
use crate::config::RunOptions;
use crate::page::{Desk, Parts};
use crate::telemetry::health::Health;
use crate::telemetry::http::guard::Guard;
use crate::telemetry::http::{self, Listen, Page};
use crate::telemetry::metrics::{Metrics, Snapshot};
use crate::telemetry::progress;
use crate::telemetry::screen::Screen;
use crate::telemetry::summary::{self, Summary};

/// One summary line in this time when nobody looks at a screen.
const SUMMARY_EVERY: Duration = Duration::from_secs(60);

/// Shows the bytes in flight as they change; a gauge that the ledgers kept themselves would cost a write a record.
pub async fn sample_memory(memory: Memory, metrics: Metrics, stop: CancellationToken) {
    loop {
        metrics.in_flight(memory.used());
        let pause = tokio::time::sleep(Duration::from_millis(250));
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}

/// The first SIGTERM or SIGINT stops; the grace later, or at the second signal, what is left is given up.
pub fn watch_signals(stop: CancellationToken, give_up: CancellationToken, grace: Duration) -> std::io::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let watching = async move {
        tokio::select! {
            _ = term.recv() => tracing::info!("SIGTERM: draining"),
            _ = int.recv() => tracing::info!("SIGINT: draining"),
            () = stop.cancelled() => {}
        }
        stop.cancel();
        tokio::select! {
            _ = term.recv() => tracing::warn!("SIGTERM again: giving up what is left"),
            _ = int.recv() => tracing::warn!("SIGINT again: giving up what is left"),
            () = tokio::time::sleep(grace) => tracing::warn!("--grace is over: giving up what is left"),
        }
        give_up.cancel();
    };
    tokio::spawn(watching.boxed());
    Ok(())
}

/// What runs beside the work: the page, and the progress display or the summary.
pub struct Side {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    metrics: Metrics,
    before: Snapshot,
    began: Instant,
}

impl Side {
    /// Starts what the options ask for.
    pub async fn start(
        options: &RunOptions,
        screen: &Screen,
        metrics: &Metrics,
        health: &Health,
        beyond: Beyond,
    ) -> Result<Self, Failure> {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        if let Some(at) = options.http.listen {
            let listen = if options.http.chosen { Listen::At(at) } else { Listen::Default };
            let listener = http::bind(listen, "the live page, readiness and metrics").await.map_err(Failure::usage)?;
            let guard = Guard::new(options.http.token.as_ref().map(|token| token.expose()), at);
            let desk = Desk::new(Parts {
                metrics: metrics.clone(),
                health: health.clone(),
                guard: guard.clone(),
                outside: Arc::new(beyond),
                events: options.http.events,
                stop: stop.clone(),
            });
            let more = Some(desk.clone().routes());
            let page = Page { metrics: Arc::new(metrics.clone()), health: health.clone(), guard, more };
            tasks.spawn(desk.sample().boxed());
            tasks.spawn(http::serve(listener, page, stop.clone()).boxed());
        }
        if std::io::stderr().is_terminal() {
            tasks.spawn(progress::run(screen.clone(), metrics.clone(), stop.clone()).boxed());
        } else {
            tasks.spawn(summary::run(metrics.clone(), SUMMARY_EVERY, stop.clone()).boxed());
        }
        let before = metrics.snapshot();
        Ok(Self { stop, tasks, metrics: metrics.clone(), before, began: Instant::now() })
    }

    /// Ends it, with one line on the whole run.
    pub async fn finish(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        Summary::between(&self.before, &self.metrics.snapshot(), self.began.elapsed()).log();
    }
}
