use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use reqwest::{Method, Request};
use sha2::{Digest, Sha256};

use super::*;
use crate::opensearch::auth::Service;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// RFC 2104, for keys up to a block long.
fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let pad = |with: u8| (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([&pad(0x36)[..], message.as_bytes()].concat());
    Sha256::digest([&pad(0x5c)[..], &inner[..]].concat()).to_vec()
}

#[test]
fn hmac_is_the_one_of_rfc_4231() {
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(hex(&hmac(b"Jefe", "what do ya want for nothing?")), expected);
}

/// The signature is computed a second time here, step by step as AWS documents it for a server.
#[test]
fn the_signature_is_the_one_aws_computes() {
    let url = "https://search.example:9200/_bulk?filter_path=took,errors,items.*.status";
    let mut request = Request::new(Method::POST, url.parse().unwrap());
    *request.body_mut() = Some("{}\n".into());
    let credentials = Credentials::new("AKID", "secret", Some("token".into()), None, "test");
    // 2023-11-14T22:13:20Z
    add_signature(&mut request, &credentials, Service::Aoss, "eu-central-1", at(1_700_000_000)).unwrap();

    let header = |name: &str| request.headers()[name].to_str().unwrap();
    let payload = hex(&Sha256::digest("{}\n"));
    assert_eq!(header("x-amz-content-sha256"), payload);
    assert_eq!(header("x-amz-date"), "20231114T221320Z");
    assert_eq!(header("x-amz-security-token"), "token");

    let canonical = format!(
        "POST\n/_bulk\nfilter_path=took%2Cerrors%2Citems.%2A.status\nhost:search.example:9200\nx-amz-content-sha256:{payload}\n\
         x-amz-date:20231114T221320Z\nx-amz-security-token:token\n\nhost;x-amz-content-sha256;x-amz-date;x-amz-security-token\n{payload}"
    );
    let scope = "20231114/eu-central-1/aoss/aws4_request";
    let to_sign = format!("AWS4-HMAC-SHA256\n20231114T221320Z\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = b"AWS4secret".to_vec();
    for part in ["20231114", "eu-central-1", "aoss", "aws4_request"] {
        key = hmac(&key, part);
    }
    let signature = hex(&hmac(&key, &to_sign));
    let expected = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature={signature}"
    );
    assert_eq!(header("authorization"), expected);
    assert!(
        request.headers()["authorization"].is_sensitive() && request.headers()["x-amz-security-token"].is_sensitive()
    );
}

/// Gives credentials that end at `expiry`, until `fails_after` askings.
#[derive(Debug)]
struct Provider {
    asked: AtomicUsize,
    expiry: Option<SystemTime>,
    fails_after: usize,
}

#[derive(Debug, Clone)]
struct Shared(Arc<Provider>);

impl ProvideCredentials for Shared {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        let nth = self.0.asked.fetch_add(1, Ordering::SeqCst);
        Provided::ready(if nth < self.0.fails_after {
            Ok(Credentials::new(format!("AKID{nth}"), "hush", None, self.0.expiry, "test"))
        } else {
            Err(CredentialsError::not_loaded("no role is attached"))
        })
    }
}

fn signer(expiry: Option<u64>, fails_after: usize, now: fn() -> SystemTime) -> (Signer, Arc<Provider>) {
    let provider = Arc::new(Provider { asked: AtomicUsize::new(0), expiry: expiry.map(at), fails_after });
    let credentials = SharedCredentialsProvider::new(Shared(provider.clone()));
    let settings = SigV4 { service: Service::Es, region: "eu-central-1".into(), credentials, now };
    (Signer::new(settings), provider)
}

/// The key id that a request is signed with, or why it is not signed.
async fn key(signer: &Signer) -> Result<String, SendError> {
    let mut request = Request::new(Method::GET, "https://search.example/".parse().unwrap());
    signer.apply(&mut request).await?;
    let text = request.headers()["authorization"].to_str().unwrap().to_owned();
    Ok(text.split_once("Credential=").unwrap().1.split_once('/').unwrap().0.to_owned())
}

#[tokio::test]
async fn credentials_are_kept_until_they_near_their_end() {
    static NOW: AtomicU64 = AtomicU64::new(1000);
    let (signer, provider) = signer(Some(4600), usize::MAX, || at(NOW.load(Ordering::SeqCst)));
    for _ in 0..5 {
        assert_eq!(key(&signer).await.unwrap(), "AKID0");
    }
    // Five minutes before the end.
    NOW.store(4299, Ordering::SeqCst);
    assert_eq!(key(&signer).await.unwrap(), "AKID0");
    NOW.store(4300, Ordering::SeqCst);
    assert_eq!(key(&signer).await.unwrap(), "AKID1");
    assert_eq!(provider.asked.load(Ordering::SeqCst), 2);
    // The server refused them: they are asked for again.
    NOW.store(1000, Ordering::SeqCst);
    key(&signer).await.unwrap();
    signer.forget().await;
    let before = provider.asked.load(Ordering::SeqCst);
    key(&signer).await.unwrap();
    assert_eq!(provider.asked.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn a_failing_provider_hurts_only_when_the_last_credentials_end() {
    static NOW: AtomicU64 = AtomicU64::new(1000);
    let (signer, _) = signer(Some(4600), 1, || at(NOW.load(Ordering::SeqCst)));
    key(&signer).await.unwrap();
    NOW.store(4599, Ordering::SeqCst);
    assert_eq!(key(&signer).await.unwrap(), "AKID0");
    NOW.store(4600, Ordering::SeqCst);
    let error = key(&signer).await.unwrap_err();
    assert_eq!(error.failure, Failure::Credentials);
    assert!(error.detail.starts_with("no AWS credentials to sign with"), "{error}");
}

#[tokio::test]
async fn credentials_without_an_end_are_asked_for_now_and_then() {
    static NOW: AtomicU64 = AtomicU64::new(1000);
    let (signer, _) = signer(None, usize::MAX, || at(NOW.load(Ordering::SeqCst)));
    assert_eq!(key(&signer).await.unwrap(), "AKID0");
    NOW.store(1899, Ordering::SeqCst);
    assert_eq!(key(&signer).await.unwrap(), "AKID0");
    NOW.store(1900, Ordering::SeqCst);
    assert_eq!(key(&signer).await.unwrap(), "AKID1");
}
