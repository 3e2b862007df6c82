use proptest::prelude::*;
use serde_json::{Value, json};

use crate::event::families::tests::{assert_linear, event, msg, near};
use crate::event::family::Family;

const DELIVERED: &str = include_str!("../../../../tests/samples/eum-social-eventbridge-whatsapp-delivered.json");

fn detail() -> Value {
    let mut event: Value = serde_json::from_str(DELIVERED).expect("JSON");
    event["detail"].take()
}

/// What SNS brings: the header of the documentation's example around an entry of Meta's.
fn notification(entry: &Value) -> Value {
    json!({
        "context": {
            "MetaWabaIds": [{"wabaId": "1234567890abcde",
                "arn": "arn:aws:social-messaging:us-east-1:123456789012:waba/fb2594b8a7974770b128a409e2example"}],
            "MetaPhoneNumberIds": [{"metaPhoneNumberId": "abcde1234567890",
                "arn": "arn:aws:social-messaging:us-east-1:123456789012:phone-number-id/976c72a700aac43eaf573ae050example"}],
        },
        "whatsAppWebhookEntry": entry.to_string(),
        "aws_account_id": "123456789012",
        "message_timestamp": "2025-01-08T23:30:43.271279391Z",
        "messageId": "6d69f07a-c317-4278-9d5c-6a84078419ec",
    })
}

