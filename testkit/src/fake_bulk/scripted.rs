//! The endpoint that stores, and fails as told.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::header;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::{Fault, Item, ItemError};
use super::reply::{self, refuse, refused_item, respond, respond_json};
use super::store::{Document, If};
use super::{Shared, filter, null};
use crate::connection::{Broken, Cut};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_bulk", post(bulk).put(bulk))
        .route("/{index}/_bulk", post(bulk).put(bulk))
        .route("/{index}/_doc/{id}", get(get_document).put(put_document).post(put_document).delete(delete_document))
        .route("/{index}/_create/{id}", post(create_document).put(create_document))
        .route("/{index}/_search", get(search).post(search))
        .route("/{index}/_count", get(count).post(count))
}

#[derive(Deserialize, Default)]
struct BulkQuery {
    filter_path: Option<String>,
}

async fn bulk(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Query(query): Query<BulkQuery>,
    request: Request,
) -> Response {
    let fault = shared.faults.next();
    if matches!(fault, Fault::CutUpload) {
        return cut_upload(&shared, request, &cut).await;
    }
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(std::io::Error::other);
    let body = match body.and_then(|body| null::inflate(&parts.headers, body)) {
        Ok(body) => body,
        Err(error) => return refuse(400, "not_x_content_exception", &error.to_string()),
    };
    let items = match parse(&body) {
        Ok(items) => items,
        Err((kind, reason)) => return refuse(400, kind, &reason),
    };
    shared.counts.add(items.len(), body.len());
    let path = query.filter_path.as_deref();
    match fault {
        Fault::Status(status, body) => respond_json(status, &body),
        Fault::Empty(status) => respond(status, Body::empty()),
        Fault::Html => respond(200, "<html><body><h1>Welcome to the guest network</h1></body></html>"),
        Fault::LoseReply => {
            apply(&shared, &items, |_| None);
            cut.pull();
            respond(200, Body::empty())
        }
        Fault::HalfReply => half(&filtered(&apply(&shared, &items, |_| None), path)),
        Fault::ShortItems(lacking) => {
            let mut answer = apply(&shared, &items, |_| None);
            if let Some(answered) = answer["items"].as_array_mut() {
                answered.truncate(answered.len().saturating_sub(lacking));
            }
            respond_json(200, &filtered(&answer, path))
        }
        Fault::Items(judge) => respond_json(200, &filtered(&apply(&shared, &items, judge), path)),
        Fault::Delay(pause) => {
            tokio::time::sleep(pause).await;
            respond_json(200, &filtered(&apply(&shared, &items, |_| None), path))
        }
        Fault::None | Fault::CutUpload => respond_json(200, &filtered(&apply(&shared, &items, |_| None), path)),
    }
}

async fn cut_upload(shared: &Shared, request: Request, cut: &Cut) -> Response {
    shared.counts.add(0, 0);
    let mut body = request.into_body();
    std::future::poll_fn(|cx| axum::body::HttpBody::poll_frame(std::pin::Pin::new(&mut body), cx)).await;
    cut.pull();
    respond(200, Body::empty())
}

fn filtered(answer: &Value, path: Option<&str>) -> Value {
    path.map_or_else(|| answer.clone(), |path| filter::filter(answer, path))
}

/// Promises the whole length and ends in the middle: the client sees the connection close too early.
fn half(answer: &Value) -> Response {
    let whole = answer.to_string().into_bytes();
    let first = Bytes::copy_from_slice(&whole[..whole.len() / 2]);
    let mut response = respond(200, Body::new(Broken::new(first)));
    response.headers_mut().insert(header::CONTENT_LENGTH, whole.len().into());
    response
}

/// One action line with its document.
struct Parsed {
    action: String,
    index: String,
    id: String,
    if_seq_no: Option<u64>,
    source: Bytes,
}

/// Reads a bulk body as strictly as a server does where it costs a client something: the last newline, the two lines.
fn parse(body: &Bytes) -> Result<Vec<Parsed>, (&'static str, String)> {
    if body.is_empty() {
        return Err(("parse_exception", "request body is required".into()));
    }
    if !body.ends_with(b"\n") {
        let reason = "The bulk request must be terminated by a newline [\\n]";
        return Err(("illegal_argument_exception", reason.into()));
    }
    let malformed = |line: usize| ("illegal_argument_exception", format!("Malformed action/metadata line [{line}]"));
    let mut lines = body[..body.len() - 1].split(|&byte| byte == b'\n').enumerate();
    let mut items = Vec::new();
    while let Some((at, line)) = lines.next() {
        let action: serde_json::Map<String, Value> = serde_json::from_slice(line).map_err(|_| malformed(at + 1))?;
        let Some((action, meta)) = action.into_iter().next() else {
            return Err(malformed(at + 1));
        };
        let text = |field: &str| meta[field].as_str().unwrap_or_default().to_owned();
        let source = match action.as_str() {
            "delete" => Bytes::new(),
            "create" | "index" => body.slice_ref(lines.next().ok_or_else(|| malformed(at + 2))?.1),
            _ => return Err(malformed(at + 1)),
        };
        let (index, id) = (text("_index"), text("_id"));
        items.push(Parsed { action, index, id, if_seq_no: meta["if_seq_no"].as_u64(), source });
    }
    Ok(items)
}

