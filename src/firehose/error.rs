//! Error documents: a record that Firehose could not deliver or transform, with when it arrived.
//!
//! They are an envelope like others ([`crate::event::envelope`] opens them); a replay also takes the time out of them,
//! because it is what Kinesis' arrival is to a stream.

use crate::event::envelope::error_arrival;
use crate::event::scan::{ScanLimits, Scanned, scan};
use crate::event::time::Millis;

/// What every error document has, and nearly no event.
const RAW: &[u8] = b"\"rawData\"";

/// An error document has a dozen members.
const LIMITS: ScanLimits = ScanLimits { depth: 100, keys: 1_000 };

/// When Firehose received the record that is in `value`, when that can be read; `None` when it is no error document, but
/// perhaps an event.
pub fn arrival(value: &[u8]) -> Option<Option<Millis>> {
    if !value.windows(RAW.len()).any(|window| window == RAW) {
        return None;
    }
    let value = value.trim_ascii_start();
    let mut scanned = Scanned::default();
    scan(value, 0, &LIMITS, &mut scanned).ok()?;
    error_arrival(&scanned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, expected: Option<Option<i64>>) {
        assert_eq!(arrival(document.as_bytes()).map(|at| at.map(|at| at.0)), expected, "{document}");
    }

    #[test]
    fn the_time_in_documents_of_every_destination_is_read() {
        let opensearch = r#" {"attemptsMade":3,"arrivalTimestamp":1589791198000,"errorCode":"400","errorMessage":"failed to parse",
            "attemptEndingTimestamp":1589791198500,"esDocumentId":"49","esIndexName":"pinpoint-2020-05-18","esTypeName":"",
            "rawData":"eyJhIjoxfQ=="}"#;
        check(opensearch, Some(Some(1_589_791_198_000)));
        let lambda = r#"{"attemptsMade":4,"arrivalTimestamp":"1589791198000","errorCode":"Lambda.FunctionError","errorMessage":"x",
            "attemptEndingTimestamp":1,"rawData":"eyJhIjoxfQ","lambdaArn":"arn:aws:lambda:x"}"#;
        check(lambda, Some(Some(1_589_791_198_000)));
        check(r#"{"attemptsMade":0,"rawData":""}"#, Some(None));
        check(r#"{"attemptsMade":0,"arrivalTimestamp":1589791198,"rawData":"***"}"#, Some(None));
    }

    #[test]
    fn events_are_none() {
        for event in [
            r#"{"event_type":"x"}"#,
            r#"{"rawData":"eA=="}"#,
            r#"{"a":"\"rawData\""}"#,
            r#"{"attemptsMade":1,"rawData":{}}"#,
            r#"[{"attemptsMade":1,"rawData":"eA=="}]"#,
            r#"{"attemptsMade":1,"rawData":"eA=="#,
        ] {
            check(event, None);
        }
    }
}
