//! `GET /page/pipeline`: server-sent events, first what was and then, each second, what is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde::Serialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};

use super::session::answer;
use super::{Desk, Later};
use crate::telemetry::http::pace::Pace;

const EVERY: Duration = Duration::from_secs(1);

/// A stream ends after this, and its page asks for the next one at once: whoever went away without a word has its
/// place no longer.
const LIFE: Duration = Duration::from_secs(600);

/// How soon a browser asks again when a stream has ended, milliseconds.
const RETRY: u32 = 1000;

/// Opens a stream, if there is a place for one.
pub async fn stream(State(desk): State<Arc<Desk>>, Extension(pace): Extension<Pace>) -> Response {
    let Ok(place) = desk.watchers.clone().try_acquire_owned() else {
        let full = json!({
            "error": format!("{} pages watch already", super::WATCHERS),
            "cure": "close one that nobody looks at; this one goes on by itself when there is a place",
        });
        return answer(StatusCode::SERVICE_UNAVAILABLE, &full);
    };
    let watcher = Watcher { desk, seen: i64::MIN, began: Instant::now(), _place: place };
    let body = Stream { next: Some(Box::pin(watcher.begin())), pace };
    ([(CONTENT_TYPE, "text/event-stream")], Body::new(body)).into_response()
}

/// Someone who watches.
struct Watcher {
    desk: Arc<Desk>,
    /// The time of the last sample that was sent.
    seen: i64,
    began: Instant,
    _place: OwnedSemaphorePermit,
}

/// A watcher with what to send next; none when its stream ends.
type Step = Option<(Watcher, String)>;

impl Watcher {
    /// All that is kept of the past.
    async fn begin(mut self) -> Step {
        let past = self.desk.history().past();
        self.seen = past.samples.last().map_or(i64::MIN, |sample| sample.at);
        let text = format!("retry: {RETRY}\n{}", event("history", &past)?);
        Some((self, text))
    }

    /// What is, once a second is over.
    async fn go_on(mut self, wait: Duration) -> Step {
        let desk = self.desk.clone();
        desk.stop.run_until_cancelled(sleep(wait)).await?;
        if self.began.elapsed() >= LIFE {
            return None;
        }
        let now = desk.pipeline(self.seen).await;
        self.seen = now.sample.map_or(self.seen, |sample| sample.at);
        Some((self, event("message", &now)?))
    }
}

/// JSON has no line breaks, which would end an event early.
fn event(kind: &str, data: &impl Serialize) -> Option<String> {
    Some(format!("event: {kind}\ndata: {}\n\n", serde_json::to_string(data).ok()?))
}

/// The body: makes the next piece only when the last was taken, so that a slow reader costs nothing but its place; and
/// when it takes nothing for the time that a connection has, the connection ends.
struct Stream {
    next: Option<Later<'static, Step>>,
    pace: Pace,
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let step = ready!(next.as_mut().poll(cx));
        self.pace.moved();
        let Some((watcher, text)) = step else {
            self.next = None;
            return Poll::Ready(None);
        };
        // The first state comes with the past.
        let wait = if text.starts_with("retry") { Duration::ZERO } else { EVERY };
        self.next = Some(Box::pin(watcher.go_on(wait)));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(text)))))
    }
}
