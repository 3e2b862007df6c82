use serde_json::{Value, json};

use crate::event::families::tests::{event, msg};
use crate::event::family::Family;

fn pinpoint(event_type: &str, more: Value) -> Value {
    let mut event = json!({"event_type": event_type, "event_version": "3.1", "awsAccountId": "012345678901",
        "arrival_timestamp": 1_783_300_000_000_i64});
    let more = match more {
        Value::Object(more) => more,
        other => panic!("{other}"),
    };
    event.as_object_mut().expect("an object").extend(more);
    event
}

fn check(event_type: &str, more: Value, mut expected: Value) {
    expected["event"] = json!(event_type);
    let event = pinpoint(event_type, more);
    assert_eq!(msg(Family::Pinpoint, &event), expected, "{event}");
}

#[test]
fn mail_has_a_status_for_each_type() {
    for (tail, status) in [
        ("send", json!("sent")),
        ("delivered", json!("delivered")),
        ("hardbounce", json!("bounced")),
        ("softbounce", json!("bounced")),
        ("complaint", json!("complained")),
        ("open", json!("opened")),
        ("click", json!("clicked")),
        ("unsubscribe", json!("unsubscribed")),
        ("rejected", json!("rejected")),
        ("rendering_failure", json!("rejected")),
        ("of_the_future", Value::Null),
    ] {
        let said = msg(Family::Pinpoint, &pinpoint(&format!("_email.{tail}"), json!({})));
        assert_eq!((&said["channel"], &said["status"]), (&json!("email"), &status), "{tail}");
    }
}

#[test]
fn mail_says_whom_and_why() {
    let mail = json!({"message_id": "m1", "from_address": "News <news@Shop.example>", "destination": ["a@b.org"]});
    let facets = |more: Value| {
        let mut mail_event = json!({"mail": mail});
        mail_event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({"facets": {"email_channel": {"mail_event": mail_event}}, "client": {"client_id": "c1"},
            "attributes": {"feedback": "https://fallback.example/", "journey_id": "j1"}})
    };
    let base = json!({"channel": "email", "id": "m1", "to": "a@b.org", "to_domain": "b.org", "client": "c1",
        "from": "News <news@Shop.example>", "from_domain": "shop.example", "campaign": "j1", "campaign_kind": "journey"});
    let with = |more: Value| {
        let mut all = base.clone();
        all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        all
    };
    let bounce = json!({"bounce_type": "Permanent", "bounce_sub_type": "General",
        "bounced_recipients": [{"email_address": "a@b.org", "diagnostic_code": "550 no such user"}]});
    check(
        "_email.hardbounce",
        facets(json!({"bounce": bounce})),
        with(json!({"status": "bounced", "reason": "550 no such user", "reason_class": "Permanent/General"})),
    );
    check(
        "_email.click",
        facets(json!({"click": {"link": "https://x.example/", "user_agent": "UA", "ip_address": "192.0.2.1"}})),
        with(json!({"status": "clicked", "link": "https://x.example/", "user_agent": "UA", "ip": "192.0.2.1"})),
    );
    check("_email.click", facets(json!({})), with(json!({"status": "clicked", "link": "https://fallback.example/"})));
    check(
        "_email.open",
        facets(json!({"open": {"user_agent": "UA"}})),
        with(json!({"status": "opened", "user_agent": "UA"})),
    );
    check(
        "_email.rejected",
        facets(json!({"reject": {"reason": "Bad content"}})),
        with(json!({"status": "rejected", "reason": "Bad content"})),
    );
    check(
        "_email.complaint",
        facets(json!({"complaint": {"complaint_feedback_type": "abuse"}})),
        with(json!({"status": "complained", "reason_class": "abuse"})),
    );
}

/// RFC 5965: such a report says that the mail is no spam.
#[test]
fn a_report_of_no_spam_is_no_complaint() {
    let said = |feedback: &str| {
        let complaint = json!({"complaint": {"complaint_feedback_type": feedback}});
        let facets = json!({"facets": {"email_channel": {"mail_event": complaint}}});
        let said = msg(Family::Pinpoint, &pinpoint("_email.complaint", facets));
        (said["status"].clone(), said["reason_class"].clone())
    };
    assert_eq!(said("abuse"), (json!("complained"), json!("abuse")));
    assert_eq!(said("not-spam"), (Value::Null, json!("not-spam")));
}

