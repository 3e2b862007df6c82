//! The recipes of docs/migrating.md, as they stand there, on indices that were made as Firehose makes them: documents as
//! they came, ids that are not essink's, types that the first of them decided.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use essink::opensearch::client::Client;
use http::Method;
use serde_json::{Value, json};
use testkit::events::{Event, Events, Plan};
use testkit::kinesis::Kinesis;
use testkit::search::{Server, shared};
use tokio::process::Command;

use crate::queries::events::{mail, text};
use crate::recipes::{Block, Request, blocks, requests, steps, under};
use crate::requests::{answer, ask, client, count};
use crate::support::{PATIENCE, catch_up, essink, finish};

fn page() -> Vec<Block> {
    blocks(include_str!("../../docs/migrating.md"))
}

/// All requests under a heading.
fn console(page: &[Block], heading: &str) -> Vec<Request> {
    under(page, heading, "console").into_iter().flat_map(|block| requests(&block.text)).collect()
}

async fn send(cluster: &Client, request: &Request) -> Value {
    ask(cluster, request.method.clone(), &request.path, request.body.as_ref()).await
}

/// Sends requests in order; the counts that they ask for.
async fn send_all(cluster: &Client, requests: &[Request]) -> Vec<u64> {
    let mut counts = Vec::new();
    for request in requests {
        let answer = send(cluster, request).await;
        if request.path.ends_with("/_count") {
            counts.push(answer["count"].as_u64().expect("a number"));
        }
        if request.path.starts_with("/_reindex") {
            assert_eq!(answer["failures"], json!([]), "{answer}");
        }
    }
    counts
}

fn events(seed: u64, count: usize, from: &str, to: &str) -> Vec<Event> {
    let day = |text: &str| text.parse().expect("a date");
    Events::new(Plan { enriched: false, ..Plan::days(seed, count, day(from)..day(to)) }).collect()
}

/// Puts events into an index as Firehose does: their own bytes, under ids that look like those of its records.
async fn deliver(cluster: &Client, index: &str, events: &[Vec<u8>]) {
    let lines = (0..).zip(events).flat_map(|(n, event)| {
        let action = json!({"index": {"_index": index, "_id": format!("4965{n:048}.0")}});
        [action.to_string().into_bytes(), event.clone()]
    });
    let body: Vec<u8> = lines.flat_map(|line| [line, b"\n".to_vec()].concat()).collect();
    let reply = cluster.send(Method::POST, "/_bulk?refresh=true", Some(body.into())).await.expect("an answer").json();
    assert_eq!(reply["errors"], false, "{reply}");
}

fn bytes(events: &[Event]) -> Vec<Vec<u8>> {
    events.iter().map(|event| event.bytes.clone()).collect()
}

async fn hits(cluster: &Client, pattern: &str) -> Vec<Value> {
    let found = ask(cluster, Method::GET, &format!("/{pattern}/_search?size=10000"), None).await;
    found["hits"]["hits"].as_array().expect("hits").clone()
}

async fn ids(cluster: &Client, pattern: &str) -> BTreeSet<String> {
    hits(cluster, pattern).await.iter().map(|hit| hit["_id"].as_str().expect("an id").to_owned()).collect()
}

/// What dashboards ask over all days, from a date on: events by day and type. The failed shards, and the sum over the buckets.
async fn by_day(cluster: &Client) -> (u64, u64) {
    let since = json!({"range": {"arrival_timestamp": {"gte": "2020-01-01"}}});
    let body = json!({"size": 0, "query": since, "aggs": {"days": {"date_histogram": {"field": "arrival_timestamp", "calendar_interval": "day"},
        "aggs": {"types": {"terms": {"field": "event_type.keyword", "size": 100}}}}}});
    let answer = answer(cluster, Method::POST, "/pinpoint-*/_search", Some(&body)).await.json();
    let days = answer["aggregations"]["days"]["buckets"].as_array();
    let types = days.into_iter().flatten().flat_map(|day| day["types"]["buckets"].as_array().expect("buckets"));
    let sum = types.map(|bucket| bucket["doc_count"].as_u64().expect("a number")).sum();
    (answer["_shards"]["failed"].as_u64().expect("a number"), sum)
}

