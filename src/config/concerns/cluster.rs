//! The cluster, and how to be let in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A password or a key. Neither `Debug` nor anything else prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret in.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The cluster, and how to speak to it.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Base URLs of its nodes, at least one, without a slash at their end.
    pub urls: Vec<String>,
    /// How to be let in.
    pub auth: Auth,
    /// Whom to trust, and how to be known.
    pub tls: TlsOptions,
    /// How long one request may take.
    pub timeout: Duration,
}

/// How requests show who sends them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// They do not.
    None,
    /// HTTP basic authentication.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// `Authorization: ApiKey …`: the base64 form that the cluster gave out.
    ApiKey(Secret),
    /// AWS Signature Version 4, with the credentials of the SDK's chain.
    SigV4 {
        /// The service signed for: `es` (domains) or `aoss` (serverless collections).
        service: &'static str,
        /// The region signed for; `None` leaves it to the SDK's chain.
        region: Option<String>,
    },
}

/// PEM files of a connection's TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The only certificate authorities trusted; `None` trusts the public ones.
    pub ca: Option<PathBuf>,
    /// Client certificate chain and its key.
    pub client: Option<ClientCert>,
}

/// A client certificate and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCert {
    /// The certificate, with its chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}
