//! One round: input flows while workers, the node, the disk and the network misbehave.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use testkit::events::{Event, Events, Plan};
use testkit::kinesis::{Kinesis, Options};
use testkit::proxy::{FaultProxy, Mishap, Mix};
use testkit::search::Server;
use tokio::process::Child;

use crate::oracle;
use crate::support::*;

const STREAM: &str = "chaos";
const SHARDS: usize = 6;
const WORKERS: usize = 3;
/// Pieces the input comes in; after each something happens.
const PIECES: usize = 24;

/// What happens to the round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    KillWorker,
    StopWorker,
    Split,
    Merge,
    CrashNode,
    FullDisk,
    Rest,
}

/// At least these; their order is the seed's.
const BLOWS: [(Blow, usize); 7] = [
    (Blow::KillWorker, 6),
    (Blow::StopWorker, 2),
    (Blow::Split, 3),
    (Blow::Merge, 3),
    (Blow::CrashNode, 2),
    (Blow::FullDisk, 1),
    (Blow::Rest, PIECES - 17),
];

fn mix() -> Mix {
    vec![
        (Mishap::Reset, 3),
        (Mishap::LoseAnswer, 3),
        (Mishap::HalfAnswer, 2),
        (Mishap::Status(503), 3),
        (Mishap::Status(429), 3),
        (Mishap::Delay, 5),
    ]
}

struct Round<'a> {
    search: &'a Server,
    kinesis: Kinesis,
    chance: fastrand::Rng,
    /// In front of the search server and of Kinesis.
    proxies: [FaultProxy; 2],
    workers: Vec<(Child, PathBuf)>,
    logs: tempfile::TempDir,
    n_started: usize,
}

/// Runs a round to its end; gives what it did.
pub async fn run(search: &Server, seed: u64, n_events: usize) -> String {
    let began = Instant::now();
    // A reshard takes its time, as it does on AWS: workers die while it is under way.
    let kinesis = Kinesis::start_with(Options { update_ms: 300, ..Options::default() }).await.expect("Kinesis");
    kinesis.client().create_stream(STREAM, SHARDS).await.expect("stream");
    let day = |text: &str| text.parse().expect("a date");
    let plan = Plan { enriched: false, ..Plan::days(seed, n_events, day("2026-11-01")..day("2026-11-04")) };
    let events: Vec<Event> = Events::new(plan).collect();
    let proxy = |url: &str, n: u64| FaultProxy::start(url, seed * 2 + n, mix()).expect("a proxy");
    let proxies = [proxy(search.url(), 0), proxy(&kinesis.url(), 1)];
    let chance = fastrand::Rng::with_seed(seed);
    let logs = tempfile::tempdir().expect("a directory");
    let mut round = Round { search, kinesis, chance, proxies, workers: Vec::new(), logs, n_started: 0 };
    (0..WORKERS).for_each(|_| round.start_worker());
    let mut blows: Vec<Blow> = BLOWS.iter().flat_map(|(blow, n)| std::iter::repeat_n(*blow, *n)).collect();
    round.chance.shuffle(&mut blows);
    for (piece, blow) in events.chunks(n_events.div_ceil(PIECES)).zip(&blows) {
        let records: Vec<_> = piece.iter().map(|event| (event.partition_key.clone(), event.record())).collect();
        round.kinesis.client().put_records(STREAM, &records).await.expect("put");
        round.strike(*blow).await;
    }
    round.end().await;
    let expected = oracle::expected(&events);
    assert_eq!(expected.len(), n_events, "the generator makes each event once");
    oracle::compare(&expected, &oracle::found(search).await, &round.last_words());
    round.told(&blows, n_events, began.elapsed())
}

