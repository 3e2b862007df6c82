//! `essink check`: what a run would meet, told before the first event, and nothing left behind.

mod denied;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::dynamodb::DynamoDb;
use testkit::kinesis::Kinesis;
use testkit::s3::S3;
use testkit::search::Server;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::faults::numbered;
use crate::support::*;
use crate::world::World;

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";
const EVENTS: usize = 40;
/// The day of `numbered`'s events.
const INDEX: &str = "pinpoint-2026-09-21";

impl World {
    async fn check(&self, more: &[&str]) -> Done {
        let url = self.kinesis.url();
        finish(essink(&args(&url, self.search.url(), more))).await
    }

    /// The report, of a check that ends so.
    async fn report(&self, code: i32, more: &[&str]) -> Value {
        parsed(self.check(&[&["--json"], more].concat()).await.expect(code, &[]))
    }

    async fn set(&self, path: &str, body: &Value) {
        self.search.send(Method::PUT, path, body).await.expect("it is taken");
    }

    async fn names(&self) -> Vec<String> {
        names(&self.search).await
    }
}

fn args<'a>(kinesis: &'a str, search: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["check", "--stream", "s", "--kinesis-endpoint-url", kinesis, "--opensearch-url", search];
    args.extend(["--replicas", "0", "--lease-timeout", "3s"]);
    args.extend(more);
    args
}

fn parsed(done: Done) -> Value {
    serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {}{}", done.out, done.err))
}

/// Every index, hidden ones too, and every template that a check could have left.
async fn names(search: &Server) -> Vec<String> {
    let indices = search.get("/_cat/indices?format=json&expand_wildcards=all").await.expect("indices");
    let mut names: Vec<String> = indices.as_array().expect("rows").iter().map(|row| row["index"].to_string()).collect();
    let templates = search.get("/_index_template").await.expect("templates");
    let listed =
        |list: &Value| list.as_array().into_iter().flatten().map(|one| one["name"].to_string()).collect::<Vec<_>>();
    names.extend(listed(&templates["index_templates"]));
    let parts = search.get("/_component_template").await.expect("templates");
    names.extend(listed(&parts["component_templates"]));
    names.sort();
    names
}

/// What was found of one level, `ABOUT: WHAT`.
fn found(report: &Value, level: &str) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let of = findings.filter(|finding| finding["level"] == level);
    of.map(|f| format!("{}: {}", f["about"].as_str().expect("a text"), f["what"].as_str().expect("a text"))).collect()
}

fn has(findings: &[String], words: &[&str]) -> bool {
    findings.iter().any(|finding| words.iter().all(|word| finding.contains(word)))
}

#[tokio::test]
async fn a_fresh_cluster_is_ready_and_stays_as_it_was() {
    let world = World::fed(EVENTS).await;
    let person = json!({"event_type": "_email.send", "event_version": "3.1", "awsAccountId": "1", "arrival_timestamp": 1_790_000_000_000_i64,
        "facets": {"email_channel": {"mail_event": {"mail": {"message_id": "m-1", "destination": ["ann@example.com"]}}}}});
    world.kinesis.client().put_records("s", &[("k".to_owned(), person.to_string().into_bytes())]).await.expect("put");
    let before = world.names().await;
    let report = world.report(0, &[]).await;
    assert_eq!((&report["works"], found(&report, "problem")), (&json!(true), vec![]));
    assert_eq!((&report["sample"]["records"], &report["sample"]["shards"]), (&json!(EVENTS + 1), &json!(2)));
    let documents = report["sample"]["documents"].as_array().expect("documents");
    assert_eq!(documents.len(), EVENTS + 1);
    assert!(documents.iter().all(|d| d["family"] == "pinpoint" && d["index"] == INDEX && d["refused"].is_null()));
    let mail = documents.iter().find(|d| d["msg"]["channel"] == "email").expect("the mail");
    assert!(mail["hidden"].as_array().expect("names").contains(&json!("to")), "{mail}");
    let fine = found(&report, "ok");
    for words in [
        &["kinesis:GetRecords: granted"][..],
        &["trial", "none of 41 documents is refused"],
        &["1 throw-away indices were made and removed"],
        &["create an index in pinpoint-*", "ses-*", "granted"],
        &["clock agrees with that of AWS"],
        &["clock agrees with that of the cluster"],
        &["index essink-state is not there yet"],
    ] {
        assert!(has(&fine, words), "{words:?} in {fine:#?}");
    }
    assert_eq!(report["policies"]["iam"]["Statement"][0]["Action"][3], "kinesis:GetRecords");
    assert_eq!(world.names().await, before, "nothing is left, and nothing was installed");

    let text = world.check(&[]).await.expect(0, &[]).out;
    assert!(
        text.contains("a run would work: 0 problems") && text.contains(&format!("1 in {INDEX}: channel \"email\"")),
        "{text}"
    );
    assert!(!text.contains("ann@example.com") && !report.to_string().contains("ann@example.com"), "a person is shown");
    let shown = world.check(&["--show-events"]).await.expect(0, &[]).out;
    assert!(shown.contains("ann@example.com"), "{shown}");
    let few = world.report(0, &["--sample", "3"]).await;
    assert_eq!(few["sample"]["records"], 3);
    let dry = world.report(0, &["--no-write"]).await;
    assert!(!has(&found(&dry, "ok"), &["trial"]), "{dry}");
    assert_eq!(world.names().await, before);
}

