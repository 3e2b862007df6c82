use super::*;
use crate::telemetry::logs::captured;
use crate::webhook::json::Json;

/// The log while `act` is done to a server whose memory is small.
fn log_of<F: Future<Output = ()>>(act: impl FnOnce(Server) -> F) -> String {
    captured(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut plan = Plan::of("/json", Json::new(bearer("t0ken"), None, false));
            plan.desk.memory = 1_000;
            act(Server::start(plan).await).await;
        });
    })
}

fn post(server: &Server, body: impl Into<reqwest::Body>) -> RequestBuilder {
    server.post("/json", body).bearer_auth("t0ken")
}

#[test]
fn who_posts_to_another_path_is_told_of_in_the_log() {
    let log = log_of(|server| async move {
        for _ in 0..3 {
            assert_eq!(status(server.post("/webhooks/s3cret?a=s3cret", "{}")).await, 404);
        }
    });
    assert_eq!(log.matches("not taken").count(), 1, "{log}");
    assert!(log.contains("at /json /json/NAME") && !log.contains("s3cret"), "{log}");
}

#[test]
fn a_stream_that_takes_nothing_has_one_line_and_does_not_hide_other_troubles() {
    let log = log_of(|server| async move {
        server.memory.refuse(Some(Refusal::Busy("throttled".to_owned())));
        for _ in 0..3 {
            assert_eq!(status(post(&server, "{}")).await, 503);
        }
        let body = "x".repeat(600);
        server.memory.gate.forget_permits(Semaphore::MAX_PERMITS);
        let first = tokio::spawn(post(&server, format!("{{\"a\":\"{body}\"}}")).send());
        while !server.metrics.page(true).contains("essink_webhook_body_bytes 608\n") {
            tokio::task::yield_now().await;
        }
        assert_eq!(status(post(&server, body)).await, 503);
        first.abort();
    });
    assert_eq!(log.matches("not ready: stream: throttled").count(), 1, "{log}");
    assert!(!log.contains("the stream does not take it now"), "{log}");
    assert_eq!(log.matches("not taken: the bodies of other requests take all of --webhook-memory").count(), 1, "{log}");
}
