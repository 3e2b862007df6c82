//! `essink status`: positions, owners, lag and dead letters on one screen, whatever else does not answer.

pub(super) mod disk;
mod letters;
mod pages;
mod report;
pub(super) mod signs;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::{Instant, sleep, timeout};

use self::pages::{Fetched, Page};
use self::report::{Facts, Report, Unknown};
use self::signs::Signs;
use super::clock;
use super::connect;
use super::exit::Failure;
use super::leases::unread;
use super::stores::{self, Table, Whose};
use super::worker::open_stream;
use crate::config::{StateOptions, StatusOptions};
use crate::kinesis::client::{Kinesis, Stream};
use crate::lease::cluster::{ClusterOptions, ClusterTable};
use crate::lease::dynamo::Own;
use crate::lease::file::FileTable;
use crate::lease::table::{LeaseTable, Row};
use crate::opensearch::client::Client;
use crate::pipeline::ports::StoreError;
use crate::pipeline::position::Position;

/// Whatever does not answer in this time is said to be unknown: somebody is waiting for the screen.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at the table while it is not known who is alive.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Owners renew every third of the time after which they count as dead: in two thirds a living one moves its row.
const STILL: (u32, u32) = (2, 3);
/// Clears the terminal and goes to its upper left corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// What is kept from look to look.
struct Scene {
    options: StatusOptions,
    client: Client,
    kinesis: Option<(Kinesis, Stream)>,
    signs: Signs,
}

/// Looks once, or again and again.
pub async fn run(mut options: StatusOptions) -> Result<(), Failure> {
    options.cluster.timeout = options.cluster.timeout.min(PATIENCE);
    // Nothing is sent: the cluster may be away.
    let client = connect::client(&options.cluster).await?;
    let mut scene = Scene { options, client, kinesis: None, signs: Signs::default() };
    let Some(every) = scene.options.watch else {
        let report = scene.look().await?;
        return show(&scene.text(&report)?).map(drop);
    };
    let clear = if io::stdout().is_terminal() && !scene.options.json { CLEAR } else { "" };
    let mut seen_once = false;
    loop {
        let began = Instant::now();
        let text = match scene.look().await {
            Ok(report) => scene.text(&report)?,
            // The store may be back at the next look; one that never answered is another matter.
            Err(failure) if seen_once && !scene.options.json => format!("{failure}\n"),
            Err(failure) if seen_once => format!("{}\n", serde_json::json!({"error": failure.to_string()})),
            Err(failure) => return Err(failure),
        };
        seen_once = true;
        if !show(&format!("{clear}{text}"))? {
            return Ok(());
        }
        sleep(every.saturating_sub(began.elapsed())).await;
    }
}

/// To standard output; false when nobody reads it any more.
fn show(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        other => other.map(|()| true).map_err(Failure::bug),
    }
}

impl Scene {
    fn text(&self, report: &Report) -> Result<String, Failure> {
        Ok(match (self.options.json, self.options.watch) {
            (false, _) => report.to_string(),
            (true, None) => serde_json::to_string_pretty(report).map_err(Failure::bug)? + "\n",
            (true, Some(_)) => serde_json::to_string(report).map_err(Failure::bug)? + "\n",
        })
    }

    async fn look(&mut self) -> Result<Report, Failure> {
        let mut unknown = Vec::new();
        let options = self.options.clone();
        let client = &self.client;
        let side = async {
            tokio::join!(pages::fetch(&options), letters::tally(&options, client), disk::read(&options, client))
        };
        let positions = positions(&options, &self.client, &mut self.kinesis, &mut self.signs, &mut unknown);
        let (positions, (Fetched { pages, troubles, warnings }, tally, disk)) = tokio::join!(positions, side);
        let (arn, rows) = positions?;
        let tally = tally.map_err(|why| unknown.push(Unknown { what: "dead letters", why })).ok();
        let disk = disk.map_err(|why| unknown.push(Unknown { what: "days on disk", why })).ok();
        unknown.extend(troubles.into_iter().map(|why| Unknown { what: "a worker's page", why }));
        let (pages, strangers) = ours(pages, arn.as_deref(), &options.group);
        unknown.extend(strangers);
        let (listed, unread) = self.lag(&rows, &pages, &mut unknown).await;
        let now = Instant::now();
        let alive = |row: &Row| Some((row.shard.clone(), self.signs.alive(&row.shard, still(&options), now)?));
        let facts = Facts {
            at: clock::now().0,
            stream: options.stream.name.clone(),
            arn,
            group: options.group.clone(),
            state: place(&options.state),
            alive: rows.iter().filter_map(alive).collect(),
            rows,
            listed,
            unread,
            pages,
            letters: (letters::place(&options), tally),
            disk,
            unknown,
            warnings,
        };
        Ok(Report::new(facts))
    }

