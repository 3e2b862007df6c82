//! Whom to trust, and how to be recognised, on TLS connections.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use reqwest::{Certificate, ClientBuilder, Identity};

use super::auth::Secret;

/// Largest PEM file that is read, bytes: a bundle of every public CA is a quarter of this.
const MAX_PEM: u64 = 1 << 20;

/// Whom to trust, and how to be recognised.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// PEM of the only CAs to trust; the system's when `None`.
    pub ca: Option<String>,
    /// PEM of a client certificate and its private key.
    pub identity: Option<Secret>,
}

/// Makes ring the crypto provider of the process. May be called any number of times.
pub fn install_crypto() {
    // An error means that a provider is installed already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
}

impl Tls {
    /// Reads the files that are named. A certificate and its key come together or not at all.
    pub fn load(ca: Option<&Path>, certificate: Option<&Path>, key: Option<&Path>) -> anyhow::Result<Self> {
        let ca = ca.map(read).transpose()?;
        let identity = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(Secret::new(read(certificate)? + "\n" + &read(key)?)),
            (Some(one), None) => bail!("the client certificate {} needs its private key too", one.display()),
            (None, Some(one)) => bail!("the client key {} needs its certificate too", one.display()),
        };
        Ok(Self { ca, identity })
    }

    /// Sets a client up. `https` tells whether any of its URLs needs TLS.
    pub(super) fn apply(&self, builder: ClientBuilder, https: bool) -> anyhow::Result<ClientBuilder> {
        let builder = match &self.ca {
            Some(pem) => builder.tls_certs_only(authorities(pem)?),
            None if https => builder,
            // A machine without any CA certificates, a small container, must do for plain HTTP.
            None => builder.tls_certs_only([]),
        };
        let Some(pem) = &self.identity else { return Ok(builder) };
        // The cause is dropped: it cannot say more, and what it speaks of is a private key.
        let Ok(identity) = Identity::from_pem(pem.reveal().as_bytes()) else {
            bail!("the client certificate or its private key cannot be read: give PEM files, the key not encrypted");
        };
        Ok(builder.identity(identity))
    }
}

fn authorities(pem: &str) -> anyhow::Result<Vec<Certificate>> {
    let certificates = Certificate::from_pem_bundle(pem.as_bytes()).context("the CA file is not PEM")?;
    ensure!(!certificates.is_empty(), "the CA file holds no certificate: give a PEM file with BEGIN CERTIFICATE in it");
    Ok(certificates)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = file.take(MAX_PEM + 1).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {} as PEM", path.display()))?;
    ensure!(text.len() as u64 <= MAX_PEM, "{} is larger than {MAX_PEM} bytes: not a PEM file", path.display());
    Ok(text)
}

#[cfg(test)]
mod tests;
