//! The roles that `essink check` prints, given to users: each is enough for every command, and a right less is named.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::search::Options;

use super::*;
use crate::page::Page;

/// `essink check --json` by a user, which ends so.
async fn checked(kinesis: &Kinesis, search: &Server, user: &str, code: i32, more: &[&str]) -> Value {
    let url = kinesis.url();
    let mut args =
        vec!["check", "--stream", "secured", "--kinesis-endpoint-url", &url, "--opensearch-url", search.url()];
    args.extend(["--replicas", "0", "--keep", "3000d", "--json"]);
    args.extend(more);
    let done = discreetly(as_user(essink(&args), user, PASSWORD)).await.expect(code, &[]);
    serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {done:?}"))
}

/// `ABOUT: WHAT` of every problem.
fn problems(report: &Value) -> Vec<String> {
    let found = report["findings"].as_array().expect("findings").iter().filter(|f| f["level"] == "problem");
    found.map(|f| format!("{}: {}", f["about"], f["what"])).collect()
}

fn names_all(problems: &[String], rights: &[&str]) {
    for right in rights {
        assert!(problems.iter().any(|problem| problem.contains(right)), "no {right} in {problems:#?}");
    }
}

#[tokio::test]
async fn a_check_names_the_rights_that_opensearch_lacks_and_its_role_is_enough() {
    let search = server(Kind::OpenSearch3).await;
    let kinesis = mixed().await;
    let ca = search.ca_file().expect("it speaks TLS");
    let ca = ["--opensearch-ca", ca.to_str().expect("text")];
    let report = checked(&kinesis, &search, "limited", 69, &ca).await;
    let lacks = [
        "write index templates",
        "write component templates",
        "create an index in pinpoint-*",
        "delete an index in ses-*",
    ];
    names_all(&problems(&report), &lacks);
    assert!(!problems(&report).iter().any(|problem| problem.contains("kinesis")), "{report:#}");
    assert_eq!(checked(&kinesis, &search, "admin", 0, &ca).await["works"], true);

    // The role as it stands there, given to somebody, is all that a run and a check need.
    let role = &report["policies"]["opensearch_role"];
    let api = "/_plugins/_security/api";
    let put = async |path: &str, body: &Value| {
        search.send(Method::PUT, &format!("{api}/{path}"), body).await.expect("it is taken");
    };
    put("roles/essink", role).await;
    put("internalusers/worker", &json!({"password": PASSWORD})).await;
    put("rolesmapping/essink", &json!({"users": ["worker"]})).await;
    let report = checked(&kinesis, &search, "worker", 0, &ca).await;
    everything_is_seen(&report);
    assert!(report["findings"].to_string().contains("none of 21 documents is refused"), "{report:#}");
    does_everything(&kinesis, &search, &ca).await;
    search.send(Method::PUT, "/essink-check-of-yore", &json!({"settings": {"hidden": true}})).await.expect("made");
    let report = checked(&kinesis, &search, "worker", 0, &ca).await;
    everything_is_seen(&report);
    assert!(report["findings"].to_string().contains("another check are there: essink-check-of-yore"), "{report:#}");

    let without = [
        ("indices:data/read/*", "read essink-dead-letters-*"),
        ("indices:admin/refresh*", "refresh essink-dead-letters-*"),
    ];
    for (n, (right, name)) in without.into_iter().enumerate() {
        let (mut less_of_it, user) = (role.clone(), format!("less{n}"));
        less_of_it["index_permissions"][1]["allowed_actions"]
            .as_array_mut()
            .expect("a list")
            .retain(|one| one != right);
        put(&format!("roles/{user}"), &less_of_it).await;
        put(&format!("internalusers/{user}"), &json!({"password": PASSWORD})).await;
        put(&format!("rolesmapping/{user}"), &json!({"users": [user]})).await;
        assert_eq!(missing(&less(&kinesis, &search, n, &ca).await), BTreeSet::from([name.to_owned()]));
    }
    search.stop().await.expect("stopped");
}

/// Checks at a time.
const TOGETHER: usize = 4;
/// The day of `numbered`'s events, and one whose index refuses what comes.
const DAY: &str = "pinpoint-2026-09-21";
const REFUSES: &str = "pinpoint-2026-09-22";

/// The stream of `stream`, with an event for the second day, and a record that is none.
async fn mixed() -> Kinesis {
    let kinesis = stream(20).await;
    let refused = json!({"event_type": "x", "event_version": "3.1", "awsAccountId": "1", "arrival_timestamp": 1_790_086_400_000_i64, "n": 1});
    let records = [("k".to_owned(), refused.to_string().into_bytes()), ("k".to_owned(), b"no event".to_vec())];
    kinesis.client().put_records("secured", &records).await.expect("put");
    kinesis
}

