//! `X-Signature: t=1763712000,v1=hex(hmac_sha256(secret, t + "." + body))`: who posts knows the secret, and posted just now.

use std::time::Duration;

use http::HeaderMap;
use ring::hmac;

use crate::event::time::Millis;
use crate::webhook::secret::{Secret, unhex};

const HEADER: &str = "x-signature";

/// Signatures in one header: the old and the new secret's while one replaces the other.
const MOST: usize = 4;

/// A secret shared with those who sign.
#[derive(Debug, Clone)]
pub struct Signer {
    key: hmac::Key,
    window: Duration,
}

/// What a header says.
struct Claim<'a> {
    /// As it is written: it is part of what was signed.
    at: &'a str,
    tags: Vec<Vec<u8>>,
}

impl Signer {
    /// Signatures count from `window` before now to `window` after it.
    pub fn new(secret: &Secret, window: Duration) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret.reveal()), window }
    }

    /// Whether the head has a signature of this time.
    pub fn may_be_signed(&self, headers: &HeaderMap, now: Millis) -> bool {
        self.claim(headers, now).is_some()
    }

    /// Whether the body was signed with the secret, within the window.
    pub fn signed(&self, headers: &HeaderMap, body: &[u8], now: Millis) -> bool {
        let Some(claim) = self.claim(headers, now) else { return false };
        let mut context = hmac::Context::with_key(&self.key);
        context.update(claim.at.as_bytes());
        context.update(b".");
        context.update(body);
        let expected = context.sign();
        claim.tags.iter().any(|tag| crate::webhook::secret::same(expected.as_ref(), tag))
    }

    fn claim<'a>(&self, headers: &'a HeaderMap, now: Millis) -> Option<Claim<'a>> {
        let mut claim = Claim { at: "", tags: Vec::new() };
        for part in headers.get(HEADER)?.to_str().ok()?.split(',') {
            match part.trim().split_once('=')? {
                ("t", at) if claim.at.is_empty() => claim.at = at,
                ("t", _) => return None,
                ("v1", tag) if claim.tags.len() < MOST => claim.tags.push(unhex(tag.as_bytes())?),
                // A version that comes after this one.
                _ => {}
            }
        }
        let digits = !claim.at.is_empty() && claim.at.bytes().all(|b| b.is_ascii_digit());
        let seconds = digits.then(|| claim.at.parse::<i64>().ok()).flatten()?;
        let window = i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX);
        let away = seconds.checked_mul(1_000)?.checked_sub(now.0)?.unsigned_abs();
        (away <= window.unsigned_abs() && !claim.tags.is_empty()).then_some(claim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_763_712_000_000);
    // printf '1763712000.{"a":1}' | openssl dgst -sha256 -hmac s3cret
    const GOOD: &str = "91aab13b54f3bb2ee30a01d236db05e0ef986ecdfab0406c936bbee782a6199d";

    fn signed(header: &str, body: &str, now: i64) -> bool {
        let signer = Signer::new(&Secret::new("s3cret"), Duration::from_secs(300));
        let headers =
            [("x-signature".parse().expect("a name"), header.parse().expect("a value"))].into_iter().collect();
        let signed = signer.signed(&headers, body.as_bytes(), Millis(now));
        assert!(!signed || signer.may_be_signed(&headers, Millis(now)));
        signed
    }

    #[test]
    fn a_body_that_was_signed_with_the_secret_just_now() {
        let body = r#"{"a":1}"#;
        let t = "t=1763712000";
        assert!(signed(&format!("{t},v1={GOOD}"), body, NOW.0));
        assert!(signed(&format!("v1={GOOD}, {t}"), body, NOW.0), "in any order");
        assert!(signed(&format!("{t},v0=x,v1={},v1={GOOD}", "00".repeat(32)), body, NOW.0), "one of several");
        assert!(signed(&format!("{t},v1={}", GOOD.to_uppercase()), body, NOW.0));
        for away in [300_000, -300_000] {
            assert!(signed(&format!("{t},v1={GOOD}"), body, NOW.0 + away));
            assert!(!signed(&format!("{t},v1={GOOD}"), body, NOW.0 + away + away.signum()), "outside the window");
        }
    }

    #[test]
    fn anything_else_is_not() {
        let body = r#"{"a":1}"#;
        assert!(!signed(&format!("t=1763712000,v1={GOOD}"), r#"{"a":2}"#, NOW.0));
        assert!(!signed(&format!("t=1763712001,v1={GOOD}"), body, NOW.0), "the time is signed too");
        for header in [
            "",
            "t=1763712000",
            &format!("v1={GOOD}"),
            &format!("t=,v1={GOOD}"),
            &format!("t=+1763712000,v1={GOOD}"),
            &format!("t=1763712000,t=1763712000,v1={GOOD}"),
            &format!("t=99999999999999999999,v1={GOOD}"),
            &format!("t=9223372036854775807,v1={GOOD}"),
            "t=1763712000,v1=",
            "t=1763712000,v1=xyz",
            &format!("t=1763712000,v1={}", &GOOD[..62]),
            &format!("t=1763712000,v1={GOOD}00"),
            &format!("t=1763712000,v1=00,v1=00,v1=00,v1=00,v1={GOOD}"),
        ] {
            assert!(!signed(header, body, NOW.0), "{header}");
        }
    }
}
