//! Amazon SNS over HTTP(S): signed notifications of configured topics, and the confirmation of their subscriptions.
//!
//! Anybody may make a topic of his own and have Amazon sign what he says on it: it is the topic's name, which is signed too,
//! that tells who posts. What goes into the stream is an envelope of what was signed, and `essink run` unwraps it: whoever
//! has one signed notification could else put members of his own beside those, and have them taken for events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;

use super::answer::Answer;
use super::body::Body;
use super::gate::Gate;
use super::receiver::{Admitted, Receipt, Receiver, posted};
use super::seen::{Mark, Seen};
use super::split::split;
use super::stream::{Item, Later};
use crate::event::clock::stamp;
use crate::event::key;
use crate::event::time::Millis;
use crate::telemetry::metrics::Provider;

mod address;
mod certificate;
mod certificates;
mod envelope;

pub use certificates::Fetch;

use certificates::{Certificates, Unusable};
use envelope::Envelope;

const TOPIC: &str = "x-amz-sns-topic-arn";
const RAW: &str = "x-amz-sns-rawdelivery";

/// Law of SNS: 15 seconds for an answer.
const PATIENCE: Duration = Duration::from_secs(12);

/// A message has 256 KiB at most; its escapes in the envelope make up to six times that of it.
const LARGEST: usize = 2 << 20;

/// Confirmations a second, over all topics: each is a request to SNS.
const CONFIRMATIONS: u32 = 5;

/// Confirmations remembered.
const CONFIRMED: usize = 1_000;

/// Receives notifications.
pub struct Sns {
    topics: Vec<String>,
    /// How far the time of a message may be from now. Who posts an old one again puts the same bytes, which are the same
    /// document.
    window: Duration,
    certificates: Certificates,
    confirmations: Gate,
    confirmed: Seen,
}

impl Sns {
    /// Of these topics, of messages no further than `window` from now, whose certificates and confirmations come through `fetch`. Without any topic it takes what anybody
    /// posts, and confirms nothing.
    pub fn new(topics: Vec<String>, window: Duration, fetch: Arc<dyn Fetch>) -> Self {
        let (certificates, confirmations) = (Certificates::new(fetch), Gate::new(CONFIRMATIONS));
        Self { topics, window, certificates, confirmations, confirmed: Seen::new(CONFIRMED) }
    }

    fn is_open(&self) -> bool {
        self.topics.is_empty()
    }

    fn knows(&self, topic: &str) -> bool {
        self.topics.iter().any(|known| known == topic)
    }

    async fn take(&self, head: &Parts, body: &mut Body, now: Millis) -> Result<Receipt, Answer> {
        if self.is_open() && is_raw(head) {
            return raw(&body.bytes);
        }
        let data = body.bytes.slice_ref(body.bytes.trim_ascii());
        let envelope = Envelope::read(&data)?;
        if !self.is_open() {
            if !self.knows(&envelope.topic_arn) {
                return Err(of_another_topic());
            }
            self.verify(&envelope, now).await?;
            self.is_of_now(&envelope, now)?;
        }
        match envelope.kind.as_ref() {
            "Notification" => {
                let data = if self.is_open() { data.clone() } else { envelope.signed_json() };
                body.hold.take(data.len())?;
                Ok(Receipt { items: vec![Item { key: key::of_data(&data), data }], mark: None })
            }
            "SubscriptionConfirmation" => self.confirm(&envelope).await,
            "UnsubscribeConfirmation" => {
                let topic = envelope.topic_arn.as_ref();
                tracing::warn!(sns.topic = topic, "a subscription was ended: no more notifications of it will come");
                Err(Answer::nothing("the end of a subscription was noted"))
            }
            _ => Err(Answer::malformed("a message of a type that SNS does not post")),
        }
    }