#[tokio::test]
async fn no_position_moves() {
    let world = World::fed(EVENTS).await;
    catch_up(&world.kinesis, &world.search, "s", &[]).await.expect(0, &[]);
    let stored = async || {
        let found = world.search.get("/essink-state/_search?seq_no_primary_term=true&size=100&sort=shard").await;
        found.expect("positions")["hits"]["hits"].clone()
    };
    count(&world.search, "essink-state").await;
    let before = stored().await;
    assert_eq!(before.as_array().map(Vec::len), Some(2));
    world.put(EVENTS..EVENTS + 5).await;
    let report = world.report(0, &[]).await;
    let fine = found(&report, "ok");
    assert!(has(&fine, &["positions of 2 shards"]) && has(&fine, &["oldest unread record is"]), "{fine:#?}");
    assert!(has(&fine, &["templates are as they should be"]), "{fine:#?}");
    count(&world.search, "essink-state").await;
    assert_eq!(stored().await, before, "state is as it was, to its versions");
    let on = catch_up(&world.kinesis, &world.search, "s", &[]).await.expect(0, &["\"events.already_there\":0"]);
    assert!(on.err.contains("\"events.indexed\":5,"), "{}", on.err);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_a_problem_and_the_others_are_looked_at() {
    let world = World::fed(EVENTS).await;
    let url = world.kinesis.url();
    let mut missing = args(&url, world.search.url(), &["--json"]);
    missing[2] = "elsewhere";
    let report = parsed(finish(essink(&missing)).await.expect(69, &["a run would not work"]));
    assert!(has(&found(&report, "problem"), &["kinesis", "`elsewhere` does not exist", "us-east-1"]), "{report:#}");
    assert!(has(&found(&report, "ok"), &["cluster", "OpenSearch", "answers"]), "{report:#}");
    let alone = parsed(finish(essink(&args(&url, NOBODY, &["--json"]))).await.expect(69, &[]));
    assert!(has(&found(&alone, "problem"), &["cluster", "127.0.0.1:1"]), "{alone:#}");
    assert_eq!(alone["sample"]["records"], EVENTS, "the stream is looked at");
    let deaf = parsed(finish(essink(&args(NOBODY, world.search.url(), &["--json"]))).await.expect(69, &[]));
    assert!(has(&found(&deaf, "problem"), &["kinesis", "does not answer"]), "{deaf:#}");
}

#[tokio::test]
async fn what_the_cluster_would_refuse_is_named_with_the_old_index() {
    let world = World::fed(EVENTS).await;
    let guessed = json!({"mappings": {"properties": {
        "arrival_timestamp": {"type": "long"}, "attributes": {"properties": {"n": {"type": "ip"}}},
    }}});
    world.set(&format!("/{INDEX}"), &guessed).await;
    world.set(&format!("/{INDEX}/_settings"), &json!({"index.blocks.write": true})).await;
    let left = json!({"settings": {"number_of_replicas": 0, "hidden": true}});
    world.set("/essink-check-of-yore", &left).await;
    let report = world.report(0, &[]).await;
    let warned = found(&report, "warning");
    assert!(has(&warned, &["trial", "documents would be refused", INDEX, "mapper_parsing_exception"]), "{warned:#?}");
    assert!(has(&warned, &[INDEX, "arrival_timestamp is long, should be date"]), "{warned:#?}");
    assert!(has(&warned, &[INDEX, "takes no writes", "index.blocks.write"]), "{warned:#?}");
    assert!(has(&warned, &["throw-away indices of another check", "essink-check-of-yore"]), "{warned:#?}");
    let documents = report["sample"]["documents"].as_array().expect("documents");
    let refused = documents.iter().filter(|d| d["refused"].as_str().is_some_and(|why| why.contains("mapper_parsing")));
    assert_eq!(refused.count(), EVENTS, "no number is an address of a network");
    assert_eq!(count(&world.search, INDEX).await, 0, "nothing was written to the index itself");
    let left: Vec<String> = world.names().await.into_iter().filter(|name| name.contains("essink-check")).collect();
    assert_eq!(left, ["\"essink-check-of-yore\""], "it removes what it has made, and nothing else");
}

#[tokio::test]
async fn templates_of_others_are_tried_as_they_will_be() {
    let world = World::fed(EVENTS).await;
    let url = world.search.url().to_owned();
    finish(essink(&["init-templates", "--opensearch-url", &url, "--replicas", "0"])).await.expect(0, &[]);
    let strict =
        json!({"index_patterns": ["pinpoint-*"], "priority": 900_000, "template": {"mappings": {"dynamic": "strict"}}});
    world.set("/_index_template/rival", &strict).await;
    let legacy = json!({"index_patterns": ["ses-*"], "mappings": {"properties": {"x": {"type": "keyword"}}}});
    world.set("/_template/elder", &legacy).await;
    let pattern = |title: &str, field: Option<&str>| json!({"type": "index-pattern", "index-pattern": {"title": title, "timeFieldName": field}});
    world.set("/.kibana_1", &json!({"mappings": {"properties": {"type": {"type": "keyword"}}}})).await;
    world.set("/.kibana_1/_doc/1?refresh=true", &pattern("pinpoint-*", Some("event_timestamp"))).await;
    world.set("/.kibana_1/_doc/2?refresh=true", &pattern("ses-*,bird-*", None)).await;
    world.set("/.kibana_1/_doc/3?refresh=true", &pattern("logs-*", None)).await;
    world.set("/.kibana_1/_doc/4?refresh=true", &pattern("eum-*", Some("@timestamp"))).await;
    let report = world.report(0, &[]).await;
    let warned = found(&report, "warning");
    assert!(has(&warned, &["rival", "wins over"]) && has(&warned, &["legacy template elder"]), "{warned:#?}");
    assert!(
        has(
            &warned,
            &[&format!("{EVENTS} of {EVENTS} documents would be refused"), "strict_dynamic_mapping_exception"]
        ),
        "{warned:#?}"
    );
    assert!(has(&warned, &["index pattern pinpoint-* has the time field event_timestamp"]), "{warned:#?}");
    assert!(has(&warned, &["index pattern ses-*,bird-* has no time field"]), "{warned:#?}");
    assert_eq!(warned.iter().filter(|one| one.contains("index pattern")).count(), 2, "{warned:#?}");
}

#[tokio::test]
async fn a_cluster_without_room_for_shards_is_a_problem() {
    let world = World::fed(EVENTS).await;
    world.set("/other", &json!({"settings": {"number_of_replicas": 0}})).await;
    world.set("/_cluster/settings", &json!({"persistent": {"cluster.max_shards_per_node": 1}})).await;
    let done = world.check(&["--json"]).await.expect(69, &["a run would not work"]);
    let report = parsed(done);
    assert_eq!(report["works"], false);
    let problems = found(&report, "problem");
    assert!(has(&problems, &["no room for the indices of one day", "1 of 1 shards are in use"]), "{problems:#?}");
    assert!(has(&problems, &["trial", "no index like", "documents were not tried"]), "{problems:#?}");
    // The server of tests has watermarks off. Any disk is fuller than this, and none as full as that.
    let mark = |name: &str| format!("cluster.routing.allocation.disk.watermark.{name}");
    let on = json!({"cluster.routing.allocation.disk.threshold_enabled": true, mark("low"): "0.01%", mark("high"): "99.98%", mark("flood_stage"): "99.99%"});
    world.set("/_cluster/settings", &json!({"persistent": on})).await;
    // Room for today, and not for thirty days.
    world.set("/_cluster/settings", &json!({"persistent": {"cluster.max_shards_per_node": 10}})).await;
    // The events are older than 30 days, so that none of them counts and every family may come.
    let tight = world.report(0, &["--keep", "30d"]).await;
    assert!(has(&found(&tight, "warning"), &["the disk of node", "over the low watermark"]), "{tight:#}");
    assert!(has(&found(&tight, "warning"), &["257 shards will be in use with 30 days kept"]), "{tight:#}");
    assert_eq!(tight["sample"]["expired"], EVENTS);
}

#[tokio::test]
async fn what_would_halt_a_run_is_a_problem() {
    let world = World::fed(EVENTS).await;
    let piped = json!({"settings": {"index.number_of_replicas": 0}});
    world.set(&format!("/{INDEX}"), &piped).await;
    world.set(&format!("/{INDEX}/_settings"), &json!({"index.default_pipeline": "nope"})).await;
    let report = world.report(69, &[]).await;
    assert_eq!(report["works"], false);
    assert!(has(&found(&report, "problem"), &["trial", "a run would halt", INDEX, "nope"]), "{report:#}");
    assert!(!has(&found(&report, "ok"), &["documents is refused"]), "none was tried: {report:#}");
}

/// Passes everything on to the cluster but what begins so, `METHOD PATH`, which it never answers.
async fn mute(State((behind, never)): State<(String, &'static [&'static str])>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().expect("a path").to_string();
    let asked = format!("{} {path}", head.method);
    if never.iter().any(|begin| asked.starts_with(begin)) {
        std::future::pending::<()>().await;
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    let client = testkit::http::client().expect("a client");
    let passed = client.request(head.method, format!("{behind}{path}")).header("content-type", "application/json");
    let passed = passed.body(body).send().await.expect("an answer");
    let answer = Response::builder().status(passed.status().as_u16());
    answer.body(Body::from(passed.bytes().await.expect("a body"))).expect("valid")
}

/// A server between that never answers some.
async fn between(search: &Server, never: &'static [&'static str]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let app = Router::new().fallback(mute).with_state((search.url().to_owned(), never));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// A check that has made its throw-away index and waits for a bulk request; what it says goes to `log`.
async fn stuck(world: &World, never: &'static [&'static str], dir: &std::path::Path) -> tokio::process::Child {
    let (url, between) = (world.kinesis.url(), between(&world.search, never).await);
    let state = format!("file:{}", dir.join("state").display());
    let check = start(&args(&url, &between, &["--state", &state]), &dir.join("log"));
    until("the throw-away index is there", || async {
        world.names().await.iter().any(|name| name.contains("essink-check-"))
    })
    .await;
    check
}

