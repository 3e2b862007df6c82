//! essink's main job on real parts: a real Kinesis API in, a real OpenSearch out, the production program between.
//!
//! ```text
//! cargo run --release --example demo
//! ```
//!
//! Starts an OpenSearch (the one given by `--opensearch-url`; otherwise by docker if a daemon answers, otherwise from
//! Maven Central), serves a Kinesis stream of four shards, feeds it a growing stream of Pinpoint events over several days
//! while `essink run` reads it, and ends with counts from the cluster itself. Whatever is missing on the machine is named
//! with the command that installs it.

mod cluster;
mod feed;
mod report;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::{Arg, ArgAction};
use testkit::events::{Events, Plan, Truth};
use testkit::kinesis::Kinesis;

use self::cluster::Cluster;

const EVENTS: u32 = 100_000;
const SEED: u64 = 1;
const SHARDS: usize = 4;
const DAY_MS: i64 = 86_400_000;
/// Several days, and all of them recent enough that a phone's clock in them is believed (`--max-clock-lag`, 7 days).
const DAYS: i64 = 5;

/// The first argument that makes this process essink itself.
const BE_ESSINK: &str = "be-essink";

struct Options {
    opensearch_url: Option<String>,
    events: usize,
    seed: u64,
    keep_running: bool,
}

impl Options {
    fn parse() -> Self {
        let mut matches = Self::command().get_matches();
        Self {
            opensearch_url: matches.remove_one("opensearch-url"),
            events: matches.remove_one::<u32>("events").unwrap_or(EVENTS) as usize,
            seed: matches.remove_one("seed").unwrap_or(SEED),
            keep_running: matches.get_flag("keep-running"),
        }
    }

    fn command() -> clap::Command {
        let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
        clap::Command::new("demo").about("Runs essink's main job on real parts").args([
            option("opensearch-url", "URL")
                .help("Use this cluster instead of starting one; the demo writes to pinpoint-* there"),
            option("events", "N")
                .value_parser(clap::value_parser!(u32).range(1..=5_000_000))
                .help(format!("How many events [default: {EVENTS}]")),
            option("seed", "N").value_parser(clap::value_parser!(u64)).help(format!("Which events [default: {SEED}]")),
            Arg::new("keep-running")
                .long("keep-running")
                .action(ArgAction::SetTrue)
                .help("Leave the cluster running until Ctrl-C, as on a terminal"),
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
    let now_ms = now_ms()?;
    // Positions are kept by stream: a new name, so that another demo's positions on this cluster mean nothing here.
    let stream = format!("demo-{now_ms}");
    kinesis.client().create_stream(&stream, SHARDS).await?;
    let plan = plan(&options, now_ms);
    eprintln!(
        "feeding {} events of {DAYS} days (seed {}) into stream {stream} at {}, {SHARDS} shards",
        plan.count,
        plan.seed,
        kinesis.url()
    );
    let feeder = tokio::spawn(feed::grow(kinesis.client().pooled()?, stream.clone(), plan));
    run_until_all_is_indexed(&kinesis, &stream, cluster.url(), feeder).await?;

    let mut truth = Truth::default();
    Events::new(plan).for_each(|event| truth.add(&event));
    report::show(cluster.url(), &truth, before).await?;
    if options.keep_running || std::io::stdin().is_terminal() {
        report::what_next(cluster.url());
        eprintln!("until Ctrl-C");
        tokio::signal::ctrl_c().await?;
    } else if cluster.outlives_the_demo() {
        report::what_next(cluster.url());
    } else {
        println!("the cluster ends here; --keep-running leaves it up to be looked at");
    }
    cluster.stop().await
}

fn plan(options: &Options, now_ms: i64) -> Plan {
    Plan { seed: options.seed, count: options.events, from_ms: now_ms - DAYS * DAY_MS, to_ms: now_ms, enriched: true }
}

/// `essink run --until-caught-up`, as cron would do it: again and again while events come in, and once more when all are
/// in. Each run goes on where the last one stopped, so no event is read twice.
async fn run_until_all_is_indexed(
    kinesis: &Kinesis,
    stream: &str,
    cluster: &str,
    feeder: tokio::task::JoinHandle<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    loop {
        // Looked at before the run: what is fed during it may be behind the tip it reads to.
        let all_fed = feeder.is_finished();
        run_essink(kinesis, stream, cluster).await?;
        if all_fed {
            return feeder.await?;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn run_essink(kinesis: &Kinesis, stream: &str, cluster: &str) -> anyhow::Result<()> {
    let url = kinesis.url();
    let args = ["run", "--stream", stream, "--opensearch-url", cluster, "--kinesis-endpoint-url", &url];
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.arg(BE_ESSINK).args(args).args(["--replicas", "0", "--until-caught-up"]);
    // Any credentials do for a Kinesis that checks none; essink takes them as it takes real ones.
    command.env("AWS_ACCESS_KEY_ID", "demo").env("AWS_SECRET_ACCESS_KEY", "demo").env("AWS_REGION", "us-east-1");
    let status = command.kill_on_drop(true).status().await.context("cannot start essink")?;
    if !status.success() {
        bail!("essink ended with {status}; its own words are above");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the demo is a program of its own: events end now")]
fn now_ms() -> anyhow::Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}
