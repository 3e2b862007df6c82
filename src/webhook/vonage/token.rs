//! `Authorization: Bearer` of a signed webhook: a JSON web token, HS256 with the account's secret, with a hash of the body.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::event::time::Millis;
use crate::webhook::secret::{Secret, same, unhex};
use crate::webhook::seen::Mark;

/// How far Vonage's clock may be ahead of this one's.
const LEAD: i64 = 300;

/// How old what was signed may be.
#[derive(Debug, Clone, Copy)]
pub struct Window(pub Duration);

impl Window {
    /// Whether it is older, when it was signed at that second.
    pub fn is_before(self, signed: i64, now: Millis) -> bool {
        let window = i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX);
        signed < now.0.div_euclid(1_000).saturating_sub(window)
    }

    /// Whether it is of a time to come.
    pub fn is_behind(self, signed: i64, now: Millis) -> bool {
        signed > now.0.div_euclid(1_000).saturating_add(LEAD)
    }
}

/// Opens tokens.
#[derive(Debug)]
pub struct Tokens {
    key: hmac::Key,
    window: Window,
}

/// The first part of a token. Whatever else it names (a key, a certificate, another algorithm) is never looked at.
#[derive(Deserialize)]
struct Form {
    alg: String,
}

/// What a token says, once it is known who says it.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// Seconds since 1970.
    iat: i64,
    /// Names this token.
    jti: String,
    /// Hexadecimal SHA-256 of the body.
    payload_hash: String,
    #[serde(default)]
    exp: Option<i64>,
}

impl Claims {
    /// Whether the token is of this body.
    pub fn covers(&self, body: &[u8]) -> bool {
        unhex(self.payload_hash.as_bytes()).is_some_and(|hash| same(&Sha256::digest(body), &hash))
    }

    /// Stands for the token.
    pub fn mark(&self) -> Mark {
        Mark::of(&[b"jti", self.jti.as_bytes()])
    }
}