async fn type_of(cluster: &Client, index: &str, field: &str) -> String {
    let found = ask(cluster, Method::GET, &format!("/{index}/_mapping/field/{field}"), None).await;
    found[index]["mappings"][field]["mapping"][field]["type"].as_str().expect("a type").to_owned()
}

async fn run_essink(search: &Server, directory: &Path, args: &[&str]) -> String {
    let mut args = args.to_vec();
    args.extend(["--opensearch-url", search.url(), "--replicas", "0"]);
    let mut command = essink(&args);
    command.current_dir(directory);
    finish(command).await.expect(0, &[]).out
}

#[tokio::test]
async fn an_old_index_is_written_anew_under_its_template() {
    const OLD: &str = "pinpoint-2020-05-18";
    let search = shared().lease().await.expect("OpenSearch");
    let (cluster, page) = (client(search.url()), page());
    let directory = tempfile::tempdir().expect("a directory");
    let old = events(1, 700, "2020-05-18", "2020-05-19");
    deliver(&cluster, OLD, &bytes(&old)).await;
    assert_eq!(type_of(&cluster, OLD, "arrival_timestamp").await, "long");
    let before = ids(&cluster, OLD).await;

    let said = run_essink(&search, directory.path(), &["init-templates"]).await;
    assert!(said.contains(&format!("{OLD}: arrival_timestamp is long, should be date")), "{said}");
    let (away, back) = (console(&page, "Copy it away"), console(&page, "Copy it back"));
    let written: Vec<_> = steps(&said);
    let on_the_page: Vec<_> = away.iter().chain(&back).cloned().collect();
    assert_eq!(written, on_the_page, "essink says what the page says");

    // A day of essink's own beside it.
    let new = events(2, 300, "2026-11-01", "2026-11-02");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 1).await.expect("stream");
    put(&kinesis, &bytes(&new)).await;
    catch_up(&kinesis, &search, "s", &[]).await.expect(0, &[]);
    count(&cluster, "pinpoint-*").await;
    assert_ne!(by_day(&cluster).await, (0, 1_000), "what the recipe is for");

    // It stopped while copying away, and is sent again.
    let mut part = away.clone();
    part[2].body.as_mut().expect("a body")["max_docs"] = json!(100);
    send_all(&cluster, &part[..3]).await;
    assert_eq!(send_all(&cluster, &away[2..]).await, [700, 700]);
    // It stopped while copying back.
    let mut part = back.clone();
    part[1].body.as_mut().expect("a body")["max_docs"] = json!(100);
    send_all(&cluster, &part[..2]).await;
    assert_eq!(count(&cluster, OLD).await, 100);
    send_all(&cluster, &back[1..2]).await;
    assert_eq!(send_all(&cluster, &away[3..]).await, [700, 700]);
    send_all(&cluster, &back[2..]).await;

    assert_eq!(ids(&cluster, OLD).await, before, "documents keep their ids");
    assert_eq!(type_of(&cluster, OLD, "arrival_timestamp").await, "date");
    assert_eq!(by_day(&cluster).await, (0, 1_000), "old and new in one histogram");
    let said = run_essink(&search, directory.path(), &["init-templates"]).await;
    assert!(said.contains("all agree"), "{said}");
    assert_eq!(answer(&cluster, Method::GET, "/reindexing-*", None).await.json(), json!({}), "nothing is left over");
}

async fn put(kinesis: &Kinesis, events: &[Vec<u8>]) {
    let record = |(n, event): (usize, &Vec<u8>)| (n.to_string(), event.clone());
    let records: Vec<_> = events.iter().enumerate().map(record).collect();
    kinesis.client().put_records("s", &records).await.expect("put");
}

