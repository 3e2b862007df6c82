//! Certificates of SNS: fetched once, kept for a day and while no newer one can be had, a few of them.
//!
//! Whoever posts chooses their addresses. What he makes up costs those that signed something neither their place here nor
//! their turn to be asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
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

/// One is asked for anew after this.
const FRESH: Duration = Duration::from_secs(86_400);

/// While that fails it is used for so long: one that Amazon took back no longer than this.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Addresses that led to nothing are not tried again for this long.
const FAILED: Duration = Duration::from_secs(2);

/// Fetches a second from addresses that never signed anything: whoever knows a topic's name could have us ask for a new one
/// with every request.
const RATE: u32 = 5;

/// The port to SNS.
pub trait Fetch: Send + Sync {
    /// The body of a successful answer; else why there is none, for people. Follows no redirection, reads 64 KiB at most.
    fn get<'a>(&'a self, url: &'a str) -> Later<'a, Result<Bytes, String>>;
}

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// It cannot be fetched, or not be used at this time; what the certificate does, for people.
    Now(String),
    /// What was fetched is none of SNS; what it is, for people.
    Ever(&'static str),
}

type Certificate = Arc<CertificateDer<'static>>;

/// Those at hand.
pub struct Certificates {
    fetch: Arc<dyn Fetch>,
    gate: Gate,
    kept: Mutex<HashMap<String, Kept>>,
    /// Addresses that are being asked, each by one request; others wait for it.
    flights: Mutex<HashMap<String, Weak<Flight>>>,
}

type Flight = tokio::sync::Mutex<()>;

struct Kept {
    /// The last one that could be read, and until when it is used.
    certificate: Option<(Certificate, Instant)>,
    /// Why the last try gave none.
    failed: Option<Unusable>,
    /// Nobody is asked before.
    until: Instant,
    /// It has signed something.
    proven: bool,
}

/// What is known of an address.
enum Known {
    /// All that is needed.
    Enough(Result<Certificate, Unusable>),
    /// One that may be used, and should be asked for anew.
    Old(Certificate),
    Nothing,
}

impl Certificates {
    /// None yet.
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch, gate: Gate::new(RATE), kept: Mutex::default(), flights: Mutex::default() }
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

    /// What was signed fits the certificate at `url`: it is kept before others, and asked for however many others are.
    pub fn proven(&self, url: &str) {
        if let Some(kept) = self.lock().get_mut(url) {
            kept.proven = true;
        }
    }

    async fn at(&self, url: &str) -> Result<Certificate, Unusable> {
        match self.known(url) {
            Known::Enough(result) => result,
            Known::Old(certificate) => {
                let flight = self.flight(url);
                // One asks anew; the others need not wait for it, and nobody is refused when it fails.
                let Ok(_own) = flight.try_lock() else { return Ok(certificate) };
                self.ask(url).await.or(Ok(certificate))
            }
            Known::Nothing => {
                let flight = self.flight(url);
                let _own = flight.lock().await;
                match self.known(url) {
                    Known::Enough(result) => result,
                    _ => self.ask(url).await,
                }
            }
        }
    }

    fn known(&self, url: &str) -> Known {
        let (now, all) = (Instant::now(), self.lock());
        let Some(kept) = all.get(url) else { return Known::Nothing };
        let certificate = kept.certificate.as_ref().filter(|(_, ends)| *ends > now).map(|(one, _)| one.clone());
        match (certificate, kept.until > now) {
            (Some(certificate), true) => Known::Enough(Ok(certificate)),
            (Some(certificate), false) => Known::Old(certificate),
            (None, true) => kept.failed.clone().map_or(Known::Nothing, |why| Known::Enough(Err(why))),
            (None, false) => Known::Nothing,
        }
    }

    async fn ask(&self, url: &str) -> Result<Certificate, Unusable> {
        let proven = self.lock().get(url).is_some_and(|kept| kept.proven);
        if !proven && !self.gate.passes() {
            return Err(Unusable::Now("cannot be fetched: too many were asked for".to_owned()));
        }
        let pem = self.fetch.get(url).await.map_err(|why| Unusable::Now(format!("cannot be fetched: {why}")));
        let result = pem.and_then(|pem| read(&pem).map(Arc::new).map_err(Unusable::Ever));
        self.keep(url, &result);
        result
    }

    /// Makes room by what ends first: of failures, then of what never signed anything.
    fn keep(&self, url: &str, result: &Result<Certificate, Unusable>) {
        let (now, mut all) = (Instant::now(), self.lock());
        if all.len() >= MOST && !all.contains_key(url) {
            let worth = |kept: &Kept| (kept.proven, kept.certificate.is_some(), kept.until);
            let least = all.iter().min_by_key(|(_, kept)| worth(kept)).map(|(url, _)| url.clone());
            least.and_then(|url| all.remove(&url));
        }
        let kept =
            all.entry(url.to_owned()).or_insert(Kept { certificate: None, failed: None, until: now, proven: false });
        kept.failed = result.as_ref().err().cloned();
        match result {
            Ok(certificate) => {
                kept.certificate = Some((certificate.clone(), now + KEPT));
                kept.until = now + FRESH;
            }
            Err(_) => kept.until = now + FAILED,
        }
    }

    /// The turn to ask at `url`.
    fn flight(&self, url: &str) -> Arc<Flight> {
        let mut all = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = all.get(url).and_then(Weak::upgrade) {
            return flight;
        }
        all.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::new(Flight::default());
        all.insert(url.to_owned(), Arc::downgrade(&flight));
        flight
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
mod tests;