impl Tokens {
    /// Of this secret, for as long as `window`.
    pub fn new(secret: &Secret, window: Window) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret.reveal()), window }
    }

    /// What `token` says, or why it counts for nothing.
    pub fn open(&self, token: &str, now: Millis) -> Result<Claims, &'static str> {
        let (signed, tag) = token.rsplit_once('.').ok_or("the token is no JSON web token")?;
        let (form, claims) = signed.split_once('.').ok_or("the token is no JSON web token")?;
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "the token is no JSON web token");
        let form: Form = serde_json::from_slice(&part(form)?).map_err(|_| "the token is no JSON web token")?;
        if form.alg != "HS256" {
            return Err("the token is signed otherwise than with HS256");
        }
        if hmac::verify(&self.key, signed.as_bytes(), &part(tag)?).is_err() {
            return Err("the token is signed with another secret");
        }
        let claims: Claims = serde_json::from_slice(&part(claims)?)
            .map_err(|_| "the token lacks iat, jti or payload_hash, or they are of another type")?;
        let seconds = now.0.div_euclid(1_000);
        if self.window.is_before(claims.iat, now) {
            return Err("the token is older than --vonage-window");
        }
        if self.window.is_behind(claims.iat, now) {
            return Err("the token is of a time to come; is this machine's clock right?");
        }
        if claims.exp.is_some_and(|exp| exp <= seconds) {
            return Err("the token has ended");
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Millis = Millis(1_587_494_962_000);
    const BODY: &str = r#"{"a":1}"#;

    /// As other programs make it: the claims of the documentation's example, with the hash of [`BODY`].
    fn claims(more: &str) -> String {
        // printf '{"a":1}' | sha256sum
        let hash = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
        format!(
            r#"{{"iat":1587494962,"jti":"c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5","iss":"Vonage","payload_hash":"{hash}","api_key":"a1b2c3d"{more}}}"#
        )
    }

    fn token(form: &str, claims: &str, secret: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(form), URL_SAFE_NO_PAD.encode(claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn good(claims: &str) -> String {
        token(r#"{"alg":"HS256","typ":"JWT"}"#, claims, "s3cret")
    }

    fn open(token: &str, now: Millis) -> Result<Claims, &'static str> {
        Tokens::new(&Secret::new("s3cret"), Window(Duration::from_secs(3_600))).open(token, now)
    }

    #[test]
    fn a_token_that_another_program_made() {
        // Header and claims as base64url by `openssl base64`, signed by `openssl dgst -sha256 -hmac s3cret -binary`.
        let made = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE1ODc0OTQ5NjIsImp0aSI6ImM1YmE4ZjI0LTFhMTQtNGMxMC1iZmRmLTNmYmU4Y2U1MTFiNSIsImlzcyI6IlZvbmFnZSIsInBheWxvYWRfaGFzaCI6IjAxNWFiZDdmNWNjNTdhMmRkOTRiNzU5MGYwNGFkODA4NDI3MzkwNWVlMzNlYzVjZWJlYWU2MjI3NmE5N2Y4NjIiLCJhcGlfa2V5IjoiYTFiMmMzZCIsImFwcGxpY2F0aW9uX2lkIjoiYWFhYWFhYWEtYmJiYi1jY2NjLWRkZGQtMDEyMzQ1Njc4OWFiIn0.J5UB-TcAlqCrXIn0J6TbN3TCU9MqhEP6NLwr9mgNdJs";
        let claims = open(made, NOW).expect("a good one");
        assert!(claims.covers(BODY.as_bytes()));
        assert!(!claims.covers(b"{\"a\":2}") && !claims.covers(b""));
    }

    #[test]
    fn a_token_counts_for_a_while() {
        let token = good(&claims(""));
        let at = |seconds: i64| open(&token, Millis(NOW.0 + seconds * 1_000)).err();
        assert_eq!(at(3_600), None);
        assert_eq!(at(3_601), Some("the token is older than --vonage-window"));
        assert_eq!(at(-300), None);
        assert!(at(-301).is_some_and(|why| why.contains("time to come")));
        let ends = good(&claims(r#","exp":1587494972"#));
        assert!(open(&ends, NOW).is_ok() && open(&ends, Millis(NOW.0 + 10_000)).is_err());
    }

    #[test]
    fn nobody_else_can_make_one() {
        let all = claims("");
        let whole = good(&all);
        let (signed, tag) = whole.rsplit_once('.').expect("three parts");
        let other = good(&all.replace("a1b2c3d", "a1b2c3e"));
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let middle = signed.split_once('.').expect("two parts").1;
        for bad in [
            "",
            ".",
            "..",
            "a.b.c",
            signed,
            &format!("{signed}."),
            &format!("{none}.{middle}."),
            &format!("{none}.{middle}.{tag}"),
            &format!("{}.{tag}", other.rsplit_once('.').expect("three parts").0),
            &format!("{whole}."),
            &format!("{whole}="),
            &token(r#"{"alg":"HS256"}"#, &all, "other"),
            &token(r#"{"alg":"HS256"}"#, &all, ""),
            &token(r#"{"alg":"hs256"}"#, &all, "s3cret"),
            &token(r#"{"alg":"HS384"}"#, &all, "s3cret"),
            &token("{}", &all, "s3cret"),
            &good("{}"),
            &good(&all.replace("payload_hash", "payload")),
            &good(&all.replace("\"jti\"", "\"jta\"")),
            &good(&all.replace("1587494962", "\"1587494962\"")),
            &good(&all.replace("1587494962", "-9223372036854775808")),
        ] {
            assert!(open(bad, NOW).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_token_and_none_ends_the_program(text in "[A-Za-z0-9._=-]{0,80}") {
            prop_assert!(open(&text, NOW).is_err());
        }

        #[test]
        fn a_changed_token_is_none(at in 0_usize..300, to in "[A-Za-z0-9_.-]") {
            let token = good(&claims(""));
            let at = at % token.len();
            let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
            prop_assert!(changed == token || open(&changed, NOW).is_err(), "{changed}");
        }
    }
}
