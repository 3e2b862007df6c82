//! Leases in DynamoDB: on a real API, by themselves and under `essink run`, and in the tables of KCL applications.

use std::collections::{BTreeMap, HashSet};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use essink::event::time::Millis;
use essink::kinesis::client::{Access, settings};
use essink::lease::dynamo::{DynamoTable, Own};
use essink::lease::table::{Change, LeaseTable, Row, Written};
use essink::pipeline::ports::StoreError;
use essink::pipeline::position::{Position, Sequence, ShardId};
use serde_json::{Value, json};
use testkit::dynamodb::DynamoDb;
use testkit::events::{Events, Plan};
use testkit::kinesis::Kinesis;
use testkit::search::shared;

use crate::support::*;

const ARN: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/events";
const TABLE: &str = "essink-leases";

async fn table_of(dynamo: &DynamoDb, name: &str, group: &str) -> DynamoTable {
    let key = Credentials::new("test", "test", None, None, "test");
    let access = Access {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(dynamo.url()),
        credentials: Some(SharedCredentialsProvider::new(key)),
        ..Access::default()
    };
    let begin = Position::At(Millis(1_700_000_000_123));
    let own = Own { stream: ARN.to_owned(), group: group.to_owned(), begin };
    DynamoTable::new(&settings(&access).await, name, own)
}

async fn table(dynamo: &DynamoDb) -> DynamoTable {
    table_of(dynamo, TABLE, "essink").await
}

fn sequence(n: usize) -> Sequence {
    Sequence::parse(format!("4959033827149025660855969253836157109592157598913658{n}")).unwrap()
}

fn after(n: usize) -> Position {
    Position::After(sequence(n))
}

fn row(shard: impl AsRef<str>, position: Position) -> Row {
    let shard = ShardId::from(shard.as_ref());
    Row { shard, owner: None, counter: 0, wanted_by: None, position, parents: Vec::new() }
}

fn numbered(n: usize) -> Row {
    row(format!("shardId-{n:012}"), after(1))
}

/// The row as its owner writes it next.
fn renewed(was: &Row, owner: &str, position: Position) -> Row {
    Row { owner: Some(owner.to_owned()), counter: was.counter + 1, position, ..was.clone() }
}

fn change(was: &Row, now: &Row) -> Change {
    Change { was: was.clone(), now: now.clone() }
}

async fn write(table: &DynamoTable, was: &Row, now: &Row) -> Written {
    table.write(&[change(was, now)]).await.unwrap().remove(0)
}

#[tokio::test]
async fn the_table_is_made_and_written_rows_are_found_at_once() {
    let dynamo = DynamoDb::start().await.unwrap();
    let first = table(&dynamo).await;
    assert!(!first.has_table().await.unwrap());
    assert!(first.ensure_table().await.unwrap());
    assert!(!table(&dynamo).await.ensure_table().await.unwrap(), "it is there");
    assert_eq!(first.list().await.unwrap(), []);
    let mut rows: Vec<Row> = (0..40).map(numbered).collect();
    let parents = vec!["shardId-1".into(), "shardId-2".into()];
    rows.push(row("shardId-t", Position::TrimHorizon));
    rows.push(Row { parents, ..row("shardId-u", Position::At(Millis(1_600_000_000_123))) });
    rows.push(Row { wanted_by: Some("two".to_owned()), ..row("shardId-v", Position::End) });
    rows.push(row("shardId-w", Position::From(sequence(5))));
    first.create(&rows).await.unwrap();
    first.create(&[row("shardId-t", after(9))]).await.unwrap();
    let second = table(&dynamo).await;
    assert_eq!(second.list().await.unwrap(), rows, "what exists stays as it is");
    let changes: Vec<Change> =
        rows.iter().map(|row| change(row, &renewed(row, "wörker \"\\", row.position.clone()))).collect();
    assert_eq!(first.write(&changes).await.unwrap(), vec![Written::Done; rows.len()]);
    let rows: Vec<Row> = changes.into_iter().map(|change| change.now).collect();
    assert_eq!(second.list().await.unwrap(), rows, "positions come back as they were");
    let moved = renewed(&rows[7], "two", after(9));
    assert_eq!(write(&second, &rows[7], &moved).await, Written::Done);
    second.remove(&rows).await.unwrap();
    assert_eq!(first.list().await.unwrap(), std::slice::from_ref(&moved), "what changed stays");
    let late = renewed(&rows[7], "one", after(8));
    let gone = renewed(&rows[8], "one", after(8));
    let ends = first.write(&[change(&rows[7], &late), change(&rows[8], &gone)]).await.unwrap();
    assert_eq!(ends, [Written::Conflict(Some(moved.clone())), Written::Conflict(None)]);
    assert_eq!(write(&second, &rows[7], &moved).await, Written::Done, "its own write is known again");
    first.remove(&[moved]).await.unwrap();
    assert_eq!(second.list().await.unwrap(), []);
}

