//! Secrets, and comparing them without saying by the time it takes how much was right.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A password, token or key. Nothing prints it.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes one in.
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    /// Its bytes, for the one place that computes with them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Whether `other` is the same. The time depends on neither's contents nor on how long the secret is.
    pub fn is(&self, other: &[u8]) -> bool {
        same(&Sha256::digest(&self.0), &Sha256::digest(other))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Whether two digests are equal, in a time that depends on their length alone.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Bytes of lower or upper case hexadecimal text.
pub fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    text.len().is_multiple_of(2).then(|| text.chunks_exact(2).map(pair).collect())?
}

/// What `Authorization` may hold. Either is enough where both are set.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// User and password of basic authentication.
    pub basic: Option<(String, Secret)>,
    /// A bearer token.
    pub bearer: Option<Secret>,
}

impl Credentials {
    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.basic.is_none() && self.bearer.is_none()
    }

    /// Whether the head shows them.
    pub fn are_in(&self, headers: &HeaderMap) -> bool {
        let basic = self.basic.as_ref().is_some_and(|(user, password)| {
            // Both are compared whatever the first says.
            let Some((u, p)) = basic(headers) else { return false };
            Secret::new(user).is(&u) & password.is(&p)
        });
        let bearer = self.bearer.as_ref().is_some_and(|token| bearer(headers).is_some_and(|b| token.is(b.as_bytes())));
        basic | bearer
    }

    /// What a refusal asks for.
    pub fn challenge(&self) -> &'static str {
        if self.basic.is_some() { "Basic realm=\"essink\"" } else { "Bearer realm=\"essink\"" }
    }
}

/// The token of `Authorization: Bearer`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    scheme(headers, "bearer")
}

/// User and password of `Authorization: Basic`.
pub fn basic(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut user = STANDARD.decode(scheme(headers, "basic")?).ok()?;
    let colon = user.iter().position(|b| *b == b':')?;
    let password = user.split_off(colon + 1);
    user.truncate(colon);
    Some((user, password))
}

fn scheme<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        [(AUTHORIZATION, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn either_of_the_two_is_enough_and_nothing_else_is() {
        let both =
            Credentials { basic: Some(("bird".to_owned(), Secret::new("p:w"))), bearer: Some(Secret::new("t0ken")) };
        for good in ["Basic YmlyZDpwOnc=", "basic YmlyZDpwOnc=", "Bearer t0ken", "BEARER  t0ken"] {
            assert!(both.are_in(&headers(good)), "{good}");
        }
        // bird:pw, Bird:p:w, bird, nothing, not base64, a token as a password.
        for bad in [
            "Basic YmlyZDpwdw==",
            "Basic QmlyZDpwOnc=",
            "Basic YmlyZA==",
            "Basic ",
            "Basic %%",
            "Bearer t0keN",
            "Bearer t0ken2",
            "Bearer",
            "t0ken",
            "Basic t0ken",
            "Bearer YmlyZDpwOnc=",
        ] {
            assert!(!both.are_in(&headers(bad)), "{bad}");
        }
        assert!(!both.are_in(&HeaderMap::new()));
        assert!(!Credentials::default().are_in(&headers("Bearer ")), "none set lets nobody in");
    }

    #[test]
    fn nothing_shows_a_secret() {
        let all = Credentials { basic: Some(("u".to_owned(), Secret::new("hunter2"))), bearer: None };
        assert!(!format!("{all:?}").contains("hunter2"));
    }

    #[test]
    fn hexadecimal_text() {
        assert_eq!(unhex(b"00fFa1"), Some(vec![0, 255, 161]));
        assert_eq!(unhex(b""), Some(vec![]));
        for bad in [&b"0"[..], b"0g", b"+1", b"\xc3\xa9"] {
            assert_eq!(unhex(bad), None);
        }
    }
}
