use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};
use ring::hmac;
use serde_json::{Value, json};

use super::*;
use crate::webhook::vonage::{Algorithm, Signing, Vonage};

const FORM: &str = "application/x-www-form-urlencoded";

async fn server(algorithm: Algorithm) -> Server {
    let signing = Signing::new(Secret::new("s3cret"), algorithm, Duration::from_secs(3_600));
    Server::start(Plan::of("/vonage", Vonage::new(Some(signing)))).await
}

async fn open_server() -> Server {
    Server::start(Plan::of("/vonage", Vonage::new(None))).await
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// `&name=value` in the order of names, as the rules say; no value here holds `&` or `=`.
fn signed_text(pairs: &[(&str, &str)]) -> String {
    let mut pairs = pairs.to_vec();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("&{name}={value}")).collect()
}

fn md5_sig(pairs: &[(&str, &str)]) -> String {
    hex(Md5::digest(format!("{}s3cret", signed_text(pairs))))
}

fn query(pairs: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace(':', "%3A").replace(' ', "+");
    pairs.iter().map(|(n, v)| format!("{n}={}", escaped(v))).collect::<Vec<_>>().join("&")
}

const RECEIPT: [(&str, &str); 7] = [
    ("msisdn", "447700900000"),
    ("to", "Acme"),
    ("messageId", "0A0000001234567B"),
    ("price", "0.03330000"),
    ("status", "delivered"),
    ("err-code", "0"),
    ("message-timestamp", "2026-07-07 04:53:10"),
];

fn receipt() -> Value {
    Value::Object(RECEIPT.iter().map(|(n, v)| ((*n).to_owned(), json!(v))).collect())
}

/// The receipt, signed at that second with that nonce, and its sig.
fn signed(second: &'static str, nonce: &'static str) -> Vec<(&'static str, String)> {
    let mut pairs: Vec<(&str, &str)> = RECEIPT.to_vec();
    pairs.extend([("timestamp", second), ("nonce", nonce)]);
    let sig = md5_sig(&pairs);
    let mut all: Vec<_> = pairs.into_iter().map(|(n, v)| (n, v.to_owned())).collect();
    all.push(("sig", sig));
    all
}

fn borrowed<'a>(pairs: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    pairs.iter().map(|(n, v)| (*n, v.as_str())).collect()
}

/// A token of `claims`, by the rules of RFC 7515.
fn token(claims: &Value, secret: &str) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The claims of the documentation's sample, for `body`, `age` seconds ago.
fn claims(jti: &str, body: &str, age: i64) -> Value {
    let mut claims: Value = serde_json::from_str(&sample("vonage-signed-webhook-jwt-claims.json")).unwrap();
    claims["iat"] = json!(NOW.0 / 1_000 - age);
    claims["jti"] = json!(jti);
    claims["payload_hash"] = json!(hex(sha2::Sha256::digest(body)));
    claims
}

fn values(server: &Server) -> Vec<Value> {
    server.memory.taken().iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

#[tokio::test]
async fn a_receipt_by_query_form_or_json_is_one_object_of_its_parameters() {
    let server = open_server().await;
    let plain = query(&RECEIPT);
    assert_eq!(status(server.request(Method::GET, &format!("/vonage?{plain}"))).await, 200);
    assert_eq!(status(server.post("/vonage", plain.clone()).header("content-type", FORM)).await, 200);
    assert_eq!(status(server.post("/vonage", plain)).await, 200);
    let taken = server.memory.taken();
    assert_eq!(taken.len(), 3);
    assert!(taken.iter().all(|event| event == &taken[0]), "one receipt is the same bytes however it comes");
    assert_eq!(serde_json::from_str::<Value>(&taken[0]).unwrap(), receipt());
    for name in ["vonage-dlr-delivered.json", "vonage-inbound-sms.json"] {
        let body = sample(name);
        let post = server.post("/vonage", body.clone()).header("content-type", "application/json");
        assert_eq!(status(post).await, 200);
        let items = server.memory.items_taken();
        let sent: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(items[0].data, body.trim().as_bytes(), "as it came");
        assert_eq!(items[0].key, sent["messageId"].as_str().unwrap());
    }
}

#[tokio::test]
async fn the_queries_that_were_published() {
    let server = open_server().await;
    let queries: Vec<String> = serde_json::from_str(&sample("vonage-dlr-get-queries.json")).unwrap();
    for query in &queries {
        let query = query.split_once('?').unwrap().1;
        assert_eq!(status(server.request(Method::GET, &format!("/vonage?{query}"))).await, 200, "{query}");
    }
    let found = values(&server);
    assert_eq!(found[0]["message-timestamp"], "\\2020-01-01\\ 12:00:00", "stray backslashes and all");
    assert_eq!(found[0]["price"], "0.02000000");
    assert_eq!(found[1]["message-timestamp"], "2017-05-02 11:24:03");
    assert_eq!(found[1]["to"], "Tak");
}

#[tokio::test]
async fn an_address_is_looked_at_before_it_is_set() {
    let server = server(Algorithm::Md5).await;
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(status(server.request(method.clone(), "/vonage")).await, 200, "{method}");
        assert_eq!(status(server.request(method, "/vonage?")).await, 200);
    }
    assert_eq!(status(server.request(Method::PUT, "/vonage")).await, 405);
    assert_eq!((server.memory.taken().len(), server.counted("vonage", "nothing")), (0, 4));
}

