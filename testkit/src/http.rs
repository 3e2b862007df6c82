//! One way to ask a server on this machine.

use std::sync::Once;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base64::Engine as _;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;

/// A client without a connection pool: each test has a runtime of its own, and a pooled connection dies with the
/// runtime that opened it.
pub fn client() -> anyhow::Result<reqwest::Client> {
    install_crypto();
    Ok(reqwest::Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(60)).build()?)
}

/// A client that keeps its connections, for many requests from one runtime.
pub fn pooled_client() -> anyhow::Result<reqwest::Client> {
    install_crypto();
    Ok(reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?)
}

/// [`client`] with basic auth on every request, and one more trusted authority (PEM).
pub fn client_for(user: &str, password: &str, ca: Option<&[u8]>) -> anyhow::Result<reqwest::Client> {
    install_crypto();
    let token = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::from_str(&format!("Basic {token}"))?;
    value.set_sensitive(true);
    let headers = [(AUTHORIZATION, value)].into_iter().collect();
    let mut builder = reqwest::Client::builder().pool_max_idle_per_host(0).timeout(Duration::from_secs(60));
    builder = builder.default_headers(headers);
    if let Some(pem) = ca {
        builder = builder.add_root_certificate(reqwest::Certificate::from_pem(pem)?);
    }
    Ok(builder.build()?)
}

/// reqwest is built without a crypto provider and panics unless the process has one.
fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that the process has one already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
    });
}

/// Sends one request and reads a JSON answer; `body` goes as JSON. Gives the status with it, 404 included.
pub async fn ask(
    client: &reqwest::Client,
    method: Method,
    url: &str,
    body: Option<&Value>,
) -> anyhow::Result<(u16, Value)> {
    let mut request = client.request(method.clone(), url);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.with_context(|| format!("{method} {url}"))?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await.with_context(|| format!("{method} {url}: the answer broke off"))?;
    Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}

/// How long a node may say that it cannot answer yet: an index that is just being made has no shard to ask.
const NOT_YET: Duration = Duration::from_secs(15);

/// [`ask`], where anything but 2xx is an error. 429 and 503 are asked again for 15 s.
pub async fn must(client: &reqwest::Client, method: Method, url: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let begun = Instant::now();
    loop {
        let (status, answer) = ask(client, method.clone(), url, body).await?;
        match status {
            200..300 => return Ok(answer),
            429 | 503 if begun.elapsed() < NOT_YET => tokio::time::sleep(Duration::from_millis(100)).await,
            _ => bail!("{method} {url} answered {status}: {answer}"),
        }
    }
}