/// Runs the page's script as its next block does, for another index; the number it says.
async fn dump(page: &[Block], search: &Server, directory: &Path, index: &str) -> u64 {
    let [script, call, _] = under(page, "Old indices into the vocabulary", "sh")[..] else { panic!("three blocks") };
    std::fs::write(directory.join("dump.sh"), &script.text).expect("written");
    let call = call.text.replace("pinpoint-2026-10-29", index);
    let mut command = Command::new("sh");
    command.args(["-c", &call]).current_dir(directory).env("ESSINK_OPENSEARCH_URL", search.url());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let done = tokio::time::timeout(PATIENCE, command.output()).await.expect("in time").expect("sh runs");
    assert!(done.status.success(), "it needs curl: {}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8(done.stdout).expect("text");
    let number = said.strip_suffix(&format!(" documents of {index}\n")).expect("what it says");
    number.trim().parse().expect("a number")
}

/// Runs the page's replay; how many events ended how.
async fn replay(page: &[Block], search: &Server, directory: &Path) -> BTreeMap<String, u64> {
    let [.., call] = under(page, "Old indices into the vocabulary", "sh")[..] else { panic!("blocks") };
    let mut args: Vec<_> = call.text.split_whitespace().skip(1).collect();
    assert_eq!(args, ["replay", "--from", "dump"]);
    args.push("--json");
    let said: Value = serde_json::from_str(&run_essink(search, directory, &args).await).expect("JSON");
    let counts = said["events"].as_object().expect("counts").iter();
    counts.map(|(name, n)| (name.clone(), n.as_u64().expect("a number"))).collect()
}

fn on(mut request: Request, from: &str, index: &str) -> Request {
    request.path = request.path.replace(from, index);
    request
}

/// An old index, dumped and replayed, is what essink would have made of the stream: it then brings nothing new.
#[tokio::test]
async fn an_old_index_is_read_into_the_vocabulary_and_its_events_are_there_once() {
    let search = shared().lease().await.expect("OpenSearch");
    is_read_into_the_vocabulary(&search).await;
}

/// Needs a cluster without templates.
pub async fn is_read_into_the_vocabulary(search: &Server) {
    const OLD: &str = "pinpoint-2026-10-29";
    let (cluster, page) = (client(search.url()), page());
    let directory = tempfile::tempdir().expect("a directory");
    // 2,500 events of the day, and ten of the last minutes of the day before, which Firehose met after midnight.
    let mut all = bytes(&events(3, 2_500, "2026-10-29", "2026-10-30"));
    all.extend(bytes(&events(4, 10, "2026-10-28", "2026-10-29")));
    // White space, escapes and numbers that a program would write otherwise.
    all.push(br#"{ "event_type":"odd\u00e9\/","event_version":"3.1", "awsAccountId":"1", "arrival_timestamp":1793232000000,"metrics":{"m":1.0}}"#.to_vec());
    // By a phone's clock, whose stamp is believed because the index tells when it arrived.
    let phone = br#"{"event_type":"phone","event_version":"3.1","arrival_timestamp":1793240000000}"#.to_vec();
    // Firehose delivered one event twice.
    let twice = all[0].clone();
    deliver(&cluster, OLD, &[&all[..], &[phone.clone(), twice]].concat()).await;

    assert_eq!(dump(&page, search, directory.path(), OLD).await, 2_513);
    let console = console(&page, "Old indices into the vocabulary");
    let [number, delete, _] = &console[..] else { panic!("{console:?}") };
    assert_eq!(send(&cluster, number).await["count"], 2_513);
    send(&cluster, delete).await;
    let ended = replay(&page, search, directory.path()).await;
    let expected = [("indexed", 2_512), ("already_there", 1), ("dead_lettered", 0), ("expired", 0)];
    let counts = expected.map(|(name, _)| (name, ended[name]));
    assert_eq!(counts, expected, "they add up to the documents dumped");
    assert_eq!((count(&cluster, OLD).await, count(&cluster, "pinpoint-2026-10-28").await), (2_502, 10));
    let with_msg = ask(&cluster, Method::GET, "/pinpoint-*/_count?q=_exists_:msg.provider", None).await;
    assert_eq!(with_msg["count"], 2_512);
    assert_eq!(type_of(&cluster, OLD, "arrival_timestamp").await, "date");
    let phones = ask(&cluster, Method::GET, "/pinpoint-*/_search?q=event_type:phone", None).await;
    let found = &phones["hits"]["hits"][0];
    assert_eq!((&found["_index"], &found["_source"]["essink"]["clock"]), (&json!(OLD), &Value::Null), "{phones}");

    // The same events out of a stream, as their producers put them.
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 1).await.expect("stream");
    put(&kinesis, &all).await;
    let again = catch_up(&kinesis, search, "s", &[]).await.expect(0, &[]);
    assert!(again.err.contains("\"events.already_there\":2511"), "{}", again.err);
    assert_eq!(count(&cluster, "pinpoint-*").await, 2_512);
    // And again out of the files.
    std::fs::remove_dir_all(directory.path().join("dump")).expect("removed");
    assert_eq!(dump(&page, search, directory.path(), OLD).await, 0, "the script leaves out what essink wrote");
}

/// Firehose wrote the first day and half of the second, essink the second and the third.
#[tokio::test]
async fn a_day_in_which_both_wrote_is_mended_and_one_funnel_crosses_it() {
    const DAY: &str = "pinpoint-2026-10-31";
    let search = shared().lease().await.expect("OpenSearch");
    let (cluster, page) = (client(search.url()), page());
    let directory = tempfile::tempdir().expect("a directory");
    run_essink(&search, directory.path(), &["init-templates"]).await;
    let (first, second) = (events(5, 500, "2026-10-30", "2026-10-31"), events(6, 600, "2026-10-31", "2026-11-01"));
    let third = events(7, 400, "2026-11-01", "2026-11-02");
    // A mail that Pinpoint sent before the cut is opened after it.
    let (sent, opened) =
        (at(mail("crossing", "_email.delivered", 0), "10-31T01"), at(mail("crossing", "_email.open", 0), "11-01T02"));
    let paid = at(text("paid", "_SMS.SUCCESS", 0), "10-31T01");
    let halves = [&bytes(&second[..300])[..], &[sent.clone(), paid.clone()]].concat();
    deliver(&cluster, "pinpoint-2026-10-30", &bytes(&first)).await;
    deliver(&cluster, DAY, &halves).await;
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 2).await.expect("stream");
    put(&kinesis, &[&halves[..], &bytes(&second[300..]), &bytes(&third), &[opened]].concat()).await;

    let tried = under(&page, "Cutting over", "sh")[0].text.clone();
    let prefixes: Vec<_> = tried
        .split_whitespace()
        .skip_while(|word| *word != "--group")
        .filter(|word| *word != "--until-caught-up")
        .collect();
    catch_up(&kinesis, &search, "s", &prefixes).await.expect(0, &[]);
    count(&cluster, "_all").await;
    assert_eq!(send_all(&cluster, &console(&page, "Cutting over")).await, [302, 602], "beside each other");
    catch_up(&kinesis, &search, "s", &[]).await.expect(0, &[]);
    assert_eq!(count(&cluster, DAY).await, 302 + 602, "doubled");

    let console = console(&page, "Old indices into the vocabulary");
    let [number, _, delete] = &console[..] else { panic!("{console:?}") };
    for (index, n) in [("pinpoint-2026-10-30", 500), (DAY, 302)] {
        assert_eq!(dump(&page, &search, directory.path(), index).await, n);
        assert_eq!(send(&cluster, &on(number.clone(), "pinpoint-2026-10-29", index)).await["count"], n);
        send(&cluster, &on(delete.clone(), DAY, index)).await;
    }
    let ended = replay(&page, &search, directory.path()).await;
    assert_eq!((ended["indexed"], ended["already_there"]), (500, 302));
    let counts = [count(&cluster, "pinpoint-2026-10-30").await, count(&cluster, DAY).await];
    assert_eq!((counts, count(&cluster, "pinpoint-2026-11-01").await), ([500, 602], 401));

    let steps =
        json!({"delivered": {"term": {"msg.status": "delivered"}}, "opened": {"term": {"msg.status": "opened"}}});
    let body = json!({"size": 0, "query": {"term": {"msg.id": "crossing"}}, "aggs": {"steps": {"filters": {"filters": steps},
        "aggs": {"messages": {"cardinality": {"field": "msg.id"}}}}}});
    let funnel = ask(&cluster, Method::POST, "/pinpoint-*/_search", Some(&body)).await;
    let steps = &funnel["aggregations"]["steps"]["buckets"];
    assert_eq!([&steps["delivered"]["messages"]["value"], &steps["opened"]["messages"]["value"]], [1, 1], "{funnel}");
    let body =
        json!({"size": 0, "query": {"term": {"msg.id": "paid"}}, "aggs": {"cost": {"sum": {"field": "msg.cost_usd"}}}});
    let cost = ask(&cluster, Method::POST, "/pinpoint-*/_search", Some(&body)).await;
    assert_eq!(cost["aggregations"]["cost"]["value"], 0.00645, "{cost}");
}

