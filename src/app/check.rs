//! `essink check`: whether a run would work, before the first event.

mod cluster;
mod finding;
mod found;
mod letters;
mod limits;
mod policy;
mod reading;
mod rights;
mod sample;
mod state;
mod trial;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::{Instant, timeout, timeout_at};

use self::finding::{Finding, Level, Report, Tried, permission};
use self::found::Found;
use self::policy::{Aws, Policies};
use self::reading::Records;
use self::sample::Sample;
use super::clock;
use super::commands::{print_json, print_lines};
use super::connect;
use super::decode::{self, Draft};
use super::exit::Failure;
use super::leases::unread;
use super::stores;
use super::worker::{open_stream, rules};
use crate::config::{CheckOptions, RunOptions, StateOptions, StreamOptions};
use crate::event::family::Family;
use crate::event::unwrap::Unwrapper;
use crate::kinesis::client::{Kinesis, Stream};
use crate::kinesis::lineage::Shard;
use crate::opensearch::client::{Client, Connection};
use crate::opensearch::product::Product;
use crate::pipeline::op::{BulkOp, Origin, RecordRef};
use crate::pipeline::route::{OldestKept, Router};

/// What findings on the cluster are about.
const CLUSTER: &str = "cluster";
/// The right without which a cluster does not say what it is.
const KNOW: &str = "cluster:monitor/main";
/// A service that has not answered in this time is not there.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of a request to the cluster: somebody is waiting, and there are many of them.
const REQUEST: Duration = Duration::from_secs(10);
/// Reading the stream must leave time to look at the rest.
const READING: Duration = Duration::from_secs(90);
/// A check takes no longer, whatever hangs; the time to see who is alive in the group comes on top.
const LIMIT: Duration = Duration::from_secs(180);

/// What is known of the stream.
struct Read {
    kinesis: Kinesis,
    stream: Stream,
    shards: Vec<Shard>,
    records: Records,
}

/// What the sample became.
#[derive(Default)]
struct Decoded {
    sample: Sample,
    ops: Vec<BulkOp>,
}

/// Looks at everything, says what it found, and ends with 69 when a run would not work.
pub async fn run(options: CheckOptions) -> Result<(), Failure> {
    let CheckOptions { mut run, sample: wanted, write, show_events, json } = options;
    run.cluster.timeout = run.cluster.timeout.min(REQUEST);
    let mut found = Found::new(!json, LIMIT + run.lease_timeout);
    let until = found.until().min(Instant::now() + READING);
    let read = timeout_at(until, read(&run, wanted, &mut found)).await.unwrap_or_else(|_| {
        found.late("kinesis", "the rest of the stream");
        None
    });
    let Decoded { mut sample, ops } = match &read {
        Some(read) => decoded(&run, &read.records, show_events)?,
        None => Decoded::default(),
    };
    if read.is_some() {
        found.extend(sample.findings(wanted));
    }
    let client = connect::client(&run.cluster).await?;
    let product = reach(&run, &mut found).await;
    let mut ground = None;
    if let Some(product) = product {
        let until = found.until();
        let asked = found.within(CLUSTER, "indices that are there", existing(&client, &run)).await;
        let existing = asked.unwrap_or_default();
        found.extend(rights::find(&client, product, &run, &existing, until).await);
        if let Some(templates) = found.within("templates", "templates", cluster::templates(&client, &run)).await {
            found.extend(templates.findings);
            let (wanted, in_place) = (templates.wanted, templates.in_place);
            let chance = clock::chance();
            ground = Some(trial::Ground { client: &client, run: &run, wanted, in_place, chance, until });
        }
        let families = families(&ops);
        let room = cluster::room(&client, product, &run, &families, &existing);
        let room = found.within(CLUSTER, "room, disks and clock", room).await;
        found.extend(room.unwrap_or_default());
    }
    // Where positions are in the cluster, and that does not answer, all is said.
    if product.is_some() || !matches!(run.state, StateOptions::Index(_)) {
        let positions = positions(&client, &run, read.as_ref(), write);
        let positions = found.within("state", "positions", positions).await;
        found.extend(positions.unwrap_or_default());
    }
    let letters = found.within("dead letters", "their store", letters::look(&run, write)).await;
    found.extend(letters.unwrap_or_default());
    // Last, because from then on a signal only ends the trial.
    let mut interrupted = false;
    if let Some(ground) = ground.filter(|_| write && !ops.is_empty()) {
        let outcome = trial::run(&ground, &ops, &mut sample).await;
        found.extend(outcome.findings);
        if outcome.late {
            found.late("trial", "documents of the sample");
        }
        interrupted = outcome.interrupted;
    }
    let stream = read.as_ref().map(|read| &read.stream);
    let arn = stream.map(|stream| stream.arn.clone()).or_else(|| run.stream.stream.arn.clone());
    let arn = arn.unwrap_or_else(|| unknown_arn(&run.stream));
    let aws = Aws { arn: &arn, key: stream.and_then(|stream| stream.key.as_deref()) };
    let policies = Policies::of(&run, aws, product.map(|product| product.distribution));
    let report = Report::new(found.findings, sample, policies);
    match json {
        true => print_json(&report)?,
        // The findings have been shown as they came.
        false => print_lines([report.rest().to_string().trim_end().to_owned()])?,
    }
    ended(&report, interrupted)
}

