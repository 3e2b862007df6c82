//! A cluster with one index that goes wrong when told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as StdMutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;

use super::*;
use crate::opensearch::client::Connection;

/// A cluster of one index: versions as the real ones count them, and faults for the next requests.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) documents: BTreeMap<String, (u64, Value)>,
    next_seq_no: u64,
    faults: VecDeque<Fate>,
    asked: Vec<String>,
}

/// What happens to a request.
#[derive(Clone)]
pub(super) enum Fate {
    Served,
    /// Answered in place of the cluster; it never saw the request.
    Refused(u16, Value),
    /// The cluster does it, and the answer is lost.
    DoneUnheard,
    /// Its items are not done, and answered so.
    Items(u16, &'static str),
    /// Every other item is done, the rest is not.
    HalfDone(u16, &'static str),
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
            "/essink-state/_mapping" => json!({"essink-state": {"mappings": index_body()["mappings"]}}),
            _ => panic!("asked for {path}"),
        };
        if matches!(fate, Fate::DoneUnheard) { (502, json!("Bad Gateway")) } else { (200, answer) }
    }

    fn bulk(&mut self, body: &str, fate: &Fate) -> Value {
        let mut lines = body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut items = Vec::new();
        while let Some(action) = lines.next() {
            let document = if action.get("delete").is_some() { Value::Null } else { lines.next().unwrap() };
            let half = matches!(fate, Fate::HalfDone(..)) && items.len() % 2 == 0;
            items.push(self.write(&action, &document, if half { &Fate::Served } else { fate }));
        }
        json!({"took": 1, "errors": true, "items": items})
    }

    fn write(&mut self, action: &Value, document: &Value, fate: &Fate) -> Value {
        let (kind, meta) = action.as_object().unwrap().iter().next().unwrap();
        let id = meta["_id"].as_str().unwrap().to_owned();
        let there = self.documents.get(&id).map(|(seq_no, _)| *seq_no);
        let item = match fate {
            Fate::Items(status, error) | Fate::HalfDone(status, error) => {
                json!({"_id": id, "status": status, "error": {"type": error, "reason": "so it is"}})
            }
            _ if there != meta["if_seq_no"].as_u64() => {
                json!({"_id": id, "status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "no"}})
            }
            _ if document.is_null() => {
                self.documents.remove(&id);
                self.next_seq_no += 1;
                json!({"_id": id, "status": 200, "result": "deleted", "_seq_no": self.next_seq_no, "_primary_term": 1})
            }
            _ => {
                let seq_no = self.put(&id, document.clone());
                json!({"_id": id, "status": 201, "_seq_no": seq_no, "_primary_term": 1})
            }
        };
        json!({kind: item})
    }

    pub(super) fn put(&mut self, id: &str, document: Value) -> u64 {
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
pub(super) struct Server {
    pub(super) cluster: Shared,
    url: String,
}

impl Server {
    pub(super) async fn start() -> Self {
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

    pub(super) fn table(&self) -> ClusterTable {
        self.table_of("essink")
    }

    pub(super) fn table_of(&self, group: &str) -> ClusterTable {
        let client = Client::new(Connection::to(&self.url)).unwrap();
        let (index, stream, group) = ("essink-state".to_owned(), ARN.to_owned(), group.to_owned());
        ClusterTable::new(client, ClusterOptions { index, stream, group })
    }

    pub(super) fn next(&self, faults: impl IntoIterator<Item = Fate>) {
        self.cluster.lock().unwrap().faults = faults.into_iter().collect();
    }

    /// Requests since the last time, by the last part of their path.
    pub(super) fn asked(&self) -> String {
        let asked = std::mem::take(&mut self.cluster.lock().unwrap().asked);
        asked.iter().map(|path| path.trim_start_matches("/essink-state/")).collect::<Vec<_>>().join(" ")
    }

    /// A field of a shard's document.
    pub(super) fn field(&self, shard: &str, field: &str) -> Value {
        let cluster = self.cluster.lock().unwrap();
        cluster.documents[&id("essink", ARN, shard)].1[field].clone()
    }
}