/// Both begin each round from the same rows: of every row exactly one gets the next count, whoever it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_race_for_the_same_rows() {
    const ROUNDS: u64 = 100;
    let dynamo = DynamoDb::start().await.unwrap();
    let tables = [("one", table(&dynamo).await), ("two", table(&dynamo).await)];
    tables[0].1.ensure_table().await.unwrap();
    let mut rows: Vec<Row> = (0..4).map(numbered).collect();
    tables[0].1.create(&rows).await.unwrap();
    let mut wins = [0_u64; 2];
    for round in 0..ROUNDS {
        let take = async |(worker, table): &(&str, DynamoTable)| {
            let changes: Vec<_> = rows.iter().map(|row| change(row, &renewed(row, worker, after(1)))).collect();
            table.write(&changes).await.unwrap()
        };
        let ends = tokio::join!(take(&tables[0]), take(&tables[1]));
        for (row, (one, two)) in rows.iter_mut().zip(ends.0.into_iter().zip(ends.1)) {
            let (winner, there) = match (one, two) {
                (Written::Done, Written::Conflict(Some(there))) => (0, there),
                (Written::Conflict(Some(there)), Written::Done) => (1, there),
                other => panic!("round {round}, {}: {other:?}", row.shard),
            };
            assert_eq!(there, renewed(row, tables[winner].0, after(1)), "the loser is shown what won");
            wins[winner] += 1;
            *row = there;
        }
    }
    assert_eq!(wins.iter().sum::<u64>(), ROUNDS * 4);
    let listed = tables[0].1.list().await.unwrap();
    assert_eq!(listed, rows);
    assert!(listed.iter().all(|row| row.counter == ROUNDS), "one step a round, and no more");
}

#[tokio::test]
async fn a_request_between_two_renewals_stays() {
    let dynamo = DynamoDb::start().await.unwrap();
    let (owner, other) = (table(&dynamo).await, table(&dynamo).await);
    owner.ensure_table().await.unwrap();
    let mut row = renewed(&numbered(1), "one", after(1));
    owner.create(std::slice::from_ref(&row)).await.unwrap();
    for n in 2..20 {
        let there = other.list().await.unwrap().remove(0);
        let by = format!("worker-{n}");
        let wanted = Row { wanted_by: Some(by.clone()), ..there.clone() };
        // At the same time, so that either may be first.
        let next = renewed(&row, "one", after(n));
        let (asked, renewal) = tokio::join!(write(&other, &there, &wanted), write(&owner, &row, &next));
        assert_eq!(renewal, Written::Done, "{n}: a request does not fence the owner");
        let listed = owner.list().await.unwrap().remove(0);
        let expected = if asked == Written::Done { Some(by) } else { there.wanted_by };
        assert_eq!(listed, Row { wanted_by: expected, ..next.clone() }, "{n}: {asked:?}");
        row = next;
    }
}

