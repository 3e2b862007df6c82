use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::response::Response;
use serde_json::Value;

use super::*;
use crate::opensearch::auth::{Auth, Service, SigV4};
use crate::opensearch::client::Connection;
use crate::opensearch::fake::{self, json};

const OS: Distribution = Distribution::OpenSearch;
const ES: Distribution = Distribution::Elasticsearch;

/// Answers `/` and `/_nodes…` with these.
async fn detected(root: fn() -> Response, nodes: fn() -> Response) -> Result<Product, DetectError> {
    let (url, _) = fake::serve(move |request| if request.uri().path() == "/" { root() } else { nodes() }).await;
    detect(&fake::client(url)).await
}

fn nothing() -> Response {
    json(400, r#"{"error":"no handler found for uri [/] and method [GET]"}"#)
}

fn nodes_of(version: &str) -> Response {
    json(200, format!(r#"{{"nodes":{{"9XTODEbSQG6k":{{"version":"{version}"}}}}}}"#))
}

#[test]
fn versions_are_read() {
    for (text, expected) in [
        ("2.19.6", Some(Version::new(2, 19, 6))),
        ("9.0.0-beta1", Some(Version::new(9, 0, 0))),
        ("8.19", Some(Version::new(8, 19, 0))),
        ("3.6.0 (opensearch)", Some(Version::new(3, 6, 0))),
        ("", None),
        ("x.1", None),
        ("1.x", None),
    ] {
        assert_eq!(Version::parse(text), expected, "{text}");
    }
}

#[test]
fn the_recorded_servers_are_known() {
    for (server, expected) in [
        ("opensearch-3.6.0", Product::new(OS, Version::new(3, 6, 0))),
        ("opensearch-2.19.6", Product::new(OS, Version::new(2, 19, 6))),
        ("elasticsearch-7.17.29", Product::new(ES, Version::new(7, 17, 29))),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(server).join("root.json");
        let exchange: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let body = exchange["response"]["body"].to_string().into();
        assert_eq!(Root::read(&Answer { status: 200, body, retry_after: None }), Some(expected), "{server}");
        assert!(expected.is_supported());
    }
}

#[test]
fn only_versions_that_were_tried_are_supported() {
    for (distribution, version, expected) in [
        (OS, "1.0.0", true),
        (OS, "3.9.1", true),
        (OS, "4.0.0", false),
        (ES, "7.9.3", false),
        (ES, "7.10.0", true),
        (ES, "9.4.0", true),
        (ES, "10.0.0", false),
        (ES, "6.8.23", false),
    ] {
        let product = Product::new(distribution, Version::parse(version).unwrap());
        assert_eq!(product.is_supported(), expected, "{product}");
    }
}

#[tokio::test]
async fn where_there_is_no_root_the_nodes_are_asked() {
    let found = detected(nothing, || nodes_of("8.19.21")).await.unwrap();
    assert_eq!(found, Product::new(ES, Version::new(8, 19, 21)));
    let found = detected(nothing, || nodes_of("2.19.6")).await.unwrap();
    assert_eq!(found, Product::new(OS, Version::new(2, 19, 6)));
}

#[tokio::test]
async fn an_opensearch_in_the_name_of_elasticsearch_is_seen_through() {
    let root =
        || json(200, r#"{"version":{"number":"7.10.2"},"tagline":"The OpenSearch Project: https://opensearch.org/"}"#);
    assert_eq!(detected(root, || nodes_of("2.11.0")).await.unwrap(), Product::new(OS, Version::new(2, 11, 0)));
    assert_eq!(detected(root, nothing).await.unwrap(), Product::new(OS, Version::new(1, 0, 0)));
}

#[tokio::test]
async fn a_user_who_may_not_ask_is_known_by_the_header() {
    let root = || {
        let denied = Response::builder().status(403).header("x-opensearch-version", "OpenSearch/3.4.0 (opensearch)");
        denied.body(r#"{"error":{"type":"security_exception","reason":"no permissions"}}"#.into()).unwrap()
    };
    assert_eq!(detected(root, nothing).await.unwrap(), Product::new(OS, Version::new(3, 4, 0)));
}

#[tokio::test]
async fn each_trouble_has_its_own_words() {
    type Root = fn() -> Response;
    let cases: [(Root, &str); 8] = [
        (|| json(401, "Unauthorized"), "refuses us: wrong user or password"),
        (|| json(403, r#"{"message":"User: anonymous is not authorized"}"#), "lack a right"),
        (|| json(503, "no healthy upstream"), "does not answer: it answers status 503"),
        (|| json(200, "<html>Welcome to nginx!</html>"), "no search server answers: status 200"),
        (|| json(404, "not found"), "no search server answers: status 404"),
        (
            || {
                Response::builder()
                    .status(302)
                    .header("osd-name", "d")
                    .header("location", "/app/login")
                    .body("".into())
                    .unwrap()
            },
            "Dashboards or Kibana",
        ),
        (|| json(200, r#"{"version":{"number":"6.8.23"}}"#), "Elasticsearch 6.8.23: use OpenSearch 1.x to 3.x"),
        (|| json(200, r#"{"version":{"number":"4.0.0","distribution":"opensearch"}}"#), "OpenSearch 4.0.0: use"),
    ];
    for (root, expected) in cases {
        let error = detected(root, || json(404, "not found")).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    }
    let error = detect(&fake::client(fake::nobody().await)).await.unwrap_err();
    assert!(matches!(&error, DetectError::Down(_)), "{error}");
}

#[tokio::test]
async fn a_serverless_collection_is_taken_at_its_word() {
    let (url, seen) = fake::serve(|_| json(404, "")).await;
    let credentials = Credentials::new("AKID", "hush", None, None, "test");
    let auth = Auth::SigV4(SigV4 {
        service: Service::Aoss,
        region: "eu-central-1".into(),
        credentials: SharedCredentialsProvider::new(credentials),
        now: || -> SystemTime { UNIX_EPOCH + Duration::from_secs(1_700_000_000) },
    });
    let client = Client::new(Connection { auth, ..Connection::to(url) }).unwrap();
    let found = detect(&client).await.unwrap();
    assert!(found.serverless && found.distribution == OS);
    let requests = seen.lock().unwrap();
    let authorization = requests[0].headers()["authorization"].to_str().unwrap();
    assert!(authorization.contains("/eu-central-1/aoss/aws4_request"), "{authorization}");
}

#[tokio::test]
async fn a_collection_that_replaces_ids_is_refused() {
    let (url, seen) = fake::serve(|_| json(201, r#"{"_id":"1%3A0%3Aabc","result":"created"}"#)).await;
    let error = probe_ids(&fake::client(url), "essink-state").await.unwrap_err();
    assert!(error.to_string().contains("replaces document ids: use a collection of type SEARCH"), "{error}");
    assert_eq!(seen.lock().unwrap()[0].uri().path(), "/essink-state/_create/essink-probe");

    let (url, _) = fake::serve(|_| json(201, r#"{"_id":"essink-probe","result":"created"}"#)).await;
    probe_ids(&fake::client(url), "essink-state").await.unwrap();
}