#[tokio::test]
async fn a_signed_receipt_comes_again_and_is_the_same_event() {
    let server = server(Algorithm::Md5).await;
    let form = |pairs: &[(&str, &str)]| server.post("/vonage", query(pairs)).header("content-type", FORM);
    let get = |pairs: &[(&str, &str)]| server.request(Method::GET, &format!("/vonage?{}", query(pairs)));
    let json = |pairs: &[(&str, &str)]| {
        let object = Value::Object(pairs.iter().map(|(n, v)| ((*n).to_owned(), json!(v))).collect());
        server.post("/vonage", format!(" {object:#}\n")).header("content-type", "application/json")
    };
    // Vonage signs each try anew; an hour may have passed.
    let tries = [
        signed("1783400000", "n1"),
        signed("1783400060", "n2"),
        signed("1783396400", "n3"),
        signed("2026-07-07 04:53:10", "n4"),
    ];
    let tries = tries.each_ref().map(|pairs| borrowed(pairs));
    for request in [get(&tries[0]), form(&tries[1]), json(&tries[2]), get(&tries[3])] {
        assert_eq!(status(request).await, 200);
    }
    let taken = server.memory.taken();
    assert_eq!((taken.len(), &taken[0], &taken[0], &taken[0]), (4, &taken[1], &taken[2], &taken[3]));
    assert_eq!(serde_json::from_str::<Value>(&taken[0]).unwrap(), receipt(), "without sig, nonce and timestamp");
}

#[tokio::test]
async fn a_signature_is_good_once_and_cannot_be_bent() {
    let server = server(Algorithm::Md5).await;
    let get = |query: &str| server.request(Method::GET, &format!("/vonage?{query}"));
    let pairs = signed("1783400000", "n1");
    let good = query(&borrowed(&pairs));
    server.memory.refuse(Some(Refusal::Busy("throttled".to_owned())));
    assert_eq!(status(get(&good)).await, 503);
    server.memory.refuse(None);
    assert_eq!(status(get(&good)).await, 200, "the try that failed used nothing up");
    assert_eq!(server.memory.taken().len(), 1);
    // The same, and what is signed alike.
    let (front, sig) = good.rsplit_once("sig=").unwrap();
    let upper = format!("{front}sig={}", sig.to_uppercase());
    for again in [good.clone(), format!("{good}&more="), format!("{good}&x=+&y"), format!("&{good}"), upper] {
        assert_eq!(status(get(&again)).await, 200, "{again}");
    }
    let reordered: serde_json::Map<_, _> = pairs.iter().rev().map(|(n, v)| ((*n).to_owned(), json!(v))).collect();
    assert_eq!(status(server.post("/vonage", Value::Object(reordered).to_string())).await, 200);
    assert_eq!((server.memory.taken().len(), server.counted("vonage", "nothing")), (0, 6));
    // Two parameters as one name.
    let fresh = signed("1783400001", "n2");
    let fresh = query(&borrowed(&fresh));
    let bent = fresh.replace("messageId=0A0000001234567B&", "").replace("err-code=0&", "err-code=0%26messageId=");
    assert_eq!(status(get(&bent)).await, 401, "another value is another signature");
    let bent = fresh.replace("err-code=0&", "").replace("messageId=", "err-code%3D0%26messageId=");
    assert_eq!(status(get(&bent)).await, 400, "{bent}");
    assert_eq!(server.memory.taken().len(), 0);
}

#[tokio::test]
async fn a_signature_counts_for_a_while() {
    let server = server(Algorithm::Md5).await;
    let get = |pairs: Vec<(&str, &str)>| server.request(Method::GET, &format!("/vonage?{}", query(&pairs)));
    for (second, expected) in [
        ("1783396400", 200),
        ("1783396399", 401),
        ("1783400300", 200),
        ("1783400301", 401),
        ("2026-07-07 03:53:20", 200),
        ("2026-07-07 03:53:19", 401),
        ("now", 401),
    ] {
        assert_eq!(status(get(borrowed(&signed(second, "n")))).await, expected, "{second}");
    }
    let sig = md5_sig(&RECEIPT);
    let mut without = RECEIPT.to_vec();
    without.push(("sig", &sig));
    assert_eq!(status(get(without)).await, 401);
    assert_eq!(server.memory.taken().len(), 3);
}

