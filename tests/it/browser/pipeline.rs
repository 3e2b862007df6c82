//! The Pipeline tab: numbers that were fed, a cluster that goes and comes back, and a worker that does.

use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::requests::{ask, client, create_all};

/// The raw number of a figure.
fn figure(name: &str) -> String {
    format!("Number(document.querySelector('[data-figure=\"{name}\"]').dataset.value)")
}

async fn has(page: &Page, name: &str, wanted: usize) {
    holds(page, &format!("{} === {wanted}", figure(name))).await;
}

#[tokio::test]
async fn the_figures_are_those_of_what_was_fed() {
    let world = World::new().await;
    world.put(0..EVENTS).await;
    // Read twice by the same bytes, and a record that is no event.
    world.put(0..10).await;
    world.kinesis.client().put_records(STREAM, &[("k".to_owned(), b"no event".to_vec())]).await.expect("put");
    let worker = world.worker(&["--memory", "160MiB"]);
    let page = world.open("#pipeline").await;
    has(&page, "indexed", EVENTS).await;
    has(&page, "already-there", 10).await;
    has(&page, "dead-lettered", 1).await;
    has(&page, "expired", 0).await;
    has(&page, "bound", 160 << 20).await;
    has(&page, "in-flight", 0).await;
    has(&page, "lag", 0).await;
    // Of its requests at least one was answered, in less than the patience of a test.
    let bulk = |name: &str| format!("{0} > 0 && {0} < 120000", figure(name));
    holds(&page, &bulk("bulk-p50")).await;
    holds(&page, &bulk("bulk-p99")).await;
    assert_eq!(value(&page, "document.querySelector('#connection').dataset.state").await, json!("live"));
    holds(&page, "document.querySelectorAll('#blocked [data-condition]').length === 0").await;
    // Both shards, and this worker as their owner.
    holds(&page, "['shardId-000000000000', 'shardId-000000000001'].every(s => document.querySelector('#shards').innerText.includes(s))").await;
    holds(&page, "document.querySelector('#leases').innerText.split('this worker').length === 3").await;
    holds(&page, "document.querySelector('main').innerText.includes('not json')").await;

    // It counts on by itself.
    world.put(EVENTS..EVENTS + 30).await;
    has(&page, "indexed", EVENTS + 30).await;
    is_clean(&page);
    assert_eq!(terminate(worker).await, Some(0), "{}", world.log());
}

#[tokio::test]
async fn a_cluster_that_goes_is_said_with_its_cure_until_it_is_back() {
    let world = World::new().await;
    world.put(0..EVENTS).await;
    let worker = world.worker(&[]);
    let page = world.open("#pipeline").await;
    has(&page, "indexed", EVENTS).await;

    world.search.crash().await.expect("crashed");
    world.put(EVENTS..2 * EVENTS).await;
    holds(&page, "document.querySelector('#blocked [data-condition]')").await;
    let said = value(&page, "document.querySelector('#blocked').innerText").await;
    assert!(said.as_str().is_some_and(|said| said.contains("What to do")), "{said}");
    // The page itself goes on while the cluster is away.
    assert_eq!(value(&page, "document.querySelector('#connection').dataset.state").await, json!("live"));
    has(&page, "indexed", EVENTS).await;

    holds(&page, &format!("{} === {}", figure("indexed"), 2 * EVENTS)).await;
    holds(&page, "document.querySelectorAll('#blocked [data-condition]').length === 0").await;
    is_clean(&page);
    assert_eq!(terminate(worker).await, Some(0), "{}", world.log());
}

#[tokio::test]
async fn a_worker_that_goes_is_lost_until_another_serves_the_page() {
    let world = World::new().await;
    world.put(0..EVENTS).await;
    let worker = world.worker(&[]);
    let page = world.open("#pipeline").await;
    has(&page, "indexed", EVENTS).await;
    assert_eq!(terminate(worker).await, Some(0), "{}", world.log());
    holds(&page, "document.querySelector('#blocked .fine')").await;
    holds(&page, "document.querySelector('#connection').dataset.state === 'lost'").await;
    // Nobody knows any more that nothing stands in the way.
    holds(&page, "/^Unknown since \\d\\d:\\d\\d UTC/.test(document.querySelector('#blocked').innerText)").await;
    assert_eq!(value(&page, "document.querySelectorAll('#blocked .fine').length").await, json!(0));
    let worker = world.worker(&[]);
    holds(&page, "document.querySelector('#connection').dataset.state === 'live'").await;
    holds(&page, "document.querySelector('#blocked .fine')").await;
    world.put(EVENTS..EVENTS + 5).await;
    has(&page, "indexed", 5).await;
    // That nobody answered is on the console; nothing else is.
    let others = page.complaints();
    assert!(others.iter().all(|complaint| complaint.of == "network"), "{others:?}");
    assert_eq!(terminate(worker).await, Some(0), "{}", world.log());
}