/// The event, arriving at an hour of 2026.
fn at(mut event: Value, hour: &str) -> Vec<u8> {
    let time = chrono::DateTime::parse_from_rfc3339(&format!("2026-{hour}:00:00Z")).expect("a time");
    event["arrival_timestamp"] = json!(time.timestamp_millis());
    event.to_string().into_bytes()
}

/// Answers that lack documents, and documents that essink wrote, are not read as if they were events.
#[tokio::test]
async fn a_dump_that_must_not_be_read_is_named() {
    let search = shared().lease().await.expect("OpenSearch");
    let directory = tempfile::tempdir().expect("a directory");
    let dump = directory.path().join("dump");
    std::fs::create_dir(&dump).expect("made");
    let hit = |source: &str| format!(r#"{{"_index":"pinpoint-2026-11-01","_id":"1","_score":1.0,"_source":{source}}}"#);
    let event = r#"{"event_type":"x","event_version":"3.1","arrival_timestamp":1793491200000}"#;
    let ours = r#"{"@timestamp":"2026-11-01T00:00:00.000Z","essink":{"arrived":"2026-11-01T00:00:01.000Z","rules":"2"},"event_type":"x"}"#;
    let page = |failed: u64, hits: &str| {
        format!(
            r#"{{"took":1,"timed_out":false,"_shards":{{"total":2,"failed":{failed}}},"hits":{{"hits":[{hits}]}}}}"#
        )
    };
    std::fs::write(dump.join("1-lines.json"), format!("{}\n{}\n", hit(event), hit(event))).expect("written");
    std::fs::write(dump.join("2-failed.json"), page(1, &hit(event))).expect("written");
    std::fs::write(dump.join("3-ours.json"), page(0, &hit(ours))).expect("written");
    let args = ["replay", "--from", "dump", "--json", "--opensearch-url", search.url(), "--replicas", "0"];
    let mut command = essink(&args);
    command.current_dir(directory.path());
    let named = ["2-failed.json", "ask again", "3-ours.json", "essink.rules"];
    let done = finish(command).await.expect(69, &named);
    let said: Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!((&said["unreadable"], &said["events"]["indexed"]), (&json!(2), &json!(1)), "{said}");
    assert_eq!(count(&client(search.url()), "pinpoint-2026-11-01").await, 1);
}
