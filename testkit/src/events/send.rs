//! Sends of campaigns and journeys, and what becomes of an SMS.

use fastrand::Rng;

use super::Made;
use super::json::{Json, mix};
use super::people::{ACCOUNT, APP_ID, pick, push_channel};
use super::story::{Channel, Sms};

const REFUSALS: [&str; 4] = ["Invalid phone number", "CARRIER_UNREACHABLE", "BLOCKED", "TTL_EXPIRED"];

pub(super) fn campaign(made: &Made, channel: Channel, json: &mut Json, chance: &mut Rng) {
    let campaign = made.thread.campaign;
    head(made, made.arrival_ms - chance.i64(10..200), json);
    json.raw(r#""attributes":{"treatment_id":"0","campaign_activity_id":""#).hex(mix(campaign ^ 99), 16);
    json.raw(r#"","campaign_type":null,"delivery_type":""#).raw(name(channel, made.thread.person));
    json.raw(r#"","campaign_id":""#).hex(mix(campaign), 16).raw(r#"","campaign_send_status":"SUCCESS"},"metrics":{},"#);
    tail(made, channel, json);
}

pub(super) fn journey(made: &Made, channel: Channel, json: &mut Json, chance: &mut Rng) {
    let journey = made.thread.campaign;
    head(made, made.arrival_ms - chance.i64(10..200), json);
    json.raw(r#""attributes":{"journey_run_id":""#)
        .hex(mix(journey ^ 5), 16)
        .raw(r#"","journey_send_status":"SUCCESS","#);
    json.raw(r#""journey_send_status_code":"200","journey_id":""#).hex(mix(journey), 16);
    json.raw(r#"","journey_activity_id":""#).hex(mix(journey ^ 6), 10).raw(r#"","journey_activity_type":""#);
    let activity = match channel {
        Channel::Mail => "EMAIL",
        Channel::Sms => "SMS",
        Channel::Push => "PUSH",
    };
    json.raw(activity).raw(r#""},"metrics":{},"#);
    tail(made, channel, json);
}

pub(super) fn sms(made: &Made, what: Sms, json: &mut Json) {
    let thread = made.thread;
    // The carrier's report is stamped some hundred milliseconds after its arrival, as captured.
    head(made, made.arrival_ms + 258, json);
    json.raw(r#""attributes":{"sender_request_id":""#).uuid(!thread.id).raw(r#"","campaign_activity_id":""#);
    json.hex(mix(thread.campaign ^ 99), 16).raw(r#"","origination_phone_number":"+12065550142","#);
    json.raw(r#""destination_phone_number":""#).phone(thread.person).raw(r#"","record_status":""#);
    let (status, price) = match what {
        Sms::Buffered => ("PENDING", true),
        Sms::Success => ("DELIVERED", true),
        Sms::Failure => (pick(&REFUSALS, thread.id), false),
        Sms::OptOut => ("OPTED_OUT", false),
    };
    json.raw(status).raw(r#"","iso_country_code":"US","mcc_mnc":"310004","treatment_id":"0","#);
    json.raw(r#""number_of_message_parts":"1","message_id":""#).uuid(thread.id);
    json.raw(r#"","message_type":"Transactional","campaign_id":""#).hex(mix(thread.campaign), 16);
    json.raw(r#"","customer_context":"{\"order\":\""#).digits(thread.id % 1_000_000, 6).raw(r#"\"}"},"metrics":{"#);
    if price {
        json.raw(r#""price_in_millicents_usd":"#).raw(if thread.id.is_multiple_of(3) { "645.5" } else { "645.0" });
    }
    json.raw(r#"},"awsAccountId":""#).raw(ACCOUNT).raw(r#""}"#);
}

fn name(channel: Channel, person: u64) -> &'static str {
    match channel {
        Channel::Mail => "EMAIL",
        Channel::Sms => "SMS",
        Channel::Push => push_channel(person),
    }
}

fn head(made: &Made, event_ms: i64, json: &mut Json) {
    json.raw(r#"{"event_type":""#).raw(made.kind.event_type()).raw(r#"","event_timestamp":"#).number(event_ms);
    json.raw(r#","arrival_timestamp":"#).number(made.arrival_ms);
    json.raw(r#","event_version":"3.1","application":{"app_id":""#).raw(APP_ID).raw(r#"","sdk":{}},"client":{"#);
    json.raw(r#""client_id":""#).client_id(made.thread.person).raw(r#""},"device":{"platform":{}},"session":{},"#);
}

/// Sends carry the endpoint as JSON in a string.
fn tail(made: &Made, channel: Channel, json: &mut Json) {
    let person = made.thread.person;
    json.raw(r#""client_context":{"custom":{"endpoint":"{\"ChannelType\":\""#).raw(name(channel, person));
    json.raw(r#"\",\"Address\":\""#);
    match channel {
        Channel::Mail => json.address(person),
        Channel::Sms => json.phone(person),
        Channel::Push => json.hex(mix(person ^ 7), 16),
    };
    json.raw(r#"\",\"EndpointStatus\":\"ACTIVE\",\"OptOut\":\"NONE\",\"RequestId\":\""#).uuid(made.number);
    json.raw(r#"\",\"EffectiveDate\":\""#).iso(made.thread.began_ms);
    json.raw(
        r#"\",\"Demographic\":{\"Timezone\":\"America/Los_Angeles\"},\"Attributes\":{\"interests\":[\"music\"]},"#,
    );
    json.raw(r#"\"User\":{\"UserId\":\"user-"#)
        .digits(person, 5)
        .raw(r#"\",\"UserAttributes\":{\"plan\":[\"free\"]}}}"#);
    json.raw(r#""}},"awsAccountId":""#).raw(ACCOUNT).raw(r#""}"#);
}
