use std::collections::VecDeque;
use std::sync::Mutex as StdMutex;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::*;
use crate::kinesis::client::{Access, settings};
use crate::pipeline::position::{Position, Sequence};

type Answer = (u16, Value);

/// A wire fake: answers in the order given, remembers what it was asked. What a real one does is in tests/it/dynamodb.rs.
#[derive(Clone, Default)]
struct Wire {
    answers: Arc<StdMutex<VecDeque<Answer>>>,
    asked: Arc<StdMutex<Vec<String>>>,
}

impl Wire {
    async fn answering(answers: impl IntoIterator<Item = Answer>) -> (Self, DynamoTable) {
        let wire = Self { answers: Arc::new(StdMutex::new(answers.into_iter().collect())), ..Self::default() };
        let served = wire.clone();
        let app = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let served = served.clone();
            async move { served.answer(&headers, &body) }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (wire, table_at(&endpoint).await)
    }

    fn answer(&self, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        let target = headers["x-amz-target"].to_str().unwrap();
        let (operation, body) = (target.rsplit('.').next().unwrap(), serde_json::from_slice::<Value>(body).unwrap());
        assert!(operation != "Scan" || body["ConsistentRead"] == true, "a lease as it was a moment ago");
        self.asked.lock().unwrap().push(operation.to_owned());
        let (status, answer) = self.answers.lock().unwrap().pop_front().expect("asked more often than scripted");
        let reply = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
        reply.body(answer.to_string().into()).unwrap()
    }

    fn asked(&self) -> String {
        std::mem::take(&mut *self.asked.lock().unwrap()).join(" ")
    }
}

async fn table_at(endpoint: &str) -> DynamoTable {
    let key = Credentials::new("any", "any", None, None, "test");
    let access = Access {
        region: Some("eu-west-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
        credentials: Some(SharedCredentialsProvider::new(key)),
        ..Access::default()
    };
    let own = Own { stream: "arn".to_owned(), group: "essink".to_owned(), begin: Position::TrimHorizon };
    DynamoTable::new(&settings(&access).await, "leases", own)
}

fn refusal(code: &str) -> Answer {
    (400, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "so it is"}))
}

fn conflict(there: Option<&Value>) -> Answer {
    let (status, mut answer) = refusal("ConditionalCheckFailedException");
    if let Some(there) = there {
        answer["Item"] = there.clone();
    }
    (status, answer)
}

fn row(owner: &str, counter: u64, n: u64) -> Row {
    let owner = Some(owner.to_owned());
    let position = Position::After(Sequence::parse(n.to_string()).unwrap());
    Row { shard: "shardId-1".into(), owner, counter, wanted_by: None, position, parents: Vec::new() }
}

/// As the service shows it.
fn item(row: &Row) -> Value {
    let Position::After(sequence) = &row.position else { panic!("{row:?}") };
    json!({
        "leaseKey": {"S": row.shard.to_string()}, "leaseOwner": {"S": row.owner}, "leaseCounter": {"N": row.counter.to_string()},
        "checkpoint": {"S": sequence.as_str()}, "checkpointSubSequenceNumber": {"N": item::WHOLE.to_string()},
        "essink_counter": {"N": row.counter.to_string()},
    })
}

fn change(was: &Row, now: &Row) -> [Change; 1] {
    [Change { was: was.clone(), now: now.clone() }]
}

fn done() -> Answer {
    (200, json!({}))
}

/// The first try did it, and its answer was lost: the SDK's own second try then finds the row as it was to be.
#[tokio::test]
async fn a_write_whose_answer_was_lost_is_known_again() {
    let (was, now) = (row("one", 5, 1), row("one", 6, 2));
    let lost = (500, json!({"__type": "InternalServerError"}));
    let (wire, table) = Wire::answering([lost, conflict(Some(&item(&now)))]).await;
    assert_eq!(table.write(&change(&was, &now)).await.unwrap(), [Written::Done]);
    assert_eq!(wire.asked(), "UpdateItem UpdateItem");
}

#[tokio::test]
async fn what_a_refused_write_met_is_read_where_the_service_does_not_show_it() {
    let (was, now, other) = (row("one", 5, 1), row("one", 6, 2), row("two", 6, 1));
    let listing = |rows: &[&Row]| (200, json!({"Items": rows.iter().map(|row| item(row)).collect::<Vec<_>>()}));
    let (wire, table) = Wire::answering([
        conflict(None),
        listing(&[&other]),
        conflict(None),
        listing(&[]),
        // As it was seen after all: tried again.
        conflict(None),
        listing(&[&was]),
        done(),
        conflict(None),
        listing(&[]),
    ])
    .await;
    assert_eq!(table.write(&change(&was, &now)).await.unwrap(), [Written::Conflict(Some(other))]);
    assert_eq!(table.write(&change(&was, &now)).await.unwrap(), [Written::Conflict(None)]);
    assert_eq!(table.write(&change(&was, &now)).await.unwrap(), [Written::Done]);
    assert_eq!(wire.asked(), "UpdateItem Scan UpdateItem Scan UpdateItem Scan UpdateItem");
    table.remove(&[was]).await.unwrap();
    assert_eq!(wire.asked(), "DeleteItem Scan");
}

