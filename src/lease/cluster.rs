//! Positions in the target cluster: one document a shard, moved by compare-and-set.
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
use self::reply::{Found, Version, Write, hits, lookup, refreshed, refusal, writes};
use super::{is_progress, moves_on};
use crate::opensearch::client::{Answer, Client};
use crate::opensearch::judge::{Fault, judge_request};
use crate::pipeline::ports::{Positions, StoreError};
use crate::pipeline::position::{Position, ShardId};

/// Documents a search or a bulk request: half a megabyte of the latter.
const PAGE: usize = 1000;
/// Positions of one group on one stream; no account may have so many shards in a stream's retention.
const POSITIONS_MAX: usize = 200_000;
/// A write that meets itself is tried again so often.
const ROUNDS: usize = 3;

/// Where positions are kept, and whose they are.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// `essink-state`.
    pub index: String,
    /// ARN of the stream.
    pub stream: String,
    /// `--group`: each group reads the stream for itself.
    pub group: String,
    /// Names this process, and no other that ever was: a write that it does not remember is not taken for its own.
    pub worker: String,
}

/// Positions in an index of the target cluster.
#[derive(Debug)]
pub struct ClusterStore {
    client: Client,
    options: ClusterOptions,
    held: Mutex<BTreeMap<ShardId, Held>>,
}

/// What this worker knows of one document.
#[derive(Debug, Clone, Default)]
struct Held {
    /// As loaded, or as last written by us.
    stored: Option<(Position, Version)>,
    /// A write was sent and its answer never came: it may have happened.
    unsure: bool,
}

impl ClusterStore {
    /// A store that nobody has asked yet.
    pub fn new(client: Client, options: ClusterOptions) -> Self {
        Self { client, options, held: Mutex::default() }
    }

    /// Makes the index, or checks that the one that is there can be searched as positions need it. Says whether it
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

    /// Whether the index is there. One with guessed types would find no position, and the stream be read anew.
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

    /// A document as shard, position and version; refuses one that essink did not write under that id.
    fn read(&self, found: &Found) -> Result<(ShardId, Position, Version), StoreError> {
        let index = &self.options.index;
        let foreign = |why: &str| {
            StoreError::Halt(format!("document {:?} in index {index} cannot be understood: {why}; remove it", found.id))
        };
        let document = found.document.clone().ok_or_else(|| foreign("it has no source"))?;
        let shard = ShardId::from(document.shard.as_str());
        if found.id != self.id(&shard) {
            return Err(foreign("its id is not that of its group, stream and shard"));
        }
        let version = found.version().ok_or_else(|| foreign("the cluster gives it no version"))?;
        Ok((shard, document.written.position().map_err(foreign)?, version))
    }

