//! Prune on a real cluster: each starts from a wiped one.

use std::num::NonZeroU32;

use chrono::NaiveDate;
use essink::event::time::Day;
use essink::upkeep::retention::{Keep, PruneOptions, Rotation, apply, prepare};
use http::Method;
use serde_json::{Value, json};

use super::requests::{ask, client, create_all};
use super::support::{essink, finish};

fn options(families: &[(&str, u32)]) -> PruneOptions {
    let keep = |(prefix, days): &(&str, u32)| Keep { prefix: (*prefix).into(), days: NonZeroU32::new(*days).unwrap() };
    PruneOptions { families: families.iter().map(keep).collect(), rotations: vec![Rotation::Day], max_delete: 100 }
}

fn today() -> Day {
    Day::of(NaiveDate::from_ymd_opt(2026, 11, 21).unwrap())
}

async fn make(client: &essink::opensearch::client::Client, names: &[&str]) {
    for name in names {
        let body = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}});
        ask(client, Method::PUT, &format!("/{name}"), Some(&body)).await;
    }
}

async fn there(client: &essink::opensearch::client::Client) -> Vec<String> {
    let listed = ask(client, Method::GET, "/_alias?expand_wildcards=open,closed", None).await;
    let mut names: Vec<_> = listed.as_object().unwrap().keys().filter(|n| !n.starts_with('.')).cloned().collect();
    names.sort();
    names
}

/// Look-alikes, an alias's write index, an alias with a day's name, a closed index, today and the future.
pub async fn only_what_the_plan_said_goes(url: &str) {
    let client = client(url);
    let stays = [
        "archive",
        "essink-dead-letters-2020-01-01",
        "pinpoint",
        "pinpoint-2020-01-01-copy",
        "pinpoint-2020-01-03",
        "pinpoint-2020-02",
        "pinpoint-2020.01.01",
        "pinpoint-2026-10-22",
        "pinpoint-2026-11-21",
        "pinpoint-2026-11-22",
        "pinpoint-2026-13-01",
        "pinpoint-backup-2020-01-01",
        "xpinpoint-2020-01-01",
    ];
    let goes = ["pinpoint-2020-01-01", "pinpoint-2020-01-02", "pinpoint-2026-01-01", "pinpoint-2026-10-21"];
    make(&client, &stays).await;
    make(&client, &goes).await;
    create_all(&client, "pinpoint-2026-01-01", &[json!({"a": 1})]).await;
    ask(&client, Method::POST, "/pinpoint-2020-01-02/_close", None).await;
    let aliases = json!({"actions": [
        {"add": {"index": "pinpoint-2020-01-03", "alias": "now", "is_write_index": true}},
        {"add": {"index": "pinpoint-2020-01-01", "alias": "all"}},
        {"add": {"index": "archive", "alias": "pinpoint-2019-01-01"}},
    ]});
    ask(&client, Method::POST, "/_aliases", Some(&aliases)).await;

    let plan = prepare(&client, &options(&[("pinpoint-", 30)]), today()).await.unwrap();
    assert_eq!(plan.drop.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), goes, "{plan}");
    assert_eq!(plan.drop[0].aliases, ["all"]);
    assert_eq!(plan.drop[1].bytes, None, "a closed index has no size");
    assert_eq!(plan.protected[0].why, "it is the write index of alias now");
    assert_eq!(plan.foreign.len(), 6, "{plan}");
    let applied = apply(&client, &plan).await.unwrap();
    assert_eq!(applied.deleted, goes, "{applied}");
    assert!(applied.bytes_freed > 0, "{applied}");
    assert_eq!(there(&client).await, stays);
    let again = prepare(&client, &options(&[("pinpoint-", 30)]), today()).await.unwrap();
    assert_eq!(again.drop, []);
}

