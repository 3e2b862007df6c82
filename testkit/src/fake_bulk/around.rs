//! What both modes answer beside bulks: as much of a cluster as a client looks at before it sends.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::Shared;
use super::reply::{health, refuse, respond, respond_json, root};

/// `own` with these, and with bodies of any size.
pub(super) fn with(own: Router<Arc<Shared>>, shared: Arc<Shared>) -> Router {
    own.route("/", get(async || respond_json(200, &root())))
        .route("/_cluster/health", get(async || respond_json(200, &health())))
        .route("/_cat/indices", get(list))
        .route("/_cat/indices/{index}", get(list))
        .route("/_alias", get(aliases))
        .route("/{index}/_alias", get(aliases))
        // Templates and the like: whatever is asked for is not there, whatever is put is taken.
        .fallback(async |method: Method| {
            if method == Method::GET || method == Method::HEAD {
                refuse(404, "resource_not_found_exception", "the fake has no such thing")
            } else {
                respond(200, r#"{"acknowledged":true}"#)
            }
        })
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

/// In the form of `format=json&h=index,store.size`, whatever was asked.
async fn list(State(shared): State<Arc<Shared>>, names: Option<Path<String>>) -> Response {
    let row = |name: String| json!({ "index": name, "store.size": null });
    respond_json(200, &matching(&shared, names).map(row).collect())
}

async fn aliases(State(shared): State<Arc<Shared>>, names: Option<Path<String>>) -> Response {
    let none = |name: String| (name, json!({ "aliases": {} }));
    respond_json(200, &Value::Object(matching(&shared, names).map(none).collect()))
}

/// The indices that hold or held a document; all of them without a name or a pattern.
fn matching(shared: &Shared, names: Option<Path<String>>) -> impl Iterator<Item = String> {
    shared.store.indices(names.as_ref().map_or("*", |names| names.as_str())).into_iter()
}
