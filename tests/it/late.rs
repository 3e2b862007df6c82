//! Daily indices that another tool made before essink's templates: what essink adds has its types there, too.

use std::collections::BTreeMap;

use essink::app::clock;
use essink::opensearch::client::Client;
use essink::panel::{self, Inputs, Range};
use essink::upkeep::dashboards::patterns;
use essink::upkeep::names::Prefixes;
use essink::upkeep::templates::{Got, Kind, Report, TemplateOptions, all};
use http::Method;
use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::search::{Server, shared};

use crate::queries::events::text;
use crate::requests::{ask, client, create_all, ensure};
use crate::support::{catch_up, count, essink, finish, terms};

const ALL: [&str; 3] = ["@timestamp", "essink", "msg"];

/// How often the mapping of an index was changed.
async fn mapping_version(cluster: &Client, index: &str) -> u64 {
    let state = ask(cluster, Method::GET, &format!("/_cluster/state/metadata/{index}"), None).await;
    state["metadata"]["indices"][index]["mapping_version"].as_u64().expect("a number")
}

async fn init(search: &Server, more: &[&str]) -> String {
    let args = ["init-templates", "--opensearch-url", search.url(), "--replicas", "0"];
    finish(essink(&[&args, more].concat())).await.expect(0, &[]).out
}

/// Rows of a panel that say something, as `key, key`. Every panel has to be readable.
async fn rows(cluster: &Client, range: &Range) -> BTreeMap<String, Vec<(String, f64)>> {
    let typed: Inputs = ["message", "recipient", "user"].map(|id| (id.to_owned(), "new".to_owned())).into();
    let mut all = BTreeMap::new();
    for (dashboard, panel) in panel::dashboards().iter().flat_map(|d| d.panels.iter().map(move |p| (d, p))) {
        let place = format!("{}/{}", dashboard.id, panel.id);
        let path = format!("/{}/_search?ignore_unavailable=true", patterns(panel.over, &Prefixes::default()));
        let said = ask(cluster, Method::POST, &path, Some(&panel.search(range, &typed))).await;
        let table = panel.read(&said).unwrap_or_else(|error| panic!("{place}: {error}: {said}"));
        let rows = table.rows.iter().filter_map(|row| {
            let value = row.values.first().copied().flatten().filter(|value| *value != 0.0)?;
            Some((serde_json::to_string(&row.keys).expect("keys"), value))
        });
        all.insert(place, rows.collect());
    }
    all
}

#[tokio::test]
async fn panels_answer_over_a_day_that_another_tool_began() {
    let search = shared().lease().await.expect("OpenSearch");
    panels_answer_over_the_day_of_the_cut(&search).await;
}

