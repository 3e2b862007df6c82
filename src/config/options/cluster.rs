//! The cluster, and how to speak to it.

use std::path::PathBuf;
use std::time::Duration;

use super::{Kind, Opt, Row, Verb, joined};
use crate::config::concerns::Secret;
use crate::config::{names, units};

/// Those that name indices of events and dead letters.
pub(super) const NAMERS: &[Verb] = &[
    Verb::Run,
    Verb::Check,
    Verb::Status,
    Verb::InitTemplates,
    Verb::Prune,
    Verb::DeadLettersList,
    Verb::DeadLettersShow,
    Verb::DeadLettersRedrive,
    Verb::DeadLettersExport,
    Verb::DeadLettersImport,
    Verb::Replay,
];
/// Those that speak to the cluster.
const CLUSTER: &[Verb] =
    &joined::<{ NAMERS.len() + 3 }>(NAMERS, &[Verb::LeasesList, Verb::LeasesReset, Verb::LeasesMove]);
/// Those that take its credentials; dashboards take the same.
const CREDENTIALS: &[Verb] = &joined::<{ CLUSTER.len() + 1 }>(CLUSTER, &[Verb::Dashboards]);
/// Those that speak to AWS.
const REGIONS: &[Verb] = &joined::<{ CREDENTIALS.len() + 2 }>(CREDENTIALS, &[Verb::Webhook, Verb::Put]);

/// `--opensearch-auth`, before it is put together with what else was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    Auto,
    None,
    Basic,
    ApiKey,
    SigV4Es,
    SigV4Aoss,
}

const AUTH_METHODS: &[(&str, AuthMethod)] = &[
    ("auto", AuthMethod::Auto),
    ("none", AuthMethod::None),
    ("basic", AuthMethod::Basic),
    ("api-key", AuthMethod::ApiKey),
    ("sigv4-es", AuthMethod::SigV4Es),
    ("sigv4-aoss", AuthMethod::SigV4Aoss),
];

options! {
    "Cluster";
    OPENSEARCH_URL: String = url, {
        name: "opensearch-url",
        value: "URL",
        many: true,
        default: Some("http://127.0.0.1:9200"),
        on: CLUSTER,
        help: "The OpenSearch or Elasticsearch to write to. Repeat it (or separate by commas) for the nodes of one cluster, \
               which are used in turn.",
    }
    OPENSEARCH_AUTH: AuthMethod = |text| units::choice(text, AUTH_METHODS), {
        name: "opensearch-auth",
        kind: Kind::Choice(&["auto", "none", "basic", "api-key", "sigv4-es", "sigv4-aoss"]),
        default: Some("auto"),
        on: CREDENTIALS,
        help: "How to be let in. auto means basic with a user, api-key with a key, sigv4-aoss for an address of a serverless \
               collection, else none. sigv4-es signs for an Amazon OpenSearch Service domain.",
    }
    OPENSEARCH_USER: String = non_empty, {
        name: "opensearch-user",
        value: "NAME",
        on: CREDENTIALS,
        help: "The user of basic authentication.",
    }
    OPENSEARCH_PASSWORD: Secret = secret, {
        name: "opensearch-password",
        kind: Kind::Secret,
        on: CREDENTIALS,
        help: "The password of basic authentication. Only from the environment: a flag would show it to every user of the \
               machine.",
    }
    OPENSEARCH_PASSWORD_FILE: PathBuf = units::path, {
        name: "opensearch-password-file",
        kind: Kind::Path,
        value: "FILE",
        on: CREDENTIALS,
        help: "A file that holds the password of basic authentication; a newline at its end is not part of it.",
    }
    OPENSEARCH_API_KEY: Secret = secret, {
        name: "opensearch-api-key",
        kind: Kind::Secret,
        on: CREDENTIALS,
        help: "The API key, in the base64 form the cluster gave out. Only from the environment.",
    }
    OPENSEARCH_API_KEY_FILE: PathBuf = units::path, {
        name: "opensearch-api-key-file",
        kind: Kind::Path,
        value: "FILE",
        on: CREDENTIALS,
        help: "A file that holds the API key; a newline at its end is not part of it.",
    }
    OPENSEARCH_CA: PathBuf = units::path, {
        name: "opensearch-ca",
        kind: Kind::Path,
        value: "FILE",
        on: CREDENTIALS,
        help: "PEM file with the certificate authorities to trust for the cluster, and no others: the public ones count only without it.",
    }
    OPENSEARCH_CLIENT_CERT: PathBuf = units::path, {
        name: "opensearch-client-cert",
        kind: Kind::Path,
        value: "FILE",
        on: CREDENTIALS,
        help: "PEM file with the client certificate and its chain; needs --opensearch-client-key.",
    }
    OPENSEARCH_CLIENT_KEY: PathBuf = units::path, {
        name: "opensearch-client-key",
        kind: Kind::Path,
        value: "FILE",
        on: CREDENTIALS,
        help: "PEM file with the private key of the client certificate.",
    }
    AWS_REGION: String = |text| names::plain(text, 32), {
        name: "aws-region",
        value: "REGION",
        on: REGIONS,
        help: "The AWS region of the stream, and of the cluster when requests are signed. Without it the SDK's standard \
               chain decides (AWS_REGION, the profile, the instance).",
    }
    OPENSEARCH_TIMEOUT: Duration = |text| units::duration_in(text, Duration::from_secs(1), Duration::from_secs(900)), {
        name: "opensearch-timeout",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("60s"),
        on: CREDENTIALS,
        help: "How long one request may take. A bulk request that took longer is sent again, which is harmless.",
    }
}

/// The address of a server that takes the cluster's credentials, which must not be part of it.
pub fn url(text: &str) -> Result<String, String> {
    const CURE: &str = "give --opensearch-user, and ESSINK_OPENSEARCH_PASSWORD or --opensearch-password-file";
    let carries = text.contains('@');
    units::url(text).map_err(|why| if carries { format!("{why} and {CURE}") } else { why })
}

pub(super) fn non_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Header values cannot hold control characters; a newline in the middle is a pasted file of something else.
pub(super) fn secret(text: &str) -> Result<Secret, String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("holds a line break or another control character".to_owned());
    }
    Ok(Secret::new(text.to_owned()))
}
