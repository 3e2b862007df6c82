//! The parameter `sig`: a hash of all other parameters and the account's secret.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use ring::hmac as fast;

use super::parameters::{Parameters, is_blank};
use crate::webhook::secret::{Secret, same, unhex};

/// What an account is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5 of the parameters with the secret behind them.
    Md5,
    /// HMAC with MD5.
    HmacMd5,
    /// HMAC with SHA-1.
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// Whether `sig` is the signature of the parameters. Vonage's own libraries differ in whether a parameter without a value
/// is signed; both are the account's signature.
pub fn fits(algorithm: Algorithm, secret: &Secret, parameters: &Parameters, sig: &str) -> bool {
    let Some(sig) = unhex(sig.as_bytes()) else { return false };
    let all = is(algorithm, secret, &text(parameters, true), &sig);
    all || is(algorithm, secret, &text(parameters, false), &sig)
}

/// `&name=value` of each in the order of names, with `_` for what would end a value.
fn text(parameters: &Parameters, empty: bool) -> String {
    let mut text = String::new();
    for (name, value) in parameters.signed().filter(|(_, value)| empty || !is_blank(value)) {
        text.push('&');
        text.push_str(name);
        text.push('=');
        text.extend(value.chars().map(|c| if matches!(c, '&' | '=') { '_' } else { c }));
    }
    text
}

fn is(algorithm: Algorithm, secret: &Secret, text: &str, sig: &[u8]) -> bool {
    let (key, text) = (secret.reveal(), text.as_bytes());
    let of_ring = |algorithm| fast::verify(&fast::Key::new(algorithm, key), text, sig).is_ok();
    match algorithm {
        Algorithm::Md5 => same(&Md5::new().chain_update(text).chain_update(key).finalize(), sig),
        // A key of any length is taken.
        Algorithm::HmacMd5 => {
            Hmac::<Md5>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(text).verify_slice(sig).is_ok())
        }
        Algorithm::HmacSha1 => of_ring(fast::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        Algorithm::HmacSha256 => of_ring(fast::HMAC_SHA256),
        Algorithm::HmacSha512 => of_ring(fast::HMAC_SHA512),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str =
        "msisdn=447700900000&to=Acme&text=a%3Db%26c&messageId=0A0000001234567B&timestamp=1461605396&nonce=n1";

    /// As the shell has it, of `&messageId=0A0000001234567B&msisdn=447700900000&nonce=n1&text=a_b_c&timestamp=1461605396&to=Acme`:
    /// `printf '%ss3cret' "$text" | md5sum`, and `printf %s "$text" | openssl dgst -sha256 -hmac s3cret`.
    const SIGNED: [(Algorithm, &str); 5] = [
        (Algorithm::Md5, "bfc9c5f982f92e0c23884159d8eee0cd"),
        (Algorithm::HmacMd5, "2bf0d6385a738d2738d7db7517bbfdcc"),
        (Algorithm::HmacSha1, "af6cc7d6d2f5dc103ba9f12cfcd5858741839391"),
        (Algorithm::HmacSha256, "c3e0cb63ce1ccd13bbc95d4a62be52c5055615a8050fef1b106a8366d154a75c"),
        (
            Algorithm::HmacSha512,
            "43e7afb5369efc28391400f4ec6889e4f274e32b60d0e13aedb374c9306a4509b6f86eb2d760315bf089df5b224ab9356164d329c597b68c694736c5516adcce",
        ),
    ];

    fn check(algorithm: Algorithm, query: &str, secret: &str, sig: &str) -> bool {
        let parameters = Parameters::of_form(query.as_bytes()).expect("a query");
        fits(algorithm, &Secret::new(secret), &parameters, sig)
    }

    #[test]
    fn each_algorithm_as_other_programs_compute_it() {
        for (algorithm, sig) in SIGNED {
            assert!(check(algorithm, QUERY, "s3cret", sig), "{algorithm:?}");
            assert!(check(algorithm, QUERY, "s3cret", &sig.to_uppercase()), "{algorithm:?}");
            assert!(check(algorithm, &format!("sig={sig}&{QUERY}"), "s3cret", sig), "it does not sign itself");
            for (query, secret) in [
                (QUERY.replace("n1", "n2"), "s3cret"),
                (QUERY.replace("messageId", "messageid"), "s3cret"),
                (format!("{QUERY}&more=1"), "s3cret"),
                (QUERY.to_owned(), "s3creT"),
                (QUERY.to_owned(), ""),
            ] {
                assert!(!check(algorithm, &query, secret, sig), "{algorithm:?} {query} {secret}");
            }
            for (other, _) in SIGNED.into_iter().filter(|(other, _)| *other != algorithm) {
                assert!(!check(other, QUERY, "s3cret", sig), "{other:?} took {algorithm:?}");
            }
            for bad in ["", "x", "zz", &sig[1..], &sig[..sig.len() - 2]] {
                assert!(!check(algorithm, QUERY, "s3cret", bad), "{algorithm:?} {bad}");
            }
        }
    }

    #[test]
    fn a_parameter_without_a_value_may_be_signed_or_not() {
        let query = format!("{QUERY}&client-ref=");
        assert!(check(Algorithm::Md5, &query, "s3cret", SIGNED[0].1));
        // printf '&a=&b=1s3cret' | md5sum
        assert!(check(Algorithm::Md5, "b=1&a=", "s3cret", "1c5486927ce79c40b1ea522d9eb418fc"));
    }
}
