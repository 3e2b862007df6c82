//! What SNS posts, and whether it was SNS.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use serde::{Deserialize, Serialize};
use webpki::EndEntityCert;

use crate::webhook::answer::Answer;

/// A message of SNS. Names and texts without their escapes: so they were signed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope<'a> {
    /// `Notification`, `SubscriptionConfirmation` or `UnsubscribeConfirmation`.
    #[serde(rename = "Type", borrow)]
    pub kind: Cow<'a, str>,
    /// Of this message, the same when it comes again.
    #[serde(borrow)]
    pub message_id: Cow<'a, str>,
    /// The topic.
    #[serde(borrow)]
    pub topic_arn: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    /// When it was published.
    #[serde(borrow)]
    pub timestamp: Cow<'a, str>,
    #[serde(borrow)]
    signature_version: Cow<'a, str>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
    /// Where the certificate is.
    #[serde(rename = "SigningCertURL", borrow)]
    pub signing_cert_url: Cow<'a, str>,
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    token: Option<Cow<'a, str>>,
    /// What confirms a subscription when it is fetched.
    #[serde(rename = "SubscribeURL", borrow)]
    pub subscribe_url: Option<Cow<'a, str>>,
}

impl<'a> Envelope<'a> {
    /// Reads one.
    pub fn read(body: &'a [u8]) -> Result<Self, Answer> {
        // What serde says may quote the body.
        serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Answer::malformed(format!("not a message of SNS, at line {line} column {column}"))
        })
    }

    /// A notification with what is signed of it and nothing else: whatever stands beside that, anybody may have put there.
    pub fn signed_json(&self) -> Bytes {
        let signed = Signed {
            kind: &self.kind,
            message_id: &self.message_id,
            topic_arn: &self.topic_arn,
            subject: self.subject.as_deref(),
            message: &self.message,
            timestamp: &self.timestamp,
        };
        // Texts can always be written; nothing would be put otherwise.
        serde_json::to_vec(&signed).unwrap_or_default().into()
    }

    /// Whether the owner of this certificate (DER) signed it.
    pub fn is_signed_by(&self, certificate: &CertificateDer<'_>) -> bool {
        let algorithm: &dyn SignatureVerificationAlgorithm = match self.signature_version.as_ref() {
            "1" => &Rsa { parameters: &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, id: SHA1_WITH_RSA },
            "2" => &Rsa { parameters: &RSA_PKCS1_2048_8192_SHA256, id: alg_id::RSA_PKCS1_SHA256 },
            _ => return false,
        };
        let Ok(signature) = STANDARD.decode(self.signature.as_bytes()) else { return false };
        let Ok(certificate) = EndEntityCert::try_from(certificate) else { return false };
        certificate.verify_signature(algorithm, self.signed_text().as_bytes(), &signature).is_ok()
    }

    /// Names and values a line each, in the order of names: of a notification its subject, if it has one; of the
    /// others what confirms.
    fn signed_text(&self) -> String {
        let notification = self.kind == "Notification";
        let lines = [
            ("Message", Some(self.message.as_ref())),
            ("MessageId", Some(self.message_id.as_ref())),
            ("Subject", self.subject.as_deref().filter(|_| notification)),
            ("SubscribeURL", self.subscribe_url.as_deref().filter(|_| !notification)),
            ("Timestamp", Some(self.timestamp.as_ref())),
            ("Token", self.token.as_deref().filter(|_| !notification)),
            ("TopicArn", Some(self.topic_arn.as_ref())),
            ("Type", Some(self.kind.as_ref())),
        ];
        lines.into_iter().filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?))).collect()
    }
}

/// What is signed of a notification.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Signed<'a> {
    #[serde(rename = "Type")]
    kind: &'a str,
    message_id: &'a str,
    topic_arn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    message: &'a str,
    timestamp: &'a str,
}

/// `sha1WithRSAEncryption` and its null, as DER: SNS signs so unless a topic says otherwise. No certificate is trusted
/// for a signature of this kind.
const SHA1_WITH_RSA: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00]);

#[derive(Debug)]
struct Rsa {
    parameters: &'static RsaParameters,
    id: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for Rsa {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.parameters, key).verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;
    use serde_json::{Value, json};

    use super::*;

    fn signed(envelope: &Value) -> bool {
        let certificate = CertificateDer::from_pem_slice(testkit::sns::CERTIFICATE.as_bytes()).expect("PEM");
        let text = envelope.to_string();
        Envelope::read(text.as_bytes()).expect("an envelope").is_signed_by(&certificate)
    }

    /// Signed by openssl, by the rules.
    fn all() -> Vec<Value> {
        testkit::sns::SIGNED.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
    }

    #[test]
    fn what_another_program_signed_is_signed() {
        let all = all();
        assert_eq!(all.len(), 4);
        let versions: Vec<_> = all.iter().map(|envelope| envelope["SignatureVersion"].as_str()).collect();
        assert!(versions.contains(&Some("1")) && versions.contains(&Some("2")));
        for envelope in all {
            assert!(signed(&envelope), "{envelope}");
        }
    }

    #[test]
    fn nothing_that_was_signed_can_be_changed() {
        for envelope in all() {
            let names = ["Message", "MessageId", "Timestamp", "TopicArn", "Type", "Subject", "SubscribeURL", "Token"];
            for name in names.into_iter().filter(|name| envelope.get(*name).is_some()) {
                let mut changed = envelope.clone();
                changed[name] = json!(format!("{} ", envelope[name].as_str().expect("text")));
                assert!(!signed(&changed), "{name} of {envelope}");
            }
            let version = if envelope["SignatureVersion"] == "1" { "2" } else { "1" };
            for (name, value) in [
                ("SignatureVersion", json!(version)),
                ("SignatureVersion", json!("3")),
                ("Signature", json!("")),
                ("Signature", json!("AAAA")),
                ("Signature", json!("%")),
            ] {
                let mut changed = envelope.clone();
                changed[name] = value;
                assert!(!signed(&changed), "{name} of {envelope}");
            }
            let mut other = envelope.clone();
            let kind = if envelope["Type"] == "Notification" { "SubscriptionConfirmation" } else { "Notification" };
            other["Type"] = json!(kind);
            assert!(!signed(&other));
        }
    }

    #[test]
    fn a_subject_counts_where_there_is_one() {
        let of =
            |version: &str| all().into_iter().find(|e| e["Type"] == "Notification" && e["SignatureVersion"] == version);
        let (mut with, mut without) = (of("1").expect("one"), of("2").expect("one"));
        with["Subject"] = Value::Null;
        assert!(!signed(&with));
        without["Subject"] = Value::Null;
        assert!(signed(&without), "null is none");
        without["Subject"] = json!("");
        assert!(!signed(&without));
    }

    #[test]
    fn what_is_no_envelope_is_malformed_and_not_quoted() {
        for bad in ["", "{}", "[]", "{\"Type\":1}", "{\"Type\":\"secret\",\"Type\":\"secret\"}"] {
            let answer = Envelope::read(bad.as_bytes()).expect_err(bad);
            assert!(answer.status == 400 && !answer.said.contains("secret"), "{answer:?}");
        }
    }
}
