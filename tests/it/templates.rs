//! Templates on a real cluster: each starts from a wiped one.

use essink::event::family;
use essink::upkeep::names::Prefixes;
use essink::upkeep::templates::{Action, Line, Report, TemplateOptions};
use http::Method;
use serde_json::{Value, json};
use testkit::kinesis::Kinesis;

use super::recipes::{self, Request};
use super::requests::{answer, ask, client, count, create_all, ensure};
use super::support::{essink, finish, run_args};

fn options() -> TemplateOptions {
    TemplateOptions { shards: Some(1), replicas: Some(0), ..TemplateOptions::default() }
}

fn actions(report: &Report) -> Vec<Action> {
    report.templates.iter().map(|line| line.action).collect()
}

/// `init-templates` makes the index of positions, for services that may not; not where they are kept in a file.
pub async fn the_state_index_is_made_too(url: &str) {
    let client = client(url);
    let run = async |more: &[&str]| {
        let args = ["init-templates", "--replicas", "0", "--opensearch-url", url];
        finish(essink(&[&args, more].concat())).await.expect(0, &[]).out
    };
    let there = async || answer(&client, Method::GET, "/essink-positions", None).await.status == 200;
    let named = ["--state-index", "essink-positions"];
    let elsewhere = run(&["--state", "file:/nowhere/state.json"]).await;
    assert!(!elsewhere.contains(" index essink-state"), "{elsewhere}");
    let dry = run(&[&named[..], &["--dry-run"]].concat()).await;
    assert!(dry.contains("would create  index essink-positions\n") && !there().await, "{dry}");
    let made = run(&named).await;
    assert!(made.contains("created       index essink-positions\n") && there().await, "{made}");
    let json: Value = serde_json::from_str(&run(&[&named[..], &["--json"]].concat()).await).unwrap();
    assert_eq!(json["state_index"], json!({"name": "essink-positions", "action": "unchanged"}));
    assert_eq!((json["templates"].as_array().map(Vec::len), &json["dry_run"]), (Some(12), &json!(false)));
}

/// Created, then unchanged; a change of options is written, a dry run writes nothing.
pub async fn only_what_differs_is_written(url: &str) {
    let client = client(url);
    let dry = ensure(&client, &options(), true).await.unwrap();
    assert_eq!(actions(&dry), [Action::Created; 12]);
    assert!(dry.to_string().contains("would create  index template essink-pinpoint\n"), "{dry}");
    assert_eq!(answer(&client, Method::GET, "/_index_template/essink-pinpoint", None).await.status, 404);

    let first = ensure(&client, &options(), false).await.unwrap();
    assert_eq!(actions(&first), [Action::Created; 12], "{first}");
    let second = ensure(&client, &options(), false).await.unwrap();
    assert_eq!(actions(&second), [Action::Unchanged; 12], "{second}");
    assert_eq!(second.warnings, [""; 0]);

    let plain = TemplateOptions { keyword_twins: false, ..options() };
    let changed = ensure(&client, &plain, false).await.unwrap();
    let (same, new) = (Action::Unchanged, Action::Updated);
    let by_name = |line: &Line| if line.name == "essink-pinpoint" { new } else { same };
    assert_eq!(actions(&changed), changed.templates.iter().map(by_name).collect::<Vec<_>>(), "{changed}");
    ask(&client, Method::PUT, "/pinpoint-2020-01-01", None).await;
    let made = ask(&client, Method::GET, "/pinpoint-2020-01-01", None).await;
    let settings = &made["pinpoint-2020-01-01"]["settings"]["index"];
    assert_eq!(
        (&settings["number_of_replicas"], &settings["mapping"]["total_fields"]["limit"]),
        (&json!("0"), &json!("3000"))
    );
}

/// Many at once, and two prefixes in one cluster: nobody fails, and all agree in the end.
pub async fn several_at_once_harm_nobody(url: &str) {
    let client = client(url);
    let families = family::Prefixes::by(|family| format!("acme-{}-", family.name()));
    let other = Prefixes { families, dead_letters: "acme-dead-letters-".into() };
    let other = TemplateOptions { prefixes: other, shards: Some(2), ..options() };
    let ours = options();
    let (a, b, c) =
        tokio::join!(ensure(&client, &ours, false), ensure(&client, &ours, false), ensure(&client, &other, false));
    for report in [a, b, c] {
        report.unwrap();
    }
    for options in [&ours, &other] {
        let report = ensure(&client, options, false).await.unwrap();
        assert_eq!(actions(&report), [Action::Unchanged; 12], "{report}");
    }
}

/// The classic: an index made under guessed types is named with its fields, and the cure cures it.
pub async fn indices_of_guessed_types_are_named(url: &str) {
    let client = client(url);
    let event = json!({"event_type": "_email.send", "arrival_timestamp": 1_589_760_000_000_i64, "metrics": {"m": 1}});
    create_all(&client, "pinpoint-2020-05-18", &[event.clone(), event.clone()]).await;
    create_all(&client, "orders-2020-05-18", &[event]).await;
    let report = ensure(&client, &options(), false).await.unwrap();
    let of = |field: &str| report.indices.disagreements.iter().find(|d| d.field == field).unwrap();
    let stamp = of("arrival_timestamp");
    assert_eq!(
        (stamp.index.as_str(), stamp.is.as_str(), stamp.should.as_str(), stamp.breaks),
        ("pinpoint-2020-05-18", "long", "date", true)
    );
    assert!(!of("event_type").breaks, "text with .keyword still answers by .keyword");
    assert_eq!(report.indices.checked, 1);
    let text = report.to_string();
    assert!(
        text.contains("  pinpoint-2020-05-18: arrival_timestamp is long, should be date, and 1 more fields differ\n"),
        "{text}"
    );

    for Request { method, path, body } in recipes::steps(&text) {
        let answer = answer(&client, method.clone(), &path, body.as_ref()).await;
        if path.starts_with("/_reindex") {
            assert_eq!(answer.json()["created"], 2, "{}", answer.json());
        }
        assert!(answer.is_success(), "{method} {path}: {}", answer.json());
    }
    assert_eq!(count(&client, "pinpoint-2020-05-18").await, 2);
    assert_eq!(create_all(&client, "pinpoint-2020-05-18", &[json!({"event_type": "x"})]).await, [Value::Null; 0]);
    let cured = ensure(&client, &options(), false).await.unwrap();
    assert_eq!(cured.indices.disagreements, []);
}

