//! Messages of SNS, signed with a key that is in the tree and protects nothing.
//!
//! [`SIGNED`] were made by hand, by the rules, and signed by openssl; [`notification`] and [`confirmation`] sign others
//! with version 2. Serve [`CERTIFICATE`] where their `SigningCertURL` leads.

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

/// The certificate of all of them, PEM.
pub const CERTIFICATE: &str = include_str!("sns/certificate.pem");

/// Another of the same key, that ended as 7 July 2026 began.
pub const ENDED: &str = include_str!("sns/certificate-ended.pem");

/// Another of the same key, that begins in 2126.
pub const TO_COME: &str = include_str!("sns/certificate-to-come.pem");

/// Another of the same key, for `example.com`, whatever its common name says.
pub const OF_ANOTHER: &str = include_str!("sns/certificate-of-another.pem");

/// Where it is said to be; the path is what a server of a test must answer.
pub const CERTIFICATE_URL: &str =
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-6aad65c2f9911b05cd53efda11f913f9.pem";

/// The topic of all of them.
pub const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:ses-events";

/// A notification signed with version 1 and one with 2, the confirmation of a subscription and the end of one.
pub const SIGNED: [&str; 4] = [
    include_str!("sns/notification-signature-1.json"),
    include_str!("sns/notification-signature-2.json"),
    include_str!("sns/subscription-confirmation.json"),
    include_str!("sns/unsubscribe-confirmation.json"),
];

/// A notification of a text of End User Messaging, signed with version 1 by openssl, as [`SIGNED`].
pub const OF_A_TEXT: &str = include_str!("sns/notification-of-a-text.json");

/// A notification of [`TOPIC`] with this message, signed with version 2.
pub fn notification(id: &str, message: &str) -> anyhow::Result<Value> {
    sign(json!({"Type": "Notification", "MessageId": id, "TopicArn": TOPIC, "Message": message,
                "Timestamp": "2026-07-07T04:53:19.000Z"}))
}

/// What SNS posts to a new subscription of `topic`, signed with version 2; it is confirmed by fetching `subscribe_url`.
pub fn confirmation(topic: &str, subscribe_url: &str) -> anyhow::Result<Value> {
    sign(json!({"Type": "SubscriptionConfirmation", "MessageId": "c-1", "TopicArn": topic, "Token": "2336412f37fb68",
                "Message": "You have chosen to subscribe.", "SubscribeURL": subscribe_url,
                "Timestamp": "2026-07-07T04:53:19.000Z"}))
}

/// Signs an envelope with version 2, whatever it holds.
pub fn sign(mut envelope: Value) -> anyhow::Result<Value> {
    let names: &[&str] = match envelope["Type"].as_str() {
        Some("Notification") => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let line = |name: &&str| Some(format!("{name}\n{}\n", envelope[*name].as_str()?));
    let text: String = names.iter().filter_map(line).collect();
    let key = PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("sns/key.pem")).context("the key is PEM")?;
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok().context("the key is RSA")?;
    let mut signature = vec![0; key.public().modulus_len()];
    let signed = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
    signed.ok().context("the key signs")?;
    envelope["SignatureVersion"] = json!("2");
    envelope["Signature"] = json!(STANDARD.encode(signature));
    envelope["SigningCertURL"] = json!(CERTIFICATE_URL);
    Ok(envelope)
}
