//! Answers in OpenSearch 3.6's shapes.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::fault::ItemError;
use super::store::{Conflict, Document};

pub(super) fn respond(status: u16, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = header::HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

pub(super) fn respond_json(status: u16, body: &Value) -> Response {
    respond(status, body.to_string())
}

/// A request refused as a whole.
pub(super) fn refuse(status: u16, kind: &str, reason: &str) -> Response {
    let cause = json!({ "type": kind, "reason": reason });
    let error = json!({ "root_cause": [cause], "type": kind, "reason": reason });
    respond_json(status, &json!({ "error": error, "status": status }))
}

/// What `GET /` says; OpenSearch 3.6.0 so that clients take the fake for what the tests run on.
pub(super) fn root() -> Value {
    json!({
        "name": "fake", "cluster_name": "fake", "cluster_uuid": "fakefakefakefakefakefa",
        "version": {
            "distribution": "opensearch", "number": "3.6.0", "build_type": "zip", "build_hash": "0000000",
            "build_date": "2026-04-04T06:02:43.418927856Z", "build_snapshot": false, "lucene_version": "10.4.0",
            "minimum_wire_compatibility_version": "2.19.0", "minimum_index_compatibility_version": "2.0.0",
        },
        "tagline": "The OpenSearch Project: https://opensearch.org/",
    })
}

pub(super) fn health() -> Value {
    json!({ "cluster_name": "fake", "status": "green", "timed_out": false, "number_of_nodes": 1,
        "number_of_data_nodes": 1, "active_primary_shards": 0, "active_shards": 0, "unassigned_shards": 0 })
}

/// The inner part of a written item, and of the answer to a single write.
pub(super) fn written(document: &Document) -> Value {
    let created = document.version == 1;
    json!({
        "_index": document.index, "_id": document.id, "_version": document.version,
        "result": if created { "created" } else { "updated" },
        "_shards": { "total": 1, "successful": 1, "failed": 0 },
        "_seq_no": document.seq_no, "_primary_term": 1, "status": if created { 201 } else { 200 },
    })
}

pub(super) fn refused_item(index: &str, id: &str, refused: &ItemError) -> Value {
    json!({ "_index": index, "_id": id, "status": refused.status, "error": refused.error })
}

pub(super) fn deleted(index: &str, id: &str, gone: Option<&Document>) -> Value {
    let (result, status) = if gone.is_some() { ("deleted", 200) } else { ("not_found", 404) };
    json!({
        "_index": index, "_id": id, "_version": gone.map_or(1, |gone| gone.version + 1), "result": result,
        "_shards": { "total": 1, "successful": 1, "failed": 0 }, "_seq_no": 0, "_primary_term": 1, "status": status,
    })
}

/// Why a conditional write is refused: `wanted` is the sequence number it asked for, `None` for a create.
pub(super) fn conflict(index: &str, id: &str, wanted: Option<u64>, found: &Conflict) -> ItemError {
    let why = match (wanted, found) {
        (None, found) => {
            let version = found.as_ref().map_or(0, |found| found.version);
            format!("document already exists (current version [{version}])")
        }
        (Some(wanted), Some(found)) => {
            let now = found.seq_no;
            format!(
                "required seqNo [{wanted}], primary term [1]. current document has seqNo [{now}] and primary term [1]"
            )
        }
        (Some(wanted), None) => {
            format!("required seqNo [{wanted}], primary term [1]. but no document was found")
        }
    };
    let reason = format!("[{id}]: version conflict, {why}");
    let mut refused = ItemError::new(409, "version_conflict_engine_exception", &reason);
    refused.error["index"] = index.into();
    refused.error["shard"] = "0".into();
    refused.error["index_uuid"] = "fakefakefakefakefakefa".into();
    refused
}