/// The rows of tests/kcl/rows.json, in their own form.
fn kcl_rows() -> Vec<Value> {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../kcl/rows.json")).unwrap();
    cases.into_iter().map(|case| case["item"].clone()).collect()
}

fn by_key(items: Vec<Value>) -> BTreeMap<String, Value> {
    items.into_iter().map(|item| (item["leaseKey"]["S"].as_str().unwrap().to_owned(), item)).collect()
}

#[tokio::test]
async fn kcl_keeps_what_is_its_own_in_the_rows_and_rows_that_are_no_leases() {
    let dynamo = DynamoDb::start().await.unwrap();
    dynamo.create_table(TABLE, "leaseKey").await.unwrap();
    for item in kcl_rows() {
        dynamo.put(TABLE, &item).await.unwrap();
    }
    let before = by_key(dynamo.items(TABLE).await.unwrap());
    let table = table(&dynamo).await;
    assert!(!table.ensure_table().await.unwrap());
    let rows = table.list().await.unwrap();
    assert_eq!(rows.len(), 8);

    // A request and a take change nothing that KCL would miss.
    let asked: Vec<Change> =
        rows.iter().map(|row| change(row, &Row { wanted_by: Some("me".to_owned()), ..row.clone() })).collect();
    assert!(table.write(&asked).await.unwrap().iter().all(|end| *end == Written::Done));
    let taken: Vec<Change> = asked
        .into_iter()
        .map(|Change { now, .. }| change(&now, &Row { wanted_by: None, ..renewed(&now, "me", now.position.clone()) }))
        .collect();
    assert!(table.write(&taken).await.unwrap().iter().all(|end| *end == Written::Done));
    let after_take = by_key(dynamo.items(TABLE).await.unwrap());
    let written = ["leaseOwner", "leaseCounter", "checkpointOwner", "ownerSwitchesSinceCheckpoint"];
    for (key, was) in &before {
        for (name, value) in was.as_object().unwrap() {
            let start =
                matches!(was["checkpoint"]["S"].as_str(), Some("LATEST" | "AT_TIMESTAMP")) && name == "checkpoint";
            if key.starts_with("shardId-0") && (written.contains(&name.as_str()) || start) {
                continue;
            }
            assert_eq!(&after_take[key][name], value, "{key}: {name}");
        }
    }
    for key in ["shardId-000000000001", "shardId-000000000009"] {
        assert_eq!(after_take[key]["checkpoint"]["S"], "TRIM_HORIZON", "{key}: KCL is not told to leave anything out");
    }
    assert!(after_take["shardId-000000000012"]["checkpointOwner"].is_null(), "nobody else drains it");

    // A position is a checkpoint; a prepared one is over, as with KCL.
    let aggregate = taken.iter().find(|change| change.now.shard.0.ends_with("07")).unwrap().now.clone();
    let moved = renewed(&aggregate, "me", after(7));
    assert_eq!(write(&table, &aggregate, &moved).await, Written::Done);
    let item = by_key(dynamo.items(TABLE).await.unwrap()).remove("shardId-000000000007").unwrap();
    assert_eq!(item["checkpoint"]["S"], sequence(7).as_str());
    assert_eq!(item["checkpointSubSequenceNumber"]["N"], "2147483647");
    assert!(item["pendingCheckpoint"].is_null() && item["pendingCheckpointState"].is_null());
    assert_eq!(item["endingHashKey"], before["shardId-000000000007"]["endingHashKey"]);

    table.remove(&table.list().await.unwrap()).await.unwrap();
    let left = by_key(dynamo.items(TABLE).await.unwrap());
    let others: BTreeMap<String, Value> = before.into_iter().filter(|(key, _)| !key.starts_with("shardId-0")).collect();
    assert_eq!(left, others, "what is no lease stays, to the last attribute");
}

