//! A real DynamoDB API in this process, and a way to look into its tables.
//!
//! The server is dynoxide, in memory, on threads of its own (named `dynamodb`), so that a test may pause its own runtime's
//! clock. Its answers are compared with AWS's by a public conformance suite; it does not check signatures, and a table is
//! ACTIVE at once. Amazon's own DynamoDB Local is not used: its licence is no open one.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// A running server; dropping it stops it, and its tables are gone.
#[derive(Debug)]
pub struct DynamoDb {
    address: SocketAddr,
    http: reqwest::Client,
    // Dropping it is the signal to stop.
    _stop: oneshot::Sender<()>,
}

impl DynamoDb {
    /// Starts a server on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no free port for DynamoDB")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let database = dynoxide::Database::memory().map_err(|error| anyhow::anyhow!("no DynamoDB: {error:?}"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("dynamodb")
            .enable_all()
            .build()?;
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                () = dynoxide::server::serve_on(listener, database) => {}
                _ = stopped => {}
            }
            anyhow::Ok(())
        };
        std::thread::Builder::new().name("dynamodb".into()).spawn(move || {
            if let Err(error) = runtime.block_on(serve) {
                eprintln!("the embedded DynamoDB ended: {error}");
            }
            runtime.shutdown_background();
        })?;
        Ok(Self { address, http: crate::http::client()?, _stop: stop })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One call as the API reference writes it; an answer other than 200 is an error.
    pub async fn call(&self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.http.post(self.url()).body(body.to_string());
        let request = request.header("content-type", "application/x-amz-json-1.0");
        let request = request.header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        let scope = "Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
        let request = request.header("x-amz-date", "20260101T000000Z");
        let response = request.header("authorization", format!("AWS4-HMAC-SHA256 {scope}")).send().await?;
        let (status, text) = (response.status(), response.text().await?);
        if !status.is_success() {
            bail!("{operation} answered {status}: {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// Makes a table with one text as its key.
    pub async fn create_table(&self, table: &str, key: &str) -> anyhow::Result<()> {
        let body = json!({
            "TableName": table, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        });
        self.call("CreateTable", &body).await.map(drop)
    }

    /// Puts an item, in the API's own form: `{"leaseKey": {"S": "…"}}`.
    pub async fn put(&self, table: &str, item: &Value) -> anyhow::Result<()> {
        self.call("PutItem", &json!({"TableName": table, "Item": item})).await.map(drop)
    }

    /// Every item of a small table, in the API's own form; none where the table is not there yet.
    pub async fn items(&self, table: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.call("Scan", &json!({"TableName": table, "ConsistentRead": true})).await;
        match answer {
            Err(error) if error.to_string().contains("ResourceNotFoundException") => Ok(Vec::new()),
            answer => Ok(answer?["Items"].as_array().context("Scan answered without Items")?.clone()),
        }
    }
}
