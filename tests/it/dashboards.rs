//! `essink dashboards --install`, with the real binary, into a server of the documented import API; and that a real cluster
//! takes what panels ask.

use std::collections::{BTreeMap, BTreeSet};

use essink::opensearch::client::Client;
use essink::panel::{self, Inputs, Range, Row, Table};
use essink::upkeep::dashboards::patterns;
use essink::upkeep::names::Prefixes;
use http::Method;
use serde_json::{Value, json};
use testkit::fake_dashboards::{FakeDashboards, Product, Setup};
use testkit::search::{Server, shared};

use crate::requests::{ask, client, create_all};
use crate::support::{Done, essink, finish};

async fn start(setup: Setup) -> FakeDashboards {
    FakeDashboards::start(setup).await.expect("a server")
}

async fn install(server: &FakeDashboards, more: &[&str]) -> Done {
    install_as(server, more, &[]).await
}

async fn install_as(server: &FakeDashboards, more: &[&str], env: &[(&str, &str)]) -> Done {
    let args = [&["dashboards", "--install", "--dashboards-url", server.url()], more].concat();
    let mut command = essink(&args);
    command.envs(env.iter().copied());
    let done = finish(command).await;
    // The report is on standard output, what went wrong on the other.
    Done { err: format!("{}{}", done.out, done.err), ..done }
}