/// As Data Prepper has them.
#[tokio::test]
async fn of_a_multi_stream_application_the_leases_of_the_stream_are_used() {
    let dynamo = DynamoDb::start().await.unwrap();
    dynamo.create_table(TABLE, "leaseKey").await.unwrap();
    let lease = |stream: &str, n: usize| {
        json!({
            "leaseKey": {"S": format!("{stream}:shardId-{n:012}")}, "leaseCounter": {"N": "5"},
            "streamName": {"S": stream}, "shardId": {"S": format!("shardId-{n:012}")},
            "ownerSwitchesSinceCheckpoint": {"N": "0"}, "checkpointSubSequenceNumber": {"N": "0"},
            "checkpoint": {"S": sequence(n).as_str()},
        })
    };
    let (ours, old, other) =
        ("123456789012:events:1700000000", "123456789012:events:1600000000", "123456789012:orders:1700000000");
    for (stream, n) in [(ours, 1), (ours, 2), (old, 1), (other, 1)] {
        dynamo.put(TABLE, &lease(stream, n)).await.unwrap();
    }
    let table = table(&dynamo).await;
    let rows = table.list().await.unwrap();
    let expected = |n: usize| Row { counter: 5, position: Position::From(sequence(n)), ..numbered(n) };
    assert_eq!(rows, [expected(1), expected(2)]);
    assert_eq!(write(&table, &rows[0], &renewed(&rows[0], "one", after(9))).await, Written::Done);
    let child = Row { parents: vec![numbered(1).shard], ..row("shardId-000000000003", Position::TrimHorizon) };
    table.create(std::slice::from_ref(&child)).await.unwrap();
    table.remove(&rows[1..]).await.unwrap();
    let second = self::table(&dynamo).await;
    assert_eq!(second.list().await.unwrap(), [renewed(&rows[0], "one", after(9)), child]);
    let items = by_key(dynamo.items(TABLE).await.unwrap());
    let keys: Vec<&str> = items.keys().map(String::as_str).collect();
    let key = |stream: &str, n: usize| format!("{stream}:shardId-{n:012}");
    assert_eq!(keys, [key(old, 1), key(ours, 1), key(ours, 3), key(other, 1)]);
    for (stream, n) in [(old, 1), (other, 1)] {
        assert_eq!(items[&key(stream, n)], lease(stream, n), "not ours");
    }
    let made = &items[&key(ours, 3)];
    assert_eq!((&made["streamName"]["S"], &made["shardId"]["S"]), (&json!(ours), &json!("shardId-000000000003")));
    assert_eq!(made["parentShardId"]["SS"], json!(["shardId-000000000001"]), "as KCL has parents: shards");
}

#[tokio::test]
async fn more_than_a_page_is_listed_whole() {
    let dynamo = DynamoDb::start().await.unwrap();
    let table = table(&dynamo).await;
    table.ensure_table().await.unwrap();
    let rows: Vec<Row> = (0..30).map(numbered).collect();
    table.create(&rows).await.unwrap();
    for n in 0..30 {
        // A page is 1 MiB; an item at most 400 KiB.
        let fat = json!({
            "TableName": TABLE, "Key": {"leaseKey": {"S": numbered(n).shard.to_string()}},
            "UpdateExpression": "SET note = :note",
            "ExpressionAttributeValues": {":note": {"S": "x".repeat(300_000)}},
        });
        dynamo.call("UpdateItem", &fat).await.unwrap();
    }
    let page = dynamo.call("Scan", &json!({"TableName": TABLE})).await.unwrap();
    assert!(page["LastEvaluatedKey"].is_object(), "the server has pages");
    assert_eq!(table.list().await.unwrap(), rows);
}

