//! What the tests against a real cluster ask of it directly, beside what they test.

use bytes::Bytes;
use essink::app::clock;
use essink::opensearch::client::{Answer, Client, Connection};
use essink::upkeep::templates::{self, Report, TemplateOptions};
use http::Method;
use serde_json::Value;

pub fn client(url: &str) -> Client {
    Client::new(Connection::to(url)).unwrap()
}

/// Makes sure of the templates, today.
pub async fn ensure(client: &Client, options: &TemplateOptions, dry_run: bool) -> anyhow::Result<Report> {
    templates::ensure(client, options, clock::now().day(), dry_run).await
}

/// Asks and expects 2xx.
pub async fn ask(client: &Client, method: Method, path: &str, body: Option<&Value>) -> Value {
    let answer = answer(client, method.clone(), path, body).await;
    assert!(answer.is_success(), "{method} {path}: {} {}", answer.status, answer.json());
    answer.json()
}

pub async fn answer(client: &Client, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let body = body.map(|b| Bytes::from(b.to_string()));
    client.send(method, path, body).await.unwrap()
}

/// Creates every document in `index`; the error of each that was refused.
pub async fn create_all(client: &Client, index: &str, documents: &[Value]) -> Vec<Value> {
    let action = serde_json::json!({"create": {"_index": index}});
    let lines: String = documents.iter().map(|d| format!("{action}\n{d}\n")).collect();
    let answer = client.send(Method::POST, "/_bulk?refresh=true", Some(lines.into())).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    let reply = answer.json();
    let items = reply["items"].as_array().unwrap();
    assert_eq!(items.len(), documents.len());
    items.iter().filter(|i| i["create"]["status"] != 201).map(|i| i["create"]["error"].clone()).collect()
}

pub async fn count(client: &Client, index: &str) -> u64 {
    ask(client, Method::POST, &format!("/{index}/_refresh"), None).await;
    ask(client, Method::GET, &format!("/{index}/_count"), None).await["count"].as_u64().unwrap()
}
