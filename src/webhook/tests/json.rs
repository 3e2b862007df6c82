use ring::hmac;

use super::*;
use crate::webhook::json::{Json, Signer};

const PENDULA: &str =
    r#"{"kind":"delivered","messageId":"m-1","timestamp":"2026-07-07T04:53:19Z","customContext":{"a":1}}"#;

fn signer() -> Signer {
    Signer::new(&Secret::new("s3cret"), Duration::from_secs(300))
}

async fn server() -> Server {
    let credentials = Credentials { bearer: Some(Secret::new("t0ken")), ..basic("pendula", "pw") };
    Server::start(Plan::of("/json", Json::new(credentials, Some(signer()), false))).await
}

fn signed(server: &Server, body: &str, seconds: i64) -> RequestBuilder {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    server.post("/json/pendula", body.to_owned()).header("x-signature", format!("t={seconds},v1={hex}"))
}

#[tokio::test]
async fn an_object_an_array_or_lines_are_events_as_they_came() {
    let server = server().await;
    let post = |body: String| server.post("/json/pendula", body).bearer_auth("t0ken");
    let spaced = "{\"a\": 1,\n \"b\": [ 2 ]}";
    for (body, events) in [
        (PENDULA.to_owned(), vec![PENDULA]),
        (format!("[{PENDULA}, {spaced}]"), vec![PENDULA, spaced]),
        (format!("{PENDULA}\n{spaced}\n"), vec![PENDULA, spaced]),
    ] {
        assert_eq!(status(post(body)).await, 200);
        assert_eq!(server.memory.taken(), events);
    }
    assert_eq!(status(post(PENDULA.to_owned())).await, 200);
    assert_eq!(server.memory.items_taken()[0].key, "m-1");
}

#[tokio::test]
async fn three_ways_to_prove_who_posts() {
    let server = server().await;
    let seconds = NOW.0 / 1_000;
    for good in [
        server.post("/json", PENDULA).bearer_auth("t0ken"),
        server.post("/json/pendula", PENDULA).basic_auth("pendula", Some("pw")),
        signed(&server, PENDULA, seconds),
        signed(&server, PENDULA, seconds - 300),
        signed(&server, PENDULA, seconds + 300),
    ] {
        assert_eq!(status(good).await, 200);
    }
    assert_eq!(server.memory.taken().len(), 5);
    for bad in [
        server.post("/json", PENDULA),
        server.post("/json", PENDULA).bearer_auth("t0kem"),
        server.post("/json", PENDULA).basic_auth("pendula", Some("t0ken")),
        signed(&server, PENDULA, seconds - 301),
        signed(&server, PENDULA, seconds + 301),
        signed(&server, PENDULA, seconds).body("{}"),
        server.post("/json", PENDULA).header("x-signature", format!("t={seconds},v1={}", "00".repeat(32))),
        server.post("/json", PENDULA).header("x-signature", format!("t={seconds}")),
    ] {
        assert_eq!(status(bad).await, 401);
    }
    assert_eq!(server.memory.taken().len(), 0);
    assert_eq!((server.counted("json", "taken"), server.counted("json", "refused")), (5, 8));
}

#[tokio::test]
async fn only_its_paths_are_there() {
    let server = server().await;
    for path in ["/", "/jsonx", "/json/", "/json/a/b", "/json/a%20b", "/bird", "/vonage", "/json//"] {
        assert_eq!(status(server.post(path, PENDULA).bearer_auth("t0ken")).await, 404, "{path}");
    }
    assert_eq!(status(server.post("/json/a?b=c", PENDULA).bearer_auth("t0ken")).await, 200);
    assert!(server.metrics.page(true).contains("{provider=\"none\",answer=\"not_found\"} 8\n"));
}
