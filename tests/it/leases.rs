//! `essink leases`: shown and repaired without editing the table by hand (KCL 461, 1095, 449, 734).

use serde_json::Value;
use testkit::search::Server;

use crate::page::Page;
use crate::support::*;
use crate::world::World;

const EVENTS: usize = 200;

impl World {
    /// `essink leases …` on this stream.
    async fn leases(&self, args: &[&str]) -> Done {
        let url = self.kinesis.url();
        let mut all = vec!["leases"];
        all.extend(args);
        all.extend(["--stream", "s", "--kinesis-endpoint-url", &url, "--opensearch-url", self.search.url()]);
        all.extend(["--lease-timeout", "3s"]);
        finish(essink(&all)).await
    }

    /// What `list --json` says of each lease.
    async fn list(&self) -> Vec<Value> {
        let said = self.leases(&["list", "--json"]).await.expect(0, &[]);
        let list: Value = serde_json::from_str(&said.out).expect("JSON");
        list["leases"].as_array().expect("leases").clone()
    }

    fn worker(&self, page: &Page, log: &std::path::Path) -> tokio::process::Child {
        let url = self.kinesis.url();
        let mut args = page.instead_of_none(run_args(&url, self.search.url(), "s"));
        args.extend(["--lease-timeout", "3s", "--checkpoint-interval", "200ms"]);
        start(&args, log)
    }
}

async fn settled(search: &Server, n: usize) {
    until("every event is there", || async { count(search, "pinpoint-*").await == n as u64 }).await;
}

#[tokio::test]
async fn leases_are_shown_and_a_reset_reads_again_what_is_then_already_there() {
    let world = World::fed(EVENTS).await;
    world.leases(&["reset", "--to", "trim-horizon"]).await.expect(64, &["group essink has no positions", "--start"]);
    let (page, dir) = (Page::on_a_free_port(), tempfile::tempdir().expect("a directory"));
    let worker = world.worker(&page, &dir.path().join("log"));
    settled(&world.search, EVENTS).await;
    until("positions are stored", || async {
        world
            .list()
            .await
            .iter()
            .all(|lease| lease["position"].as_str().is_some_and(|at| at.starts_with("after record")))
    })
    .await;
    let list = world.list().await;
    assert_eq!(list.len(), 2);
    for lease in &list {
        assert_eq!((&lease["alive"], &lease["state"]), (&Value::Bool(true), &Value::from("open")), "{lease}");
        assert!(lease["oldest_ms"].is_null() && lease["trouble"].is_null(), "nothing is unread: {lease}");
    }
    let text = world.leases(&["list", "--shard", "shardId-000000000001"]).await.expect(0, &[]).out;
    assert!(
        text.contains("1 leases, 1 workers") && text.contains("UNREAD SINCE") && text.contains("nothing"),
        "{text}"
    );

    let owner = list[0]["owner"].as_str().expect("an owner");
    world.leases(&["reset", "--to", "trim-horizon"]).await.expect(69, &[owner, "is alive", "--force"]);
    assert_eq!(terminate(worker).await, Some(0));
    let free = world.list().await;
    assert!(free.iter().all(|lease| lease["owner"].is_null()));
    let would = world.leases(&["reset", "--to", "trim-horizon", "--dry-run"]).await.expect(0, &[]).out;
    assert_eq!(would.matches("would go from after record").count(), 2, "{would}");
    assert_eq!(world.list().await, free, "a dry run writes nothing");
    world.put(EVENTS..EVENTS + 1).await;
    let waiting = world.list().await;
    let ages: Vec<_> = waiting.iter().filter_map(|lease| lease["oldest_ms"].as_i64()).collect();
    assert!(matches!(ages[..], [age] if (0..600_000).contains(&age)), "one shard owes one event: {waiting:?}");

    let forward = ["reset", "--to", "latest"];
    world.leases(&forward).await.expect(69, &["unread records", "left out", "--force"]);
    let one = ["reset", "--to", "trim-horizon", "--shard", "shardId-000000000000"];
    assert_eq!(world.leases(&one).await.expect(0, &[]).out.matches("went from").count(), 1);
    world.leases(&["reset", "--to", "trim-horizon"]).await.expect(0, &[]);
    assert!(world.leases(&one).await.expect(0, &[]).out.contains("nothing to do"));
    let again = catch_up(&world.kinesis, &world.search, "s", &[]).await.expect(0, &[]);
    assert!(again.err.contains(&format!("\"events.already_there\":{EVENTS}")), "{}", again.err);
    settled(&world.search, EVENTS + 1).await;
}

