//! Vonage: "Delivery Receipts", "Inbound SMS", "Signing Messages", "Messages API Status Callbacks", "Signed Webhooks".

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};
use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};
use sha2::Sha256;

use super::posts::{Found, Post, Receivers, SECRET, found, sample};
use crate::receiver::Receiver;

type Parameters = BTreeMap<String, String>;

#[derive(Clone, Copy, PartialEq)]
enum Signed {
    Not,
    Md5,
    Hmac,
}

pub fn posts(of: &Receivers, round: u64) -> Vec<Post> {
    let mut posts = Vec::new();
    for (receiver, signed, how) in
        [(&of.open, Signed::Not, "unsigned"), (&of.strict, Signed::Md5, "md5"), (&of.hmac, Signed::Hmac, "hmac-sha256")]
    {
        let mut send = |what: &str, form: &str, event: &Value, found: Found| {
            let parameters = sign(parameters(event), signed, round);
            posts.push(Post::new(format!("{what}, {form}, {how}"), request(receiver, form, &parameters), vec![found]));
        };
        for form in ["query", "form", "json"] {
            let (mut receipt, id) = (sample("vonage-dlr-delivered.json"), format!("{form}-{how}"));
            receipt["messageId"] = json!(id);
            send("a receipt", form, &receipt, delivered(&id));
        }
        let (mut inbound, id) = (sample("vonage-inbound-sms.json"), format!("inbound-{how}"));
        inbound["messageId"] = json!(id);
        inbound["text"] = json!("Tom & Ann = 2, è vero? 100%");
        send("an inbound message", "form", &inbound, received(&id));
    }
    posts.extend(documented_queries(&of.open));
    posts.extend(signed_webhooks(&of.strict, round));
    let test = of.strict.request(Method::GET, "/vonage");
    posts.push(Post::new("the look before an address is set", test, vec![]));
    posts
}

/// The published receipt.
fn delivered(id: &str) -> Found {
    found(
        "vonage-2018-10-25",
        json!({"provider": "vonage", "event": "delivered", "channel": "sms", "status": "delivered", "final": true, "id": id,
            "to": "447547232824", "from": "Vonage", "carrier": "23410", "cost": 0.0333, "currency": "EUR", "cost_usd": null,
            "parts": 1, "reason_class": "0"}),
    )
}

/// The published message of a person.
fn received(id: &str) -> Found {
    found(
        "vonage-2019-04-16",
        json!({"provider": "vonage", "event": "inbound", "channel": "sms", "status": "received", "id": id,
            "from": "447700000001", "to": "447520635498", "cost": null}),
    )
}

/// As they stand in the documentation, strange backslashes and all.
fn documented_queries(open: &Receiver) -> Vec<Post> {
    let queries = sample("vonage-dlr-get-queries.json");
    let expected = [
        found(
            "vonage-2020-01-01",
            json!({"id": "000000FFFB0356D2", "status": "delivered", "to": "66837000111", "from": "12150000025",
                "carrier": "52099", "cost": 0.02}),
        ),
        found(
            "vonage-2017-05-02",
            json!({"id": "0C0000002EEBDA56", "status": "delivered", "to": "4527631111", "from": "Tak", "carrier": "23820",
                "cost": 0.0182}),
        ),
    ];
    let queries = queries.as_array().expect("a list").iter().map(|query| query.as_str().expect("a text"));
    let pair = |(query, found): (&str, Found)| {
        let (_, query) = query.split_once('?').expect("a query");
        Post::new("a documented query", open.request(Method::GET, &format!("/vonage?{query}")), vec![found])
    };
    queries.zip(expected).map(pair).collect()
}

/// JSON with a token in the head: receipts of accounts that sign so, and the Messages API.
fn signed_webhooks(strict: &Receiver, round: u64) -> Vec<Post> {
    let mut receipt = sample("vonage-dlr-delivered.json");
    receipt["messageId"] = json!("with-a-token");
    let inbound = json!({"message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ac", "to": "447700900001",
        "from": "447700900000", "timestamp": "2025-02-03T12:15:00Z", "channel": "whatsapp", "message_type": "text",
        "text": "Hello"});
    let rows = [
        ("a receipt with a token", receipt, delivered("with-a-token")),
        (
            "a status of the Messages API",
            sample("made-vonage-messages-delivered.json"),
            found(
                "vonage-2025-02-03",
                json!({"provider": "vonage", "event": "delivered", "channel": "whatsapp", "status": "delivered",
                    "id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "to": "447700900000", "from": "447700900001",
                    "campaign": "spring-sale", "cost": 0.0333, "currency": "EUR"}),
            ),
        ),
        (
            "an inbound message of the Messages API",
            inbound,
            found(
                "vonage-2025-02-03",
                json!({"provider": "vonage", "event": "inbound", "channel": "whatsapp", "status": "received",
                    "id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ac", "to": "447700900001", "from": "447700900000"}),
            ),
        ),
    ];
    let post = |(what, event, found): (&str, Value, Found)| {
        let body = event.to_string();
        let request = strict.post("/vonage", body.clone()).header("content-type", "application/json");
        Post::new(what, request.bearer_auth(token(&format!("{what} {round}"), &body)), vec![found])
    };
    rows.into_iter().map(post).collect()
}

fn parameters(event: &Value) -> Parameters {
    let members = event.as_object().expect("an object").iter();
    members.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect()
}

/// "Sort the parameters, replace `&` and `=` in values by `_`, join them as `&key=value`": MD5 of that with the secret behind
/// it, or HMAC of it with the secret.
fn sign(mut parameters: Parameters, signed: Signed, round: u64) -> Parameters {
    if signed == Signed::Not {
        return parameters;
    }
    parameters.insert("api-key".to_owned(), "a1b2c3d".to_owned());
    parameters.insert("timestamp".to_owned(), (now() + 60 * round).to_string());
    parameters.insert("nonce".to_owned(), format!("aaaaaaaa-bbbb-cccc-dddd-{round:012}"));
    let pair = |(name, value): (&String, &String)| format!("&{name}={}", value.replace(['&', '='], "_"));
    let text: String = parameters.iter().map(pair).collect();
    let sig = match signed {
        Signed::Md5 => Md5::digest(format!("{text}{SECRET}")).to_vec(),
        _ => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), text.as_bytes()).as_ref().to_vec(),
    };
    parameters.insert("sig".to_owned(), hex(&sig));
    parameters
}

fn request(receiver: &Receiver, form: &str, parameters: &Parameters) -> reqwest::RequestBuilder {
    let encoded =
        || reqwest::Url::parse_with_params("http://x/", parameters).expect("a URL").query().map(str::to_owned);
    match form {
        "query" => receiver.request(Method::GET, &format!("/vonage?{}", encoded().expect("a query"))),
        "form" => receiver
            .post("/vonage", encoded().expect("a form"))
            .header("content-type", "application/x-www-form-urlencoded"),
        _ => receiver.post("/vonage", json!(parameters).to_string()).header("content-type", "application/json"),
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "signatures are of the time at which they are made")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// `Authorization: Bearer` with the documented claims, HS256.
fn token(id: &str, body: &str) -> String {
    let mut claims = sample("vonage-signed-webhook-jwt-claims.json");
    claims["iat"] = json!(now());
    claims["jti"] = json!(id);
    claims["payload_hash"] = json!(hex(&Sha256::digest(body)));
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({"typ": "JWT", "alg": "HS256"})), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
