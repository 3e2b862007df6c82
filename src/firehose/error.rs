//! Error documents: a record that Firehose could not deliver or transform, with when it arrived.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::event::time::Millis;

/// What every error document has, and no event does.
const RAW: &[u8] = b"\"rawData\"";

/// 2014-01-01: an older time is a wrong unit.
const OLDEST: i64 = 1_388_534_400_000;

/// A record that Firehose gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The record as it was put.
    pub record: Bytes,
    /// When Firehose received it, when that can be read.
    pub arrived: Option<Millis>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "rawData")]
    raw: Cow<'a, str>,
    /// A number; which one does not matter.
    #[serde(rename = "attemptsMade")]
    _attempts: Value,
    #[serde(default, rename = "arrivalTimestamp")]
    arrived: Value,
}

/// Reads an error document. `None` when the value is none, but perhaps an event.
///
/// # Errors
/// It is one, and its `rawData` cannot be read.
pub fn read(value: &[u8]) -> Option<Result<Given, &'static str>> {
    if !value.windows(RAW.len()).any(|window| window == RAW) {
        return None;
    }
    let document: Document<'_> = serde_json::from_slice(value).ok()?;
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let record = STANDARD.decode(document.raw.as_bytes()).or_else(|_| LENIENT.decode(document.raw.trim()));
    let arrived = match &document.arrived {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let arrived = arrived.filter(|at| *at >= OLDEST).map(Millis);
    Some(match record {
        Ok(record) => Ok(Given { record: record.into(), arrived }),
        Err(_) => Err("the rawData of an error document is not base64"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(record: &'static [u8], arrived: Option<i64>) -> Option<Result<Given, &'static str>> {
        Some(Ok(Given { record: Bytes::from_static(record), arrived: arrived.map(Millis) }))
    }

    #[test]
    fn documents_of_every_destination_are_read() {
        let read = |text: &str| read(text.as_bytes());
        let opensearch = r#"{"attemptsMade":3,"arrivalTimestamp":1589791198000,"errorCode":"400","errorMessage":"failed to parse",
            "attemptEndingTimestamp":1589791198500,"esDocumentId":"49","esIndexName":"pinpoint-2020-05-18","esTypeName":"",
            "rawData":"eyJhIjoxfQ=="}"#;
        assert_eq!(read(opensearch), given(b"{\"a\":1}", Some(1_589_791_198_000)));
        let lambda = r#"{"attemptsMade":4,"arrivalTimestamp":"1589791198000","errorCode":"Lambda.FunctionError","errorMessage":"x",
            "attemptEndingTimestamp":1,"rawData":"eyJhIjoxfQ","lambdaArn":"arn:aws:lambda:x"}"#;
        assert_eq!(read(lambda), given(b"{\"a\":1}", Some(1_589_791_198_000)), "without padding, the time as text");
        assert_eq!(read(r#"{"attemptsMade":0,"rawData":""}"#), given(b"", None));
        assert_eq!(
            read(r#"{"attemptsMade":0,"arrivalTimestamp":1589791198,"rawData":""}"#),
            given(b"", None),
            "seconds"
        );
    }

    #[test]
    fn events_are_none_and_what_is_broken_is_said() {
        for event in [
            r#"{"event_type":"x"}"#,
            r#"{"rawData":"eA=="}"#,
            r#"{"a":"\"rawData\""}"#,
            r#"{"attemptsMade":1,"rawData":{}}"#,
            "[]",
        ] {
            assert_eq!(read(event.as_bytes()), None, "{event}");
        }
        assert!(matches!(read(br#"{"attemptsMade":1,"rawData":"***"}"#), Some(Err(_))));
    }
}
