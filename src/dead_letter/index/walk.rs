//! Walks over the letters of the cluster: heads by `search_after`, bytes document by document.

use std::collections::{HashMap, VecDeque};

use http::Method;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::cabinet::trouble;
use crate::dead_letter::cabinet::{Filter, Found, Page, Pending, Place, Walk};
use crate::dead_letter::head::Head;
use crate::dead_letter::read;
use crate::opensearch::client::{Answer, Client};
use crate::opensearch::judge::judge_request;
use crate::pipeline::ports::StoreError;

/// Documents of one search: without their bytes some 400 bytes each.
const HEADS: usize = 1_000;
/// Bytes of letters fetched together. As JSON they are up to six times as many, and an answer may have 32 MiB.
const FETCH: u64 = 4 << 20;
/// What one part may have, as JSON: the most that one request of letters has.
const PART: u64 = 8 << 20;

/// One walk.
#[derive(Debug)]
pub struct IndexWalk {
    client: Client,
    indices: String,
    filter: Filter,
    bytes: bool,
    after: Option<Value>,
    at_end: bool,
    refreshed: bool,
    /// Letters found; the last one may have more parts on the next page.
    letters: VecDeque<Parts>,
    unreadable: Vec<String>,
}

/// A letter with its documents: one, or its parts.
#[derive(Debug)]
struct Parts {
    head: Head,
    is_parted: bool,
    documents: Vec<(String, String)>,
}

impl IndexWalk {
    /// Nothing is sent yet.
    pub fn new(client: Client, prefix: &str, filter: Filter, bytes: bool) -> Self {
        let indices = format!("{prefix}*");
        let (letters, unreadable) = (VecDeque::new(), Vec::new());
        Self { client, indices, filter, bytes, after: None, at_end: false, refreshed: false, letters, unreadable }
    }

    async fn page(&mut self) -> Result<Option<Page>, StoreError> {
        self.refresh().await;
        while !self.at_end && self.letters.len() < 2 {
            self.search().await?;
        }
        let unreadable = std::mem::take(&mut self.unreadable);
        if self.letters.is_empty() && unreadable.is_empty() {
            return Ok(None);
        }
        let (mut taken, mut size) = (Vec::new(), 0);
        while self.letters.len() > usize::from(!self.at_end) {
            let next = self.letters.front().map_or(0, |letter| letter.head.size);
            if self.bytes && !taken.is_empty() && size + next > FETCH {
                break;
            }
            size += next;
            taken.extend(self.letters.pop_front());
        }
        let mut page = Page { found: Vec::with_capacity(taken.len()), unreadable };
        if !self.bytes {
            page.found.extend(taken.into_iter().map(|letter| letter.found(None)));
            return Ok(Some(page));
        }
        let mut sources = match self.fetch(&taken).await {
            Ok(sources) => sources,
            Err(error) => {
                // Whoever asks again gets them.
                self.unreadable = page.unreadable;
                taken.into_iter().rev().for_each(|letter| self.letters.push_front(letter));
                return Err(error);
            }
        };
        for letter in taken {
            let documents: Vec<_> = letter.documents.iter().filter_map(|place| sources.remove(place)).collect();
            // Somebody else has removed it meanwhile.
            if documents.is_empty() {
                continue;
            }
            let read: Result<Vec<_>, String> =
                documents.iter().map(|json| read::document(json.get().as_bytes())).collect();
            let bytes = read.and_then(read::assemble).map(|whole| whole.bytes);
            page.found.push(letter.found(Some(bytes)));
        }
        Ok(Some(page))
    }

    /// What was removed a moment ago must not be found again. Where that is not allowed, it is found, and is harmless.
    async fn refresh(&mut self) {
        if !std::mem::replace(&mut self.refreshed, true) {
            let path = format!("/{}/_refresh?ignore_unavailable=true&allow_no_indices=true", self.indices);
            self.client.send(Method::POST, &path, None).await.ok();
        }
    }

    async fn search(&mut self) -> Result<(), StoreError> {
        let path = format!("/{}/_search?ignore_unavailable=true&allow_no_indices=true", self.indices);
        let mut body = json!({
            "size": HEADS, "track_total_hits": false, "query": query(&self.filter),
            "_source": {"excludes": ["raw", "raw_gzip"]},
            "sort": [
                {"arrived": {"order": "asc", "unmapped_type": "date"}},
                {"letter": {"order": "asc", "unmapped_type": "keyword"}},
                {"part_at": {"order": "asc", "unmapped_type": "long", "missing": 0}},
                {"parts": {"order": "asc", "unmapped_type": "integer", "missing": 0}},
            ],
        });
        if let Some(after) = &self.after {
            body["search_after"] = after.clone();
        }
        let answer = checked(self.client.send_json(Method::POST, &path, &body).await)?;
        let mut found = answer.json();
        let hits = match found["hits"]["hits"].take() {
            Value::Array(hits) => hits,
            _ => return Err(StoreError::Busy("the search for dead letters has no hits in its answer".to_owned())),
        };
        self.at_end = hits.len() < HEADS;
        if let Some(last) = hits.last() {
            self.after = Some(last["sort"].clone());
        }
        hits.into_iter().for_each(|hit| self.take(&hit));
        Ok(())
    }

