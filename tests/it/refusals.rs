//! What a real cluster refuses: a block on one index, documents that a mapping does not take, an index that takes none.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::search::{Server, shared};

use crate::page::Page;
use crate::support::*;

/// 2026-11-02T00:00:00Z and a day later: arrival stamps of a service, whose day is believed.
const MONDAY: i64 = 1_793_577_600_000;
const DAY: i64 = 86_400_000;

/// A Pinpoint event of a day, told from the others by its number; `attributes` are `n` and what is given.
fn event(n: usize, day: i64, more: &Value) -> (String, Vec<u8>) {
    let mut attributes = json!({"n": n.to_string()});
    for (key, value) in more.as_object().expect("an object") {
        attributes[key] = value.clone();
    }
    let at = day + i64::try_from(n).expect("few");
    let event = json!({
        "event_type": "_email.send", "event_version": "3.1", "awsAccountId": "1", "arrival_timestamp": at,
        "event_timestamp": at, "attributes": attributes,
    });
    (n.to_string(), event.to_string().into_bytes())
}

async fn put(kinesis: &Kinesis, stream: &str, events: &[(String, Vec<u8>)]) {
    kinesis.client().create_stream(stream, 1).await.expect("stream");
    kinesis.client().put_records(stream, events).await.expect("put");
}

async fn ok(search: &Server, method: Method, path: &str, body: &Value) {
    search.send(method, path, body).await.unwrap_or_else(|e| panic!("{path}: {e}"));
}

/// An index as it was before essink came: these types, and no template.
async fn index_of_before(search: &Server, index: &str, properties: &Value) {
    let body = json!({"settings": {"number_of_replicas": 0}, "mappings": {"properties": properties}});
    ok(search, Method::PUT, &format!("/{index}"), &body).await;
}

/// logstash-output-opensearch 180 and 211, OpenSearch 3498: a full disk's block on one index stalls everything, and
/// nothing says so.
#[tokio::test]
async fn an_index_behind_a_flood_stage_block_is_named_and_the_others_go_on() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    let none = json!({});
    let blocked: Vec<_> = (0..400).map(|n| event(n, MONDAY, &none)).collect();
    let open: Vec<_> = (0..400).map(|n| event(n, MONDAY + DAY, &none)).collect();
    put(&kinesis, "flood", &[&blocked[..1], &open[..1]].concat()).await;
    catch_up(&kinesis, &search, "flood", &[]).await.expect(0, &[]);
    let settings = "/pinpoint-2026-11-02/_settings";
    ok(&search, Method::PUT, settings, &json!({"index.blocks.read_only_allow_delete": true})).await;

    let (page, dir) = (Page::on_a_free_port(), tempfile::tempdir().expect("a directory"));
    let (url, log) = (kinesis.url(), dir.path().join("log"));
    let args = page.instead_of_none(run_args(&url, search.url(), "flood"));
    let worker = start(&args, &log);
    let rest: Vec<_> = blocked[1..].iter().zip(&open[1..]).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    kinesis.client().put_records("flood", &rest).await.expect("put");
    until("the open index has everything", || async { count(&search, "pinpoint-2026-11-03").await == 400 }).await;
    until("the page says what is blocked", || async {
        let Some((status, text)) = page.get("/ready").await else { return false };
        status == 503 && text.contains("index pinpoint-2026-11-02") && text.contains("essink prune")
    })
    .await;
    assert_eq!(count(&search, "pinpoint-2026-11-02").await, 1);

    ok(&search, Method::PUT, settings, &json!({"index.blocks.read_only_allow_delete": null})).await;
    until("the blocked index has everything", || async { count(&search, "pinpoint-2026-11-02").await == 400 }).await;
    until("the page is green", || async { page.get("/ready").await.is_some_and(|(status, _)| status == 200) }).await;
    assert_eq!(terminate(worker).await, Some(0));
    let said = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(said.matches("not ready: index pinpoint-2026-11-02").count(), 1, "{said}");
    assert_eq!(said.matches("over: index pinpoint-2026-11-02").count(), 1, "{said}");
    assert_eq!(count(&search, "essink-dead-letters-*").await, 0);
}

/// fluent-bit 2258, elasticsearch 22957: a sender puts an order number into each key, and the index's limit on fields
/// stops every event that has a new one.
#[tokio::test]
async fn keys_without_end_fill_an_index_and_no_event_is_refused() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    let attributes =
        |n: usize| (0..10).map(|k| (format!("order_{}", n * 10 + k), json!("x"))).collect::<serde_json::Map<_, _>>();
    let events: Vec<_> = (0..400).map(|n| event(n, MONDAY, &attributes(n).into())).collect();
    put(&kinesis, "keys", &events).await;
    catch_up(&kinesis, &search, "keys", &[]).await.expect(0, &[]);

    let all = documents(&search, "pinpoint-2026-11-02").await;
    assert_eq!(terms(&search, "pinpoint-2026-11-02", "event_type.keyword").await, [("_email.send".to_owned(), 400)]);
    assert_eq!(count(&search, "essink-dead-letters-*").await, 0);
    assert!(all.iter().all(|hit| hit["_source"]["essink"]["degraded"].is_null()), "none is only a text");
    let kept =
        |hit: &Value, at: &str| hit["_source"].pointer(at).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    let keys = all.iter().map(|hit| (kept(hit, "/attributes"), kept(hit, "/essink/more/attributes")));
    let (indexed, aside) = keys.fold((0, 0), |(a, b), (x, y)| (a + x, b + y));
    let own = 1 + 10;
    assert_eq!(indexed + aside, 400 * own, "every attribute is in the document");
    assert!(indexed >= 1_000 && aside >= 1_000, "{indexed} indexed, {aside} put aside");
}

