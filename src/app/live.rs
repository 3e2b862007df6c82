//! One line on how a command goes: live on a terminal, in the log elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use futures_util::FutureExt;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::telemetry::screen::Screen;

/// The eye needs no more.
const REDRAW: Duration = Duration::from_millis(250);
/// What nobody watches is said once a minute.
const LOG: Duration = Duration::from_secs(60);

/// The line, until it is finished.
pub struct Live {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Live {
    /// Shows what `say` says.
    pub fn start(screen: &Screen, say: impl Fn() -> String + Send + 'static) -> Self {
        let stop = CancellationToken::new();
        let task = if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = screen.add(ProgressBar::no_length().with_style(style));
            tokio::spawn(draw(bar, say, stop.clone()).boxed())
        } else {
            tokio::spawn(log(say, stop.clone()).boxed())
        };
        Self { stop, task }
    }

    /// Shows the last state, and ends.
    pub async fn finish(self) {
        self.stop.cancel();
        self.task.await.ok();
    }
}

async fn draw(bar: ProgressBar, say: impl Fn() -> String, stop: CancellationToken) {
    loop {
        let stopped = stop.run_until_cancelled(tokio::time::sleep(REDRAW)).await.is_none();
        bar.set_message(say());
        bar.tick();
        if stopped {
            return bar.abandon();
        }
    }
}

async fn log(say: impl Fn() -> String, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOG)).await.is_some() {
        tracing::info!("{}", say());
    }
}
