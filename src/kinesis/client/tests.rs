use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError, future};
use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::event::time::Millis;
use crate::kinesis::shard::api::ShardApi;
use crate::pipeline::position::{Position, Sequence};

mod put;

/// A wire fake: answers in the order given, remembers what it was asked.
#[derive(Clone, Default)]
struct Wire {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Wire {
    /// The fake and a handle to it.
    async fn answering(answers: impl IntoIterator<Item = (u16, Value)>) -> (Self, Kinesis) {
        let wire = Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() };
        let served = wire.clone();
        let app = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let served = served.clone();
            async move { served.answer(&headers, &body) }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (wire, at(&endpoint, any_credentials()).await)
    }

    fn answer(&self, headers: &HeaderMap, body: &[u8]) -> axum::response::Response<axum::body::Body> {
        let target = headers["x-amz-target"].to_str().unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        self.asked.lock().unwrap().push((operation, serde_json::from_slice(body).unwrap()));
        let (status, answer) = self.answers.lock().unwrap().pop_front().expect("asked more often than scripted");
        let reply = axum::response::Response::builder().status(status);
        reply.header("content-type", "application/x-amz-json-1.1").body(answer.to_string().into()).unwrap()
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

fn any_credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("any", "any", None, None, "test"))
}

async fn at(endpoint: &str, credentials: SharedCredentialsProvider) -> Kinesis {
    let (region, endpoint) = (Some("eu-west-1".to_owned()), Some(endpoint.to_owned()));
    let access = Access { region, endpoint, credentials: Some(credentials), ..Access::default() };
    Kinesis::connect(&access).await.unwrap()
}

fn summary(status: &str) -> (u16, Value) {
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";
    let summary = json!({"StreamName": "events", "StreamARN": arn, "StreamStatus": status,
        "RetentionPeriodHours": 48, "StreamCreationTimestamp": 1.5e9, "EnhancedMonitoring": [], "OpenShardCount": 1});
    (200, json!({"StreamDescriptionSummary": summary}))
}

fn refusal(code: &str, message: &str) -> (u16, Value) {
    (400, json!({"__type": code, "message": message}))
}

fn listed(id: &str, parents: &[&str], closed: bool) -> Value {
    let mut shard = json!({"ShardId": id, "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"},
        "SequenceNumberRange": {"StartingSequenceNumber": "1"}});
    for (key, parent) in ["ParentShardId", "AdjacentParentShardId"].iter().zip(parents) {
        shard[key] = json!(parent);
    }
    if closed {
        shard["SequenceNumberRange"]["EndingSequenceNumber"] = json!("9");
    }
    shard
}

/// Redpanda Connect reads the first page of `ListShards` only: later shards are invisible (peers 4.1).
#[tokio::test]
async fn every_page_of_shards_is_listed_and_the_stream_is_named_on_the_first_only() {
    let pages = [
        summary("UPDATING"),
        (200, json!({"Shards": [listed("a", &[], true)], "NextToken": "two"})),
        (200, json!({"Shards": [], "NextToken": "three"})),
        (200, json!({"Shards": [listed("b", &["a"], true), listed("c", &["a", "b"], false)]})),
    ];
    let (wire, kinesis) = Wire::answering(pages).await;
    let stream = kinesis.stream("events").await.unwrap();
    assert_eq!(stream.arn, "arn:aws:kinesis:eu-west-1:123456789012:stream/events");

    let shards = kinesis.shards(&stream).await.unwrap();
    let shard = |id: &str, parents: &[&str], closed| Shard {
        id: id.into(),
        parents: parents.iter().map(|p| (*p).into()).collect(),
        closed,
    };
    assert_eq!(shards, [shard("a", &[], true), shard("b", &["a"], true), shard("c", &["a", "b"], false)]);
    let asked: Vec<Value> = wire.asked().into_iter().skip(1).map(|(_, body)| body).collect();
    let more = |token| json!({"NextToken": token, "MaxResults": 10_000});
    assert_eq!(asked, [json!({"StreamName": "events", "MaxResults": 10_000}), more("two"), more("three")]);
}

