//! The queries of docs/queries.md, as they stand there, over messages whose numbers are known: the tables in
//! [`events`] are what each must find.

pub mod events;

use std::collections::{BTreeMap, BTreeSet};

use essink::opensearch::client::Client;
use http::Method;
use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::search::{Server, shared};

use self::events::{MANY, ONE};
use crate::recipes::{Block, blocks, requests, under};
use crate::requests::{ask, client, create_all};
use crate::support::catch_up;

/// The page, and a cluster to ask.
struct Page {
    client: Client,
    blocks: Vec<Block>,
    asked: BTreeSet<String>,
}

impl Page {
    fn body(&mut self, heading: &str) -> Value {
        self.asked.insert(heading.to_owned());
        let [block] = under(&self.blocks, heading, "json")[..] else { panic!("one body under {heading:?}") };
        serde_json::from_str(&block.text).expect("JSON")
    }

    /// Sends a body where the page says; every shard must answer.
    async fn send(&self, body: &Value) -> Value {
        let to = requests(&under(&self.blocks, "", "console")[0].text);
        let [to] = &to[..] else { panic!("{to:?}") };
        let answer = ask(&self.client, to.method.clone(), &to.path, Some(body)).await;
        assert_eq!(answer["_shards"]["failed"], 0, "{answer}");
        answer
    }

    async fn ask(&mut self, heading: &str) -> Value {
        let body = self.body(heading);
        self.send(&body).await
    }

    /// Every bucket of a composite aggregation, page by page.
    async fn all_pages(&mut self, heading: &str, name: &str) -> Vec<Value> {
        let (mut body, mut found, mut pages) = (self.body(heading), Vec::new(), 0);
        loop {
            let mut answer = self.send(&body).await;
            let mut answer = answer["aggregations"][name].take();
            let Value::Array(buckets) = answer["buckets"].take() else { panic!("{answer}") };
            if buckets.is_empty() {
                assert!(found.len() < 1_000 || pages > 1, "{pages} pages");
                return found;
            }
            found.extend(buckets);
            pages += 1;
            body["aggs"][name]["composite"]["after"] = answer["after_key"].take();
        }
    }
}

fn buckets(of: &Value) -> impl Iterator<Item = (String, &Value)> {
    let key = |bucket: &Value| bucket["key"].as_str().expect("a text").to_owned();
    of["buckets"].as_array().expect("buckets").iter().map(move |bucket| (key(bucket), bucket))
}

fn messages(bucket: &Value) -> u64 {
    bucket["messages"]["value"].as_u64().expect("a number")
}

/// Sums of doubles are compared as people compare money.
fn check_money(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-9, "{what}: {found}, not {expected}");
}

