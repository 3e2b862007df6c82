use serde_json::Value;

use super::*;
use crate::webhook::bird::{Bird, Client, Tokens};

const BATCH: &str = "x-messagesystems-batch-id";

fn client() -> Client {
    Client::new("bird".to_owned(), Secret::new("s3cret"), Duration::from_secs(3_600))
}

async fn server() -> Server {
    let bird = Bird::new(basic("bird", "pw"), Some(client()), false);
    Server::start(Plan::new(vec![route("/bird", bird), route("/bird/token", Tokens::new(client()))])).await
}

/// A batch with the right credentials.
fn batch(server: &Server, body: impl Into<reqwest::Body>) -> RequestBuilder {
    server.post("/bird", body).basic_auth("bird", Some("pw")).header("content-type", "application/json")
}

#[tokio::test]
async fn every_row_of_a_batch_is_an_event_as_it_came() {
    let server = server().await;
    let body = sample("sparkpost-batch-9-types.json");
    let answer = said(batch(&server, body.clone())).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    let items = server.memory.items_taken();
    let rows: Vec<Value> = serde_json::from_str(&body).unwrap();
    assert_eq!(items.len(), 9);
    for (item, row) in items.iter().zip(&rows) {
        assert_eq!(&serde_json::from_slice::<Value>(&item.data).unwrap(), row);
        assert!(body.contains(std::str::from_utf8(&item.data).unwrap()), "not a byte was changed");
        let class = row["msys"].as_object().unwrap().values().next().unwrap();
        let id = class["message_id"].as_str();
        assert!(id.is_none_or(|id| item.key == id), "{} {row}", item.key);
    }
    let together = items.iter().filter(|item| item.key == "0e0d94b7-9085-4e3c-ab30-e3f2cd9c273e").count();
    assert!(together > 1, "events of one message have one key");
    assert_eq!(server.counted("bird", "taken"), 1);
    assert!(server.metrics.page(true).contains("essink_webhook_events_total{provider=\"bird\"} 9\n"));
}

