//! What a provider's file knows, and what the desk does not.

use std::time::Duration;

use http::Method;
use http::request::Parts;

use super::answer::Answer;
use super::body::Body;
use super::seen::Mark;
use super::stream::{Item, Later};
use crate::event::time::Millis;
use crate::telemetry::metrics::Provider;

/// Whether the head of a request has proved who posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It has.
    Known,
    /// The body has to.
    Unproven,
}

/// What a request holds.
#[derive(Debug, Default)]
pub struct Receipt {
    /// The events, in order. None are put when there are none.
    pub items: Vec<Item>,
    /// What to remember once they are durable.
    pub mark: Option<Mark>,
}

/// Refuses what is not posted: every provider but Vonage posts.
pub fn posted(head: &Parts) -> Result<(), Answer> {
    if head.method == Method::POST { Ok(()) } else { Err(Answer::wrong_method("POST")) }
}

/// One path of a provider.
pub trait Receiver: Send + Sync {
    /// Whose.
    fn provider(&self) -> Provider;

    /// How long the provider waits for an answer, less the way there and back.
    fn patience(&self) -> Duration;

    /// The largest body it ever posts.
    fn largest(&self) -> usize;

    /// Looks at the head before a byte of the body is read. An `Err` is the answer, which may be a good one.
    fn admit(&self, head: &Parts, now: Millis) -> Result<Admitted, Answer>;

    /// Checks what is left to check, and takes the events out of the body. An `Err` is the answer, which may be a good one.
    fn receive<'a>(
        &'a self,
        head: &'a Parts,
        admitted: Admitted,
        body: &'a mut Body,
        now: Millis,
    ) -> Later<'a, Result<Receipt, Answer>>;

    /// What was marked is durable.
    fn settled(&self, _mark: Mark) {}

    /// The answer in this provider's form.
    fn dress(&self, _head: &Parts, answer: Answer, _now: Millis) -> Answer {
        answer
    }
}