#[tokio::test]
async fn who_finds_no_place_is_told_and_gets_the_next() {
    let world = World::new().await;
    let worker = world.worker(&[]);
    let page = world.open("#pipeline").await;
    holds(&page, "document.querySelector('#connection').dataset.state === 'live'").await;
    // All places but the one that this page has.
    let mut watching = Vec::new();
    for _ in 0..15 {
        watching.push(world.address.watch().await);
    }
    let late = world.open("?theme=light#pipeline").await;
    holds(&late, "document.querySelector('#blocked').innerText.includes('16 pages watch already')").await;
    assert_eq!(value(&late, "document.querySelector('#connection').dataset.state").await, json!("lost"));
    watching.pop();
    holds(&late, "document.querySelector('#connection').dataset.state === 'live'").await;
    holds(&late, "!document.querySelector('#blocked .unknown')").await;
    assert_eq!(terminate(worker).await, Some(0), "{}", world.log());
}

/// The table of what is on disk, as texts.
const ON_DISK: &str =
    "[...document.querySelectorAll('#disk tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))";

#[tokio::test]
async fn days_on_disk_are_shown_and_stay_when_the_cluster_goes() {
    let world = World::new().await;
    let client = client(world.search.url());
    for (index, documents) in
        [("ses-2020-01-01", 3), ("ses-2020-01-05", 1_200), ("ses-2020-01", 1), ("bird-2999-01-01", 2)]
    {
        assert_eq!(create_all(&client, index, &vec![json!({"a": 1}); documents]).await, [Value::Null; 0]);
    }
    create_all(&client, "essink-dead-letters-2020-01-02", &[json!({"a": 1})]).await;
    // Where writes to an alias go nothing is pruned, however old it is.
    for index in ["ses-2020-01-01", "ses-2020-01-05"] {
        let held = json!({"actions": [{"add": {"index": index, "alias": index.replace("ses", "now"), "is_write_index": true}}]});
        ask(&client, Method::POST, "/_aliases", Some(&held)).await;
    }
    let worker = world.worker(&["--keep", "30d"]);
    let page = world.open("#pipeline").await;
    holds(&page, &format!("{ON_DISK}.length === 3")).await;
    let stats = ask(&client, Method::GET, "/_stats/store", None).await;
    let size = |copies: &str, indices: &[&str]| {
        let of = |index: &&str| stats["indices"][*index][copies]["store"]["size_in_bytes"].as_u64().expect("a size");
        indices.iter().map(of).sum::<u64>()
    };
    let written =
        async |bytes: u64| value(&page, &format!("import('/page/assets/format.js').then(f => f.bytes({bytes}))")).await;
    let ses = ["ses-2020-01-01", "ses-2020-01-05"];
    let all = written(size("total", &ses)).await;
    let older = format!("2 days, {}", all.as_str().expect("a text"));
    let rows = value(&page, ON_DISK).await;
    assert_eq!(
        rows[0],
        json!(["ses-*", "2", "2020-01-01", "2020-01-05", "1,203", written(size("primaries", &ses)).await, all, older])
    );
    let bird = ["bird-2999-01-01"];
    let bird = [written(size("primaries", &bird)).await, written(size("total", &bird)).await];
    assert_eq!(
        rows[1],
        json!(["bird-*", "1", "2999-01-01", "2999-01-01", "2", bird[0], bird[1], "none (30 days are kept)"])
    );
    assert_eq!((&rows[2][0], &rows[2][7]), (&json!("essink-dead-letters-*"), &json!("no --keep")));
    let about = value(&page, "document.querySelector('#disk-about').textContent").await;
    let about = about.as_str().expect("a text");
    assert!(
        about.contains("4 daily indices") && about.contains("1 of ses-*") && about.contains("pinpoint-*"),
        "{about}"
    );

    // A worker that has begun outlives its cluster.
    holds(&page, "document.querySelector('#leases').innerText.includes('this worker')").await;
    world.search.crash().await.expect("crashed");
    holds(&page, "document.querySelector('#blocked [data-condition]')").await;
    assert_eq!(value(&page, ON_DISK).await, rows);
    assert_eq!(
        value(&page, "/As of [\\d-]+ \\d\\d:\\d\\d UTC/.test(document.querySelector('#disk-about').textContent)").await,
        json!(true)
    );
    holds(&page, "document.querySelectorAll('#blocked [data-condition]').length === 0").await;
    is_clean(&page);
    let ended = terminate(worker).await;
    assert!(matches!(ended, Some(0 | 75)), "{ended:?} {}", world.log());
}