#[tokio::test]
async fn a_list_of_shards_without_end_is_given_up() {
    let page = (200, json!({"Shards": [listed("a", &[], false)], "NextToken": "again"}));
    let (_, kinesis) = Wire::answering([summary("ACTIVE"), page.clone(), page]).await;
    let stream = kinesis.stream("events").await.unwrap();
    let error = kinesis.shards(&stream).await.unwrap_err();
    assert!(matches!(error, AccessError::Invalid { operation: "ListShards", .. }), "{error:?}");
}

#[tokio::test]
async fn an_arn_is_used_only_where_the_name_does_not_lead_to_it() {
    async fn check(arn: &str, answers: Vec<(u16, Value)>, named: &[Value]) {
        let (wire, kinesis) = Wire::answering(answers).await;
        let stream = kinesis.stream(arn).await.unwrap();
        kinesis.shards(&stream).await.unwrap();
        let asked = wire.asked().into_iter().map(|(_, mut body)| {
            body.as_object_mut().unwrap().remove("MaxResults");
            body
        });
        assert_eq!(asked.collect::<Vec<_>>(), named);
    }
    let empty = || (200, json!({"Shards": []}));
    let by_name = || json!({"StreamName": "events"});
    let ours = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";
    check(ours, vec![summary("ACTIVE"), empty()], &[by_name(), by_name()]).await;

    // Another account has a stream of that name, too; and one that has none.
    let theirs = "arn:aws:kinesis:eu-west-1:999999999999:stream/events";
    let by_arn = || json!({"StreamARN": theirs});
    let asked = [by_name(), by_arn(), by_arn()];
    check(theirs, vec![summary("ACTIVE"), summary("ACTIVE"), empty()], &asked).await;
    let unknown = refusal("ResourceNotFoundException", "not found");
    check(theirs, vec![unknown, summary("ACTIVE"), empty()], &asked).await;
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_stream_is_said_with_its_cure() {
    async fn check(answers: Vec<(u16, Value)>, words: &[&str]) {
        let (_, kinesis) = Wire::answering(answers).await;
        let error = kinesis.stream("events").await.unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{error:?} does not say {word:?}");
        }
    }
    let unknown = refusal("ResourceNotFoundException", "Stream events under account 123456789012 not found.");
    check(vec![unknown], &["`events` does not exist", "eu-west-1", "--stream", "--aws-region"]).await;
    let denied = refusal("AccessDeniedException", "not authorized to perform kinesis:DescribeStreamSummary");
    check(vec![denied], &["refuses DescribeStreamSummary", "not authorized", "credentials"]).await;
    let expired = refusal("ExpiredTokenException", "The security token included in the request is expired");
    check(vec![expired], &["refuses", "is expired", "credentials"]).await;
    check(vec![summary("CREATING")], &["`events` is CREATING"]).await;
    check(vec![summary("DELETING")], &["`events` is DELETING"]).await;
    check(vec![(200, json!({}))], &["DescribeStreamSummary", "empty"]).await;
}

#[tokio::test]
async fn nobody_there_and_no_credentials_are_told_apart() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let kinesis = at(&format!("http://{nobody}"), any_credentials()).await;
    let error = kinesis.stream("events").await.unwrap_err();
    assert!(matches!(error, AccessError::Unreachable { .. }), "{error:?}");
    let words = error.to_string();
    assert!(words.contains("Connection refused") && words.contains("--kinesis-endpoint-url"), "{words}");

    #[derive(Debug)]
    struct Nobody;
    impl ProvideCredentials for Nobody {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nothing in the chain")))
        }
    }
    let kinesis = at(&format!("http://{nobody}"), SharedCredentialsProvider::new(Nobody)).await;
    let error = kinesis.stream("events").await.unwrap_err();
    assert!(matches!(&error, AccessError::NoCredentials(why) if why.contains("nothing in the chain")), "{error:?}");
}

