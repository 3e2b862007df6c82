//! What a request is told.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::telemetry::metrics::WebhookAnswer;

/// Seconds after which a request that met a busy stream may come again. Kinesis' limits are those of one second, and a
/// reshard or a failover takes a few.
const BUSY_AGAIN: u32 = 5;

/// The rate is counted by the second.
const RATE_AGAIN: u32 = 1;

/// What a request is told. Its words hold nothing of the body and no secret: they are logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The kind, as it is counted.
    pub kind: WebhookAnswer,
    /// One sentence for people.
    pub said: Cow<'static, str>,
    /// A JSON document instead of the sentence.
    pub json: Option<String>,
    /// Another configuration would have taken it.
    pub curable: bool,
    /// It was the stream that did not take it, and nothing else.
    pub of_stream: bool,
    retry_after: Option<u32>,
    challenge: Option<&'static str>,
    allow: Option<&'static str>,
    close: bool,
    secret: bool,
}

impl Answer {
    fn new(status: StatusCode, kind: WebhookAnswer, said: impl Into<Cow<'static, str>>) -> Self {
        let said = said.into();
        Self {
            status,
            kind,
            said,
            json: None,
            curable: false,
            of_stream: false,
            retry_after: None,
            challenge: None,
            allow: None,
            close: false,
            secret: false,
        }
    }

    /// 200: all of it is in the stream.
    pub fn taken() -> Self {
        Self::new(StatusCode::OK, WebhookAnswer::Taken, "ok")
    }

    /// 200: nothing was to be put.
    pub fn nothing(said: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::OK, WebhookAnswer::Nothing, said)
    }

    /// 200 with a JSON document, nothing put.
    pub fn document(json: String) -> Self {
        Self { json: Some(json), ..Self::nothing("ok") }
    }

    /// 401: who posts did not prove it.
    pub fn refused(said: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, WebhookAnswer::Refused, said)
    }

    /// 403: who posts is known and may not.
    pub fn forbidden(said: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, WebhookAnswer::Refused, said)
    }

    /// 503: no signature; to come again with one.
    pub fn unsigned(said: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, WebhookAnswer::Unsigned, said)
    }

    /// 400: not what is posted here.
    pub fn malformed(said: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, WebhookAnswer::Malformed, said)
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, WebhookAnswer::NotFound, "nothing is received here")
    }

    /// 405; `allow` lists the methods that are taken.
    pub fn wrong_method(allow: &'static str) -> Self {
        let answer =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, WebhookAnswer::NotFound, "another method is wanted here");
        Self { allow: Some(allow), ..answer }
    }

    /// 408; the rest of the body is not waited for.
    pub fn slow() -> Self {
        let answer = Self::new(StatusCode::REQUEST_TIMEOUT, WebhookAnswer::Slow, "the body did not come in time");
        Self { close: true, ..answer }
    }

    /// 413.
    pub fn too_large(said: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, WebhookAnswer::TooLarge, said)
    }

    /// 413 of a body that the provider's own rules allow.
    pub fn over_limit() -> Self {
        let said = "the body is larger than --webhook-max-body; raise it, or have the provider post less at once";
        Self { curable: true, ..Self::too_large(said).and_close() }
    }

    /// 413 of a body that a larger memory would have taken.
    pub fn over_memory() -> Self {
        let said = "the body, with what is inflated and decoded of it, is larger than the memory for all; raise \
                    --webhook-memory, or have the provider post less at once";
        Self { curable: true, ..Self::too_large(said) }
    }

    /// 413 of a body whose sender could only have proven by it who he is.
    pub fn too_large_to_prove(limit: usize) -> Self {
        let said = format!("a body that only its signature speaks for has at most {limit} bytes; post less at once");
        Self::too_large(said).and_close()
    }

    /// 429.
    pub fn too_many() -> Self {
        let said = "more requests a second than --webhook-rate allows";
        let answer = Self::new(StatusCode::TOO_MANY_REQUESTS, WebhookAnswer::TooMany, said);
        Self { retry_after: Some(RATE_AGAIN), ..answer }
    }

    /// 503: not now.
    pub fn busy(said: impl Into<Cow<'static, str>>) -> Self {
        let answer = Self::new(StatusCode::SERVICE_UNAVAILABLE, WebhookAnswer::Busy, said);
        Self { retry_after: Some(BUSY_AGAIN), ..answer }
    }

    /// 503: the stream does not take it.
    pub fn stream_busy() -> Self {
        Self { of_stream: true, ..Self::busy("the stream does not take it now") }
    }

    /// The same with a JSON document instead of the sentence.
    pub fn with_json(self, json: String) -> Self {
        Self { json: Some(json), ..self }
    }

    /// For providers that take every 4xx but 429 as the last word: 503 for what may go better the next time.
    pub fn worth_another_try(self) -> Self {
        let may_pass = self.kind == WebhookAnswer::Slow || self.curable;
        match may_pass {
            true => Self { status: StatusCode::SERVICE_UNAVAILABLE, retry_after: Some(BUSY_AGAIN), ..self },
            false => self,
        }
    }

    /// Closes the connection: a part of the body was not read.
    pub fn and_close(self) -> Self {
        Self { close: true, ..self }
    }

    /// Says how to prove who posts.
    pub fn challenging(self, scheme: &'static str) -> Self {
        Self { challenge: Some(scheme), ..self }
    }

    /// Nobody on the way keeps it.
    pub fn not_to_be_kept(self) -> Self {
        Self { secret: true, ..self }
    }

    /// As HTTP has it: always with a length, never compressed.
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let (kind, body) = match self.json {
            Some(json) => ("application/json", Bytes::from(json)),
            None => ("text/plain; charset=utf-8", Bytes::from(format!("{}\n", self.said))),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(scheme) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if self.secret {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