/// `mail.destination` lists those too to whom nothing happened.
#[test]
fn mail_is_about_the_recipients_it_names() {
    let to = |tail: &str, mut mail_event: Value| {
        mail_event["mail"] = json!({"destination": ["a@x.org", "b@y.org"]});
        let facets = json!({"facets": {"email_channel": {"mail_event": mail_event}}});
        let said = msg(Family::Pinpoint, &pinpoint(&format!("_email.{tail}"), facets));
        (said["to"].clone(), said["to_domain"].clone())
    };
    let list = json!([{"email_address": "b@y.org"}]);
    for (tail, inner) in [
        ("hardbounce", json!({"bounce": {"bounced_recipients": list}})),
        ("softbounce", json!({"bounce": {"bounced_recipients": list}})),
        ("complaint", json!({"complaint": {"complained_recipients": list}})),
        ("delivered", json!({"delivery": {"recipients": ["b@y.org"]}})),
    ] {
        assert_eq!(to(tail, inner), (json!("b@y.org"), json!("y.org")), "{tail}");
    }
    for (tail, inner) in [
        ("send", json!({"send": {}})),
        ("hardbounce", json!({"bounce": {"bounced_recipients": []}})),
        ("complaint", json!({"complaint": {"complained_recipients": [{"email_address": ""}, {}, 1]}})),
        ("delivered", json!({"delivery": {}})),
    ] {
        assert_eq!(to(tail, inner), (json!(["a@x.org", "b@y.org"]), json!("x.org")), "{tail}");
    }
}

fn sms(tail: &str) -> Value {
    pinpoint(
        &format!("_SMS.{tail}"),
        json!({
            "metrics": {"price_in_millicents_usd": 645.0},
            "attributes": {"message_id": "s1", "destination_phone_number": "+6421", "origination_phone_number": "+1800",
                "record_status": "DELIVERED", "iso_country_code": "NZ", "mcc_mnc": "05301", "number_of_message_parts": "2",
                "campaign_id": "k1", "customer_context": "{\"plan\":\"gold\"}"},
        }),
    )
}

/// The service puts the price on BUFFERED too, and a buffered message is a success or a failure later.
#[test]
fn a_text_costs_once() {
    let cost = |tail: &str| msg(Family::Pinpoint, &sms(tail))["cost_usd"].clone();
    assert_eq!(cost("SUCCESS"), json!(0.00645));
    assert_eq!(cost("FAILURE"), json!(0.00645));
    assert_eq!(cost("BUFFERED"), Value::Null);
    assert_eq!(cost("OPTOUT"), Value::Null);
    let mut text = sms("SUCCESS");
    text["metrics"]["price_in_millicents_usd"] = json!("dear");
    assert_eq!(msg(Family::Pinpoint, &text)["cost_usd"], Value::Null, "what is no number is not known");
}

#[test]
fn a_text_says_who_where_and_in_how_many_parts() {
    let expected = json!({"event": "_SMS.SUCCESS", "channel": "sms", "status": "delivered", "final": true, "id": "s1",
        "to": "+6421", "from": "+1800", "country": "NZ", "carrier": "05301", "reason": "DELIVERED", "parts": 2,
        "cost_usd": 0.00645, "campaign": "k1", "campaign_kind": "campaign", "tags": ["plan=gold"]});
    assert_eq!(msg(Family::Pinpoint, &sms("SUCCESS")), expected);
    for (tail, status, is_final) in [
        ("BUFFERED", "sent", json!(false)),
        ("FAILURE", "failed", json!(true)),
        ("OPTOUT", "unsubscribed", Value::Null),
        ("success", "delivered", json!(true)),
    ] {
        let said = msg(Family::Pinpoint, &sms(tail));
        assert_eq!((&said["status"], &said["final"]), (&json!(status), &is_final), "{tail}");
    }
    let mut unknown = sms("FAILURE");
    unknown["attributes"]["iso_country_code"] = json!("XX");
    assert_eq!(msg(Family::Pinpoint, &unknown)["country"], Value::Null);
}

fn attempt(event_type: &str, status: Value) -> Value {
    let endpoint = json!({"Id": "e1", "Address": "a@b.org", "ChannelType": "EMAIL", "User": {"UserId": "u1"},
        "Location": {"Country": "NZ"}, "Attributes": {"a.b": {"odd": true}}});
    pinpoint(
        event_type,
        json!({
            "attributes": {"campaign_id": "k1", "campaign_send_status": status},
            "client": {"client_id": "e1"},
            "client_context": {"custom": {"endpoint": endpoint.to_string()}},
        }),
    )
}