#[tokio::test]
async fn unsigned_is_to_come_again_signed_and_wrong_is_refused() {
    let server = server(Algorithm::Md5).await;
    let get = |pairs: &[(&str, &str)]| server.request(Method::GET, &format!("/vonage?{}", query(pairs)));
    let json = receipt().to_string();
    assert_eq!(status(get(&RECEIPT)).await, 503);
    assert_eq!(status(server.post("/vonage", json.clone())).await, 503);
    assert_eq!(status(server.post("/vonage", query(&RECEIPT)).header("content-type", FORM)).await, 503);
    let good = signed("1783400000", "n1");
    let mut changed = borrowed(&good);
    changed[3].1 = "0.00000000";
    assert_eq!(status(get(&changed)).await, 401);
    let mut more = borrowed(&good);
    more.push(("extra", "1"));
    assert_eq!(status(get(&more)).await, 401);
    for sig in ["", "x", &"0".repeat(32)] {
        let mut pairs = RECEIPT.to_vec();
        pairs.push(("sig", sig));
        assert_eq!(status(get(&pairs)).await, 401, "{sig:?}");
    }
    let with_sig = json.replace('{', r#"{"sig":"00","#);
    assert_eq!(status(server.post("/vonage", with_sig)).await, 401);
    // Signed with MD5, where the account is said to sign otherwise.
    let sha256 = self::server(Algorithm::HmacSha256).await;
    let said = said(sha256.request(Method::GET, &format!("/vonage?{}", query(&borrowed(&good))))).await;
    assert!(said.status == 401 && said.body.contains("--vonage-signature"), "{said:?}");
    assert_eq!(server.memory.taken().len() + sha256.memory.taken().len(), 0);
    assert_eq!((server.counted("vonage", "unsigned"), server.counted("vonage", "refused")), (3, 6));
}

#[tokio::test]
async fn a_signed_webhook_is_taken_as_it_came() {
    let server = server(Algorithm::Md5).await;
    // A status of the Messages API; its timestamp is its own.
    let body = r#"{"message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "to": "447700900000",
        "timestamp": "2026-07-07T04:53:10.000Z", "status": "delivered", "channel": "sms"}"#;
    let post = |jti: &str| server.post("/vonage", body).bearer_auth(token(&claims(jti, body, 10), "s3cret"));
    assert_eq!(status(post("j-1").header("content-type", "application/json")).await, 200);
    assert_eq!(status(post("j-2")).await, 200);
    let items = server.memory.items_taken();
    assert_eq!((items.len(), &items[0], &*items[0].data), (2, &items[1], body.as_bytes()));
    assert_eq!(items[0].key, "aaaaaaaa-bbbb-cccc-dddd-0123456789ab");
}

#[tokio::test]
async fn a_token_is_good_once_but_only_when_what_came_with_it_was_put() {
    let server = server(Algorithm::Md5).await;
    let body = receipt().to_string();
    let post = || server.post("/vonage", body.clone()).bearer_auth(token(&claims("j-1", &body, 10), "s3cret"));
    server.memory.refuse(Some(Refusal::Busy("throttled".to_owned())));
    assert_eq!(status(post()).await, 503);
    server.memory.refuse(None);
    assert_eq!(status(post()).await, 200, "the try that failed used nothing up");
    assert_eq!(status(post()).await, 401, "replayed");
    assert_eq!(server.memory.taken().len(), 1);
}

#[tokio::test]
async fn tokens_of_others_of_other_bodies_and_of_other_times_are_refused() {
    let server = server(Algorithm::Md5).await;
    let body = receipt().to_string();
    let post = |token: String| server.post("/vonage", body.clone()).bearer_auth(token);
    let with = |name: &str, value: Value| {
        let mut claims = claims("j", &body, 0);
        claims[name] = value;
        token(&claims, "s3cret")
    };
    for bad in [
        token(&claims("j", &body, 0), "s3creT"),
        token(&claims("j", "{}", 0), "s3cret"),
        token(&claims("j", &body, 3_601), "s3cret"),
        token(&claims("j", &body, -301), "s3cret"),
        with("payload_hash", Value::Null),
        with("payload_hash", json!("")),
        with("jti", json!(1)),
        with("iat", json!("now")),
        "x.y.z".to_owned(),
    ] {
        assert_eq!(status(post(bad.clone())).await, 401, "{bad}");
    }
    assert_eq!(status(post(token(&claims("j", &body, 3_600), "s3cret"))).await, 200);
    assert_eq!(server.memory.taken().len(), 1);
    // A token says nothing of a query.
    let get = server.request(Method::GET, &format!("/vonage?{}", query(&RECEIPT)));
    assert_eq!(status(get.bearer_auth(token(&claims("k", "", 0), "s3cret"))).await, 503);
}

#[tokio::test]
async fn what_is_no_receipt_is_refused() {
    let server = open_server().await;
    let json = |body: &'static str| server.post("/vonage", body).header("content-type", "application/json");
    for bad in ["", "[]", "[{}]", "{}{}", "{", "7", "{\"a\":1,\"a\":2}", "null"] {
        assert_eq!(status(json(bad)).await, 400, "{bad}");
    }
    for bad in ["a=1&a=2", "a=%FF"] {
        assert_eq!(status(server.request(Method::GET, &format!("/vonage?{bad}"))).await, 400, "{bad}");
    }
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(status(server.post("/vonage", large)).await, 413);
    assert_eq!(server.memory.taken().len(), 0);
}
