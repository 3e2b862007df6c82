//! A real Kinesis Client Library as the referee: its place is taken over, and given back. By command only, since it
//! fetches KCL 3 from Maven: `cargo test --test it kcl -- --ignored --nocapture`.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use essink::kinesis::put::api::{Layout, OpenShard};
use essink::kinesis::put::{Item, Producer, Settings};
use serde_json::{Value, json};
use testkit::dynamodb::DynamoDb;
use testkit::kinesis::Kinesis;
use testkit::kpl::{self, UserRecord};
use testkit::search::{Server, shared};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::reading::connect;
use crate::support::*;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kcl/run.sh");
const STREAM: &str = "moved";
const TABLE: &str = "moved-application";

/// A running consumer, and what it said.
struct Kcl {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Kcl {
    /// Takes `most` records of each shard, and makes a checkpoint at the last of them.
    fn start(kinesis: &Kinesis, dynamo: &DynamoDb, most: usize) -> Self {
        let mut command = Command::new("bash");
        command.args([SCRIPT, STREAM, TABLE, &kinesis.url(), &dynamo.url(), &most.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("bash starts");
        let said = Arc::new(Mutex::new(Vec::new()));
        let (stdin, out, heard) = (child.stdin.take(), child.stdout.take().expect("piped"), said.clone());
        tokio::spawn(async move {
            let mut lines = BufReader::new(out).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                println!("kcl: {line}");
                heard.lock().unwrap().push(line);
            }
        });
        Self { child, stdin, said }
    }

    /// The rest of the lines that begin with this word.
    fn said(&self, word: &str) -> Vec<String> {
        let said = self.said.lock().unwrap();
        said.iter().filter_map(|line| Some(line.strip_prefix(word)?.trim().to_owned())).collect()
    }

    async fn until(&self, word: &str, times: usize) {
        until(&format!("{times} times {word}"), || async { self.said(word).len() >= times }).await;
    }

    /// Ends it gracefully.
    async fn stop(mut self) -> Self {
        drop(self.stdin.take());
        self.until("stopped", 1).await;
        self.child.wait().await.expect("can be waited for");
        self
    }

    /// The numbers in the records that it took.
    fn taken(&self) -> BTreeSet<u64> {
        let data = |line: String| line.splitn(4, ' ').nth(3).map(str::to_owned);
        self.said("record").into_iter().filter_map(data).map(|data| of(&serde_json::from_str(&data).unwrap())).collect()
    }
}

fn of(event: &Value) -> u64 {
    event["n"].as_u64().expect("a number")
}

/// Plain records and, every tenth, an aggregate of five.
fn records(numbers: std::ops::Range<u64>) -> Vec<(String, Vec<u8>)> {
    let event = |n: u64| json!({"n": n}).to_string().into_bytes();
    let mut numbers = numbers.peekable();
    let mut records = Vec::new();
    while let Some(n) = numbers.next() {
        let key = format!("key-{n}");
        if n % 10 != 0 {
            records.push((key, event(n)));
            continue;
        }
        let more: Vec<u64> = numbers.by_ref().take(4).collect();
        let parts = std::iter::once(n).chain(more).map(|n| UserRecord::new(&key, event(n)));
        let aggregate = kpl::aggregate(&parts.collect::<Vec<_>>());
        records.push((key, aggregate));
    }
    records
}

async fn indexed(search: &Server) -> BTreeSet<u64> {
    documents(search, "unrecognized-*").await.iter().map(|found| of(&found["_source"]["event"])).collect()
}

/// Everything that KCL took up to its checkpoints and essink after them, and only the records of the checkpoints twice.
#[tokio::test]
#[ignore = "fetches KCL 3 from Maven and takes two minutes"]
async fn kcl_3_hands_its_place_over_and_takes_it_back() {
    const MOST: usize = 47;
    let built = Command::new("bash").args([SCRIPT, "--build"]).status().await.expect("bash runs");
    assert!(built.success());
    let search = shared().lease().await.expect("OpenSearch");
    let (kinesis, dynamo) = (Kinesis::start().await.expect("Kinesis"), DynamoDb::start().await.expect("DynamoDB"));
    let client = kinesis.client();
    client.create_stream(STREAM, 2).await.expect("stream");
    client.put_records(STREAM, &records(0..300)).await.expect("put");

    let kcl = Kcl::start(&kinesis, &dynamo, MOST);
    kcl.until("checkpoint", 2).await;
    let kcl = kcl.stop().await;
    let (first, checkpoints) = (kcl.taken(), kcl.said("checkpoint"));
    assert_eq!(first.len(), 2 * MOST);
    let is_within = |line: &String| !line.ends_with(" 0");
    assert!(checkpoints.iter().any(is_within), "one lies within an aggregate: {checkpoints:?}");
    show(&dynamo, "KCL has stopped").await;

    let (endpoint, state) = (dynamo.url(), format!("dynamodb:{TABLE}"));
    let more = ["--state", &state, "--dynamodb-endpoint-url", &endpoint, "--lease-timeout", "5s"];
    catch_up(&kinesis, &search, STREAM, &more).await.expect(0, &[]);
    let second = indexed(&search).await;
    show(&dynamo, "essink has stopped").await;
    assert_eq!(&first | &second, (0..300).collect(), "nothing is left out");
    let again: Vec<u64> = (&first & &second).into_iter().collect();
    println!("twice: {again:?}; checkpoints: {checkpoints:?}");
    // The record of each checkpoint, whole: what KCL had not taken of it is not known to be elsewhere.
    let twice: usize =
        checkpoints.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap() + 1).sum();
    assert_eq!(again.len(), twice);

