//! Leases in a real cluster.

use std::time::{Duration, Instant};

use essink::event::time::Millis;
use essink::lease::cluster::{ClusterOptions, ClusterTable};
use essink::lease::table::{Change, LeaseTable, Row, Written};
use essink::opensearch::client::{Client, Connection};
use essink::pipeline::ports::StoreError;
use essink::pipeline::position::{Position, Sequence, ShardId};
use http::Method;
use serde_json::json;
use testkit::search::shared;

const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";

fn client(url: &str) -> Client {
    Client::new(Connection::to(url)).unwrap()
}

fn table(url: &str, index: &str, group: &str) -> ClusterTable {
    let (index, stream) = (index.to_owned(), ARN.to_owned());
    ClusterTable::new(client(url), ClusterOptions { index, stream, group: group.to_owned() })
}

fn after(n: usize) -> Position {
    Position::After(Sequence::parse(format!("4959033827149025660855969253836157109592157598913658{n}")).unwrap())
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

async fn write(table: &ClusterTable, was: &Row, now: &Row) -> Written {
    table.write(&[change(was, now)]).await.unwrap().remove(0)
}

#[tokio::test]
async fn leases_are_kept_in_opensearch_3() {
    let search = shared().lease().await.unwrap();
    leases_are_kept(search.url()).await;
}

/// Everything a table of leases has to do, on the empty cluster at `url`.
pub async fn leases_are_kept(url: &str) {
    written_rows_are_found_at_once(url).await;
    two_workers_race_for_the_same_rows(url).await;
    a_request_between_two_renewals_stays(url).await;
    what_an_earlier_version_kept_is_taken_over(url).await;
    a_restored_index_rewinds_positions_and_fences(url).await;
    an_index_with_guessed_types_is_refused(url).await;
    a_flood_stage_or_write_block_is_waited_for(url).await;
}

async fn written_rows_are_found_at_once(url: &str) {
    let index = "essink-state-found";
    let first = table(url, index, "essink");
    assert_eq!(first.list().await.unwrap(), [], "no index is no lease");
    let mut rows: Vec<Row> = (0..2300).map(numbered).collect();
    rows.push(row("t", Position::TrimHorizon));
    rows.push(Row { parents: vec!["t".into(), "v".into()], ..row("u", Position::At(Millis(1_700_000_000_123))) });
    rows.push(Row { wanted_by: Some("two".to_owned()), ..row("v", Position::End) });
    first.create(&rows).await.unwrap();
    first.ensure_index().await.unwrap();
    let second = table(url, index, "essink");
    assert!(second.list().await.unwrap() == rows, "all of them, without waiting for a refresh");
    for n in 2..10 {
        let now = renewed(&rows[7], "one", after(n));
        assert_eq!(write(&first, &rows[7], &now).await, Written::Done);
        rows[7] = now;
        assert!(second.list().await.unwrap() == rows, "{n}: as it is, and not as it was a moment ago");
    }
    assert_eq!(write(&second, &rows[7].clone(), &renewed(&rows[7], "two", after(9))).await, Written::Done);
    second.remove(&rows).await.unwrap();
    let left = first.list().await.unwrap();
    assert_eq!(left, [renewed(&rows[7], "two", after(9))], "what changed stays, also beyond a page");
    first.remove(&left).await.unwrap();
    first.remove(&left).await.unwrap();
    assert_eq!(table(url, index, "other").list().await.unwrap(), []);
    let odd = table(url, index, &"grüße |\"\\ ".repeat(60));
    odd.create(&[numbered(1)]).await.unwrap();
    let now = renewed(&numbered(1), "wörker \"\\", after(2));
    assert_eq!(write(&odd, &numbered(1), &now).await, Written::Done);
    assert_eq!(odd.list().await.unwrap(), [now]);
}

/// Both begin each round from the same rows: of every row exactly one gets the next count, whoever it is.
async fn two_workers_race_for_the_same_rows(url: &str) {
    const ROUNDS: u64 = 300;
    let tables = ["one", "two"].map(|worker| (worker, table(url, "essink-state-race", "essink")));
    let mut rows: Vec<Row> = (0..4).map(numbered).collect();
    tables[0].1.create(&rows).await.unwrap();
    let mut wins = [0_u64; 2];
    for round in 0..ROUNDS {
        let take = async |(worker, table): &(&str, ClusterTable)| {
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
    println!("wins: {wins:?}");
    let listed = tables[0].1.list().await.unwrap();
    assert_eq!(listed, rows);
    assert!(listed.iter().all(|row| row.counter == ROUNDS), "one step a round, and no more");
}

async fn a_request_between_two_renewals_stays(url: &str) {
    let index = "essink-state-wanted";
    let (owner, other) = (table(url, index, "essink"), table(url, index, "essink"));
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

/// An index and a row as essink 0.1 made them before there were leases.
async fn what_an_earlier_version_kept_is_taken_over(url: &str) {
    let (index, client) = ("essink-state-earlier", client(url));
    let keyword = || json!({"type": "keyword"});
    let mapping = json!({"mappings": {"dynamic": false, "properties": {
        "kind": keyword(), "group": keyword(), "stream": keyword(), "shard": keyword(), "at": keyword(),
        "sequence": keyword(), "written_by": keyword(), "time": {"type": "date", "format": "epoch_millis"},
    }}});
    assert!(client.send_json(Method::PUT, &format!("/{index}"), &mapping).await.unwrap().is_success());
    let shard = "shardId-000000000001";
    let document = json!({
        "kind": "position", "group": "essink", "stream": ARN, "shard": shard,
        "at": "time", "time": 1_700_000_000_123_i64, "written_by": "17-00ff",
    });
    let action = json!({"create": {"_id": format!("position|essink|{ARN}|{shard}")}});
    let body = format!("{action}\n{document}\n");
    let kept = client.send(Method::POST, &format!("/{index}/_bulk"), Some(body.into())).await.unwrap();
    assert!(kept.is_success() && kept.json()["errors"] == false, "{kept:?}");

    let table = table(url, index, "essink");
    assert!(!table.ensure_index().await.unwrap());
    let was = row(shard, Position::At(Millis(1_700_000_000_123)));
    assert_eq!(table.list().await.unwrap(), std::slice::from_ref(&was));
    let now = Row { wanted_by: Some("two".to_owned()), ..renewed(&was, "one", after(1)) };
    assert_eq!(write(&table, &was, &now).await, Written::Done);
    table.create(&[numbered(2)]).await.unwrap();
    assert_eq!(table.list().await.unwrap(), [now, numbered(2)]);
}

/// snowplow-elasticsearch-loader 22 asks for it: positions go back with the data. A clone of the index stands in for the
/// snapshot.
async fn a_restored_index_rewinds_positions_and_fences(url: &str) {
    let (index, kept) = ("essink-state-restored", "essink-state-kept");
    let api = client(url);
    let ok = async |method, path: String, body| {
        let answer = api.send_json(method, &path, &body).await.unwrap();
        assert!(answer.is_success(), "{path}: {answer:?}");
    };
    let worker = table(url, index, "essink");
    let old = renewed(&numbered(1), "one", after(1));
    worker.create(std::slice::from_ref(&old)).await.unwrap();
    let copy = async |from: &str, to: &str| {
        ok(Method::PUT, format!("/{from}/_settings"), json!({"index.blocks.write": true})).await;
        let open = json!({"settings": {"index.blocks.write": null}});
        ok(Method::PUT, format!("/{from}/_clone/{to}?wait_for_active_shards=1"), open).await;
        ok(Method::PUT, format!("/{from}/_settings"), json!({"index.blocks.write": null})).await;
    };
    copy(index, kept).await;
    let past = renewed(&old, "one", after(2));
    assert_eq!(write(&worker, &old, &past).await, Written::Done);
    assert!(api.send(Method::DELETE, &format!("/{index}"), None).await.unwrap().is_success());
    copy(kept, index).await;
    let further = renewed(&past, "one", after(3));
    assert_eq!(write(&worker, &past, &further).await, Written::Conflict(Some(old.clone())));
    assert_eq!(table(url, index, "essink").list().await.unwrap(), [old]);
}

async fn an_index_with_guessed_types_is_refused(url: &str) {
    let guess = json!({"kind": "k", "group": "g"});
    let made = client(url).send_json(Method::POST, "/essink-state-guessed/_doc", &guess).await.unwrap();
    assert!(made.is_success());
    let table = table(url, "essink-state-guessed", "essink");
    let refused = table.ensure_index().await;
    assert!(matches!(refused, Err(StoreError::Halt(_))), "{refused:?}");
    let refused = table.create(&[numbered(1)]).await;
    assert!(matches!(refused, Err(StoreError::Halt(_))), "{refused:?}");
}

async fn a_flood_stage_or_write_block_is_waited_for(url: &str) {
    let table = table(url, "essink-state-blocked", "essink");
    let mut row = numbered(1);
    table.create(std::slice::from_ref(&row)).await.unwrap();
    // The first is what a disk past its flood stage does to every index.
    for block in ["index.blocks.read_only_allow_delete", "index.blocks.write"] {
        let set = async |on: bool| {
            let settings = json!({block: on});
            let done = client(url).send_json(Method::PUT, "/essink-state-blocked/_settings", &settings).await.unwrap();
            assert!(done.is_success());
        };
        let now = renewed(&row, "one", after(2));
        set(true).await;
        for _ in 0..2 {
            let blocked = table.write(&[change(&row, &now)]).await;
            let Err(StoreError::Busy(words)) = &blocked else { panic!("{block}: {blocked:?}") };
            assert!(words.contains("essink-state-blocked is blocked"), "{words}");
            assert_eq!(table.list().await.unwrap(), [row.clone()], "it can be read");
        }
        set(false).await;
        assert_eq!(write(&table, &row, &now).await, Written::Done);
        row = now;
    }
}

/// What one look costs, when every worker looks every few seconds. Prints; by hand: `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn what_a_look_costs() {
    let search = shared().lease().await.unwrap();
    for n_rows in [4, 100, 1000] {
        let table = table(search.url(), &format!("essink-state-{n_rows}"), "essink");
        let mut rows: Vec<Row> = (0..n_rows).map(numbered).collect();
        table.create(&rows).await.unwrap();
        let (mut looks, mut writes) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let changes: Vec<_> = rows.iter().map(|row| change(row, &renewed(row, "one", after(1)))).collect();
            let begun = Instant::now();
            table.write(&changes).await.unwrap();
            writes.push(begun.elapsed());
            let begun = Instant::now();
            rows = table.list().await.unwrap();
            looks.push(begun.elapsed());
        }
        looks.sort_unstable();
        writes.sort_unstable();
        let percent = |times: &[Duration], n: usize| times[times.len() * n / 100];
        println!("{n_rows} rows: list p50 {:?} p99 {:?}", percent(&looks, 50), percent(&looks, 99));
        println!("{n_rows} rows: write p50 {:?} p99 {:?}", percent(&writes, 50), percent(&writes, 99));
    }
}
