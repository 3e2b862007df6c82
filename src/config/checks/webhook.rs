//! Contradictions between options of webhooks.

use super::read;
use crate::config::build::webhook::{has_credentials, is_on};
use crate::config::options::webhook::*;
use crate::config::options::{Row, Verb};
use crate::config::settings::Settings;
use crate::telemetry::metrics::Provider;

/// A token is only as good as the secret it is made of.
const LEAST_SECRET: usize = 16;

const ALL: [(Provider, &str, &str); 5] = [
    (Provider::Vonage, "vonage", "ESSINK_VONAGE_SECRET or --vonage-secret-file"),
    (Provider::Bird, "bird", "a password, a token or a client secret, such as --bird-token-file"),
    (Provider::Firehose, "firehose", "ESSINK_FIREHOSE_ACCESS_KEY or --firehose-access-key-file"),
    (Provider::Sns, "sns", "--sns-topic"),
    (Provider::Json, "json", "a password, a token or a signing secret, such as --json-token-file"),
];

/// No open relay: whoever is on has credentials, or the operator says that it needs none.
pub fn authenticated(settings: &Settings) -> Option<String> {
    let allowed = settings.each(&ALLOW_UNAUTHENTICATED).ok()?;
    let (_, name, cure) = ALL.into_iter().find(|(provider, ..)| {
        is_on(settings, *provider) && !has_credentials(settings, *provider) && !allowed.contains(provider)
    })?;
    Some(format!(
        "provider: {name} has no credentials, so anybody could put events into the stream; give {cure}, or say \
         --allow-unauthenticated {name}"
    ))
}

/// A server nobody may post to.
pub fn somebody(settings: &Settings) -> Option<String> {
    settings.each(&PROVIDER).ok().filter(|_| settings.verb() == Verb::Webhook)?;
    let none = !ALL.iter().any(|(provider, ..)| is_on(settings, *provider));
    none.then(|| "provider: none is on; give the credentials of one, such as --bird-token-file".to_owned())
}

/// Halves of credentials.
pub fn halves(settings: &Settings) -> Option<String> {
    let pairs: [(&Row, &Row, &Row); 4] = [
        (&BIRD_USER.row, &BIRD_PASSWORD.row, &BIRD_PASSWORD_FILE.row),
        (&BIRD_CLIENT_ID.row, &BIRD_CLIENT_SECRET.row, &BIRD_CLIENT_SECRET_FILE.row),
        (&JSON_USER.row, &JSON_PASSWORD.row, &JSON_PASSWORD_FILE.row),
        (&WEBHOOK_TLS_CERT.row, &WEBHOOK_TLS_KEY.row, &WEBHOOK_TLS_KEY.row),
    ];
    let chosen = |row: &Row| settings.is_chosen(row);
    pairs.into_iter().find_map(|(name, secret, file)| {
        let has_secret = chosen(secret) || chosen(file);
        match (chosen(name), has_secret) {
            (true, false) => Some(format!("{}: needs {} too", name.name, file.flag())),
            (false, true) => Some(format!("{}: needs {} too", secret.name, name.flag())),
            _ => None,
        }
    })
}

/// Guessing a short secret takes one token and an afternoon.
pub fn long_secret(settings: &Settings) -> Option<String> {
    let secret = read(settings, &BIRD_CLIENT_SECRET)?;
    (secret.expose().len() < LEAST_SECRET).then(|| {
        format!(
            "bird-client-secret: has fewer than {LEAST_SECRET} characters; tokens are made of it, so give a random one"
        )
    })
}

/// One body must fit.
pub fn room(settings: &Settings) -> Option<String> {
    let (body, memory) = (read(settings, &WEBHOOK_MAX_BODY)?, read(settings, &WEBHOOK_MEMORY)?);
    (memory < 2 * body).then(|| {
        "webhook-memory: cannot hold one body of --webhook-max-body and what is decoded of it; raise it to twice that size, or lower \
         --webhook-max-body"
            .to_owned()
    })
}

/// Somebody asked for this, and may have forgotten it.
pub fn open_doors(settings: &Settings) -> Vec<String> {
    let allowed = settings.each(&ALLOW_UNAUTHENTICATED).unwrap_or_default();
    let open = |provider: &Provider| allowed.contains(provider) && !has_credentials(settings, *provider);
    let open = ALL.into_iter().filter(|(provider, ..)| open(provider));
    open.map(|(_, name, _)| {
        format!("anybody who reaches /{name} can put events into the stream (--allow-unauthenticated)")
    })
    .collect()
}
