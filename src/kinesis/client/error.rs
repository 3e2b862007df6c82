//! The service's failures in words that carry the cure, and sorted for the reader.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};

use crate::kinesis::shard::api::Fault;

/// Why the stream cannot be used. The words carry the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Nothing says in which region the stream is.
    #[error(
        "no AWS region is configured, and no metadata of an instance says one: give --aws-region, or set AWS_REGION or a region in \
         the AWS profile"
    )]
    NoRegion,
    /// The standard chain of credentials holds none.
    #[error(
        "no usable AWS credentials ({0}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached"
    )]
    NoCredentials(String),
    /// The service knows no such stream.
    #[error(
        "stream `{stream}` does not exist in region {region}: check --stream, --aws-region (AWS_REGION) and the account of the credentials"
    )]
    UnknownStream {
        /// As it was asked for.
        stream: String,
        /// Where it was looked for.
        region: String,
    },
    /// The stream is there and cannot be used yet, or any more.
    #[error("stream `{stream}` is {status}: it can be used when it is ACTIVE")]
    NotActive {
        /// Its name.
        stream: String,
        /// Its status, as the service says it.
        status: String,
    },
    /// Credentials or permissions.
    #[error(
        "kinesis refuses {operation} on stream `{stream}`: {reason}; check the credentials and their permission for kinesis:{operation}"
    )]
    Refused {
        /// The call.
        operation: &'static str,
        /// Its stream.
        stream: String,
        /// The service's words.
        reason: String,
    },
    /// No answer, or the service is busy: the same may succeed later.
    #[error(
        "kinesis in region {region} does not answer {operation}: {reason}; check the network, --aws-region and --kinesis-endpoint-url"
    )]
    Unreachable {
        /// The call.
        operation: &'static str,
        /// Where it was sent.
        region: String,
        /// What happened.
        reason: String,
    },
    /// The service does not accept the call, or its answer makes no sense.
    #[error("kinesis does not accept {operation} on stream `{stream}`: {reason}")]
    Invalid {
        /// The call.
        operation: &'static str,
        /// Its stream.
        stream: String,
        /// The service's words.
        reason: String,
    },
}

/// Sorts a failed call by what can be done about it.
pub(super) fn fault<E, R>(error: &SdkError<E, R>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    let reason = reason(error);
    if lacks_credentials(error) {
        return Fault::Refused(format!("no usable AWS credentials ({reason})"));
    }
    match error {
        SdkError::ServiceError(service) => by_code(service.err().code().unwrap_or_default(), reason),
        SdkError::ConstructionFailure(_) => Fault::Invalid(reason),
        _ => Fault::Transient(reason),
    }
}

/// The codes of the Kinesis API reference; unknown ones are taken for trouble that may pass.
pub(super) fn by_code(code: &str, reason: String) -> Fault {
    match code {
        "ExpiredIteratorException" => Fault::Expired,
        "ProvisionedThroughputExceededException"
        | "LimitExceededException"
        | "KMSThrottlingException"
        | "ThrottlingException"
        | "Throttling" => Fault::Throttled(reason),
        "ResourceNotFoundException" => Fault::Gone(reason),
        "InvalidArgumentException" | "ValidationException" | "SerializationException" | "UnknownOperationException" => {
            Fault::Invalid(reason)
        }
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "OptInRequired"
        | "KMSAccessDeniedException"
        | "KMSDisabledException"
        | "KMSInvalidStateException"
        | "KMSNotFoundException"
        | "KMSOptInRequired" => Fault::Refused(reason),
        _ => Fault::Transient(reason),
    }
}

/// `Code: message` of the service, or the innermost cause of what kept the call from it.
pub(super) fn reason<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    if let SdkError::ServiceError(service) = error {
        let code = service.err().code().unwrap_or("error without a code");
        return service.err().message().map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"));
    }
    let innermost = causes(error).last().map_or_else(String::new, ToString::to_string);
    if innermost.is_empty() { error.to_string() } else { innermost }
}

/// Whether the call failed before it was sent, for want of credentials.
pub(super) fn lacks_credentials<E, R>(error: &SdkError<E, R>) -> bool
where
    E: Error + 'static,
    R: std::fmt::Debug,
{
    causes(error).any(|cause| cause.is::<CredentialsError>())
}

fn causes<E, R>(error: &SdkError<E, R>) -> impl Iterator<Item = &(dyn Error + 'static)>
where
    E: Error + 'static,
    R: std::fmt::Debug,
{
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| Error::source(*cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_the_reader_does_about_them() {
        fn check(code: &str, expected: &Fault) {
            assert_eq!(&by_code(code, "why".into()), expected, "{code}");
        }
        let why = || "why".to_owned();
        check("ExpiredIteratorException", &Fault::Expired);
        check("ProvisionedThroughputExceededException", &Fault::Throttled(why()));
        check("KMSThrottlingException", &Fault::Throttled(why()));
        check("ResourceNotFoundException", &Fault::Gone(why()));
        check("InvalidArgumentException", &Fault::Invalid(why()));
        check("AccessDeniedException", &Fault::Refused(why()));
        check("ExpiredTokenException", &Fault::Refused(why()));
        check("InternalFailureException", &Fault::Transient(why()));
        check("ServiceUnavailable", &Fault::Transient(why()));
        check("", &Fault::Transient(why()));
    }
}
