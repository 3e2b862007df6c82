//! The producer against a real Kinesis API: what it has answered for is in the stream, and can be read.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use essink::event::aggregate::{Aggregate, open};
use essink::kinesis::client::{AccessError, Stream};
use essink::kinesis::put::{Item, Producer, PutError, Settings};
use serde_json::json;
use testkit::kinesis::{Kinesis as Server, Options};
use testkit::proxy::{FaultProxy, Mishap};

use crate::reading::{connect, open_shards, read_stream};

const MINUTE: Duration = Duration::from_secs(60);
const SETTINGS: Settings = Settings { memory: 64 << 20, seed: 3 };

async fn producer(url: &str) -> (Producer, Stream) {
    let kinesis = connect(url).await;
    let stream = kinesis.stream("events").await.unwrap();
    (Producer::open(&kinesis, &stream, SETTINGS).await.unwrap(), stream)
}

fn event(n: usize, size: usize) -> Item {
    let data = format!("{{\"n\":{n},\"fill\":{:?}}}", "x".repeat(size));
    Item { key: format!("key-{}", n / 3), data: data.into() }
}

/// How many records the stream has, and how often each event is in it, as essink reads it.
async fn read(server: &Server, stream: &Stream) -> (usize, BTreeMap<Bytes, usize>) {
    let (mut n_records, mut events) = (0, BTreeMap::new());
    for (_, records) in read_stream(&connect(&server.url()).await, stream).await {
        n_records += records.len();
        for record in records {
            let unpacked = match open(&record.data, 100_000) {
                Aggregate::Plain => vec![record.data],
                Aggregate::Records(events) => events,
                Aggregate::Bad(why) => panic!("{why}"),
            };
            unpacked.into_iter().for_each(|event| *events.entry(event).or_default() += 1);
        }
    }
    (n_records, events)
}

fn times(items: &[Item], n: usize) -> BTreeMap<Bytes, usize> {
    items.iter().map(|item| (item.data.clone(), n)).collect()
}

#[tokio::test]
async fn what_was_put_is_read_back_once_each_in_few_records_of_the_right_shards() {
    let server = Server::start().await.unwrap();
    server.client().create_stream("events", 4).await.unwrap();
    let (producer, stream) = producer(&server.url()).await;
    let mut items: Vec<Item> = (0..2_000).map(|n| event(n, 500)).collect();
    items.extend([event(2_000, 300_000), event(2_001, (1 << 20) - 100)]);
    let callers = items.chunks(50).map(|some| {
        let (producer, some) = (producer.clone(), some.to_vec());
        tokio::spawn(async move { producer.put(some, MINUTE).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap().unwrap();
    }
    let (n_records, events) = read(&server, &stream).await;
    assert_eq!(events, times(&items, 1));
    assert!(n_records < 2_000 / 20, "{n_records} records for {} events", items.len());
    assert_eq!(producer.counts().records, n_records as u64);
    // Kinesis put each record where it was meant to be: no look at the shards was needed.
    let kinesis = connect(&server.url()).await;
    for (_, records) in read_stream(&kinesis, &stream).await {
        assert!(!records.is_empty(), "four shards, 667 keys");
    }
}

#[tokio::test]
async fn records_that_a_shard_refuses_are_put_when_it_has_room() {
    let server = Server::start_with(Options { enforce_limits: true, ..Options::default() }).await.unwrap();
    server.client().create_stream("events", 2).await.unwrap();
    let (producer, stream) = producer(&server.url()).await;
    let items: Vec<Item> = (0..7_000).map(|n| event(n, 1_000)).collect();
    producer.put(items.clone(), MINUTE).await.unwrap();
    assert!(producer.counts().again > 0, "7 MB into two shards of 1 MB a second: {:?}", producer.counts());
    assert_eq!(read(&server, &stream).await.1, times(&items, 1));
}

#[tokio::test]
async fn whatever_comes_between_an_answer_is_true() {
    let server = Server::start().await.unwrap();
    server.client().create_stream("events", 3).await.unwrap();
    let mix = vec![
        (Mishap::Status(500), 10),
        (Mishap::Status(503), 10),
        (Mishap::Reset, 10),
        (Mishap::LoseAnswer, 15),
        (Mishap::HalfAnswer, 10),
    ];
    let proxy = FaultProxy::start(&server.url(), 11, Vec::new()).unwrap();
    let (producer, stream) = producer(&proxy.url()).await;
    proxy.set(mix);
    let items: Vec<Item> = (0..3_000).map(|n| event(n, 300)).collect();
    for some in items.chunks(60) {
        producer.put(some.to_vec(), MINUTE).await.unwrap();
    }
    assert!(proxy.met().len() == 5, "{:?}", proxy.met());
    let (_, events) = read(&server, &stream).await;
    assert_eq!(events.keys().collect::<Vec<_>>(), times(&items, 1).keys().collect::<Vec<_>>(), "all, and nothing else");
    assert!(events.values().any(|n| *n > 1), "an answer was lost");
}

#[tokio::test]
async fn a_stream_that_is_resharded_meanwhile_has_every_event_once() {
    let server = Server::start().await.unwrap();
    server.client().create_stream("events", 2).await.unwrap();
    let (producer, stream) = producer(&server.url()).await;
    let kinesis = connect(&server.url()).await;
    let items: Vec<Item> = (0..900).map(|n| event(n, 200)).collect();
    for (round, some) in items.chunks(300).enumerate() {
        producer.put(some.to_vec(), MINUTE).await.unwrap();
        let first = open_shards(&kinesis, &stream).await.remove(0);
        if round < 2 {
            server.client().split_shard("events", &first.0).await.unwrap();
        }
    }
    assert_eq!(read(&server, &stream).await.1, times(&items, 1));
}

#[tokio::test]
async fn a_stream_that_is_not_there_and_one_that_goes_are_said_with_the_cure() {
    let server = Server::start().await.unwrap();
    let kinesis = connect(&server.url()).await;
    assert!(matches!(kinesis.stream("events").await, Err(AccessError::UnknownStream { .. })));
    server.client().create_stream("events", 1).await.unwrap();
    let (producer, _) = producer(&server.url()).await;
    server.client().call("DeleteStream", &json!({"StreamName": "events"})).await.unwrap();
    let error = loop {
        match producer.put(vec![event(0, 10)], MINUTE).await {
            // A stream takes a moment to go.
            Ok(()) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, PutError::Never { why, .. } if why.contains("check --stream")), "{error}");

    let (url, started) = (server.url(), std::time::Instant::now());
    drop(server);
    let later = loop {
        match producer.put(vec![event(0, 10)], Duration::from_secs(1)).await {
            // It takes a moment to stop, too.
            Err(PutError::Never { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            other => break other.unwrap_err(),
        }
    };
    assert!(later.may_pass() && started.elapsed() < MINUTE, "{url}: {later}");
}
