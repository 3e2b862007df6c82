mod server;

use self::server::{Fate, Server};
use super::*;
use crate::event::time::Millis;
use crate::pipeline::position::{Position, Sequence};

const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";

fn after(n: u32) -> Position {
    Position::After(Sequence::parse(n.to_string()).unwrap())
}

fn row(shard: &str, position: Position) -> Row {
    Row { shard: shard.into(), owner: None, counter: 0, wanted_by: None, position, parents: Vec::new() }
}

/// The row as its owner writes it next.
fn renewed(was: &Row, owner: &str, position: Position) -> Row {
    Row { owner: Some(owner.to_owned()), counter: was.counter + 1, position, ..was.clone() }
}

fn asked_for(was: &Row, by: &str) -> Row {
    Row { wanted_by: Some(by.to_owned()), ..was.clone() }
}

fn change(was: &Row, now: &Row) -> Change {
    Change { was: was.clone(), now: now.clone() }
}

async fn write(table: &ClusterTable, was: &Row, now: &Row) -> Written {
    let mut written = table.write(&[change(was, now)]).await.unwrap();
    assert_eq!(written.len(), 1);
    written.remove(0)
}

/// The one row there is.
async fn only(table: &ClusterTable) -> Row {
    let mut rows = table.list().await.unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

fn busy() -> Fate {
    Fate::Refused(503, json!({"error": {"type": "cluster_manager_not_discovered_exception"}, "status": 503}))
}

#[tokio::test]
async fn rows_are_found_again_by_their_own_group_only() {
    let server = Server::start().await;
    let parents = vec!["a".into(), "b".into()];
    let rows = [
        row("a", after(17)),
        Row { owner: Some("one".to_owned()), counter: 7, wanted_by: Some("two".to_owned()), ..row("b", Position::End) },
        Row { parents, ..row("c", Position::TrimHorizon) },
        row("d", Position::At(Millis(1_700_000_000_123))),
    ];
    let table = server.table();
    assert_eq!(table.list().await.unwrap(), []);
    table.create(&rows).await.unwrap();
    assert_eq!(server.table().list().await.unwrap(), rows);
    assert_eq!(server.table_of("copy").list().await.unwrap(), []);
    assert_eq!(server.asked(), "_refresh _search _mapping _bulk _refresh _search _refresh _search");
    table.create(&[row("a", Position::TrimHorizon), row("e", Position::TrimHorizon)]).await.unwrap();
    let listed = table.list().await.unwrap();
    assert_eq!(listed[..4], rows, "what exists stays as it is");
    assert_eq!(listed[4..], [row("e", Position::TrimHorizon)]);
}

#[tokio::test]
async fn more_rows_than_a_page_are_listed_and_written_whole() {
    let server = Server::start().await;
    let rows: Vec<_> = (0..2500).map(|n| row(&format!("shardId-{n:012}"), after(n + 1))).collect();
    server.table().create(&rows).await.unwrap();
    assert_eq!(server.asked(), "_mapping _bulk _bulk _bulk");
    let table = server.table();
    assert_eq!(table.list().await.unwrap(), rows);
    assert_eq!(server.asked(), "_refresh _search _search _search");
    let changes: Vec<_> = rows.iter().map(|row| change(row, &renewed(row, "one", row.position.clone()))).collect();
    assert_eq!(table.write(&changes).await.unwrap(), vec![Written::Done; 2500]);
    assert_eq!(server.asked(), "_bulk _bulk _bulk", "what was listed needs no second look");
    let gone: Vec<_> = changes.into_iter().map(|change| change.now).collect();
    table.remove(&gone[..2400]).await.unwrap();
    assert_eq!(server.table().list().await.unwrap(), gone[2400..]);
}

/// No clock is compared: whoever wrote in between owns the shard.
#[tokio::test]
async fn redpanda_4_1_no_wall_clock_stands_in_a_lease_and_who_was_overtaken_is_fenced() {
    let server = Server::start().await;
    let (old, new) = (server.table(), server.table());
    let rows = [renewed(&row("a", after(1)), "old", after(1)), renewed(&row("b", after(1)), "old", after(1))];
    old.create(&rows).await.unwrap();
    new.list().await.unwrap();
    let taken = renewed(&rows[0], "new", after(5));
    assert_eq!(write(&new, &rows[0], &taken).await, Written::Done);
    let late: Vec<_> = rows.iter().map(|row| change(row, &renewed(row, "old", after(9)))).collect();
    let written = old.write(&late).await.unwrap();
    assert_eq!(written, [Written::Conflict(Some(taken.clone())), Written::Done], "one is lost, the other is not");
    assert_eq!(old.list().await.unwrap(), [taken.clone(), late[1].now.clone()]);
    assert_eq!(old.write(&late[..1]).await.unwrap(), [Written::Conflict(Some(taken))], "and stays so");
    let document = server.cluster.lock().unwrap().documents[&id("essink", ARN, "a")].1.clone();
    let fields: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["at", "counter", "group", "kind", "owner", "sequence", "shard", "stream"], "and no time");
}

