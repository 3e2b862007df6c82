//! Pendula and whoever else posts JSON: an object, an array of objects, or NDJSON; each object is one event.

use std::time::Duration;

use http::request::Parts;

use super::answer::Answer;
use super::body::Body;
use super::receiver::{Admitted, Receipt, Receiver, posted};
use super::secret::Credentials;
use super::split::split;
use super::stream::{Item, Later};
use crate::event::key;
use crate::event::time::Millis;
use crate::telemetry::metrics::Provider;

mod signature;

pub use signature::Signer;

/// What ordinary HTTP clients wait, less a little.
const PATIENCE: Duration = Duration::from_secs(25);

/// Receives JSON.
#[derive(Debug)]
pub struct Json {
    credentials: Credentials,
    signer: Option<Signer>,
    /// Takes what anybody posts.
    open: bool,
}

impl Json {
    /// Who may post: whoever shows one of `credentials` or signs as `signer` does; with `open`, anybody.
    pub fn new(credentials: Credentials, signer: Option<Signer>, open: bool) -> Self {
        Self { credentials, signer, open }
    }

    fn events(&self, head: &Parts, admitted: Admitted, body: &Body, now: Millis) -> Result<Receipt, Answer> {
        if admitted == Admitted::Unproven {
            let signed = self.signer.as_ref().is_some_and(|signer| signer.signed(&head.headers, &body.bytes, now));
            signed.then_some(()).ok_or_else(|| Answer::refused("the signature does not fit, or is too old"))?;
        }
        let mut items = Vec::new();
        split(&body.bytes, |value| {
            items.push(Item { key: key::of(value.scanned, &value.data), data: value.data });
            Ok(())
        })?;
        Ok(Receipt { items, mark: None })
    }
}

impl Receiver for Json {
    fn provider(&self) -> Provider {
        Provider::Json
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn largest(&self) -> usize {
        64 << 20
    }

    fn admit(&self, head: &Parts, now: Millis) -> Result<Admitted, Answer> {
        posted(head)?;
        if self.open || self.credentials.are_in(&head.headers) {
            return Ok(Admitted::Known);
        }
        match &self.signer {
            // What is late by its head is not worth its body.
            Some(signer) if signer.may_be_signed(&head.headers, now) => Ok(Admitted::Unproven),
            _ => Err(Answer::refused("wrong or no credentials, or a signature that is too old")
                .challenging(self.credentials.challenge())),
        }
    }

    fn receive<'a>(
        &'a self,
        head: &'a Parts,
        admitted: Admitted,
        body: &'a mut Body,
        now: Millis,
    ) -> Later<'a, Result<Receipt, Answer>> {
        Box::pin(async move { self.events(head, admitted, body, now) })
    }
}