/// An entry with one change, whose value has these members beside the business's number.
fn entry(more: &Value) -> Value {
    let mut value = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}});
    value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    json!({"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]})
}

fn status(id: &str, status: &str) -> Value {
    json!({"id": id, "status": status, "timestamp": "1736379042", "recipient_id": "16505551234",
        "conversation": {"id": "c1", "origin": {"type": "service"}}, "pricing": {"billable": true, "category": "service"}})
}

fn text(id: &str, from: &str) -> Value {
    json!({"from": from, "id": id, "timestamp": "1736379041", "type": "text", "text": {"body": "Does it come in red?"}})
}

fn said(more: &Value) -> Value {
    msg(Family::Eum, &notification(&entry(more)))
}

#[test]
fn the_published_detail_says_what_it_says() {
    let expected = json!({"event": "delivered", "channel": "whatsapp", "status": "delivered",
        "id": "4bee7d29-70f5-4a49-b84e-facf4424fe58", "from": "15815555555"});
    assert_eq!(msg(Family::Eum, &detail()), expected);
}

#[test]
fn a_status_says_whose_message_it_is_of() {
    let expected = json!({"event": "read", "channel": "whatsapp", "status": "read", "id": "wamid.1", "to": "16505551234",
        "from": "15550783881"});
    assert_eq!(said(&json!({"statuses": [status("wamid.1", "read")]})), expected);
    let mut failed = status("wamid.2", "failed");
    failed["errors"] = json!([{"code": 131_026, "title": "Message undeliverable", "message": "Message undeliverable"}]);
    let expected = json!({"event": "failed", "channel": "whatsapp", "status": "failed", "id": "wamid.2",
        "to": "16505551234", "from": "15550783881", "reason": "Message undeliverable", "reason_class": "131026"});
    assert_eq!(said(&json!({"statuses": [failed]})), expected);
}

#[test]
fn both_forms_have_the_same_statuses() {
    for (word, status) in [
        ("sent", json!("sent")),
        ("delivered", json!("delivered")),
        ("read", json!("read")),
        ("failed", json!("failed")),
        ("undeliverable", json!("failed")),
        ("received", json!("received")),
        ("of_the_future", Value::Null),
    ] {
        let mut event = detail();
        event["status"] = json!(word);
        let said = msg(Family::Eum, &event);
        assert_eq!((&said["event"], &said["status"]), (&json!(word), &status), "{word}");
        let said = self::said(&json!({"statuses": [self::status("wamid.1", word)]}));
        assert_eq!((&said["event"], &said["status"]), (&json!(word), &status), "{word}");
    }
}

#[test]
fn a_message_from_a_person_is_received() {
    let expected = json!({"event": "inbound", "channel": "whatsapp", "status": "received", "id": "wamid.3",
        "to": "15550783881", "from": "16505551234"});
    assert_eq!(said(&json!({"messages": [text("wamid.3", "16505551234")]})), expected);
}

#[test]
fn of_several_the_ids_are_a_list_and_only_what_all_share_is_said() {
    let two = said(&json!({"statuses": [status("wamid.1", "sent"), status("wamid.2", "sent")]}));
    let expected = json!({"event": "sent", "channel": "whatsapp", "status": "sent", "id": ["wamid.1", "wamid.2"],
        "to": "16505551234", "from": "15550783881"});
    assert_eq!(two, expected);
    let mut elsewhere = status("wamid.2", "delivered");
    elsewhere["recipient_id"] = json!("16505559999");
    let different = said(&json!({"statuses": [status("wamid.1", "sent"), elsewhere]}));
    let expected = json!({"channel": "whatsapp", "id": ["wamid.1", "wamid.2"], "from": "15550783881"});
    assert_eq!(different, expected);
    let mixed = said(&json!({"statuses": [status("wamid.1", "read")], "messages": [text("wamid.3", "16505551234")]}));
    let expected = json!({"channel": "whatsapp", "id": ["wamid.1", "wamid.3"]});
    assert_eq!(mixed, expected, "who sent one received the other");
    let mut half = status("wamid.2", "failed");
    half["errors"] = json!([{"code": 1, "title": "t"}]);
    let half = said(&json!({"statuses": [status("wamid.1", "failed"), half]}));
    assert_eq!((&half["status"], &half["reason"]), (&json!("failed"), &Value::Null));
}

/// Counted by its ids, a list for several messages would say of each what is true of another.
#[test]
fn of_one_message_every_status_is_said() {
    let said = |words: &[&str]| {
        let statuses: Vec<_> = words.iter().map(|word| status("wamid.1", word)).collect();
        let said = said(&json!({ "statuses": statuses }));
        assert_eq!(said["id"], "wamid.1", "one message is one id");
        (said["event"].clone(), said["status"].clone())
    };
    let both = json!(["sent", "delivered"]);
    assert_eq!(said(&["sent", "delivered"]), (both.clone(), both.clone()));
    assert_eq!(said(&["sent", "delivered", "sent"]), (both.clone(), both), "each once");
    assert_eq!(said(&["sent", "sent"]), (json!("sent"), json!("sent")));
    assert_eq!(said(&["failed", "undeliverable"]), (json!(["failed", "undeliverable"]), json!("failed")));
    assert_eq!(said(&["sent", "of_the_future"]), (json!(["sent", "of_the_future"]), json!("sent")));
    let unnamed = |word| {
        let mut status = status("wamid.1", word);
        status["id"] = Value::Null;
        status
    };
    let said = self::said(&json!({"statuses": [unnamed("sent"), unnamed("delivered")]}));
    assert_eq!((&said["id"], &said["status"]), (&Value::Null, &Value::Null), "no id is not the same id");
    let mut nameless = status("wamid.1", "delivered");
    nameless.as_object_mut().expect("an object").remove("id");
    let said = self::said(&json!({"statuses": [status("wamid.1", "sent"), nameless]}));
    assert_eq!((&said["id"], &said["status"]), (&json!("wamid.1"), &Value::Null), "whose the other is, is not said");
}

/// A notification holds what its sender likes, also statuses that say nothing, by the ten thousand, with the business
/// behind them.
#[test]
fn an_entry_takes_as_long_as_it_is() {
    for list in ["statuses", "messages"] {
        assert_linear(500, |n| {
            let value =
                format!(r#"{{"{list}":[{}],"metadata":{{"display_phone_number":"1"}}}}"#, vec!["{}"; n].join(","));
            let mut event = notification(&Value::Null);
            event["whatsAppWebhookEntry"] = json!(format!(r#"{{"changes":[{{"value":{value}}}]}}"#));
            assert_eq!(msg(Family::Eum, &event)[if list == "statuses" { "from" } else { "to" }], "1", "{list}");
            event
        });
    }
}

/// It is compared with that of every other item.
#[test]
fn a_number_of_the_business_is_of_bounded_length() {
    for (length, is_said) in [(62, true), (63, false)] {
        let number = "1".repeat(length);
        let mut entry = entry(&json!({"statuses": [status("wamid.1", "sent")]}));
        entry["changes"][0]["value"]["metadata"]["display_phone_number"] = json!(number);
        let expected = if is_said { json!(number) } else { Value::Null };
        assert_eq!(msg(Family::Eum, &notification(&entry))["from"], expected, "{length}");
    }
}

#[test]
fn several_changes_are_several_messages() {
    let mut entry = entry(&json!({"statuses": [status("wamid.1", "sent")]}));
    let changes = entry["changes"].as_array_mut().expect("changes");
    let mut second = changes[0].clone();
    second["value"]["statuses"] = json!([status("wamid.2", "sent")]);
    changes.push(second);
    assert_eq!(msg(Family::Eum, &notification(&entry))["id"], json!(["wamid.1", "wamid.2"]));
}

#[test]
fn what_is_no_message_is_named_by_its_topic() {
    let entry = json!({"id": "1", "time": 1_736_379_042, "changes": [{"field": "message_template_status_update",
        "value": {"event": "APPROVED", "message_template_name": "hello"}}]});
    let expected = json!({"event": "message_template_status_update", "channel": "whatsapp"});
    assert_eq!(msg(Family::Eum, &notification(&entry)), expected);
}

#[test]
fn the_entry_stands_beside_its_text_as_an_object() {
    let entry = entry(&json!({"messages": [text("wamid.3", "16505551234")]}));
    let notification = notification(&entry);
    let (_, document) = event(notification.to_string());
    assert_eq!(document["webhook_entry"], entry);
    for (name, value) in notification.as_object().expect("an object") {
        assert_eq!(&document[name], value, "{name} stays as it came");
    }
    let mut own = notification.clone();
    own["webhook_entry"] = json!("own");
    assert_eq!(event(own.to_string()).1["webhook_entry"], "own");
    for broken in ["", "{", "[1]", "\"text\"", "{\"a\":1,\"a\":2}", "{} {}", "null"] {
        let mut odd = notification.clone();
        odd["whatsAppWebhookEntry"] = json!(broken);
        let (found, document) = event(odd.to_string());
        assert_eq!((found.family, &document["webhook_entry"]), (Family::Eum, &Value::Null), "{broken}");
        assert_eq!(document["msg"], json!({"provider": "eum", "channel": "whatsapp"}), "{broken}");
        assert_eq!(document["whatsAppWebhookEntry"], broken);
    }
}

/// Seconds read as milliseconds would be January 1970.
#[test]
fn an_event_is_filed_by_seconds() {
    let at = |event: &Value| self::event(event.to_string()).1["@timestamp"].clone();
    assert_eq!(at(&detail()), "2025-10-03T04:34:23.000Z");
    let mut number = detail();
    number["eventTimestamp"] = json!(1_759_466_063);
    assert_eq!(at(&number), "2025-10-03T04:34:23.000Z");
    number["eventTimestamp"] = json!(1_759_466_063_250_i64);
    assert_eq!(at(&number), "2025-10-03T04:34:23.250Z");
    let status = notification(&entry(&json!({"statuses": [status("wamid.1", "read")]})));
    assert_eq!(at(&status), "2025-01-08T23:30:42.000Z");
    let message = notification(&entry(&json!({"messages": [text("wamid.3", "1")]})));
    assert_eq!(at(&message), "2025-01-08T23:30:41.000Z");
    for without in [entry(&json!({})), json!({}), json!("text")] {
        assert_eq!(at(&notification(&without)), "2025-01-08T23:30:43.271Z", "{without}");
    }
}

#[test]
fn a_member_is_held_to_what_the_shared_index_knows() {
    let mut odd = detail();
    for (name, value) in
        [("eventTimestamp", json!({"$date": 1})), ("totalMessagePrice", json!([{}])), ("isFinal", json!({}))]
    {
        odd[name] = value.clone();
        let (found, document) = event(odd.to_string());
        assert_eq!((found.family, &document[name]), (Family::Eum, &json!(value.to_string())), "{name}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_near_is_kept(event in near::near(vec![detail(), notification(&entry(&json!({"statuses": []})))])) {
        near::check(&event)?;
    }

    #[test]
    fn whatever_is_in_an_entry_is_kept(
        entry in near::near(vec![entry(&json!({"statuses": [status("wamid.1", "read")], "messages": [text("w", "1")]}))]),
    ) {
        near::check(&notification(&entry))?;
    }
}
