//! What no option can know alone. Each check says nothing when a value it needs cannot be read: that is said already.

use super::concerns::StreamName;
use super::options::cluster::{
    AWS_REGION, AuthMethod, OPENSEARCH_API_KEY, OPENSEARCH_API_KEY_FILE, OPENSEARCH_AUTH, OPENSEARCH_CLIENT_CERT,
    OPENSEARCH_CLIENT_KEY, OPENSEARCH_PASSWORD, OPENSEARCH_PASSWORD_FILE, OPENSEARCH_URL, OPENSEARCH_USER,
};
use super::options::dashboards::{EXPORT, INSTALL};
use super::options::delivery::{FLUSH_BYTES, IN_FLIGHT, MEMORY};
use super::options::events::{REDACT, REDACT_KEY, REDACT_KEY_FILE};
use super::options::indices::prefix_of;
use super::options::retention::{KEEP, KEEP_DEAD_LETTERS};
use super::options::state::{DEAD_LETTER_PREFIX, Leases, STATE, STATE_INDEX};
use super::options::stream::STREAM;
use super::options::{Opt, Verb};
use super::problem::Problem;
use super::settings::Settings;
use super::units::spell_bytes;
use crate::event::family::Family;
use crate::event::redact::How;

mod page;
mod webhook;

type Check = fn(&Settings) -> Option<String>;

/// Every check, with an option that a command must take for it to matter.
const CHECKS: &[(&str, Check)] = &[
    ("memory", memory),
    ("unrecognized-prefix", prefixes),
    ("state-index", state_index),
    ("stream", region),
    ("opensearch-auth", credentials),
    ("opensearch-client-cert", client_certificate),
    ("state", serverless_state),
    ("keep-dead-letters", dead_letters_without_keep),
    ("install", one_action),
    ("redact", hashes_have_a_key),
    ("http-token", page::long_token),
    ("provider", webhook::authenticated),
    ("provider", webhook::somebody),
    ("provider", webhook::halves),
    ("provider", webhook::long_secret),
    ("provider", webhook::room),
];

/// Every contradiction between options that the command takes.
pub fn problems(settings: &Settings) -> Vec<Problem> {
    let taken = |name: &str| super::options::table().any(|row| row.name == name && row.is_taken_by(settings.verb()));
    let checks = CHECKS.iter().filter(|(name, _)| taken(name));
    checks.filter_map(|(_, check)| check(settings)).map(Problem::general).collect()
}

/// What is worth a word and no refusal.
pub fn warnings(settings: &Settings) -> Vec<String> {
    let all = [bare_prefixes(settings), clear_text(settings), webhook::open_doors(settings), page::open(settings)];
    all.into_iter().flatten().collect()
}

fn read<T>(settings: &Settings, option: &Opt<T>) -> Option<T> {
    settings.optional(option).ok().flatten()
}

/// Bytes in flight that a byte of a bulk request stands for, at most, in events of three hundred bytes and more: as it came,
/// as it is sent, and what is known of it beside. Smaller events close a request by their count.
pub const BYTES_IN_FLIGHT_PER_SENT: u64 = 3;

/// One request is filled while `in-flight` others wait for their answers; all of them are bytes in flight. With less
/// room the request being filled would never be full, and each one wait for --flush-interval.
fn memory(settings: &Settings) -> Option<String> {
    let (memory, flush) = (read(settings, &MEMORY)?, read(settings, &FLUSH_BYTES)?);
    let requests = u64::try_from(read(settings, &IN_FLIGHT)?).ok()? + 1;
    let least = flush.saturating_mul(requests).saturating_mul(BYTES_IN_FLIGHT_PER_SENT);
    (memory < least).then(|| {
        format!(
            "memory: {} cannot hold the events of {requests} bulk requests of {} (in-flight and the one being filled), \
             which take up to {BYTES_IN_FLIGHT_PER_SENT} times their size; raise --memory to at least {}, or lower --flush-bytes or --in-flight",
            spell_bytes(memory),
            spell_bytes(flush),
            spell_bytes(least)
        )
    })
}

fn all_prefixes(settings: &Settings) -> Option<Vec<(&'static str, String)>> {
    let options = Family::ALL.into_iter().map(prefix_of).chain([&DEAD_LETTER_PREFIX]);
    options.map(|option| Some((option.row.name, read(settings, option)?))).collect()
}

/// A template's pattern is its prefix and a star, so a prefix of a prefix would claim the other family's indices.
fn prefixes(settings: &Settings) -> Option<String> {
    let all = all_prefixes(settings)?;
    let pairs = all.iter().flat_map(|a| all.iter().map(move |b| (a, b)));
    let (a, b) = pairs.filter(|(a, b)| a.0 != b.0).find(|(a, b)| b.1.starts_with(&a.1))?;
    Some(format!(
        "{}: {:?} also begins the indices of {} ({:?}); give each family a prefix that begins no other",
        a.0, a.1, b.0, b.1
    ))
}

fn state_index(settings: &Settings) -> Option<String> {
    let index = read(settings, &STATE_INDEX)?;
    let (name, prefix) = all_prefixes(settings)?.into_iter().find(|(_, prefix)| index.starts_with(prefix))?;
    Some(format!(
        "state-index: {index:?} would fall under {name} {prefix:?} and its template; call one of them otherwise"
    ))
}