fn table<V: Clone, const N: usize>(rows: [(&str, V); N]) -> BTreeMap<String, V> {
    rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[tokio::test]
async fn every_query_of_the_page_finds_what_was_counted_by_hand() {
    let search = shared().lease().await.expect("OpenSearch");
    find_what_was_counted(&search).await;
}

/// Needs a cluster without templates.
pub async fn find_what_was_counted(search: &Server) {
    let cluster = client(search.url());
    // Before any template: its types are guessed, as they were for other tools.
    assert_eq!(create_all(&cluster, "pinpoint-2026-10-30", &events::old()).await, [Value::Null; 0]);
    let kinesis = Kinesis::start().await.expect("Kinesis");
    kinesis.client().create_stream("s", 2).await.expect("stream");
    let record = |(n, event): (usize, Value)| (n.to_string(), event.to_string().into_bytes());
    let records: Vec<_> = events::all().into_iter().enumerate().map(record).collect();
    // Each event is in the stream twice, and the stream is read twice.
    for _ in 0..2 {
        kinesis.client().put_records("s", &records).await.expect("put");
    }
    catch_up(&kinesis, search, "s", &[]).await.expect(0, &[]);
    catch_up(&kinesis, search, "s", &["--group", "again"]).await.expect(0, &[]);
    ask(&cluster, Method::POST, "/_refresh", None).await;

    let page = include_str!("../../docs/queries.md");
    let mut page = Page { client: cluster, blocks: blocks(page), asked: BTreeSet::new() };
    let all = json!({"size": 0, "track_total_hits": true, "query": {"exists": {"field": "msg.provider"}}});
    assert_eq!(page.send(&all).await["hits"]["total"]["value"], records.len(), "each event once");
    delivered(&mut page).await;
    funnel(&mut page).await;
    statuses(&mut page).await;
    costs(&mut page).await;
    attempts(&mut page).await;
    histories(&mut page).await;
    old_and_new(&mut page).await;
    let all: BTreeSet<_> = page.blocks.iter().filter(|b| b.language == "json").map(|b| b.heading.clone()).collect();
    assert_eq!(page.asked, all, "every query of the page is tried");
}

async fn delivered(page: &mut Page) {
    let many = MANY as u64;
    let expected = BTreeMap::from([
        // ONE and eum-2.
        (("sms".to_owned(), "eum".to_owned()), many + 2),
        (("sms".into(), "pinpoint".into()), 1),
        (("sms".into(), "vonage".into()), 3),
        (("rcs".into(), "eum".into()), 3),
        (("whatsapp".into(), "eum".into()), 1),
        (("email".into(), "ses".into()), many + 1),
        (("email".into(), "pinpoint".into()), 1),
        (("email".into(), "bird".into()), 1),
        (("not said".into(), "pendula".into()), 1),
    ]);
    let answer = page.ask("Delivered messages").await;
    let mut found = BTreeMap::new();
    for (channel, bucket) in buckets(&answer["aggregations"]["channels"]) {
        for (provider, bucket) in buckets(&bucket["providers"]) {
            found.insert((channel.clone(), provider), messages(bucket));
        }
    }
    assert_eq!(found, expected);

    let mut found = BTreeMap::new();
    for bucket in page.all_pages("Delivered messages, exact", "messages").await {
        let text = |name: &str| bucket["key"][name].as_str().unwrap_or("not said").to_owned();
        *found.entry((text("channel"), text("provider"))).or_insert(0) += 1;
    }
    assert_eq!(found, expected);
}

async fn funnel(page: &mut Page) {
    let many = MANY as u64;
    let answer = page.ask("Funnel").await;
    let mut found = BTreeMap::new();
    for (channel, bucket) in buckets(&answer["aggregations"]["channels"]) {
        let steps = bucket["steps"]["buckets"].as_object().expect("named buckets");
        found.insert(channel, steps.values().map(messages).collect::<Vec<_>>());
    }
    let expected = table([
        // mail-1, ses-1, ses-2, ses-3, bird-1, pendula-1; ses-2 bounced, and of pendula-1 the channel is not said again.
        ("email", vec![many + 6, many + 4, 4, 2]),
        // ONE, eum-2, eum-3, pin-1, pin-2 and three of Vonage; eum-3 and pin-2 failed.
        ("sms", vec![many + 8, many + 6, 0, 0]),
        ("rcs", vec![3, 3, 1, 0]),
        ("whatsapp", vec![1, 1, 1, 0]),
        ("not said", vec![1, 1, 0, 0]),
    ]);
    assert_eq!(found, expected);
}

async fn statuses(page: &mut Page) {
    let answer = page.ask("Messages by status").await;
    let all: BTreeMap<_, _> = buckets(&answer["aggregations"]["statuses"]).collect();
    let found: BTreeMap<_, _> = all.iter().map(|(status, bucket)| (status.clone(), messages(bucket))).collect();
    let expected = table([
        // ONE, eum-2, rcs-1, wa-1, pin-1, mail-1, ses-1, ses-2, ses-3, bird-1, pendula-1
        ("sent", 11),
        // ONE, eum-2, rcs-1, rcs-2, rcs-3, wa-1, pin-1, mail-1, ses-1, bird-1, three of Vonage, pendula-1
        ("delivered", 14 + 2 * MANY as u64),
        ("opened", 4),
        ("clicked", 2),
        ("read", 2),
        ("failed", 2),
        ("bounced", 1),
        ("delayed", 1),
    ]);
    assert_eq!(found, expected);
    let reasons: Vec<_> = buckets(&all["failed"]["reasons"]).map(|(reason, _)| reason).collect();
    assert_eq!(reasons, ["CARRIER_UNREACHABLE"]);
}

async fn costs(page: &mut Page) {
    let answer = page.ask("Cost, where a sum is right").await;
    let found: BTreeMap<_, _> = buckets(&answer["aggregations"]["providers"]).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["eum", "pinpoint"]);
    let counts = |provider: &str| (found[provider]["doc_count"].as_u64().expect("a number"), messages(found[provider]));
    assert_eq!(counts("pinpoint"), (2, 2), "the sum is right");
    check_money(found["pinpoint"]["sum"]["value"].as_f64().expect("a sum"), 2.0 * 0.00645, "pinpoint");
    // ONE, eum-2, eum-3 and rcs-1, and a second end of ONE.
    assert_eq!(counts("eum"), (MANY as u64 + 5, MANY as u64 + 4), "the sum is too much");

    let all = page.all_pages("Cost, one a message", "messages").await;
    let sum = |provider: &str| -> f64 {
        let of = all.iter().filter(|bucket| bucket["key"]["provider"] == provider);
        of.map(|bucket| bucket["cost"]["value"].as_f64().expect("a cost")).sum()
    };
    check_money(sum("eum"), 0.00881 + 0.01762 + 0.00581 + 0.01194 + 12.0, "eum");
    check_money(sum("pinpoint"), 2.0 * 0.00645, "pinpoint");
    assert_eq!(all.len(), MANY + 4 + 2);

    let all = page.all_pages("Cost, one a conversation", "conversations").await;
    let [one] = &all[..] else { panic!("{all:?}") };
    assert_eq!(one["key"], json!({"provider": "eum", "conversation": "conversation-1"}));
    check_money(one["cost"]["value"].as_f64().expect("a cost"), 0.012, "the conversation");

    let all = page.all_pages("Cost in other currencies", "messages").await;
    assert!(all.iter().all(|bucket| bucket["key"]["currency"] == "EUR"), "{all:?}");
    let sum = all.iter().map(|bucket| bucket["cost"]["value"].as_f64().expect("a cost")).sum();
    check_money(sum, 3.0 * 0.0333, "in euros");
}

