use std::collections::VecDeque;
use std::sync::{Arc, Mutex as StdMutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;

use super::*;
use crate::event::time::Millis;
use crate::opensearch::client::Connection;
use crate::pipeline::position::Sequence;

const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";

/// A cluster of one index: versions as the real ones count them, and faults for the next requests.
#[derive(Default)]
struct Cluster {
    documents: BTreeMap<String, (u64, Value)>,
    next_seq_no: u64,
    faults: VecDeque<Fate>,
    asked: Vec<String>,
}

/// What happens to a request.
#[derive(Clone)]
enum Fate {
    Served,
    /// Answered in place of the cluster; it never saw the request.
    Refused(u16, Value),
    /// The cluster does it, and the answer is lost.
    DoneUnheard,
    /// Its items are not done, and answered so.
    Items(u16, &'static str),
}

type Shared = Arc<StdMutex<Cluster>>;

impl Cluster {
    /// Answers as a real one; only what the store asks for.
    fn answer(&mut self, path: &str, body: &str) -> (u16, Value) {
        self.asked.push(path.to_owned());
        let fate = self.faults.pop_front().unwrap_or(Fate::Served);
        if let Fate::Refused(status, answer) = fate {
            return (status, answer);
        }
        let answer = match path {
            "/essink-state/_refresh" => json!({"_shards": {"total": 2, "successful": 1, "failed": 0}}),
            "/essink-state/_bulk" => self.bulk(body, &fate),
            "/essink-state/_mget" => self.lookup(body),
            "/essink-state/_search" => self.search(body),
            _ => panic!("asked for {path}"),
        };
        if matches!(fate, Fate::DoneUnheard) { (502, json!("Bad Gateway")) } else { (200, answer) }
    }

    fn bulk(&mut self, body: &str, fate: &Fate) -> Value {
        let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let items: Vec<Value> = lines.chunks(2).map(|pair| self.write(&pair[0], &pair[1], fate)).collect();
        json!({"took": 1, "errors": true, "items": items})
    }

    fn write(&mut self, action: &Value, document: &Value, fate: &Fate) -> Value {
        let (kind, meta) = action.as_object().unwrap().iter().next().unwrap();
        let id = meta["_id"].as_str().unwrap().to_owned();
        let there = self.documents.get(&id).map(|(seq_no, _)| *seq_no);
        let item = match fate {
            Fate::Items(status, error) => {
                json!({"_id": id, "status": status, "error": {"type": error, "reason": "so it is"}})
            }
            _ if there != meta["if_seq_no"].as_u64() => {
                json!({"_id": id, "status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "no"}})
            }
            _ => {
                let seq_no = self.put(&id, document.clone());
                json!({"_id": id, "status": 201, "_seq_no": seq_no, "_primary_term": 1})
            }
        };
        json!({kind: item})
    }

    fn put(&mut self, id: &str, document: Value) -> u64 {
        self.next_seq_no += 1;
        self.documents.insert(id.to_owned(), (self.next_seq_no, document));
        self.next_seq_no
    }

    fn found(&self, id: &str) -> Value {
        match self.documents.get(id) {
            Some((seq_no, source)) => {
                json!({"_id": id, "found": true, "_seq_no": seq_no, "_primary_term": 1, "_source": source})
            }
            None => json!({"_id": id, "found": false}),
        }
    }

    fn lookup(&self, body: &str) -> Value {
        let asked: Value = serde_json::from_str(body).unwrap();
        let ids = asked["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap());
        json!({"docs": ids.map(|id| self.found(id)).collect::<Vec<_>>()})
    }

    fn search(&self, body: &str) -> Value {
        let asked: Value = serde_json::from_str(body).unwrap();
        let terms: Vec<(String, Value)> = asked["query"]["bool"]["filter"]
            .as_array()
            .unwrap()
            .iter()
            .map(|filter| filter["term"].as_object().unwrap().iter().next().unwrap())
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect();
        let after = asked["search_after"][0].as_str().unwrap_or("");
        let mut hits: Vec<(&str, &String)> = self
            .documents
            .iter()
            .filter(|(_, (_, source))| terms.iter().all(|(field, value)| source[field] == *value))
            .map(|(id, (_, source))| (source["shard"].as_str().unwrap(), id))
            .filter(|(shard, _)| *shard > after)
            .collect();
        hits.sort_unstable();
        hits.truncate(usize::try_from(asked["size"].as_u64().unwrap()).unwrap());
        let hits: Vec<Value> = hits.into_iter().map(|(_, id)| self.found(id)).collect();
        json!({"timed_out": false, "_shards": {"failed": 0}, "hits": {"hits": hits}})
    }
}

/// A running fake, and stores that speak to it.
struct Server {
    cluster: Shared,
    url: String,
}

impl Server {
    async fn start() -> Self {
        let cluster = Shared::default();
        let served = cluster.clone();
        let app = Router::new().fallback(move |request: Request| {
            let served = served.clone();
            async move {
                let path = request.uri().path().to_owned();
                let body = axum::body::to_bytes(request.into_body(), 1 << 24).await.unwrap();
                let (status, answer) = served.lock().unwrap().answer(&path, std::str::from_utf8(&body).unwrap());
                Response::builder().status(status).body(Body::from(answer.to_string())).unwrap()
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { cluster, url }
    }

    fn store(&self, worker: &str) -> ClusterStore {
        let client = Client::new(Connection::to(&self.url)).unwrap();
        let (index, stream, group) = ("essink-state".to_owned(), ARN.to_owned(), "essink".to_owned());
        ClusterStore::new(client, ClusterOptions { index, stream, group, worker: worker.to_owned() })
    }

    fn next(&self, faults: impl IntoIterator<Item = Fate>) {
        self.cluster.lock().unwrap().faults = faults.into_iter().collect();
    }

    /// Requests since the last time, by the last part of their path.
    fn asked(&self) -> String {
        let asked = std::mem::take(&mut self.cluster.lock().unwrap().asked);
        asked.iter().map(|path| path.trim_start_matches("/essink-state/")).collect::<Vec<_>>().join(" ")
    }

    fn sequence_of(&self, shard: &str) -> Value {
        let cluster = self.cluster.lock().unwrap();
        cluster.documents[&id("essink", ARN, shard)].1["sequence"].clone()
    }
}

fn at(shard: &str, n: u32) -> (ShardId, Position) {
    (shard.into(), Position::After(Sequence::parse(n.to_string()).unwrap()))
}

fn busy() -> Fate {
    Fate::Refused(503, json!({"error": {"type": "cluster_manager_not_discovered_exception"}, "status": 503}))
}

#[tokio::test]
async fn positions_are_found_again_by_their_own_group_only() {
    let server = Server::start().await;
    let stored = [
        at("a", 17),
        ("b".into(), Position::TrimHorizon),
        ("c".into(), Position::At(Millis(1_700_000_000_123))),
        ("d".into(), Position::End),
    ];
    let first = server.store("one");
    assert_eq!(first.load().await.unwrap(), BTreeMap::new());
    first.store(&stored).await.unwrap();
    first.store(&[at("a", 18)]).await.unwrap();
    first.store(&[at("a", 18)]).await.unwrap();
    assert_eq!(server.asked(), "_refresh _search _bulk _bulk", "what does not move is not written");

    let mut expected = BTreeMap::from(stored);
    expected.extend([at("a", 18)]);
    assert_eq!(server.store("two").load().await.unwrap(), expected);
    let mut other = server.store("two");
    other.options.group = "copy".to_owned();
    assert_eq!(other.load().await.unwrap(), BTreeMap::new());
}

#[tokio::test]
async fn more_positions_than_a_page_are_stored_and_loaded_whole() {
    let server = Server::start().await;
    let many: Vec<_> = (0..2500).map(|n| at(&format!("shardId-{n:012}"), n + 1)).collect();
    server.store("one").store(&many).await.unwrap();
    assert_eq!(server.asked(), "_bulk _bulk _bulk");
    assert_eq!(server.store("two").load().await.unwrap(), many.into_iter().collect());
    assert_eq!(server.asked(), "_refresh _search _search _search");
}

/// No clock is compared: whoever wrote in between owns the shard (peers 4.1: Redpanda Connect compares clocks).
#[tokio::test]
async fn a_worker_that_another_overtook_is_fenced() {
    let server = Server::start().await;
    let (old, new) = (server.store("old"), server.store("new"));
    old.store(&[at("a", 1), at("b", 1)]).await.unwrap();
    new.load().await.unwrap();
    new.store(&[at("a", 5)]).await.unwrap();
    match old.store(&[at("a", 9), at("b", 9)]).await {
        Err(StoreError::Halt(words)) => {
            for part in ["shard a", "group `essink`", "new wrote", "--group"] {
                assert!(words.contains(part), "{words:?} does not say {part:?}");
            }
        }
        other => panic!("not fenced: {other:?}"),
    }
    assert_eq!((server.sequence_of("a"), server.sequence_of("b")), (json!("5"), json!("9")));
    assert!(matches!(old.store(&[at("a", 10)]).await, Err(StoreError::Halt(_))), "and stays fenced");
}

#[tokio::test]
async fn a_worker_that_never_loaded_overwrites_nothing() {
    let server = Server::start().await;
    server.store("one").store(&[at("a", 5)]).await.unwrap();
    assert!(matches!(server.store("two").store(&[at("a", 9)]).await, Err(StoreError::Halt(_))));
    assert_eq!(server.sequence_of("a"), json!("5"));
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_does_not_fence_its_own_writer() {
    let server = Server::start().await;
    let store = server.store("one");
    // The first write, then one that has a version; each is done, unheard, and sent again.
    for n in [1, 2] {
        server.next([Fate::DoneUnheard]);
        assert!(matches!(store.store(&[at("a", n)]).await, Err(StoreError::Busy(_))));
        store.store(&[at("a", n)]).await.unwrap();
    }
    // Meanwhile reading went on: what was done unheard is older than what is to be stored now.
    server.next([Fate::DoneUnheard, busy()]);
    assert!(matches!(store.store(&[at("a", 3)]).await, Err(StoreError::Busy(_))));
    assert!(matches!(store.store(&[at("a", 4)]).await, Err(StoreError::Busy(_))));
    store.store(&[at("a", 5)]).await.unwrap();
    assert_eq!(server.sequence_of("a"), json!("5"));
    store.store(&[at("a", 6)]).await.unwrap();
    assert_eq!(server.sequence_of("a"), json!("6"));
}

#[tokio::test]
async fn a_namesake_is_no_excuse() {
    let server = Server::start().await;
    let (one, namesake) = (server.store("same"), server.store("same"));
    one.store(&[at("a", 1)]).await.unwrap();
    namesake.load().await.unwrap();
    namesake.store(&[at("a", 5)]).await.unwrap();
    // Every answer has been heard, so a version that is not ours is not ours.
    assert!(matches!(one.store(&[at("a", 9)]).await, Err(StoreError::Halt(_))));
}

#[tokio::test]
async fn a_position_that_somebody_removed_is_not_made_again() {
    let server = Server::start().await;
    let store = server.store("one");
    store.store(&[at("a", 1)]).await.unwrap();
    server.cluster.lock().unwrap().documents.clear();
    assert!(matches!(store.store(&[at("a", 2)]).await, Err(StoreError::Halt(_))));
}

#[tokio::test]
async fn a_position_never_moves_back() {
    let server = Server::start().await;
    let store = server.store("one");
    store.store(&[at("a", 10)]).await.unwrap();
    store.store(&[at("a", 9), at("b", 1)]).await.unwrap();
    assert_eq!((server.sequence_of("a"), server.sequence_of("b")), (json!("10"), json!("1")));
}

#[tokio::test]
async fn what_passes_is_busy_and_what_does_not_halts() {
    async fn check(fate: Fate, busy: bool) {
        let server = Server::start().await;
        let store = server.store("one");
        server.next([fate]);
        let result = store.store(&[at("a", 1)]).await;
        match &result {
            Err(StoreError::Busy(words)) if busy => assert!(words.contains("essink-state"), "{words}"),
            Err(StoreError::Halt(words)) if !busy => assert!(words.contains("essink-state"), "{words}"),
            _ => panic!("{result:?}"),
        }
        // Nothing was done, and nothing stands in the way of doing it.
        store.store(&[at("a", 1)]).await.unwrap();
        assert_eq!(server.sequence_of("a"), json!("1"));
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

/// Half of the positions, taken for all of them, would read the other half of the stream from the start.
#[tokio::test]
async fn a_partial_answer_is_never_taken_for_all_positions() {
    async fn check(faults: Vec<Fate>) {
        let server = Server::start().await;
        server.store("one").store(&[at("a", 1)]).await.unwrap();
        server.next(faults);
        let result = server.store("two").load().await;
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
        server.store("one").store(&[at("a", 1)]).await.unwrap();
        {
            let mut cluster = server.cluster.lock().unwrap();
            let mut document = cluster.documents[&id("essink", ARN, "a")].1.clone();
            change(&mut document);
            let id = id("essink", ARN, shard);
            cluster.put(&id, document);
        }
        match server.store("two").load().await {
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
        let result = server.store("one").ensure_index().await;
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