#[tokio::test]
async fn the_test_of_a_new_webhook_is_answered_and_puts_nothing() {
    let server = server().await;
    for body in [sample("sparkpost-webhook-validation.json"), "[]".to_owned(), "[{\"msys\":{}}]".to_owned()] {
        assert_eq!(status(batch(&server, body)).await, 200);
    }
    assert_eq!(server.memory.taken(), Vec::<String>::new());
    assert_eq!(server.counted("bird", "nothing"), 3);
    // A row beside it counts, and so does one of a class nobody knows.
    let body = r#"[{"msys":{}}, {"msys":{"new_event":{"a":1}}}, {"other":1}]"#;
    assert_eq!(status(batch(&server, body)).await, 200);
    assert_eq!(server.memory.taken(), [r#"{"msys":{"new_event":{"a":1}}}"#, r#"{"other":1}"#]);
}

#[tokio::test]
async fn a_batch_comes_twice_and_is_put_once_but_only_when_it_was_put() {
    let server = server().await;
    let post = |id: &str, body: &'static str| batch(&server, body).header(BATCH, id);
    let row = r#"[{"msys":{"message_event":{"n":1}}}]"#;
    server.memory.refuse(Some(Refusal::Busy("throttled".to_owned())));
    let answer = said(post("a", row)).await;
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("\"retry-after\""), "{}", answer.head);
    assert!(!server.health.is_ready());
    server.memory.refuse(None);
    assert_eq!(status(post("a", row)).await, 200);
    assert!(server.health.is_ready());
    assert_eq!(server.memory.taken().len(), 1, "the first try was not remembered as done");
    assert_eq!(status(post("a", row)).await, 200);
    assert_eq!(server.memory.taken().len(), 0, "a repeat is cheap");
    // The same id around another body, the same body under another id.
    assert_eq!(status(post("a", r#"[{"msys":{"message_event":{"n":2}}}]"#)).await, 200);
    assert_eq!(status(post("b", row)).await, 200);
    assert_eq!(server.memory.taken().len(), 2);
    assert_eq!((server.counted("bird", "taken"), server.counted("bird", "nothing")), (3, 1));
}

#[tokio::test]
async fn a_row_that_must_not_be_indexed_does_not_cost_the_others() {
    let server = server().await;
    let rows = r#"[{"msys":{"message_event":{"a":1,"a":2}}},{"msys":{"message_event":{}}}]"#;
    assert_eq!(status(batch(&server, rows)).await, 200);
    assert_eq!(server.memory.taken().len(), 2);
}

#[tokio::test]
async fn who_may_not_post_is_refused_before_the_body_and_bird_fetches_a_token() {
    let server = server().await;
    let body = sample("sparkpost-batch-9-types.json");
    let post = || server.post("/bird", body.clone());
    for wrong in [
        post(),
        post().basic_auth("bird", Some("pW")),
        post().basic_auth("bird", None::<&str>),
        post().bearer_auth("pw"),
        post().bearer_auth(""),
        post().header("authorization", "Basic"),
    ] {
        let answer = said(wrong).await;
        assert_eq!(answer.status, 401);
        assert!(answer.head.contains("\"www-authenticate\""), "{}", answer.head);
    }
    assert_eq!(server.memory.taken().len(), 0);
    let ask = |request: RequestBuilder| async move {
        let answer = said(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.head.contains("application/json"), "{}", answer.head);
        assert!(answer.head.contains(r#""cache-control": "no-store""#), "{}", answer.head);
        let given: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((given["token_type"].as_str(), given["expires_in"].as_u64()), (Some("Bearer"), Some(3_600)));
        given["access_token"].as_str().unwrap().to_owned()
    };
    let json = r#"{"client_id":"bird","client_secret":"s3cret","grant_type":"client_credentials","x":1}"#;
    let form = "grant_type=client_credentials&client_id=bird&client_secret=s3cret";
    for request in [
        server.post("/bird/token", json).header("content-type", "application/json"),
        server.post("/bird/token", json),
        server.post("/bird/token", form).header("content-type", "application/x-www-form-urlencoded"),
        server.post("/bird/token", "grant_type=client_credentials").basic_auth("bird", Some("s3cret")),
    ] {
        let token = ask(request).await;
        assert_eq!(status(post().bearer_auth(token)).await, 200);
    }
    assert_eq!(server.memory.taken().len(), 36);
}

#[tokio::test]
async fn tokens_are_for_those_who_know_the_secret() {
    let server = server().await;
    for body in [
        "",
        "{}",
        "[]",
        "client_id=bird",
        "client_id=bird&client_secret=S3cret",
        "client_id=brd&client_secret=s3cret",
        r#"{"client_id":"bird","client_secret":"s3cret"#,
        r#"{"client_id":"bird","client_secret":["s3cret"]}"#,
        r#"{"client_id":"bird","client_secret":""}"#,
    ] {
        let answer = said(server.post("/bird/token", body)).await;
        assert_eq!((answer.status, answer.body.as_str()), (401, r#"{"error":"invalid_client"}"#), "{body}");
    }
    for body in [
        "client_id=bird&client_secret=s3cret&grant_type=password",
        "client_id=bird&client_secret=s3cret&grant_type=",
        r#"{"client_id":"bird","client_secret":"s3cret","grant_type":"authorization_code"}"#,
    ] {
        let answer = said(server.post("/bird/token", body)).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, r#"{"error":"unsupported_grant_type"}"#), "{body}");
        assert!(answer.head.contains(r#""cache-control": "no-store""#), "{}", answer.head);
    }
    assert_eq!(status(server.request(Method::GET, "/bird/token")).await, 405);
}

#[tokio::test]
async fn what_is_no_batch_is_refused_whole() {
    let server = server().await;
    for body in ["", "x", "[", "[{\"msys\":{\"a\":{}}}", "[1]", "[{}]x", "null", "{\"msys\"}"] {
        assert_eq!(status(batch(&server, body)).await, 400, "{body}");
    }
    assert_eq!(server.memory.taken().len(), 0);
    assert_eq!(status(server.request(Method::GET, "/bird").basic_auth("bird", Some("pw"))).await, 405);
}

#[tokio::test]
async fn who_says_so_takes_batches_of_anybody() {
    let server = Server::start(Plan::of("/bird", Bird::new(Credentials::default(), None, true))).await;
    assert_eq!(status(server.post("/bird", "[{\"msys\":{\"a\":{}}}]")).await, 200);
    let closed = Server::start(Plan::of("/bird", Bird::new(Credentials::default(), None, false))).await;
    assert_eq!(status(closed.post("/bird", "[{\"msys\":{\"a\":{}}}]")).await, 401);
}
