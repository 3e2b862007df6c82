//! Certificates of SNS: fetched once, kept for a day, a few of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::Instant;
use webpki::EndEntityCert;

use super::certificate::{is_in_time, is_of_sns};
use crate::event::time::Millis;
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
    /// It cannot be fetched, or not be used at this time; what the certificate does, for people.
    Now(String),
    /// What was fetched is none of SNS; what it is, for people.
    Ever(&'static str),
}

/// Those at hand.
pub struct Certificates {
    fetch: Arc<dyn Fetch>,
    gate: Gate,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone)]
struct Kept {
    certificate: Result<Arc<CertificateDer<'static>>, &'static str>,
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

    /// The certificate at `url`, which must have been looked at, if it can be used `now`.
    pub async fn of(&self, url: &str, now: Millis) -> Result<Arc<CertificateDer<'static>>, Unusable> {
        let der = self.at(url).await?;
        let certificate = EndEntityCert::try_from(&*der).map_err(|_| Unusable::Ever(NONE))?;
        is_in_time(&certificate, now).map_err(|why| Unusable::Now(why.to_owned()))?;
        Ok(der)
    }

    async fn at(&self, url: &str) -> Result<Arc<CertificateDer<'static>>, Unusable> {
        let now = Instant::now();
        let kept = self.lock().get(url).filter(|kept| kept.until > now).cloned();
        if let Some(kept) = kept {
            return kept.certificate.map_err(Unusable::Ever);
        }
        if !self.gate.passes() {
            return Err(Unusable::Now("cannot be fetched: too many were asked for".to_owned()));
        }
        let pem = self.fetch.get(url).await.map_err(|why| Unusable::Now(format!("cannot be fetched: {why}")))?;
        let certificate = read(&pem).map(Arc::new);
        let lasts = if certificate.is_ok() { KEPT } else { FAILED };
        self.keep(url, Kept { certificate: certificate.clone(), until: now + lasts });
        certificate.map_err(Unusable::Ever)
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

const NONE: &str = "no certificate";

/// The first certificate of `pem`, if it is one of SNS.
fn read(pem: &[u8]) -> Result<CertificateDer<'static>, &'static str> {
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| NONE)?;
    let certificate = EndEntityCert::try_from(&der).map_err(|_| NONE)?;
    if is_of_sns(&certificate) { Ok(der) } else { Err("a certificate that does not name SNS") }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    const NOW: Millis = Millis(1_783_400_000_000);

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
                    _ if url.contains("another") => Ok(Bytes::from_static(testkit::sns::OF_ANOTHER.as_bytes())),
                    _ if url.contains("ends") => Ok(Bytes::from_static(testkit::sns::ENDED.as_bytes())),
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
            assert!(certificates.of("a", NOW).await.is_ok());
        }
        assert_eq!(answers.0.load(Relaxed), 1);
        tokio::time::advance(KEPT).await;
        assert!(certificates.of("a", NOW).await.is_ok());
        assert_eq!(answers.0.load(Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_leads_nowhere_is_not_asked_for_at_once_again() {
        let (certificates, answers) = certificates();
        for _ in 0..3 {
            assert_eq!(certificates.of("none", NOW).await, Err(Unusable::Ever(NONE)));
        }
        assert_eq!(answers.0.load(Relaxed), 1);
        tokio::time::advance(FAILED).await;
        assert_eq!(certificates.of("none", NOW).await, Err(Unusable::Ever(NONE)));
        assert_eq!(answers.0.load(Relaxed), 2);
        assert_eq!(certificates.of("down", NOW).await, Err(Unusable::Now("cannot be fetched: 404".to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_kept_is_used_no_longer_than_its_time() {
        let (certificates, answers) = certificates();
        // It ends as 7 July 2026 begins.
        let end = Millis(1_783_382_400_000);
        assert!(certificates.of("ends", Millis(end.0 - 1_000)).await.is_ok());
        let ended = certificates.of("ends", Millis(end.0 + 1_000)).await;
        assert!(matches!(ended, Err(Unusable::Now(ref why)) if why.contains("has ended")), "{ended:?}");
        assert_eq!(answers.0.load(Relaxed), 1);
        let another = certificates.of("another", NOW).await;
        assert_eq!(another, Err(Unusable::Ever("a certificate that does not name SNS")));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_has_us_ask_without_end() {
        let (certificates, answers) = certificates();
        assert!(certificates.of("good", NOW).await.is_ok());
        for n in 0..100 {
            let _refused = certificates.of(&format!("none-{n}"), NOW).await;
        }
        assert_eq!(answers.0.load(Relaxed), 5, "as the rate says");
        for n in 0..1_000 {
            tokio::time::advance(Duration::from_millis(200)).await;
            let _refused = certificates.of(&format!("none-{n}"), NOW).await;
        }
        assert!(certificates.lock().len() <= MOST);
        let before = answers.0.load(Relaxed);
        assert!(certificates.of("good", NOW).await.is_ok());
        assert_eq!(answers.0.load(Relaxed), before, "a good one is not driven out");
    }
}