/// fluent-bit 10197, logstash-output-elasticsearch 795: one document that a mapping does not take.
#[tokio::test]
async fn a_document_that_a_mapping_refuses_still_counts_and_one_that_cannot_is_a_letter() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    let plan = json!({"attributes": {"properties": {"plan": {"type": "integer"}}}, "arrival_timestamp": {"type": "date", "format": "epoch_millis"}});
    index_of_before(&search, "pinpoint-2026-11-02", &plan).await;
    // Nothing with a `@timestamp` of ours fits in here.
    index_of_before(&search, "pinpoint-2026-11-03", &json!({"@timestamp": {"type": "integer"}})).await;
    let (fits, odd) = (json!({"plan": 7}), json!({"plan": "gold"}));
    let mut events: Vec<_> = (0..50).map(|n| event(n, MONDAY, if n == 20 { &odd } else { &fits })).collect();
    let hopeless = event(0, MONDAY + DAY, &fits);
    events.push(hopeless.clone());
    put(&kinesis, "odd", &events).await;
    catch_up(&kinesis, &search, "odd", &[]).await.expect(0, &[]);

    assert_eq!(count(&search, "pinpoint-2026-11-02").await, 50);
    let by_type = terms(&search, "pinpoint-2026-11-02", "event_type.keyword").await;
    assert_eq!(by_type, [("_email.send".to_owned(), 50)], "a dashboard misses none of them");
    let all = documents(&search, "pinpoint-2026-11-02").await;
    let odd: Vec<_> = all.iter().filter(|hit| hit["_source"]["essink"]["degraded"].is_string()).collect();
    let [odd] = odd[..] else { panic!("{} of them", odd.len()) };
    let raw = odd["_source"]["essink"]["raw"].as_str().expect("a text");
    assert_eq!(raw.as_bytes(), &events[20].1, "the event as it came");
    let reason = odd["_source"]["essink"]["degraded"].as_str().expect("a text");
    assert!(reason.contains("attributes.plan") && !reason.contains("gold"), "{reason}");
    assert_eq!(odd["_source"]["arrival_timestamp"], MONDAY + 20);
    assert!(odd["_source"]["attributes"].is_null());

    assert_eq!(count(&search, "pinpoint-2026-11-03").await, 0);
    let letters = documents(&search, "essink-dead-letters-*").await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    let letter = &letter["_source"];
    assert_eq!(letter["raw"].as_str().map(str::as_bytes), Some(&*hopeless.1));
    assert_eq!((&letter["reason"], &letter["index"]), (&json!("refused"), &json!("pinpoint-2026-11-03")));
    let detail = letter["detail"].as_str().expect("a text");
    assert!(detail.contains("@timestamp") && detail.contains("; degraded: "), "{detail}");

    // Read again, everything is there: a degraded document has the id of its event.
    let again = catch_up(&kinesis, &search, "odd", &["--group", "again"]).await.expect(0, &[]);
    assert!(again.err.contains("\"events.already_there\":50"), "{}", again.err);
    assert_eq!(count(&search, "pinpoint-*").await + count(&search, "essink-dead-letters-*").await, 51);
}

/// snowplow-elasticsearch-loader 13: a wrong mapping empties the stream into the bad rows.
#[tokio::test]
async fn an_index_that_refuses_nearly_all_halts_and_after_the_cure_nothing_is_missing() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    index_of_before(&search, "pinpoint-2026-11-02", &json!({"attributes": {"type": "integer"}})).await;
    let events: Vec<_> = (0..300).map(|n| event(n, MONDAY, &json!({}))).collect();
    put(&kinesis, "wrong", &events).await;
    let breaker = ["--breaker-share", "90%", "--breaker-count", "100", "--flush-interval", "5s"];
    let halted = catch_up(&kinesis, &search, "wrong", &breaker).await;
    let words = ["index pinpoint-2026-11-02 refused", "attributes", "--breaker-share", "init-templates"];
    let halted = halted.expect(69, &words);
    assert_eq!(halted.err.matches("--breaker-share").count(), 1, "said once: {}", halted.err);
    assert_eq!(count(&search, "essink-dead-letters-*,pinpoint-*").await, 0);

    search.send(Method::DELETE, "/pinpoint-2026-11-02", &Value::Null).await.expect("deleted");
    catch_up(&kinesis, &search, "wrong", &breaker).await.expect(0, &[]);
    assert_eq!(count(&search, "pinpoint-2026-11-02").await, 300);
    assert_eq!(count(&search, "essink-dead-letters-*").await, 0);
}
