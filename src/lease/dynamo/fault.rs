//! DynamoDB's failures: what passes by waiting, and what an operator must mend, with the cure.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::pipeline::ports::StoreError;

/// Every action that leases take.
const ACTIONS: &str = "dynamodb:DescribeTable, CreateTable, Scan, PutItem, UpdateItem and DeleteItem";

/// The service's code, or nothing when none came.
pub(super) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default()
}

/// A failed call as the keeper of leases has to take it.
pub(super) fn judge<E, R>(operation: &str, table: &str, error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    let reason = reason(error);
    if causes(error).any(|cause| cause.is::<CredentialsError>()) {
        return StoreError::Halt(format!(
            "no usable AWS credentials for table {table} ({reason}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached"
        ));
    }
    match error {
        SdkError::ServiceError(_) => by_code(operation, table, code(error), &reason),
        SdkError::ConstructionFailure(_) => invalid(operation, table, &reason),
        _ => StoreError::Busy(format!("dynamodb does not answer {operation} on table {table}: {reason}")),
    }
}

/// The codes of the DynamoDB API reference; throttling, and what is unknown, is taken for trouble that may pass.
fn by_code(operation: &str, table: &str, code: &str, reason: &str) -> StoreError {
    match code {
        "ResourceNotFoundException" => removed(table),
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException"
        | "MissingAuthenticationToken"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "OptInRequired" => StoreError::Halt(format!(
            "dynamodb refuses {operation} on table {table}: {reason}; check the credentials and their permission for {ACTIONS}"
        )),
        "ValidationException" | "SerializationException" | "UnknownOperationException" => {
            invalid(operation, table, reason)
        }
        _ => StoreError::Busy(format!("dynamodb is busy with {operation} on table {table}: {reason}")),
    }
}

fn invalid(operation: &str, table: &str, reason: &str) -> StoreError {
    StoreError::Halt(format!(
        "dynamodb does not accept {operation} on table {table}: {reason}; check --state and --dynamodb-endpoint-url"
    ))
}

/// Taken for empty, it would be filled anew while other workers hold what was in it.
pub(super) fn removed(table: &str) -> StoreError {
    StoreError::Halt(format!(
        "table {table} was removed while in use: stop every worker of the group, restore the table or let the stream be read anew from --start, then start them"
    ))
}

/// `Code: message` of the service, or the innermost cause of what kept the call from it.
fn reason<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    if let Some(service) = error.as_service_error() {
        let code = service.code().unwrap_or("error without a code");
        return service.message().map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"));
    }
    let innermost = causes(error).last().map_or_else(String::new, ToString::to_string);
    if innermost.is_empty() { error.to_string() } else { innermost }
}

fn causes<E, R>(error: &SdkError<E, R>) -> impl Iterator<Item = &(dyn Error + 'static)>
where
    E: Error + 'static,
    R: std::fmt::Debug,
{
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| Error::source(*cause))
}
