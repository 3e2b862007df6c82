//! Leases in the target cluster: one document a shard, moved by compare-and-set.
//!
//! Every write names the version (`if_seq_no`, `if_primary_term`) that was read or written last, or is a
//! `create`: whoever wrote in between fences the other out, and no clock is asked. Serverless collections
//! have no versions: there the state goes to a file.

mod document;
mod reply;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use self::document::{Document, KEYWORDS, KIND, id, index_body};
use self::reply::{Found, Version, Write, hits, lookup, refreshed, refusal, removed, writes};
use super::change::{Intent, Meeting};
use super::form::Lease;
use super::table::{Change, LeaseTable, Row, Written};
use crate::opensearch::client::{Answer, Client};
use crate::opensearch::judge::{Fault, judge_request};
use crate::pipeline::ports::StoreError;
use crate::pipeline::position::ShardId;

/// Documents a search or a bulk request: half a megabyte of the latter.
const PAGE: usize = 1000;
/// Leases of one group on one stream; no account may have so many shards in a stream's retention.
const LEASES_MAX: usize = 200_000;
/// Streams of one group that are told apart; more only matter to who has forgotten the name of its own.
const STREAMS_MAX: usize = 1_000;
/// A row that others keep writing to is tried again so often: each round is another's request in between.
const ROUNDS: usize = 5;

/// Where leases are kept, and whose they are.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// `essink-state`.
    pub index: String,
    /// ARN of the stream.
    pub stream: String,
    /// `--group`: each group reads the stream for itself.
    pub group: String,
}

/// Leases in an index of the target cluster.
#[derive(Debug)]
pub struct ClusterTable {
    client: Client,
    options: ClusterOptions,
    known: Mutex<Known>,
}

/// Rows as they were last listed, written or met, each with the version that a write has to name.
type Known = BTreeMap<ShardId, (Row, Version)>;

impl ClusterTable {
    /// A table that nobody has asked yet.
    pub fn new(client: Client, options: ClusterOptions) -> Self {
        Self { client, options, known: Mutex::default() }
    }

    /// ARNs of the group's streams in the index. Only `group` and the index of the options matter.
    pub async fn streams(&self) -> Result<Vec<String>, StoreError> {
        let term = |field: &str, value: &str| json!({"term": {field: value}});
        let search = json!({
            "size": 0, "query": {"bool": {"filter": [term("kind", KIND), term("group", &self.options.group)]}},
            "aggs": {"streams": {"terms": {"field": "stream", "size": STREAMS_MAX}}},
        });
        let path = format!("/{}/_search?allow_partial_search_results=false", self.options.index);
        let found = self.ask(Method::POST, path, Some(Bytes::from(search.to_string()))).await?;
        let found = found.map_or(Value::Null, |answer| answer.json());
        let buckets = found["aggregations"]["streams"]["buckets"].as_array().into_iter().flatten();
        Ok(buckets.filter_map(|bucket| bucket["key"].as_str().map(str::to_owned)).collect())
    }

    /// Makes the index, or checks that the one that is there can be searched as leases need it. Says whether it
    /// was made now.
    pub async fn ensure_index(&self) -> Result<bool, StoreError> {
        let index = &self.options.index;
        if self.has_index().await? {
            return Ok(false);
        }
        let body = Bytes::from(index_body().to_string());
        let answer = self.exchange(Method::PUT, format!("/{index}"), Some(body)).await?;
        let kind = Fault::of_answer(&answer.body).kind().to_owned();
        match judge_request(answer.status, &answer.body) {
            None => Ok(true),
            // Another worker was faster.
            Some(_) if kind == "resource_already_exists_exception" => self.has_index().await.map(|_| false),
            Some(verdict) => Err(refusal(verdict, index)),
        }
    }

    /// Whether the index is there. One with guessed types would find no lease, and the stream be read anew.
    pub async fn has_index(&self) -> Result<bool, StoreError> {
        let index = &self.options.index;
        let Some(answer) = self.ask(Method::GET, format!("/{index}/_mapping"), None).await? else {
            return Ok(false);
        };
        let answer = answer.json();
        let mappings = answer.as_object().and_then(|indices| indices.values().next()).unwrap_or(&Value::Null);
        for field in KEYWORDS {
            let kind = &mappings["mappings"]["properties"][field]["type"];
            if kind != "keyword" {
                return Err(StoreError::Halt(format!(
                    "index {index} was not made by essink, its field `{field}` is {kind} and not \"keyword\": name another with --state-index, or delete this one"
                )));
            }
        }
        Ok(true)
    }

    async fn exchange(&self, method: Method, path: String, body: Option<Bytes>) -> Result<Answer, StoreError> {
        self.client.send_once(method, &path, body).await.map_err(|e| StoreError::Busy(e.to_string()))
    }

    /// The answer when it is a success, `None` when there is no such index.
    async fn ask(&self, method: Method, path: String, body: Option<Bytes>) -> Result<Option<Answer>, StoreError> {
        let answer = self.exchange(method, path, body).await?;
        let verdict = judge_request(answer.status, &answer.body);
        match verdict {
            None => Ok(Some(answer)),
            Some(_) if answer.status == 404 && Fault::of_answer(&answer.body).kind() == "index_not_found_exception" => {
                Ok(None)
            }
            Some(verdict) => Err(refusal(verdict, &self.options.index)),
        }
    }

