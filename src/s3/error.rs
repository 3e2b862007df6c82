//! What went wrong with a bucket, and whether waiting helps.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

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

/// How a call of the SDK fails.
pub type Failed<E> = SdkError<E, HttpResponse>;

/// The status of the answer, when one came.
pub fn status<E>(error: &Failed<E>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

/// Judges the failure of one call; `right` is the one it needs.
pub fn judge<E>(operation: &str, right: &str, bucket: &str, key: &str, error: &Failed<E>) -> S3Error
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let code = if let SdkError::ServiceError(context) = error { context.err().code() } else { None };
    let status = status(error);
    let place = format!("s3://{bucket}/{key}");
    let what = code.map_or_else(|| status.map_or_else(|| causes(error), |s| format!("status {s}")), str::to_owned);
    let said = format!("{operation} of {place}: {what}");
    match (code, status) {
        (Some("NoSuchBucket"), _) => {
            S3Error::Halt(format!("the bucket {bucket} does not exist, create it or correct its name: {said}"))
        }
        (Some("NoSuchKey"), _) | (_, Some(412)) => {
            S3Error::Gone(format!("{place} is gone, or another one by now: {said}"))
        }
        (Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"), _)
        | (_, Some(301)) => {
            S3Error::Halt(format!("the bucket {bucket} is in another region, give --aws-region: {said}"))
        }
        (Some("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken"), _) => {
            S3Error::Halt(format!("S3 refuses our AWS credentials, check them: {said}"))
        }
        (_, Some(401 | 403)) => S3Error::Halt(format!("S3 denies us, grant {right} on the bucket {bucket}: {said}")),
        (_, Some(404)) => S3Error::Gone(format!("{place} is not there: {said}")),
        // Two at once on one key, or too many at once.
        (_, Some(408 | 409 | 429 | 500..)) => S3Error::Busy(said),
        (_, Some(_)) => S3Error::Halt(said),
        (_, None) if lacks_credentials(error) => {
            S3Error::Halt(format!("no AWS credentials are configured, see `aws configure`: {said}"))
        }
        (_, None) if matches!(error, SdkError::ConstructionFailure(_)) => {
            S3Error::Halt(format!("the request to S3 cannot be made, is an AWS region set: {said}"))
        }
        (_, None) => S3Error::Busy(said),
    }
}

fn lacks_credentials<E: Error + 'static>(error: &Failed<E>) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<aws_credential_types::provider::error::CredentialsError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The last cause says the most; none holds a secret.
fn causes(error: &(impl Error + 'static)) -> String {
    let mut words = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    words.dedup();
    words.join(": ")
}
