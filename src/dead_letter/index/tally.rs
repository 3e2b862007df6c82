//! Letters counted by the cluster, in one search.

use http::Method;
use serde_json::{Value, json};

use super::cabinet::IndexCabinet;
use super::walk::checked;
use crate::dead_letter::tally::Tally;
use crate::pipeline::ports::StoreError;

/// Reasons are a closed list of the code; more than there will ever be.
const REASONS: usize = 100;

impl IndexCabinet {
    /// Counts what is there: a letter counts once however many parts it has.
    pub async fn tally(&self) -> Result<Tally, StoreError> {
        // Where that is not allowed, the count is some seconds old.
        let refresh = format!("/{}*/_refresh?ignore_unavailable=true&allow_no_indices=true", self.prefix);
        self.client.send_once(Method::POST, &refresh, None).await.ok();
        let path = format!("/{}*/_search?ignore_unavailable=true&allow_no_indices=true", self.prefix);
        let body = json!({
            "size": 0, "track_total_hits": true,
            "query": {"bool": {"must_not": {"range": {"part_at": {"gt": 0}}}}},
            "aggs": {
                "reasons": {"terms": {"field": "reason", "size": REASONS}},
                "oldest": {"min": {"field": "arrived"}},
                "newest": {"max": {"field": "arrived"}},
            },
        });
        let answer = checked(self.client.send_once(Method::POST, &path, Some(body.to_string().into())).await)?;
        read(&answer.json())
            .ok_or_else(|| StoreError::Busy("the search for dead letters has no counts in its answer".to_owned()))
    }
}

/// The counts of an answer. Over no index at all it has none of the aggregations.
fn read(answer: &Value) -> Option<Tally> {
    let letters = answer["hits"]["total"]["value"].as_u64()?;
    let found = &answer["aggregations"];
    let time = |name: &str| found[name]["value"].as_f64().map(|at| at as i64);
    let buckets = found["reasons"]["buckets"].as_array().into_iter().flatten();
    let reasons = buckets.filter_map(|b| Some((b["key"].as_str()?.to_owned(), b["doc_count"].as_u64()?))).collect();
    Some(Tally { letters, reasons, oldest: time("oldest"), newest: time("newest"), more: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_and_none_are_none() {
        let answer = json!({
            "hits": {"total": {"value": 3, "relation": "eq"}},
            "aggregations": {
                "reasons": {"buckets": [{"key": "refused", "doc_count": 2}, {"key": "not_json", "doc_count": 1}]},
                "oldest": {"value": 1.7e12}, "newest": {"value": 1.8e12},
            },
        });
        let tally = read(&answer).unwrap();
        assert_eq!((tally.letters, tally.reasons["refused"], tally.reasons["not_json"]), (3, 2, 1));
        assert_eq!((tally.oldest, tally.newest), (Some(1_700_000_000_000), Some(1_800_000_000_000)));
        let empty = json!({"hits": {"total": {"value": 0, "relation": "eq"}}});
        assert_eq!(read(&empty), Some(Tally::default()));
        assert_eq!(read(&json!({})), None);
    }
}
