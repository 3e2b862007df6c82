//! Whether a certificate is one that SNS signs with: its names, and its time.
//!
//! It was fetched over HTTPS from a host of SNS, which a public authority has vouched for; that is what makes it Amazon's.
//! These are the checks of AWS's SDK for Java beside that (`CertificateRetriever`; the validators for JavaScript and PHP
//! make none). The chain to an authority is not one of them: what is fetched is the certificate alone.

use std::time::Duration;

use rustls::pki_types::UnixTime;
use webpki::{EndEntityCert, Error, KeyUsage};

use crate::event::time::Millis;

/// Whether it names SNS, in its alternative names, or, where it has none, as its common name.
pub fn is_of_sns(certificate: &EndEntityCert<'_>) -> bool {
    let mut names = certificate.valid_dns_names().peekable();
    match names.peek() {
        Some(_) => names.any(is_name),
        None => common_names(certificate.subject()).any(is_name),
    }
}

/// Why it cannot be used now, when it cannot.
pub fn is_in_time(certificate: &EndEntityCert<'_>, now: Millis) -> Result<(), &'static str> {
    let time = UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(now.0).unwrap_or_default()));
    // No path is asked for, and none is found. What is wrong with the time is said before any other thing.
    match certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None) {
        Ok(_) | Err(Error::UnknownIssuer | Error::CaUsedAsEndEntity | Error::RequiredEkuNotFoundContext(_)) => Ok(()),
        Err(Error::CertExpired { .. }) => Err("has ended; is this machine's clock right?"),
        Err(Error::CertNotValidYet { .. }) => Err("is of a time to come; is this machine's clock right?"),
        Err(_) => Err("says nothing sound of its time"),
    }
}

/// The names by region of `SnsHostProvider` in AWS's SDK for Java: `sns.amazonaws.com`, `sns-signing.REGION.amazonaws.com`,
/// `sns-REGION.amazonaws.com`, and those of China; and the host itself.
fn is_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let Some(rest) = name.strip_suffix(".amazonaws.com").or_else(|| name.strip_suffix(".amazonaws.com.cn")) else {
        return false;
    };
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match rest.split_once('.') {
        Some((service, region)) => matches!(service, "sns" | "sns-signing") && is_label(region),
        None => rest == "sns" || rest.strip_prefix("sns-").is_some_and(is_label),
    }
}

/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;

/// The common names in a subject: a row of sets of pairs.
fn common_names(subject: &[u8]) -> impl Iterator<Item = &str> {
    let pairs = Elements(subject).filter(|(tag, _)| *tag == SET).flat_map(|(_, set)| Elements(set));
    pairs.filter(|(tag, _)| *tag == SEQUENCE).filter_map(|(_, pair)| {
        let mut pair = Elements(pair);
        let (name, (_, value)) = (pair.next()?, pair.next()?);
        std::str::from_utf8(value).ok().filter(|_| name == (OBJECT_ID, &COMMON_NAME))
    })
}

/// The elements of DER behind each other: a tag and what it holds. Ends at what is none.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let ([tag, first], rest) = self.0.split_first_chunk()?;
        // No name is longer than two bytes of length can say.
        let more = match first {
            0..=0x7f => 0,
            0x81 => 1,
            0x82 => 2,
            _ => return None,
        };
        let (length, rest) = rest.split_at_checked(more)?;
        let short = if more == 0 { usize::from(*first) } else { 0 };
        let length = length.iter().fold(short, |length, byte| length << 8 | usize::from(*byte));
        let (inner, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some((*tag, inner))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// Of a subject with these common names, and these alternative names.
    fn certificate(common: &[&str], others: &[&str]) -> CertificateDer<'static> {
        let others = others.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut params = CertificateParams::new(others).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "x".repeat(300));
        for name in common {
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 2), date_time_ymd(2027, 1, 2));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().into()
    }

    fn of_sns(common: &[&str], others: &[&str]) -> bool {
        is_of_sns(&EndEntityCert::try_from(&certificate(common, others)).unwrap())
    }

    #[test]
    fn it_names_sns() {
        for good in [
            "sns.amazonaws.com",
            "SNS.amazonaws.com",
            "sns-signing.af-south-1.amazonaws.com",
            "sns-us-gov-west-1.amazonaws.com",
            "sns-cn-north-1.amazonaws.com.cn",
            "sns.eu-west-1.amazonaws.com",
        ] {
            assert!(of_sns(&[good], &[]) && of_sns(&[], &[good]) && of_sns(&["x.org"], &["y.org", good]), "{good}");
        }
        for bad in [
            "",
            "amazonaws.com",
            "example.com",
            "sns.example.com",
            "sns.amazonaws.com.example.com",
            "sqs.eu-west-1.amazonaws.com",
            "xsns.amazonaws.com",
            "*.amazonaws.com",
            "sns-.amazonaws.com",
            "sns..amazonaws.com",
            "sns.s3.eu-west-1.amazonaws.com",
            "sns-x.s3.amazonaws.com",
            "sns.amazonaws.co",
        ] {
            assert!(!is_name(bad), "{bad}");
            assert!(!of_sns(&[bad], &[]), "{bad}");
        }
        assert!(!of_sns(&["sns.amazonaws.com"], &["example.com"]), "alternative names count alone, RFC 6125, 6.4.4");
        assert!(!of_sns(&[], &[]));
    }

    #[test]
    fn it_is_of_this_time() {
        let (der, day) = (certificate(&["sns.amazonaws.com"], &[]), 86_400_000);
        let certificate = EndEntityCert::try_from(&der).unwrap();
        // The 2nd of January 2026 and of 2027, as `date -d 2026-01-02 +%s` says.
        let (from, to) = (1_767_312_000_000, 1_798_848_000_000);
        for (now, said) in [
            (0, "to come"),
            (-1, "to come"),
            (from - 1_000, "to come"),
            (from, ""),
            (from + 100 * day, ""),
            (to, ""),
            (to + 1_000, "has ended"),
            (i64::MAX, "has ended"),
        ] {
            let found = is_in_time(&certificate, Millis(now)).err().unwrap_or_default();
            assert_eq!((found.contains(said), found.is_empty()), (true, said.is_empty()), "{now}: {found}");
        }
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_ends_the_program(at in 0..2_000_usize, byte in any::<u8>(), now in any::<i64>()) {
            let mut der = CertificateDer::from_pem_slice(testkit::sns::CERTIFICATE.as_bytes()).unwrap().to_vec();
            let at = at % der.len();
            der[at] = byte;
            let der = CertificateDer::from(der);
            if let Ok(certificate) = EndEntityCert::try_from(&der) {
                let _either = (is_of_sns(&certificate), is_in_time(&certificate, Millis(now)));
                let names = common_names(certificate.subject()).count();
                prop_assert!(names <= 2, "{names}");
            }
        }

        #[test]
        fn any_bytes_are_walked_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(common_names(&bytes).count() <= bytes.len());
            let held: usize = Elements(&bytes).map(|(_, inner)| inner.len() + 2).sum();
            prop_assert!(held <= bytes.len());
        }
    }
}
