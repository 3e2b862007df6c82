//! How requests prove who sends them.

use std::fmt;
use std::time::SystemTime;

use anyhow::{Context, bail};
use aws_credential_types::provider::SharedCredentialsProvider;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderValue};

use super::client::SendError;
use super::sigv4::Signer;

/// A value that nobody may read by accident: `Debug` shows stars, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How requests prove who sends them.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// They do not.
    #[default]
    None,
    /// HTTP basic authentication.
    Basic {
        /// User name; no colon.
        user: String,
        /// Password.
        password: Secret,
    },
    /// An Elasticsearch API key: as the server gave it (`encoded`), or `id:api_key`.
    ApiKey(Secret),
    /// AWS Signature Version 4.
    SigV4(SigV4),
}

/// Whom and how to sign for.
#[derive(Clone)]
pub struct SigV4 {
    /// The service whose cluster it is.
    pub service: Service,
    /// The cluster's region, `eu-central-1`.
    pub region: String,
    /// Where credentials come from; asked when the ones at hand near their end, not on every request.
    pub credentials: SharedCredentialsProvider,
    /// The clock that stamps signatures; AWS admits five minutes of difference.
    pub now: fn() -> SystemTime,
}

impl fmt::Debug for SigV4 {
    /// Leaves the provider out: what it holds is its own affair.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("SigV4");
        out.field("service", &self.service).field("region", &self.region);
        out.finish_non_exhaustive()
    }
}

/// The AWS services that requests are signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Amazon OpenSearch Service: a domain, a real cluster.
    Es,
    /// Amazon OpenSearch Serverless: a collection, only a part of the API.
    Aoss,
    /// Amazon S3.
    S3,
}

impl Service {
    /// The name signatures use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::Aoss => "aoss",
            Self::S3 => "s3",
        }
    }
}

impl Auth {
    /// Whether the other side is OpenSearch Serverless, which cannot be asked what it is.
    pub fn is_serverless(&self) -> bool {
        matches!(self, Self::SigV4(SigV4 { service: Service::Aoss, .. }))
    }
}

/// [`Auth`], made ready once for all requests.
#[derive(Debug)]
pub(super) enum Authorizer {
    Open,
    Header(HeaderValue),
    Signed(Box<Signer>),
}

impl Authorizer {
    pub(super) fn new(auth: &Auth) -> anyhow::Result<Self> {
        match auth {
            Auth::None => Ok(Self::Open),
            Auth::Basic { user, password } => {
                if user.contains(':') {
                    bail!("the user name {user:?} holds a colon, which basic authentication cannot carry");
                }
                sensitive("Basic", &STANDARD.encode(format!("{user}:{}", password.reveal())))
            }
            Auth::ApiKey(key) => match key.reveal().trim() {
                pair if pair.contains(':') => sensitive("ApiKey", &STANDARD.encode(pair)),
                encoded => sensitive("ApiKey", encoded),
            },
            Auth::SigV4(settings) => Ok(Self::Signed(Box::new(Signer::new(settings.clone())))),
        }
    }

    /// Adds what proves the sender.
    pub(super) async fn apply(&self, request: &mut reqwest::Request) -> Result<(), SendError> {
        match self {
            Self::Open => Ok(()),
            Self::Header(value) => {
                request.headers_mut().insert(AUTHORIZATION, value.clone());
                Ok(())
            }
            Self::Signed(signer) => signer.apply(request).await,
        }
    }

    /// The server refused the credentials: the next request asks for fresh ones where that is possible.
    pub(super) async fn refused(&self) {
        if let Self::Signed(signer) = self {
            signer.forget().await;
        }
    }
}

fn sensitive(scheme: &str, value: &str) -> anyhow::Result<Authorizer> {
    let header = HeaderValue::from_str(&format!("{scheme} {value}"));
    let mut header =
        header.with_context(|| format!("the {scheme} credentials hold characters a header cannot carry"))?;
    header.set_sensitive(true);
    Ok(Authorizer::Header(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(auth: &Auth) -> String {
        match Authorizer::new(auth).unwrap() {
            Authorizer::Header(value) => value.to_str().unwrap().to_owned(),
            other => panic!("no header: {other:?}"),
        }
    }

    #[test]
    fn headers_are_what_the_servers_document() {
        // RFC 7617's own example.
        let basic = Auth::Basic { user: "Aladdin".into(), password: "open sesame".into() };
        assert_eq!(header(&basic), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        // Elasticsearch: base64 of id:api_key; a key given encoded goes as it is.
        assert_eq!(header(&Auth::ApiKey("a:b".into())), "ApiKey YTpi");
        assert_eq!(header(&Auth::ApiKey("YTpi\n".into())), "ApiKey YTpi");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_showing_it() {
        let colon = Auth::Basic { user: "a:b".into(), password: "x".into() };
        assert!(Authorizer::new(&colon).is_err());
        let newline = Authorizer::new(&Auth::ApiKey("hush\nhush".into())).unwrap_err();
        assert!(!format!("{newline:#} {newline:?}").contains("hush"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let auth = Auth::Basic { user: "ann".into(), password: "hush".into() };
        let ready = Authorizer::new(&auth).unwrap();
        for shown in [format!("{auth:?}"), format!("{ready:?}"), format!("{:?}", Auth::ApiKey("hush".into()))] {
            assert!(!shown.contains("hush") && !shown.contains(&STANDARD.encode("ann:hush")), "{shown}");
        }
    }
}
