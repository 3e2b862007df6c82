//! Documents of End User Messaging, WhatsApp and Vonage under their templates, on a real cluster.

use http::Method;
use serde_json::{Value, json};

use super::requests::{ask, client, create_all, ensure};
use super::shapes::{options, shuffled, written};
use super::support::samples;

/// The published events of a family, out of the envelope of EventBridge, and the names its template knows.
fn family(prefix: &str, template: &str, more: &[Value]) -> (Vec<Value>, Vec<String>) {
    let mut events = samples(&[prefix]);
    events.retain(|event| event.is_object() && event["payload_hash"].is_null());
    for event in &mut events {
        if event["detail"].is_object() {
            *event = event["detail"].take();
        }
    }
    events.extend_from_slice(more);
    let template: Value = serde_json::from_str(template).unwrap();
    let names = template["template"]["mappings"]["properties"].as_object().unwrap().keys().cloned().collect();
    (events, names)
}

fn families() -> [(&'static str, Vec<Value>, Vec<String>); 2] {
    let entry = json!({"id": "1", "changes": [{"field": "messages", "value": {"statuses": [{"id": "wamid.1",
        "status": "read", "timestamp": "1736379042", "recipient_id": "16505551234", "odd.key": {"": [[1]]}}]}}]});
    let whatsapp = json!({"context": {"MetaWabaIds": [{"wabaId": "1"}]}, "whatsAppWebhookEntry": entry.to_string(),
        "message_timestamp": "2025-01-08T23:30:43.271279391Z"});
    let (eum, eum_names) = family("eum-", include_str!("../../templates/eum.json"), &[whatsapp]);
    let status = json!({"message_uuid": "m1", "to": "447700900000", "from": "447700900001", "status": "submitted",
        "timestamp": "2023-05-01T14:00:00.000Z", "usage": {"currency": "EUR", "price": "0.0333"},
        "sms": {"count_total": "2"}, "destination": {"network_code": "12345"}});
    let old = json!({"message_uuid": "m2", "to": {"type": "sms", "number": "1"}, "from": {"type": "sms", "number": "2"},
        "status": "delivered", "timestamp": "2019-09-09T23:18:25.308Z"});
    let (vonage, vonage_names) = family("vonage-", include_str!("../../templates/vonage.json"), &[status, old]);
    [("eum", eum, eum_names), ("vonage", vonage, vonage_names)]
}

/// Every member that a template knows, with any value, in each event and in any order.
pub async fn members_of_message_events_take_what_comes(url: &str) {
    let client = client(url);
    ensure(&client, &options(), false).await.unwrap();
    let values = [
        json!(null),
        json!(true),
        json!(7),
        json!(-1.5),
        json!(1e30),
        json!(u64::MAX),
        json!(""),
        json!("2020-01-01"),
        json!("tomorrow"),
        json!("x".repeat(33_000)),
        json!([]),
        json!(["a", 1, true]),
        json!([[1], {}]),
        json!({}),
        json!({"a": {"b": 1}, "c.d": [{}], "": 1}),
    ];
    for (family, events, names) in families() {
        assert!(events.len() >= 4, "{family}: {} events", events.len());
        let mut documents: Vec<_> = events.iter().map(written).collect();
        for (at, name) in names.iter().enumerate() {
            for value in &values {
                let mut event = events[at % events.len()].clone();
                event[name] = value.clone();
                documents.push(written(&event));
            }
        }
        // Without the members it is told by an event is none of the family, and goes elsewhere.
        documents.retain(|document| document["msg"]["provider"] == family);
        assert!(documents.len() > names.len() * (values.len() - 2), "{family}: {} documents", documents.len());
        for day in 1..=4 {
            let documents = shuffled(&documents, day);
            let refused = create_all(&client, &format!("{family}-2020-02-{day:02}"), &documents).await;
            assert_eq!(refused, [Value::Null; 0], "{family}, order {day}");
        }
    }
}

/// Prices can be added, times are times, and no second is read as a millisecond.
pub async fn members_of_message_events_have_their_types(url: &str) {
    let client = client(url);
    ensure(&client, &options(), false).await.unwrap();
    for (family, events, _) in families() {
        let documents: Vec<_> = events.iter().map(written).collect();
        assert_eq!(create_all(&client, &format!("{family}-2020-01-01"), &documents).await, [Value::Null; 0]);
    }
    let body = json!({"size": 0, "track_total_hits": true,
        "query": {"range": {"message_timestamp": {"gte": "2018-10-25", "lt": "2018-10-26T00:00:00Z"}}},
        "aggs": {"price": {"sum": {"field": "price"}}, "cost": {"sum": {"field": "msg.cost"}},
            "codes": {"terms": {"field": "network_code"}}}});
    let found = ask(&client, Method::POST, "/vonage-*/_search", Some(&body)).await;
    assert_eq!(found["hits"]["total"]["value"], 1, "{found}");
    let sums = ["price", "cost"].map(|name| found["aggregations"][name]["value"].as_f64());
    assert_eq!(sums, [Some(0.0333), Some(0.0333)]);
    assert_eq!(found["aggregations"]["codes"]["buckets"][0]["key"], "23410");
    let caps = ask(&client, Method::GET, "/eum-*,vonage-*/_field_caps?fields=*", None).await;
    let of = |field: &str| caps["fields"][field].as_object().map(|types| types.keys().cloned().collect::<Vec<_>>());
    for (field, kind) in [
        ("eventTimestamp", "keyword"),
        ("messageRequestTimestamp", "date"),
        ("message-timestamp", "date"),
        ("totalMessagePrice", "double"),
        ("totalMessageParts", "integer"),
        ("usage.price", "double"),
        ("msg.conversation", "keyword"),
    ] {
        assert_eq!(of(field), Some(vec![kind.to_owned()]), "{field}");
    }
    let times = ["@timestamp", "messageRequestTimestamp", "message_timestamp", "message-timestamp", "timestamp"];
    let early = times.map(|field| json!({"range": {field: {"lt": "2015-01-01"}}}));
    let early = json!({"size": 0, "track_total_hits": true, "query": {"bool": {"should": early}}});
    let found = ask(&client, Method::POST, "/eum-*,vonage-*/_search", Some(&early)).await;
    assert_eq!(found["hits"]["total"]["value"], 0, "{found}");
    // What people wrote is kept and cannot be searched.
    for field in ["messageBody", "text", "whatsAppWebhookEntry"] {
        let type_of = &caps["fields"][field]["keyword"];
        assert_eq!((&type_of["searchable"], &type_of["aggregatable"]), (&json!(false), &json!(false)), "{field}");
    }
    assert!(of("context.account").is_none() && of("webhook_entry.id").is_none());
}