async fn signal(check: &tokio::process::Child, name: &str) {
    let pid = check.id().expect("still running").to_string();
    assert!(tokio::process::Command::new("kill").args([name, &pid]).status().await.expect("kill runs").success());
}

fn said(dir: &std::path::Path) -> String {
    std::fs::read_to_string(dir.join("log")).expect("a log")
}

#[tokio::test]
async fn an_interrupted_check_removes_what_it_has_made() {
    let world = World::fed(EVENTS).await;
    let before = world.names().await;
    // A terminal that goes away is a signal, too.
    for name in ["-TERM", "-HUP"] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut check = stuck(&world, &["POST /_bulk"], dir.path()).await;
        signal(&check, name).await;
        let ended = tokio::time::timeout(PATIENCE, check.wait()).await.expect("in time").expect("waited for");
        assert_eq!(ended.code(), Some(75), "{name}");
        assert_eq!(world.names().await, before, "{name}");
        assert!(said(dir.path()).contains("interrupted"), "{name}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_a_check_at_once_and_says_what_may_be_left() {
    let world = World::fed(EVENTS).await;
    let dir = tempfile::tempdir().expect("a directory");
    let mut check = stuck(&world, &["POST /_bulk", "DELETE /"], dir.path()).await;
    signal(&check, "-INT").await;
    until("it says that it removes what was made", || async { said(dir.path()).contains("once more") }).await;
    let began = tokio::time::Instant::now();
    signal(&check, "-INT").await;
    let ended = tokio::time::timeout(PATIENCE, check.wait()).await.expect("in time").expect("waited for");
    assert_eq!(ended.code(), Some(75));
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "a request may take 10 s: {:?}", began.elapsed());
    let name = world.names().await.into_iter().find(|name| name.contains("essink-check-")).expect("it is left");
    let begin = name.trim_matches('"').rsplit_once('-').expect("numbered").0;
    assert!(said(dir.path()).contains(&format!("{begin}-*")), "{}", said(dir.path()));
}

