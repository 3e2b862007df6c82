//! Panels over the endpoint, with a cluster that makes its answers up.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;
use crate::panel;

const DAY: i64 = 86_400_000;
const FROM: i64 = NOW / DAY * DAY;

/// An answer that fits the aggregations of a search: every number is 7, every split has two buckets.
pub fn made_up(aggs: &Value) -> Value {
    let Some(aggs) = aggs.as_object() else { return json!({}) };
    let inner = |agg: &Value, more: Value| {
        let mut bucket = made_up(&agg["aggs"]);
        bucket["doc_count"] = json!(9);
        more.as_object().unwrap().iter().for_each(|(name, value)| bucket[name] = value.clone());
        bucket
    };
    let one = |(name, agg): (&String, &Value)| {
        let found = if agg.get("terms").is_some() || agg.get("histogram").is_some() {
            // Money is by price.
            let keys = if name == "prices" { [json!(0.5), json!(2.0)] } else { [json!("sms"), json!("email")] };
            let buckets = keys.map(|key| inner(agg, json!({"key": key})));
            json!({"buckets": buckets, "sum_other_doc_count": 3, "doc_count_error_upper_bound": 0})
        } else if let Some(filters) = agg["filters"]["filters"].as_object() {
            let buckets: serde_json::Map<_, _> =
                filters.keys().map(|key| (key.clone(), inner(agg, json!({})))).collect();
            json!({"buckets": buckets})
        } else if agg.get("date_histogram").is_some() {
            let buckets = [0, 2].map(|day| inner(agg, json!({"key": FROM + day * DAY})));
            json!({"buckets": buckets})
        } else if agg.get("percentiles").is_some() {
            json!({"values": {"50.0": 7.0}})
        } else if agg.get("filter").is_some() || agg.get("missing").is_some() {
            inner(agg, json!({}))
        } else {
            json!({"value": 7.0})
        };
        (name.clone(), found)
    };
    Value::Object(aggs.iter().map(one).collect())
}

pub fn answer_to(body: &Value) -> Value {
    let mut answer = json!({
        "timed_out": false,
        "_shards": {"total": 3, "failed": 0},
        "hits": {"total": {"value": 9}, "hits": [{"_source": {"msg": {"id": "m-1", "to": "+4477"}}}]},
    });
    answer["aggregations"] = made_up(&body["aggs"]);
    answer
}

fn of_panel(dashboard: &str, panel: &str, more: &str) -> String {
    format!("/page/panels/{dashboard}/{panel}?from={FROM}&to={}{more}", FROM + 7 * DAY)
}

fn json_of(got: &Got) -> Value {
    serde_json::from_str(&got.body).unwrap()
}

#[tokio::test]
async fn every_panel_that_shows_no_events_is_answered_and_the_others_say_how_to_allow_them() {
    let served = served(None, Fake::default()).await;
    let described = json_of(&fetch(served.at, "/page/dashboards").await);
    let mut hidden = 0;
    for dashboard in described.as_array().unwrap() {
        for shown in dashboard["panels"].as_array().unwrap() {
            let (dashboard, id) = (dashboard["id"].as_str().unwrap(), shown["id"].as_str().unwrap());
            for told in ["title", "question", "unit", "caveat", "chart"] {
                assert!(shown[told].is_string(), "{dashboard}/{id}: no {told}");
            }
            let got = fetch(served.at, &of_panel(dashboard, id, "")).await;
            let answer = json_of(&got);
            if shown["hidden"] == true {
                hidden += 1;
                assert_eq!(got.status, 403, "{dashboard}/{id}");
                assert!(answer["cure"].as_str().unwrap().contains("--page-events"), "{answer}");
                let error = answer["error"].as_str().unwrap();
                assert!(error.contains(hidden_because(dashboard, id)), "{dashboard}/{id}: {error}");
                // What the page says without asking is the same.
                assert!(include_str!("../../../assets/events.js").contains(&error[1..]), "{error}");
                continue;
            }
            assert_eq!(got.status, 200, "{dashboard}/{id}: {answer}");
            let columns = answer["table"]["columns"].as_array().unwrap().len();
            assert_eq!(answer["empty"].as_array().unwrap().len(), columns, "{dashboard}/{id}");
            let keys = answer["table"]["keys"].as_array().unwrap().len();
            let rows = answer["table"]["rows"].as_array().unwrap();
            assert!(!rows.is_empty(), "{dashboard}/{id}");
            assert!(rows.iter().all(|row| row["keys"].as_array().unwrap().len() == keys), "{dashboard}/{id}");
        }
    }
    let all = panel::dashboards().iter().flat_map(|dashboard| &dashboard.panels);
    assert_eq!(hidden, all.filter(|panel| crate::page::panels::is_private(panel)).count());
    assert!(hidden > 0);
}

