//! Wires everything; the only place that reads clock, environment and chance.

pub mod clock;
pub mod exit;

pub mod commands;
pub mod connect;
mod consent;
pub mod intake;
pub mod program;
pub mod work;
pub mod worker;

mod coordinator;
mod decode;
mod drive;
mod leases;
mod letters;
mod live;
mod observe;
mod page;
mod put;
mod redrive;
mod renewal;
mod replay;
mod retain;
mod stores;
mod webhook;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use exit::Failure;

use crate::config::{Command, Invocation};
use crate::telemetry::logs;
use crate::telemetry::screen::Screen;

/// Does what was asked for, and says how it went.
pub fn run(invocation: Invocation) -> ExitCode {
    match start(invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn start(invocation: Invocation) -> Result<(), Failure> {
    let terminal = std::io::stderr().is_terminal();
    let live =
        matches!(&invocation.command, Command::Run(_) | Command::DeadLetters(_) | Command::Replay(_) | Command::Put(_));
    let screen = Screen::new(terminal && live);
    logs::init(&log_options(&invocation.log, terminal), &screen).map_err(Failure::usage)?;
    for warning in &invocation.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::bug)?;
    let done = runtime.block_on(async {
        match invocation.command {
            Command::Run(options) => worker::run(*options, screen).await,
            Command::Webhook(options) => webhook::run(*options).await,
            Command::InitTemplates(options) => commands::init_templates(&options).await,
            Command::Prune(options) => commands::prune(&options).await,
            Command::Dashboards(options) => commands::dashboards(&options).await,
            Command::DeadLetters(options) => letters::run(*options, &screen).await,
            Command::Replay(options) => replay::run(*options, &screen).await,
            Command::Put(options) => put::run(*options, &screen).await,
            Command::Leases(options) => leases::run(*options).await,
        }
    });
    // A file system that hangs must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

fn log_options(options: &crate::config::LogOptions, terminal: bool) -> logs::LogOptions {
    let color = terminal && !no_color();
    logs::LogOptions { format: options.format, filter: options.level.clone(), terminal, color }
}

#[expect(clippy::disallowed_methods, reason = "app may read the environment; NO_COLOR is a convention of terminals")]
fn no_color() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty())
}