#[tokio::test]
async fn rows_that_never_stand_still_are_given_up_for_now() {
    let (was, now) = (row("one", 5, 1), row("one", 6, 2));
    let (wire, table) = Wire::answering((0..ROUNDS).map(|_| conflict(Some(&item(&was))))).await;
    let gave_up = table.write(&change(&was, &now)).await;
    assert!(matches!(gave_up, Err(StoreError::Busy(_))), "{gave_up:?}");
    assert_eq!(wire.asked().split(' ').count(), ROUNDS);
}

#[tokio::test]
async fn failures_are_sorted_into_what_passes_and_what_an_operator_mends() {
    async fn check(answer: Answer, expected: Result<&str, &str>) {
        // Twice, for what the SDK tries again.
        let (_, table) = Wire::answering([answer.clone(), answer.clone()]).await;
        let (said, words) = match (table.list().await, expected) {
            (Err(StoreError::Busy(said)), Ok(words)) | (Err(StoreError::Halt(said)), Err(words)) => (said, words),
            other => panic!("{answer:?}: {other:?}"),
        };
        assert!(said.contains("table leases") && said.contains(words), "{said:?}: {words:?}");
    }
    let busy = "is busy with Scan";
    check(refusal("ProvisionedThroughputExceededException"), Ok(busy)).await;
    check(refusal("ThrottlingException"), Ok(busy)).await;
    check(refusal("RequestLimitExceeded"), Ok(busy)).await;
    check((500, json!({"__type": "InternalServerError"})), Ok(busy)).await;
    check((503, json!("Service Unavailable")), Ok(busy)).await;
    check(refusal("SomethingNewException"), Ok(busy)).await;
    check(refusal("AccessDeniedException"), Err("CreateTable, Scan, PutItem, UpdateItem and DeleteItem")).await;
    check(refusal("UnrecognizedClientException"), Err("check the credentials")).await;
    check(refusal("ExpiredTokenException"), Err("check the credentials")).await;
    check(refusal("ValidationException"), Err("check --state and --dynamodb-endpoint-url")).await;
    check(refusal("ResourceNotFoundException"), Err("was removed while in use")).await;
}

#[tokio::test]
async fn one_failed_write_fails_all_and_the_worse_is_said() {
    let (was, now) = (row("one", 5, 1), row("one", 6, 2));
    let changes: Vec<Change> = (0..3).flat_map(|_| change(&was, &now)).collect();
    let throttled = || refusal("ThrottlingException");
    let (_, table) = Wire::answering([done(), refusal("AccessDeniedException"), throttled(), throttled()]).await;
    let failed = table.write(&changes).await;
    assert!(matches!(&failed, Err(StoreError::Halt(said)) if said.contains("AccessDenied")), "{failed:?}");
}

#[tokio::test]
async fn nobody_there_is_trouble_that_may_pass() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let gone = table_at(&endpoint).await.list().await;
    assert!(matches!(&gone, Err(StoreError::Busy(said)) if said.contains("does not answer Scan")), "{gone:?}");
}

#[tokio::test]
async fn a_table_is_waited_for_until_it_is_active() {
    let table = |status: &str| {
        let key = json!([{"AttributeName": "leaseKey", "KeyType": "HASH"}]);
        let attributes = json!([{"AttributeName": "leaseKey", "AttributeType": "S"}]);
        (200, json!({"Table": {"TableStatus": status, "KeySchema": key, "AttributeDefinitions": attributes}}))
    };
    let gone = || refusal("ResourceNotFoundException");
    let (wire, made) = Wire::answering([gone(), done(), gone(), table("CREATING"), table("ACTIVE")]).await;
    assert!(made.ensure_table().await.unwrap());
    assert_eq!(wire.asked(), "DescribeTable CreateTable DescribeTable DescribeTable DescribeTable");
    let (_, late) = Wire::answering([gone(), refusal("ResourceInUseException"), table("ACTIVE")]).await;
    assert!(!late.ensure_table().await.unwrap(), "another worker was faster");
    let (_, refused) = Wire::answering([gone(), refusal("AccessDeniedException")]).await;
    let refused = refused.ensure_table().await;
    let words = "does not exist and cannot be made";
    assert!(matches!(&refused, Err(StoreError::Halt(said)) if said.contains(words)), "{refused:?}");
}
