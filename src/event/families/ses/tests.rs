use proptest::prelude::*;
use serde_json::{Value, json};

use crate::event::families::tests::{assert_linear, event, family, msg, near, samples};
use crate::event::family::Family;

/// An event of this kind to two recipients, with `more` beside `mail`.
fn ses(kind: &str, more: Value) -> Value {
    let mut event = json!({"eventType": kind, "mail": {"timestamp": "2026-07-01T10:00:00.000Z", "messageId": "m1",
        "source": "Shop <news@Shop.example>", "destination": ["a@x.org", "b@y.org"]}});
    event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    event
}

fn said(kind: &str, more: Value) -> Value {
    msg(Family::Ses, &ses(kind, more))
}

/// What `filed` says of the event's time, and whether it was believed.
fn filed(event: &Value) -> (Value, Value) {
    let (_, document) = crate::event::families::tests::event(event.to_string());
    (document["@timestamp"].clone(), document["essink"]["clock"].clone())
}

#[test]
fn each_kind_has_its_status() {
    for (kind, status) in [
        ("Send", json!("sent")),
        ("Delivery", json!("delivered")),
        ("Bounce", json!("bounced")),
        ("Complaint", json!("complained")),
        ("Reject", json!("rejected")),
        ("Open", json!("opened")),
        ("Click", json!("clicked")),
        ("Rendering Failure", json!("rejected")),
        ("DeliveryDelay", json!("delayed")),
        ("Subscription", Value::Null),
        ("Received", json!("received")),
        ("OfTheFuture", Value::Null),
    ] {
        let said = said(kind, json!({}));
        assert_eq!((&said["event"], &said["channel"], &said["status"]), (&json!(kind), &json!("email"), &status));
    }
}

#[test]
fn a_change_of_preferences_unsubscribes_only_when_it_turns_something_off() {
    let preferences = |all: bool, topics: &[(&str, &str)]| {
        let topics: Vec<_> =
            topics.iter().map(|(name, status)| json!({"topicName": name, "subscriptionStatus": status})).collect();
        json!({"unsubscribeAll": all, "topicSubscriptionStatus": topics})
    };
    let status = |new: Value, old: Value| {
        said("Subscription", json!({"subscription": {"newTopicPreferences": new, "oldTopicPreferences": old}}))["status"]
            .clone()
    };
    let (one_in, one_out) = ([("news", "OptIn"), ("tips", "OptIn")], [("news", "OptIn"), ("tips", "OptOut")]);
    let unsubscribed = json!("unsubscribed");
    assert_eq!(status(preferences(true, &one_in), preferences(false, &one_in)), unsubscribed, "from everything");
    assert_eq!(status(preferences(true, &[]), Value::Null), unsubscribed, "from everything; before is not said");
    assert_eq!(status(preferences(false, &one_out), preferences(false, &one_in)), unsubscribed, "from one topic");
    for (new, old, what) in [
        (preferences(false, &one_in), preferences(false, &one_out), "subscribes to one"),
        (preferences(false, &one_in), preferences(true, &one_in), "comes back"),
        (preferences(false, &one_out), preferences(true, &one_in), "comes back to one of two"),
        (preferences(true, &one_out), preferences(true, &one_in), "had gone before"),
        (preferences(false, &one_out), preferences(false, &one_out), "nothing changes"),
        (preferences(false, &one_out), preferences(false, &[]), "what was before is not known"),
    ] {
        assert_eq!(status(new, old), Value::Null, "{what}");
    }
}

#[test]
fn preferences_take_as_long_as_they_are() {
    let topics = |n: usize, head: &str, status: &str| {
        let topic = |n: usize| json!({"topicName": format!("{head}{n}"), "subscriptionStatus": status});
        json!({"topicSubscriptionStatus": (0..n).map(topic).collect::<Vec<_>>()})
    };
    assert_linear(500, |n| {
        let (new, old) = (topics(n, "new", "OptOut"), topics(n, "old", "OptIn"));
        ses("Subscription", json!({"subscription": {"newTopicPreferences": new, "oldTopicPreferences": old}}))
    });
}

