//! Every receiver with whatever bytes, for the fuzz targets.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request};

use super::bird::{Bird, Client, Tokens};
use super::body::Body;
use super::budget::Budget;
use super::firehose::Firehose;
use super::json::{Json, Signer};
use super::receiver::Receiver;
use super::sns::{Fetch, Sns};
use super::stream::{Item, Later};
use super::vonage::{Algorithm, Signing, Vonage};
use super::{Credentials, Secret};
use crate::event::time::Millis;
use crate::telemetry::metrics::WebhookMetrics;

/// What a receiver made of a request.
#[derive(Debug)]
pub enum Made {
    /// Events.
    Items(Vec<Item>),
    /// A status and a sentence.
    Answer(u16, String),
}

/// The secret of everything that has one.
pub const SECRET: &str = "s3cret";

/// The topic of the messages of SNS.
pub const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:ses-events";

/// Answers with one certificate, whatever is asked for.
struct Always(&'static str);

impl Fetch for Always {
    fn get<'a>(&'a self, _: &'a str) -> Later<'a, Result<Bytes, String>> {
        Box::pin(async { Ok(Bytes::from_static(self.0.as_bytes())) })
    }
}

/// Receivers by number: those that ask for credentials, and then those that take what anybody sends.
fn receiver(number: u8, certificate: &'static str) -> Box<dyn Receiver> {
    let secret = || Secret::new(SECRET);
    let client = || Client::new("id".to_owned(), secret(), Duration::from_secs(3_600));
    let signing = |algorithm| Some(Signing::new(secret(), algorithm, Duration::from_secs(3_600)));
    match number % 10 {
        0 => Box::new(Vonage::new(signing(Algorithm::Md5))),
        1 => Box::new(Vonage::new(signing(Algorithm::HmacSha256))),
        2 => Box::new(Bird::new(Credentials::default(), Some(client()), false)),
        3 => Box::new(Tokens::new(client())),
        4 => Box::new(Json::new(Credentials::default(), Some(Signer::new(&secret(), Duration::from_secs(300))), false)),
        5 => {
            let (topics, day) = (vec![TOPIC.to_owned()], Duration::from_secs(86_400));
            Box::new(Sns::new(topics, day, Arc::new(Always(certificate))))
        }
        6 => Box::new(Vonage::new(None)),
        7 => Box::new(Bird::new(Credentials::default(), None, true)),
        8 => Box::new(Firehose::new(None)),
        _ => Box::new(Json::new(Credentials::default(), None, true)),
    }
}

/// Sends a request to a receiver: `word` stands in every header that is read, and in the query; `certificate` (PEM) is that
/// of SNS.
pub fn request(number: u8, get: bool, word: &str, body: &[u8], certificate: &'static str) -> Option<Made> {
    let method = if get { Method::GET } else { Method::POST };
    let head = Request::builder()
        .method(method)
        .uri(format!("/x?{word}"))
        .header("authorization", format!("Bearer {word}"))
        .header("x-signature", word)
        .header("content-encoding", if word == "gzip" { "gzip" } else { "identity" })
        .header("content-type", if word.contains('{') { "application/json" } else { "x" })
        .header("x-amz-firehose-request-id", word)
        .body(());
    let (head, ()) = head.ok()?.into_parts();
    let budget = Budget::new(64 << 20, WebhookMetrics::new());
    let mut body = Body { bytes: Bytes::copy_from_slice(body), hold: budget.hold(super::receiver::Admitted::Known) };
    Some(take(&*receiver(number, certificate), &head, &mut body))
}

fn take(receiver: &dyn Receiver, head: &Parts, body: &mut Body) -> Made {
    let now = Millis(1_783_400_000_000);
    let admitted = receiver.admit(head, now);
    let received = admitted.and_then(|admitted| {
        let mut later = receiver.receive(head, admitted, body, now);
        // Nothing here waits for anything.
        match later.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(received) => received,
            Poll::Pending => Err(super::Answer::busy("pending")),
        }
    });
    match received {
        Ok(receipt) => Made::Items(receipt.items),
        Err(answer) => {
            let answer = receiver.dress(head, answer, now);
            Made::Answer(answer.status.as_u16(), answer.said.into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::sns::{CERTIFICATE, SIGNED};

    use super::*;

    #[test]
    fn the_signatures_of_sns_are_reached() {
        assert_eq!(TOPIC, testkit::sns::TOPIC);
        let made = |body: &str| request(5, false, "", body.as_bytes(), CERTIFICATE);
        for body in &SIGNED[..2] {
            assert!(matches!(made(body), Some(Made::Items(items)) if items.len() == 1), "{body}");
        }
        let forged = SIGNED[0].replace("Email Event", "Other Event");
        assert!(matches!(made(&forged), Some(Made::Answer(403, _))), "{forged}");
    }
}