fn region(settings: &Settings) -> Option<String> {
    let StreamName { region: Some(of_stream), .. } = read(settings, &STREAM)? else {
        return None;
    };
    let region = read(settings, &AWS_REGION)?;
    (region != of_stream).then(|| {
        format!("aws-region: {region:?} is not the region of the stream's ARN, {of_stream:?}; leave one of them out")
    })
}

fn credentials(settings: &Settings) -> Option<String> {
    let method = read(settings, &OPENSEARCH_AUTH)?;
    let user = settings.is_chosen(&OPENSEARCH_USER.row);
    let either = |a, b| settings.is_chosen(a) || settings.is_chosen(b);
    let password = either(&OPENSEARCH_PASSWORD.row, &OPENSEARCH_PASSWORD_FILE.row);
    let key = either(&OPENSEARCH_API_KEY.row, &OPENSEARCH_API_KEY_FILE.row);
    let why = match method {
        AuthMethod::Auto if (user || password) && key => {
            "auto finds both a user and an API key; leave one out, or say basic or api-key"
        }
        AuthMethod::Auto | AuthMethod::Basic if user && !password => {
            "a user without a password; set ESSINK_OPENSEARCH_PASSWORD or --opensearch-password-file"
        }
        AuthMethod::Auto | AuthMethod::Basic if password && !user => {
            "a password without a user; give --opensearch-user"
        }
        AuthMethod::Basic if !user => {
            "basic needs --opensearch-user, and ESSINK_OPENSEARCH_PASSWORD or --opensearch-password-file"
        }
        AuthMethod::ApiKey if !key => "api-key needs ESSINK_OPENSEARCH_API_KEY or --opensearch-api-key-file",
        _ => return None,
    };
    Some(format!("opensearch-auth: {why}"))
}

fn client_certificate(settings: &Settings) -> Option<String> {
    let cert = settings.is_chosen(&OPENSEARCH_CLIENT_CERT.row);
    let key = settings.is_chosen(&OPENSEARCH_CLIENT_KEY.row);
    let missing = match (cert, key) {
        (true, false) => "--opensearch-client-key",
        (false, true) => "--opensearch-client-cert",
        _ => return None,
    };
    Some(format!(
        "opensearch-client-cert: a client certificate needs its key and the other way round; give {missing} too"
    ))
}

/// The state index needs compare-and-set under ids of its own, which serverless collections do not promise.
fn serverless_state(settings: &Settings) -> Option<String> {
    let in_cluster = read(settings, &STATE)? == Leases::Index;
    (in_cluster && super::build::auth_method(settings)? == AuthMethod::SigV4Aoss).then(|| {
        "state: positions cannot be kept safely in a serverless collection (sigv4-aoss); give --state dynamodb:TABLE or file:PATH"
            .to_owned()
    })
}

fn dead_letters_without_keep(settings: &Settings) -> Option<String> {
    let lonely =
        settings.verb() == Verb::Run && settings.is_chosen(&KEEP_DEAD_LETTERS.row) && !settings.is_chosen(&KEEP.row);
    lonely.then(|| "keep-dead-letters: has no effect without --keep; give --keep too, or prune by hand".to_owned())
}

fn hashes_have_a_key(settings: &Settings) -> Option<String> {
    let hashes = settings.each(&REDACT).ok()?.iter().any(|(_, how)| *how == How::Hash);
    let key = settings.is_chosen(&REDACT_KEY.row) || settings.is_chosen(&REDACT_KEY_FILE.row);
    (hashes && !key).then(|| {
        "redact: a hash without a key can be undone by trying all numbers; give --redact-key-file, or ESSINK_REDACT_KEY".to_owned()
    })
}

fn one_action(settings: &Settings) -> Option<String> {
    if settings.verb() != Verb::Dashboards {
        return None;
    }
    match (read(settings, &INSTALL)?, settings.is_chosen(&EXPORT.row)) {
        (true, true) => Some("install: --install and --export exclude each other; give one of them".to_owned()),
        (false, false) => Some("install: nothing to do; give --install, or --export DIR".to_owned()),
        _ => None,
    }
}

fn bare_prefixes(settings: &Settings) -> Vec<String> {
    let all = all_prefixes(settings).into_iter().flatten();
    let bare = all.filter(|(_, prefix)| !prefix.ends_with(['-', '_', '.']));
    bare.map(|(name, prefix)| {
        format!("{name} {prefix:?} ends in no separator: indices will be called {prefix}2026-01-31")
    })
    .collect()
}

fn clear_text(settings: &Settings) -> Vec<String> {
    let sent = [&OPENSEARCH_PASSWORD.row, &OPENSEARCH_API_KEY.row].into_iter().any(|row| settings.is_chosen(row));
    let urls = settings.each(&OPENSEARCH_URL).unwrap_or_default();
    let far = |url: &String| {
        let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
        url.starts_with("http://") && !matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
    };
    let open = urls.into_iter().filter(far).take(usize::from(sent));
    open.map(|url| format!("credentials travel unencrypted to {url}; use https")).collect()
}