    client.put_records(STREAM, &records(300..400)).await.expect("put");
    let kcl = Kcl::start(&kinesis, &dynamo, usize::MAX / 2);
    kcl.until("record", 100).await;
    let kcl = kcl.stop().await;
    assert_eq!(kcl.said("record").len(), 100, "none again");
    assert_eq!(kcl.taken(), (300..400).collect());
    show(&dynamo, "KCL has stopped again").await;

    client.put_records(STREAM, &records(400..450)).await.expect("put");
    catch_up(&kinesis, &search, STREAM, &more).await.expect(0, &[]);
    let third: BTreeSet<u64> = indexed(&search).await.into_iter().filter(|n| *n >= 300).collect();
    let again = third.iter().filter(|n| **n < 400).count();
    assert!(third.is_superset(&(400..450).collect()), "{third:?}");
    assert!((1..=10).contains(&again), "only the records of KCL's last checkpoints: {third:?}");
}

/// A table that essink made has no hash keys, no children in a parent that has ended, no index of owners and nothing of a
/// coordinator: KCL does without, or adds it.
#[tokio::test]
#[ignore = "fetches KCL 3 from Maven and takes a minute"]
async fn kcl_3_takes_over_a_table_that_essink_made() {
    let built = Command::new("bash").args([SCRIPT, "--build"]).status().await.expect("bash runs");
    assert!(built.success());
    let search = shared().lease().await.expect("OpenSearch");
    let (kinesis, dynamo) = (Kinesis::start().await.expect("Kinesis"), DynamoDb::start().await.expect("DynamoDB"));
    let client = kinesis.client();
    client.create_stream(STREAM, 1).await.expect("stream");
    client.put_records(STREAM, &records(0..50)).await.expect("put");
    client.split_shard(STREAM, "shardId-000000000000").await.expect("split");
    client.put_records(STREAM, &records(50..100)).await.expect("put");
    let (endpoint, state) = (dynamo.url(), format!("dynamodb:{TABLE}"));
    let more = ["--state", &state, "--dynamodb-endpoint-url", &endpoint, "--lease-timeout", "5s"];
    catch_up(&kinesis, &search, STREAM, &more).await.expect(0, &[]);
    assert_eq!(indexed(&search).await, (0..100).collect());
    show(&dynamo, "essink has stopped").await;
    client.put_records(STREAM, &records(100..200)).await.expect("put");
    let kcl = Kcl::start(&kinesis, &dynamo, usize::MAX / 2);
    kcl.until("record", 100).await;
    let kcl = kcl.stop().await;
    assert_eq!(kcl.said("record").len(), 100, "none again");
    assert_eq!(kcl.taken(), (100..200).collect());
    assert_eq!(kcl.said("at").len(), 2, "not in the shard that has ended");
    show(&dynamo, "KCL has stopped").await;
}

/// Frames that were made for one shard and came to lie in two, as after a split: the events of each have hash keys of both.
/// KCL drops such a frame whole, as that of another producer shows, unless its events name the hash key of their record.
#[tokio::test]
#[ignore = "fetches KCL 3 from Maven and takes a minute"]
async fn kcl_3_opens_what_essink_packed_by_an_old_map_of_the_shards() {
    let built = Command::new("bash").args([SCRIPT, "--build"]).status().await.expect("bash runs");
    assert!(built.success());
    let (kinesis, dynamo) = (Kinesis::start().await.expect("Kinesis"), DynamoDb::start().await.expect("DynamoDB"));
    let client = kinesis.client();
    client.create_stream(STREAM, 2).await.expect("stream");
    let essink = connect(&kinesis.url()).await;
    let stream = essink.stream(STREAM).await.expect("the stream");
    // KCL does not begin with a stream that was split here: the server lists closed shards where it asks for open ones.
    let parent = OpenShard { id: "shardId-parent".into(), last: u128::MAX };
    let before = Layout { shards: vec![parent], largest: 1 << 20 };
    let producer = Producer::start(essink.writer(&stream), before, Settings { memory: 16 << 20, seed: 1 });
    let item = |n: u64| Item { key: format!("key-{n}"), data: json!({"n": n}).to_string().into() };
    let minute = std::time::Duration::from_secs(60);
    for from in (0..300).step_by(20) {
        producer.put((from..from + 20).map(item).collect(), minute).await.expect("put");
    }
    let others: Vec<_> =
        (300..320).map(|n| UserRecord::new(&format!("key-{n}"), json!({"n": n}).to_string())).collect();
    client.put_records(STREAM, &[("key-300".to_owned(), kpl::aggregate(&others))]).await.expect("put");
    client
        .put_records(STREAM, &[("a".to_owned(), b"{\"n\":998}".to_vec()), ("b".to_owned(), b"{\"n\":999}".to_vec())])
        .await
        .expect("put");
    assert_eq!(client.read_all(STREAM).await.expect("read").len(), 15 + 1 + 2, "a frame each");

    let kcl = Kcl::start(&kinesis, &dynamo, usize::MAX / 2);
    kcl.until("record", 302).await;
    let kcl = kcl.stop().await;
    assert_eq!(kcl.taken(), (0..300).chain([998, 999]).collect(), "all of ours, and none of the other's");
}

async fn show(dynamo: &DynamoDb, when: &str) {
    for item in dynamo.items(TABLE).await.expect("items") {
        println!("{when}: {item}");
    }
}
