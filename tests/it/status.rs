//! `essink status`: one screen, whatever does not answer.

use std::process::Stdio;

use http::Method;
use serde_json::{Value, json};
use testkit::dynamodb::DynamoDb;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::page::Page;
use crate::requests::{ask, client, create_all};
use crate::support::*;
use crate::world::World;

/// Nothing listens on port 1 of this machine.
const NOBODY: &str = "http://127.0.0.1:1";
const EVENTS: usize = 100;

impl World {
    /// Events in both shards, and a record that becomes a dead letter.
    async fn with_a_bad_record() -> Self {
        let world = Self::fed(EVENTS).await;
        world.kinesis.client().put_records("s", &[("k".to_owned(), b"{oops".to_vec())]).await.expect("put");
        world
    }

    /// `essink status --json`, which must end with 0.
    async fn status(&self, kinesis: &str, search: &str, more: &[&str]) -> Value {
        let said = finish(essink(&args(kinesis, search, &[more, &["--json"]].concat()))).await.expect(0, &[]);
        serde_json::from_str(&said.out).expect("JSON")
    }
}

fn args<'a>(kinesis: &'a str, search: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["status", "--stream", "s", "--kinesis-endpoint-url", kinesis, "--opensearch-url", search];
    args.extend(["--lease-timeout", "3s"]);
    if !more.contains(&"--http-listen") {
        args.extend(["--http-listen", "none"]);
    }
    args.extend(more);
    args
}

fn whats(status: &Value) -> Vec<&str> {
    status["unknown"].as_array().expect("a list").iter().map(|one| one["what"].as_str().expect("a text")).collect()
}

fn oldest(status: &Value) -> Vec<i64> {
    status["shards"].as_array().expect("shards").iter().filter_map(|shard| shard["oldest_ms"].as_i64()).collect()
}

#[tokio::test]
async fn a_running_worker_is_seen_whole_and_one_that_has_stopped_by_its_positions() {
    let world = World::with_a_bad_record().await;
    let (url, search) = (world.kinesis.url(), world.search.url());
    let none = world.status(&url, search, &[]).await;
    assert_eq!((none["shards"].as_array().map(Vec::len), none["waiting"].as_array().map(Vec::len)), (Some(0), Some(2)));
    assert_eq!(none["dead_letters"]["letters"], 0);

    let (page, dir) = (Page::on_a_free_port(), tempfile::tempdir().expect("a directory"));
    let mut run = page.instead_of_none(run_args(&url, search, "s"));
    run.extend(["--lease-timeout", "3s", "--checkpoint-interval", "200ms"]);
    let worker = start(&run, &dir.path().join("log"));
    until("all is indexed", || async { count(&world.search, "pinpoint-*").await == EVENTS as u64 }).await;
    until("the letter is there", || async { count(&world.search, "essink-dead-letters-*").await == 1 }).await;
    let listen = run[run.iter().position(|arg| *arg == "--http-listen").expect("given") + 1];
    let seen = world.status(&url, search, &["--http-listen", listen]).await;
    assert_eq!(seen["shards"].as_array().map(Vec::len), Some(2), "{seen}");
    for shard in seen["shards"].as_array().expect("shards") {
        assert_eq!(
            (&shard["alive"], &shard["state"], &shard["says"]),
            (&true.into(), &"open".into(), &"worker".into())
        );
        assert_eq!(shard["owner"], seen["workers"][0]["worker"]);
    }
    let found = &seen["workers"][0];
    assert_eq!((&found["shards"], &found["alive"], &found["page"]["ready"]), (&2.into(), &true.into(), &true.into()));
    assert_eq!(found["page"]["url"], format!("http://{listen}"));
    assert_eq!(found["page"]["events"]["indexed"], EVENTS);
    assert_eq!(
        (&seen["dead_letters"]["letters"], &seen["dead_letters"]["reasons"]["not_json"]),
        (&1.into(), &1.into())
    );
    assert_eq!(whats(&seen), [""; 0]);
    let other = world.status(&url, search, &["--http-listen", listen, "--group", "other"]).await;
    assert_eq!(
        (whats(&other), &other["workers"]),
        (vec!["a worker's page"], &serde_json::json!([])),
        "of another group"
    );
    // Without its page it is still known by its leases, and Kinesis says what the shards owe.
    let blind = world.status(&url, search, &[]).await;
    assert_eq!((&blind["workers"][0]["alive"], &blind["workers"][0]["page"]), (&true.into(), &Value::Null));
    assert!(blind["shards"].as_array().expect("shards").iter().all(|shard| shard["says"] == "kinesis"), "{blind}");

    assert_eq!(terminate(worker).await, Some(0));
    world.put(EVENTS..EVENTS + 1).await;
    let owes = world.status(&url, search, &["--worker-url", NOBODY]).await;
    assert_eq!(oldest(&owes).len(), 1, "one shard owes one event: {owes}");
    assert!(owes["shards"].as_array().expect("shards").iter().all(|shard| shard["owner"].is_null()), "{owes}");
    assert_eq!(whats(&owes), ["a worker's page"], "somebody named it");
    let text = finish(essink(&args(&url, search, &[]))).await.expect(0, &[]).out;
    let words =
        ["stream s, group essink", "2 shards, 0 workers", "dead letters: 1", "free", "not_json 1", "SHARD", "after …"];
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert!(text.lines().count() <= 24, "one screen: {text}");
    // Nothing moved: the event is still there to be read, once.
    let on = catch_up(&world.kinesis, &world.search, "s", &[]).await.expect(0, &["\"events.already_there\":0"]);
    assert!(on.err.contains("\"events.indexed\":1,"), "{}", on.err);
}

