//! `essink prune` as an operator or a cron job runs it.

use serde_json::{Value, json};
use testkit::search::{Lease, shared};

use crate::support::*;

const GOES: [&str; 3] = ["pinpoint-2020-01-01", "pinpoint-2020-01-02", "unrecognized-2020-01-01"];
const DEAD_LETTERS: &str = "essink-dead-letters-2020-01-01";
/// Dead letters, what only looks like a day, other rotations, and a day to come.
const STAYS: [&str; 9] = [
    DEAD_LETTERS,
    "pinpoint-2020-01-01-05",
    "pinpoint-2020-01-01-copy",
    "pinpoint-2020-02",
    "pinpoint-2020-02-30",
    "pinpoint-2020-1-1",
    "pinpoint-2026-13-01",
    "pinpoint-2999-01-01",
    "xpinpoint-2020-01-01",
];

async fn filled() -> Lease<'static> {
    let search = shared().lease().await.expect("OpenSearch");
    let body = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}});
    for name in GOES.iter().chain(&STAYS) {
        search.send(reqwest::Method::PUT, &format!("/{name}"), &body).await.expect("an index");
    }
    search
}

async fn there(search: &Lease<'_>) -> Vec<String> {
    let listed = search.get("/_alias").await.expect("a list");
    let names = listed.as_object().expect("an object").keys().filter(|name| !name.starts_with('.'));
    let mut names: Vec<_> = names.cloned().collect();
    names.sort();
    names
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a &'a str>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

/// Nobody sits at a terminal in any of these: standard input is empty.
async fn prune(search: &Lease<'_>, more: &[&str]) -> Done {
    let mut args = vec!["prune", "--opensearch-url", search.url(), "--keep", "30d"];
    args.extend(more);
    finish(essink(&args)).await
}

/// The one document that `--json` prints.
fn one_document(done: &Done) -> Value {
    serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {}", done.out))
}

fn names(list: &Value) -> Vec<String> {
    let name = |entry: &Value| entry["name"].as_str().or(entry.as_str()).expect("a name").to_owned();
    let mut names: Vec<_> = list.as_array().unwrap_or_else(|| panic!("a list: {list}")).iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_not_agreed_to_deletes_nothing_and_says_what_to_do() {
    let search = filled().await;
    let everything = sorted(GOES.iter().chain(&STAYS));
    let dry = prune(&search, &["--dry-run"]).await.expect(0, &[]);
    assert!(GOES.iter().all(|name| dry.out.contains(&format!("  {name}  "))), "{}", dry.out);
    assert!(dry.out.contains("drop 3 indices"), "{}", dry.out);
    assert_eq!(there(&search).await, everything, "--dry-run");
    let dry = prune(&search, &["--dry-run", "--json"]).await.expect(0, &[]);
    let plan = &one_document(&dry)["plan"];
    assert_eq!(names(&plan["drop"]), sorted(&GOES), "{plan}");
    assert_eq!(there(&search).await, everything, "--dry-run --json");

    let unasked = prune(&search, &[]).await.expect(64, &["3 indices", "--yes"]);
    assert!(GOES.iter().all(|name| unasked.out.contains(name)), "{}", unasked.out);
    prune(&search, &["--json"]).await.expect(64, &["--yes"]);
    assert_eq!(there(&search).await, everything, "nobody could be asked");
    prune(&search, &["--yes", "--max-delete", "2"]).await.expect(64, &["3 indices", "--max-delete", "raise"]);
    assert_eq!(there(&search).await, everything, "--max-delete");
}

#[tokio::test]
async fn what_is_agreed_to_goes_and_nothing_that_looks_like_it() {
    let search = filled().await;
    let done = prune(&search, &["--yes", "--max-delete", "3"]).await.expect(0, &[]);
    assert!(done.out.contains("deleted 3 indices"), "{}", done.out);
    assert_eq!(there(&search).await, sorted(&STAYS));
    // Again: nothing to do is no failure, and needs nobody's consent.
    prune(&search, &[]).await.expect(0, &[]);
    // Dead letters go when they are named, and alone.
    let done = prune(&search, &["--yes", "--json", "--keep-dead-letters", "30d"]).await.expect(0, &[]);
    let document = one_document(&done);
    assert_eq!(names(&document["plan"]["drop"]), [DEAD_LETTERS], "{document}");
    assert_eq!(names(&document["applied"]["deleted"]), [DEAD_LETTERS], "{document}");
    assert_eq!(there(&search).await, sorted(STAYS.iter().filter(|name| **name != DEAD_LETTERS)));
}

#[tokio::test]
async fn a_family_that_is_not_named_is_not_touched() {
    let search = filled().await;
    prune(&search, &["--yes", "--family", "unrecognized"]).await.expect(0, &[]);
    let stays = GOES.iter().chain(&STAYS).filter(|name| !name.starts_with("unrecognized-"));
    assert_eq!(there(&search).await, sorted(stays));
}
