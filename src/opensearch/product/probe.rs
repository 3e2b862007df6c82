//! Whether a serverless collection keeps the ids that documents are given.

use http::Method;
use serde_json::json;

use super::super::client::{Answer, Client};
use super::super::judge::Fault;
use super::{DetectError, of_failure};

/// The id of the probe; found again at the next start, so that one document is all it ever leaves.
const ID: &str = "essink-probe";

/// Creates one small document in `index` and looks at the id it gets.
///
/// Serverless collections of the types TIMESERIES and VECTORSEARCH replace or refuse ids: there a replay would
/// index every event once more, so they cannot be used.
pub async fn probe_ids(client: &Client, index: &str) -> Result<(), DetectError> {
    let path = format!("/{index}/_create/{ID}");
    let answer = client.send_json(Method::PUT, &path, &json!({ "probe": true })).await.map_err(of_failure)?;
    judge(&answer, index)
}

fn judge(answer: &Answer, index: &str) -> Result<(), DetectError> {
    const CURE: &str = "use a collection of type SEARCH, or a domain";
    let fault = Fault::of_answer(&answer.body);
    let said = format!("status {} {}", answer.status, fault.kind());
    let said = said.trim_end();
    match answer.status {
        200 | 201 if answer.json()["_id"] == ID => Ok(()),
        200 | 201 => Err(DetectError::NotSearch(format!("the collection replaces document ids: {CURE}"))),
        // From an earlier start: the id was kept.
        409 if fault.kind() == "version_conflict_engine_exception" => Ok(()),
        400 if speaks_of_ids(fault.reason()) => {
            Err(DetectError::NotSearch(format!("the collection takes no document ids ({said}): {CURE}")))
        }
        401 | 403 => Err(DetectError::Refused(format!(
            "no document may be created in {index} ({said}): allow the role to write"
        ))),
        408 | 429 | 500.. => Err(DetectError::Down(format!("the probe of document ids got {said}"))),
        _ => Err(DetectError::NotSearch(format!("the probe of document ids in {index} got {said}: {CURE}"))),
    }
}

/// `Document ID is not supported in create/index operation request`.
fn speaks_of_ids(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("document id")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn only_a_collection_that_keeps_ids_passes() {
        let replaced = Err("replaces document ids");
        let refused = Err("takes no document ids");
        for (status, body, expected) in [
            (201, r#"{"_index":"p","_id":"essink-probe","result":"created"}"#, Ok(())),
            (201, r#"{"_index":"p","_id":"1%3A0%3Aabc","result":"created"}"#, replaced),
            (201, r#"{"_index":"p"}"#, replaced),
            (409, r#"{"error":{"type":"version_conflict_engine_exception","reason":"x"},"status":409}"#, Ok(())),
            (
                400,
                r#"{"error":{"type":"illegal_argument_exception","reason":"Document ID is not supported in create/index operation request"},"status":400}"#,
                refused,
            ),
            (403, r#"{"error":{"type":"security_exception","reason":"x"}}"#, Err("allow the role to write")),
            (503, "", Err("status 503")),
            (404, "", Err("status 404")),
        ] {
            let answer = Answer { status, body: Bytes::from_static(body.as_bytes()), retry_after: None };
            match (judge(&answer, "p"), expected) {
                (Ok(()), Ok(())) => {}
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{body}: {error}"),
                (got, _) => panic!("{body}: {got:?}"),
            }
        }
    }
}
