//! No contact record is published; these are made from the documented data model.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::event::families::tests::{event, family, msg, near};
use crate::event::family::Family;

/// A record of a call, with `more`.
fn record(more: Value) -> Value {
    let mut record = json!({
        "AWSAccountId": "012345678901", "AWSContactTraceRecordFormatVersion": "2017-03-10", "ContactId": "c1",
        "InstanceARN": "arn:aws:connect:us-east-1:012345678901:instance/i1", "Channel": "VOICE", "InitiationMethod": "INBOUND",
        "InitiationTimestamp": "2026-07-01T10:00:00Z", "ConnectedToSystemTimestamp": "2026-07-01T10:00:05Z",
        "DisconnectTimestamp": "2026-07-01T10:05:00Z", "LastUpdateTimestamp": "2026-07-01T10:06:07Z",
        "InitialContactId": null, "PreviousContactId": null, "NextContactId": null, "TransferredToEndpoint": null,
        "CustomerEndpoint": {"Address": "+6421000000", "Type": "TELEPHONE_NUMBER"},
        "SystemEndpoint": {"Address": "+64800000", "Type": "TELEPHONE_NUMBER"},
        "DisconnectReason": "CUSTOMER_DISCONNECT", "AnsweringMachineDetectionStatus": null, "Attributes": {"plan": "gold"},
        "Agent": {"Username": "ann", "ARN": "arn", "NumberOfHolds": 0, "RoutingProfile": {"Name": "sales", "ARN": "arn"},
            "AfterContactWorkStartTimestamp": "2026-07-01T10:05:00Z"},
        "AgentConnectionAttempts": 1, "MediaStreams": [{"Type": "AUDIO"}], "Recording": null, "Tags": {"team": "a"},
        "Queue": {"Name": "sales", "ARN": "arn", "Duration": 5, "EnqueueTimestamp": "2026-07-01T10:00:06Z"},
        "Recordings": [{"Status": "AVAILABLE", "Location": "bucket/key", "MediaStreamType": "AUDIO"}],
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Telephony"}}
    });
    record.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    record
}

fn said(more: Value) -> Value {
    msg(Family::Connect, &record(more))
}

/// Of a campaign's call.
fn campaign(more: Value) -> Value {
    let mut call = json!({"Campaign": {"CampaignId": "k1"}, "InitiationMethod": "API"});
    call.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    said(call)
}

#[test]
fn a_record_says_who_called_whom_and_how_it_ended() {
    let inbound = json!({"event": "INBOUND", "channel": "voice", "id": "c1", "to": "+64800000", "from": "+6421000000",
        "reason": "CUSTOMER_DISCONNECT", "tags": ["plan=gold"]});
    assert_eq!(said(json!({})), inbound, "without a status: nobody sent anything");
    let outbound = json!({"event": "API", "channel": "voice", "status": "delivered", "id": "c1", "to": "+6421000000",
        "from": "+64800000", "campaign": "k1", "campaign_kind": "campaign", "user": "crm-7", "reason": "CUSTOMER_DISCONNECT",
        "tags": ["plan=gold"]});
    assert_eq!(campaign(json!({"CustomerId": "crm-7"})), outbound);
    let mail = said(json!({"Channel": "EMAIL", "InitiationMethod": "AGENT_REPLY",
        "CustomerEndpoint": {"Address": "ann@B.org", "Type": "EMAIL_ADDRESS"},
        "SystemEndpoint": {"Address": "help@shop.example", "Type": "EMAIL_ADDRESS"}}));
    assert_eq!(
        (&mail["channel"], &mail["to_domain"], &mail["from_domain"]),
        (&json!("email"), &json!("b.org"), &json!("shop.example"))
    );
}

#[test]
fn a_direction_that_is_not_clear_is_not_said() {
    for (method, channel, to) in [
        ("INBOUND", "VOICE", json!("+64800000")),
        ("WEBRTC_API", "VOICE", json!("+64800000")),
        ("OUTBOUND", "VOICE", json!("+6421000000")),
        ("CALLBACK", "VOICE", json!("+6421000000")),
        ("API", "VOICE", json!("+6421000000")),
        ("API", "CHAT", Value::Null),
        ("TRANSFER", "VOICE", Value::Null),
        ("QUEUE_TRANSFER", "VOICE", Value::Null),
        ("MONITOR", "VOICE", Value::Null),
        ("DISCONNECT", "VOICE", Value::Null),
    ] {
        let said = said(json!({"InitiationMethod": method, "Channel": channel}));
        assert_eq!(said["to"], to, "{method} {channel}");
        assert_eq!(said["from"].is_null(), to.is_null(), "{method} {channel}");
    }
    assert_eq!(campaign(json!({"Channel": "CHAT"}))["to"], "+6421000000", "a campaign goes out, whatever the method");
}

