//! Who may look at the live page.

use super::read;
use crate::config::options::Verb;
use crate::config::options::general::{HTTP_LISTEN, HTTP_TOKEN};
use crate::config::settings::Settings;

/// Guessing a short token takes an afternoon, and nothing slows it down.
const LEAST: usize = 16;

/// Too short a token.
pub fn long_token(settings: &Settings) -> Option<String> {
    let token = read(settings, &HTTP_TOKEN)?;
    (token.expose().len() < LEAST)
        .then(|| format!("http-token: has fewer than {LEAST} characters, and could be guessed; give a random one"))
}

/// A page that the network reaches, and that asks nobody who they are.
pub fn open(settings: &Settings) -> Vec<String> {
    let has_page = HTTP_LISTEN.row.is_taken_by(settings.verb()) && settings.verb() != Verb::Status;
    let at = read(settings, &HTTP_LISTEN).flatten();
    let Some(at) = at.filter(|_| has_page && !settings.is_chosen(&HTTP_TOKEN.row)) else { return Vec::new() };
    let open = !at.ip().is_loopback();
    let warning = format!(
        "anybody who reaches {at} sees the live page and metrics (--http-listen); give --http-token-file, or keep strangers \
         from that port"
    );
    open.then_some(warning).into_iter().collect()
}
