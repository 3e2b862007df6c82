//! The main job: from a stream to daily indices.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::{Value, json};
use testkit::events::{Events, Plan, Truth};
use testkit::kinesis::Kinesis;
use testkit::kpl::{self, UserRecord};
use testkit::search::{Server, shared};

use crate::support::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// Puts generated events and returns what there must be of them.
pub async fn feed(kinesis: &Kinesis, stream: &str, plan: Plan) -> Truth {
    let mut truth = Truth::default();
    let mut records = Vec::new();
    for event in Events::new(plan) {
        truth.add(&event);
        records.push((event.partition_key.clone(), event.record()));
    }
    kinesis.client().put_records(stream, &records).await.expect("put");
    truth
}

/// The cluster holds exactly what the truth says: by day from the index names, by type from an aggregation.
pub async fn check_truth(search: &Server, truth: &Truth) {
    for (day, n) in truth.by_day() {
        assert_eq!(count(search, &format!("pinpoint-{day}")).await, n, "{day}");
    }
    assert_eq!(count(search, "pinpoint-*").await, truth.total());
    let by_type: BTreeMap<String, u64> = terms(search, "pinpoint-*", "event_type.keyword").await.into_iter().collect();
    let expected: BTreeMap<String, u64> = truth.by_type().into_iter().map(|(t, n)| (t.to_owned(), n)).collect();
    assert_eq!(by_type, expected);
}

fn november() -> Plan {
    Plan { enriched: false, ..Plan::days(1, 5_000, day("2026-10-29")..day("2026-11-02")) }
}

#[tokio::test]
async fn a_stream_becomes_daily_indices_and_a_second_reading_adds_nothing() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("events", 4).await.expect("stream");
    let truth = feed(&kinesis, "events", november()).await;

    catch_up(&kinesis, &search, "events", &[]).await.expect(0, &[]);
    check_truth(&search, &truth).await;
    assert_eq!(count(&search, "essink-dead-letters-*").await, 0);

    // Another group has no positions: everything is read again, and every id is met again.
    let again = catch_up(&kinesis, &search, "events", &["--group", "second"]).await.expect(0, &[]);
    check_truth(&search, &truth).await;
    assert!(again.err.contains(&format!("\"events.already_there\":{}", truth.total())), "{}", again.err);

    // The first group goes on where it stopped: only what is new is read.
    let more = Plan { seed: 2, count: 300, ..november() };
    let new = feed(&kinesis, "events", more).await;
    let third = catch_up(&kinesis, &search, "events", &[]).await.expect(0, &[]);
    assert!(third.err.contains(&format!("\"events.indexed\":{}", new.total())), "{}", third.err);
    assert!(third.err.contains("\"events.already_there\":0"), "{}", third.err);
    assert_eq!(count(&search, "pinpoint-*").await, truth.total() + new.total());
}

#[tokio::test]
async fn every_published_pinpoint_event_is_indexed_under_its_own_day_in_any_order() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    let events = samples(&PINPOINT_SAMPLES);
    for (round, step) in [1, 7, 5].into_iter().enumerate() {
        search.wipe().await.expect("wiped");
        let stream = format!("samples-{round}");
        kinesis.client().create_stream(&stream, 1).await.expect("stream");
        let order = (0..events.len()).map(|n| n * step % events.len());
        let record = |n: usize| ("k".to_owned(), format!("{}\n", events[n]).into_bytes());
        let records: Vec<_> = order.map(record).collect();
        kinesis.client().put_records(&stream, &records).await.expect("put");
        catch_up(&kinesis, &search, &stream, &[]).await.expect(0, &[]);

        assert_eq!(count(&search, "essink-dead-letters-*").await, 0, "no refusal in order {step}");
        let found = documents(&search, "pinpoint-*").await;
        assert_eq!(found.len(), events.len());
        for hit in &found {
            let source = &hit["_source"];
            let corrected = source["essink"]["clock"] == "corrected";
            let day = if corrected { &source["essink"]["arrived"] } else { &source["@timestamp"] };
            assert_eq!(hit["_index"], format!("pinpoint-{}", &day.as_str().expect("a time")[..10]));
            let ms = source["arrival_timestamp"].as_i64().expect("samples have numbers");
            let own = chrono::DateTime::from_timestamp_millis(ms).expect("in range").date_naive();
            assert!(corrected || hit["_index"] == format!("pinpoint-{own}"));
            // Not believed: the phone's clock, from 2023, and the one stamp that is older than Kinesis itself.
            let of_2014 = 1_388_534_400_000;
            assert_eq!(corrected, source["event_type"] == "button_clicked" || ms < of_2014, "{}", source["event_type"]);
        }
        check_types(&search).await;
    }
}

async fn check_types(search: &Server) {
    let caps = search.get("/pinpoint-*/_field_caps?fields=arrival_timestamp,event_type.keyword").await.expect("caps");
    let types = |field: &str| caps["fields"][field].as_object().expect("known").clone();
    assert_eq!(types("arrival_timestamp").keys().collect::<Vec<_>>(), ["date"]);
    assert_eq!(types("arrival_timestamp")["date"]["aggregatable"], true);
    assert_eq!(types("event_type.keyword")["keyword"]["aggregatable"], true);
}

