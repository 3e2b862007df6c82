//! Reading a real Kinesis API: reshards, expired iterators, times.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use essink::event::time::Millis;
use essink::kinesis::client::{Access, AccessError, Kinesis, Stream};
use essink::kinesis::lineage::{births, plan};
use essink::kinesis::shard::api::Record;
use essink::kinesis::shard::{Page, ReadEnd, ReadLimits, Reading, Sink, Stopped, Tip, read_shard};
use essink::pipeline::position::{Position, ShardId};
use testkit::kinesis::{Kinesis as Server, Options};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
struct Kept {
    records: Vec<Record>,
    delay: Duration,
}

impl Sink for Kept {
    async fn page(&mut self, page: Page) -> Result<(), Stopped> {
        if !page.records.is_empty() {
            tokio::time::sleep(self.delay).await;
        }
        self.records.extend(page.records);
        Ok(())
    }
}

impl Kept {
    fn texts(&self) -> Vec<String> {
        self.records.iter().map(|r| String::from_utf8(r.data.to_vec()).unwrap()).collect()
    }
}

pub async fn connect(url: &str) -> Kinesis {
    let credentials = SharedCredentialsProvider::new(Credentials::new("any", "any", None, None, "test"));
    let access = Access {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(url.to_owned()),
        credentials: Some(credentials),
        ..Access::default()
    };
    Kinesis::connect(&access).await.unwrap()
}

/// Reads to the tip, `records` at a time.
fn to_the_tip(records: u32) -> Reading {
    Reading {
        limits: ReadLimits { records, ..ReadLimits::default() },
        slots: Arc::new(Semaphore::new(2)),
        stop: CancellationToken::new(),
        until: Some(Tip { started: Millis(i64::MAX), began: Instant::now(), quiet: 3 }),
    }
}

fn put(key: &str, data: &str) -> (String, Vec<u8>) {
    (key.to_owned(), data.as_bytes().to_vec())
}

async fn numbered(server: &Server, stream: &str, numbers: std::ops::Range<usize>) {
    let records: Vec<_> = numbers.map(|n| put(&format!("key-{}", n % 50), &n.to_string())).collect();
    server.client().put_records(stream, &records).await.unwrap();
}

pub async fn open_shards(kinesis: &Kinesis, stream: &Stream) -> Vec<ShardId> {
    kinesis.shards(stream).await.unwrap().into_iter().filter(|s| !s.closed).map(|s| s.id).collect()
}

/// Reads every shard as its turn comes; a shard that has ended settles at once.
pub async fn read_stream(kinesis: &Kinesis, stream: &Stream) -> Vec<(ShardId, Vec<Record>)> {
    let shards = kinesis.shards(stream).await.unwrap();
    let mut known: BTreeMap<_, _> = births(&shards, &BTreeMap::new(), &Position::TrimHorizon).into_iter().collect();
    let (mut read, mut at_tip) = (Vec::new(), Vec::new());
    loop {
        let next = plan(&shards, &known).ready.into_iter().find(|(id, _)| !at_tip.contains(id));
        let Some((shard, from)) = next else { return read };
        let mut kept = Kept::default();
        let end = read_shard(&kinesis.reader(stream), &shard, from, &mut kept, &to_the_tip(100)).await.unwrap();
        match end {
            ReadEnd::Ended => drop(known.insert(shard.clone(), Position::End)),
            ReadEnd::CaughtUp => at_tip.push(shard.clone()),
            ReadEnd::Stopped => panic!("nobody stopped it"),
        }
        read.push((shard, kept.records));
    }
}