/// RFC 5965: such a report says that the mail is no spam.
#[test]
fn a_report_of_no_spam_is_no_complaint() {
    let said = |feedback: &str| said("Complaint", json!({"complaint": {"complaintFeedbackType": feedback}}));
    assert_eq!((&said("abuse")["status"], &said("abuse")["reason_class"]), (&json!("complained"), &json!("abuse")));
    assert_eq!((&said("not-spam")["status"], &said("not-spam")["reason_class"]), (&Value::Null, &json!("not-spam")));
}

/// `mail.destination` lists those too to whom nothing happened.
#[test]
fn an_event_is_about_the_recipients_it_names() {
    let list = json!([{"emailAddress": "b@y.org"}]);
    for (kind, inner) in [
        ("Bounce", json!({"bounce": {"bouncedRecipients": list}})),
        ("Complaint", json!({"complaint": {"complainedRecipients": list}})),
        ("DeliveryDelay", json!({"deliveryDelay": {"delayedRecipients": list}})),
        ("Delivery", json!({"delivery": {"recipients": ["b@y.org"]}})),
        ("Received", json!({"receipt": {"recipients": ["b@y.org"]}})),
    ] {
        let said = said(kind, inner);
        assert_eq!((&said["to"], &said["to_domain"]), (&json!("b@y.org"), &json!("y.org")), "{kind}");
    }
    for (kind, inner) in [
        ("Send", json!({"send": {}})),
        ("Open", json!({"open": {}})),
        ("Bounce", json!({"bounce": {"bouncedRecipients": []}})),
        ("Delivery", json!({})),
    ] {
        let said = said(kind, inner);
        assert_eq!((&said["to"], &said["to_domain"]), (&json!(["a@x.org", "b@y.org"]), &json!("x.org")), "{kind}");
    }
}

#[test]
fn a_reason_is_where_each_kind_has_it() {
    let why = |kind: &str, inner: Value| {
        let said = said(kind, inner);
        (said["reason"].clone(), said["reason_class"].clone())
    };
    let recipients = json!([{"emailAddress": "a@x.org"}, {"emailAddress": "b@y.org", "diagnosticCode": "550 gone"}]);
    assert_eq!(
        why(
            "Bounce",
            json!({"bounce": {"bounceType": "Permanent", "bounceSubType": "NoEmail", "bouncedRecipients": recipients}})
        ),
        (json!("550 gone"), json!("Permanent/NoEmail"))
    );
    assert_eq!(
        why("DeliveryDelay", json!({"deliveryDelay": {"delayType": "MailboxFull", "delayedRecipients": recipients}})),
        (json!("550 gone"), json!("MailboxFull"))
    );
    assert_eq!(
        why("Complaint", json!({"complaint": {"complaintSubType": "OnAccountSuppressionList"}})),
        (Value::Null, json!("OnAccountSuppressionList"))
    );
    assert_eq!(
        why("Complaint", json!({"complaint": {"complaintFeedbackType": "abuse", "complaintSubType": null}})),
        (Value::Null, json!("abuse"))
    );
    assert_eq!(why("Reject", json!({"reject": {"reason": "Bad content"}})), (json!("Bad content"), Value::Null));
    assert_eq!(
        why("Rendering Failure", json!({"failure": {"errorMessage": "no such attribute", "templateName": "T"}})),
        (json!("no such attribute"), Value::Null)
    );
    assert_eq!(why("Delivery", json!({"delivery": {"smtpResponse": "250 ok"}})), (Value::Null, Value::Null));
}

#[test]
fn who_opened_and_clicked_is_said_and_who_reported_is_not() {
    let inner = json!({"ipAddress": "192.0.2.1", "userAgent": "UA", "link": "https://x.example/"});
    for (kind, member) in [("Open", "open"), ("Click", "click")] {
        let said = said(kind, json!({member: inner}));
        assert_eq!((&said["ip"], &said["user_agent"]), (&json!("192.0.2.1"), &json!("UA")), "{kind}");
    }
    assert_eq!(said("Click", json!({"click": inner}))["link"], "https://x.example/");
    assert_eq!(said("Complaint", json!({"complaint": {"userAgent": "Feedback/1.0"}}))["user_agent"], Value::Null);
}

