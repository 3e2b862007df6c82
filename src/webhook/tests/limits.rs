//! Size, rate, time and number: who is too much is told so, and costs the others nothing.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::webhook::json::{Json, Signer};
use crate::webhook::vonage::Vonage;

const EVENT: &str = "{\"a\":1}";
const SECOND: Duration = Duration::from_secs(1);

fn plan() -> Plan {
    Plan::of("/json", Json::new(bearer("t0ken"), None, false))
}

fn post(server: &Server, body: impl Into<reqwest::Body>) -> RequestBuilder {
    server.post("/json", body).bearer_auth("t0ken")
}

fn head(length: usize) -> String {
    format!("POST /json HTTP/1.1\r\nhost: x\r\nauthorization: Bearer t0ken\r\ncontent-length: {length}\r\n\r\n")
}

/// Sends `text`, and reads until the server closes.
async fn exchange(server: &Server, text: &str) -> String {
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("no reset");
    answer
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let mut plan = plan();
    plan.desk.max_body = 1_000;
    let server = Server::start(plan).await;
    let fits = format!("{{\"a\":\"{}\"}}", "x".repeat(992));
    assert_eq!(status(post(&server, fits.clone())).await, 200);
    assert_eq!(server.memory.taken().len(), 1);
    // Only the head is sent.
    let answer = exchange(&server, &head(1_001)).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("connection: close"), "{answer}");
    assert!(answer.contains("--webhook-max-body"), "{answer}");
    // No length is announced.
    let chunked = head(0).replace("content-length: 0", "transfer-encoding: chunked");
    let chunks = format!("{chunked}3e8\r\n{fits}\r\n1\r\n \r\n");
    let answer = exchange(&server, &chunks).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!((server.memory.taken().len(), server.counted("json", "too_large")), (0, 2));
}

#[tokio::test]
async fn who_is_refused_by_his_head_may_send_his_body_and_reads_why() {
    let mut plan = plan();
    plan.desk.max_body = 1_000;
    let server = Server::start(plan).await;
    // A batch of Bird whose token has ended, one that is larger than may be, and one to nowhere.
    let body = "x".repeat(4 << 20);
    let of = |head: String, status: &'static str| (format!("{head}{body}"), status);
    for (request, status) in [
        of(head(body.len()).replace("t0ken", "ended"), "HTTP/1.1 401 "),
        of(head(body.len()), "HTTP/1.1 413 "),
        of(head(body.len()).replace("/json", "/nowhere"), "HTTP/1.1 404 "),
    ] {
        let answer = exchange(&server, &request).await;
        assert!(answer.starts_with(status), "{answer}");
    }
    assert_eq!((server.memory.taken().len(), server.counted("json", "refused")), (0, 1));
}

#[tokio::test]
async fn what_a_refused_sender_sends_without_end_is_not_read_without_end() {
    let server = Server::start(plan()).await;
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    let refused = head(1 << 40).replace("t0ken", "ended");
    stream.write_all(refused.as_bytes()).await.unwrap();
    let (chunk, mut sent) = (vec![b'x'; 1 << 20], 0_usize);
    while stream.write_all(&chunk).await.is_ok() {
        sent += chunk.len();
        // What was discarded, and what sockets hold.
        assert!(sent < 128 << 20, "{sent}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start(plan()).await;
    let many = "x: y\r\n".repeat(65);
    assert!(exchange(&server, &format!("GET / HTTP/1.1\r\n{many}\r\n")).await.starts_with("HTTP/1.1 431"));
    let long = "y".repeat(40_000);
    let answer = exchange(&server, &format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(exchange(&server, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn more_requests_than_the_rate_are_told_to_come_again() {
    let mut plan = plan();
    plan.desk.rate = 3;
    let server = Server::start(plan).await;
    // Who may not post takes nobody's share.
    for _ in 0..5 {
        assert_eq!(status(server.post("/json", EVENT)).await, 401);
    }
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(said(post(&server, EVENT)).await);
    }
    let (taken, late): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!((3..20).contains(&taken.len()), "{}", taken.len());
    assert!(
        late.iter().all(|answer| answer.status == 429 && answer.head.contains("\"retry-after\": \"1\"")),
        "{late:?}"
    );
    assert_eq!(server.memory.taken().len(), taken.len());
}

#[tokio::test]
async fn bodies_share_a_bounded_memory() {
    let mut plan = plan();
    plan.desk.memory = 1_000;
    let server = Server::start(plan).await;
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(600));
    server.memory.gate.forget_permits(Semaphore::MAX_PERMITS);
    let first = tokio::spawn(post(&server, large.clone()).send());
    while !server.metrics.page(true).contains("essink_webhook_body_bytes 608\n") {
        tokio::task::yield_now().await;
    }
    let answer = said(post(&server, large.clone())).await;
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("\"retry-after\""), "{}", answer.head);
    server.memory.gate.add_permits(10);
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    assert_eq!(status(post(&server, large)).await, 200);
    assert!(server.metrics.page(true).contains("essink_webhook_body_bytes 0\n"));
}

#[tokio::test]
async fn who_has_proven_nothing_cannot_take_the_memory_of_those_who_have() {
    let json = Json::new(bearer("t0ken"), Some(Signer::new(&Secret::new("s3cret"), SECOND * 300)), false);
    let mut plan = Plan::of("/json", json);
    plan.desk.max_body = 8 << 20;
    plan.desk.memory = 16 << 20;
    let server = Server::start(plan).await;
    let forged = |length: usize| {
        let signature = format!("x-signature: t={},v1={}", NOW.0 / 1_000, "00".repeat(32));
        head(length).replace("authorization: Bearer t0ken", &signature)
    };
    // One body at most is read of four MiB, and none of more.
    let answer = exchange(&server, &forged((4 << 20) + 1)).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("signature"), "{answer}");
    let mut others = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(server.at).await.unwrap();
        let part = forged(4 << 20) + &"x".repeat(3 << 20);
        stream.write_all(part.as_bytes()).await.unwrap();
        others.push(stream);
    }
    let three_are_refused = async {
        while server.counted("json", "busy") < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SECOND * 20, three_are_refused).await.expect("there is room for one");
    let page = server.metrics.page(true);
    let held = page.lines().find_map(|line| line.strip_prefix("essink_webhook_body_bytes ")).expect("a gauge");
    assert!((1..=4 << 20).contains(&held.parse::<usize>().unwrap()), "{held}");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(7 << 20));
    assert_eq!(status(post(&server, large)).await, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut plan = plan();
    plan.desk.body_timeout = SECOND / 5;
    let server = Server::start(plan).await;
    let answer = exchange(&server, &format!("{}{{\"a\"", head(100))).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("connection: close"), "{answer}");
    assert_eq!((server.memory.taken().len(), server.counted("json", "slow")), (0, 1));
}