fn ended(report: &Report, interrupted: bool) -> Result<(), Failure> {
    match (interrupted, report.works) {
        (true, _) => {
            Err(Failure::unfinished(anyhow!("interrupted: what was made has been removed, and not all was looked at")))
        }
        (false, true) => Ok(()),
        (false, false) => {
            let n = report.count(Level::Problem);
            Err(Failure::unavailable(anyhow!("a run would not work: {n} problems, each with its cure above")))
        }
    }
}

/// The store of positions, and what it still owes.
async fn positions(client: &Client, run: &RunOptions, read: Option<&Read>, write: bool) -> Vec<Finding> {
    let arn = read.map(|read| read.stream.arn.as_str()).or(run.stream.stream.arn.as_deref());
    let state = state::look(client, run, arn, write).await;
    let mut found = state.findings;
    // Anew, in this order: a shard that was read to its end in between is no false alarm.
    let shards = match read {
        Some(Read { kinesis, stream, shards, .. }) => kinesis.shards(stream).await.unwrap_or_else(|_| shards.clone()),
        None => Vec::new(),
    };
    found.extend(state::positions(&state.rows, &shards, &run.stream.group));
    if let Some(Read { kinesis, stream, .. }) = read {
        let unread: Vec<_> = unread::of(kinesis, stream, &state.rows, &shards).await.into_iter().collect();
        found.extend(reading::backlog(stream.retention, &unread));
    }
    found
}

/// As far as the options tell it.
fn unknown_arn(options: &StreamOptions) -> String {
    let region = options.region.as_deref().unwrap_or("REGION");
    format!("arn:aws:kinesis:{region}:ACCOUNT:stream/{}", options.stream.name)
}

/// The stream with its shards and a sample.
async fn read(run: &RunOptions, wanted: u32, found: &mut Found) -> Option<Read> {
    const ABOUT: &str = "kinesis";
    let StreamOptions { stream, region, endpoint_url, .. } = &run.stream;
    let opened = timeout(PATIENCE, open_stream(stream, region.as_deref(), endpoint_url.as_deref())).await;
    let (kinesis, stream) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => {
            found.extend(reading::opened(&error));
            return None;
        }
        Err(_) => {
            let what = format!("kinesis does not answer within {} s", PATIENCE.as_secs());
            found.push(Finding::problem(ABOUT, what, "check the network, --aws-region and --kinesis-endpoint-url"));
            return None;
        }
    };
    found.push(Finding::ok(ABOUT, format!("stream {} is there; kinesis:DescribeStreamSummary: granted", stream.arn)));
    let shards = match kinesis.shards(&stream).await {
        Ok(shards) => shards,
        Err(error) => {
            found.extend(reading::opened(&error));
            return None;
        }
    };
    found.push(Finding::ok(ABOUT, format!("{} shards; kinesis:ListShards: granted", shards.len())));
    let (records, findings) = reading::sample(&kinesis, &stream, &shards, wanted).await;
    found.extend(findings);
    found.extend(aws_clock(endpoint_url.clone(), kinesis.region()).await);
    Some(Read { kinesis, stream, shards, records })
}

