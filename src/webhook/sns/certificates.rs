//! Certificates of SNS: fetched once, kept for a day, a few of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::Instant;
use webpki::EndEntityCert;

use crate::webhook::gate::Gate;
use crate::webhook::stream::Later;

/// Certificates kept. SNS has one a region and year.
const MOST: usize = 32;

/// One that Amazon took back is used no longer than this.
const KEPT: Duration = Duration::from_secs(86_400);

/// Addresses that led to nothing are not tried again for this long.
const FAILED: Duration = Duration::from_secs(10);

/// Fetches a second: whoever knows a topic's name could have us ask for a new address with every request.
const RATE: u32 = 5;

/// The port to SNS.
pub trait Fetch: Send + Sync {
    /// The body of a successful answer; else why there is none, for people. Follows no redirection, reads 64 KiB at most.
    fn get<'a>(&'a self, url: &'a str) -> Later<'a, Result<Bytes, String>>;
}

/// Why there is no certificate.
#[derive(Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It could not be fetched; for people.
    Now(String),
    /// What was fetched is none.
    Ever,
}

/// Those at hand.
pub struct Certificates {
    fetch: Arc<dyn Fetch>,
    gate: Gate,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone)]
struct Kept {
    certificate: Option<Arc<CertificateDer<'static>>>,
    until: Instant,
}

impl Certificates {
    /// None yet.
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch, gate: Gate::new(RATE), kept: Mutex::default() }
    }

    /// What fetches them.
    pub fn fetch(&self) -> &dyn Fetch {
        &*self.fetch
    }

    /// The certificate at `url`, which must have been looked at.
    pub async fn of(&self, url: &str) -> Result<Arc<CertificateDer<'static>>, Unusable> {
        let now = Instant::now();
        let kept = self.lock().get(url).filter(|kept| kept.until > now).cloned();
        if let Some(kept) = kept {
            return kept.certificate.ok_or(Unusable::Ever);
        }
        if !self.gate.passes() {
            return Err(Unusable::Now("too many were asked for".to_owned()));
        }
        let pem = self.fetch.get(url).await.map_err(Unusable::Now)?;
        let certificate = CertificateDer::from_pem_slice(&pem).ok();
        let certificate = certificate.filter(|der| EndEntityCert::try_from(der).is_ok()).map(Arc::new);
        let lasts = if certificate.is_some() { KEPT } else { FAILED };
        self.keep(url, Kept { certificate: certificate.clone(), until: now + lasts });
        certificate.ok_or(Unusable::Ever)
    }

    /// Makes room by what ends first: failures before certificates.
    fn keep(&self, url: &str, kept: Kept) {
        let mut all = self.lock();
        if all.len() >= MOST && !all.contains_key(url) {
            let first = all.iter().min_by_key(|(_, kept)| kept.until).map(|(url, _)| url.clone());
            first.and_then(|url| all.remove(&url));
        }
        all.insert(url.to_owned(), kept);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    /// Answers with a certificate, with nonsense or not at all, by what the address says.
    #[derive(Default)]
    struct Answers(AtomicUsize);

    impl Fetch for Answers {
        fn get<'a>(&'a self, url: &'a str) -> Later<'a, Result<Bytes, String>> {
            self.0.fetch_add(1, Relaxed);
            Box::pin(async move {
                match url {
                    _ if url.contains("down") => Err("404".to_owned()),
                    _ if url.contains("none") => Ok(Bytes::from_static(b"nonsense")),
                    _ => Ok(Bytes::from_static(testkit::sns::CERTIFICATE.as_bytes())),
                }
            })
        }
    }

    fn certificates() -> (Certificates, Arc<Answers>) {
        let answers = Arc::new(Answers::default());
        (Certificates::new(answers.clone()), answers)
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_fetched_once_a_day() {
        let (certificates, answers) = certificates();
        for _ in 0..100 {
            assert!(certificates.of("a").await.is_ok());
        }
        assert_eq!(answers.0.load(Relaxed), 1);
        tokio::time::advance(KEPT).await;
        assert!(certificates.of("a").await.is_ok());
        assert_eq!(answers.0.load(Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_leads_nowhere_is_not_asked_for_at_once_again() {
        let (certificates, answers) = certificates();
        for _ in 0..3 {
            assert_eq!(certificates.of("none").await, Err(Unusable::Ever));
        }
        assert_eq!(answers.0.load(Relaxed), 1);
        tokio::time::advance(FAILED).await;
        assert_eq!(certificates.of("none").await, Err(Unusable::Ever));
        assert_eq!(answers.0.load(Relaxed), 2);
        assert_eq!(certificates.of("down").await, Err(Unusable::Now("404".to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_has_us_ask_without_end() {
        let (certificates, answers) = certificates();
        assert!(certificates.of("good").await.is_ok());
        for n in 0..100 {
            let _refused = certificates.of(&format!("none-{n}")).await;
        }
        assert_eq!(answers.0.load(Relaxed), 5, "as the rate says");
        for n in 0..1_000 {
            tokio::time::advance(Duration::from_millis(200)).await;
            let _refused = certificates.of(&format!("none-{n}")).await;
        }
        assert!(certificates.lock().len() <= MOST);
        let before = answers.0.load(Relaxed);
        assert!(certificates.of("good").await.is_ok());
        assert_eq!(answers.0.load(Relaxed), before, "a good one is not driven out");
    }
}