    fn take(&mut self, hit: &Value) {
        let text = |name: &str| hit[name].as_str().unwrap_or_default().to_owned();
        let place = (text("_index"), text("_id"));
        match read::head(hit["_source"].to_string().as_bytes()) {
            Err(why) => self.unreadable.push(format!("document {} of {}: {why}", place.1, place.0)),
            Ok((head, _)) if !self.filter.admits(&head) => {}
            Ok((head, part_at)) => match self.letters.back_mut() {
                Some(last) if last.is_parted && last.head.key() == head.key() => last.documents.push(place),
                _ => {
                    let is_parted = part_at.is_some();
                    self.letters.push_back(Parts { head, is_parted, documents: vec![place] });
                }
            },
        }
    }

    /// The sources of the letters' documents, in requests of bounded answers.
    async fn fetch(&self, letters: &[Parts]) -> Result<HashMap<(String, String), Box<RawValue>>, StoreError> {
        let (mut sources, mut wanted, mut size) = (HashMap::new(), Vec::new(), 0);
        for letter in letters {
            for document in &letter.documents {
                let more = if letter.is_parted { PART } else { letter.head.size };
                if size + more > FETCH && !wanted.is_empty() {
                    self.get(&std::mem::take(&mut wanted), &mut sources).await?;
                    size = 0;
                }
                size += more;
                wanted.push(document);
            }
        }
        if !wanted.is_empty() {
            self.get(&wanted, &mut sources).await?;
        }
        Ok(sources)
    }

    async fn get(
        &self,
        wanted: &[&(String, String)],
        sources: &mut HashMap<(String, String), Box<RawValue>>,
    ) -> Result<(), StoreError> {
        #[derive(serde::Deserialize)]
        struct Documents {
            docs: Vec<Document>,
        }
        #[derive(serde::Deserialize)]
        struct Document {
            _index: String,
            _id: String,
            _source: Option<Box<RawValue>>,
        }
        let documents: Vec<Value> = wanted.iter().map(|(index, id)| json!({"_index": index, "_id": id})).collect();
        let answer = checked(self.client.send_json(Method::POST, "/_mget", &json!({"docs": documents})).await)?;
        let got: Documents = serde_json::from_slice(&answer.body)
            .map_err(|e| StoreError::Busy(format!("dead letters cannot be read ({:?} error)", e.classify())))?;
        let found = got.docs.into_iter().filter_map(|d| Some(((d._index, d._id), d._source?)));
        sources.extend(found);
        Ok(())
    }
}

impl Parts {
    fn found(self, bytes: Option<Result<bytes::Bytes, String>>) -> Found {
        Found { head: self.head, bytes, place: Place::Documents(self.documents) }
    }
}

impl Walk for IndexWalk {
    fn next(&mut self) -> Pending<'_, Result<Option<Page>, StoreError>> {
        Box::pin(self.page())
    }
}

fn query(filter: &Filter) -> Value {
    let mut all = Vec::new();
    if !filter.reasons.is_empty() {
        all.push(json!({"terms": {"reason": filter.reasons}}));
    }
    if let Some(index) = &filter.index {
        all.push(match index.strip_suffix('*') {
            Some(begin) => json!({"prefix": {"index": begin}}),
            None => json!({"term": {"index": index}}),
        });
    }
    if let Some(since) = filter.since {
        all.push(json!({"range": {"arrived": {"gte": since.0}}}));
    }
    if let Some(id) = &filter.id {
        all.push(json!({"bool": {"should": [{"term": {"letter": id}}, {"term": {"id": id}}]}}));
    }
    json!({"bool": {"filter": all}})
}

pub(super) fn checked(answer: Result<Answer, crate::opensearch::client::SendError>) -> Result<Answer, StoreError> {
    let answer = answer.map_err(|error| StoreError::Busy(error.detail))?;
    match judge_request(answer.status, &answer.body) {
        Some(verdict) => Err(trouble(verdict)),
        None => Ok(answer),
    }
}
