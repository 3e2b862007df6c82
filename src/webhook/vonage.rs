//! Vonage, once Nexmo: receipts of the SMS API and webhooks of the Messages API, as GET query, form or JSON.
//!
//! An account signs in one of two ways, with the same secret: parameters carry `sig`, or the head carries a token with a
//! hash of the body. A request without either is asked to come again (503): Vonage says that this happens, and that the
//! next try is signed. What goes into the stream is the parameters, or the JSON body as it came, but without what only
//! signs it: a receipt that comes twice is signed twice, and must be the same bytes.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::answer::Answer;
use super::body::Body;
use super::receiver::{Admitted, Receipt, Receiver};
use super::secret::{Secret, bearer};
use super::seen::{Mark, Seen};
use super::stream::{Item, Later};
use crate::event::clock::{seconds, zoneless};
use crate::event::key;
use crate::event::scan::Scanned;
use crate::event::time::Millis;
use crate::telemetry::metrics::Provider;

mod parameters;
mod sig;
mod token;

pub use sig::Algorithm;

use parameters::Parameters;
use token::{Tokens, Window};

/// Law of the SMS API: 15 seconds for an answer.
const PATIENCE: Duration = Duration::from_secs(12);

/// A receipt has half a KiB, an inbound message some more.
const LARGEST: usize = 1 << 20;

/// Tokens and signatures remembered: 16 bytes each, in a set and a queue.
const TOKENS: usize = 100_000;

const METHODS: &str = "GET, HEAD, POST";

/// How an account signs.
#[derive(Debug)]
pub struct Signing {
    secret: Secret,
    algorithm: Algorithm,
    window: Window,
    tokens: Tokens,
}

impl Signing {
    /// With this secret: parameters by `algorithm`, these and tokens for as long as `window`.
    pub fn new(secret: Secret, algorithm: Algorithm, window: Duration) -> Self {
        let window = Window(window);
        let tokens = Tokens::new(&secret, window);
        Self { secret, algorithm, window, tokens }
    }

    /// The parameter `sig`, and when it was made. Gives what stands for the signature.
    fn check(&self, parameters: &Parameters, now: Millis) -> Result<Mark, Answer> {
        let Some(sig) = parameters.sig() else {
            return Err(Answer::unsigned(
                "not signed; a signed request is waited for, are signed webhooks on in the account?",
            ));
        };
        if parameters.are_ambiguous() {
            return Err(Answer::malformed("a parameter's name has & or = in it, and its signature could be another's"));
        }
        if !sig::fits(self.algorithm, &self.secret, parameters, sig) {
            return Err(Answer::refused(
                "sig does not fit: is the secret right, and is --vonage-signature what the account's settings say?",
            ));
        }
        let made = parameters.get("timestamp").unwrap_or_default().as_bytes();
        match seconds(made).or_else(|| zoneless(made)).map(|made| made.0 / 1_000) {
            None => Err(Answer::refused("signed without a timestamp, or with one that is no time")),
            Some(made) if self.window.is_before(made, now) => {
                Err(Answer::refused("the timestamp of sig is older than --vonage-window"))
            }
            Some(made) if self.window.is_behind(made, now) => {
                Err(Answer::refused("the timestamp of sig is of a time to come; is this machine's clock right?"))
            }
            Some(_) => Ok(Mark::of(&[b"sig", sig.to_ascii_lowercase().as_bytes()])),
        }
    }
}

/// Receives receipts and statuses.
#[derive(Debug)]
pub struct Vonage {
    signing: Option<Signing>,
    used: Seen,
}

impl Vonage {
    /// Without `signing` it takes what anybody sends.
    pub fn new(signing: Option<Signing>) -> Self {
        Self { signing, used: Seen::new(TOKENS) }
    }

    /// The token of the head, unless it is wrong, too old or used already.
    fn token(&self, signing: &Signing, head: &Parts, now: Millis) -> Result<Option<token::Claims>, Answer> {
        let Some(token) = bearer(&head.headers) else { return Ok(None) };
        let claims = signing.tokens.open(token, now).map_err(Answer::refused)?;
        match self.used.has(&claims.mark()) {
            true => Err(Answer::refused("the token was used already, and what came with it is in the stream")),
            false => Ok(Some(claims)),
        }
    }