impl Round<'_> {
    fn start_worker(&mut self) {
        self.n_started += 1;
        let log = self.logs.path().join(format!("{}.log", self.n_started));
        let [search, kinesis] = [self.proxies[0].url(), self.proxies[1].url()];
        let mut args = run_args(&kinesis, &search, STREAM);
        args.extend(["--lease-timeout", "3s", "--checkpoint-interval", "500ms", "--flush-count", "400"]);
        args.extend(["--opensearch-timeout", "20s"]);
        self.workers.push((start(&args, &log), log));
    }

    async fn strike(&mut self, blow: Blow) {
        self.tend_workers();
        match blow {
            Blow::KillWorker => {
                let (mut worker, _) = self.any_worker();
                worker.kill().await.expect("killed");
                self.start_worker();
            }
            Blow::StopWorker => {
                let (worker, _) = self.any_worker();
                let code = terminate(worker).await;
                // It may be told to stop while the cluster is away: then it says that it is not done.
                assert!(matches!(code, Some(0 | 75)), "{code:?}: {}", self.last_words());
                self.start_worker();
            }
            Blow::Split | Blow::Merge => self.reshard(blow == Blow::Split).await,
            Blow::CrashNode => self.search.crash().await.expect("crashed"),
            Blow::FullDisk => self.fill_the_disk().await,
            Blow::Rest => {}
        }
        let pause = self.chance.u64(100..900);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        self.tend_workers();
    }

    /// Does what an orchestrator does: starts a worker anew that could not start because the cluster was away. One that
    /// had begun its work and ended by itself is a failure, whatever else comes out right.
    fn tend_workers(&mut self) {
        let mut ended = 0;
        self.workers.retain_mut(|(worker, log)| {
            let Some(status) = worker.try_wait().expect("can be asked") else { return true };
            let said = std::fs::read_to_string(log).unwrap_or_default();
            assert!(status.code() == Some(69) && !said.contains("lease.worker"), "{status}: {said}");
            ended += 1;
            false
        });
        (0..ended).for_each(|_| self.start_worker());
    }

    fn any_worker(&mut self) -> (Child, PathBuf) {
        let at = self.chance.usize(..self.workers.len());
        self.workers.remove(at)
    }

    /// Splits the widest open shard, or merges the two neighbours that are narrowest together.
    async fn reshard(&self, split: bool) {
        let client = self.kinesis.client();
        client.until_active(STREAM).await.expect("active");
        let mut open: Vec<_> = client.list_shards(STREAM).await.expect("shards");
        open.retain(|shard| shard.open);
        open.sort_by_key(|shard| shard.hash_keys.0);
        if split {
            let widest = open.iter().max_by_key(|shard| shard.hash_keys.1 - shard.hash_keys.0).expect("a shard");
            client.split_shard(STREAM, &widest.id).await.expect("split");
        } else {
            let pairs = open.windows(2).min_by_key(|pair| pair[1].hash_keys.1 - pair[0].hash_keys.0);
            let pair = pairs.expect("two shards");
            client.merge_shards(STREAM, &pair[0].id, &pair[1].id).await.expect("merge");
        }
    }

    /// Real watermarks: the node finds its disk past the flood stage and blocks its indices, until there is room again.
    async fn fill_the_disk(&mut self) {
        // A block stands on indices that are there.
        self.until("an index is there", async |search| {
            let indices = search.get("/_cat/indices/pinpoint-*?format=json").await;
            indices.is_ok_and(|list| list.as_array().is_some_and(|list| !list.is_empty()))
        })
        .await;
        self.set_watermarks(["900tb"; 3]).await;
        self.until("the disk's block stands", blocked).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        // Room in bytes and not the usual shares: the tester's own disk may be nearly full.
        self.set_watermarks(["3b", "2b", "1b"]).await;
        self.until("the disk's block is lifted", async |search| !blocked(search).await).await;
    }

    /// Free bytes below which the node takes no more shards, moves shards away, and blocks its indices.
    async fn set_watermarks(&self, [low, high, flood]: [&str; 3]) {
        let mark = |(name, value)| (format!("cluster.routing.allocation.disk.watermark.{name}"), json!(value));
        let mut marks: serde_json::Map<_, _> =
            [("low", low), ("high", high), ("flood_stage", flood)].map(mark).into_iter().collect();
        // The test nodes start without it, so that a nearly full disk of the tester does not block them.
        marks.insert("cluster.routing.allocation.disk.threshold_enabled".into(), json!(true));
        let body = json!({"transient": marks});
        self.search.send(Method::PUT, "/_cluster/settings", &body).await.expect("set");
    }

    async fn until(&mut self, what: &str, done: impl AsyncFn(&Server) -> bool) {
        let began = Instant::now();
        while !done(self.search).await {
            assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}; {}", self.last_words());
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.tend_workers();
        }
    }

    /// Nothing is in the way any more; the workers stop, and one run reads what is left.
    async fn end(&mut self) {
        self.proxies.iter().for_each(|proxy| proxy.set(Vec::new()));
        self.until("the node is back", async |search| search.get("/_cluster/health").await.is_ok()).await;
        self.tend_workers();
        for (worker, log) in std::mem::take(&mut self.workers) {
            let code = terminate(worker).await;
            assert_eq!(code, Some(0), "{}", std::fs::read_to_string(log).unwrap_or_default());
        }
        catch_up(&self.kinesis, self.search, STREAM, &[]).await.expect(0, &[]);
    }

    fn last_words(&self) -> String {
        let logs = std::fs::read_dir(self.logs.path()).into_iter().flatten().flatten();
        let mut said = String::new();
        for log in logs {
            let text = std::fs::read_to_string(log.path()).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(15).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            said.push_str(&format!("\n{}:\n{}", log.path().display(), tail.join("\n")));
        }
        said
    }

    fn told(&self, blows: &[Blow], n_events: usize, took: Duration) -> String {
        let mut counts: BTreeMap<Blow, usize> = BTreeMap::new();
        blows.iter().for_each(|blow| *counts.entry(*blow).or_default() += 1);
        let met = self.proxies.each_ref().map(FaultProxy::met);
        format!(
            "{n_events} events each once, {} workers, {counts:?}, in front of the cluster {:?}, of Kinesis {:?}, {:.0} s",
            self.n_started,
            met[0],
            met[1],
            took.as_secs_f64()
        )
    }
}

async fn blocked(search: &Server) -> bool {
    let path = "/pinpoint-*/_settings/index.blocks.read_only_allow_delete";
    let Ok(settings) = search.get(path).await else { return false };
    settings.to_string().contains("\"true\"")
}
