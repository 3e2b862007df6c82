//! What is received over HTTP, from whom, and within which limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{HttpOptions, Secret, StreamName};

/// Everything `essink webhook` needs.
#[derive(Debug, Clone)]
pub struct WebhookOptions {
    /// The stream that is put into.
    pub stream: StreamName,
    /// The AWS region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// Another endpoint than the region's.
    pub endpoint_url: Option<String>,
    /// Where providers post.
    pub listen: SocketAddr,
    /// Certificate and key files; `None` speaks plain HTTP.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Who may post. At least one.
    pub providers: ProviderOptions,
    /// How much and how long.
    pub limits: WebhookLimits,
    /// Health and metrics.
    pub http: HttpOptions,
    /// How long a stopping server may drain.
    pub grace: Duration,
}

/// Providers that are on.
#[derive(Debug, Clone, Default)]
pub struct ProviderOptions {
    /// Vonage.
    pub vonage: Option<VonageOptions>,
    /// Bird.
    pub bird: Option<BirdOptions>,
    /// Firehose: its access key; an inner `None` takes what anybody posts.
    pub firehose: Option<Option<Secret>>,
    /// SNS.
    pub sns: Option<SnsOptions>,
    /// JSON.
    pub json: Option<JsonOptions>,
}

/// How Vonage signs parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VonageSignature {
    /// MD5 of the parameters and the secret.
    Md5,
    /// HMAC with MD5.
    HmacMd5,
    /// HMAC with SHA-1.
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// Vonage.
#[derive(Debug, Clone)]
pub struct VonageOptions {
    /// `None` takes what anybody posts.
    pub secret: Option<Secret>,
    /// Of parameters.
    pub signature: VonageSignature,
    /// How old a token may be.
    pub window: Duration,
}

/// Bird. Without any of the three it takes what anybody posts.
#[derive(Debug, Clone)]
pub struct BirdOptions {
    /// User and password.
    pub basic: Option<(String, Secret)>,
    /// A token that never changes.
    pub token: Option<Secret>,
    /// Id and secret for which tokens are given out.
    pub client: Option<(String, Secret)>,
}

/// SNS.
#[derive(Debug, Clone)]
pub struct SnsOptions {
    /// ARNs of topics. Without any it takes what anybody posts.
    pub topics: Vec<String>,
    /// How far the time of a message may be from now.
    pub window: Duration,
    /// Fetches certificates and confirms here.
    pub endpoint_url: Option<String>,
}

/// JSON. Without any of the three it takes what anybody posts.
#[derive(Debug, Clone)]
pub struct JsonOptions {
    /// User and password.
    pub basic: Option<(String, Secret)>,
    /// A token.
    pub token: Option<Secret>,
    /// The secret of signatures, and how far their time may be from now.
    pub signer: Option<(Secret, Duration)>,
}

/// How much and how long.
#[derive(Debug, Clone, Copy)]
pub struct WebhookLimits {
    /// Bytes of one body.
    pub max_body: u64,
    /// Bytes of all bodies together.
    pub memory: u64,
    /// Open connections.
    pub connections: usize,
    /// Requests a second and provider.
    pub rate: u32,
    /// Of a handshake, and of a head.
    pub head_timeout: Duration,
    /// Of a body.
    pub body_timeout: Duration,
    /// Between requests.
    pub idle_timeout: Duration,
}
