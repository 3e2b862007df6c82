//! What `essink webhook` is told.

use super::{Built, http};
use crate::config::concerns::*;
use crate::config::options::Opt;
use crate::config::options::cluster::AWS_REGION;
use crate::config::options::delivery::GRACE;
use crate::config::options::stream::{KINESIS_ENDPOINT_URL, STREAM};
use crate::config::options::webhook::*;
use crate::config::settings::Settings;
use crate::telemetry::metrics::Provider;

/// For `essink webhook`.
pub fn webhook(s: &Settings) -> Built<WebhookOptions> {
    let stream = s.get(&STREAM)?;
    let tls = match (s.optional(&WEBHOOK_TLS_CERT)?, s.optional(&WEBHOOK_TLS_KEY)?) {
        (Some(cert), Some(key)) => Some((cert, key)),
        _ => None,
    };
    Ok(WebhookOptions {
        region: s.optional(&AWS_REGION)?.or_else(|| stream.region.clone()),
        stream,
        endpoint_url: s.optional(&KINESIS_ENDPOINT_URL)?,
        listen: s.get(&WEBHOOK_LISTEN)?,
        tls,
        providers: providers(s)?,
        limits: limits(s)?,
        http: http(s, false)?,
        grace: s.get(&GRACE)?,
    })
}

/// Whether a provider has any credentials.
pub fn has_credentials(s: &Settings, provider: Provider) -> bool {
    let rows = match provider {
        Provider::Vonage => vec![&VONAGE_SECRET.row],
        Provider::Bird => vec![&BIRD_PASSWORD.row, &BIRD_TOKEN.row, &BIRD_CLIENT_SECRET.row],
        Provider::Firehose => vec![&FIREHOSE_ACCESS_KEY.row],
        Provider::Sns => vec![&SNS_TOPIC.row],
        Provider::Json => vec![&JSON_PASSWORD.row, &JSON_TOKEN.row, &JSON_HMAC_SECRET.row],
    };
    rows.into_iter().any(|row| s.is_chosen(row))
}

/// Whether a provider is on: it has credentials, or somebody named it.
pub fn is_on(s: &Settings, provider: Provider) -> bool {
    let named = |option: &Opt<Provider>| s.each(option).is_ok_and(|named| named.contains(&provider));
    has_credentials(s, provider) || named(&PROVIDER) || named(&ALLOW_UNAUTHENTICATED)
}

fn providers(s: &Settings) -> Built<ProviderOptions> {
    let on = |provider| is_on(s, provider);
    Ok(ProviderOptions {
        vonage: on(Provider::Vonage).then(|| vonage(s)).transpose()?,
        bird: on(Provider::Bird).then(|| bird(s)).transpose()?,
        firehose: on(Provider::Firehose).then(|| s.optional(&FIREHOSE_ACCESS_KEY)).transpose()?,
        sns: on(Provider::Sns).then(|| sns(s)).transpose()?,
        json: on(Provider::Json).then(|| json(s)).transpose()?,
    })
}

fn vonage(s: &Settings) -> Built<VonageOptions> {
    Ok(VonageOptions {
        secret: s.optional(&VONAGE_SECRET)?,
        signature: s.get(&VONAGE_SIGNATURE)?,
        window: s.get(&VONAGE_WINDOW)?,
    })
}

fn bird(s: &Settings) -> Built<BirdOptions> {
    Ok(BirdOptions {
        basic: s.optional(&BIRD_USER)?.zip(s.optional(&BIRD_PASSWORD)?),
        token: s.optional(&BIRD_TOKEN)?,
        client: s.optional(&BIRD_CLIENT_ID)?.zip(s.optional(&BIRD_CLIENT_SECRET)?),
    })
}

fn sns(s: &Settings) -> Built<SnsOptions> {
    Ok(SnsOptions {
        topics: s.each(&SNS_TOPIC)?,
        window: s.get(&SNS_WINDOW)?,
        endpoint_url: s.optional(&SNS_ENDPOINT_URL)?,
    })
}

fn json(s: &Settings) -> Built<JsonOptions> {
    Ok(JsonOptions {
        basic: s.optional(&JSON_USER)?.zip(s.optional(&JSON_PASSWORD)?),
        token: s.optional(&JSON_TOKEN)?,
        signer: s.optional(&JSON_HMAC_SECRET)?.zip(s.optional(&JSON_WINDOW)?),
    })
}

fn limits(s: &Settings) -> Built<WebhookLimits> {
    Ok(WebhookLimits {
        max_body: s.get(&WEBHOOK_MAX_BODY)?,
        memory: s.get(&WEBHOOK_MEMORY)?,
        connections: s.get(&WEBHOOK_CONNECTIONS)?,
        rate: s.get(&WEBHOOK_RATE)?,
        head_timeout: s.get(&WEBHOOK_HEAD_TIMEOUT)?,
        body_timeout: s.get(&WEBHOOK_BODY_TIMEOUT)?,
        idle_timeout: s.get(&WEBHOOK_IDLE_TIMEOUT)?,
    })
}