/// What a panel shows that can be a person's.
fn hidden_because(dashboard: &str, id: &str) -> &'static str {
    match (dashboard, id) {
        ("message", _) => "a message",
        ("texts", "by-sender" | "cost-by-sender") => "a sender",
        ("email", "links") => "a link",
        ("app", "pages") => "page",
        ("app", "referrers") => "referrer",
        ("app", "places") => "country",
        ("email", "refused" | "diagnostics") => "a server",
        ("texts", "failures" | "pinpoint-records") => "carrier answered",
        _ => panic!("{dashboard}/{id} is hidden, and nobody has said why"),
    }
}

/// Judged by hand, so that a field that is new here must be judged too.
#[test]
fn every_field_that_panels_show_the_values_of_is_judged() {
    let personal = [
        "msg.from",
        "msg.link",
        "msg.reason",
        "attributes.record_status.keyword",
        "attributes.url.keyword",
        "attributes.referer.keyword",
        "endpoint.Location.Country.keyword",
    ];
    let facets = "facets.email_channel.mail_event.bounce";
    let bounces = ["bounce_type", "bounce_sub_type"].map(|of| format!("{facets}.{of}.keyword"));
    let open = [
        "msg.campaign",
        "msg.campaign_kind",
        "msg.carrier",
        "msg.channel",
        "msg.config_set",
        "msg.country",
        "msg.currency",
        "msg.from_domain",
        "msg.parts",
        "msg.provider",
        "msg.reason_class",
        "msg.send_status",
        "msg.status",
        "msg.to_domain",
        "msg.user_agent",
        "event_type.keyword",
        "_index",
        "essink.clock",
        "essink.degraded",
        "device.platform.name.keyword",
        "device.model.keyword",
        "device.locale.code.keyword",
        "application.package_name.keyword",
        "application.version_name.keyword",
        "attributes._currency.keyword",
        "attributes._product_id.keyword",
        "attributes.campaign_id.keyword",
        "attributes.campaign_send_status.keyword",
        "attributes.journey_id.keyword",
        "attributes.journey_send_status.keyword",
        "attributes.iso_country_code.keyword",
        "attributes.utm_source.keyword",
        "attributes.utm_medium.keyword",
        "attributes.utm_campaign.keyword",
    ];
    let mut shown: std::collections::BTreeSet<&str> = std::collections::BTreeSet::new();
    for panel in panel::dashboards().iter().flat_map(|dashboard| &dashboard.panels) {
        let fields: Vec<&str> = crate::page::panels::fields(panel).collect();
        let typed = panel.chart == panel::Chart::Events || !panel.inputs.is_empty();
        let private = typed || fields.iter().any(|field| personal.contains(field));
        assert_eq!(crate::page::panels::is_private(panel), private, "{}", panel.id);
        shown.extend(fields);
    }
    let judged = open.into_iter().chain(personal).chain(bounces.iter().map(String::as_str)).collect();
    assert_eq!(shown, judged);
    for field in ["msg.to", "msg.user", "msg.id", "mail.headers.value", "endpoint.Address.keyword", "click.link"] {
        assert!(crate::event::families::can_be_personal(field), "{field}");
    }
}

