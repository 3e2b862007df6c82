//! Common attributes: what an operator has Firehose say of all records of a stream. They are kept with each of them, in the
//! envelope of Firehose's own requests, which `essink run` opens: the event's id is that of the record without it.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::webhook::answer::Answer;

const HEADER: &str = "x-amz-firehose-common-attributes";

/// What any stream takes as one record, its key included. A record of Firehose that is larger in its envelope goes without
/// it: without the attributes rather than not at all.
const LARGEST: usize = (1 << 20) - 256;

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "commonAttributes", default)]
    common_attributes: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    common_attributes: &'a BTreeMap<String, String>,
    records: [Record<'a>; 1],
}

#[derive(Serialize)]
struct Record<'a> {
    data: &'a str,
}

/// Those of one request.
#[derive(Debug)]
pub struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// What the head says; none when it says nothing.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Answer> {
        let Some(text) = headers.get(HEADER) else { return Ok(None) };
        let header: Header = serde_json::from_slice(text.as_bytes())
            .map_err(|_| Answer::malformed("X-Amz-Firehose-Common-Attributes are no texts by name"))?;
        Ok(Some(header.common_attributes).filter(|all| !all.is_empty()).map(Self))
    }

    /// The record with this `data` (base64) in an envelope of its own; none where that would be too large.
    pub fn around(&self, data: &str, request_id: &str, timestamp: Option<i64>) -> Option<Bytes> {
        let records = [Record { data }];
        let envelope = Envelope { request_id, timestamp, common_attributes: &self.0, records };
        serde_json::to_vec(&envelope).ok().filter(|json| json.len() <= LARGEST).map(Bytes::from)
    }
}