/// The clock of AWS, by the date of an answer to nobody.
async fn aws_clock(endpoint: Option<String>, region: &str) -> Option<Finding> {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url =
        endpoint.or_else(|| connect::endpoint_of("KINESIS")).unwrap_or(format!("https://kinesis.{region}.{suffix}"));
    let mut connection = Connection::to(url);
    (connection.timeout, connection.connect_timeout) = (Duration::from_secs(5), Duration::from_secs(5));
    let date = Client::new(connection).ok()?.date().await?;
    let theirs = chrono::DateTime::parse_from_rfc2822(&date).ok()?.timestamp_millis();
    Some(limits::clock("kinesis", "AWS", theirs, clock::now().0))
}

/// Every record as a run would decode it.
fn decoded(run: &RunOptions, records: &Records, show_events: bool) -> Result<Decoded, Failure> {
    let oldest_kept = OldestKept::default();
    if let Some(retention) = &run.retention {
        oldest_kept.set(clock::now().day().minus(retention.keep.days()));
    }
    let mut unwrapper = Unwrapper::new(rules(&run.events));
    let mut router = Router::new(run.names.families.clone(), oldest_kept);
    let mut decoded = Decoded::default();
    let shards: BTreeSet<_> = records.iter().map(|(shard, _)| shard).collect();
    decoded.sample.shards = shards.len();
    for (serial, (shard, record)) in (0..).zip(records) {
        let source = RecordRef {
            origin: Origin { slot: 0, serial },
            shard: shard.clone(),
            sequence: Arc::new(record.sequence.clone()),
            sub_sequence: None,
            arrived: record.arrived,
            wrapped: None,
        };
        let draft: Draft = decode::record(&mut unwrapper, &mut router, &record.data, source);
        decoded.sample.add(&draft, show_events);
        decoded.ops.extend(draft.ops);
    }
    Ok(decoded)
}

/// What kind of server answers, if any does.
async fn reach(run: &RunOptions, found: &mut Found) -> Option<Product> {
    match connect::cluster(&run.cluster).await {
        Ok((_, product)) => {
            found.push(Finding::ok(CLUSTER, format!("{product} answers at {}", run.cluster.urls.join(", "))));
            Some(product)
        }
        Err(failure) => {
            let said = failure.to_string();
            found.push(match said.contains(KNOW) {
                true => {
                    let name = format!("cluster privilege monitor (OpenSearch: {KNOW})");
                    permission(CLUSTER, &name, "know the cluster", Tried::Denied(said))
                }
                false => Finding::problem(CLUSTER, said, "check --opensearch-url and the credentials"),
            });
            None
        }
    }
}

/// Indices that are there already: those of days, and that of positions.
async fn existing(client: &Client, run: &RunOptions) -> Vec<Arc<str>> {
    let mut existing = stores::existing_indices(client, &run.names.families).await;
    if let StateOptions::Index(index) = &run.state {
        let there = client.get(&format!("/{index}/_mapping")).await.is_ok_and(|answer| answer.is_success());
        existing.extend(there.then(|| Arc::from(index.as_str())));
    }
    existing
}

fn families(ops: &[BulkOp]) -> Vec<Family> {
    ops.iter().map(|op| op.family).collect::<BTreeSet<_>>().into_iter().collect()
}
