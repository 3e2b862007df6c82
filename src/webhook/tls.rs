//! TLS from certificate files, which are read again when they change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// Largest PEM file that is read, bytes: a chain has a few KiB.
const MAX_PEM: usize = 1 << 20;

/// Certificate and key as they are now. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    acceptor: TlsAcceptor,
    current: Arc<Current>,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What handshakes use from now on.
#[derive(Debug)]
struct Current(RwLock<Held>);

#[derive(Debug)]
struct Held {
    certified: Arc<CertifiedKey>,
    /// Of both files: an atomic swap of a symbolic link changes no time of change that can be relied upon.
    digest: [u8; 32],
}

impl Tls {
    /// Reads both files.
    pub fn load(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let current = Arc::new(Current(RwLock::new(files.read(&provider)?)));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { files: Arc::new(files), acceptor: TlsAcceptor::from(Arc::new(config)), current })
    }

    /// Shakes hands.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// Looks at the files `every` so often, and uses what is new in them from the next handshake on. Files that cannot
    /// be used change nothing: the old certificate goes on until it is over.
    pub async fn follow(self, every: Duration, stop: CancellationToken) {
        let mut failed = false;
        while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            match self.read_again().await {
                Ok(changed) => {
                    if changed {
                        let file = self.files.certificate.display();
                        tracing::info!(tls.certificate = %file, "the certificate has changed and is used from now on");
                    }
                    failed = false;
                }
                Err(error) if !failed => {
                    failed = true;
                    tracing::warn!("the new certificate cannot be used, the old one goes on: {error:#}");
                }
                Err(_) => {}
            }
        }
    }

    /// True when what they hold has changed.
    pub(super) async fn read_again(&self) -> anyhow::Result<bool> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.current.renew(&this.files)).await?
    }
}

impl Current {
    fn renew(&self, files: &Files) -> anyhow::Result<bool> {
        let new = files.read(&ring::default_provider())?;
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let changed = held.digest != new.digest;
        if changed {
            *held = new;
        }
        Ok(changed)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).certified.clone())
    }
}

impl Files {
    fn read(&self, provider: &CryptoProvider) -> anyhow::Result<Held> {
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        let mut digest = Sha256::new();
        digest.update((certificate.len() as u64).to_be_bytes());
        digest.update(&certificate);
        digest.update(&key);
        let file = self.certificate.display();
        let chain = CertificateDer::pem_slice_iter(&certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.with_context(|| format!("{file} is not PEM"))?;
        ensure!(!chain.is_empty(), "{file} holds no certificate: give a PEM file with BEGIN CERTIFICATE in it");
        // The cause is dropped: it cannot say more, and what it speaks of is a private key.
        let key = PrivateKeyDer::from_pem_slice(&key).ok();
        let key = key.with_context(|| {
            format!("{} holds no private key: give a PEM file, the key not encrypted", self.key.display())
        })?;
        let certified = CertifiedKey::from_der(chain, key, provider);
        let certified =
            certified.with_context(|| format!("{file} and {} do not belong together", self.key.display()))?;
        Ok(Held { certified: Arc::new(certified), digest: digest.finalize().into() })
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(bytes.len() <= MAX_PEM, "{} is larger than {MAX_PEM} bytes: not a PEM file", path.display());
    Ok(bytes)
}
