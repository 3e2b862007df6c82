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

struct Nowhere;

impl Fetch for Nowhere {
    fn get<'a>(&'a self, _: &'a str) -> Later<'a, Result<Bytes, String>> {
        Box::pin(async { Err("nowhere".to_owned()) })
    }
}

/// Receivers by number: those that ask for credentials, and then those that take what anybody sends.
fn receiver(number: u8) -> Box<dyn Receiver> {
    let secret = || Secret::new(SECRET);
    let client = || Client::new("id".to_owned(), secret(), Duration::from_secs(3_600));
    let signing = |algorithm| Some(Signing::new(secret(), algorithm, Duration::from_secs(3_600)));
    match number % 10 {
        0 => Box::new(Vonage::new(signing(Algorithm::Md5))),
        1 => Box::new(Vonage::new(signing(Algorithm::HmacSha256))),
        2 => Box::new(Bird::new(Credentials::default(), Some(client()), false)),
        3 => Box::new(Tokens::new(client())),
        4 => Box::new(Json::new(Credentials::default(), Some(Signer::new(&secret(), Duration::from_secs(300))), false)),
        5 => Box::new(Sns::new(vec!["arn:aws:sns:eu-west-1:123456789012:t".to_owned()], Arc::new(Nowhere))),
        6 => Box::new(Vonage::new(None)),
        7 => Box::new(Bird::new(Credentials::default(), None, true)),
        8 => Box::new(Firehose::new(None)),
        _ => Box::new(Json::new(Credentials::default(), None, true)),
    }
}

/// Sends a request to a receiver: `word` stands in every header that is read, and in the query.
pub fn request(number: u8, get: bool, word: &str, body: &[u8]) -> Option<Made> {
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
    Some(take(&*receiver(number), &head, &mut body))
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