#[test]
fn an_attempt_is_no_message() {
    let expected = json!({"event": "_campaign.send", "channel": "email", "status": "attempted", "send_status": "SUCCESS",
        "to": "a@b.org", "to_domain": "b.org", "campaign": "k1", "campaign_kind": "campaign", "user": "u1", "client": "e1",
        "country": "NZ"});
    assert_eq!(msg(Family::Pinpoint, &attempt("_campaign.send", json!("SUCCESS"))), expected);
    for (event_type, status, expected) in [
        ("_campaign.send", json!(null), "attempted"),
        ("_campaign.send", json!("HOLDOUT"), "rejected"),
        ("_campaign.send", json!("DAILY_CAP"), "rejected"),
        ("_journey.send", json!("QUIET_TIME"), "rejected"),
        ("_campaign.send", json!("UNKNOWN"), "attempted"),
        ("_campaign.opened_notification", json!(null), "opened"),
        ("_journey.received_background", json!(null), "delivered"),
    ] {
        assert_eq!(
            msg(Family::Pinpoint, &attempt(event_type, status.clone()))["status"],
            expected,
            "{event_type} {status}"
        );
    }
}

#[test]
fn an_attempt_names_its_channel_in_many_words() {
    let through = |attributes: Value| {
        msg(Family::Pinpoint, &pinpoint("_journey.send", json!({"attributes": attributes})))["channel"].clone()
    };
    for (kind, channel) in [
        ("EMAIL", json!("email")),
        ("SMS", json!("sms")),
        ("VOICE", json!("voice")),
        ("GCM", json!("push")),
        ("APNS_VOIP_SANDBOX", json!("push")),
        ("PUSH", json!("push")),
        ("CUSTOM", Value::Null),
        ("CONTACT_CENTER", Value::Null),
    ] {
        assert_eq!(through(json!({"journey_activity_type": kind})), channel, "{kind}");
        assert_eq!(through(json!({"delivery_type": kind})), channel, "{kind}");
    }
    assert_eq!(msg(Family::Pinpoint, &pinpoint("_campaign.opened_notification", json!({})))["channel"], "push");
}

/// Per-user panels need one field: campaign and journey events hide in a string what app events have as an object.
#[test]
fn an_endpoint_in_a_string_is_put_where_app_events_have_theirs() {
    let hidden = attempt("_campaign.send", json!("SUCCESS"));
    let (_, document) = event(hidden.to_string());
    assert_eq!(document["endpoint"]["User"]["UserId"], "u1");
    assert_eq!(
        document["endpoint"]["Attributes"],
        json!({"a_b": "{\"odd\":true}"}),
        "its free maps are cleaned as theirs"
    );
    assert_eq!(document["client_context"], hidden["client_context"], "the original stays");
    let mut both = hidden.clone();
    both["endpoint"] = json!({"Id": "own"});
    assert_eq!(event(both.to_string()).1["endpoint"], json!({"Id": "own"}), "an endpoint of its own wins");
    for broken in ["{", "[1]", "\"text\"", "", "{\"a\":1,\"a\":2}", "{} {}"] {
        let mut odd = hidden.clone();
        odd["client_context"]["custom"]["endpoint"] = json!(broken);
        let (_, document) = event(odd.to_string());
        assert_eq!(document["endpoint"], Value::Null, "{broken}");
        assert_eq!(document["client_context"], odd["client_context"]);
    }
}

#[test]
fn what_an_app_did_has_its_person_and_session() {
    let endpoint =
        json!({"User": {"UserId": "u1"}, "Location": {"Country": "JPN", "Latitude": 35.6, "Longitude": 139.7}});
    check(
        "_session.stop",
        json!({"client": {"client_id": "c1"}, "session": {"session_id": "s1"}, "device": {"model": "Pixel"}, "endpoint": endpoint}),
        json!({"channel": "app", "client": "c1", "session": "s1", "device": "Pixel", "user": "u1", "country": "JPN",
            "geo": {"lat": 35.6, "lon": 139.7}}),
    );
    // The envelope of Amplify's clients, and the flat form of Mobile Analytics.
    check(
        "button_clicked",
        json!({"client": {"client_id": "c1", "user_id": "u2"}, "session": {"id": "s2"}}),
        json!({"channel": "app", "client": "c1", "session": "s2", "user": "u2"}),
    );
    let flat = json!({"event_type": "_monetization.purchase", "application_key": "k", "arrival_timestamp": 1_517_537_778_020_i64,
        "cognito_id": "i1", "model": "iPhone", "attributes": {"_session.id": "s3"}});
    let expected = json!({"event": "_monetization.purchase", "channel": "app", "client": "i1", "device": "iPhone", "session": "s3"});
    assert_eq!(msg(Family::Pinpoint, &flat), expected);
}