#[test]
fn tags_name_the_set_the_domain_and_the_campaign() {
    let tagged = |tags: Value| {
        let mut event = ses("Send", json!({}));
        event["mail"]["tags"] = tags;
        msg(Family::Ses, &event)
    };
    let tags = json!({"ses:configuration-set": ["Set"], "ses:from-domain": ["Mail.Shop.example"], "campaign": ["spring"],
        "plan": ["gold", "old"]});
    let expected = json!({"event": "Send", "channel": "email", "status": "sent", "id": "m1", "to": ["a@x.org", "b@y.org"],
        "to_domain": "x.org", "from": "Shop <news@Shop.example>", "from_domain": "mail.shop.example", "config_set": "Set",
        "campaign": "spring", "campaign_kind": "campaign",
        "tags": ["campaign=spring", "plan=gold", "plan=old", "ses:configuration-set=Set",
            "ses:from-domain=Mail.Shop.example"]});
    assert_eq!(tagged(tags), expected);
    let untagged = tagged(json!({"campaign_name": ["spring"]}));
    assert_eq!(
        (&untagged["campaign"], &untagged["campaign_kind"]),
        (&Value::Null, &Value::Null),
        "no other name is one"
    );
    assert_eq!(untagged["from_domain"], "shop.example", "without a tag the address says it");
}

#[test]
fn what_happened_files_the_event() {
    let at = |second: u32| format!("2026-07-02T10:00:{second:02}.000Z");
    for (n, (kind, member)) in [
        ("Delivery", "delivery"),
        ("Bounce", "bounce"),
        ("Complaint", "complaint"),
        ("Open", "open"),
        ("Click", "click"),
        ("DeliveryDelay", "deliveryDelay"),
        ("Subscription", "subscription"),
        ("Received", "receipt"),
        ("OfTheFuture", "future"),
    ]
    .into_iter()
    .enumerate()
    {
        let stamp = at(u32::try_from(n).expect("few"));
        assert_eq!(filed(&ses(kind, json!({member: {"timestamp": stamp}}))), (json!(stamp), Value::Null), "{kind}");
    }
    let of_mail = (json!("2026-07-01T10:00:00.000Z"), Value::Null);
    for (kind, inner) in [
        ("Send", json!({"send": {}})),
        ("Reject", json!({"reject": {"reason": "Bad content"}})),
        ("Rendering Failure", json!({"failure": {}})),
        ("Bounce", json!({"bounce": {"timestamp": "soon"}})),
    ] {
        assert_eq!(filed(&ses(kind, inner)), of_mail, "{kind}");
    }
    let mut timeless = ses("Send", json!({}));
    timeless["mail"]["timestamp"] = json!("2018-10-08T14:05:45 +0000");
    assert_eq!(filed(&timeless).1, "corrected", "a stamp nobody can read is none");
}