#[tokio::test]
async fn a_stream_that_was_split_and_merged_is_read_whole_and_each_key_in_order() {
    let server = Server::start().await.unwrap();
    server.client().create_stream("events", 2).await.unwrap();
    let kinesis = connect(&server.url()).await;
    let stream = kinesis.stream("events").await.unwrap();
    numbered(&server, "events", 0..1000).await;
    let first = open_shards(&kinesis, &stream).await;
    server.client().split_shard("events", &first[0].0).await.unwrap();
    numbered(&server, "events", 1000..2000).await;
    let open = open_shards(&kinesis, &stream).await;
    // The second first-born shard and the child beside it.
    let beside = open.iter().filter(|id| **id != first[1]).max().unwrap();
    server.client().merge_shards("events", &beside.0, &first[1].0).await.unwrap();
    numbered(&server, "events", 2000..3000).await;

    let shards = kinesis.shards(&stream).await.unwrap();
    let n_parents: Vec<usize> = shards.iter().map(|s| s.parents.len()).collect();
    assert_eq!(n_parents, [0, 0, 1, 1, 2], "two first shards, two of a split, one of a merge");
    assert_eq!(shards.iter().filter(|s| s.closed).count(), 3);

    let mut by_key: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (_, records) in read_stream(&kinesis, &stream).await {
        for record in records {
            let n: usize = std::str::from_utf8(&record.data).unwrap().parse().unwrap();
            by_key.entry(n % 50).or_default().push(n);
        }
    }
    assert_eq!(by_key.values().map(Vec::len).sum::<usize>(), 3000);
    for (key, numbers) in by_key {
        let expected: Vec<usize> = (0..3000).filter(|n| n % 50 == key).collect();
        assert_eq!(numbers, expected, "key {key}: each once, in its order, over all reshards");
    }
}

#[tokio::test]
async fn iterators_that_expire_under_a_slow_sink_lose_and_repeat_nothing() {
    let server = Server::start_with(Options { iterator_ttl_s: 1, ..Options::default() }).await.unwrap();
    server.client().create_stream("events", 1).await.unwrap();
    numbered(&server, "events", 0..25).await;
    let kinesis = connect(&server.url()).await;
    let stream = kinesis.stream("events").await.unwrap();
    let shard = open_shards(&kinesis, &stream).await.remove(0);
    let mut kept = Kept { delay: Duration::from_millis(2100), ..Kept::default() };
    let (api, reading) = (kinesis.reader(&stream), to_the_tip(10));
    let end = read_shard(&api, &shard, Position::TrimHorizon, &mut kept, &reading).await;
    assert_eq!(end, Ok(ReadEnd::CaughtUp));
    assert_eq!(kept.texts(), (0..25).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn reading_goes_on_after_a_record_or_from_a_time_even_one_slightly_ahead() {
    let server = Server::start().await.unwrap();
    server.client().create_stream("events", 1).await.unwrap();
    server.client().put_records("events", &[put("k", "old"), put("k", "")]).await.unwrap();
    let kinesis = connect(&server.url()).await;
    let stream = kinesis.stream("events").await.unwrap();
    let shard = open_shards(&kinesis, &stream).await.remove(0);
    let api = kinesis.reader(&stream);
    let read = async |from: Position| {
        let mut kept = Kept::default();
        // Quiet for four seconds, so that what is put while it waits is before the tip.
        let reading = Reading {
            until: Some(Tip { started: Millis(i64::MAX), began: Instant::now(), quiet: 20 }),
            ..to_the_tip(100)
        };
        read_shard(&api, &shard, from, &mut kept, &reading).await.unwrap();
        kept
    };
    let all = read(Position::TrimHorizon).await;
    assert_eq!(all.texts(), ["old", ""], "an empty record is a record");
    assert_eq!(read(Position::After(all.records[0].sequence.clone())).await.texts(), [""]);

    // `latest` is stored as a time; the host's clock may be ahead of the service's.
    let ahead = Millis(all.records[1].arrived.0 + 3_000);
    let (late, ()) = tokio::join!(read(Position::At(ahead)), async {
        tokio::time::sleep(Duration::from_millis(3_200)).await;
        numbered(&server, "events", 7..8).await;
    });
    assert_eq!(late.texts(), ["7"]);
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_named_with_the_cure() {
    let server = Server::start().await.unwrap();
    let error = connect(&server.url()).await.stream("nowhere").await.unwrap_err();
    assert!(matches!(error, AccessError::UnknownStream { .. }), "{error:?}");
}

#[tokio::test]
async fn a_stream_given_by_its_arn_is_read_where_only_names_are_known() {
    let server = Server::start().await.unwrap();
    server.client().create_stream("events", 1).await.unwrap();
    numbered(&server, "events", 0..3).await;
    let kinesis = connect(&server.url()).await;
    let by_name = kinesis.stream("events").await.unwrap();
    let stream = kinesis.stream(&by_name.arn).await.unwrap();
    let read = read_stream(&kinesis, &stream).await;
    assert_eq!(read.iter().map(|(_, records)| records.len()).sum::<usize>(), 3);
}
