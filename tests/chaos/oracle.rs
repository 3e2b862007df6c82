//! What must be in the cluster, worked out from the input alone, and what is.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};
use testkit::events::Event;
use testkit::search::Server;

/// Index and id of a document.
pub type Key = (String, String);

/// Where each event belongs: the index of the UTC day of its arrival, under six bytes of its time and ten of the SHA-256 of
/// its bytes.
pub fn expected(events: &[Event]) -> BTreeSet<Key> {
    let key = |event: &Event| {
        let mut id = event.arrival_ms.to_be_bytes()[2..].to_vec();
        id.extend_from_slice(&Sha256::digest(&event.bytes)[..10]);
        (format!("pinpoint-{}", event.day()), URL_SAFE_NO_PAD.encode(id))
    };
    events.iter().map(key).collect()
}

/// Every document of the daily indices, dead letters and unrecognized ones too, as many times as it is there.
pub async fn found(search: &Server) -> Vec<Key> {
    let families = "pinpoint-*,unrecognized-*,essink-dead-letters-*";
    search.get(&format!("/{families}/_refresh")).await.expect("refreshed");
    let body = json!({"size": 10_000, "_source": false, "sort": ["_doc"]});
    let mut page = search.send(Method::POST, &format!("/{families}/_search?scroll=1m"), &body).await.expect("a page");
    let mut keys = Vec::new();
    loop {
        let hits = page["hits"]["hits"].as_array().expect("hits");
        if hits.is_empty() {
            return keys;
        }
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        keys.extend(hits.iter().map(|hit| (text(&hit["_index"]), text(&hit["_id"]))));
        let next = json!({"scroll": "1m", "scroll_id": page["_scroll_id"]});
        page = search.send(Method::POST, "/_search/scroll", &next).await.expect("a page");
    }
}

/// Fails unless every event is there, once, and nothing else.
pub fn compare(expected: &BTreeSet<Key>, found: &[Key], logs: &str) {
    let distinct: BTreeSet<Key> = found.iter().cloned().collect();
    let missing: Vec<_> = expected.difference(&distinct).take(5).collect();
    let invented: Vec<_> = distinct.difference(expected).take(5).collect();
    let (n_expected, n_found) = (expected.len(), found.len());
    assert!(
        missing.is_empty() && invented.is_empty() && n_found == n_expected,
        "{n_expected} events, {n_found} documents; missing {missing:?}, invented {invented:?}; {logs}"
    );
}
