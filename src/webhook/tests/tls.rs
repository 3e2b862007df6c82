use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::webhook::json::Json;

/// A certificate for this machine, and its key, as PEM.
fn made() -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

fn write(dir: &Path, certificate: &str, key: &str) {
    std::fs::write(dir.join("tls.crt"), certificate).unwrap();
    std::fs::write(dir.join("tls.key"), key).unwrap();
}

fn load(dir: &Path) -> anyhow::Result<Tls> {
    Tls::load(&dir.join("tls.crt"), &dir.join("tls.key"))
}

async fn server(tls: Tls, head_timeout: Duration) -> Server {
    let mut plan = Plan::of("/json", Json::new(bearer("t0ken"), None, false));
    plan.tls = Some(tls);
    plan.serve.head_timeout = head_timeout;
    Server::start(plan).await
}

/// The answer to a post by somebody who trusts this certificate and no other.
async fn post(server: &Server, trusted: &str) -> reqwest::Result<u16> {
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(trusted.as_bytes()).unwrap()])
        .resolve("localhost", server.at)
        .build()
        .unwrap();
    let request = client.post(format!("https://localhost:{}/json", server.at.port())).bearer_auth("t0ken").body("{}");
    Ok(request.send().await?.status().as_u16())
}

#[tokio::test]
async fn requests_come_encrypted_and_only_so() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = made();
    write(dir.path(), &certificate, &key);
    let server = server(load(dir.path()).unwrap(), Duration::from_secs(10)).await;
    assert_eq!(post(&server, &certificate).await.unwrap(), 200);
    assert!(post(&server, &made().0).await.is_err(), "somebody else's certificate");
    let mut plain = TcpStream::connect(server.at).await.unwrap();
    plain
        .write_all(b"POST /json HTTP/1.1\r\nauthorization: Bearer t0ken\r\ncontent-length: 2\r\n\r\n{}")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _end = plain.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    assert_eq!(server.memory.taken(), ["{}"]);
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = made();
    write(dir.path(), &certificate, &key);
    let server = server(load(dir.path()).unwrap(), Duration::from_millis(200)).await;
    let mut silent = TcpStream::connect(server.at).await.unwrap();
    let mut answer = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(10), silent.read_to_end(&mut answer)).await;
    assert!(end.is_ok() && answer.is_empty(), "{end:?}");
    assert_eq!(post(&server, &certificate).await.unwrap(), 200);
}

#[tokio::test]
async fn a_new_certificate_is_used_when_its_files_change_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (made(), made());
    write(dir.path(), &old.0, &old.1);
    let tls = load(dir.path()).unwrap();
    let server = server(tls.clone(), Duration::from_secs(10)).await;
    assert_eq!(post(&server, &old.0).await.unwrap(), 200);
    assert!(!tls.read_again().await.unwrap(), "nothing has changed");
    // The certificate before its key, a half of one, nothing.
    for (certificate, key) in [(&new.0[..], &old.1[..]), (&new.0[..100], &new.1[..]), ("", "")] {
        write(dir.path(), certificate, key);
        assert!(tls.read_again().await.is_err(), "{certificate}");
        assert_eq!(post(&server, &old.0).await.unwrap(), 200);
    }
    let stop = CancellationToken::new();
    let following = tokio::spawn(tls.follow(Duration::from_millis(20), stop.clone()));
    write(dir.path(), &new.0, &new.1);
    let began = std::time::Instant::now();
    while post(&server, &new.0).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "the new certificate is not used");
    }
    assert!(post(&server, &old.0).await.is_err());
    stop.cancel();
    following.await.unwrap();
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_cure_and_no_key_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = || load(dir.path()).map(drop).map_err(|error| format!("{error:#}")).expect_err("it was taken");
    assert!(refusal().contains("tls.crt"), "{}", refusal());
    let (one, other) = (made(), made());
    for (certificate, key, why) in [
        ("", &one.1[..], "no certificate"),
        (&one.1, &one.1, "no certificate"),
        (&one.0, "", "no private key"),
        (&one.0, &one.0, "no private key"),
        (&one.0, &other.1, "do not belong together"),
        (&one.0.replace("MII", "%%%"), &one.1, "is not PEM"),
    ] {
        write(dir.path(), certificate, key);
        let said = refusal();
        assert!(said.contains(why) && said.contains("tls."), "{why}: {said}");
        assert!(!said.contains("BEGIN PRIVATE"), "{said}");
    }
}
