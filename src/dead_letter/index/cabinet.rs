//! Letters in the cluster, for those who look after them.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::walk::IndexWalk;
use super::{IndexLetters, IndexOptions};
use crate::dead_letter::cabinet::{Cabinet, Ended, Filter, Pending, Place, Walk};
use crate::dead_letter::head::{Head, Whole};
use crate::opensearch::bulk::BulkClient;
use crate::opensearch::client::Client;
use crate::opensearch::judge::{Fault, judge_item, judge_request};
use crate::pipeline::ports::{KeepError, StoreError};
use crate::pipeline::verdict::Verdict;

/// Actions of one request: updates are small, and removals smaller.
const ACTIONS: usize = 1_000;

/// The daily indices of dead letters.
#[derive(Debug)]
pub struct IndexCabinet {
    pub(super) client: Client,
    pub(super) prefix: String,
    letters: IndexLetters<BulkClient>,
}

impl IndexCabinet {
    /// Nothing is sent yet.
    pub fn new(client: Client, options: IndexOptions) -> Self {
        let prefix = options.prefix.clone();
        let letters = IndexLetters::new(BulkClient::new(client.clone(), None), options);
        Self { client, prefix, letters }
    }

    async fn send(&self, lines: &str, indices: &[&str]) -> Result<(), StoreError> {
        const PATH: &str = "/_bulk?filter_path=items.*.status,items.*.error.type,items.*.error.reason";
        let answer = self.client.send(Method::POST, PATH, Some(Bytes::from(lines.to_owned()))).await;
        let answer = answer.map_err(|error| StoreError::Busy(error.detail))?;
        if let Some(verdict) = judge_request(answer.status, &answer.body) {
            return Err(trouble(verdict));
        }
        let items = answer.json()["items"].as_array().cloned().unwrap_or_default();
        if items.len() != indices.len() {
            let why = format!("the cluster answered for {} of {} changes of dead letters", items.len(), indices.len());
            return Err(StoreError::Busy(why));
        }
        items.iter().zip(indices).try_for_each(|(item, index)| judged(item, index))
    }
}

impl Cabinet for IndexCabinet {
    fn walk(&self, filter: Filter, bytes: bool) -> Box<dyn Walk> {
        Box::new(IndexWalk::new(self.client.clone(), &self.prefix, filter, bytes))
    }

    fn settle<'a>(&'a self, ended: &'a [Ended]) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut actions: Vec<(String, &str)> = Vec::new();
            for one in ended {
                let Place::Documents(documents) = &one.place else { continue };
                let updated = one.updated();
                actions.extend(documents.iter().map(|(index, id)| (action(index, id, updated.as_ref()), &**index)));
            }
            for chunk in actions.chunks(ACTIONS) {
                let lines: String = chunk.iter().map(|(lines, _)| lines.as_str()).collect();
                let indices: Vec<&str> = chunk.iter().map(|(_, index)| *index).collect();
                self.send(&lines, &indices).await?;
            }
            Ok(())
        })
    }

    /// Ids are of the bytes, so `create` itself knows what is new.
    fn add<'a>(&'a self, letters: &'a [Whole]) -> Pending<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let mut n_new = 0;
            for letter in letters {
                let documents = self.letters.keep_whole(std::slice::from_ref(letter)).await;
                n_new += u64::from(
                    documents.map_err(|error| match error {
                        KeepError::Busy(why) => StoreError::Busy(why),
                        KeepError::Halt(why) => StoreError::Halt(why),
                    })? > 0,
                );
            }
            Ok(n_new)
        })
    }
}

fn action(index: &str, id: &str, updated: Option<&Head>) -> String {
    let place = json!({"_index": index, "_id": id});
    let Some(head) = updated else {
        return format!("{}\n", json!({"delete": place}));
    };
    let document = json!({
        "reason": head.reason, "detail": head.detail, "index": head.index, "id": head.id,
        "tries": head.tries, "tried": head.tried, "first_reason": head.first_reason,
    });
    format!("{}\n{}\n", json!({"update": place}), json!({"doc": document}))
}

/// What is not there any more was removed by somebody else, or pruned.
fn judged(item: &Value, index: &str) -> Result<(), StoreError> {
    let result = item.as_object().and_then(|item| item.values().next()).unwrap_or(&Value::Null);
    let status = result["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
    if matches!(status, 200..=299 | 404) {
        return Ok(());
    }
    let text = |name: &str| result["error"][name].as_str();
    let fault = text("type").map(|kind| Fault::new(kind, text("reason").unwrap_or_default()));
    Err(match judge_item(status, fault.as_ref(), index) {
        // Somebody else changes it at the same time.
        Verdict::Indexed | Verdict::AlreadyThere => StoreError::Busy(format!("a dead letter in {index} was changed")),
        verdict => trouble(verdict),
    })
}

pub(super) fn trouble(verdict: Verdict) -> StoreError {
    let why = format!("dead letters: {}", verdict.reason().unwrap_or("the cluster gave no reason"));
    match verdict {
        Verdict::Busy(_) | Verdict::Blocked { .. } => StoreError::Busy(why),
        _ => StoreError::Halt(why),
    }
}