    async fn verify(&self, envelope: &Envelope<'_>, now: Millis) -> Result<(), Answer> {
        if !address::is_certificate(&envelope.signing_cert_url) {
            return Err(Answer::forbidden("SigningCertURL is no certificate of an SNS host"));
        }
        let certificate = self.certificates.of(&envelope.signing_cert_url, now).await.map_err(|why| match why {
            // A clock can be set right while SNS tries again.
            Unusable::Now(why) => Answer::busy(format!("the certificate of SNS {why}")),
            Unusable::Ever(what) => Answer::forbidden(format!("SigningCertURL leads to {what}")),
        })?;
        match envelope.is_signed_by(&certificate) {
            true => {
                self.certificates.proven(&envelope.signing_cert_url);
                Ok(())
            }
            false => Err(Answer::forbidden("the signature does not fit")),
        }
    }

    fn is_of_now(&self, envelope: &Envelope<'_>, now: Millis) -> Result<(), Answer> {
        match stamp(envelope.timestamp.as_bytes()) {
            Some(at) if u128::from(at.0.abs_diff(now.0)) <= self.window.as_millis() => Ok(()),
            Some(_) => {
                Err(Answer::forbidden("published further from now than --sns-window; is this machine's clock right?"))
            }
            None => Err(Answer::forbidden("its Timestamp is no time")),
        }
    }

    async fn confirm(&self, envelope: &Envelope<'_>) -> Result<Receipt, Answer> {
        let topic = envelope.topic_arn.as_ref();
        if self.is_open() {
            return Err(Answer::forbidden("only subscriptions to topics of --sns-topic are confirmed"));
        }
        let url = envelope.subscribe_url.as_deref().unwrap_or_default();
        if !address::confirms(url, topic) {
            return Err(Answer::forbidden("SubscribeURL is no confirmation of this topic at an SNS host"));
        }
        let mark = Mark::of(&[envelope.message_id.as_bytes(), url.as_bytes()]);
        if self.confirmed.has(&mark) {
            return Err(Answer::nothing("confirmed already"));
        }
        if !self.confirmations.passes() {
            return Err(Answer::busy("more subscriptions a second than are confirmed"));
        }
        match self.certificates.fetch().get(url).await {
            Ok(_) => {
                self.confirmed.add(mark);
                tracing::info!(sns.topic = topic, "the subscription is confirmed");
                Err(Answer::nothing("confirmed"))
            }
            Err(why) => Err(Answer::busy(format!("the subscription cannot be confirmed now: {why}"))),
        }
    }
}

fn of_another_topic() -> Answer {
    Answer::forbidden("of a topic that is not in --sns-topic")
}

fn is_raw(head: &Parts) -> bool {
    head.headers.get(RAW).is_some_and(|raw| raw == "true")
}

/// Events without an envelope, and so without a signature.
fn raw(body: &Bytes) -> Result<Receipt, Answer> {
    let mut items = Vec::new();
    split(body, |value| {
        items.push(Item { key: key::of(value.scanned, &value.data), data: value.data });
        Ok(())
    })?;
    Ok(Receipt { items, mark: None })
}

impl Receiver for Sns {
    fn provider(&self) -> Provider {
        Provider::Sns
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn largest(&self) -> usize {
        LARGEST
    }

    fn admit(&self, head: &Parts, _: Millis) -> Result<Admitted, Answer> {
        posted(head)?;
        if self.is_open() {
            return Ok(Admitted::Unproven);
        }
        if is_raw(head) {
            return Err(Answer::forbidden("a raw message has no signature: turn raw message delivery off"));
        }
        // What says so by its head is not worth its body.
        match head.headers.get(TOPIC).is_some_and(|topic| !topic.to_str().is_ok_and(|topic| self.knows(topic))) {
            true => Err(of_another_topic()),
            false => Ok(Admitted::Unproven),
        }
    }

    fn receive<'a>(
        &'a self,
        head: &'a Parts,
        _: Admitted,
        body: &'a mut Body,
        now: Millis,
    ) -> Later<'a, Result<Receipt, Answer>> {
        Box::pin(self.take(head, body, now))
    }

    /// SNS gives a message up at any 4xx but 429.
    fn dress(&self, _: &Parts, answer: Answer, _: Millis) -> Answer {
        answer.worth_another_try()
    }
}
