//! The main path, and what differs between servers, once on each other server that is a target.

use testkit::events::Plan;
use testkit::kinesis::Kinesis;
use testkit::search::{Kind, Options, Server};

use crate::main_path::{check_truth, feed};
use crate::support::*;

async fn main_path_on(kind: Kind) {
    let search = Server::start(kind, Options::default()).await.expect("a server");
    crate::check::tells_what_a_server_would_do(&search).await;
    search.wipe().await.expect("wiped");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("events", 2).await.expect("stream");
    let day = |text: &str| text.parse().expect("a date");
    let plan = Plan { enriched: false, ..Plan::days(5, 2_000, day("2026-10-30")..day("2026-11-01")) };
    let truth = feed(&kinesis, "events", plan).await;
    let bad = ("k".to_owned(), b"not json".to_vec());
    kinesis.client().put_records("events", &[bad]).await.expect("put");
    catch_up(&kinesis, &search, "events", &[]).await.expect(0, &[]);
    check_truth(&search, &truth).await;
    assert_eq!(count(&search, "essink-dead-letters-*").await, 1);
    let twice = catch_up(&kinesis, &search, "events", &["--group", "second"]).await.expect(0, &[]);
    check_truth(&search, &truth).await;
    assert_eq!(count(&search, "essink-dead-letters-*").await, 1, "{}", twice.err);
    let again =
        finish(essink(&["init-templates", "--opensearch-url", search.url(), "--replicas", "0"])).await.expect(0, &[]);
    assert!(!again.out.contains("created") && !again.out.contains("updated"), "{}", again.out);
    let prune = ["prune", "--keep", "1d", "--yes", "--opensearch-url", search.url()];
    finish(essink(&prune)).await.expect(0, &[]);
    assert_eq!(count(&search, "pinpoint-*").await, 0);
    crate::shapes::no_stamp_is_refused(search.url()).await;
    crate::shapes::free_maps_take_what_comes(search.url()).await;
    crate::shapes::every_family_has_the_vocabulary_and_takes_unknown_members(search.url()).await;
    crate::near::take(search.url(), 5_000).await;
    crate::state::leases_are_kept(search.url()).await;
    search.wipe().await.expect("wiped");
    crate::dashboards::are_taken_where_indices_and_fields_are_missing(&search).await;
    search.wipe().await.expect("wiped");
    crate::queries::find_what_was_counted(&search).await;
    search.wipe().await.expect("wiped");
    crate::migrating::is_read_into_the_vocabulary(&search).await;
    search.wipe().await.expect("wiped");
    crate::late::panels_answer_over_the_day_of_the_cut(&search).await;
    search.wipe().await.expect("wiped");
    crate::late::words_come_into_the_days_of_an_older_essink(&search).await;
    search.wipe().await.expect("wiped");
    drop(crate::panels::say_what_happened(&search, &crate::panels::SOME_DAYS).await);
    search.stop().await.expect("stopped");
}

#[tokio::test]
async fn opensearch_2() {
    main_path_on(Kind::OpenSearch2).await;
}

#[tokio::test]
async fn elasticsearch_8() {
    main_path_on(Kind::Elasticsearch8).await;
}

#[tokio::test]
async fn elasticsearch_7() {
    main_path_on(Kind::Elasticsearch7).await;
}
