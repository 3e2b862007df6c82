//! A month of messages whose numbers can be counted by hand: the tables beside the functions are what the queries must find.

use serde_json::{Value, json};

/// A minute of 2026-11-02, in milliseconds.
pub fn minute(n: i64) -> i64 {
    1_793_577_600_000 + n * 60_000
}

fn rfc3339(n: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(minute(n)).expect("in range");
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// The message that the page asks for by its id.
pub const ONE: &str = "862a8790-60c0-4430-9b2b-658bdexample";

/// More than a page of a composite aggregation.
pub const MANY: usize = 1_200;

fn with(mut event: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("{more}") };
    event.as_object_mut().expect("an object").extend(more);
    event
}

/// A status of End User Messaging; its price in the last two.
fn eum(id: &str, kind: &str, at: i64, is_final: bool, price: f64, fee: f64) -> Value {
    json!({"eventType": kind, "eventVersion": "1.0", "eventTimestamp": minute(at), "isFinal": is_final, "messageId": id,
        "originationPhoneNumber": "+447700900900", "destinationPhoneNumber": "+447700900001", "isoCountryCode": "GB",
        "totalMessageParts": 1, "totalMessagePrice": price, "totalCarrierFee": fee, "messageStatusDescription": "x"})
}

/// | message | events | cost |
/// |---|---|---|
/// | ONE | queued, successful, delivered: two ends, each with the price | 0.00581 + 0.003 = 0.00881 |
/// | eum-2, of two parts | pending, delivered | 0.01162 + 0.006 = 0.01762 |
/// | eum-3 | carrier unreachable | 0.00581 |
/// | rcs-1 | sent, delivered, read for nothing | 0.01194 |
/// | rcs-2, rcs-3 | delivered, in one conversation | 0.012 for both |
/// | bulk-0 … | delivered | 0.01 each, 12 for all |
fn end_user_messaging() -> Vec<Value> {
    let conversation = json!({"conversationSessionFee": 0.012, "conversationInitiatingMessageId": "conversation-1"});
    let parts = json!({"totalMessageParts": 2});
    let mut events = vec![
        eum(ONE, "TEXT_QUEUED", 1, false, 0.00581, 0.003),
        eum(ONE, "TEXT_SUCCESSFUL", 2, true, 0.00581, 0.003),
        eum(ONE, "TEXT_DELIVERED", 3, true, 0.00581, 0.003),
        with(eum("eum-2", "TEXT_PENDING", 1, false, 0.01162, 0.006), parts.clone()),
        with(eum("eum-2", "TEXT_DELIVERED", 4, true, 0.01162, 0.006), parts),
        eum("eum-3", "TEXT_CARRIER_UNREACHABLE", 5, true, 0.00581, 0.0),
        eum("rcs-1", "RCS_SENT", 6, false, 0.01194, 0.0),
        eum("rcs-1", "RCS_DELIVERED", 7, true, 0.01194, 0.0),
        eum("rcs-1", "RCS_READ", 8, true, 0.0, 0.0),
        with(eum("rcs-2", "RCS_DELIVERED", 9, true, 0.0, 0.0), conversation.clone()),
        with(eum("rcs-3", "RCS_DELIVERED", 10, true, 0.0, 0.0), conversation),
    ];
    events.iter_mut().skip(3).for_each(|event| event["destinationPhoneNumber"] = json!("+447700900002"));
    // As a rule of EventBridge puts them into a stream.
    let mut events: Vec<_> = (0..).zip(events).map(|(n, event)| bridged(n, "aws.sms-voice", event)).collect();
    events.extend((0..MANY).map(|n| {
        let event = eum(&format!("bulk-{n}"), "TEXT_DELIVERED", 20, true, 0.01, 0.0);
        with(event, json!({"destinationPhoneNumber": "+447700900003"}))
    }));
    for (n, status) in (0..).zip(["sent", "delivered", "read"]) {
        let seconds = (minute(11 + n) / 1000).to_string();
        let detail = json!({"wabaId": "1", "messageId": "wa-1", "status": status, "eventTimestamp": seconds,
            "destinationPhoneNumber": "447700900004", "originationPhoneNumber": "447700900900"});
        events.push(bridged(100 + n, "aws.social-messaging", detail));
    }
    events
}