#[tokio::test]
async fn a_cluster_that_hangs_ends_a_check_and_what_is_known_is_shown_before() {
    let world = World::fed(EVENTS).await;
    // It says what it is, and nothing else.
    let all = &["GET /_", "POST /", "PUT /", "DELETE /", "GET /e", "GET /p", "GET /s", "HEAD /"];
    let (url, between) = (world.kinesis.url(), between(&world.search, all).await);
    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state").display());
    let mut command = essink(&args(&url, &between, &["--state", &state, "--opensearch-timeout", "2s"]));
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = child.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut shown = Vec::new();
    while let Some(line) = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("read") {
        let answers = line.starts_with("ok") && line.contains("answers at");
        shown.push(line);
        if answers {
            assert!(child.try_wait().expect("asked").is_none(), "it is shown while the rest is looked at");
        }
    }
    let ended = child.wait().await.expect("it ends");
    assert_eq!(ended.code(), Some(69), "{shown:#?}");
    assert!(has(&shown, &["ok", "kinesis:GetRecords: granted"]) && has(&shown, &["answers at"]), "{shown:#?}");
    assert!(has(&shown, &["create an index in pinpoint-*", "not tried, because"]), "{shown:#?}");
    assert!(!shown.iter().any(|line| line.contains("cluster") && line.ends_with(": granted")), "{shown:#?}");
    assert_eq!(shown.iter().filter(|line| line.contains("kinesis:GetRecords: granted")).count(), 1, "once: {shown:#?}");
}