#[tokio::test]
async fn events_are_shown_where_they_are_allowed() {
    let served = served_with(None, Fake::default(), true).await;
    let got = fetch(served.at, &of_panel("message", "timeline", "&message=m-1")).await;
    assert_eq!(got.status, 200, "{}", got.body);
    assert!(got.body.contains("+4477"), "{}", got.body);
    let asked = served.fake.asked.lock().unwrap().last().unwrap().clone();
    assert!(asked.1.to_string().contains(r#""msg.id":["m-1"]"#), "{}", asked.1);
    assert_eq!(fetch(served.at, &of_panel("message", "timeline", "&message=m%2D1")).await.status, 200);
    let decoded = served.fake.asked.lock().unwrap().last().unwrap().clone();
    assert_eq!(decoded.1, asked.1, "an address is decoded");
}

#[tokio::test]
async fn a_panel_asks_its_own_indices_for_its_time() {
    let served = served(None, Fake::default()).await;
    let answer = json_of(&fetch(served.at, &of_panel("overview", "by-day", "")).await);
    assert_eq!(answer["interval"], "1d");
    assert_eq!(answer["empty"], json!([0.0]));
    assert_eq!(answer["table"]["rows"][0], json!({"keys": [FROM, "sms"], "values": [7.0]}));
    let (over, body) = served.fake.asked.lock().unwrap()[0].clone();
    assert_eq!(over, Over::Messages);
    assert!(body.to_string().contains(&format!(r#""gte":{FROM},"lt":{}"#, FROM + 7 * DAY)), "{body}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let served = served_with(None, Fake::default(), true).await;
    let status = async |path: String| fetch(served.at, &path).await.status;
    assert_eq!(status(of_panel("overview", "nothing", "")).await, 404);
    let at = |query: &str| format!("/page/panels/overview/sent{query}");
    for bad in
        ["", "?from=1", "?from=2&to=1", "?from=1&to=1", "?from=x&to=2", "?from=-5&to=1", "?from=0&to=999999999999999"]
    {
        assert_eq!(status(at(bad)).await, 400, "{bad}");
    }
    let long = format!("&message={}", "x".repeat(2_001));
    assert_eq!(status(of_panel("message", "timeline", &long)).await, 400);
    assert!(served.fake.asked.lock().unwrap().is_empty(), "the cluster was asked");
}

#[tokio::test]
async fn a_cluster_that_is_away_is_said_and_its_return_is_seen() {
    let served = served(None, Fake::default()).await;
    let path = of_panel("overview", "sent", "");
    let away = Trouble { error: "cannot connect".to_owned(), cure: "look whether it runs".to_owned() };
    *served.fake.away.lock().unwrap() = Some(away);
    let got = fetch(served.at, &path).await;
    assert_eq!(got.status, 503);
    assert_eq!(json_of(&got), json!({"error": "cannot connect", "cure": "look whether it runs"}));
    assert_eq!(fetch(served.at, "/").await.status, 200);
    assert_eq!(events(served.at, 2).await[1].0, "message", "the pipeline goes on");
    *served.fake.away.lock().unwrap() = None;
    assert_eq!(fetch(served.at, &path).await.status, 200);
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let served = served(None, Fake::default()).await;
    served.fake.failed_shards.store(1, Relaxed);
    let got = fetch(served.at, &of_panel("overview", "sent", "")).await;
    assert_eq!(got.status, 503);
    assert!(json_of(&got)["error"].as_str().unwrap().contains("1 of 3 shards"), "{}", got.body);
}

/// Asks without a socket, so that time can stand still.
async fn ask(desk: &Arc<Desk>) -> StatusCode {
    let path = axum::extract::Path(("overview".to_owned(), "sent".to_owned()));
    let query = axum::extract::RawQuery(Some(format!("from={FROM}&to={NOW}")));
    crate::page::panels::show(axum::extract::State(desk.clone()), path, query).await.status()
}

#[tokio::test(start_paused = true)]
async fn few_are_asked_at_a_time_and_nobody_waits_for_ever() {
    let guard = Guard::new(None, "127.0.0.1:1".parse().unwrap());
    let fake = Fake { delay: Some(Duration::from_secs(6)), ..Fake::default() };
    let most = fake.most.clone();
    let desk = desk_of(&metrics(), &Health::starting(), guard, Arc::new(fake), false);
    let began = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..9 {
        let desk = desk.clone();
        asking.spawn(async move { ask(&desk).await });
    }
    let mut all = asking.join_all().await;
    all.sort_unstable();
    assert_eq!(most.load(Relaxed), 3);
    // Three after 6 s, three after 12, and three that would have come after 18.
    assert_eq!(began.elapsed(), Duration::from_secs(15));
    assert_eq!(all, [[StatusCode::OK; 6].as_slice(), &[StatusCode::SERVICE_UNAVAILABLE; 3]].concat());
    assert_eq!(ask(&desk).await, StatusCode::OK, "those that gave up hold no place");
}

#[tokio::test(start_paused = true)]
async fn more_than_may_wait_are_told_at_once() {
    let guard = Guard::new(None, "127.0.0.1:1".parse().unwrap());
    let fake = Fake { delay: Some(Duration::from_secs(60)), ..Fake::default() };
    let desk = desk_of(&metrics(), &Health::starting(), guard, Arc::new(fake), false);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let desk = desk.clone();
        asking.spawn(async move { ask(&desk).await });
    }
    tokio::task::yield_now().await;
    let began = Instant::now();
    assert_eq!(ask(&desk).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(asking.join_all().await, [StatusCode::SERVICE_UNAVAILABLE; 12], "the cluster does not answer");
}

/// One more of those that are asked now.
pub struct Asked<'a>(&'a AtomicUsize);

impl<'a> Asked<'a> {
    pub fn one(now: &'a AtomicUsize, most: &AtomicUsize) -> Self {
        most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
        Self(now)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
