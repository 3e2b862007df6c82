//! A month in a cluster, as it would come to be there.

use chrono::{DateTime, Utc};
use essink::opensearch::client::Client;
use essink::panel::{Over, Range};
use essink::upkeep::dashboards::patterns;
use essink::upkeep::names::Prefixes;
use http::Method;
use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::month::Month;
use testkit::search::Server;

use super::Size;
use crate::requests::{ask, client, create_all};
use crate::support::{catch_up, essink, finish};

pub const DAY: i64 = 86_400_000;

/// Events that nobody knows.
pub const UNRECOGNIZED: [&str; 2] = ["{\"temperature\": 21.5}", "{\"hello\": \"world\"}"];
/// Records that are no events, and why.
pub const LETTERS: [(&str, &str); 3] =
    [("not json", "not_json"), ("{\"event_type\":", "not_json"), ("[1]", "not_an_object")];

/// Events of a service whose clock is far in the future, alone: filed by their arrival.
pub const CORRECTED: usize = 2;
/// The same in an envelope whose time can be believed.
pub const WRAPPED: usize = 1;
/// Events that an index does not take as they are.
pub const DEGRADED: usize = 3;
/// Which index that is.
pub const REFUSED_AT: &str = "ses-2026-09-01";

/// What is in the cluster.
pub struct Loaded {
    pub client: Client,
    pub month: Month,
    /// The first midnight.
    pub first: i64,
    /// Before this Pinpoint's own events are in Firehose's indices.
    pub cut: i64,
    /// When the stream was filled.
    began: i64,
    /// When essink had read it.
    ended: i64,
}

impl Loaded {
    /// From before anything was put into the stream until later.
    pub fn arrived(&self) -> Range {
        Range { from: self.began - 60_000, to: self.began + DAY }
    }

    /// The same, exactly but for the second: Kinesis may tell no more.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
    pub fn ran(&self) -> (f64, f64) {
        ((self.began - 1_000) as f64, self.ended as f64)
    }

    /// The name of an index without the day of the test in it.
    pub fn without_today(&self, key: &str) -> String {
        let days = [self.began, self.ended].map(|at| format!("-{}", date(at)));
        let name = days.iter().find_map(|day| key.strip_suffix(day));
        name.map_or_else(|| key.to_owned(), |name| format!("{name}-today"))
    }
}

fn date(at: i64) -> chrono::NaiveDate {
    DateTime::<Utc>::from_timestamp_millis(at).expect("in range").date_naive()
}

/// Puts Pinpoint's events of the first days where Firehose would have, and all else through essink.
pub async fn load(search: &Server, month: Month, size: &Size) -> Loaded {
    let client = client(search.url());
    let first = super::FIRST_DAY.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
    let cut = first + i64::from(size.old_days) * DAY;
    old(&client, &month, first..cut).await;
    refusing(search).await;
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("month", 2).await.expect("stream");
    let began = essink::app::clock::now().0;
    let of_essink = month.without_firehose(cut).enumerate();
    let mut records: Vec<_> = of_essink.map(|(n, event)| (n.to_string(), event.bytes.clone())).collect();
    let odd = UNRECOGNIZED
        .into_iter()
        .chain(LETTERS.map(|(bytes, _)| bytes))
        .map(str::to_owned)
        .chain(clocks(began))
        .chain(refused());
    records.extend(odd.map(|odd| ("odd".to_owned(), odd.into_bytes())));
    kinesis.client().pooled().expect("a client").put_records("month", &records).await.expect("put");
    // The stamps of phones are believed: these lie weeks before the test.
    catch_up(&kinesis, search, "month", &["--max-clock-lag", "3650d"]).await.expect(0, &[]);
    let ended = essink::app::clock::now().0;
    ask(&client, Method::POST, "/_refresh", None).await;
    let loaded = Loaded { client, month, first, cut, began, ended };
    check_count(&loaded).await;
    loaded
}

/// The template of those days, which knows one field, and a document for each event as it came.
async fn old(client: &Client, month: &Month, during: std::ops::Range<i64>) {
    let mapping = json!({"properties": {"arrival_timestamp": {"type": "date", "format": "epoch_millis"}}});
    let template = json!({"index_patterns": ["pinpoint*"], "order": 1, "mappings": mapping});
    ask(client, Method::PUT, "/_template/pinpoint", Some(&template)).await;
    let mut begin = during.start;
    while begin < during.end {
        let of_day = month.firehose(begin..begin + DAY);
        let documents: Vec<Value> =
            of_day.map(|event| serde_json::from_slice(&event.bytes).expect("an event")).collect();
        let refused = create_all(client, &format!("pinpoint-{}", date(begin)), &documents).await;
        assert_eq!(refused, Vec::<Value>::new());
        begin += DAY;
    }
}

/// An index that takes no text where mail has its id: events of its day are degraded.
async fn refusing(search: &Server) {
    let init = ["init-templates", "--opensearch-url", search.url(), "--replicas", "0"];
    finish(essink(&init)).await.expect(0, &[]);
    let id = json!({"mappings": {"properties": {"mail": {"properties": {"messageId": {"type": "integer"}}}}}});
    ask(&client(search.url()), Method::PUT, &format!("/{REFUSED_AT}"), Some(&id)).await;
}

fn mail(id: &str, at: &str) -> String {
    let mail = json!({"timestamp": at, "messageId": id, "source": "a@shop.example", "destination": ["b@acme.example"]});
    json!({"eventType": "Send", "mail": mail, "send": {}}).to_string()
}

fn refused() -> impl Iterator<Item = String> {
    (0..DEGRADED).map(|n| mail(&format!("no-number-{n}"), "2026-09-01T12:00:00.000Z"))
}

fn clocks(now: i64) -> impl Iterator<Item = String> {
    let alone = (0..CORRECTED).map(|n| mail(&format!("future-{n}"), "2126-10-01T00:00:00.000Z"));
    let time = format!("{}Z", &super::scene::iso(now)[..19]);
    let wrapped = (0..WRAPPED).map(move |n| {
        let detail = json!({"eventType": "TEXT_QUEUED", "eventTimestamp": 4_946_572_800_000_i64, "isFinal": false,
            "messageId": format!("future-{n}")});
        json!({"version": "0", "id": format!("future-{n}"), "detail-type": "x", "source": "aws.sms-voice", "account": "1",
            "time": time, "region": "eu-west-1", "resources": [], "detail": detail})
        .to_string()
    });
    alone.chain(wrapped)
}

/// Each event is there once, whatever came twice.
async fn check_count(loaded: &Loaded) {
    let by_index = json!({"indices": {"terms": {"field": "_index", "size": 1_000}}});
    let all = json!({"size": 0, "track_total_hits": true, "aggs": by_index});
    let path = format!("/{}/_search?ignore_unavailable=true", patterns(Over::Arrivals, &Prefixes::default()));
    let answer = ask(&loaded.client, Method::POST, &path, Some(&all)).await;
    let indices = &answer["aggregations"]["indices"]["buckets"];
    let facts = loaded.month.truth().facts().iter();
    let known = facts.filter(|fact| fact.provider != "pinpoint" || fact.is_pinpoints || fact.at >= loaded.cut).count();
    let odd = UNRECOGNIZED.len() + CORRECTED + WRAPPED + DEGRADED;
    assert_eq!(answer["hits"]["total"]["value"], known + odd, "{indices}");
}