fn bridged(n: i64, source: &str, detail: Value) -> Value {
    json!({"version": "0", "id": format!("00000000-0000-0000-0000-{n:012}"), "detail-type": "Status", "source": source,
        "account": "123456789012", "time": rfc3339(0), "region": "eu-west-2", "resources": [], "detail": detail})
}

fn pinpoint(event_type: &str, at: i64, more: Value) -> Value {
    let event = json!({"event_type": event_type, "event_timestamp": minute(0), "arrival_timestamp": minute(at),
        "event_version": "3.1", "application": {"app_id": "a", "sdk": {}}, "client": {"client_id": "c"},
        "device": {"platform": {}}, "session": {}, "awsAccountId": "123456789012"});
    with(event, more)
}

/// A text of Pinpoint, 645 thousandths of a cent.
pub fn text(id: &str, event_type: &str, at: i64) -> Value {
    let attributes = json!({"message_id": id, "number_of_message_parts": "1", "record_status": "X",
        "destination_phone_number": "+447700900005", "iso_country_code": "GB"});
    pinpoint(event_type, at, json!({"attributes": attributes, "metrics": {"price_in_millicents_usd": 645.0}}))
}

/// A mail of Pinpoint.
pub fn mail(id: &str, event_type: &str, at: i64) -> Value {
    let mail = json!({"message_id": id, "from_address": "shop@example.com", "destination": ["bob@example.com"]});
    let facets = json!({"email_channel": {"mail_event": {"mail": mail}}});
    // Opens and clicks of one mail differ in nothing but their arrival.
    pinpoint(event_type, at, json!({"attributes": {"feedback": "x"}, "facets": facets}))
}

fn attempt(kind: &str, campaign: &str, status: &str, client: &str) -> Value {
    let attributes =
        json!({format!("{kind}_id"): campaign, format!("{kind}_send_status"): status, "delivery_type": "EMAIL"});
    let event = pinpoint(&format!("_{kind}.send"), 1, json!({"attributes": attributes}));
    with(event, json!({"client": {"client_id": client}}))
}

/// | message | events | cost |
/// |---|---|---|
/// | pin-1 | buffered with a price, success | 0.00645 |
/// | pin-2 | failure | 0.00645 |
/// | mail-1 | send, delivered, open, open, click | |
/// | campaign-1 | SUCCESS twice, DAILY_CAP | |
/// | journey-1 | SUCCESS, QUIET_TIME | |
fn pinpoints() -> Vec<Value> {
    vec![
        text("pin-1", "_SMS.BUFFERED", 1),
        text("pin-1", "_SMS.SUCCESS", 2),
        text("pin-2", "_SMS.FAILURE", 3),
        mail("mail-1", "_email.send", 1),
        mail("mail-1", "_email.delivered", 2),
        mail("mail-1", "_email.open", 3),
        mail("mail-1", "_email.open", 4),
        mail("mail-1", "_email.click", 5),
        attempt("campaign", "campaign-1", "SUCCESS", "c1"),
        attempt("campaign", "campaign-1", "SUCCESS", "c2"),
        attempt("campaign", "campaign-1", "DAILY_CAP", "c3"),
        attempt("journey", "journey-1", "SUCCESS", "c1"),
        attempt("journey", "journey-1", "QUIET_TIME", "c2"),
    ]
}

fn ses(id: &str, kind: &str, at: i64) -> Value {
    let inner = kind.to_ascii_lowercase();
    json!({"eventType": kind, inner: {"timestamp": rfc3339(at)},
        "mail": {"timestamp": rfc3339(0), "messageId": id, "source": "shop@example.com",
            "destination": ["ann@example.com", "bob@example.com", "cid@example.com"]}})
}