#[test]
fn it_is_told_by_a_kind_and_a_mail() {
    assert_eq!(family(&json!({"notificationType": "Bounce", "mail": {"messageId": "m1"}})), Family::Ses);
    for other in [
        json!({"eventType": "Send"}),
        json!({"eventType": "Send", "mail": {}}),
        json!({"eventType": "Send", "mail": "m1"}),
        json!({"eventType": 1, "mail": {"messageId": "m1"}}),
        json!({"mail": {"messageId": "m1"}}),
        json!({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have successfully subscribed"}),
    ] {
        assert_eq!(family(&other), Family::Unrecognized, "{other}");
    }
}

/// Identities publish no tags, and headers only when asked to.
#[test]
fn a_notification_says_what_an_event_says() {
    let mut notification = ses("Bounce", json!({"bounce": {"bounceType": "Transient", "bounceSubType": "General"}}));
    let bounce = msg(Family::Ses, &notification);
    let kind = notification.as_object_mut().expect("an object").remove("eventType").expect("a kind");
    notification["notificationType"] = kind;
    assert_eq!(msg(Family::Ses, &notification), bounce);
    assert_eq!(bounce["reason_class"], "Transient/General");
}

#[test]
fn free_maps_stay_what_they_are_and_mapped_members_get_what_they_take() {
    let mut click = ses("Click", json!({"click": {"linkTags": {"k": ["v"], "a.b": {"c": 1}}}}));
    click["mail"]["tags"] = json!({"plan": ["gold"], "odd": {"x": true}});
    click["mail"]["headers"] = json!([{"name": "From", "value": {"any": "thing"}}]);
    let (_, document) = event(click.to_string());
    assert_eq!(document["click"]["linkTags"], json!({"k": ["v"], "a_b": {"c": 1}}));
    assert_eq!(document["mail"]["tags"], json!({"plan": ["gold"], "odd": {"x": true}}));
    assert_eq!(document["mail"]["headers"], click["mail"]["headers"], "not indexed, so it stays");
    assert_eq!(document["mail"]["messageId"], "m1");
    let odd = ses(
        "Bounce",
        json!({"bounce": {"timestamp": {"at": 1}, "bouncedRecipients": [{"emailAddress": {"a": 1}}, "b"]}}),
    );
    let (_, document) = event(odd.to_string());
    let expected =
        json!({"timestamp": "{\"at\":1}", "bouncedRecipients": [{"emailAddress": "{\"a\":1}"}, {"_value": "b"}]});
    assert_eq!(document["bounce"], expected, "where the index knows a scalar or an object, it gets one");
}

/// What the documentation prints, and what this program makes of it.
#[test]
fn every_published_sample_says_what_it_should() {
    let everywhere = json!({"channel": "email", "id": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
        "to": "recipient@example.com", "to_domain": "example.com", "from": "sender@example.com", "from_domain": "example.com",
        "config_set": "ConfigSet"});
    let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.90 \
                  Safari/537.36";
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X) AppleWebKit/603.3.8 (KHTML, like Gecko) \
                  Mobile/14G60";
    let named = "Sender Name <sender@example.com>";
    let own = json!({
        "ses-firehose-bounce.json": {"event": "Bounce", "status": "bounced", "from": named,
            "reason": "smtp; 550 5.1.1 user unknown", "reason_class": "Permanent/General"},
        "ses-firehose-click.json": {"event": "Click", "status": "clicked", "ip": "192.0.2.1", "user_agent": chrome,
            "link": "http://docs.aws.amazon.com/ses/latest/DeveloperGuide/send-email-smtp.html"},
        "ses-firehose-complaint.json": {"event": "Complaint", "status": "complained", "from": named, "reason_class": "abuse"},
        "ses-firehose-delivery.json": {"event": "Delivery", "status": "delivered"},
        "ses-firehose-deliverydelay.json": {"event": "DeliveryDelay", "status": "delayed",
            "reason": "smtp; 421 4.4.1 Unable to connect to remote host", "reason_class": "TransientCommunicationFailure"},
        "ses-firehose-open.json": {"event": "Open", "status": "opened", "ip": "192.0.2.1", "user_agent": iphone},
        "ses-firehose-reject.json": {"event": "Reject", "status": "rejected", "to": "sender@example.com",
            "reason": "Bad content"},
        "ses-firehose-rendering-failure.json": {"event": "Rendering Failure", "status": "rejected",
            "reason": "Attribute 'attributeName' is not present in the rendering data."},
        "ses-firehose-send.json": {"event": "Send", "status": "sent"},
        "ses-firehose-subscription.json": {"event": "Subscription", "status": "unsubscribed",
            "id": "EXAMPLEe4bccb684-777bc8de-afa7-4970-92b0-f515137b1497-000000"},
    });
    let samples = samples("ses-");
    assert_eq!(samples.len(), 10);
    for (name, event) in samples {
        let mut expected = everywhere.clone();
        expected.as_object_mut().expect("an object").extend(own[&name].as_object().expect(&name).clone());
        let mut found = msg(Family::Ses, &event);
        let tags = found.as_object_mut().expect("an object").remove("tags").expect("tags");
        assert!(tags.as_array().expect("a list").contains(&json!("ses:configuration-set=ConfigSet")), "{name}");
        assert_eq!(found, expected, "{name}");
        assert_eq!(filed(&event).1, Value::Null, "{name} has a time");
    }
}

proptest! {
    #[test]
    fn json_near_the_family_is_never_lost(
        event in near::near(samples("ses-").into_iter().map(|(_, event)| event).collect())
    ) {
        near::check(&event)?;
    }
}