async fn reader(answers: Vec<(u16, Value)>) -> (Wire, StreamReader) {
    let (wire, kinesis) = Wire::answering(std::iter::once(summary("ACTIVE")).chain(answers)).await;
    let stream = kinesis.stream("events").await.unwrap();
    (wire, kinesis.reader(&stream))
}

#[tokio::test]
async fn iterators_are_asked_for_by_position() {
    async fn check(from: Position, expected: Value) {
        let (wire, reader) = reader(vec![(200, json!({"ShardIterator": "i"}))]).await;
        assert_eq!(reader.iterator(&ShardId::from("s"), &from).await, Ok("i".to_owned()));
        let mut asked = wire.asked()[1].1.clone();
        assert_eq!((asked["StreamName"].take(), asked["ShardId"].take()), (json!("events"), json!("s")));
        let fields = asked.as_object_mut().unwrap();
        fields.retain(|_, value| !value.is_null());
        assert_eq!(asked, expected);
    }
    check(Position::TrimHorizon, json!({"ShardIteratorType": "TRIM_HORIZON"})).await;
    let after = Position::After(Sequence::parse("495").unwrap());
    check(after, json!({"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": "495"})).await;
    let time = Position::At(Millis(1_700_000_000_250));
    check(time, json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1_700_000_000.25})).await;
}

#[tokio::test]
async fn records_come_whole_and_unreadable_ones_are_refused_not_skipped() {
    let raw = |sequence: &str, data: &str| json!({"SequenceNumber": sequence, "Data": data, "PartitionKey": "p", "ApproximateArrivalTimestamp": 1_700_000_000.25});
    let good =
        json!({"Records": [raw("7", "e30="), raw("8", "")], "NextShardIterator": "n", "MillisBehindLatest": 2948});
    let bad_number = json!({"Records": [raw("7", "e30="), raw("x8", "")], "NextShardIterator": "n"});
    let mut no_time = raw("7", "e30=");
    no_time.as_object_mut().unwrap().remove("ApproximateArrivalTimestamp");
    let last = json!({"Records": [], "MillisBehindLatest": 0});
    let (_, reader) =
        reader([good, bad_number, json!({"Records": [no_time]}), last].map(|body| (200, body)).to_vec()).await;

    let answer = reader.records("i", 10).await.unwrap();
    let got: Vec<_> = answer.records.iter().map(|r| (r.sequence.as_str(), r.arrived.0, &r.data[..])).collect();
    assert_eq!(got, [("7", 1_700_000_000_250, &b"{}"[..]), ("8", 1_700_000_000_250, &b""[..])]);
    assert_eq!((answer.next.as_deref(), answer.behind), (Some("n"), Some(Duration::from_millis(2948))));
    assert!(matches!(reader.records("i", 10).await, Err(Fault::Invalid(_))));
    assert!(matches!(reader.records("i", 10).await, Err(Fault::Invalid(_))));
    let end = reader.records("i", 10).await.unwrap();
    assert_eq!((end.records.len(), end.next, end.behind), (0, None, Some(Duration::ZERO)));
}

#[tokio::test]
async fn a_throttle_reaches_the_reader_at_once() {
    let throttle = || refusal("ProvisionedThroughputExceededException", "Rate exceeded for shard");
    let (wire, reader) =
        reader(vec![throttle(), (500, json!({"__type": "InternalFailure"})), refusal("ExpiredIteratorException", "")])
            .await;
    assert!(matches!(reader.records("i", 10).await, Err(Fault::Throttled(why)) if why.contains("Rate exceeded")));
    assert!(matches!(reader.records("i", 10).await, Err(Fault::Transient(_))));
    assert_eq!(reader.records("i", 10).await.unwrap_err(), Fault::Expired);
    assert_eq!(wire.asked().len(), 4, "one call each: the SDK must not wait in the reader's place");
}