#[tokio::test]
async fn a_table_that_is_not_ours_or_gone_is_refused_with_the_cure() {
    let dynamo = DynamoDb::start().await.unwrap();
    let halt = |result: Result<(), StoreError>, words: &str| match result {
        Err(StoreError::Halt(said)) => assert!(said.contains(words), "{said:?}: {words:?}"),
        other => panic!("{words:?}: {other:?}"),
    };
    dynamo.create_table("orders", "orderId").await.unwrap();
    let orders = table_of(&dynamo, "orders", "essink").await;
    halt(orders.ensure_table().await.map(drop), "name another with --state dynamodb:TABLE");
    let ours = table(&dynamo).await;
    ours.ensure_table().await.unwrap();
    ours.create(&[numbered(1)]).await.unwrap();
    let copy = table_of(&dynamo, TABLE, "copy").await;
    halt(copy.list().await.map(drop), "give each group and stream its own table");
    dynamo.call("DeleteTable", &json!({"TableName": TABLE})).await.unwrap();
    halt(ours.list().await.map(drop), "was removed while in use");
    halt(ours.write(&[change(&numbered(1), &renewed(&numbered(1), "one", after(2)))]).await.map(drop), "removed");
    assert_eq!(dynamo.items(TABLE).await.unwrap(), Vec::<Value>::new());
}

/// Leases by owner, most first, of the rows that are not at their end.
async fn shares(dynamo: &DynamoDb) -> Vec<usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for item in dynamo.items(TABLE).await.expect("items") {
        if let Some(owner) = item["leaseOwner"]["S"].as_str() {
            *counts.entry(owner.to_owned()).or_default() += 1;
        }
    }
    let mut counts: Vec<usize> = counts.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts
}

async fn until_shared(dynamo: &DynamoDb, what: &str, fair: &[usize]) {
    until(what, || async { shares(dynamo).await == fair }).await;
}

#[tokio::test]
async fn workers_share_a_stream_by_a_table_and_go_on_where_the_dead_were() {
    const EVENTS: usize = 3_000;
    let search = shared().lease().await.expect("OpenSearch");
    let (kinesis, dynamo) = (Kinesis::start().await.expect("Kinesis"), DynamoDb::start().await.expect("DynamoDB"));
    let client = kinesis.client();
    client.create_stream("shared", 4).await.expect("stream");
    let day = |text: &str| text.parse().expect("a date");
    let plan = Plan { enriched: false, ..Plan::days(4, EVENTS, day("2026-11-01")..day("2026-11-03")) };
    let records: Vec<_> = Events::new(plan).map(|e| (e.partition_key.clone(), e.record())).collect();
    let distinct: HashSet<&[u8]> = records.iter().map(|(_, data)| data.as_slice()).collect();
    assert_eq!(distinct.len(), EVENTS);
    let mut parts = records.chunks(EVENTS / 3);
    let mut next = || parts.next().expect("a share").to_vec();

    let (url, base, endpoint, state) =
        (kinesis.url(), search.url().to_owned(), dynamo.url(), format!("dynamodb:{TABLE}"));
    let place = ["--state", &state, "--dynamodb-endpoint-url", &endpoint];
    let mut args = run_args(&url, &base, "shared");
    args.extend(place);
    args.extend(["--lease-timeout", "5s", "--checkpoint-interval", "500ms"]);
    let logs = tempfile::tempdir().expect("a directory");
    let worker = |n: usize| start(&args, &logs.path().join(format!("{n}.log")));

    client.put_records("shared", &next()).await.expect("put");
    let mut first = worker(1);
    until_shared(&dynamo, "the first has everything", &[4]).await;
    let second = worker(2);
    until_shared(&dynamo, "the second has its half", &[2, 2]).await;
    client.put_records("shared", &next()).await.expect("put");
    first.kill().await.expect("killed");
    until_shared(&dynamo, "the dead one's shards are taken", &[4]).await;
    client.split_shard("shared", "shardId-000000000000").await.expect("split");
    client.put_records("shared", &next()).await.expect("put");
    until("every event is there", || async { count(&search, "pinpoint-*").await >= EVENTS as u64 }).await;
    until_shared(&dynamo, "the children are read in their parent's place", &[5]).await;
    assert_eq!(terminate(second).await, Some(0));
    assert_eq!(count(&search, "pinpoint-*").await, EVENTS as u64);
    assert!(shares(&dynamo).await.is_empty(), "the last one freed what it had");

    // From the environment this time; nothing is left to be read.
    let mut again = essink(&run_args(&url, &base, "shared"));
    again.args(["--until-caught-up", "--state", &state]).env("AWS_ENDPOINT_URL_DYNAMODB", &endpoint);
    finish(again).await.expect(0, &["\"events.indexed\":0", "\"events.already_there\":0"]);
}

