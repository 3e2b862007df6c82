//! What is received over HTTP, from whom, and within which limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::cluster::{non_empty, secret};
use super::{Kind, Opt, Row, Verb};
use crate::config::concerns::{Secret, VonageSignature};
use crate::config::{names, units};
use crate::telemetry::metrics::Provider;

const ON: &[Verb] = &[Verb::Webhook];

const WORDS: &[&str] = &["vonage", "bird", "firehose", "sns", "json"];

const PROVIDERS: &[(&str, Provider)] = &[
    ("vonage", Provider::Vonage),
    ("bird", Provider::Bird),
    ("firehose", Provider::Firehose),
    ("sns", Provider::Sns),
    ("json", Provider::Json),
];

const SIGNATURES: &[(&str, VonageSignature)] = &[
    ("md5", VonageSignature::Md5),
    ("hmac-md5", VonageSignature::HmacMd5),
    ("hmac-sha1", VonageSignature::HmacSha1),
    ("hmac-sha256", VonageSignature::HmacSha256),
    ("hmac-sha512", VonageSignature::HmacSha512),
];

const DAY: Duration = Duration::from_secs(86_400);

options! {
    "Webhooks";
    WEBHOOK_LISTEN: SocketAddr = units::address, {
        name: "webhook-listen",
        value: "ADDRESS",
        default: Some("127.0.0.1:8080"),
        on: ON,
        help: "Where providers post. Without a certificate it speaks plain HTTP: behind a load balancer that ends TLS.",
    }
    WEBHOOK_TLS_CERT: PathBuf = units::path, {
        name: "webhook-tls-cert",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "PEM file with the certificate and its chain; needs --webhook-tls-key. Both are read again when they change.",
    }
    WEBHOOK_TLS_KEY: PathBuf = units::path, {
        name: "webhook-tls-key",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "PEM file with the private key of the certificate.",
    }
    PROVIDER: Provider = |text| units::choice(text, PROVIDERS), {
        name: "provider",
        kind: Kind::Choice(WORDS),
        many: true,
        on: ON,
        help: "A provider that must be on: the start is refused unless it has credentials. One with credentials is on without \
               being named; all others are off.",
    }
    ALLOW_UNAUTHENTICATED: Provider = |text| units::choice(text, PROVIDERS), {
        name: "allow-unauthenticated",
        kind: Kind::Choice(WORDS),
        many: true,
        on: ON,
        help: "A provider that is on without credentials: anybody who reaches its path can put events into the stream.",
    }
    VONAGE_SECRET: Secret = secret, {
        name: "vonage-secret",
        kind: Kind::Secret,
        on: ON,
        help: "The signature secret of the Vonage account: of the sig parameter and of signed webhooks alike. Only from the \
               environment.",
    }
    VONAGE_SECRET_FILE: PathBuf = units::path, {
        name: "vonage-secret-file",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "A file that holds the signature secret of the Vonage account; a newline at its end is not part of it.",
    }
    VONAGE_SIGNATURE: VonageSignature = |text| units::choice(text, SIGNATURES), {
        name: "vonage-signature",
        kind: Kind::Choice(&["md5", "hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha512"]),
        default: Some("md5"),
        on: ON,
        help: "How the account signs parameters, as its settings say; md5 is what accounts begin with. Signed webhooks \
               (Authorization: Bearer) need no choice.",
    }
    VONAGE_WINDOW: Duration = |text| units::duration_in(text, Duration::from_secs(1), DAY * 30), {
        name: "vonage-window",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("73h"),
        on: ON,
        help: "How old a signature may be: the timestamp beside sig, and the token of a signed webhook. Vonage tries for up to \
               72 hours, and does not say that it signs each try anew.",
    }
    BIRD_USER: String = non_empty, {
        name: "bird-user",
        value: "NAME",
        on: ON,
        help: "The user of Bird's basic authentication; needs its password.",
    }
    BIRD_PASSWORD: Secret = secret, {
        name: "bird-password",
        kind: Kind::Secret,
        on: ON,
        help: "The password of Bird's basic authentication. Only from the environment.",
    }
    BIRD_PASSWORD_FILE: PathBuf = units::path, {
        name: "bird-password-file",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "A file that holds the password of Bird's basic authentication.",
    }
    BIRD_TOKEN: Secret = secret, {
        name: "bird-token",
        kind: Kind::Secret,
        on: ON,
        help: "The token that Bird sends as Authorization: Bearer. Only from the environment.",
    }
    BIRD_TOKEN_FILE: PathBuf = units::path, {
        name: "bird-token-file",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "A file that holds the token that Bird sends as Authorization: Bearer.",
    }
    BIRD_CLIENT_ID: String = non_empty, {
        name: "bird-client-id",
        value: "ID",
        on: ON,
        help: "The client id of Bird's OAuth 2.0, for which /bird/token gives out tokens; needs its secret.",
    }
    BIRD_CLIENT_SECRET: Secret = secret, {
        name: "bird-client-secret",
        kind: Kind::Secret,
        on: ON,
        help: "The client secret of Bird's OAuth 2.0, at least 16 characters: tokens are made of it. Instances with the same \
               secret take each other's tokens. Only from the environment.",
    }
    BIRD_CLIENT_SECRET_FILE: PathBuf = units::path, {
        name: "bird-client-secret-file",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "A file that holds the client secret of Bird's OAuth 2.0.",
    }
    FIREHOSE_ACCESS_KEY: Secret = secret, {
        name: "firehose-access-key",
        kind: Kind::Secret,
        on: ON,
        help: "The access key of the Firehose stream's HTTP endpoint destination. Only from the environment.",
    }
    FIREHOSE_ACCESS_KEY_FILE: PathBuf = units::path, {
        name: "firehose-access-key-file",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "A file that holds the access key of the Firehose stream's HTTP endpoint destination.",
    }
    SNS_TOPIC: String = names::topic, {
        name: "sns-topic",
        value: "ARN",
        many: true,
        on: ON,
        help: "An SNS topic whose subscriptions are confirmed and whose signed messages are taken. Repeat it for several.",
    }
    SNS_WINDOW: Duration = |text| units::duration_in(text, Duration::from_secs(60), DAY * 3_650), {
        name: "sns-window",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("24h"),
        on: ON,
        help: "How far the time at which an SNS message was published may be from now. A policy of delivery tries for an hour at \
               most.",
    }
    SNS_ENDPOINT_URL: String = units::url, {
        name: "sns-endpoint-url",
        value: "URL",
        on: ON,
        help: "Where certificates and confirmations are fetched instead of the SNS host that a message names: an emulator or a \
               VPC endpoint.",
    }
    JSON_USER: String = non_empty, {
        name: "json-user",
        value: "NAME",
        on: ON,
        help: "The user of basic authentication on /json; needs its password.",
    }
    JSON_PASSWORD: Secret = secret, {
        name: "json-password",
        kind: Kind::Secret,
        on: ON,
        help: "The password of basic authentication on /json. Only from the environment.",
    }
    JSON_PASSWORD_FILE: PathBuf = units::path, {
        name: "json-password-file",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "A file that holds the password of basic authentication on /json.",
    }
    JSON_TOKEN: Secret = secret, {
        name: "json-token",
        kind: Kind::Secret,
        on: ON,
        help: "The token of Authorization: Bearer on /json. Only from the environment.",
    }
    JSON_TOKEN_FILE: PathBuf = units::path, {
        name: "json-token-file",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "A file that holds the token of Authorization: Bearer on /json.",
    }
    JSON_HMAC_SECRET: Secret = secret, {
        name: "json-hmac-secret",
        kind: Kind::Secret,
        on: ON,
        help: "The secret of X-Signature: t=SECONDS,v1=HEX on /json, where HEX is HMAC-SHA256 of SECONDS, a dot and the body. \
               Only from the environment.",
    }
    JSON_HMAC_SECRET_FILE: PathBuf = units::path, {
        name: "json-hmac-secret-file",
        kind: Kind::Path,
        value: "FILE",
        on: ON,
        help: "A file that holds the secret of X-Signature on /json.",
    }
    JSON_WINDOW: Duration = |text| units::duration_in(text, Duration::from_secs(1), DAY), {
        name: "json-window",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("5m"),
        on: ON,
        help: "How far the time of an X-Signature may be from now.",
    }
    WEBHOOK_MAX_BODY: u64 = |text| units::bytes_in(text, 64 << 10, 64 << 20), {
        name: "webhook-max-body",
        kind: Kind::Bytes,
        value: "SIZE",
        default: Some("64MiB"),
        on: ON,
        help: "The largest body that is read; a larger one is answered 413, and 503 where that makes the provider try again. \
               Firehose sends up to 64 MiB. Vonage never sends more than 1 MiB, SNS 2 MiB and Bird 16 MiB: their paths \
               have these limits too.",
    }
    WEBHOOK_MEMORY: u64 = |text| units::bytes_in(text, units::MIB, 64 << 30), {
        name: "webhook-memory",
        kind: Kind::Bytes,
        value: "SIZE",
        default: Some("256MiB"),
        on: ON,
        help: "What all bodies together may hold, inflated and decoded, until they are put. A request that finds no room is \
               answered 503.",
    }
    WEBHOOK_CONNECTIONS: usize = |text| units::count(text, 1, 100_000), {
        name: "webhook-connections",
        kind: Kind::Count,
        value: "N",
        default: Some("1000"),
        on: ON,
        help: "Connections open at the same time. One more closes the one that has kept the server waiting longest.",
    }
    WEBHOOK_RATE: u32 = |text| units::count(text, 1, 1_000_000), {
        name: "webhook-rate",
        kind: Kind::Count,
        value: "N",
        default: Some("5000"),
        on: ON,
        help: "Requests a second that each provider may make; more are answered 429. Only those count that proved who sends them.",
    }
    WEBHOOK_HEAD_TIMEOUT: Duration = |text| units::duration_in(text, Duration::from_secs(1), Duration::from_secs(300)), {
        name: "webhook-head-timeout",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("10s"),
        on: ON,
        help: "How long a TLS handshake, and then the head of a request, may take to come.",
    }
    WEBHOOK_BODY_TIMEOUT: Duration = |text| units::duration_in(text, Duration::from_secs(1), Duration::from_secs(300)), {
        name: "webhook-body-timeout",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("30s"),
        on: ON,
        help: "How long a body may take to come, and never longer than its provider waits for an answer.",
    }
    WEBHOOK_IDLE_TIMEOUT: Duration = |text| units::duration_in(text, Duration::from_secs(1), Duration::from_secs(3_600)), {
        name: "webhook-idle-timeout",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("75s"),
        on: ON,
        help: "How long a connection may stay open between requests. Keep it above the idle timeout of a load balancer in \
               front (60 s on AWS), which would else answer 502.",
    }
}
