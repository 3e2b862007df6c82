//! AWS Signature Version 4 for the cluster's requests.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use http::header::{HeaderName, HeaderValue};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::auth::{Service, SigV4};
use super::client::{Failure, SendError};

/// Credentials are renewed this long before their end, so that none ends on the way.
const MARGIN: Duration = Duration::from_secs(300);
/// Credentials without an end are asked for again after this, as a profile file may have been rewritten.
const UNBOUNDED: Duration = Duration::from_secs(900);
/// A provider (metadata service, STS) that takes longer than this will not answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Signs requests with credentials that it keeps until they near their end.
#[derive(Debug)]
pub(super) struct Signer {
    settings: SigV4,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    credentials: Credentials,
    renew_at: SystemTime,
}

impl Signer {
    pub(super) fn new(settings: SigV4) -> Self {
        Self { settings, kept: Mutex::new(None) }
    }

    /// Adds the signature's headers.
    pub(super) async fn apply(&self, request: &mut reqwest::Request) -> Result<(), SendError> {
        let now = (self.settings.now)();
        let credentials = self.credentials(now).await?;
        let signed = add_signature(request, &credentials, self.settings.service, &self.settings.region, now);
        signed.map_err(|why| SendError::new(Failure::Request, format!("the request cannot be signed: {why}")))
    }

    /// The next request asks for fresh credentials.
    pub(super) async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    /// The lock is held while the provider is asked, so that it is asked once and not once a request.
    async fn credentials(&self, now: SystemTime) -> Result<Credentials, SendError> {
        let mut kept = self.kept.lock().await;
        if let Some(fresh) = kept.as_ref().filter(|kept| now < kept.renew_at) {
            return Ok(fresh.credentials.clone());
        }
        let failed = match timeout(PATIENCE, self.settings.credentials.provide_credentials()).await {
            Ok(Ok(credentials)) => {
                let renew_at = renew_at(credentials.expiry(), now);
                *kept = Some(Kept { credentials: credentials.clone(), renew_at });
                return Ok(credentials);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {}", humantime::format_duration(PATIENCE)),
        };
        // What is at hand still serves until its very end.
        match kept.as_ref().filter(|kept| kept.credentials.expiry().is_none_or(|end| now < end)) {
            Some(old) => Ok(old.credentials.clone()),
            None => Err(SendError::new(Failure::Credentials, format!("no AWS credentials to sign with: {failed}"))),
        }
    }
}

fn renew_at(expiry: Option<SystemTime>, now: SystemTime) -> SystemTime {
    match expiry {
        Some(end) => end.checked_sub(MARGIN).unwrap_or(now),
        None => now + UNBOUNDED,
    }
}

/// Signs method, host, path, query and body. `x-amz-content-sha256` is among the signed headers: serverless demands it.
fn add_signature(
    request: &mut reqwest::Request,
    credentials: &Credentials,
    service: Service,
    region: &str,
    now: SystemTime,
) -> Result<(), String> {
    let identity = Identity::from(credentials.clone());
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    if service == Service::S3 {
        // A key is a name, not a path: it is signed as it is sent.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let params =
        SigningParams::builder().identity(&identity).region(region).name(service.name()).time(now).settings(settings);
    let params = params.build().map_err(|error| error.to_string())?.into();
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let url = request.url().as_str();
    let signable = SignableRequest::new(request.method().as_str(), url, std::iter::empty(), SignableBody::Bytes(body));
    let signed = sign(signable.map_err(|error| error.to_string())?, &params).map_err(|error| error.to_string())?;
    let (headers, _) = signed.into_parts().0.into_parts();
    for header in headers {
        let mut value = HeaderValue::from_str(header.value()).map_err(|error| error.to_string())?;
        value.set_sensitive(true);
        request.headers_mut().insert(HeaderName::from_static(header.name()), value);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