/// `run` logs what needs somebody as warnings, one line each, and what was done below them.
pub async fn a_run_warns_of_what_needs_somebody(url: &str) {
    let client = client(url);
    let old = json!({"event_type": "x", "arrival_timestamp": 1_589_760_000_000_i64});
    create_all(&client, "pinpoint-2020-05-18", &[old]).await;
    let rival = json!({"index_patterns": ["pinpoint-2*"], "priority": 601});
    ask(&client, Method::PUT, "/_index_template/rival", Some(&rival)).await;
    let kinesis = Kinesis::start().await.unwrap();
    kinesis.client().create_stream("logged", 1).await.unwrap();
    let endpoint = kinesis.url();
    let mut args = run_args(&endpoint, url, "logged");
    args.push("--until-caught-up");
    let done = finish(essink(&args)).await.expect(0, &[]);
    let lines: Vec<Value> = done.err.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let of = |level: &str| -> Vec<&str> {
        let lines = lines.iter().filter(|line| line["level"] == level);
        lines.map(|line| line["message"].as_str().expect("a message")).collect()
    };
    assert!(lines.iter().all(|line| !line["message"].as_str().unwrap().contains('\n')), "{}", done.err);
    let (warnings, notes) = (of("WARN"), of("INFO"));
    let [rival, index] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(rival.contains("rival (pinpoint-2*, priority 601) wins over essink-pinpoint"), "{rival}");
    assert!(index.starts_with("index pinpoint-2020-05-18 disagrees"), "{index}");
    assert!(index.contains("arrival_timestamp is long, should be date") && index.contains("init-templates"), "{index}");
    assert!(notes.contains(&"created index template essink-pinpoint"), "{notes:?}");
    let checked = "existing indices: 1 checked, 1 with fields that break queries over all days, 0 that merely differ";
    assert!(notes.contains(&checked), "{notes:?}");
    let again = finish(essink(&args)).await.expect(0, &["12 templates are as they should be"]);
    assert!(!again.err.contains("created"), "{}", again.err);
}

/// A closed index is still looked at, and what aliases and patterns of others resolve to is not.
pub async fn closed_indices_are_looked_at_and_aliases_are_not(url: &str) {
    let client = client(url);
    create_all(&client, "pinpoint-2020-05-18", &[json!({"arrival_timestamp": 1})]).await;
    ask(&client, Method::POST, "/pinpoint-2020-05-18/_close", None).await;
    create_all(&client, "archive", &[json!({"arrival_timestamp": 1})]).await;
    let alias = json!({"actions": [{"add": {"index": "archive", "alias": "pinpoint-2019-01-01"}}]});
    ask(&client, Method::POST, "/_aliases", Some(&alias)).await;
    let report = ensure(&client, &options(), false).await.unwrap();
    let named: Vec<_> = report.indices.disagreements.iter().map(|d| d.index.as_str()).collect();
    assert_eq!((report.indices.checked, named), (1, vec!["pinpoint-2020-05-18"]));
}

/// Rival templates: the seed's legacy one no longer applies, one of a higher priority wins, one of the same is
/// said before the cluster refuses, and a name taken by somebody else is not overwritten.
pub async fn rivals_are_named(url: &str) {
    let client = client(url);
    let seed = json!({"index_patterns": ["pinpoint*"], "order": 1, "mappings": {"properties": {"arrival_timestamp": {"type": "date", "format": "epoch_millis"}}}});
    ask(&client, Method::PUT, "/_template/default_template", Some(&seed)).await;
    let rival = |priority: u32| json!({"index_patterns": ["pinpoint-2*"], "priority": priority});
    ask(&client, Method::PUT, "/_index_template/rival", Some(&rival(601))).await;
    let report = ensure(&client, &options(), false).await.unwrap();
    assert_eq!(report.warnings.len(), 2, "{report}");
    assert!(report.warnings[0].contains("rival (pinpoint-2*, priority 601) wins over essink-pinpoint"), "{report}");
    assert!(report.warnings[1].starts_with("legacy template default_template (pinpoint*)"), "{report}");

    for name in ["essink-pinpoint", "rival"] {
        ask(&client, Method::DELETE, &format!("/_index_template/{name}"), None).await;
    }
    ask(&client, Method::PUT, "/_index_template/rival", Some(&rival(600))).await;
    let refused = ensure(&client, &options(), false).await.unwrap_err().to_string();
    assert!(
        refused.contains("rival (pinpoint-2*, priority 600) meets essink-pinpoint at the same priority"),
        "{refused}"
    );
    let dry = ensure(&client, &options(), true).await.unwrap();
    assert!(dry.warnings.iter().any(|w| w.contains("at the same priority")), "{dry}");

    ask(&client, Method::DELETE, "/_index_template/rival", None).await;
    ask(&client, Method::PUT, "/_index_template/essink-pinpoint", Some(&rival(1))).await;
    let refused = ensure(&client, &options(), false).await.unwrap_err().to_string();
    assert!(refused.contains("index template essink-pinpoint exists and is not essink's"), "{refused}");
}
