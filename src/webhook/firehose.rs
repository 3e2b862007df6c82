//! Amazon Data Firehose with an HTTP endpoint as its destination.
//!
//! One request holds up to 10,000 records as base64; each is put as it was given to Firehose, or with its common
//! attributes where there are some. An answer counts only in
//! Firehose's own form, and only 200 is a yes. Anything else comes again until the stream's retry duration is over, but
//! for 413, which sends all records to the error bucket at once: it is said only where trying again cannot help.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_ENCODING;
use http::request::Parts;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::answer::Answer;
use super::body::Body;
use super::receiver::{Admitted, Receipt, Receiver, posted};
use super::secret::Secret;
use super::split::MOST_VALUES;
use super::stream::{Item, Later};
use crate::event::inflate::inflate;
use crate::event::key;
use crate::event::time::Millis;
use crate::telemetry::metrics::Provider;

mod attributes;

use attributes::Attributes;

const REQUEST_ID: &str = "x-amz-firehose-request-id";
const ACCESS_KEY: &str = "x-amz-firehose-access-key";
const VERSION: &str = "x-amz-firehose-protocol-version";

/// Law of Firehose: three minutes for an answer. A large request takes long where the stream has few shards.
const PATIENCE: Duration = Duration::from_secs(150);

/// Law of Firehose: 64 MiB.
const LARGEST: usize = 64 << 20;

/// Receives what a Firehose stream delivers.
#[derive(Debug)]
pub struct Firehose {
    access_key: Option<Secret>,
}

/// A request, as far as it is of interest.
#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(rename = "requestId", borrow)]
    request_id: Cow<'a, str>,
    #[serde(default)]
    timestamp: Option<i64>,
    #[serde(borrow, deserialize_with = "records")]
    records: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

impl Firehose {
    /// Without a key it takes what anybody posts.
    pub fn new(access_key: Option<Secret>) -> Self {
        Self { access_key }
    }

    fn take(&self, head: &Parts, body: &mut Body) -> Result<Receipt, Answer> {
        let json = plain(head, body)?;
        let malformed = |why: &str| Answer::malformed(format!("not a request of Firehose: {why}"));
        // What serde says may quote the body.
        let delivery: Delivery<'_> = serde_json::from_slice(&json).map_err(|error| {
            malformed(&format!("no requestId and records at line {} column {}", error.line(), error.column()))
        })?;
        if delivery.request_id != request_id(head) {
            return Err(malformed("requestId is another one than in the head"));
        }
        let attributes = Attributes::of(&head.headers)?;
        let mut items = Vec::with_capacity(delivery.records.len());
        for record in &delivery.records {
            body.hold.take(record.len() / 4 * 3)?;
            let data = STANDARD.decode(record.as_bytes()).map_err(|_| malformed("a record is no base64"))?;
            if data.is_empty() {
                continue;
            }
            let key = key::of_data(&data);
            let around = |all: &Attributes| all.around(record, &delivery.request_id, delivery.timestamp);
            let data = match attributes.as_ref().and_then(around) {
                Some(wrapped) => {
                    body.hold.take(wrapped.len())?;
                    wrapped
                }
                None => Bytes::from(data),
            };
            items.push(Item { key, data });
        }
        Ok(Receipt { items, mark: None })
    }
}

fn request_id(head: &Parts) -> &str {
    head.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// The body, inflated where it is gzip.
fn plain(head: &Parts, body: &mut Body) -> Result<Bytes, Answer> {
    let encoding = head.headers.get(CONTENT_ENCODING).map_or("identity", |e| e.to_str().unwrap_or_default());
    match encoding {
        "identity" => return Ok(body.bytes.clone()),
        "gzip" => {}
        _ => return Err(Answer::malformed("encoded otherwise than with gzip")),
    }
    let broken = || Answer::malformed("gzip that cannot be read");
    // The last four bytes say how large the content is; room is asked for before it is needed.
    let size = body.bytes.last_chunk::<4>().map(|size| u32::from_le_bytes(*size)).ok_or_else(broken)?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let room = size.min(LARGEST);
    body.hold.take(room)?;
    let inflated = inflate(&body.bytes, room);
    match inflated.rest {
        None if inflated.bytes.len() == size => Ok(Bytes::from(inflated.bytes)),
        Some(rest) if rest.reason == "too_large" && size > room => {
            Err(Answer::too_large(format!("inflates to more than {LARGEST} bytes")))
        }
        _ => Err(broken()),
    }
}

/// At most as many as Firehose sends: a body of empty records must not become a list of millions.
fn records<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cow<'de, str>>, D::Error> {
    struct Records;

    impl<'de> Visitor<'de> for Records {
        type Value = Vec<Cow<'de, str>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of records")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut records = Vec::new();
            while let Some(Record { data }) = seq.next_element()? {
                if records.len() == MOST_VALUES {
                    return Err(A::Error::custom("too many records"));
                }
                records.push(data);
            }
            Ok(records)
        }
    }

    deserializer.deserialize_seq(Records)
}

impl Receiver for Firehose {
    fn provider(&self) -> Provider {
        Provider::Firehose
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn largest(&self) -> usize {
        LARGEST
    }

    fn admit(&self, head: &Parts, _: Millis) -> Result<Admitted, Answer> {
        posted(head)?;
        let shown = head.headers.get(ACCESS_KEY).map(|key| key.as_bytes());
        if self.access_key.as_ref().is_some_and(|key| !shown.is_some_and(|shown| key.is(shown))) {
            return Err(Answer::refused("wrong or no access key"));
        }
        if head.headers.get(VERSION).is_some_and(|version| version != "1.0") {
            return Err(Answer::malformed("another version of Firehose's protocol than 1.0"));
        }
        match request_id(head).is_empty() {
            true => Err(Answer::malformed("no X-Amz-Firehose-Request-Id")),
            false => Ok(Admitted::Known),
        }
    }

    fn receive<'a>(
        &'a self,
        head: &'a Parts,
        _: Admitted,
        body: &'a mut Body,
        _: Millis,
    ) -> Later<'a, Result<Receipt, Answer>> {
        Box::pin(async move { self.take(head, body) })
    }

    fn dress(&self, head: &Parts, answer: Answer, now: Millis) -> Answer {
        let mut form = serde_json::json!({"requestId": request_id(head), "timestamp": now.0});
        if answer.status != StatusCode::OK {
            form["errorMessage"] = answer.said.as_ref().into();
        }
        answer.worth_another_try().with_json(form.to_string())
    }
}
