//! Bird, once SparkPost: arrays of `{"msys": {"<class>_event": {…}}}`, 1 to 350 and more a batch.
//!
//! Bird waits ten seconds, takes nothing but 200 for a yes, and sends a batch again under the same id for eight hours.
//! A batch that is here already is answered at once; across several instances, and where a batch is forgotten, the ids
//! of its events make it harmless.

use std::time::Duration;

use http::request::Parts;

use super::answer::Answer;
use super::body::Body;
use super::receiver::{Admitted, Receipt, Receiver, posted};
use super::secret::{Credentials, bearer};
use super::seen::{Mark, Seen};
use super::split::split;
use super::stream::{Item, Later};
use crate::event::key;
use crate::event::time::Millis;
use crate::event::walk;
use crate::telemetry::metrics::Provider;

mod token;

pub use token::{Client, Tokens};

const BATCH_ID: &str = "x-messagesystems-batch-id";

/// Law of Bird: ten seconds, there and back.
const PATIENCE: Duration = Duration::from_secs(8);

/// A batch of 350 events has some 500 KiB.
const LARGEST: usize = 16 << 20;

/// Batches remembered. Repeats come within eight hours; at one batch a second this is one hour of them.
const BATCHES: usize = 4_096;

/// Receives batches.
#[derive(Debug)]
pub struct Bird {
    credentials: Credentials,
    client: Option<Client>,
    /// Takes what anybody posts.
    open: bool,
    seen: Seen,
}

impl Bird {
    /// Who may post: whoever shows one of `credentials`, or a token that `client` was given; with `open`, anybody.
    pub fn new(credentials: Credentials, client: Option<Client>, open: bool) -> Self {
        Self { credentials, client, open, seen: Seen::new(BATCHES) }
    }

    fn is_known(&self, head: &Parts, now: Millis) -> bool {
        let token = || self.client.as_ref().is_some_and(|c| bearer(&head.headers).is_some_and(|t| c.gave(t, now)));
        self.open || self.credentials.are_in(&head.headers) || token()
    }

    fn rows(&self, head: &Parts, body: &Body) -> Result<Receipt, Answer> {
        let mark = head.headers.get(BATCH_ID).map(|id| Mark::of(&[id.as_bytes(), &body.bytes]));
        if mark.is_some_and(|mark| self.seen.has(&mark)) {
            return Err(Answer::nothing("this batch is in the stream already"));
        }
        let mut items = Vec::new();
        split(&body.bytes, |row| {
            let msys = row.scanned.and_then(|row| row.get(b"msys"));
            // The test of a new webhook, and nothing else, has no class in it.
            if msys.is_none_or(|msys| walk::members(msys).next().is_some()) {
                items.push(Item { key: key::of(row.scanned, &row.data), data: row.data });
            }
            Ok(())
        })?;
        Ok(Receipt { items, mark })
    }
}

impl Receiver for Bird {
    fn provider(&self) -> Provider {
        Provider::Bird
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn largest(&self) -> usize {
        LARGEST
    }

    fn admit(&self, head: &Parts, now: Millis) -> Result<Admitted, Answer> {
        posted(head)?;
        match self.is_known(head, now) {
            true => Ok(Admitted::Known),
            // Bird takes 401 as the end of a token and fetches another one.
            false => Err(Answer::refused("wrong or no credentials").challenging(self.credentials.challenge())),
        }
    }

    fn receive<'a>(
        &'a self,
        head: &'a Parts,
        _: Admitted,
        body: &'a mut Body,
        _: Millis,
    ) -> Later<'a, Result<Receipt, Answer>> {
        Box::pin(async move { self.rows(head, body) })
    }

    fn settled(&self, mark: Mark) {
        self.seen.add(mark);
    }
}
