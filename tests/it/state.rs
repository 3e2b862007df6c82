//! Positions in a real cluster.

use std::collections::BTreeMap;

use essink::event::time::Millis;
use essink::lease::cluster::{ClusterOptions, ClusterStore};
use essink::opensearch::client::{Client, Connection};
use essink::pipeline::ports::{Positions, StoreError};
use essink::pipeline::position::{Position, Sequence, ShardId};
use http::Method;
use serde_json::json;
use testkit::search::shared;

const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";

fn client(url: &str) -> Client {
    Client::new(Connection::to(url)).unwrap()
}

fn store(url: &str, index: &str, group: &str, worker: &str) -> ClusterStore {
    let (index, stream) = (index.to_owned(), ARN.to_owned());
    ClusterStore::new(client(url), ClusterOptions { index, stream, group: group.to_owned(), worker: worker.to_owned() })
}

fn at(n_shard: usize, n: usize) -> (ShardId, Position) {
    let position =
        Position::After(Sequence::parse(format!("4959033827149025660855969253836157109592157598913658{n}")).unwrap());
    (ShardId::from(format!("shardId-{n_shard:012}").as_str()), position)
}

#[tokio::test]
async fn positions_are_kept_in_opensearch_3() {
    let search = shared().lease().await.unwrap();
    positions_are_kept(search.url()).await;
}

/// Everything a store of positions has to do, on the empty cluster at `url`.
pub async fn positions_are_kept(url: &str) {
    written_positions_are_found_at_once(url).await;
    two_workers_cannot_both_move_a_shard(url).await;
    an_index_with_guessed_types_is_refused(url).await;
    a_write_block_is_waited_for(url).await;
}

async fn written_positions_are_found_at_once(url: &str) {
    let index = "essink-state-found";
    let first = store(url, index, "essink", "one");
    assert_eq!(first.load().await.unwrap(), BTreeMap::new(), "no index is no position");
    first.ensure_index().await.unwrap();
    first.ensure_index().await.unwrap();
    let mut expected: BTreeMap<ShardId, Position> = (0..2300).map(|n| at(n, 1)).collect();
    expected.insert("a".into(), Position::TrimHorizon);
    expected.insert("b".into(), Position::At(Millis(1_700_000_000_123)));
    expected.insert("c".into(), Position::End);
    let all: Vec<_> = expected.clone().into_iter().collect();
    first.store(&all).await.unwrap();
    for n in 2..10 {
        first.store(&[at(7, n)]).await.unwrap();
    }
    expected.extend([at(7, 9)]);
    let second = store(url, index, "essink", "two");
    assert!(second.load().await.unwrap() == expected, "all of them, without waiting for a refresh");
    second.store(&[at(7, 10)]).await.unwrap();
    assert_eq!(store(url, index, "other", "two").load().await.unwrap(), BTreeMap::new());
    let odd = store(url, index, &"grüße |\"\\ ".repeat(60), "two");
    odd.store(&[at(1, 1)]).await.unwrap();
    odd.store(&[at(1, 2)]).await.unwrap();
    assert_eq!(odd.load().await.unwrap(), BTreeMap::from([at(1, 2)]));
}

async fn two_workers_cannot_both_move_a_shard(url: &str) {
    let (old, new) = (store(url, "essink-state-two", "essink", "old"), store(url, "essink-state-two", "essink", "new"));
    old.ensure_index().await.unwrap();
    old.store(&[at(1, 1), at(2, 1)]).await.unwrap();
    new.load().await.unwrap();
    new.store(&[at(1, 2)]).await.unwrap();
    let fenced = old.store(&[at(1, 3), at(2, 3)]).await;
    assert!(matches!(fenced, Err(StoreError::Halt(_))), "{fenced:?}");
    assert_eq!(new.load().await.unwrap(), BTreeMap::from([at(1, 2), at(2, 3)]));
    let late = store(url, "essink-state-two", "essink", "late").store(&[at(1, 9)]).await;
    assert!(matches!(late, Err(StoreError::Halt(_))), "one that never loaded: {late:?}");
}

async fn an_index_with_guessed_types_is_refused(url: &str) {
    let guess = json!({"kind": "k", "group": "g"});
    let made = client(url).send_json(Method::POST, "/essink-state-guessed/_doc", &guess).await.unwrap();
    assert!(made.is_success());
    let refused = store(url, "essink-state-guessed", "essink", "one").ensure_index().await;
    assert!(matches!(refused, Err(StoreError::Halt(_))), "{refused:?}");
}

async fn a_write_block_is_waited_for(url: &str) {
    let store = store(url, "essink-state-blocked", "essink", "one");
    store.ensure_index().await.unwrap();
    store.store(&[at(1, 1)]).await.unwrap();
    let block = async |on: bool| {
        let settings = json!({"index.blocks.write": on});
        let done = client(url).send_json(Method::PUT, "/essink-state-blocked/_settings", &settings).await.unwrap();
        assert!(done.is_success());
    };
    block(true).await;
    let blocked = store.store(&[at(1, 2)]).await;
    assert!(matches!(blocked, Err(StoreError::Busy(_))), "{blocked:?}");
    block(false).await;
    store.store(&[at(1, 2)]).await.unwrap();
    assert_eq!(store.load().await.unwrap(), BTreeMap::from([at(1, 2)]));
}