/// Everything that a user with the printed role does, by `worker`.
async fn does_everything(kinesis: &Kinesis, search: &Server, more: &[&str]) {
    let by_worker = async |words: &[&str], code: i32| {
        let args = [words, &["--opensearch-url", search.url()], more].concat();
        discreetly(as_user(essink(&args), "worker", PASSWORD)).await.expect(code, &[])
    };
    let told = async |words: &[&str]| {
        let done = by_worker(words, 0).await;
        serde_json::from_str::<Value>(&done.out).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    };
    let strict = json!({"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": {"@timestamp": {"type": "date"}}}});
    search.send(Method::PUT, &format!("/{REFUSES}"), &strict).await.expect("made");

    by_worker(&["init-templates", "--replicas", "0"], 0).await;

    // A worker with its page.
    let (url, page, dir) = (kinesis.url(), Page::on_a_free_port(), tempfile::tempdir().expect("a directory"));
    let args = [&page.instead_of_none(run_args(&url, search.url(), "secured"))[..], more].concat();
    let log = std::fs::File::create(dir.path().join("log")).expect("a log");
    let mut command = as_user(essink(&args), "worker", PASSWORD);
    let worker = command.stdout(std::process::Stdio::null()).stderr(log).spawn().expect("it starts");
    until("it has read all", || async {
        // Refreshed, so that the page finds them at once.
        count(search, DAY).await == 20 && count(search, "essink-dead-letters-*").await == 2
    })
    .await;
    let panel = async |id: &str| {
        let path = format!("/page/panels/pipeline/{id}?from=1780000000000&to=1850000000000");
        let (status, text) = page.get(&path).await.expect("an answer");
        assert_eq!(status, 200, "{text}");
        text
    };
    let shown: Value = serde_json::from_str(&panel("by-provider").await).expect("JSON");
    let rows = shown["table"]["rows"].as_array().expect("rows").iter().filter_map(|row| row["values"][0].as_f64());
    assert_eq!(rows.sum::<f64>(), 20.0, "{shown}");
    let letters = panel("dead-letters").await;
    assert!(letters.contains("refused") && letters.contains("not_json"), "{letters}");
    assert_eq!(terminate(worker).await, Some(0));

    let listed = told(&["dead-letters", "list", "--json"]).await;
    assert_eq!(listed["groups"].as_array().map(Vec::len), Some(2), "{listed}");
    let example = listed["groups"][0]["example"].as_str().expect("an id");
    by_worker(&["dead-letters", "show", example], 0).await;
    search.send(Method::PUT, &format!("/{REFUSES}/_mapping"), &json!({"dynamic": true})).await.expect("mended");
    let driven = told(&["dead-letters", "redrive", "--replicas", "0", "--json"]).await;
    assert_eq!((&driven["removed"], &driven["refused_again"]), (&json!(1), &json!(1)), "{driven}");
    assert_eq!(count(search, REFUSES).await, 1);
    let group = &told(&["dead-letters", "list", "--json"]).await["groups"];
    assert_eq!((group.as_array().map(Vec::len), &group[0]["tries"]), (Some(1), &json!(1)), "{group}");
    told(&["status", "--stream", "secured", "--kinesis-endpoint-url", &url, "--json"]).await;

    by_worker(&["prune", "--keep", "30d", "--yes"], 0).await;
    for day in [DAY, REFUSES] {
        assert!(search.get(&format!("/{day}")).await.is_err(), "{day} is past");
    }
}

/// What is said not to be granted.
fn missing(report: &Value) -> BTreeSet<String> {
    let said =
        report["findings"].as_array().expect("findings").iter().map(|found| found["what"].as_str().expect("a text"));
    said.filter_map(|what| what.split_once(" is not granted")).map(|(right, _)| right.to_owned()).collect()
}

/// With the role as it was printed nothing is missing, and nothing is hidden from a check.
fn everything_is_seen(report: &Value) {
    assert_eq!((missing(report), problems(report)), (BTreeSet::new(), vec![]));
    let hidden = report["findings"].as_array().expect("findings").iter().map(|found| found["what"].to_string());
    let hidden: Vec<_> = hidden.filter(|what| what.contains("could not be") || what.contains("not tried")).collect();
    assert_eq!(hidden, [""; 0]);
}

/// The role without one right at a time, and what a check has to call that right.
fn lessened(role: &Value) -> Vec<(Value, String)> {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().expect("a list").iter().map(|one| one.as_str().expect("a text").to_owned()).collect()
    };
    let mut all = Vec::new();
    for (at, right) in texts(&role["cluster"]).iter().enumerate() {
        let mut less = role.clone();
        less["cluster"].as_array_mut().expect("a list").remove(at);
        all.push((less, format!("cluster privilege {right}")));
    }
    let groups = role["indices"].as_array().expect("groups");
    for (group, of) in groups.iter().enumerate().filter(|(_, of)| of["names"] != json!(["essink-check-*"])) {
        for (at, right) in texts(&of["privileges"]).iter().enumerate() {
            let mut less = role.clone();
            less["indices"][group]["privileges"].as_array_mut().expect("a list").remove(at);
            all.push((less, format!("index privilege {right} on {}", texts(&of["names"]).join(", "))));
        }
    }
    all
}