/// What a KCL application keeps while it runs stays its own; when it has stopped, its place is gone on from.
#[tokio::test]
async fn a_running_kcl_application_is_left_alone_and_a_stopped_one_followed() {
    let search = shared().lease().await.expect("OpenSearch");
    let (kinesis, dynamo) = (Kinesis::start().await.expect("Kinesis"), DynamoDb::start().await.expect("DynamoDB"));
    let client = kinesis.client();
    client.create_stream("taken", 1).await.expect("stream");
    let event = |n: usize| ("key".to_owned(), json!({"n": n}).to_string().into_bytes());
    let put: Vec<_> = (0..20).map(event).collect();
    client.put_records("taken", &put).await.expect("put");
    let place = sequence_at(&kinesis, "taken", "shardId-000000000000", 12).await;
    dynamo.create_table(TABLE, "leaseKey").await.expect("table");
    let lease = |counter: usize| {
        json!({
            "leaseKey": {"S": "shardId-000000000000"}, "leaseOwner": {"S": "kcl-worker"},
            "leaseCounter": {"N": counter.to_string()}, "ownerSwitchesSinceCheckpoint": {"N": "0"},
            "checkpoint": {"S": place}, "checkpointSubSequenceNumber": {"N": "0"},
        })
    };
    dynamo.put(TABLE, &lease(1)).await.expect("put");
    let (url, base, endpoint, state) =
        (kinesis.url(), search.url().to_owned(), dynamo.url(), format!("dynamodb:{TABLE}"));
    let mut args = run_args(&url, &base, "taken");
    args.extend(["--state", &state, "--dynamodb-endpoint-url", &endpoint, "--lease-timeout", "3s"]);
    let logs = tempfile::tempdir().expect("a directory");
    let log = logs.path().join("log");
    let worker = start(&args, &log);
    let mut counter = 1;
    // Three times the timeout after it was noticed.
    let mut noticed = None;
    while noticed.is_none_or(|at| counter < at + 18) {
        counter += 1;
        let renewal = json!({
            "TableName": TABLE, "Key": {"leaseKey": {"S": "shardId-000000000000"}},
            "UpdateExpression": "SET leaseCounter = :n",
            "ConditionExpression": "leaseOwner = :me AND leaseCounter = :was",
            "ExpressionAttributeValues": {
                ":n": {"N": counter.to_string()}, ":was": {"N": (counter - 1).to_string()}, ":me": {"S": "kcl-worker"},
            },
        });
        dynamo.call("UpdateItem", &renewal).await.expect("nobody took it");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let said = std::fs::read_to_string(&log).expect("a log");
        if said.contains("a worker of a KCL application renews leases") {
            noticed = noticed.or(Some(counter));
        }
        assert!(counter < 300, "not noticed: {said}");
    }
    assert_eq!(count(&search, "unrecognized-*").await, 0, "nothing was read");
    until("its place is gone on from", || async { count(&search, "unrecognized-*").await >= 8 }).await;
    assert_eq!(terminate(worker).await, Some(0));
    let mut read: Vec<u64> = documents(&search, "unrecognized-*").await.iter().map(number).collect();
    read.sort_unstable();
    assert_eq!(read, (12..20).collect::<Vec<_>>(), "from the record of the checkpoint on");
}