/// Firehose wrote today until now, and essink does from now on. Needs a cluster without templates.
pub async fn panels_answer_over_the_day_of_the_cut(search: &Server) {
    let cluster = client(search.url());
    let now = clock::now();
    let today = &now.rfc3339()[..10];
    let (index, other) = (format!("pinpoint-{today}"), format!("ses-{today}"));
    let at = |mut event: Value| {
        event["arrival_timestamp"] = json!(now.0);
        event
    };
    // The one field that old templates knew; the first document decided the rest.
    let one = json!({"mappings": {"properties": {"arrival_timestamp": {"type": "date", "format": "epoch_millis"}}}});
    ask(&cluster, Method::PUT, &format!("/{index}"), Some(&one)).await;
    let old = [text("old", "_SMS.BUFFERED", 0), text("old", "_SMS.SUCCESS", 0), text("lost", "_SMS.FAILURE", 0)];
    assert_eq!(create_all(&cluster, &index, &old.map(at)).await, [Value::Null; 0]);
    assert_eq!(create_all(&cluster, &other, &[json!({"said": "something else"})]).await, [Value::Null; 0]);

    let before = mapping_version(&cluster, &index).await;
    let dry = init(search, &["--dry-run"]).await;
    assert!(
        dry.contains(&format!("would add     @timestamp, essink, msg to the mappings of {index}, {other}")),
        "{dry}"
    );
    assert_eq!(mapping_version(&cluster, &index).await, before);

    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("cut", 1).await.expect("stream");
    let mail = json!({"timestamp": now.rfc3339(), "messageId": "mail", "source": "a@x.example", "destination": ["b@y.example"]});
    let new = [
        at(text("new", "_SMS.BUFFERED", 0)),
        at(text("new", "_SMS.SUCCESS", 0)),
        json!({"eventType": "Send", "mail": mail, "send": {}}),
    ];
    let records: Vec<_> = new.iter().map(|event| ("k".to_owned(), event.to_string().into_bytes())).collect();
    kinesis.client().put_records("cut", &records).await.expect("put");
    let said = catch_up(&kinesis, search, "cut", &[]).await.expect(0, &["\"events.indexed\":3"]).err;
    assert!(said.contains(&format!("added @timestamp, essink, msg to the mappings of {index}, {other}")), "{said}");
    ask(&cluster, Method::POST, "/_refresh", None).await;

    let day = now.0.div_euclid(86_400_000) * 86_400_000;
    let rows = rows(&cluster, &Range { from: day, to: day + 86_400_000 }).await;
    let says = |place: &str, expected: &[(&str, f64)]| {
        let found = &rows[place];
        let same = found.len() == expected.len()
            && found.iter().zip(expected).all(|(f, e)| f.0 == e.0 && (f.1 - e.1).abs() < 1e-9);
        assert!(same, "{place}: {found:?}, not {expected:?}");
    };
    // Old and new by the names that both have: a price of 0.00645 for each of three texts.
    says("texts/pinpoint-funnel", &[(r#"["1 sent"]"#, 3.0), (r#"["2 delivered"]"#, 2.0), (r#"["failed"]"#, 1.0)]);
    says("texts/pinpoint-cost", &[(r#"["GB"]"#, 0.01935)]);
    // The new by the vocabulary, which the old do not have.
    says("texts/funnel", &[(r#"["1 sent","sms"]"#, 1.0), (r#"["2 delivered","sms"]"#, 1.0)]);
    says("texts/cost-by-country", &[(r#"["GB"]"#, 0.00645)]);
    says("overview/sent", &[("[]", 2.0)]);

    let versions = [mapping_version(&cluster, &index).await, mapping_version(&cluster, &other).await];
    let again =
        catch_up(&kinesis, search, "cut", &["--group", "second"]).await.expect(0, &["\"events.already_there\":3"]);
    assert!(!again.err.contains("added"), "{}", again.err);
    let json: Value = serde_json::from_str(&init(search, &["--json"]).await).expect("JSON");
    assert_eq!(json["added"], json!({"indices": [], "refused": [], "left": 0, "past": 0}));
    assert_eq!([mapping_version(&cluster, &index).await, mapping_version(&cluster, &other).await], versions);
}

#[tokio::test]
async fn words_come_into_the_days_that_an_older_essink_made() {
    let search = shared().lease().await.expect("OpenSearch");
    words_come_into_the_days_of_an_older_essink(&search).await;
}

/// An older essink knew two words less, and one under another type. Needs a cluster without templates.
pub async fn words_come_into_the_days_of_an_older_essink(search: &Server) {
    let (cluster, now) = (client(search.url()), clock::now());
    let mut properties = serde_json::Map::new();
    for template in all(&TemplateOptions::default()).iter().filter(|t| t.kind == Kind::Component) {
        let known = template.body["template"]["mappings"]["properties"].as_object();
        properties.extend(known.into_iter().flatten().map(|(name, mapping)| (name.clone(), mapping.clone())));
    }
    let words = properties["msg"]["properties"].as_object_mut().expect("words");
    for newer in ["country", "parts"] {
        words.remove(newer).expect("a word of now");
    }
    words.insert("currency".to_owned(), json!({"type": "text"}));
    let older = json!({"mappings": {"properties": properties}});
    let (index, past) = (format!("pinpoint-{}", now.day()), format!("pinpoint-{}", now.day().minus(40)));
    for day in [&index, &past] {
        make(&cluster, day, older.clone()).await;
    }
    let before = mapping_version(&cluster, &past).await;

    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("newer", 1).await.expect("stream");
    let mut event = text("new", "_SMS.SUCCESS", 0);
    event["arrival_timestamp"] = json!(now.0);
    kinesis.client().put_records("newer", &[("k".to_owned(), event.to_string().into_bytes())]).await.expect("put");
    let said = catch_up(&kinesis, search, "newer", &[]).await.expect(0, &["\"events.indexed\":1"]).err;
    let added = format!("added msg.country, msg.parts to the mappings of {index}, made before essink had them");
    assert!(said.contains(&added), "{said}");
    assert!(said.contains("left 1 daily indices of more than 31 days ago without words of msg"), "{said}");
    count(search, &index).await;
    assert_eq!(terms(search, &index, "msg.country").await, [("GB".to_owned(), 1)]);
    let mapping = ask(&cluster, Method::GET, &format!("/{index}/_mapping"), None).await;
    let msg = &mapping[&index]["mappings"]["properties"]["msg"];
    assert_eq!((&msg["properties"]["parts"]["type"], &msg["dynamic"]), (&json!("integer"), &json!("false")));
    assert_eq!(mapping_version(&cluster, &past).await, before, "nobody writes there any more");

    let versions = mapping_version(&cluster, &index).await;
    let again = init(search, &[]).await;
    assert!(again.contains("msg.currency is text, should be keyword") && !again.contains("added"), "{again}");
    assert_eq!(mapping_version(&cluster, &index).await, versions);
}

async fn make(cluster: &Client, index: &str, body: Value) {
    ask(cluster, Method::PUT, &format!("/{index}"), Some(&body)).await;
}

/// Index and what it got.
fn got(report: &Report) -> Vec<(&str, Vec<&str>)> {
    fn of(got: &Got) -> (&str, Vec<&str>) {
        (got.index.as_str(), got.members.iter().map(String::as_str).collect())
    }
    report.added.indices.iter().map(of).collect()
}

/// What an index does not take is said, and keeps nobody from theirs.
#[tokio::test]
async fn an_index_that_takes_nothing_is_named_and_the_others_get_theirs() {
    let search = shared().lease().await.expect("OpenSearch");
    let cluster = client(search.url());
    let text = json!({"mappings": {"properties": {"msg": {"properties": {"status": {"type": "text"}}}}}});
    make(&cluster, "pinpoint-2026-01-01", text).await;
    make(&cluster, "pinpoint-2026-01-02", json!({"settings": {"index.mapping.total_fields.limit": 5}})).await;
    make(&cluster, "pinpoint-2026-01-03", json!({})).await;
    make(&cluster, "pinpoint-2026-01-04", json!({"mappings": {"dynamic": "strict"}})).await;
    make(&cluster, "unrecognized-2026-01-05", json!({})).await;
    make(&cluster, "pinpoint-2026-01", json!({})).await;
    ask(&cluster, Method::POST, "/pinpoint-2026-01-04/_close", None).await;
    make(&cluster, "pinpoint-2026-01-06", json!({"settings": {"index.blocks.read_only": true}})).await;

    let options = TemplateOptions { shards: Some(1), replicas: Some(0), ..TemplateOptions::default() };
    let report = ensure(&cluster, &options, false).await;
    let lift = json!({"index.blocks.read_only": null});
    ask(&cluster, Method::PUT, "/pinpoint-2026-01-06/_settings", Some(&lift)).await;
    let report = report.expect("it never fails a run");
    let (mut all, mut refused) = (got(&report), Vec::new());
    all.sort_unstable();
    let fewer = ALL[..2].to_vec();
    // A `msg` of another tool's stays as it is.
    let expected = [
        ("pinpoint-2026-01-01", fewer.clone()),
        ("pinpoint-2026-01-03", ALL.to_vec()),
        ("pinpoint-2026-01-04", ALL.to_vec()),
        ("unrecognized-2026-01-05", fewer),
    ];
    assert_eq!(all, expected);
    refused.extend(report.added.refused.iter().map(|refused| refused.index.as_str()));
    assert_eq!(refused, ["pinpoint-2026-01-06", "pinpoint-2026-01-02"], "the newest first");
    let [blocked, full] = &report.warnings[..] else { panic!("{:?}", report.warnings) };
    assert!(blocked.contains("pinpoint-2026-01-06") && blocked.contains("lift the block"), "{blocked}");
    assert!(full.contains("pinpoint-2026-01-02") && full.contains("total_fields.limit"), "{full}");
    let broken = report.indices.broken();
    assert!(
        broken.iter().any(|(index, why)| *index == "pinpoint-2026-01-01" && why.contains("msg.status")),
        "{broken:?}"
    );

    // Two at once, when the reasons are gone.
    let raised = json!({"index.mapping.total_fields.limit": 1_000});
    ask(&cluster, Method::PUT, "/pinpoint-2026-01-02/_settings", Some(&raised)).await;
    let (a, b) = tokio::join!(ensure(&cluster, &options, false), ensure(&cluster, &options, false));
    for report in [a, b] {
        assert_eq!(report.expect("no harm").warnings, [""; 0]);
    }
    let dry = ensure(&cluster, &options, true).await.expect("it answers");
    assert_eq!((got(&dry), dry.added.past), (Vec::new(), 0), "nor does an `essink` that we added make it ours");
    let given = ask(&cluster, Method::GET, "/pinpoint-2026-01-06/_mapping", None).await;
    assert_eq!(
        given["pinpoint-2026-01-06"]["mappings"]["properties"]["msg"]["properties"]["status"]["type"],
        "keyword"
    );
    let other = ask(&cluster, Method::GET, "/pinpoint-2026-01/_mapping", None).await;
    assert_eq!(other["pinpoint-2026-01"]["mappings"], json!({}), "essink never writes there");
}