fn apply(shared: &Shared, items: &[Parsed], judge: impl Fn(&Item<'_>) -> Option<ItemError>) -> Value {
    let mut errors = false;
    let answered = items.iter().enumerate().map(|(at, item)| {
        let seen = Item { at, action: &item.action, index: &item.index, id: &item.id, source: &item.source };
        let answer = match judge(&seen) {
            Some(refused) => refused_item(&item.index, &item.id, &refused),
            None => apply_one(shared, item),
        };
        errors |= !answer["error"].is_null();
        json!({ item.action.as_str(): answer })
    });
    let answered: Vec<Value> = answered.collect();
    json!({ "took": 1, "errors": errors, "items": answered })
}

fn apply_one(shared: &Shared, item: &Parsed) -> Value {
    let condition = match (item.action.as_str(), item.if_seq_no) {
        ("delete", _) => {
            let gone = shared.store.delete(&item.index, &item.id);
            return reply::deleted(&item.index, &item.id, gone.as_ref());
        }
        ("create", _) => If::Absent,
        (_, Some(seq_no)) => If::SeqNo(seq_no),
        (_, None) => If::Anything,
    };
    match shared.store.put(&item.index, &item.id, item.source.clone(), condition) {
        Ok(document) => reply::written(&document),
        Err(found) => {
            let refused = reply::conflict(&item.index, &item.id, item.if_seq_no, &found);
            refused_item(&item.index, &item.id, &refused)
        }
    }
}

type Place = Path<(String, String)>;

#[derive(Deserialize, Default)]
struct WriteQuery {
    if_seq_no: Option<u64>,
    op_type: Option<String>,
}

async fn put_document(
    State(shared): State<Arc<Shared>>,
    Path((index, id)): Place,
    Query(query): Query<WriteQuery>,
    body: Bytes,
) -> Response {
    let condition = match (query.if_seq_no, query.op_type.as_deref()) {
        (Some(seq_no), _) => If::SeqNo(seq_no),
        (None, Some("create")) => If::Absent,
        (None, _) => If::Anything,
    };
    write(&shared, &index, &id, body, condition)
}

async fn create_document(State(shared): State<Arc<Shared>>, Path((index, id)): Place, body: Bytes) -> Response {
    write(&shared, &index, &id, body, If::Absent)
}

fn write(shared: &Shared, index: &str, id: &str, body: Bytes, condition: If) -> Response {
    let wanted = match condition {
        If::SeqNo(seq_no) => Some(seq_no),
        If::Absent | If::Anything => None,
    };
    match shared.store.put(index, id, body, condition) {
        Ok(document) => {
            let status = if document.version == 1 { 201 } else { 200 };
            let mut answer = reply::written(&document);
            answer.as_object_mut().map(|answer| answer.remove("status")); // of items only
            respond_json(status, &answer)
        }
        Err(found) => {
            let error = reply::conflict(index, id, wanted, &found).error;
            let mut whole = error.clone();
            whole["root_cause"] = json!([error]);
            respond_json(409, &json!({ "error": whole, "status": 409 }))
        }
    }
}

async fn get_document(State(shared): State<Arc<Shared>>, Path((index, id)): Place) -> Response {
    match shared.store.get(&index, &id) {
        Some(document) => {
            let mut hit = hit(&document);
            hit["found"] = true.into();
            respond_json(200, &hit)
        }
        None => respond_json(404, &json!({ "_index": index, "_id": id, "found": false })),
    }
}

async fn delete_document(State(shared): State<Arc<Shared>>, Path((index, id)): Place) -> Response {
    let gone = shared.store.delete(&index, &id);
    let mut answer = reply::deleted(&index, &id, gone.as_ref());
    answer.as_object_mut().map(|answer| answer.remove("status")); // of items only
    respond_json(if gone.is_some() { 200 } else { 404 }, &answer)
}

/// Every document of the index, whatever was asked.
async fn search(State(shared): State<Arc<Shared>>, Path(index): Path<String>) -> Response {
    let hits: Vec<Value> = shared.store.of_index(&index).iter().map(hit).collect();
    let total = json!({ "value": hits.len(), "relation": "eq" });
    let shards = json!({ "total": 1, "successful": 1, "skipped": 0, "failed": 0 });
    let answer = json!({ "took": 1, "timed_out": false, "_shards": shards, "hits": { "total": total, "hits": hits } });
    respond_json(200, &answer)
}

async fn count(State(shared): State<Arc<Shared>>, Path(index): Path<String>) -> Response {
    let shards = json!({ "total": 1, "successful": 1, "skipped": 0, "failed": 0 });
    let count = match index.strip_suffix('*') {
        Some(prefix) => shared.store.count(prefix),
        None => shared.store.of_index(&index).len(),
    };
    respond_json(200, &json!({ "count": count, "_shards": shards }))
}

fn hit(document: &Document) -> Value {
    json!({
        "_index": document.index, "_id": document.id, "_version": document.version, "_seq_no": document.seq_no,
        "_primary_term": 1, "_source": serde_json::from_slice::<Value>(&document.source).unwrap_or(Value::Null),
    })
}