#[tokio::test]
async fn a_page_that_asks_for_a_token_is_seen_with_it_and_told_of_without() {
    const TOKEN: &str = "a-token-of-sixteen-and-more";
    let world = World::with_a_bad_record().await;
    let (url, search) = (world.kinesis.url(), world.search.url());
    let (page, dir) = (Page::on_a_free_port(), tempfile::tempdir().expect("a directory"));
    let token = dir.path().join("token");
    std::fs::write(&token, TOKEN).expect("written");
    let token = ["--http-token-file", token.to_str().expect("text")];
    let run = page.instead_of_none([run_args(&url, search, "s"), token.to_vec()].concat());
    let worker = start(&run, &dir.path().join("log"));
    until("all is indexed", || async { count(&world.search, "pinpoint-*").await == EVENTS as u64 }).await;
    let at = page.url("");
    let named = ["--worker-url", at.trim_end_matches('/')];
    let seen = world.status(&url, search, &[&named[..], &token].concat()).await;
    assert_eq!((whats(&seen), &seen["workers"][0]["page"]["ready"]), (vec![], &true.into()), "{seen}");
    let blind = world.status(&url, search, &named).await;
    assert_eq!((whats(&blind), &blind["workers"][0]["page"]), (vec!["a worker's page"], &Value::Null), "{blind}");
    assert!(blind["unknown"][0]["why"].as_str().is_some_and(|why| why.contains("ESSINK_HTTP_TOKEN")), "{blind}");
    assert_eq!(terminate(worker).await, Some(0));
}

#[tokio::test]
async fn what_does_not_answer_is_unknown_but_without_the_positions_it_is_69() {
    let world = World::with_a_bad_record().await;
    let (url, search) = (world.kinesis.url(), world.search.url());
    catch_up(&world.kinesis, &world.search, "s", &[]).await.expect(0, &[]);
    // The stream's ARN is remembered by its positions.
    let blind = world.status(NOBODY, search, &[]).await;
    assert_eq!(whats(&blind), ["state and lag of the shards"]);
    assert_eq!(blind["shards"].as_array().map(Vec::len), Some(2));
    assert_eq!((&blind["shards"][0]["state"], &blind["behind_ms"]), (&"unknown".into(), &Value::Null));
    assert!(blind["arn"].as_str().is_some_and(|arn| arn.ends_with(":stream/s")), "{blind}");
    assert_eq!(blind["dead_letters"]["letters"], 1);
    finish(essink(&args(&url, NOBODY, &[]))).await.expect(69, &["essink-state", "cannot be read", "127.0.0.1:1"]);

    let dir = tempfile::tempdir().expect("a directory");
    let state = format!("file:{}", dir.path().join("state.json").display());
    let letters = dir.path().join("letters");
    let letters = format!("dir:{}", letters.display());
    let kept = ["--state", &state, "--dead-letters", &letters];
    let own = [&kept[..], &["--group", "file"]].concat();
    catch_up(&world.kinesis, &world.search, "s", &own).await.expect(0, &[]);
    let alone = world.status(NOBODY, NOBODY, &own).await;
    assert_eq!(alone["shards"].as_array().map(Vec::len), Some(2), "{alone}");
    assert_eq!(alone["dead_letters"]["reasons"]["not_json"], 1);
    let half = world.status(&url, NOBODY, &["--state", &state, "--group", "file"]).await;
    let away = vec!["dead letters", "days on disk"];
    assert_eq!((whats(&half), &half["shards"][0]["says"], &half["disk"]), (away, &"kinesis".into(), &Value::Null));
}