/// KCL removes the lease of a shard that has ended days before the stream forgets the shard.
#[tokio::test]
async fn a_parent_whose_lease_kcl_removed_is_not_read_again() {
    let search = shared().lease().await.expect("OpenSearch");
    let (kinesis, dynamo) = (Kinesis::start().await.expect("Kinesis"), DynamoDb::start().await.expect("DynamoDB"));
    let client = kinesis.client();
    client.create_stream("split", 1).await.expect("stream");
    let event = |n: usize| (format!("key-{n}"), json!({"n": n}).to_string().into_bytes());
    client.put_records("split", &(0..20).map(event).collect::<Vec<_>>()).await.expect("put");
    let children = client.split_shard("split", "shardId-000000000000").await.expect("split");
    client.put_records("split", &(20..40).map(event).collect::<Vec<_>>()).await.expect("put");
    dynamo.create_table(TABLE, "leaseKey").await.expect("table");
    for child in children {
        let lease = json!({
            "leaseKey": {"S": child.id}, "leaseCounter": {"N": "9"}, "ownerSwitchesSinceCheckpoint": {"N": "0"},
            "checkpoint": {"S": sequence_at(&kinesis, "split", &child.id, 0).await},
            "checkpointSubSequenceNumber": {"N": "0"}, "parentShardId": {"SS": ["shardId-000000000000"]},
        });
        dynamo.put(TABLE, &lease).await.expect("put");
    }
    let (endpoint, state) = (dynamo.url(), format!("dynamodb:{TABLE}"));
    let place = ["--state", &state, "--dynamodb-endpoint-url", &endpoint];
    catch_up(&kinesis, &search, "split", &place).await.expect(0, &[]);
    let mut read: Vec<u64> = documents(&search, "unrecognized-*").await.iter().map(number).collect();
    read.sort_unstable();
    assert_eq!(read, (20..40).collect::<Vec<_>>());
}

/// The sequence number of a record, by its place in a shard.
async fn sequence_at(kinesis: &Kinesis, stream: &str, shard: &str, at: usize) -> String {
    let from = json!({"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = kinesis.client().call("GetShardIterator", &from).await.expect("an iterator");
    let page = json!({"ShardIterator": iterator["ShardIterator"]});
    let page = kinesis.client().call("GetRecords", &page).await.expect("records");
    page["Records"][at]["SequenceNumber"].as_str().expect("a text").to_owned()
}

fn number(found: &Value) -> u64 {
    found["_source"]["event"]["n"].as_u64().expect("a number")
}

#[tokio::test]
async fn init_templates_makes_the_table_once() {
    let search = shared().lease().await.expect("OpenSearch");
    let dynamo = DynamoDb::start().await.expect("DynamoDB");
    let (endpoint, state) = (dynamo.url(), format!("dynamodb:{TABLE}"));
    let args = ["init-templates", "--opensearch-url", search.url(), "--replicas", "0"];
    let place = ["--state", &state, "--dynamodb-endpoint-url", &endpoint];
    let init = async |more: &[&str]| finish(essink(&[&args[..], &place, more].concat())).await.expect(0, &[]).out;
    let dry = init(&["--dry-run"]).await;
    assert!(dry.contains("table essink-leases"), "{dry}");
    let listed = dynamo.call("ListTables", &json!({})).await.expect("tables");
    assert_eq!(listed["TableNames"], json!([]), "only said");
    let made: Value = serde_json::from_str(&init(&["--json"]).await).expect("JSON");
    assert_eq!(made["state_table"], json!({"name": TABLE, "action": "created"}));
    assert_eq!(made["state_index"], Value::Null);
    let table = dynamo.call("DescribeTable", &json!({"TableName": TABLE})).await.expect("a table");
    assert_eq!(table["Table"]["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    let again = init(&[]).await;
    assert!(again.contains("unchanged     table essink-leases"), "{again}");
}