/// An index somebody deleted since, and one that is read-only, do not keep the others.
pub async fn one_that_cannot_go_does_not_keep_the_others(url: &str) {
    let client = client(url);
    make(&client, &["pinpoint-2020-01-01", "pinpoint-2020-01-02", "pinpoint-2020-01-03"]).await;
    let plan = prepare(&client, &options(&[("pinpoint-", 30)]), today()).await.unwrap();
    ask(&client, Method::DELETE, "/pinpoint-2020-01-01", None).await;
    ask(&client, Method::PUT, "/pinpoint-2020-01-02/_settings", Some(&json!({"index.blocks.read_only": true}))).await;
    let applied = apply(&client, &plan).await.unwrap();
    assert_eq!(
        (applied.gone, applied.deleted),
        (vec!["pinpoint-2020-01-01".into()], vec!["pinpoint-2020-01-03".into()])
    );
    assert!(applied.failed[0].why.contains("read-only"), "{:?}", applied.failed);
    let freed = json!({"index.blocks.read_only": null});
    ask(&client, Method::PUT, "/pinpoint-2020-01-02/_settings", Some(&freed)).await;
}

/// Other rotations when named, dead letters with their own keep, and an empty cluster.
pub async fn families_and_rotations_are_pruned_when_named(url: &str) {
    let client = client(url);
    let both = options(&[("pinpoint-", 30), ("essink-dead-letters-", 365)]);
    let nothing = prepare(&client, &both, today()).await.unwrap();
    assert_eq!((nothing.drop.len(), apply(&client, &nothing).await.unwrap().deleted.len()), (0, 0));
    let daily = "essink-dead-letters-2020-01-01";
    let others = ["pinpoint-2020-01-01-05", "pinpoint-2020-02", "pinpoint-2020-w10"];
    let stays = ["essink-dead-letters-2026-01-01", "pinpoint-2026-11-21-05", "pinpoint-2026-w45"];
    make(&client, &[daily]).await;
    make(&client, &others).await;
    make(&client, &stays).await;
    let named = PruneOptions { rotations: vec![Rotation::Hour, Rotation::Month, Rotation::Week], ..both.clone() };
    let plan = prepare(&client, &named, today()).await.unwrap();
    // `--rotation hour` and so on do not name the day: a daily index is told of and stays.
    assert_eq!(apply(&client, &plan).await.unwrap().deleted, others, "{plan}");
    assert!(plan.foreign.iter().any(|index| index.name == daily), "{plan}");
    let plan = prepare(&client, &both, today()).await.unwrap();
    assert_eq!(apply(&client, &plan).await.unwrap().deleted, [daily], "{plan}");
    assert_eq!(there(&client).await, stays);
}

/// What `prune --json` says on standard output: one document, whatever came of it.
pub async fn the_json_of_prune_is_one_document(url: &str) {
    let client = client(url);
    make(&client, &["pinpoint-2020-01-01"]).await;
    let run = async |more: &[&str], code| {
        let args = ["prune", "--keep", "30d", "--json", "--opensearch-url", url];
        let done = finish(essink(&[&args, more].concat())).await.expect(code, &[]);
        serde_json::from_str::<Value>(&done.out).unwrap_or_else(|e| panic!("{e}: {}", done.out))
    };
    for said in [run(&["--dry-run"], 0).await, run(&[], 64).await] {
        assert_eq!((&said["plan"]["drop"][0]["name"], &said["applied"]), (&json!("pinpoint-2020-01-01"), &Value::Null));
    }
    assert_eq!(there(&client).await, ["pinpoint-2020-01-01"], "nobody agreed");
    let said = run(&["--yes"], 0).await;
    assert_eq!(said["plan"]["drop"][0]["name"], "pinpoint-2020-01-01");
    assert_eq!(said["applied"]["deleted"], json!(["pinpoint-2020-01-01"]));
    assert_eq!(run(&["--yes"], 0).await["applied"], Value::Null, "nothing was left to do");
}

/// More names than one request line holds.
pub async fn long_plans_go_in_several_requests(url: &str) {
    let client = client(url);
    let prefix = format!("{}-", "p".repeat(150));
    let names: Vec<_> = (1..=28).map(|day| format!("{prefix}2020-02-{day:02}")).collect();
    make(&client, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let few = PruneOptions { max_delete: 27, ..options(&[(&prefix, 30)]) };
    let refused = prepare(&client, &few, today()).await.unwrap_err().to_string();
    assert!(refused.contains("would delete 28 indices") && refused.contains("--max-delete is 27"), "{refused}");
    let plan = prepare(&client, &PruneOptions { max_delete: 28, ..few }, today()).await.unwrap();
    assert_eq!(apply(&client, &plan).await.unwrap().deleted, names);
}
