//! essink's main job on real parts: a real Kinesis API in, a real OpenSearch out, the production program between.
//!
//! ```text
//! cargo run --example demo
//! ```
//!
//! Starts an OpenSearch (the one given by `--opensearch-url`; otherwise by docker if a daemon answers, otherwise from
//! Maven Central), serves a Kinesis stream of four shards, feeds it a month of events of every provider, growing as it
//! goes, while `essink run` reads it, and holds the cluster's own counts to what happened. On a terminal, or with
//! `--stay`, essink's page then stays up, to look at the overview. Whatever is missing on the machine is named with the
//! command that installs it.
//!
//! It is a debug build because that is there in a few minutes, shares everything with `cargo test`, and is waited for by
//! nobody: the cluster is what takes time. With `--release` the rates it shows are those of the program that is shipped.

mod cluster;
mod feed;
mod pictures;
mod report;
mod shrink;
mod worker;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use chrono::{Days, NaiveDate};
use clap::{Arg, ArgAction};
use testkit::kinesis::Kinesis;
use testkit::month::Month;

use self::cluster::Cluster;
use self::pictures::Pictures;
use self::worker::{BE_ESSINK, Worker};

/// Enough for a curve in every panel.
const EVENTS: u32 = 30_000;
/// What a message or a session comes to, so that `--events` is about right.
const EVENTS_A_STORY: usize = 3;
const SEED: u64 = 1;
const SHARDS: usize = 4;
/// Up to yesterday: a month is over before it is read.
const DAYS: u32 = 30;

struct Options {
    opensearch_url: Option<String>,
    events: usize,
    seed: u64,
    stay: bool,
    pictures: Option<PathBuf>,
}

impl Options {
    fn parse() -> Self {
        let mut matches = Self::command().get_matches();
        Self {
            opensearch_url: matches.remove_one("opensearch-url"),
            events: matches.remove_one::<u32>("events").unwrap_or(EVENTS) as usize,
            seed: matches.remove_one("seed").unwrap_or(SEED),
            stay: matches.get_flag("stay"),
            pictures: matches.remove_one("pictures"),
        }
    }

    fn command() -> clap::Command {
        let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
        clap::Command::new("demo").about("Runs essink's main job on real parts").args([
            option("opensearch-url", "URL")
                .help("Use this cluster instead of starting one; the demo writes daily indices of every family there"),
            option("events", "N")
                .value_parser(clap::value_parser!(u32).range(1..=5_000_000))
                .help(format!("About how many events [default: {EVENTS}]")),
            option("seed", "N").value_parser(clap::value_parser!(u64)).help(format!("Which events [default: {SEED}]")),
            Arg::new("stay")
                .long("stay")
                .action(ArgAction::SetTrue)
                .help("Leave page and cluster running until Ctrl-C, as on a terminal"),
            option("pictures", "DIR")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Take the pictures of the docs with a headless Chromium, into this directory, and end"),
        ])
    }
}

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    if args.by_ref().nth(1).is_some_and(|first| first == BE_ESSINK) {
        return essink(args);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(demo(Options::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("demo: {error:#}");
    ExitCode::FAILURE
}

/// The program, as its `main` runs it: same parser, same environment, same wiring. It is this binary and not
/// `target/release/essink` because cargo does not build a package's programs for its examples.
fn essink(args: std::env::ArgsOs) -> ExitCode {
    essink::app::program::main(std::iter::once("essink".into()).chain(args))
}

async fn demo(options: Options) -> anyhow::Result<()> {
    let cluster = Cluster::find_or_start(options.opensearch_url.as_deref()).await?;
    let before = report::count(cluster.url()).await?;
    let kinesis = Kinesis::start().await?;
    let (today, now_ms) = today()?;
    // Positions are kept by stream: a new name, so that another demo's positions on this cluster mean nothing here.
    let stream = format!("demo-{now_ms}");
    kinesis.client().create_stream(&stream, SHARDS).await?;
    let first = today - Days::new(u64::from(DAYS));
    let month = Arc::new(Month::new(options.seed, options.events.div_ceil(EVENTS_A_STORY), first, DAYS));
    let fed = report::expected(&month);
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: what it shows of rates says nothing of essink; --release does");
    }
    eprintln!(
        "feeding {} events of {DAYS} days (seed {}) into stream {stream} at {}, {SHARDS} shards",
        fed.values().sum::<u64>(),
        options.seed,
        kinesis.url()
    );
    let mut worker = Worker::start(&kinesis, &stream, cluster.url()).await?;
    let pictures = match options.pictures {
        Some(dir) => Some(Pictures::start(dir, worker.page(), first, today).await?),
        None => None,
    };
    // A picture of the pipeline shows more than a minute of it.
    let pause = Duration::from_millis(if pictures.is_some() { 4_000 } else { 400 });
    let feeder = tokio::spawn(feed::grow(kinesis.client().pooled()?, stream.clone(), month.clone(), pause));
    if let Some(pictures) = &pictures {
        pictures.of_the_pipeline(fed.values().sum()).await?;
    }
    feeder.await??;
    report::until_counted(&mut worker, cluster.url(), &fed, &before).await?;

    if let Some(pictures) = pictures {
        pictures.of_the_events(&month).await?;
    } else if options.stay || std::io::stdin().is_terminal() {
        report::what_next(worker.page(), cluster.url());
        eprintln!("until Ctrl-C");
        tokio::signal::ctrl_c().await?;
    } else {
        println!("page and cluster end here; --stay leaves them up to be looked at");
    }
    worker.stop().await?;
    cluster.stop().await
}

#[expect(clippy::disallowed_methods, reason = "the demo is a program of its own: its month ends yesterday")]
fn today() -> anyhow::Result<(NaiveDate, i64)> {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let now = chrono::DateTime::from_timestamp_millis(now_ms).context("a clock beyond the calendar")?;
    Ok((now.date_naive(), now_ms))
}