#[tokio::test]
async fn a_table_that_never_listed_looks_before_it_writes() {
    let server = Server::start().await;
    let there = renewed(&row("a", after(5)), "one", after(5));
    server.table().create(std::slice::from_ref(&there)).await.unwrap();
    server.asked();
    let (blind, guess) = (server.table(), row("a", after(1)));
    let conflict = Written::Conflict(Some(there.clone()));
    assert_eq!(write(&blind, &guess, &renewed(&guess, "two", after(9))).await, conflict);
    assert_eq!(write(&blind, &there, &renewed(&there, "two", after(5))).await, Written::Done);
    assert_eq!(server.asked(), "_mget _bulk");
}

#[tokio::test]
async fn a_request_between_two_renewals_stays_and_does_not_fence_the_owner() {
    let server = Server::start().await;
    let (owner, other) = (server.table(), server.table());
    let first = renewed(&row("a", after(1)), "one", after(1));
    owner.create(std::slice::from_ref(&first)).await.unwrap();
    let second = renewed(&first, "one", after(2));
    other.list().await.unwrap();
    assert_eq!(write(&other, &first, &asked_for(&first, "two")).await, Written::Done);
    assert_eq!(write(&owner, &first, &second).await, Written::Done, "the owner did not know of it");
    assert_eq!(only(&owner).await, asked_for(&second, "two"));
    // One that comes to an owner who moved on meanwhile has seen another row.
    assert_eq!(
        write(&other, &first, &asked_for(&first, "three")).await,
        Written::Conflict(Some(asked_for(&second, "two")))
    );
    let freed = Row { owner: None, counter: 3, wanted_by: None, ..second };
    assert_eq!(write(&owner, &only(&owner).await, &freed).await, Written::Done);
    assert_eq!(only(&other).await, freed, "whoever means to take the request away does");
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_known_again() {
    let server = Server::start().await;
    let table = server.table();
    let mut was = row("a", after(1));
    server.next([Fate::Served, Fate::DoneUnheard]);
    assert!(matches!(table.create(std::slice::from_ref(&was)).await, Err(StoreError::Busy(_))));
    table.create(std::slice::from_ref(&was)).await.unwrap();
    assert_eq!(only(&table).await, was);
    for n in 2..5 {
        let now = renewed(&was, "one", after(n));
        server.next([Fate::DoneUnheard]);
        let lost = table.write(&[change(&was, &now)]).await;
        assert!(matches!(lost, Err(StoreError::Busy(_))), "{lost:?}");
        if n == 3 {
            // Another asks for it before the owner comes again.
            let other = server.table();
            let there = only(&other).await;
            assert_eq!(write(&other, &there, &asked_for(&there, "two")).await, Written::Done);
        }
        assert_eq!(write(&table, &was, &now).await, Written::Done, "{n}");
        assert_eq!(server.field("a", "sequence"), json!(n.to_string()));
        was = now;
    }
    let freed = Row { owner: None, counter: was.counter + 1, wanted_by: None, ..was.clone() };
    server.next([Fate::DoneUnheard]);
    assert!(table.write(&[change(&was, &freed)]).await.is_err());
    assert_eq!(write(&table, &was, &freed).await, Written::Done);
    server.next([Fate::DoneUnheard]);
    assert!(table.remove(std::slice::from_ref(&freed)).await.is_err());
    table.remove(std::slice::from_ref(&freed)).await.unwrap();
    assert_eq!(table.list().await.unwrap(), []);
}

/// What the owner meant to write next is not what was done unheard: it must see its own row, to go on from it.
#[tokio::test]
async fn a_lost_write_and_another_one_since_is_a_conflict_with_ones_own_row() {
    let server = Server::start().await;
    let table = server.table();
    let was = renewed(&row("a", after(1)), "one", after(1));
    table.create(std::slice::from_ref(&was)).await.unwrap();
    let lost = renewed(&was, "one", after(2));
    server.next([Fate::DoneUnheard]);
    assert!(table.write(&[change(&was, &lost)]).await.is_err());
    let further = renewed(&was, "one", after(3));
    assert_eq!(write(&table, &was, &further).await, Written::Conflict(Some(lost.clone())));
    assert_eq!(write(&table, &lost, &renewed(&lost, "one", after(3))).await, Written::Done);
}

#[tokio::test]
async fn half_a_bulk_is_no_answer_and_the_other_half_is_done_next_time() {
    let server = Server::start().await;
    let table = server.table();
    let rows: Vec<_> = ["a", "b", "c"].map(|shard| row(shard, after(1))).into();
    server.next([Fate::Served, Fate::HalfDone(503, "unavailable_shards_exception")]);
    assert!(matches!(table.create(&rows).await, Err(StoreError::Busy(_))));
    table.create(&rows).await.unwrap();
    assert_eq!(table.list().await.unwrap(), rows);
    let changes: Vec<_> = rows.iter().map(|row| change(row, &renewed(row, "one", after(2)))).collect();
    server.next([Fate::HalfDone(429, "rejected_execution_exception")]);
    assert!(matches!(table.write(&changes).await, Err(StoreError::Busy(_))));
    assert_eq!(table.write(&changes).await.unwrap(), vec![Written::Done; 3]);
    assert!(table.list().await.unwrap().iter().all(|row| (row.counter, &row.position) == (1, &after(2))));
}

#[tokio::test]
async fn a_row_that_somebody_removed_is_not_made_again() {
    let server = Server::start().await;
    let table = server.table();
    let was = row("a", after(1));
    table.create(std::slice::from_ref(&was)).await.unwrap();
    server.cluster.lock().unwrap().documents.clear();
    assert_eq!(write(&table, &was, &renewed(&was, "one", after(2))).await, Written::Conflict(None));
    assert_eq!(table.list().await.unwrap(), []);
}

#[tokio::test]
async fn only_rows_that_are_as_they_were_are_removed() {
    let server = Server::start().await;
    let (table, other) = (server.table(), server.table());
    let rows: Vec<_> = ["a", "b", "c"].map(|shard| row(shard, Position::End)).into();
    table.create(&rows).await.unwrap();
    other.list().await.unwrap();
    let taken = renewed(&rows[0], "other", Position::End);
    assert_eq!(write(&other, &rows[0], &taken).await, Written::Done);
    assert_eq!(write(&other, &rows[1], &asked_for(&rows[1], "other")).await, Written::Done);
    other.remove(&rows[2..]).await.unwrap();
    table.remove(&rows).await.unwrap();
    assert_eq!(table.list().await.unwrap(), [taken]);
}

/// A restored snapshot rewinds the positions with the data (snowplow-elasticsearch-loader 22): whoever still works on
/// what was there before is fenced, whoever starts goes on from what was restored.
#[tokio::test]
async fn snowplow_39_a_restored_snapshot_rewinds_positions_and_fences_who_worked_past_it() {
    let server = Server::start().await;
    let table = server.table();
    let kept = renewed(&row("a", after(1)), "one", after(1));
    table.create(std::slice::from_ref(&kept)).await.unwrap();
    let snapshot = server.cluster.lock().unwrap().documents.clone();
    let past = renewed(&kept, "one", after(2));
    assert_eq!(write(&table, &kept, &past).await, Written::Done);
    server.cluster.lock().unwrap().documents = snapshot;
    let next = renewed(&past, "one", after(3));
    assert_eq!(write(&table, &past, &next).await, Written::Conflict(Some(kept.clone())));
    assert_eq!(only(&server.table()).await, kept);
}

#[tokio::test]
async fn what_an_earlier_version_wrote_is_read_and_written_on() {
    let server = Server::start().await;
    let id = id("essink", ARN, "a");
    let document = json!({
        "kind": "position", "group": "essink", "stream": ARN, "shard": "a",
        "at": "after", "sequence": "17", "written_by": "7-00ff",
    });
    server.cluster.lock().unwrap().put(&id, document);
    let table = server.table();
    let was = only(&table).await;
    assert_eq!(was, row("a", after(17)));
    assert_eq!(write(&table, &was, &renewed(&was, "one", after(18))).await, Written::Done);
    assert_eq!((server.field("a", "owner"), server.field("a", "written_by")), (json!("one"), Value::Null));
}

#[tokio::test]
async fn what_passes_is_busy_and_what_does_not_halts() {
    async fn check(fate: Fate, busy: bool) {
        let server = Server::start().await;
        let table = server.table();
        let was = row("a", after(1));
        table.create(std::slice::from_ref(&was)).await.unwrap();
        server.next([fate]);
        let change = change(&was, &renewed(&was, "one", after(2)));
        let result = table.write(std::slice::from_ref(&change)).await;
        match &result {
            Err(StoreError::Busy(words)) if busy => assert!(words.contains("essink-state"), "{words}"),
            Err(StoreError::Halt(words)) if !busy => assert!(words.contains("essink-state"), "{words}"),
            _ => panic!("{result:?}"),
        }
        // Nothing was done, and nothing stands in the way of doing it.
        assert_eq!(table.write(&[change]).await.unwrap(), [Written::Done]);
    }
    let whole = |status, kind| Fate::Refused(status, json!({"error": {"type": kind, "reason": "r"}, "status": status}));
    check(Fate::Items(429, "rejected_execution_exception"), true).await;
    check(Fate::Items(429, "cluster_block_exception"), true).await;
    check(Fate::Items(403, "cluster_block_exception"), true).await;
    check(Fate::Items(503, "unavailable_shards_exception"), true).await;
    check(Fate::Items(403, "security_exception"), false).await;
    check(Fate::Items(404, "index_not_found_exception"), false).await;
    check(whole(429, "circuit_breaking_exception"), true).await;
    check(whole(503, "no_shard_available_action_exception"), true).await;
    check(whole(401, "security_exception"), false).await;
    check(whole(403, "security_exception"), false).await;
    check(whole(404, "index_not_found_exception"), false).await;
    check(Fate::Refused(200, json!("<html>")), true).await;
    check(Fate::Refused(200, json!({"items": []})), true).await;
    let another = json!({"items": [{"create": {"_id": "x", "status": 201, "_seq_no": 1, "_primary_term": 1}}]});
    check(Fate::Refused(200, another), true).await;
}

/// An index that vanishes under a worker is not an empty one: filled anew, it would hide what others hold.
#[tokio::test]
async fn an_index_that_was_removed_while_in_use_halts() {
    let server = Server::start().await;
    let table = server.table();
    let was = row("a", after(1));
    table.create(std::slice::from_ref(&was)).await.unwrap();
    let missing = || json!({"type": "index_not_found_exception", "reason": "no such index"});
    server.next([Fate::Refused(404, json!({"error": missing(), "status": 404}))]);
    let listed = table.list().await;
    assert!(matches!(&listed, Err(StoreError::Halt(words)) if words.contains("removed while in use")), "{listed:?}");
    let unknown = json!({"docs": [{"_id": id("essink", ARN, "b"), "error": missing()}]});
    server.next([Fate::Refused(200, unknown)]);
    let other = row("b", after(1));
    let written = table.write(&[change(&other, &renewed(&other, "one", after(2)))]).await;
    assert!(matches!(&written, Err(StoreError::Halt(words)) if words.contains("removed while in use")), "{written:?}");
}

/// Half of the rows, taken for all of them, would read the other half of the stream from the start.
#[tokio::test]
async fn a_partial_answer_is_never_taken_for_all_rows() {
    async fn check(faults: Vec<Fate>) {
        let server = Server::start().await;
        server.table().create(&[row("a", after(1))]).await.unwrap();
        server.next(faults);
        let result = server.table().list().await;
        assert!(matches!(result, Err(StoreError::Busy(_))), "{result:?}");
    }
    let shards = |failed| json!({"total": 1, "successful": 0, "failed": failed});
    let search = |timed_out, failed| json!({"timed_out": timed_out, "_shards": shards(failed), "hits": {"hits": []}});
    check(vec![Fate::Refused(200, json!({"_shards": shards(1)}))]).await;
    check(vec![Fate::Served, Fate::Refused(200, search(true, 0))]).await;
    check(vec![Fate::Served, Fate::Refused(200, search(false, 1))]).await;
    check(vec![Fate::Served, busy()]).await;
    check(vec![busy()]).await;
}

#[tokio::test]
async fn documents_that_essink_did_not_write_halt() {
    async fn check(shard: &str, change: impl Fn(&mut Value), why: &str) {
        let server = Server::start().await;
        server.table().create(&[row("a", after(1))]).await.unwrap();
        {
            let mut cluster = server.cluster.lock().unwrap();
            let mut document = cluster.documents[&id("essink", ARN, "a")].1.clone();
            change(&mut document);
            let id = id("essink", ARN, shard);
            cluster.put(&id, document);
        }
        match server.table().list().await {
            Err(StoreError::Halt(words)) => assert!(words.contains(why), "{words:?} does not say {why:?}"),
            other => panic!("{why}: {other:?}"),
        }
    }
    check("a", |d| d["sequence"] = json!("x"), "`sequence` is not").await;
    check("a", |d| d["at"] = json!("end"), "do not fit").await;
    check("b", |_| {}, "its id is not").await;
}

#[tokio::test]
async fn the_index_is_made_once_and_a_foreign_one_is_refused() {
    async fn check(faults: Vec<Fate>, asked: &str, expected: Result<bool, &str>) {
        let server = Server::start().await;
        server.next(faults);
        let result = server.table().ensure_index().await;
        assert_eq!(server.asked(), asked);
        match (result, expected) {
            (Ok(made), Ok(expected)) => assert_eq!(made, expected, "{asked}"),
            (Err(StoreError::Halt(words)), Err(why)) => assert!(words.contains(why), "{words:?}: {why:?}"),
            (other, _) => panic!("{asked}: {other:?}"),
        }
    }
    let missing = || Fate::Refused(404, json!({"error": {"type": "index_not_found_exception"}, "status": 404}));
    let made = || Fate::Refused(200, json!({"acknowledged": true}));
    let exists = || Fate::Refused(400, json!({"error": {"type": "resource_already_exists_exception"}, "status": 400}));
    let ours = || Fate::Refused(200, json!({"essink-state": {"mappings": index_body()["mappings"]}}));
    let guessed = || {
        let text = json!({"type": "text", "fields": {"keyword": {"type": "keyword"}}});
        let properties = json!({"kind": text, "group": text, "stream": text, "shard": text});
        Fate::Refused(200, json!({"essink-state": {"mappings": {"properties": properties}}}))
    };
    let denied = || Fate::Refused(403, json!({"error": {"type": "security_exception", "reason": "no"}, "status": 403}));
    check(vec![ours()], "_mapping", Ok(false)).await;
    check(vec![missing(), made()], "_mapping /essink-state", Ok(true)).await;
    check(vec![missing(), exists(), ours()], "_mapping /essink-state _mapping", Ok(false)).await;
    check(vec![missing(), exists(), guessed()], "_mapping /essink-state _mapping", Err("field `kind`")).await;
    check(vec![guessed()], "_mapping", Err("not made by essink")).await;
    check(vec![missing(), denied()], "_mapping /essink-state", Err("essink-state")).await;
}
