//! One lease as a document: its id, its fields, the mapping of its index.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::lease::form::Lease;

/// Servers refuse longer ids.
const ID_BYTES_MAX: usize = 512;

/// `kind` of these documents, from when they were positions only; the index may hold others.
pub(super) const KIND: &str = "position";

/// Fields that searches and the check of the mapping rely on.
pub(super) const KEYWORDS: [&str; 4] = ["kind", "group", "stream", "shard"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Document {
    pub(super) kind: String,
    pub(super) group: String,
    /// ARN of the stream.
    pub(super) stream: String,
    pub(super) shard: String,
    #[serde(flatten)]
    pub(super) lease: Lease,
}

/// `position|GROUP|ARN|SHARD`, which an operator can read and type. An ARN holds no bar, so no two are alike.
pub(super) fn id(group: &str, stream: &str, shard: &str) -> String {
    let id = format!("{KIND}|{group}|{stream}|{shard}");
    if id.len() <= ID_BYTES_MAX {
        return id;
    }
    let digest = Sha256::digest(&id);
    digest.iter().fold(format!("{KIND}|"), |id, byte| format!("{id}{byte:02x}"))
}

/// Settings and mapping of the index. One shard: leases need no more, and a search sees all at once.
pub(super) fn index_body() -> Value {
    let keyword = || json!({"type": "keyword"});
    json!({
        "settings": {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1"}},
        "mappings": {"dynamic": false, "properties": {
            "kind": keyword(), "group": keyword(), "stream": keyword(), "shard": keyword(),
            "at": keyword(), "sequence": keyword(), "time": {"type": "date", "format": "epoch_millis"},
            "owner": keyword(), "counter": {"type": "long"}, "wanted_by": keyword(), "parents": keyword(),
        }},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_can_be_read_and_are_never_too_long() {
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";
        assert_eq!(id("essink", arn, "shardId-000000000000"), format!("position|essink|{arn}|shardId-000000000000"));
        let long = |shard: &str| id(&"g".repeat(600), arn, shard);
        assert_eq!(long("shardId-000000000000").len(), "position|".len() + 64);
        assert_ne!(long("shardId-000000000000"), long("shardId-000000000001"));
        let edge = "g".repeat(512 - id("", arn, "s").len());
        assert_eq!(id(&edge, arn, "s").len(), 512);
        assert!(id(&edge, arn, "s").ends_with("|s"));
        assert!(!id(&format!("{edge}g"), arn, "s").ends_with("|s"));
    }

    #[test]
    fn the_searched_fields_are_keywords() {
        for field in KEYWORDS {
            assert_eq!(index_body()["mappings"]["properties"][field]["type"], "keyword", "{field}");
        }
    }
}
