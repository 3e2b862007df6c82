use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};

use super::*;
use crate::config::{self, Command};
use crate::telemetry::metrics::{Metrics, Outcome};

#[test]
fn a_worker_s_own_page_is_read_as_it_was_written() {
    let metrics = Metrics::new(|| 1_000_000);
    metrics.worker("host-1-ab", "arn:aws:kinesis:eu-west-1:123456789012:stream/s", "essink");
    metrics.events(Outcome::Indexed, 7);
    metrics.in_flight(12);
    metrics.memory_bound(100);
    let (near, far) = (metrics.shard("shardId-000000000000"), metrics.shard("shardId-000000000001"));
    near.lag(Some(0));
    far.lag(Some(61_500));
    far.oldest_unsettled(Some(1_000_000 - 62_250));
    let page = read(&metrics.render(true)).expect("a worker");
    assert_eq!((page.worker.as_str(), page.ready), ("host-1-ab", true));
    assert_eq!(page.reads.0, "arn:aws:kinesis:eu-west-1:123456789012:stream/s");
    assert_eq!((page.events["indexed"], page.in_flight_bytes, page.memory_bound_bytes), (7, 12, 100));
    assert_eq!(page.shards["shardId-000000000000"], Lag { behind_ms: Some(0), oldest_ms: None });
    assert_eq!(page.shards["shardId-000000000001"], Lag { behind_ms: Some(61_500), oldest_ms: Some(62_250) });
    assert!(!read(&metrics.render(false)).expect("a worker").ready);
}

#[test]
fn a_token_in_the_clear_is_warned_of_beyond_this_machine() {
    let warned = |url: &str| in_the_clear(&[(url.to_owned(), true)]).len();
    for near in ["http://127.0.0.1:9464", "http://localhost:9464", "http://[::1]:9464", "https://10.0.0.7:9464"] {
        assert_eq!(warned(near), 0, "{near}");
    }
    for far in ["http://10.0.0.7:9464", "http://worker:9464", "http://[fd00::1]:9464", "http://127.evil.example"] {
        assert_eq!(warned(far), 1, "{far}");
    }
    assert_eq!(in_the_clear(&[("http://10.0.0.7:9464".to_owned(), false)]).len(), 0, "it does not go there");
}

#[test]
fn another_page_is_no_worker_s() {
    assert_eq!(read("<html>\n"), None);
    assert_eq!(read(&Metrics::new(|| 0).render(true)), None, "it has not begun to read");
}

const TOKEN: &str = "a-token-of-sixteen-and-more";

/// Somebody who asks for a token, as a worker does, and what was shown to it.
async fn guarded_page() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let keep = shown.clone();
    let answer = move |request: Request| {
        let token = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        keep.lock().unwrap().extend(token.clone());
        async move {
            let metrics = Metrics::new(|| 0);
            metrics.worker("w", "arn", "essink");
            match (request.uri().path(), token) {
                ("/ready", _) => r#"{"ready":true,"reasons":{}}"#.into_response(),
                (_, Some(token)) if token == format!("Bearer {TOKEN}") => metrics.render(true).into_response(),
                _ => Response::builder().status(401).body("".into()).unwrap(),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (at, shown)
}

/// `essink status` of somebody who has the token.
fn options(listen: Option<SocketAddr>, chosen: bool, worker_urls: Vec<String>) -> StatusOptions {
    let Command::Status(mut options) = config::tests::typed("status --stream s") else { panic!("another command") };
    (options.http.listen, options.http.chosen, options.http.token) =
        (listen, chosen, Some(Secret::new(TOKEN.to_owned())));
    options.worker_urls = worker_urls;
    *options
}

#[tokio::test]
async fn the_token_goes_to_pages_that_are_named_and_to_no_port_that_was_guessed() {
    let (at, shown) = guarded_page().await;
    let guessed = fetch(&options(Some(at), false, Vec::new())).await;
    assert_eq!(*shown.lock().unwrap(), [""; 0], "whoever listens there does not get it");
    let hint = guessed.troubles.iter().find(|why| why.contains(&at.to_string())).expect("it is not passed over");
    assert!(hint.contains(&format!("--worker-url http://{at}")) && hint.contains("token"), "{hint}");
    assert!(guessed.pages.iter().all(|page| page.url != format!("http://{at}")));

    let named = [
        (Some(at), true, vec![]),
        (None, false, vec![format!("http://{at}/")]),
        (Some(at), false, vec![format!("http://{at}")]),
    ];
    for (listen, chosen, urls) in named {
        shown.lock().unwrap().clear();
        let fetched = fetch(&options(listen, chosen, urls.clone())).await;
        assert!(fetched.pages.iter().any(|page| page.worker == "w" && page.named), "{urls:?}: {fetched:?}");
        assert_eq!(*shown.lock().unwrap(), [format!("Bearer {TOKEN}")], "{urls:?}");
        assert!(!fetched.troubles.iter().any(|why| why.contains(&at.to_string())), "{fetched:?}");
    }

    let mut wrong = options(None, false, vec![format!("http://{at}")]);
    wrong.http.token = Some(Secret::new("another-token-of-sixteen".to_owned()));
    assert_eq!(fetch(&wrong).await.troubles, [format!("http://{at} takes another token than the one that was given")]);
    wrong.http.token = None;
    assert!(fetch(&wrong).await.troubles[0].contains("ESSINK_HTTP_TOKEN"));
}
