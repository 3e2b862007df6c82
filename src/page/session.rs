//! What the page may know before anybody has shown a token, and how one is shown.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::timeout;

use super::Desk;

pub(super) const JSON: &str = "application/json";

/// No token is longer.
const MOST: usize = 4096;

/// It comes at once, or somebody only holds a place.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /page/about`
pub async fn about(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let token = match (desk.guard.has_token(), desk.guard.admits(&headers)) {
        (false, _) => "none",
        (true, true) => "shown",
        (true, false) => "wanted",
    };
    let about = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "token": token,
        "exposed": desk.guard.is_exposed(),
        "events": desk.events,
    });
    answer(StatusCode::OK, &about)
}

/// `POST /page/login`: the token is the body.
///
/// Another site's form could send one, but reads no answer and gains nothing by it.
pub async fn login(State(desk): State<Arc<Desk>>, body: Body) -> Response {
    let Ok(shown) = timeout(PATIENCE, to_bytes(body, MOST)).await else {
        let error = format!("the token did not come in {} s", PATIENCE.as_secs());
        return answer(StatusCode::REQUEST_TIMEOUT, &json!({"error": error, "cure": "send it again"}));
    };
    let shown = shown.unwrap_or_default();
    match desk.guard.cookie_for(shown.trim_ascii()) {
        Some(cookie) => (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response(),
        None => {
            let cure = "it is in the file that --http-token-file names, or in ESSINK_HTTP_TOKEN";
            answer(StatusCode::UNAUTHORIZED, &json!({"error": "this is not the token", "cure": cure}))
        }
    }
}

/// `POST /page/logout`
pub async fn logout(State(desk): State<Arc<Desk>>) -> Response {
    match desk.guard.no_cookie() {
        Some(cookie) => (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

pub(super) fn answer(status: StatusCode, json: &impl serde::Serialize) -> Response {
    match serde_json::to_string(json) {
        Ok(text) => (status, [(CONTENT_TYPE, JSON)], text + "\n").into_response(),
        // None of what is answered here can fail to be written; a page that got this says so.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
