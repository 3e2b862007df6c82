//! Asks SNS for a certificate, or to confirm.

use std::time::Duration;

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::app::exit::Failure;
use crate::opensearch::tls::install_crypto;
use crate::webhook::sns::Fetch;
use crate::webhook::stream::Later;

/// A certificate has two KiB, a confirmation's answer less.
const MOST: usize = 64 * 1024;

/// SNS itself gives us fifteen seconds for all of it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Speaks HTTPS with the public certificate authorities.
pub struct Web {
    client: Client,
    /// Who is asked instead of the host of an address.
    instead: Option<Url>,
}

impl Web {
    /// `instead` is `--sns-endpoint-url`.
    pub fn new(instead: Option<&str>) -> Result<Self, Failure> {
        install_crypto();
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .https_only(instead.is_none())
            .referer(false)
            .user_agent(concat!("essink/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("no HTTPS client for SNS: has this machine CA certificates?")
            .map_err(Failure::usage)?;
        let instead = instead.map(Url::parse).transpose();
        Ok(Self { client, instead: instead.context("--sns-endpoint-url").map_err(Failure::usage)? })
    }

    fn address(&self, url: &str) -> Result<Url, String> {
        let mut url = Url::parse(url).map_err(|error| error.to_string())?;
        if let Some(instead) = &self.instead {
            let mut other = instead.clone();
            other.set_path(url.path());
            other.set_query(url.query());
            url = other;
        }
        Ok(url)
    }

    async fn ask(&self, url: &str) -> Result<Bytes, String> {
        let url = self.address(url)?;
        // An address can hold a token, and reqwest's errors quote it.
        let failed = |error: reqwest::Error| format!("{:#}", anyhow::Error::from(error.without_url()));
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(format!("SNS answers {}", response.status().as_u16()));
        }
        let mut body = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > MOST {
                return Err(format!("the answer of SNS is larger than {MOST} bytes"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }
}

impl Fetch for Web {
    fn get<'a>(&'a self, url: &'a str) -> Later<'a, Result<Bytes, String>> {
        Box::pin(self.ask(url))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers every request with `answer`, and what it was asked.
    async fn serve(answer: String) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4_096];
            let n = stream.read(&mut head).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(head[..n].to_vec()).unwrap()
        });
        (url, asked)
    }

    async fn get(answer: &str) -> (Result<Bytes, String>, String) {
        let (url, asked) = serve(answer.to_owned()).await;
        let web = Web::new(Some(&url)).unwrap();
        let got = web.get("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t0ken").await;
        (got, asked.await.unwrap())
    }

    #[tokio::test]
    async fn another_endpoint_is_asked_for_the_same_path() {
        let (got, asked) = get("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        assert_eq!(got, Ok(Bytes::from_static(b"ok")));
        assert!(asked.starts_with("GET /?Action=ConfirmSubscription&Token=t0ken HTTP/1.1\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn what_is_no_small_success_is_none_and_nothing_is_followed() {
        let large = format!("HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n{}", "x".repeat(70_000));
        for (answer, why) in [
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "404"),
            ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", "302"),
            (&large, "larger"),
            ("nonsense\r\n\r\n", ""),
        ] {
            let (got, _) = get(answer).await;
            let said = got.expect_err(answer);
            assert!(said.contains(why) && !said.contains("t0ken"), "{said}");
        }
    }

    #[tokio::test]
    async fn without_another_endpoint_only_https_is_spoken() {
        let web = Web::new(None).unwrap();
        assert!(web.get("http://127.0.0.1:1/").await.is_err_and(|why| !why.contains("refused")));
    }
}