async fn attempts(page: &mut Page) {
    let answer = page.ask("Campaign attempts").await;
    let mut found = BTreeMap::new();
    for (campaign, bucket) in buckets(&answer["aggregations"]["campaigns"]) {
        for (status, bucket) in buckets(&bucket["send_statuses"]) {
            found.insert(format!("{campaign} {status}"), bucket["doc_count"].as_u64().expect("a number"));
        }
    }
    let expected = table([
        ("campaign-1 SUCCESS", 2),
        ("campaign-1 DAILY_CAP", 1),
        ("journey-1 SUCCESS", 1),
        ("journey-1 QUIET_TIME", 1),
    ]);
    assert_eq!(found, expected);
}

/// Events of the hits, each as its `msg` calls it.
fn told(answer: &Value) -> Vec<String> {
    let hits = answer["hits"]["hits"].as_array().expect("hits").iter();
    let of = |hit: &Value| hit["_source"]["msg"]["event"].as_str().expect("an event").to_owned();
    hits.map(of).collect()
}

async fn histories(page: &mut Page) {
    assert_eq!(page.body("One message")["query"]["term"]["msg.id"], ONE);
    assert_eq!(told(&page.ask("One message").await), ["TEXT_QUEUED", "TEXT_SUCCESSFUL", "TEXT_DELIVERED"]);
    let answer = page.ask("One recipient").await;
    // Vonage's two at 00:15 and 00:14, the mail of SES at 00:09 and before, the text at 00:03 and before.
    let expected = [
        "delivered",
        "buffered",
        "Open",
        "Click",
        "Open",
        "Open",
        "TEXT_DELIVERED",
        "Bounce",
        "TEXT_SUCCESSFUL",
        "Delivery",
        "Send",
        "Send",
        "Send",
        "TEXT_QUEUED",
    ];
    let mut found = told(&answer);
    let newest = found[..6].to_vec();
    assert_eq!(newest, expected[..6]);
    let (mut expected, len) = (expected.to_vec(), found.len());
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!((found, len), (expected.iter().map(|s| (*s).to_owned()).collect(), 14));
}

async fn old_and_new(page: &mut Page) {
    let answer = page.ask("Old and new indices side by side").await;
    let mut found = BTreeMap::new();
    for (index, bucket) in buckets(&answer["aggregations"]["indices"]) {
        for (kind, bucket) in buckets(&bucket["types"]) {
            let number = |name: &str| bucket[name]["value"].as_f64().expect("a number");
            let row = (
                bucket["doc_count"].as_u64().expect("a number"),
                number("mails"),
                number("texts"),
                number("millicents"),
            );
            found.insert(format!("{index} {kind}"), row);
        }
    }
    let expected = table([
        ("pinpoint-2026-10-30 _email.send", (1, 1.0, 0.0, 0.0)),
        ("pinpoint-2026-10-30 _email.delivered", (1, 1.0, 0.0, 0.0)),
        ("pinpoint-2026-10-30 _email.open", (2, 1.0, 0.0, 0.0)),
        ("pinpoint-2026-10-30 _SMS.BUFFERED", (1, 0.0, 1.0, 645.0)),
        ("pinpoint-2026-10-30 _SMS.SUCCESS", (1, 0.0, 1.0, 645.0)),
        ("pinpoint-2026-11-02 _email.send", (1, 1.0, 0.0, 0.0)),
        ("pinpoint-2026-11-02 _email.delivered", (1, 1.0, 0.0, 0.0)),
        ("pinpoint-2026-11-02 _email.open", (2, 1.0, 0.0, 0.0)),
        ("pinpoint-2026-11-02 _email.click", (1, 1.0, 0.0, 0.0)),
        ("pinpoint-2026-11-02 _SMS.BUFFERED", (1, 0.0, 1.0, 645.0)),
        ("pinpoint-2026-11-02 _SMS.SUCCESS", (1, 0.0, 1.0, 645.0)),
        ("pinpoint-2026-11-02 _SMS.FAILURE", (1, 0.0, 1.0, 645.0)),
        ("pinpoint-2026-11-02 _campaign.send", (3, 0.0, 0.0, 0.0)),
        ("pinpoint-2026-11-02 _journey.send", (2, 0.0, 0.0, 0.0)),
    ]);
    assert_eq!(found, expected);
}