    /// The stream's shards, and how far those are behind that no page speaks for.
    async fn lag(
        &self,
        rows: &[Row],
        pages: &[Page],
        unknown: &mut Vec<Unknown>,
    ) -> (Option<Vec<crate::kinesis::lineage::Shard>>, BTreeMap<crate::pipeline::position::ShardId, unread::Unread>)
    {
        let Some((kinesis, stream)) = &self.kinesis else { return (None, BTreeMap::new()) };
        let mut what = |what, why: String| unknown.push(Unknown { what, why });
        let listed = match timeout(PATIENCE, kinesis.shards(stream)).await {
            Ok(Ok(listed)) => listed,
            Ok(Err(error)) => {
                what("shards of the stream", error.to_string());
                return (None, BTreeMap::new());
            }
            Err(_) => {
                what("shards of the stream", too_slow("kinesis"));
                return (None, BTreeMap::new());
            }
        };
        let spoken_for = |row: &Row| {
            let page = pages.iter().find(|page| Some(&page.worker) == row.owner.as_ref());
            page.and_then(|page| page.shards.get(&*row.shard.0)).is_some_and(|lag| lag.behind_ms.is_some())
        };
        let asked: Vec<Row> = rows.iter().filter(|row| !spoken_for(row)).cloned().collect();
        let unread = timeout(PATIENCE, unread::of(kinesis, stream, &asked, &listed)).await;
        let unread = unread.unwrap_or_else(|_| {
            what("lag of some shards", too_slow("kinesis"));
            BTreeMap::new()
        });
        (Some(listed), unread)
    }
}

/// Pages of workers of this group on this stream, and those that were named and are not.
fn ours(pages: Vec<Page>, arn: Option<&str>, group: &str) -> (Vec<Page>, Vec<Unknown>) {
    let is_ours = |page: &Page| Some(page.reads.0.as_str()) == arn && page.reads.1 == group;
    let (ours, others): (Vec<Page>, Vec<Page>) = pages.into_iter().partition(is_ours);
    let say = |Page { url, reads: (stream, group), .. }: Page| Unknown {
        what: "a worker's page",
        why: format!("{url} is of a worker of group {group} on {stream}"),
    };
    (ours, others.into_iter().filter(|page| page.named).map(say).collect())
}

fn too_slow(who: &str) -> String {
    format!("{who} has not answered within {} s", PATIENCE.as_secs())
}

fn still(options: &StatusOptions) -> Duration {
    options.lease_timeout * STILL.0 / STILL.1 + LOOK_EVERY
}

/// The ARN, and the rows of the table, looked at until it is known who is alive.
async fn positions(
    options: &StatusOptions,
    client: &Client,
    kinesis: &mut Option<(Kinesis, Stream)>,
    signs: &mut Signs,
    unknown: &mut Vec<Unknown>,
) -> Result<(Option<String>, Vec<Row>), Failure> {
    if kinesis.is_none() {
        let StatusOptions { stream, region, endpoint_url, .. } = options;
        match timeout(PATIENCE, open_stream(stream, region.as_deref(), endpoint_url.as_deref())).await {
            Ok(Ok(opened)) => *kinesis = Some(opened),
            Ok(Err(error)) => unknown.push(Unknown { what: "state and lag of the shards", why: error.to_string() }),
            Err(_) => unknown.push(Unknown { what: "state and lag of the shards", why: too_slow("kinesis") }),
        }
    }
    let known = kinesis.as_ref().map(|(_, stream)| stream.arn.clone()).or_else(|| options.stream.arn.clone());
    let arn = match known {
        Some(arn) => Some(arn),
        None => remembered(options, client).await?,
    };
    let Some(arn) = arn else { return Ok((None, Vec::new())) };
    let whose = Whose { stream: arn.clone(), group: options.group.clone(), begin: Position::TrimHorizon };
    let patience = still(options);
    loop {
        // Opened anew: a file that is only looked at is read when it is opened.
        let table = stores::table_to_look_at(&options.state, &whose, client).await?;
        let rows = bounded(table_rows(&table), options).await?;
        let now = Instant::now();
        signs.look(&rows, now);
        if !signs.open(patience, now) {
            return Ok((Some(arn), rows));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn table_rows(table: &Table) -> Result<Vec<Row>, StoreError> {
    table.list().await
}

/// The ARN of the one stream of this name that the store has positions of.
async fn remembered(options: &StatusOptions, client: &Client) -> Result<Option<String>, Failure> {
    let group = options.group.clone();
    let streams = async {
        match &options.state {
            StateOptions::File(path) => Ok(FileTable::whose(path)?.into_iter().map(|(stream, _)| stream).collect()),
            StateOptions::Index(index) => {
                let whose = ClusterOptions { index: index.clone(), stream: String::new(), group };
                ClusterTable::new(client.clone(), whose).streams().await
            }
            StateOptions::Table(place) => {
                let own = Own { stream: String::new(), group, begin: Position::TrimHorizon };
                stores::dynamo(place, own).await.streams().await
            }
        }
    };
    let mut streams: Vec<String> = bounded(streams, options).await?;
    let end = format!(":stream/{}", options.stream.name);
    streams.retain(|arn| arn.ends_with(&end));
    match streams.len() {
        0 | 1 => Ok(streams.pop()),
        n => Err(Failure::usage(anyhow!(
            "kinesis does not say which stream {} is, and there are positions of {n} streams of that name: give its ARN with --stream",
            options.stream.name
        ))),
    }
}

/// The one thing that must answer.
async fn bounded<T>(asked: impl Future<Output = Result<T, StoreError>>, options: &StatusOptions) -> Result<T, Failure> {
    let place = place(&options.state);
    match timeout(PATIENCE, asked).await {
        Ok(answer) => {
            answer.map_err(|error| Failure::unavailable(error).during(format!("positions in {place} cannot be read")))
        }
        Err(_) => Err(Failure::unavailable(anyhow!("positions cannot be read: {}", too_slow(&place)))),
    }
}

/// What the store of positions is called.
fn place(state: &StateOptions) -> String {
    match state {
        StateOptions::Index(index) => index.clone(),
        StateOptions::File(path) => format!("file:{}", path.display()),
        StateOptions::Table(table) => format!("dynamodb:{}", table.name),
    }
}
