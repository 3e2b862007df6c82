//! The endpoint that costs nothing: for measuring what sends to it.

use std::io::Read as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::post;

use super::Shared;
use super::reply::{refuse, respond};

const HEAD: &[u8] = br#"{"took":1,"errors":false,"items":["#;
const ITEM: &[u8] = br#"{"create":{"status":201}},"#;
const TAIL: &[u8] = b"]}";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/_bulk", post(bulk).put(bulk)).route("/{index}/_bulk", post(bulk).put(bulk))
}

async fn bulk(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let body = match inflate(&headers, body) {
        Ok(body) => body,
        Err(error) => return refuse(400, "not_x_content_exception", &error.to_string()),
    };
    // Every create has two lines; nothing is parsed, so a sender's mistakes go unseen here.
    let items = body.iter().filter(|&&byte| byte == b'\n').count() / 2;
    shared.counts.add(items, body.len());
    respond(200, accept_all(items))
}

fn accept_all(items: usize) -> Vec<u8> {
    let mut reply = Vec::with_capacity(HEAD.len() + ITEM.len() * items + TAIL.len());
    reply.extend_from_slice(HEAD);
    for _ in 0..items {
        reply.extend_from_slice(ITEM);
    }
    if items > 0 {
        reply.pop(); // the last comma
    }
    reply.extend_from_slice(TAIL);
    reply
}

/// The body, gzip undone where the request says so.
pub(super) fn inflate(headers: &HeaderMap, body: Bytes) -> std::io::Result<Bytes> {
    if headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding != "gzip") {
        return Ok(body);
    }
    let mut plain = Vec::with_capacity(body.len() * 6);
    flate2::read::MultiGzDecoder::new(&body[..]).read_to_end(&mut plain)?;
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_json_with_an_item_each() {
        for items in [0, 1, 3] {
            let reply: serde_json::Value = serde_json::from_slice(&accept_all(items)).unwrap();
            assert_eq!(reply["items"].as_array().unwrap().len(), items);
            assert_eq!(reply["errors"], false);
        }
    }
}