    /// Writes at most a page of positions; what conflicts is compared with what is there.
    async fn write(
        &self,
        held: &mut BTreeMap<ShardId, Held>,
        mut moves: Vec<(ShardId, Position)>,
    ) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let (conflicts, failure) = self.send(held, moves).await?;
            moves = if conflicts.is_empty() { conflicts } else { self.reconcile(held, conflicts).await? };
            match failure {
                Some(failure) => return Err(failure),
                None if moves.is_empty() => return Ok(()),
                None => {}
            }
        }
        Err(StoreError::Busy(format!("positions in index {} keep changing under our own writes", self.options.index)))
    }

    /// One bulk request of conditional writes. Gives back those that met another version, and the worst failure.
    async fn send(
        &self,
        held: &mut BTreeMap<ShardId, Held>,
        moves: Vec<(ShardId, Position)>,
    ) -> Result<(Vec<(ShardId, Position)>, Option<StoreError>), StoreError> {
        let index = &self.options.index;
        let ids: Vec<String> = moves.iter().map(|(shard, _)| self.id(shard)).collect();
        let mut body = String::new();
        let mut were_unsure = Vec::with_capacity(moves.len());
        for ((shard, position), id) in moves.iter().zip(&ids) {
            let held = held.entry(shard.clone()).or_default();
            // Until an answer says otherwise; also when the caller stops waiting for it.
            were_unsure.push(std::mem::replace(&mut held.unsure, true));
            self.write_lines(&mut body, shard, position, id, held);
        }
        let answer = self.ask(Method::POST, format!("/{index}/_bulk"), Some(Bytes::from(body))).await?;
        let answer = answer.ok_or_else(|| {
            StoreError::Halt(format!("index {index} does not exist, and the cluster does not let us make it"))
        })?;
        let (mut conflicts, mut worst) = (Vec::new(), None);
        let writes = writes(&answer.body, index, &ids)?;
        for ((write, (shard, position)), was_unsure) in writes.into_iter().zip(moves).zip(were_unsure) {
            match write {
                Write::Done(version) => {
                    held.insert(shard, Held { stored: Some((position, version)), unsure: false });
                }
                Write::Conflict => {
                    held.entry(shard.clone()).or_default().unsure = was_unsure;
                    conflicts.push((shard, position));
                }
                Write::Failed(failure) if matches!(worst, Some(StoreError::Halt(_))) => drop(failure),
                Write::Failed(failure) => worst = Some(failure),
            }
        }
        Ok((conflicts, worst))
    }

    fn write_lines(&self, body: &mut String, shard: &ShardId, position: &Position, id: &str, held: &Held) {
        let action = match &held.stored {
            Some((_, Version { seq_no, primary_term })) => {
                json!({"index": {"_id": id, "if_seq_no": seq_no, "if_primary_term": primary_term}})
            }
            None => json!({"create": {"_id": id}}),
        };
        let ClusterOptions { stream, group, worker, .. } = &self.options;
        let document = json!(Document {
            kind: KIND.to_owned(),
            group: group.clone(),
            stream: stream.clone(),
            shard: shard.to_string(),
            written: position.into(),
            written_by: worker.clone(),
        });
        body.push_str(&format!("{action}\n{document}\n"));
    }

    /// Looks at the documents that were not what we thought. One that we wrote ourselves, in a request whose
    /// answer was lost, is ours. Gives back what is to be written again; anything else fences us out.
    async fn reconcile(
        &self,
        held: &mut BTreeMap<ShardId, Held>,
        conflicts: Vec<(ShardId, Position)>,
    ) -> Result<Vec<(ShardId, Position)>, StoreError> {
        let index = &self.options.index;
        let ids: Vec<String> = conflicts.iter().map(|(shard, _)| self.id(shard)).collect();
        // By id, which sees what was written a moment ago; a search would not.
        let body = Bytes::from(json!({"ids": ids}).to_string());
        let answer = self.ask(Method::POST, format!("/{index}/_mget"), Some(body)).await?;
        let answer = answer.ok_or_else(|| StoreError::Halt(format!("index {index} was removed while in use")))?;
        let mut again = Vec::new();
        for (found, (shard, position)) in lookup(&answer.body, index, &ids)?.iter().zip(conflicts) {
            let known = held.entry(shard.clone()).or_default();
            let Some(document) = &found.document else {
                return Err(self.fenced(&shard, "its document was removed"));
            };
            let (_, there, version) = self.read(found)?;
            let ours = document.written_by == self.options.worker;
            let since = known.stored.as_ref().is_none_or(|(old, _)| is_progress(old, &there));
            let earlier = known.unsure && since && is_progress(&there, &position);
            if !ours || !(there == position || earlier) {
                return Err(self.fenced(&shard, &format!("{} wrote {there:?}", document.written_by)));
            }
            if there != position {
                again.push((shard, position));
            }
            // Whatever else is on its way names an older version, and will fail.
            *known = Held { stored: Some((there, version)), unsure: false };
        }
        Ok(again)
    }

    fn fenced(&self, shard: &ShardId, what: &str) -> StoreError {
        let ClusterOptions { index, group, .. } = &self.options;
        StoreError::Halt(format!(
            "another worker of group `{group}` moved shard {shard} ({what}, in index {index}): stop the other one, or give this one its own --group"
        ))
    }
}

impl ClusterStore {
    /// Every stored position.
    pub async fn load(&self) -> Result<BTreeMap<ShardId, Position>, StoreError> {
        let mut held = self.held.lock().await;
        let index = &self.options.index;
        // Searches see what was there at the last refresh; a restart must see the last write.
        let Some(answer) = self.ask(Method::POST, format!("/{index}/_refresh"), None).await? else {
            return Ok(BTreeMap::new());
        };
        refreshed(&answer.body, index)?;
        let mut loaded = BTreeMap::new();
        loop {
            let page = self.page(loaded.last_key_value().map(|(shard, _)| shard)).await?;
            let n_found = page.len();
            for found in page {
                let (shard, position, version) = self.read(&found)?;
                loaded.insert(shard, Held { stored: Some((position, version)), unsure: false });
            }
            if n_found < PAGE {
                break;
            }
            if loaded.len() > POSITIONS_MAX {
                let words = format!("index {index} holds more than {POSITIONS_MAX} positions of this group and stream");
                return Err(StoreError::Halt(words));
            }
        }
        *held = loaded;
        let stored = |(shard, held): (&ShardId, &Held)| Some((shard.clone(), held.stored.as_ref()?.0.clone()));
        Ok(held.iter().filter_map(stored).collect())
    }
}

impl Positions for ClusterStore {
    async fn store(&self, positions: &[(ShardId, Position)]) -> Result<Vec<ShardId>, StoreError> {
        let mut held = self.held.lock().await;
        let stored = |shard: &ShardId| Some(held.get(shard)?.stored.as_ref()?.0.clone());
        let moves = moves_on(positions, stored);
        let moves: Vec<_> = moves.into_iter().map(|(shard, position)| (shard.clone(), position.clone())).collect();
        for page in moves.chunks(PAGE) {
            self.write(&mut held, page.to_vec()).await?;
        }
        Ok(Vec::new())
    }
}