#[test]
fn a_channel_is_one_of_the_vocabulary_or_none() {
    let channel = |channel: &str, subtype: Value| {
        said(json!({"Channel": channel, "SegmentAttributes": {"connect:Subtype": subtype}}))["channel"].clone()
    };
    assert_eq!(channel("VOICE", Value::Null), "voice");
    assert_eq!(channel("Voice", Value::Null), "voice", "as the first documentation wrote it");
    assert_eq!(channel("EMAIL", Value::Null), "email");
    assert_eq!(channel("CHAT", json!({"ValueString": "connect:SMS"})), "sms");
    assert_eq!(channel("CHAT", json!("connect:WhatsApp")), "whatsapp");
    assert_eq!(channel("CHAT", json!({"ValueString": "connect:Guide"})), Value::Null);
    assert_eq!(channel("CHAT", Value::Null), Value::Null);
    assert_eq!(channel("TASK", Value::Null), Value::Null);
}

#[test]
fn a_campaigns_call_that_is_answered_is_delivered_and_one_that_is_not_has_failed() {
    let status = |heard: Value, reason: &str, connected: Value| {
        campaign(json!({"AnsweringMachineDetectionStatus": heard, "DisconnectReason": reason,
            "ConnectedToSystemTimestamp": connected}))["status"]
            .clone()
    };
    let connected = json!("2026-07-01T10:00:05Z");
    for (heard, expected) in [
        ("HUMAN_ANSWERED", json!("delivered")),
        ("VOICEMAIL_BEEP", json!("delivered")),
        ("VOICEMAIL_NO_BEEP", json!("delivered")),
        ("AMD_UNANSWERED", json!("failed")),
        ("SIT_TONE_BUSY", json!("failed")),
        ("SIT_TONE_INVALID_NUMBER", json!("failed")),
        ("SIT_TONE_DETECTED", Value::Null),
        ("FAX_MACHINE_DETECTED", Value::Null),
        ("AMD_UNRESOLVED", Value::Null),
        ("AMD_ERROR", Value::Null),
    ] {
        assert_eq!(status(json!(heard), "CUSTOMER_DISCONNECT", connected.clone()), expected, "{heard}");
    }
    for reason in ["TELECOM_BUSY", "TELECOM_UNANSWERED", "TELECOM_NUMBER_INVALID", "OUTBOUND_ATTEMPT_FAILED", "EXPIRED"]
    {
        assert_eq!(status(Value::Null, reason, Value::Null), "failed", "{reason}");
    }
    assert_eq!(status(Value::Null, "AGENT_DISCONNECT", connected.clone()), "delivered", "nobody listened for machines");
    assert_eq!(status(Value::Null, "OTHER", Value::Null), Value::Null);
    let of_mail = campaign(json!({"Channel": "EMAIL", "AnsweringMachineDetectionStatus": "HUMAN_ANSWERED"}));
    assert_eq!(of_mail["status"], Value::Null, "only of calls it is known");
    let of_agent = said(json!({"InitiationMethod": "OUTBOUND", "AnsweringMachineDetectionStatus": "HUMAN_ANSWERED"}));
    assert_eq!(of_agent["status"], Value::Null, "no campaign");
}

#[test]
fn the_last_update_files_it() {
    let (found, document) = event(record(json!({})).to_string());
    assert_eq!(document["@timestamp"], "2026-07-01T10:06:07.000Z");
    assert_eq!(found.day.to_string(), "2026-07-01");
}

#[test]
fn it_is_told_by_its_id_and_version() {
    let mut unversioned = record(json!({}));
    unversioned.as_object_mut().expect("an object").remove("AWSContactTraceRecordFormatVersion");
    assert_eq!(family(&unversioned), Family::Connect);
    assert_eq!(family(&json!({"ContactId": "c", "AWSContactTraceRecordFormatVersion": "2017-03-10"})), Family::Connect);
    for other in [
        json!({"ContactId": "c"}),
        json!({"ContactId": "c", "Channel": "VOICE", "InitiationMethod": "INBOUND"}),
        json!({"ContactId": null, "AWSContactTraceRecordFormatVersion": "2017-03-10"}),
        json!({"AWSContactTraceRecordFormatVersion": "2017-03-10", "AgentARN": "a"}),
        // A contact event, which EventBridge brings.
        json!({"eventType": "INITIATED", "contactId": "c", "channel": "VOICE", "initiationMethod": "INBOUND"}),
    ] {
        assert_eq!(family(&other), Family::Unrecognized, "{other}");
    }
}

#[test]
fn attributes_are_free() {
    let odd =
        json!({"Attributes": {"a.b": {"c": 1}, "plan": "gold"}, "Agent": {"Username": {"x": 1}}, "Queue": "sales"});
    let (_, document) = event(record(odd).to_string());
    assert_eq!(document["Attributes"], json!({"a_b": {"c": 1}, "plan": "gold"}));
    assert_eq!(document["Agent"], json!({"Username": "{\"x\":1}"}));
    assert_eq!(document["Queue"], json!({"_value": "sales"}));
    assert_eq!(document["SegmentAttributes"]["connect:Subtype"]["ValueString"], "connect:Telephony");
}

proptest! {
    #[test]
    fn json_near_the_family_is_never_lost(
        event in near::near(vec![
            record(json!({})),
            record(json!({"Campaign": {"CampaignId": "k1"}, "DisconnectReason": "TELECOM_BUSY"})),
            record(json!({"Channel": "CHAT", "SegmentAttributes": {"connect:Subtype": "connect:SMS"}})),
        ])
    ) {
        near::check(&event)?;
    }
}