#[tokio::test]
async fn who_gives_up_at_a_408_is_told_503() {
    let mut plan = Plan::of("/vonage", Vonage::new(None));
    plan.desk.body_timeout = SECOND / 5;
    let server = Server::start(plan).await;
    let answer = exchange(&server, "POST /vonage HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(server.counted("vonage", "slow"), 1);
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let mut plan = plan();
    plan.serve.head_timeout = SECOND / 5;
    plan.serve.idle_timeout = SECOND * 60;
    let server = Server::start(plan).await;
    let answer = exchange(&server, "POST /json HTTP/1.1\r\nhost: x\r\nauthoriz").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // The second request of a connection has the same deadline.
    let mut stream = TcpStream::connect(server.at).await.unwrap();
    stream.write_all(format!("{}{EVENT}", head(EVENT.len())).as_bytes()).await.unwrap();
    let mut first = [0; 1_024];
    let n = stream.read(&mut first).await.unwrap();
    assert!(first[..n].starts_with(b"HTTP/1.1 200 "), "{:?}", &first[..n]);
    stream.write_all(b"POST /js").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_and_one_with_requests_is_kept() {
    let mut plan = plan();
    plan.serve.idle_timeout = SECOND / 5;
    let server = Server::start(plan).await;
    let answer = exchange(&server, &format!("{0}{EVENT}{0}{EVENT}", head(EVENT.len()))).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert!(!answer.contains("408"), "silence is no fault: {answer}");
    assert_eq!(server.memory.taken().len(), 2);
}

#[tokio::test]
async fn slow_senders_cannot_keep_others_out() {
    let mut plan = plan();
    plan.serve.connections = 8;
    let server = Server::start(plan).await;
    let mut slow = Vec::new();
    for n in 0..24 {
        let mut stream = TcpStream::connect(server.at).await.unwrap();
        let part = if n % 2 == 0 { "POST /json HT".to_owned() } else { head(100) + "{" };
        stream.write_all(part.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let began = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(status(post(&server, EVENT)).await, 200);
    }
    assert!(began.elapsed() < SECOND * 5, "{:?}", began.elapsed());
    assert_eq!(server.memory.taken().len(), 20);
    let page = server.metrics.page(true);
    let open = page.lines().find_map(|line| line.strip_prefix("essink_webhook_connections ")).expect("a gauge");
    assert!(open.parse::<usize>().unwrap() <= 8, "{open}");
    assert!(!page.contains("essink_webhook_evicted_connections_total 0\n"));
}

#[tokio::test]
async fn what_can_never_be_taken_is_said_so() {
    let server = Server::start(plan()).await;
    server.memory.refuse(Some(Refusal::TooLarge("an event of 2 MiB, where a record has 1 MiB".to_owned())));
    let answer = said(post(&server, EVENT)).await;
    assert_eq!((answer.status, answer.body.as_str()), (413, "an event of 2 MiB, where a record has 1 MiB\n"));
    assert!(server.health.is_ready(), "the stream is not at fault");
}

#[tokio::test]
async fn what_is_being_put_is_finished_before_the_end() {
    let server = Server::start(plan()).await;
    let idle = TcpStream::connect(server.at).await.unwrap();
    server.memory.gate.forget_permits(Semaphore::MAX_PERMITS);
    let last = tokio::spawn(post(&server, EVENT).send());
    while !server.metrics.page(true).contains("essink_webhook_body_bytes 7\n") {
        tokio::task::yield_now().await;
    }
    server.stop.drain.cancel();
    while TcpStream::connect(server.at).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!last.is_finished() && !server.task.is_finished());
    server.memory.gate.add_permits(1);
    let answer = last.await.unwrap().unwrap();
    assert_eq!((answer.status().as_u16(), server.memory.taken().len()), (200, 1));
    drop(idle);
    assert_eq!(tokio::time::timeout(SECOND * 10, server.task).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn when_the_grace_is_over_what_is_left_is_counted_and_not_answered_200() {
    let server = Server::start(plan()).await;
    server.memory.gate.forget_permits(Semaphore::MAX_PERMITS);
    let last = tokio::spawn(post(&server, EVENT).send());
    while !server.metrics.page(true).contains("essink_webhook_body_bytes 7\n") {
        tokio::task::yield_now().await;
    }
    server.stop.drain.cancel();
    server.stop.give_up.cancel();
    assert_eq!(server.task.await.unwrap(), 1);
    assert!(last.await.unwrap().is_err(), "no answer");
}
