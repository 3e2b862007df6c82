use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::response::Response;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::event::family::Family;
use crate::event::id::EventId;
use crate::event::time::Millis;
use crate::opensearch::fake::{self, json};
use crate::pipeline::op::{Origin, RecordRef};
use crate::pipeline::position::{Sequence, ShardId};

const CREATED: &str = r#"{"create":{"status":201}}"#;

fn op(index: &str, document: &str) -> BulkOp {
    let action = format!("{{\"create\":{{\"_index\":\"{index}\"}}}}\n");
    let source = RecordRef {
        origin: Origin { slot: 0, serial: 0 },
        shard: ShardId::from("shardId-0"),
        sequence: Arc::new(Sequence::parse("1").unwrap()),
        sub_sequence: None,
        arrived: Millis(0),
        wrapped: None,
    };
    let lines = Bytes::from(format!("{action}{document}\n"));
    BulkOp {
        index: index.into(),
        day: source.arrived.day(),
        id: EventId::of(document.as_bytes(), None),
        lines,
        event: Bytes::new(),
        offset: 0,
        degraded: None,
        family: Family::Unrecognized,
        trimmed: false,
        redacted: false,
        source,
    }
}

/// Documents of `size` bytes each.
fn ops(count: usize, size: usize) -> Vec<BulkOp> {
    (0..count).map(|_| op("i", &format!("{{\"a\":\"{}\"}}", "x".repeat(size)))).collect()
}

fn created(count: usize) -> String {
    format!(r#"{{"took":1,"errors":false,"items":[{}]}}"#, vec![CREATED; count].join(","))
}

#[tokio::test]
async fn the_lines_arrive_as_they_are_with_and_without_gzip() {
    let (url, seen) = fake::serve(|_| json(200, created(2))).await;
    let ops = [op("i", r#"{"a":1}"#), op("j", r#"{"b":"\n"}"#)];
    let expected = [&*ops[0].lines, &*ops[1].lines].concat();
    for gzip in [None, Some(1), Some(99)] {
        let reply = BulkClient::new(fake::client(&url), gzip).send(&ops).await;
        assert_eq!(reply, Reply::Items(vec![Verdict::Indexed, Verdict::Indexed]));
        let request = seen.lock().unwrap().pop().unwrap();
        assert_eq!(request.headers()["content-type"], "application/x-ndjson");
        assert_eq!(request.uri(), PATH);
        let mut body = Vec::new();
        match request.headers().get("content-encoding") {
            Some(encoding) => {
                assert_eq!((encoding.to_str().unwrap(), gzip.is_some()), ("gzip", true));
                flate2::read::GzDecoder::new(&request.body()[..]).read_to_end(&mut body).unwrap();
            }
            None => body.extend_from_slice(request.body()),
        }
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn nothing_to_send_is_nothing_sent() {
    let reply = BulkClient::new(fake::client(fake::nobody().await), None).send(&[]).await;
    assert_eq!(reply, Reply::Items(Vec::new()));
}

async fn reply_to(answer: impl Fn() -> Response + Clone + Send + Sync + 'static, sent: usize) -> Reply {
    let (url, _) = fake::serve(move |_| answer()).await;
    BulkClient::new(fake::client(url), None).send(&ops(sent, 10)).await
}

#[tokio::test]
async fn what_is_no_bulk_answer_settles_nothing() {
    for (status, body, sent) in [
        (200, "<!DOCTYPE html><p>hush, please sign in</p>".to_owned(), 1),
        (200, created(1), 2),
        (200, created(2), 1),
        (200, created(1)[..20].to_owned(), 1),
        (200, String::new(), 1),
        (503, String::new(), 1),
    ] {
        match reply_to(move || json(status, body.clone()), sent).await {
            Reply::Whole(Verdict::Busy(why)) => {
                assert!(why.contains(&status.to_string()) && !why.contains("hush"), "{why}")
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_pause_gets_it() {
    let start = Instant::now();
    let answer = || Response::builder().status(429).header("retry-after", "1").body("".into()).unwrap();
    assert!(matches!(reply_to(answer, 1).await, Reply::Whole(Verdict::Busy(_))));
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_cluster_that_is_down_is_busy() {
    let reply = BulkClient::new(fake::client(fake::nobody().await), None).send(&ops(1, 10)).await;
    assert!(matches!(reply, Reply::Whole(Verdict::Busy(_))), "{reply:?}");
}

/// A proxy that closes the connection on a `_bulk` above its limit, the first `times` times, and on everything
/// when `dead`. Counts the uploads it was offered.
async fn proxy(limit: usize, times: usize, dead: bool) -> (String, Arc<AtomicUsize>) {
    let offered = Arc::new(AtomicUsize::new(0));
    let count = offered.clone();
    let url = fake::raw(move |mut stream| {
        let count = count.clone();
        async move {
            let head = fake::head(&mut stream).await;
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            let upload = head.starts_with("POST");
            let nth = if upload { count.fetch_add(1, Ordering::SeqCst) } else { 0 };
            let length = length.unwrap_or(0);
            if dead || (upload && length > limit && nth < times) {
                return;
            }
            let mut body = vec![0; length];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body).await.unwrap();
            let answer = created(body.split(|byte| *byte == b'\n').count() / 2);
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all((head + &answer).as_bytes()).await.unwrap();
        }
    })
    .await;
    (url, offered)
}

/// `I` indexed, `T` too large, `B` busy, each for the whole.
async fn through(proxy: &str, ops: &[BulkOp]) -> char {
    match BulkClient::new(fake::client(proxy), None).send(ops).await {
        Reply::Items(verdicts) if verdicts.iter().all(|verdict| *verdict == Verdict::Indexed) => 'I',
        Reply::Whole(Verdict::TooLarge(_)) => 'T',
        Reply::Whole(Verdict::Busy(_)) => 'B',
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_closed_under_a_large_upload_is_a_matter_of_size() {
    let limit = 1 << 20;
    let (url, offered) = proxy(limit, usize::MAX, false).await;
    assert_eq!(through(&url, &ops(3, 1 << 19)).await, 'T');
    assert_eq!(offered.swap(0, Ordering::SeqCst), 1, "several documents are split at once");
    assert_eq!(through(&url, &ops(1, 1 << 21)).await, 'T');
    assert_eq!(offered.swap(0, Ordering::SeqCst), 3, "one document is lost to its index only after three tries");
    assert_eq!(through(&url, &ops(2, 1 << 10)).await, 'I');
}

#[tokio::test]
async fn a_connection_closed_for_another_reason_is_not() {
    // A node that dies and comes back.
    let (url, _) = proxy(1 << 20, 1, false).await;
    assert_eq!(through(&url, &ops(1, 1 << 21)).await, 'I');
    // A node that stays dead.
    let (url, offered) = proxy(1 << 20, usize::MAX, true).await;
    assert_eq!(through(&url, &ops(1, 1 << 21)).await, 'B');
    assert_eq!(offered.load(Ordering::SeqCst), 1);
    // No limit in use is this small.
    let (url, _) = proxy(100, usize::MAX, false).await;
    assert_eq!(through(&url, &ops(2, 1 << 10)).await, 'B');
}