/// | message | events |
/// |---|---|
/// | ses-1, to three people | send, delivery of each, open, open, click |
/// | ses-2 | send, bounce |
/// | ses-3 | send, open; its receipt never came |
/// | filler-0 … | delivery |
fn simple_email() -> Vec<Value> {
    let mut events = vec![
        ses("ses-1", "Send", 1),
        ses("ses-1", "Open", 5),
        ses("ses-1", "Open", 6),
        ses("ses-1", "Click", 7),
        ses("ses-2", "Send", 1),
        ses("ses-2", "Bounce", 2),
        ses("ses-3", "Send", 1),
        ses("ses-3", "Open", 9),
    ];
    for (n, person) in (2..).zip(["ann", "bob", "cid"]) {
        let mut delivery = ses("ses-1", "Delivery", n);
        delivery["delivery"]["recipients"] = json!([format!("{person}@example.com")]);
        events.push(delivery);
    }
    events.extend((0..MANY).map(|n| {
        let mut delivery = ses(&format!("filler-{n}"), "Delivery", 30);
        delivery["mail"]["destination"] = json!(["dan@example.com"]);
        delivery
    }));
    events
}

/// | message | events | cost |
/// |---|---|---|
/// | bird-1 | injection, delivery, initial open, open | |
/// | vonage-1 | buffered with a price, delivered | 0.0333 EUR |
/// | vonage-2a, vonage-2b | delivered: the two parts of one text | 0.0333 EUR each |
/// | pendula-1 | queued with its channel, sent to gateway, delivered | |
fn others() -> Vec<Value> {
    let bird = |class: &str, kind: &str, at: i64| {
        json!({"msys": {class: {"type": kind, "timestamp": (minute(at) / 1000).to_string(), "event_id": format!("{at}"),
            "message_id": "bird-1", "rcpt_to": "eve@example.com"}}})
    };
    let vonage = |id: &str, status: &str, at: i64, to: &str, reference: &str| {
        let stamp = rfc3339(at)[..19].replace('T', " ");
        json!({"msisdn": to, "to": "Shop", "network-code": "23410", "messageId": id, "price": "0.03330000",
            "status": status, "scts": "2611020000", "err-code": "0", "message-timestamp": stamp, "client-ref": reference})
    };
    let pendula = |kind: &str, at: i64| json!({"kind": kind, "messageId": "pendula-1", "timestamp": rfc3339(at)});
    let payload = json!({"payload": {"kind": "email", "sender": "shop@example.com", "recipient": "fay@example.com"}});
    vec![
        bird("message_event", "injection", 1),
        bird("message_event", "delivery", 2),
        bird("track_event", "initial_open", 3),
        bird("track_event", "open", 4),
        vonage("vonage-1", "buffered", 14, "447700900001", "order-1"),
        vonage("vonage-1", "delivered", 15, "447700900001", "order-1"),
        vonage("vonage-2a", "delivered", 16, "447700900006", "order-2"),
        vonage("vonage-2b", "delivered", 16, "447700900006", "order-2"),
        with(pendula("queued", 1), payload),
        pendula("sent-to-gateway", 2),
        pendula("delivered", 3),
    ]
}

/// All of them.
pub fn all() -> Vec<Value> {
    [end_user_messaging(), pinpoints(), simple_email(), others()].concat()
}

/// What another tool has left in an index of its own types: one mail, opened, and one text.
pub fn old() -> Vec<Value> {
    let mut events = vec![
        mail("old-mail", "_email.send", 1),
        mail("old-mail", "_email.delivered", 2),
        mail("old-mail", "_email.open", 3),
        mail("old-mail", "_email.open", 4),
        text("old-text", "_SMS.BUFFERED", 1),
        text("old-text", "_SMS.SUCCESS", 2),
    ];
    let three_days = 3 * 86_400_000;
    for event in &mut events {
        let at = event["arrival_timestamp"].as_i64().expect("a number");
        event["arrival_timestamp"] = json!(at - three_days);
    }
    events
}