/// What is checked in, by type and id.
fn checked_in() -> Vec<Value> {
    let text = include_str!("../../dashboards/essink.ndjson");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn same_as_checked_in(server: &FakeDashboards, place: &str) {
    let mut found: Vec<_> = server.objects(place).into_values().collect();
    let mut expected = checked_in();
    for list in [&mut found, &mut expected] {
        list.sort_by_key(|object| (object["type"].to_string(), object["id"].to_string()));
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn dashboards_are_installed_into_both_products() {
    for product in [Product::Kibana, Product::OpenSearchDashboards] {
        let server = start(Setup::of(product)).await;
        install(&server, &[])
            .await
            .expect(0, &["installed dashboard essink: Overview", "installed index-pattern pinpoint-*"]);
        same_as_checked_in(&server, "");
        // Again: what an older version left is replaced, what is somebody else's stays.
        let id = "essink-overview";
        server.put("", json!({"type": "dashboard", "id": id, "attributes": {"title": "old"}, "references": []}));
        let other = json!({"type": "dashboard", "id": "mine", "attributes": {"title": "mine"}, "references": []});
        server.put("", other.clone());
        install(&server, &[]).await.expect(0, &["installed dashboard essink: Overview"]);
        let objects = server.objects("");
        assert_eq!(objects[&("dashboard".into(), "mine".into())], other);
        assert_eq!(objects[&("dashboard".into(), id.into())]["attributes"]["title"], "essink: Overview");
        assert_eq!(objects.len(), checked_in().len() + 1);
    }
}

#[tokio::test]
async fn dashboards_go_into_the_space_or_the_tenant_that_was_named() {
    let kibana = start(Setup { spaces: vec!["ops".into()], ..Setup::of(Product::Kibana) }).await;
    install(&kibana, &["--dashboards-space", "ops"]).await.expect(0, &["installed dashboard"]);
    assert!(kibana.objects("").is_empty());
    same_as_checked_in(&kibana, "ops");
    install(&kibana, &["--dashboards-space", "nobody"]).await.expect(69, &["HTTP 404"]);

    let dashboards = start(Setup::of(Product::OpenSearchDashboards)).await;
    install(&dashboards, &["--dashboards-tenant", "marketing"]).await.expect(0, &["installed dashboard"]);
    assert!(dashboards.objects("").is_empty());
    same_as_checked_in(&dashboards, "marketing");
}

#[tokio::test]
async fn dashboards_are_installed_by_whom_the_server_lets_in() {
    // "ann:secret" in base64, RFC 7617.
    let basic =
        Setup { authorization: Some("Basic YW5uOnNlY3JldA==".into()), ..Setup::of(Product::OpenSearchDashboards) };
    let server = start(basic).await;
    install(&server, &[]).await.expect(69, &["HTTP 401", "check user, password"]);
    let wrong = [("ESSINK_OPENSEARCH_PASSWORD", "wrong")];
    let done = install_as(&server, &["--opensearch-user", "ann"], &wrong).await;
    done.expect(69, &["HTTP 401"]);
    assert!(server.objects("").is_empty());
    let right = [("ESSINK_OPENSEARCH_PASSWORD", "secret")];
    install_as(&server, &["--opensearch-user", "ann"], &right).await.expect(0, &["installed dashboard"]);
    same_as_checked_in(&server, "");

    let key = Setup { authorization: Some("ApiKey a2V5OnZhbHVl".into()), ..Setup::of(Product::Kibana) };
    let server = start(key).await;
    let key = [("ESSINK_OPENSEARCH_API_KEY", "a2V5OnZhbHVl")];
    install_as(&server, &[], &key).await.expect(0, &["installed dashboard"]);
}

#[tokio::test]
async fn dashboards_behind_a_base_path_are_found() {
    let server = start(Setup { base_path: "/kibana".into(), ..Setup::of(Product::Kibana) }).await;
    install(&server, &[]).await.expect(0, &["installed dashboard"]);
    let root = server.url().trim_end_matches("/kibana").to_owned();
    let args = ["dashboards", "--install", "--dashboards-url", &root];
    finish(essink(&args)).await.expect(69, &["there is no import API", "base path"]);
}

#[tokio::test]
async fn what_a_dashboards_server_refuses_is_said_with_its_reason() {
    let limited = Setup { max_objects: 5, ..Setup::of(Product::Kibana) };
    install(&start(limited).await, &[]).await.expect(69, &["Can't import more than 5 objects"]);
    let small = Setup { max_bytes: 1_000, ..Setup::of(Product::Kibana) };
    install(&start(small).await, &[]).await.expect(69, &["HTTP 413", "savedObjects.maxImportPayloadBytes"]);

    // A server without a type says so of each object, and has the others.
    let mut setup = Setup::of(Product::Kibana);
    setup.types.retain(|kind| *kind != "search");
    let server = start(setup).await;
    let refused = "refused search One message, one person: One message: the server does not know this type of object";
    let done = install(&server, &[]).await;
    done.expect(69, &[refused, "installed dashboard essink: Overview", "objects were refused"]);
    let kinds: BTreeSet<_> = server.objects("").into_keys().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, BTreeSet::from(["dashboard".into(), "index-pattern".into(), "visualization".into()]));
}

#[tokio::test]
async fn a_dry_run_installs_nothing() {
    let server = start(Setup::of(Product::Kibana)).await;
    install(&server, &["--dry-run"]).await.expect(0, &["would install dashboard essink: Overview"]);
    assert!(server.objects("").is_empty());
}

#[tokio::test]
async fn other_prefixes_are_installed_beside_the_usual_ones() {
    let server = start(Setup::of(Product::Kibana)).await;
    install(&server, &[]).await.expect(0, &["installed dashboard essink: Overview"]);
    let done = install(&server, &["--ses-prefix", "mail-", "--pinpoint-prefix", "pp-"]).await;
    done.expect(0, &["installed dashboard essink: Overview (pp-*)"]);
    let objects = server.objects("");
    assert_eq!(objects.len(), 2 * checked_in().len());
    let patterns: BTreeSet<_> = objects
        .values()
        .filter(|object| object["type"] == "index-pattern")
        .map(|object| object["attributes"]["title"].as_str().expect("a title").to_owned())
        .collect();
    assert!(patterns.contains("pp-*"), "{patterns:?}");
    assert!(patterns.contains("pp-*,eum-*,mail-*,bird-*,vonage-*,pendula-*,connect-*"), "{patterns:?}");
}

/// An event as Firehose wrote it into an index whose types were guessed.
fn old_event(event_type: &str, more: &Value) -> Value {
    let mut event = json!({"event_type": event_type, "arrival_timestamp": 1_793_577_600_000_i64,
        "client": {"client_id": "c"}, "attributes": {"message_id": "m", "iso_country_code": "GB"}});
    let (Value::Object(event_members), Value::Object(more)) = (&mut event, more) else { panic!("{more}") };
    event_members.extend(more.clone());
    event
}

#[tokio::test]
async fn searches_are_taken_where_indices_and_fields_are_missing() {
    let search = shared().lease().await.expect("OpenSearch");
    are_taken_where_indices_and_fields_are_missing(&search).await;
}

/// Every panel, over no index at all, and then over two that have next to nothing of what panels ask for. Needs a
/// cluster without templates.
pub async fn are_taken_where_indices_and_fields_are_missing(search: &Server) {
    let cluster = client(search.url());
    let nothing = ask_all(&cluster).await;
    for (place, table) in &nothing {
        assert!(
            table.rows.iter().flat_map(|row| &row.values).all(|v| v.is_none_or(|v| v == 0.0)),
            "{place}: {table:?}"
        );
    }
    let price = json!({"metrics": {"price_in_millicents_usd": 645}});
    let old =
        [old_event("_SMS.BUFFERED", &price), old_event("_SMS.SUCCESS", &price), old_event("pageView", &json!({}))];
    assert_eq!(create_all(&cluster, "pinpoint-2026-11-02", &old).await, [Value::Null; 0]);
    let other = [json!({"event": "x", "@timestamp": "2026-11-02T00:00:00Z"})];
    assert_eq!(create_all(&cluster, "ses-2026-11-02", &other).await, [Value::Null; 0]);
    let some = ask_all(&cluster).await;
    let values = |place: &str| -> Vec<(String, Vec<Option<f64>>)> {
        let row = |row: &Row| (serde_json::to_string(&row.keys).expect("keys"), row.values.clone());
        some[place].rows.iter().map(row).collect()
    };
    let row = |keys: &str, value: f64| (keys.to_owned(), vec![Some(value)]);
    // One text, though two of its events have the price.
    assert_eq!(values("texts/pinpoint-cost"), [row("[\"GB\"]", 0.00645)]);
    let steps = [row("[\"1 sent\"]", 1.0), row("[\"2 delivered\"]", 1.0), row("[\"failed\"]", 0.0)];
    assert_eq!(values("texts/pinpoint-funnel"), steps);
    assert_eq!(values("app/users"), [row("[]", 1.0)]);
    assert_eq!(values("overview/sent"), [row("[]", 0.0)]);
}

/// What every panel says of a month.
async fn ask_all(cluster: &Client) -> BTreeMap<String, Table> {
    let range = Range { from: 1_793_491_200_000, to: 1_796_083_200_000 };
    let typed: Inputs = ["message", "recipient", "user"].map(|id| (id.to_owned(), "m".to_owned())).into();
    let mut tables = BTreeMap::new();
    for dashboard in panel::dashboards() {
        for panel in &dashboard.panels {
            let place = format!("{}/{}", dashboard.id, panel.id);
            let path = format!("/{}/_search?ignore_unavailable=true", patterns(panel.over, &Prefixes::default()));
            let said = ask(cluster, Method::POST, &path, Some(&panel.search(&range, &typed))).await;
            let table = panel.read(&said).unwrap_or_else(|error| panic!("{place}: {error}: {said}"));
            tables.insert(place, table);
        }
    }
    tables
}