#[tokio::test]
async fn days_on_disk_are_those_that_are_there() {
    let world = World::fed(1).await;
    let client = client(world.search.url());
    for (index, documents) in [("ses-2020-01-01", 3), ("ses-2020-01-05", 2), ("ses-2999-01-01", 1), ("ses-2020-01", 1)]
    {
        assert_eq!(create_all(&client, index, &vec![json!({"a": 1}); documents]).await, [Value::Null; 0]);
    }
    create_all(&client, "essink-dead-letters-2020-01-02", &[json!({"a": 1})]).await;
    ask(&client, Method::PUT, "/ses-2020-01-04", None).await;
    ask(&client, Method::POST, "/ses-2020-01-04/_close", None).await;
    let stats = ask(&client, Method::GET, "/ses-2020-01-01,ses-2020-01-05,ses-2999-01-01/_stats/store", None).await;
    let size = |copies: &str, index: &str| match index {
        "" => stats["_all"][copies]["store"]["size_in_bytes"].clone(),
        _ => stats["indices"][index][copies]["store"]["size_in_bytes"].clone(),
    };
    let seen = world.status(NOBODY, world.search.url(), &["--keep", "30d"]).await;
    let of = |family: &str| {
        let all = seen["disk"].as_array().expect("families");
        all.iter().find(|one| one["family"] == family).unwrap_or_else(|| panic!("no {family}: {seen}")).clone()
    };
    let ses = of("ses");
    assert_eq!((&ses["indices"], &ses["days"], &ses["documents"]), (&json!("ses-*"), &json!(4), &json!(6)));
    assert_eq!((&ses["oldest"], &ses["newest"]), (&json!("2020-01-01"), &json!("2999-01-01")));
    assert_eq!((&ses["primary_bytes"], &ses["bytes"]), (&size("primaries", ""), &size("total", "")));
    assert_eq!((&ses["unsized_days"], &ses["other_indices"]), (&json!(1), &json!(1)));
    assert_eq!((&ses["keep_days"], &ses["older_days"]), (&json!(30), &json!(3)), "and the closed one among them");
    let older = ["ses-2020-01-01", "ses-2020-01-05"].map(|index| size("total", index).as_u64().expect("a size"));
    assert_eq!(ses["older_bytes"], json!(older[0] + older[1]));
    let letters = of("dead letters");
    assert_eq!((&letters["days"], &letters["documents"], &letters["keep_days"]), (&json!(1), &json!(1), &Value::Null));
    assert_eq!(of("bird")["days"], 0);
    let text = finish(essink(&args(NOBODY, world.search.url(), &["--keep", "30d"]))).await.expect(0, &[]).out;
    for words in [
        "ON DISK",
        "4 (1 closed, of unknown size)",
        "ses-*: 1 more that are no days",
        "prune --keep 30d --dry-run names",
        "(30d)",
    ] {
        assert!(text.contains(words), "no {words} in {text}");
    }
}

#[tokio::test]
async fn positions_in_dynamodb_are_shown_with_and_without_kinesis() {
    let world = World::with_a_bad_record().await;
    let dynamo = DynamoDb::start().await.expect("DynamoDB");
    let endpoint = dynamo.url();
    let place = ["--state", "dynamodb:essink-leases", "--dynamodb-endpoint-url", &endpoint];
    catch_up(&world.kinesis, &world.search, "s", &place).await.expect(0, &[]);
    for kinesis in [&world.kinesis.url(), NOBODY] {
        let seen = world.status(kinesis, world.search.url(), &place).await;
        let positions: Vec<_> = seen["shards"].as_array().expect("shards").iter().map(|s| &s["position"]).collect();
        assert_eq!(positions.len(), 2, "{seen}");
        assert!(positions.iter().all(|at| at.as_str().is_some_and(|at| at.starts_with("after record"))), "{seen}");
        assert_eq!(seen["state"], "dynamodb:essink-leases");
    }
    let gone = ["--state", "dynamodb:essink-leases", "--dynamodb-endpoint-url", NOBODY];
    finish(essink(&args(&world.kinesis.url(), world.search.url(), &gone)))
        .await
        .expect(69, &["dynamodb:essink-leases"]);
}

#[tokio::test]
async fn watching_prints_a_line_of_json_each_time() {
    let world = World::with_a_bad_record().await;
    let url = world.kinesis.url();
    let mut command = essink(&args(&url, world.search.url(), &["--watch", "1", "--json"]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = async || -> Value {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("read");
        serde_json::from_str(&line.expect("it goes on")).expect("JSON")
    };
    assert_eq!(next().await["shards"].as_array().map(Vec::len), Some(0));
    catch_up(&world.kinesis, &world.search, "s", &[]).await.expect(0, &[]);
    let mut looks = 1;
    while next().await["shards"].as_array().map(Vec::len) != Some(2) {
        looks += 1;
        assert!(looks < 100, "the positions are not seen");
    }
    child.kill().await.expect("it can be ended");
}