    fn id(&self, shard: &ShardId) -> String {
        id(&self.options.group, &self.options.stream, &shard.0)
    }

    /// One page of documents, those after the shard `last`.
    async fn page(&self, last: Option<&ShardId>) -> Result<Vec<Found>, StoreError> {
        let ClusterOptions { index, stream, group, .. } = &self.options;
        let term = |field: &str, value: &str| json!({"term": {field: value}});
        let mut search = json!({
            "size": PAGE, "seq_no_primary_term": true, "sort": [{"shard": "asc"}],
            "query": {"bool": {"filter": [term("kind", KIND), term("group", group), term("stream", stream)]}},
        });
        if let Some(last) = last {
            search["search_after"] = json!([&*last.0]);
        }
        let path = format!("/{index}/_search?allow_partial_search_results=false");
        match self.ask(Method::POST, path, Some(Bytes::from(search.to_string()))).await? {
            Some(answer) => hits(&answer.body, index),
            None => Ok(Vec::new()),
        }
    }

    /// A document as a row and its version; refuses one that essink did not write under that id.
    fn read(&self, found: Found) -> Result<(Row, Version), StoreError> {
        let (index, version) = (&self.options.index, found.version());
        let foreign = |why: &str| {
            StoreError::Halt(format!("document {:?} in index {index} cannot be understood: {why}; remove it", found.id))
        };
        let document = found.document.ok_or_else(|| foreign("it has no source"))?;
        let shard = ShardId::from(document.shard.as_str());
        if found.id != self.id(&shard) {
            return Err(foreign("its id is not that of its group, stream and shard"));
        }
        let version = version.ok_or_else(|| foreign("the cluster gives it no version"))?;
        Ok((document.lease.row(shard).map_err(foreign)?, version))
    }

    /// Carries out at most a page of intents. A row of which a newer version is there is looked at: it may be the
    /// same but for a request, or what we wrote ourselves without hearing of it.
    async fn carry_out(&self, known: &mut Known, intents: &[Intent<'_>]) -> Result<Vec<Written>, StoreError> {
        let mut ends: Vec<Option<Written>> = vec![None; intents.len()];
        for _ in 0..ROUNDS {
            let open = |at: &usize| ends[*at].is_none();
            let open: Vec<usize> = (0..intents.len()).filter(open).collect();
            let seen = |at: &usize| known.get(&intents[*at].row().shard).is_some_and(|(row, _)| intents[*at].saw(row));
            let unseen = open.iter().filter(|at| !seen(at)).map(|at| &intents[*at].row().shard).collect();
            self.look_up(known, unseen).await?;
            let mut writes = Vec::new();
            for at in open {
                let there = known.get(&intents[at].row().shard);
                match (intents[at].meet(there.map(|(row, _)| row)), there) {
                    (Meeting::Ended(end), _) => ends[at] = Some(end),
                    (Meeting::Write(row), Some((_, version))) => {
                        writes.push(Conditional { at, shard: &intents[at].row().shard, version: *version, row });
                    }
                    // What is not there is met as ended or in conflict.
                    (Meeting::Write(_), None) => ends[at] = Some(Written::Conflict(None)),
                }
            }
            for at in self.send(known, writes).await? {
                ends[at] = Some(Written::Done);
            }
            if ends.iter().all(Option::is_some) {
                return Ok(ends.into_iter().flatten().collect());
            }
        }
        Err(StoreError::Busy(format!("leases in index {} keep changing under our writes", self.options.index)))
    }

    /// Learns what is there now. By id, which sees what was written a moment ago; a search would not.
    async fn look_up(&self, known: &mut Known, shards: Vec<&ShardId>) -> Result<(), StoreError> {
        if shards.is_empty() {
            return Ok(());
        }
        let index = &self.options.index;
        let ids: Vec<String> = shards.iter().map(|shard| self.id(shard)).collect();
        let body = Bytes::from(json!({"ids": ids}).to_string());
        let answer = self.ask(Method::POST, format!("/{index}/_mget"), Some(body)).await?;
        let answer = answer.ok_or_else(|| removed(index))?;
        for (shard, found) in shards.into_iter().zip(lookup(&answer.body, index, &ids)?) {
            match found.document.is_some() {
                true => known.insert(shard.clone(), self.read(found)?),
                false => known.remove(shard),
            };
        }
        Ok(())
    }

    /// One bulk request of conditional writes; gives the intents that are done. Those that met another version are
    /// not known any more; any other failure is an error for all.
    async fn send(&self, known: &mut Known, writes: Vec<Conditional<'_>>) -> Result<Vec<usize>, StoreError> {
        let mut body = String::new();
        for write in &writes {
            let Version { seq_no, primary_term } = write.version;
            let meta = json!({"_id": self.id(write.shard), "if_seq_no": seq_no, "if_primary_term": primary_term});
            match &write.row {
                Some(row) => body.push_str(&format!("{}\n{}\n", json!({"index": meta}), self.document(row))),
                None => body.push_str(&format!("{}\n", json!({"delete": meta}))),
            }
        }
        let shards: Vec<&ShardId> = writes.iter().map(|write| write.shard).collect();
        let (mut done, mut worst) = (Vec::new(), None);
        for (end, Conditional { at, shard, row, .. }) in self.bulk(body, &shards).await?.into_iter().zip(writes) {
            match (end, row) {
                (Write::Done(version), Some(row)) => {
                    known.insert(shard.clone(), (row, version));
                    done.push(at);
                }
                (Write::Done(_), None) => {
                    known.remove(shard);
                    done.push(at);
                }
                (Write::Conflict, _) => drop(known.remove(shard)),
                (Write::Failed(failure), _) => worst = Some(worse(worst, failure)),
            }
        }
        worst.map_or(Ok(done), Err)
    }

    /// One answer a shard, in order; no request at all for none.
    async fn bulk(&self, body: String, shards: &[&ShardId]) -> Result<Vec<Write>, StoreError> {
        if shards.is_empty() {
            return Ok(Vec::new());
        }
        let index = &self.options.index;
        let ids: Vec<String> = shards.iter().map(|shard| self.id(shard)).collect();
        let answer = self.ask(Method::POST, format!("/{index}/_bulk"), Some(Bytes::from(body))).await?;
        writes(&answer.ok_or_else(|| removed(index))?.body, index, &ids)
    }

    fn document(&self, row: &Row) -> Value {
        let ClusterOptions { stream, group, .. } = &self.options;
        json!(Document {
            kind: KIND.to_owned(),
            group: group.clone(),
            stream: stream.clone(),
            shard: row.shard.to_string(),
            lease: Lease::from(row),
        })
    }
}

/// A write that names the version it replaces.
struct Conditional<'a> {
    /// Which intent it carries out.
    at: usize,
    shard: &'a ShardId,
    version: Version,
    /// `None` removes the row.
    row: Option<Row>,
}

