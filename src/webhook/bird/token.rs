//! OAuth 2 client credentials (RFC 6749, 4.4): a token for who knows the client's secret.
//!
//! A token is its end and a keyed hash of it. Nothing is stored, so instances behind one load balancer take each other's;
//! the key is made of the client's secret, so a new secret ends all tokens of the old one.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use ring::hmac;
use serde::Deserialize;

use crate::event::time::Millis;
use crate::telemetry::metrics::Provider;
use crate::webhook::answer::Answer;
use crate::webhook::body::Body;
use crate::webhook::form;
use crate::webhook::receiver::{Admitted, Receipt, Receiver};
use crate::webhook::secret::{Secret, basic};
use crate::webhook::stream::Later;

/// Separates this use of the secret from any other.
const PURPOSE: &[u8] = b"essink webhook: bird access token, version 1";

const END_BYTES: usize = 8;

/// A client that may ask for tokens.
#[derive(Debug, Clone)]
pub struct Client {
    id: String,
    secret: Secret,
    lifetime: Duration,
    key: hmac::Key,
}

impl Client {
    /// Its tokens live for `lifetime`.
    pub fn new(id: String, secret: Secret, lifetime: Duration) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.reveal()), PURPOSE);
        let key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Self { id, secret, lifetime, key }
    }

    fn is(&self, id: &[u8], secret: &[u8]) -> bool {
        Secret::new(&self.id).is(id) & self.secret.is(secret)
    }

    fn token(&self, now: Millis) -> String {
        let lifetime = i64::try_from(self.lifetime.as_millis()).unwrap_or(i64::MAX);
        let end = now.0.saturating_add(lifetime).to_be_bytes();
        URL_SAFE_NO_PAD.encode([&end[..], hmac::sign(&self.key, &end).as_ref()].concat())
    }

    /// Whether `token` was given out for this client, by whichever instance, and has not ended.
    pub fn gave(&self, token: &str, now: Millis) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return false };
        let Some((end, tag)) = bytes.split_first_chunk::<END_BYTES>() else { return false };
        hmac::verify(&self.key, end, tag).is_ok() && now.0 < i64::from_be_bytes(*end)
    }
}

/// What a request for a token holds, beside what is of no interest.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asking {
    client_id: String,
    client_secret: String,
    /// Only one kind is given; who names none wants that.
    grant_type: Option<String>,
}

/// The kind of grant that is given.
const GRANT: &str = "client_credentials";

/// The token endpoint.
#[derive(Debug)]
pub struct Tokens(Client);

impl Tokens {
    /// For this client.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// The client's id and secret: as basic authentication, in a form, or in a JSON object, which is how Bird has them.
    fn given(&self, head: &Parts, body: &[u8], now: Millis) -> Result<String, Answer> {
        let asking = if is_json(head, body) { serde_json::from_slice(body).ok() } else { of_form(body) };
        let Asking { client_id, client_secret, grant_type } = asking.unwrap_or_default();
        let known = match basic(&head.headers) {
            Some((id, secret)) => self.0.is(&id, &secret),
            None => self.0.is(client_id.as_bytes(), client_secret.as_bytes()),
        };
        if !known {
            let said = "wrong or no client credentials";
            return Err(Answer::refused(said).with_json(r#"{"error":"invalid_client"}"#.to_owned()));
        }
        if grant_type.is_some_and(|grant| grant != GRANT) {
            let said = "another grant_type than client_credentials";
            return Err(Answer::malformed(said).with_json(r#"{"error":"unsupported_grant_type"}"#.to_owned()));
        }
        let (token, seconds) = (self.0.token(now), self.0.lifetime.as_secs());
        Ok(format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{seconds}}}"#))
    }
}

fn of_form(body: &[u8]) -> Option<Asking> {
    let mut asking = Asking::default();
    for (name, value) in form::parse(body).ok()? {
        match name.as_str() {
            "client_id" => asking.client_id = value,
            "client_secret" => asking.client_secret = value,
            "grant_type" => asking.grant_type = Some(value),
            _ => {}
        }
    }
    Some(asking)
}

fn is_json(head: &Parts, body: &[u8]) -> bool {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.contains("json") || body.trim_ascii_start().starts_with(b"{")
}

impl Receiver for Tokens {
    fn provider(&self) -> Provider {
        Provider::Bird
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn largest(&self) -> usize {
        16 << 10
    }

    fn admit(&self, head: &Parts, _: Millis) -> Result<Admitted, Answer> {
        match head.method == Method::POST {
            true => Ok(Admitted::Unproven),
            false => Err(Answer::wrong_method("POST")),
        }
    }

    fn receive<'a>(
        &'a self,
        head: &'a Parts,
        _: Admitted,
        body: &'a mut Body,
        now: Millis,
    ) -> Later<'a, Result<Receipt, Answer>> {
        Box::pin(async move {
            let answer = self.given(head, &body.bytes, now).map_or_else(|refused| refused, Answer::document);
            Err(answer.not_to_be_kept())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_783_400_000_000);

    fn client(secret: &str) -> Client {
        Client::new("bird".to_owned(), Secret::new(secret), Duration::from_secs(3_600))
    }

    #[test]
    fn a_token_is_good_at_every_instance_until_it_ends() {
        let token = client("s3cret").token(NOW);
        let later = |millis| Millis(NOW.0 + millis);
        let other = client("s3cret");
        assert!(other.gave(&token, NOW) && other.gave(&token, later(3_599_999)));
        assert!(!other.gave(&token, later(3_600_000)), "it has ended");
        assert!(!client("s3creT").gave(&token, NOW), "of another secret");
    }

    #[test]
    fn nobody_else_can_make_one() {
        let client = client("s3cret");
        let token = client.token(NOW);
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(!client.gave(&URL_SAFE_NO_PAD.encode(changed), NOW), "byte {at}");
        }
        for bad in ["", "AAAAAAAAAAA", &token[..token.len() - 4], "%", "s3cret"] {
            assert!(!client.gave(bad, NOW), "{bad}");
        }
    }
}