#[tokio::test]
async fn whatever_is_wrapped_around_events_is_taken_off() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("wrapped", 1).await.expect("stream");
    let event = |n: u32| {
        json!({"event_type": format!("e{n}"), "event_version": "3.1", "awsAccountId": "1", "arrival_timestamp": 1_790_000_000_000_i64}).to_string()
    };
    let mut outside = UserRecord::new("a", event(3));
    // A hash key far outside this or any shard: KCL would drop the record, essink keeps it.
    outside.explicit_hash_key = Some("340282366920938463463374607431768211455".to_owned());
    let aggregate = kpl::aggregate(&[UserRecord::new("a", event(2)), outside]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, format!("{}{}", event(4), event(5)).as_bytes()).expect("memory");
    let records: Vec<Vec<u8>> = vec![
        event(0).into_bytes(),
        format!("{}\n", event(1)).into_bytes(),
        aggregate,
        gzip.finish().expect("memory"),
        format!("[{},{}]", event(6), event(7)).into_bytes(),
        Vec::new(),
        (100..4_100).map(event).collect::<String>().into_bytes(),
        in_a_queue(&[&notification(&event(8)), &event(0), &notification(&event(1))]).into_bytes(),
    ];
    let records: Vec<_> = records.into_iter().map(|data| ("k".to_owned(), data)).collect();
    kinesis.client().put_records("wrapped", &records).await.expect("put");
    catch_up(&kinesis, &search, "wrapped", &[]).await.expect(0, &[]);
    assert_eq!(count(&search, "pinpoint-2026-09-21").await, 9 + 4_000, "two in the queue were there already");
    assert_eq!(count(&search, "*").await - count(&search, "essink-state").await, 9 + 4_000);
    let found = search.get("/pinpoint-*/_search?q=event_type:e8+AND+essink.wrapping.id:n8").await.expect("search");
    assert_eq!(found["hits"]["hits"][0]["_source"]["essink"]["envelopes"], json!(["sqs", "sns"]), "{found}");
}

/// A message as SNS delivers it.
fn notification(message: &str) -> String {
    json!({"Type": "Notification", "MessageId": "n8", "Timestamp": "2026-09-22T00:00:00Z", "Message": message})
        .to_string()
}

/// Messages as Lambda gets them from SQS.
fn in_a_queue(bodies: &[&str]) -> String {
    let record = |body: &&str| json!({"messageId": "q", "eventSource": "aws:sqs", "body": body});
    json!({"Records": bodies.iter().map(record).collect::<Vec<_>>()}).to_string()
}

#[tokio::test]
async fn a_line_inside_an_event_injects_nothing() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("attack", 1).await.expect("stream");
    search.send(reqwest::Method::PUT, "/treasure/_doc/1", &json!({"gold": 1})).await.expect("a document");
    let pretty = "{\n\"event_type\":\"x\",\"event_version\":\"3.1\",\"awsAccountId\":\"1\",\n\"a\":\n{\"delete\":{\"_index\":\"treasure\",\"_id\":\"1\"}}\n,\n\"b\":\n{\"index\":{\"_index\":\"planted\"}}\n,\"c\":{\"x\":1}\n}";
    let records: Vec<_> = [pretty, &format!("{pretty}\n{{\"delete\":{{\"_index\":\"treasure\",\"_id\":\"1\"}}}}\n")]
        .map(|text| ("k".to_owned(), text.as_bytes().to_vec()))
        .to_vec();
    kinesis.client().put_records("attack", &records).await.expect("put");
    catch_up(&kinesis, &search, "attack", &[]).await.expect(0, &[]);
    assert_eq!(count(&search, "treasure").await, 1);
    assert_eq!(count(&search, "planted").await, 0);
    assert_eq!(count(&search, "pinpoint-*").await, 1, "the same bytes twice are one event");
    assert_eq!(count(&search, "unrecognized-*").await, 1, "the delete line is an event that nobody knows");
}

#[tokio::test]
async fn what_no_rule_knows_is_kept_where_anything_is_accepted() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("odd", 1).await.expect("stream");
    let odd = [
        json!({"a": 1}),
        json!({"a": {"b": [1, {"c": "x".repeat(40_000)}]}}),
        json!({"a": "text", "": 1, "x.y": {}, "x": 5}),
        json!({"_id": "mine", "_source": {}, "@timestamp": "never", "essink": 1}),
        json!({}),
    ];
    let records: Vec<_> = odd.iter().map(|v| ("k".to_owned(), v.to_string().into_bytes())).collect();
    kinesis.client().put_records("odd", &records).await.expect("put");
    catch_up(&kinesis, &search, "odd", &[]).await.expect(0, &[]);
    let mut found: Vec<String> =
        documents(&search, "unrecognized-*").await.iter().map(|h| h["_source"]["event"].to_string()).collect();
    let mut expected: Vec<String> = odd.iter().map(Value::to_string).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
