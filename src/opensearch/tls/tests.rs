use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::opensearch::client::{Client, Connection, Failure, SendError};
use crate::opensearch::fake;

/// A certificate authority of one test.
struct Authority {
    pem: String,
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        Self::named("CA")
    }

    fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), certificate, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A client certificate and its key, as two files would hold them.
    fn identity(&self) -> (String, String) {
        let (certificate, key) = self.issue("essink", ExtendedKeyUsagePurpose::ClientAuth);
        (certificate.pem(), key.serialize_pem())
    }
}

/// An HTTPS server for `name` that answers everything with `{}`; gives its URL under 127.0.0.1.
async fn server(authority: &Authority, name: &str, clients: Option<&Authority>) -> String {
    install_crypto();
    let (certificate, key) = authority.issue(name, ExtendedKeyUsagePurpose::ServerAuth);
    let builder = match clients {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.certificate.der().clone()).unwrap();
            ServerConfig::builder()
                .with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let url = fake::raw(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            if !fake::head(&mut stream).await.is_empty() {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
    })
    .await;
    url.replace("http:", "https:")
}

async fn get(url: &str, tls: Tls) -> Result<u16, SendError> {
    let client = Client::new(Connection { tls, ..fake::quick(url) }).unwrap();
    client.get("/").await.map(|answer| answer.status)
}

fn trusting(authority: &Authority) -> Tls {
    Tls { ca: Some(authority.pem.clone()), identity: None }
}

fn assert_tls(result: Result<u16, SendError>, words: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.failure, Failure::Tls, "{error}");
    assert!(error.detail.contains(words), "{error}");
}

#[tokio::test]
async fn only_the_given_authority_is_trusted() {
    let (ours, other, renewed) = (Authority::new(), Authority::named("other"), Authority::new());
    let url = server(&ours, "127.0.0.1", None).await;
    assert_eq!(get(&url, trusting(&ours)).await, Ok(200));
    assert_tls(get(&url, trusting(&other)).await, "give its CA as a PEM file");
    assert_tls(get(&url, trusting(&renewed)).await, "give its CA as a PEM file");
    // A bundle of both trusts both.
    let both = Tls { ca: Some(format!("{}\n{}", other.pem, ours.pem)), identity: None };
    assert_eq!(get(&url, both).await, Ok(200));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let ours = Authority::new();
    let url = server(&ours, "search.example", None).await;
    assert_tls(get(&url, trusting(&ours)).await, "another host name");
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_gets_it() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let url = server(&ours, "127.0.0.1", Some(&clients)).await;
    assert_tls(get(&url, trusting(&ours)).await, "asks for a client certificate");
    let with = |(certificate, key): (String, String)| {
        let identity = Some(Secret::new(certificate + &key));
        Tls { identity, ..trusting(&ours) }
    };
    assert_eq!(get(&url, with(clients.identity())).await, Ok(200));
    assert_tls(get(&url, with(ours.identity())).await, "refused our TLS connection");
}

#[tokio::test]
async fn the_wrong_scheme_is_named() {
    let (plain, _) = fake::serve(|_| fake::json(200, "{}")).await;
    let ours = Authority::new();
    assert_tls(get(&plain.replace("http:", "https:"), trusting(&ours)).await, "begin with http://");
    let secure = server(&ours, "127.0.0.1", None).await.replace("https:", "http:");
    assert_eq!(get(&secure, Tls::default()).await.unwrap_err().failure, Failure::Closed);
}

#[test]
fn what_cannot_work_is_refused_at_once() {
    let ours = Authority::new();
    let (certificate, _) = ours.identity();
    let (_, foreign_key) = ours.identity();
    for (tls, words) in [
        (Tls { ca: Some("hello".into()), identity: None }, "holds no certificate"),
        (Tls { ca: None, identity: Some("hello".into()) }, "cannot be read"),
        (Tls { ca: None, identity: Some(Secret::new(&certificate)) }, "cannot be read"),
        (Tls { identity: Some(Secret::new(certificate.clone() + &foreign_key)), ..trusting(&ours) }, "belong together"),
    ] {
        let error = Client::new(Connection { tls, ..Connection::to("https://127.0.0.1") }).unwrap_err();
        let shown = format!("{error:#}");
        assert!(shown.contains(words) && !shown.contains("PRIVATE KEY"), "{shown}");
    }
}

#[test]
fn files_are_read_whole_or_refused() {
    let ours = Authority::new();
    let (certificate, key) = ours.identity();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let (ca, crt, pem) = (file("ca.pem", &ours.pem), file("c.pem", &certificate), file("k.pem", &key));
    let tls = Tls::load(Some(&ca), Some(&crt), Some(&pem)).unwrap();
    assert!(Client::new(Connection { tls: tls.clone(), ..Connection::to("https://127.0.0.1") }).is_ok());
    assert!(!format!("{tls:?}").contains("PRIVATE KEY"));

    let missing = dir.path().join("missing.pem");
    let huge = file("huge.pem", &"x".repeat(usize::try_from(MAX_PEM).unwrap() + 1));
    for (result, words) in [
        (Tls::load(Some(&missing), None, None), "missing.pem"),
        (Tls::load(Some(&huge), None, None), "not a PEM file"),
        (Tls::load(None, Some(&crt), None), "needs its private key"),
        (Tls::load(None, None, Some(&pem)), "needs its certificate"),
    ] {
        let shown = format!("{:#}", result.unwrap_err());
        assert!(shown.contains(words), "{shown}");
    }
}