    /// A signature is good once. It says no more than what is signed (`_` for `&`), so that a receipt could be varied.
    fn unused(&self, mark: Mark) -> Result<Mark, Answer> {
        match self.used.has(&mark) {
            true => Err(Answer::nothing("what was signed so is in the stream already")),
            false => Ok(mark),
        }
    }

    fn event(&self, head: &Parts, body: &Body, now: Millis) -> Result<Receipt, Answer> {
        let sent = Sent::of(head, &body.bytes)?;
        let mut mark = None;
        if let Some(signing) = &self.signing {
            match self.token(signing, head, now)? {
                Some(claims) if head.method == Method::POST => {
                    if !claims.covers(&body.bytes) {
                        return Err(Answer::refused("the token is of another body"));
                    }
                    mark = Some(claims.mark());
                }
                // A token says nothing of a query.
                _ => mark = Some(self.unused(signing.check(&sent.parameters()?, now)?)?),
            }
        }
        let data = sent.event()?;
        Ok(Receipt { items: vec![Item { key: key::of_data(&data), data }], mark })
    }
}

/// What was sent, in one of its forms.
enum Sent {
    /// A query or a form.
    Parameters(Parameters),
    /// A JSON object, as it came, and its members.
    Json(Bytes, Scanned),
}

impl Sent {
    fn of(head: &Parts, body: &Bytes) -> Result<Self, Answer> {
        if head.method != Method::POST {
            return Parameters::of_form(head.uri.query().unwrap_or_default().as_bytes()).map(Self::Parameters);
        }
        if is_form(head, body) {
            return Parameters::of_form(body).map(Self::Parameters);
        }
        let (data, scanned) = super::split::object(body)?;
        Ok(Self::Json(data, scanned))
    }

    fn parameters(&self) -> Result<Parameters, Answer> {
        match self {
            Self::Parameters(parameters) => Ok(parameters.clone()),
            Self::Json(_, scanned) => Parameters::of_json(scanned),
        }
    }

    /// The event: the same bytes however often it is sent, and whatever may be done to it without another signature.
    fn event(self) -> Result<Bytes, Answer> {
        match self {
            Self::Json(data, scanned) if scanned.get(b"sig").is_none() => Ok(data),
            signed => Ok(signed.parameters()?.event()),
        }
    }
}

/// Some accounts post forms without saying so.
fn is_form(head: &Parts, body: &[u8]) -> bool {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
        || (!kind.contains("json") && !body.trim_ascii_start().starts_with(b"{"))
}

impl Receiver for Vonage {
    fn provider(&self) -> Provider {
        Provider::Vonage
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn largest(&self) -> usize {
        LARGEST
    }

    fn admit(&self, head: &Parts, now: Millis) -> Result<Admitted, Answer> {
        let reads = matches!(head.method, Method::GET | Method::HEAD);
        if !reads && head.method != Method::POST {
            return Err(Answer::wrong_method(METHODS));
        }
        if reads && head.uri.query().unwrap_or_default().is_empty() {
            // Vonage looks whether the address answers before it is set.
            return Err(Answer::nothing("receipts are received here"));
        }
        if let Some(signing) = &self.signing {
            // What is wrong by its head is not worth its body.
            self.token(signing, head, now)?;
        }
        Ok(Admitted::Unproven)
    }

    fn receive<'a>(
        &'a self,
        head: &'a Parts,
        _: Admitted,
        body: &'a mut Body,
        now: Millis,
    ) -> Later<'a, Result<Receipt, Answer>> {
        Box::pin(async move { self.event(head, body, now) })
    }

    fn settled(&self, mark: Mark) {
        self.used.add(mark);
    }

    /// The Messages API comes again after 429 and 5xx only.
    fn dress(&self, _: &Parts, answer: Answer, _: Millis) -> Answer {
        answer.worth_another_try()
    }
}
