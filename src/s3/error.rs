//! What went wrong with a bucket, and whether waiting helps.

use crate::opensearch::client::{Answer, Failure, SendError};

/// A call that did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    /// Try again later.
    #[error("{0}")]
    Busy(String),
    /// The object is not there, or is another one now.
    #[error("{0}")]
    Gone(String),
    /// Trying again will not help.
    #[error("{0}")]
    Halt(String),
}

/// The answer, or what its absence or its error means; `right` is the one that the call needs.
pub fn judge(
    operation: &str,
    right: &str,
    bucket: &str,
    key: &str,
    answer: Result<Answer, SendError>,
) -> Result<Answer, S3Error> {
    let answer = match answer {
        Ok(answer) if answer.is_success() => return Ok(answer),
        Ok(answer) => answer,
        Err(SendError { failure, detail }) => {
            let said = format!("{operation} of s3://{bucket}/{key}: {detail}");
            return Err(match failure {
                Failure::Credentials => S3Error::Halt(format!("{said}; see `aws configure`")),
                Failure::Tls | Failure::Request | Failure::TooLarge => S3Error::Halt(said),
                Failure::Connect | Failure::Timeout | Failure::Closed | Failure::Cut => S3Error::Busy(said),
            });
        }
    };
    let place = format!("s3://{bucket}/{key}");
    let (code, status) = (code(&answer.body), answer.status);
    let said = format!("{operation} of {place}: status {status} {code}");
    Err(match (code, status) {
        ("NoSuchBucket", _) => {
            S3Error::Halt(format!("the bucket {bucket} does not exist, create it or correct its name: {said}"))
        }
        ("NoSuchKey", _) | (_, 404 | 412) => S3Error::Gone(format!("{place} is gone, or another one by now: {said}")),
        ("AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _) | (_, 300..=399) => {
            S3Error::Halt(format!("the bucket {bucket} is in another region, give --aws-region: {said}"))
        }
        (
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" | "RequestTimeTooSkewed",
            _,
        ) => S3Error::Halt(format!("S3 refuses our AWS credentials, or the clock is wrong, check them: {said}")),
        (_, 401 | 403) => S3Error::Halt(format!("S3 denies us, grant {right} on the bucket {bucket}: {said}")),
        // Two at once on one key, or too many at once.
        (_, 408 | 409 | 429 | 500..) => S3Error::Busy(said),
        _ => S3Error::Halt(said),
    })
}

/// `<Error><Code>…</Code>…`; only a name, for the rest of an answer could be anything.
fn code(body: &[u8]) -> &str {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    if code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric()) { code } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_whether_to_wait_and_what_to_do() {
        let judged = |status: u16, body: &str| {
            let answer = Answer { status, body: body.to_owned().into(), retry_after: None };
            judge("PutObject", "s3:PutObject", "b", "k", Ok(answer)).map(drop).expect_err("no success")
        };
        let error =
            |code: &str| format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>");
        let halts = |status, body: &str, cure: &str| {
            let error = judged(status, body);
            assert!(matches!(&error, S3Error::Halt(why) if why.contains(cure)), "{error:?}");
        };
        halts(404, &error("NoSuchBucket"), "create it");
        halts(403, &error("AccessDenied"), "grant s3:PutObject");
        halts(403, &error("SignatureDoesNotMatch"), "credentials");
        halts(301, &error("PermanentRedirect"), "--aws-region");
        halts(400, &error("InvalidRequest"), "InvalidRequest");
        for busy in [(503, error("SlowDown")), (409, error("ConditionalRequestConflict")), (500, String::new())] {
            assert!(matches!(judged(busy.0, &busy.1), S3Error::Busy(_)), "{busy:?}");
        }
        assert!(matches!(judged(404, &error("NoSuchKey")), S3Error::Gone(_)));
        assert!(matches!(judged(412, ""), S3Error::Gone(_)));
        assert!(!judged(400, "<Code>{\"event\":1}</Code>").to_string().contains("event"), "no part of an answer");
    }
}