#[tokio::test]
async fn what_a_reset_cannot_mean_is_refused() {
    let world = World::fed(EVENTS).await;
    catch_up(&world.kinesis, &world.search, "s", &[]).await.expect(0, &[]);
    let check = async |args: &[&str], code, words: &[&str]| {
        let all: Vec<&str> = [&["reset"], args].concat();
        world.leases(&all).await.expect(code, words);
    };
    check(&["--to", "12345"], 64, &["one shard", "--shard"]).await;
    // Digits alone are a sequence number; one that the shard never had.
    check(&["--to", "12345", "--shard", "shardId-000000000000"], 64, &["kinesis does not read", "12345"]).await;
    check(&["--to", "2999-01-01T00:00:00Z"], 64, &["future"]).await;
    check(&["--to", "yesterday"], 64, &["neither trim-horizon"]).await;
    check(
        &["--to", "latest", "--shard", "shardId-000000000009"],
        64,
        &["shardId-000000000009", "neither in the table"],
    )
    .await;
    check(&[], 64, &["to"]).await;
}

#[tokio::test]
async fn a_lease_that_is_taken_by_force_is_read_again_by_whoever_has_it_then() {
    let world = World::fed(EVENTS).await;
    let (page, dir) = (Page::on_a_free_port(), tempfile::tempdir().expect("a directory"));
    let log = dir.path().join("log");
    let worker = world.worker(&page, &log);
    settled(&world.search, EVENTS).await;
    world.leases(&["reset", "--to", "trim-horizon", "--force"]).await.expect(0, &[]);
    until("all is read again and found already there", || async {
        page.events("already_there").await.is_some_and(|n| n >= EVENTS as u64)
    })
    .await;
    assert_eq!(terminate(worker).await, Some(0));
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(said.contains("the lease is no longer ours"), "{said}");
    settled(&world.search, EVENTS).await;
}

#[tokio::test]
async fn positions_move_from_a_file_into_the_cluster_and_to_another_group() {
    let world = World::fed(EVENTS).await;
    let dir = tempfile::tempdir().expect("a directory");
    let file = format!("file:{}", dir.path().join("state.json").display());
    catch_up(&world.kinesis, &world.search, "s", &["--state", &file]).await.expect(0, &[]);
    let moved = ["move", "--state", &file, "--to-state", "index"];
    let would = world.leases(&[&moved[..], &["--dry-run"]].concat()).await.expect(0, &[]).out;
    assert_eq!(would.matches("would go from no position to after record").count(), 2, "{would}");
    assert_eq!(world.list().await.len(), 0);
    world.leases(&moved).await.expect(0, &[]);
    world.put(EVENTS..EVENTS + 10).await;
    let on = catch_up(&world.kinesis, &world.search, "s", &[]).await.expect(0, &["\"events.already_there\":0"]);
    assert!(on.err.contains("\"events.indexed\":10"), "{}", on.err);
    // The cluster's positions are further now: the file's are not written over them.
    world.leases(&moved).await.expect(69, &["another position", "--force"]);
    world.leases(&["move", "--to-state", "index", "--to-group", "second"]).await.expect(0, &[]);
    let second = ["--group", "second"];
    catch_up(&world.kinesis, &world.search, "s", &second).await.expect(0, &["\"events.already_there\":0"]);
    world.leases(&["move", "--to-state", "index"]).await.expect(64, &["already"]);
}
