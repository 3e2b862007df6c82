use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::opensearch::fake::{self, json};

#[tokio::test]
async fn a_request_arrives_as_it_was_meant() {
    let (url, seen) = fake::serve(|_| json(200, r#"{"ok":true}"#)).await;
    let auth = Auth::Basic { user: "ann".into(), password: "hush".into() };
    let client = Client::new(Connection { auth, ..fake::quick(format!("{url}/prefix/")) }).unwrap();

    let answer = client
        .send_json(Method::PUT, "/_index_template/x?master_timeout=1m", &serde_json::json!({"a": 1}))
        .await
        .unwrap();
    assert!(answer.is_success());
    assert_eq!(answer.json()["ok"], true);
    client.send(Method::POST, "/_bulk?filter_path=items.*.status", Some(Bytes::from_static(b"{}\n"))).await.unwrap();
    client.get("/").await.unwrap();

    let seen = seen.lock().unwrap();
    let paths: Vec<String> = seen.iter().map(|request| format!("{} {}", request.method(), request.uri())).collect();
    assert_eq!(
        paths,
        [
            "PUT /prefix/_index_template/x?master_timeout=1m",
            "POST /prefix/_bulk?filter_path=items.*.status",
            "GET /prefix/"
        ]
    );
    assert_eq!(seen[0].headers()["content-type"], "application/json");
    assert_eq!(seen[1].headers()["content-type"], "application/x-ndjson");
    assert!(!seen[2].headers().contains_key("content-type"));
    assert!(seen.iter().all(|request| request.headers()["authorization"] == "Basic YW5uOmh1c2g="));
    assert_eq!(seen[0].body(), r#"{"a":1}"#);
}

#[tokio::test]
async fn nodes_are_used_in_turn_and_a_dead_one_is_passed_over() {
    let (one, seen_by_one) = fake::serve(|_| json(200, "{}")).await;
    let (two, seen_by_two) = fake::serve(|_| json(200, "{}")).await;
    let urls = vec![fake::nobody().await, one, two];
    let client = Client::new(Connection { urls, ..Connection::to("") }).unwrap();
    for _ in 0..6 {
        assert_eq!(client.get("/").await.unwrap().status, 200);
    }
    assert!(seen_by_one.lock().unwrap().len() >= 2);
    assert!(seen_by_two.lock().unwrap().len() >= 2);
}

#[tokio::test]
async fn a_cluster_that_is_down_is_named() {
    let url = fake::nobody().await;
    let client = fake::client(&url);
    for _ in 0..2 {
        let error = client.get("/").await.unwrap_err();
        assert_eq!(error.failure, Failure::Connect);
        assert!(error.detail.contains(&url) && error.detail.to_lowercase().contains("refused"), "{error}");
    }
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let url = fake::raw(|mut stream| async move { while !fake::head(&mut stream).await.is_empty() {} }).await;
    let client = Client::new(Connection { timeout: Duration::from_millis(200), ..Connection::to(url) }).unwrap();
    let error = client.get("/").await.unwrap_err();
    assert_eq!(error.failure, Failure::Timeout);
    assert!(error.detail.contains("200ms"), "{error}");
}

async fn failure_of(answer: &'static str) -> SendError {
    let url = fake::raw(move |mut stream| async move {
        fake::head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    fake::client(url).send_once(Method::GET, "/", None).await.unwrap_err()
}

#[tokio::test]
async fn broken_answers_are_told_apart() {
    for (answer, expected) in [
        ("", Failure::Closed),
        ("HTTP/1.1 200 OK\r\ncontent-le", Failure::Closed),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n", Failure::Closed),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"took\":", Failure::Cut),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", Failure::Cut),
    ] {
        let error = failure_of(answer).await;
        assert_eq!(error.failure, expected, "{answer:?}: {error}");
    }
}

/// Answers `/a5` with five bytes and their length, `/b5` with five bytes in pieces and no length.
async fn sized() -> String {
    fake::raw(|mut stream| async move {
        let head = fake::head(&mut stream).await;
        let Some(path) = head.split(' ').nth(1) else { return };
        let body = "x".repeat(path[2..].parse().unwrap());
        let answer = if path.starts_with("/a") {
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        } else {
            let pieces =
                body.as_bytes().chunks(7).map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), "x".repeat(piece.len())));
            let pieces: String = pieces.collect();
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{pieces}0\r\n\r\n")
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await
}

#[tokio::test]
async fn answers_are_read_up_to_their_limit() {
    let client = Client::new(Connection { max_answer: 100, ..Connection::to(sized().await) }).unwrap();
    for way in ["/a", "/b"] {
        for size in [0, 1, 6, 7, 8, 99, 100] {
            let answer = client.get(&format!("{way}{size}")).await.unwrap();
            assert_eq!(answer.body, "x".repeat(size), "{way}{size}");
        }
        let error = client.get(&format!("{way}101")).await.unwrap_err();
        assert_eq!(error.failure, Failure::TooLarge, "{way}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (other, seen) = fake::serve(|_| json(200, "{}")).await;
    let (url, _) = fake::serve(move |_| {
        Response::builder().status(302).header("location", other.clone()).body(axum::body::Body::empty()).unwrap()
    })
    .await;
    assert_eq!(fake::client(url).get("/").await.unwrap().status, 302);
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn only_seconds_are_taken_of_retry_after() {
    for (text, expected) in
        [("7", Some(7)), (" 7 ", Some(7)), ("Fri, 31 Dec 1999 23:59:59 GMT", None), ("-1", None), ("", None)]
    {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{text:?}");
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    let auth = Auth::Basic { user: "ann".into(), password: "hush".into() };
    let client = Client::new(Connection { auth, ..fake::quick(fake::nobody().await) }).unwrap();
    let error = client.get("/").await.unwrap_err();
    for shown in [format!("{client:?}"), format!("{error} {error:?}")] {
        assert!(!shown.contains("hush") && !shown.contains("YW5uOmh1c2g"), "{shown}");
    }
    let refused = Client::new(Connection::to("http://ann:hush@127.0.0.1:9200")).unwrap_err();
    assert!(!format!("{refused:#} {refused:?}").contains("hush"));
}

#[tokio::test]
async fn a_busy_cluster_is_asked_again_and_its_last_word_is_given() {
    for (refusals, tries, last) in [(2, 3, 200), (usize::MAX, 5, 429)] {
        let before = Arc::new(AtomicUsize::new(0));
        let (url, seen) = fake::serve(move |_| {
            let mut answer = json(200, "{}");
            if before.fetch_add(1, Ordering::SeqCst) < refusals {
                *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("0"));
            }
            answer
        })
        .await;
        let answer = fake::client(url).get("/_index_template").await.unwrap();
        assert_eq!((answer.status, seen.lock().unwrap().len()), (last, tries));
    }
}

/// Drops the first connection without a word and answers on the next; counts them.
async fn forgetful() -> (String, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    let url = fake::raw(move |mut stream| {
        let answer = match counter.fetch_add(1, Ordering::SeqCst) {
            0 => "",
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        };
        async move {
            fake::head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url.await, seen)
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_where_asking_twice_is_asking_once() {
    for (method, tries) in [(Method::GET, 2), (Method::PUT, 2), (Method::POST, 1), (Method::DELETE, 1)] {
        let (url, seen) = forgetful().await;
        let ended = fake::client(url).send(method.clone(), "/a", None).await;
        assert_eq!((ended.is_ok(), seen.load(Ordering::SeqCst)), (tries > 1, tries), "{method}");
    }
}