/// What does not pass by waiting says more.
fn worse(worst: Option<StoreError>, failure: StoreError) -> StoreError {
    match worst {
        Some(halt @ StoreError::Halt(_)) => halt,
        _ => failure,
    }
}

impl LeaseTable for ClusterTable {
    async fn list(&self) -> Result<Vec<Row>, StoreError> {
        let mut known = self.known.lock().await;
        let index = &self.options.index;
        // A search sees what was there at the last refresh, which may be a second ago, or, where nobody searches, never.
        // An index of some leases is refreshed and searched in milliseconds.
        let Some(answer) = self.ask(Method::POST, format!("/{index}/_refresh"), None).await? else {
            return if known.is_empty() { Ok(Vec::new()) } else { Err(removed(index)) };
        };
        refreshed(&answer.body, index)?;
        let mut listed = Known::new();
        loop {
            let page = self.page(listed.last_key_value().map(|(shard, _)| shard)).await?;
            let n_found = page.len();
            for found in page {
                let (row, version) = self.read(found)?;
                listed.insert(row.shard.clone(), (row, version));
            }
            if n_found < PAGE {
                break;
            }
            if listed.len() > LEASES_MAX {
                let words = format!("index {index} holds more than {LEASES_MAX} leases of this group and stream");
                return Err(StoreError::Halt(words));
            }
        }
        *known = listed;
        Ok(known.values().map(|(row, _)| row.clone()).collect())
    }

    async fn create(&self, rows: &[Row]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut known = self.known.lock().await;
        // Made by the first write instead, its fields would have guessed types, and no search find a lease.
        self.ensure_index().await?;
        for page in rows.chunks(PAGE) {
            let mut body = String::new();
            for row in page {
                let action = json!({"create": {"_id": self.id(&row.shard)}});
                body.push_str(&format!("{action}\n{}\n", self.document(row)));
            }
            let shards: Vec<&ShardId> = page.iter().map(|row| &row.shard).collect();
            let mut worst = None;
            for (end, row) in self.bulk(body, &shards).await?.into_iter().zip(page) {
                match end {
                    Write::Done(version) => drop(known.insert(row.shard.clone(), (row.clone(), version))),
                    Write::Conflict => {}
                    Write::Failed(failure) => worst = Some(worse(worst, failure)),
                }
            }
            worst.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    async fn write(&self, changes: &[Change]) -> Result<Vec<Written>, StoreError> {
        let mut known = self.known.lock().await;
        let mut ends = Vec::with_capacity(changes.len());
        for page in changes.chunks(PAGE) {
            let intents: Vec<Intent<'_>> = page.iter().map(Intent::from).collect();
            ends.extend(self.carry_out(&mut known, &intents).await?);
        }
        Ok(ends)
    }

    async fn remove(&self, rows: &[Row]) -> Result<(), StoreError> {
        let mut known = self.known.lock().await;
        for page in rows.chunks(PAGE) {
            let intents: Vec<Intent<'_>> = page.iter().map(Intent::removal).collect();
            self.carry_out(&mut known, &intents).await?;
        }
        Ok(())
    }
}