#[tokio::test]
async fn every_store_is_tried_and_left_as_it_was() {
    let world = World::fed(EVENTS).await;
    let dynamo = DynamoDb::start().await.expect("DynamoDB");
    let endpoint = dynamo.url();
    let place = ["--state", "dynamodb:essink-leases", "--dynamodb-endpoint-url", &endpoint];
    let none = world.report(0, &place).await;
    assert!(has(&found(&none, "ok"), &["table essink-leases is not there yet"]), "{none:#}");
    let listed = dynamo.call("ListTables", &json!({})).await.expect("tables");
    assert_eq!(listed["TableNames"], json!([]), "none is made");
    catch_up(&world.kinesis, &world.search, "s", &place).await.expect(0, &[]);
    let rows =
        async || dynamo.call("Scan", &json!({"TableName": "essink-leases"})).await.expect("rows")["Count"].clone();
    let before = rows().await;
    let there = world.report(0, &place).await;
    for action in ["PutItem", "UpdateItem", "DeleteItem"] {
        assert!(has(&found(&there, "ok"), &[&format!("dynamodb:{action}: granted")]), "{there:#}");
    }
    assert_eq!(rows().await, before);
    let statements = there["policies"]["iam"]["Statement"].to_string();
    assert!(statements.contains("dynamodb:UpdateItem") && statements.contains(":table/essink-leases"), "{statements}");

    let dir = tempfile::tempdir().expect("a directory");
    let (letters, state) = (dir.path().join("letters"), dir.path().join("state.json"));
    let (letters, state) = (format!("dir:{}", letters.display()), format!("file:{}", state.display()));
    let files = ["--state", &state, "--dead-letters", &letters];
    world.report(0, &files).await;
    assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 0, "nothing is left");
    let alone = parsed(
        finish(essink(&args(NOBODY, world.search.url(), &[&["--json"], &files[..]].concat()))).await.expect(69, &[]),
    );
    assert!(
        has(&found(&alone, "ok"), &["state", "state.json can be written"]),
        "looked at without the stream: {alone:#}"
    );
    let away = world.report(69, &["--state", "file:/nowhere/at/all"]).await;
    assert!(has(&found(&away, "problem"), &["state", "/nowhere/at/all", "cannot be written"]), "{away:#}");
}

