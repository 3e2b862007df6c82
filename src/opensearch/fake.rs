//! Servers for tests: whole ones that answer HTTP, and raw ones that misbehave below it.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};

use super::client::{Client, Connection};

/// What arrived: method, path with query, headers, body.
pub(super) type Seen = Arc<Mutex<Vec<http::Request<Bytes>>>>;

/// Serves `answer` for every request, whatever it is; gives the base URL and what arrives.
pub(super) async fn serve(
    answer: impl Fn(&http::Request<Bytes>) -> Response + Clone + Send + Sync + 'static,
) -> (String, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let app = Router::new().fallback(move |request: Request<Body>| {
        let (log, answer) = (log.clone(), answer.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let request = http::Request::from_parts(parts, body);
            let response = answer(&request);
            log.lock().unwrap().push(request);
            response
        }
    });
    let (url, listener) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, seen)
}

/// Hands every connection to `talk`.
pub(super) async fn raw<F: Future<Output = ()> + Send + 'static>(
    talk: impl Fn(TcpStream) -> F + Send + Sync + 'static,
) -> String {
    let (url, listener) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream));
        }
    });
    url
}

async fn listen() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

/// A URL where nothing listens.
pub(super) async fn nobody() -> String {
    listen().await.0
}

/// Reads up to the empty line that ends a request's head; empty when the client is gone.
pub(super) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return String::new(),
        }
    }
    String::from_utf8(head).unwrap()
}

/// An answer with a JSON body.
pub(super) fn json(status: u16, body: impl Into<Body>) -> Response {
    Response::builder().status(status).header("content-type", "application/json").body(body.into()).unwrap()
}

/// A connection whose requests fail soon.
pub(super) fn quick(url: impl Into<String>) -> Connection {
    Connection { timeout: Duration::from_secs(10), ..Connection::to(url) }
}

/// A client of one node.
pub(super) fn client(url: impl Into<String>) -> Client {
    Client::new(quick(url)).unwrap()
}