/// Gives each user a role of its own, as it stands there. The server core cannot store roles (below), but reads them
/// from a file: with the same parser, and JSON is YAML.
async fn give(search: &Server, users: &[(String, &Value)]) {
    let config = search.scratch().join("config");
    let read = |name: &str| std::fs::read_to_string(config.join(name)).expect("a file");
    let (mut roles, mut known, mut theirs) = (read("roles.yml"), read("users"), read("users_roles"));
    let line = known.lines().find(|line| line.starts_with("limited:")).expect("a user").to_owned();
    let (_, password) = line.split_once(':').expect("a hash");
    for (user, role) in users {
        roles += &format!("{user}: {role}\n");
        known += &format!("{user}:{password}\n");
        theirs += &format!("{user}:{user}\n");
    }
    for (name, text) in [("users", known), ("users_roles", theirs), ("roles.yml", roles)] {
        // The server must not see half of it.
        let new = config.join("new");
        std::fs::write(&new, text).expect("written");
        std::fs::rename(new, config.join(name)).expect("in its place");
    }
    let (last, role) = users.last().expect("some");
    let client = testkit::http::client_for(last, PASSWORD, None).expect("a client");
    let asked = json!({"cluster": role["cluster"], "index": role["indices"]});
    until("the server has read its files", || async {
        let url = format!("{}/_security/user/_has_privileges", search.url());
        let answer = client.post(url).header("content-type", "application/json").body(asked.to_string()).send().await;
        let answer = answer.expect("an answer").text().await.expect("a text");
        answer.contains("\"has_all_requested\":true")
    })
    .await;
}

/// The server takes this body as a role. It cannot keep it: the index of roles needs a module that Maven does not have.
async fn is_taken_as_a_role(search: &Server, role: &Value) {
    let refusal = async |role: &Value| {
        format!("{:#}", search.send(Method::PUT, "/_security/role/essink", role).await.expect_err("no such module"))
    };
    let said = refusal(role).await;
    assert!(said.contains("pattern_capture"), "{said}");
    let mut nonsense = role.clone();
    nonsense["indices"][0]["privileges"][0] = json!("nonsense");
    let said = refusal(&nonsense).await;
    assert!(said.contains("nonsense") && !said.contains("pattern_capture"), "{said}");
}

/// `all`: with every right away in turn.
async fn elasticsearch(kind: Kind, all: bool) {
    let sets = vec![("resource.reload.interval.high", "200ms".to_owned())];
    let search = Server::start(kind, Options { password: Some(PASSWORD), sets, ..Options::default() }).await;
    let (search, kinesis) = (search.expect("a server with users"), mixed().await);
    let report = checked(&kinesis, &search, "admin", 0, &[]).await;
    assert_eq!(missing(&report), BTreeSet::new());
    let role = &report["policies"]["elasticsearch_role"];
    is_taken_as_a_role(&search, role).await;
    let lessened = if all { lessened(role) } else { Vec::new() };
    let mut users: Vec<(String, &Value)> =
        (0..).map(|n| format!("less{n}")).zip(lessened.iter().map(|(less, _)| less)).collect();
    users.push(("worker".to_owned(), role));
    give(&search, &users).await;

    let report = checked(&kinesis, &search, "worker", 0, &[]).await;
    everything_is_seen(&report);
    assert!(report["findings"].to_string().contains("none of 21 documents is refused"), "{report:#}");
    does_everything(&kinesis, &search, &[]).await;
    search.send(Method::PUT, "/essink-check-of-yore", &json!({"settings": {"hidden": true}})).await.expect("made");
    let report = checked(&kinesis, &search, "worker", 0, &[]).await;
    everything_is_seen(&report);
    assert!(report["findings"].to_string().contains("another check are there: essink-check-of-yore"), "{report:#}");

    let numbered: Vec<_> = lessened.iter().enumerate().collect();
    for some in numbered.chunks(TOGETHER) {
        let checks = some.iter().map(|(n, (_, name))| (name, tokio::spawn(less(&kinesis, &search, *n, &[]))));
        for (name, check) in checks.collect::<Vec<_>>() {
            let report = check.await.expect("a report");
            let missing = missing(&report);
            assert!(missing.len() == 1 && missing.iter().all(|one| one.starts_with(name)), "{name}: {report:#}");
        }
    }
    search.stop().await.expect("stopped");
}

/// `essink check --json` by one of the users with less, of the rights alone.
fn less(kinesis: &Kinesis, search: &Server, user: usize, more: &[&str]) -> impl Future<Output = Value> + use<> {
    let url = kinesis.url();
    let mut args =
        vec!["check", "--stream", "secured", "--kinesis-endpoint-url", &url, "--opensearch-url", search.url()];
    args.extend(["--replicas", "0", "--keep", "3000d", "--json", "--no-write", "--sample", "0"]);
    args.extend(more);
    let check = as_user(essink(&args), &format!("less{user}"), PASSWORD);
    async {
        let done = discreetly(check).await;
        serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    }
}

#[tokio::test]
async fn the_role_of_elasticsearch_8_is_enough_and_a_right_less_is_named() {
    elasticsearch(Kind::Elasticsearch8, true).await;
}

#[tokio::test]
async fn the_role_of_elasticsearch_7_is_enough() {
    elasticsearch(Kind::Elasticsearch7, false).await;
}