/// On a fresh server: its own rights and templates, a refusal, and nothing left.
pub async fn tells_what_a_server_would_do(search: &Server) {
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 1).await.expect("stream");
    let records: Vec<_> = (0..EVENTS).map(|n| numbered(n, "")).collect();
    kinesis.client().put_records("s", &records).await.expect("put");
    let (url, before) = (kinesis.url(), names(search).await);
    let report = async || parsed(finish(essink(&args(&url, search.url(), &["--json"]))).await.expect(0, &[]));
    let fresh = report().await;
    assert!(has(&found(&fresh, "ok"), &[&format!("none of {EVENTS} documents is refused")]), "{fresh:#}");
    assert!(has(&found(&fresh, "ok"), &["create an index in pinpoint-*", "granted"]), "{fresh:#}");
    assert!(!has(&found(&fresh, "warning"), &["could not be looked at"]), "{fresh:#}");
    assert_eq!(names(search).await, before);
    finish(essink(&["init-templates", "--opensearch-url", search.url(), "--replicas", "0"])).await.expect(0, &[]);
    let before = names(search).await;
    let simulated = report().await;
    assert!(has(&found(&simulated, "ok"), &[&format!("none of {EVENTS} documents is refused")]), "{simulated:#}");
    let other = json!({"mappings": {"properties": {"attributes": {"properties": {"n": {"type": "ip"}}}}}});
    search.send(Method::PUT, &format!("/{INDEX}"), &other).await.expect("made");
    let refused = report().await;
    assert!(
        has(&found(&refused, "warning"), &[&format!("{EVENTS} of {EVENTS} documents would be refused")]),
        "{refused:#}"
    );
    assert!(has(&found(&refused, "ok"), &[&format!("write to {INDEX}"), "granted"]), "{refused:#}");
    assert_eq!(count(search, INDEX).await, 0);
    assert_eq!(names(search).await.len(), before.len() + 1);
}

#[tokio::test]
async fn a_bucket_of_dead_letters_is_tried_and_nothing_is_put() {
    let world = World::fed(EVENTS).await;
    let s3 = S3::start(&["letters"]).expect("S3");
    let endpoint = s3.url();
    let place = |bucket: &'static str| ["--dead-letters", bucket, "--s3-endpoint-url", &endpoint];
    let report = world.report(0, &place("s3://letters/kept")).await;
    let fine = found(&report, "ok");
    assert!(has(&fine, &["s3:ListBucket on letters: granted"]), "{fine:#?}");
    assert!(has(&fine, &["s3:PutObject in letters/kept/: granted"]), "{fine:#?}");
    assert_eq!(s3.keys("letters").len(), 0, "nothing is put");
    let missing = world.report(69, &place("s3://elsewhere")).await;
    assert!(has(&found(&missing, "problem"), &["dead letters", "s3:ListBucket", "elsewhere"]), "{missing:#}");
}

#[tokio::test]
async fn who_else_is_at_work_in_the_group_is_named() {
    let world = World::fed(EVENTS).await;
    let (url, dir) = (world.kinesis.url(), tempfile::tempdir().expect("a directory"));
    let mut run = run_args(&url, world.search.url(), "s");
    run.extend(["--lease-timeout", "3s"]);
    let worker = start(&run, &dir.path().join("log"));
    until("it works", || async { count(&world.search, "pinpoint-*").await == EVENTS as u64 }).await;
    let report = world.report(0, &[]).await;
    assert!(has(&found(&report, "warning"), &["state", "group essink has 1 living workers"]), "{report:#}");
    assert!(!has(&found(&world.report(0, &["--group", "other"]).await, "warning"), &["living"]));
    assert_eq!(terminate(worker).await, Some(0));
    assert!(!has(&found(&world.report(0, &[]).await, "warning"), &["living"]), "it has stopped");

    let dynamo = DynamoDb::start().await.expect("DynamoDB");
    let endpoint = dynamo.url();
    let place = ["--state", "dynamodb:app", "--dynamodb-endpoint-url", &endpoint];
    catch_up(&world.kinesis, &world.search, "s", &[&place[..], &["--group", "kcl"]].concat()).await.expect(0, &[]);
    let renew = async {
        for n in 1_000.. {
            let lease = json!({
                "leaseKey": {"S": "shardId-000000000000"}, "leaseOwner": {"S": "old-app"}, "leaseCounter": {"N": n.to_string()},
                "checkpoint": {"S": "TRIM_HORIZON"}, "checkpointSubSequenceNumber": {"N": "0"}, "ownerSwitchesSinceCheckpoint": {"N": "0"},
            });
            dynamo.put("app", &lease).await.expect("put");
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let args = [&place[..], &["--group", "kcl"]].concat();
    let report = tokio::select! {
        report = world.report(0, &args) => report,
        () = renew => unreachable!("it goes on"),
    };
    assert!(has(&found(&report, "warning"), &["worker of a KCL application, old-app"]), "{report:#}");
}
