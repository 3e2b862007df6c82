//! What all events of Pinpoint have.

use serde_json::{Value, json};

use super::Fact;
use super::people::Person;

const APP_ID: &str = "7f79ec844d644e669ac818fecbc156dc";
/// Leading zeros: whoever makes it a number is wrong.
pub(super) const ACCOUNT: &str = "001234567890";

pub(super) const CAMPAIGNS: [&str; 5] = [
    "5b1f0c5a2c0d4b7c9a1d000000000001",
    "5b1f0c5a2c0d4b7c9a1d000000000002",
    "5b1f0c5a2c0d4b7c9a1d000000000003",
    "5b1f0c5a2c0d4b7c9a1d000000000004",
    "5b1f0c5a2c0d4b7c9a1d000000000005",
];
pub(super) const JOURNEYS: [&str; 3] =
    ["9e2a7c1d8f0b4e6a8c3d000000000001", "9e2a7c1d8f0b4e6a8c3d000000000002", "9e2a7c1d8f0b4e6a8c3d000000000003"];

/// What a message was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct For {
    /// campaign, journey, or nothing
    pub(super) kind: &'static str,
    pub(super) id: &'static str,
}

impl For {
    pub(super) const NOTHING: Self = Self { kind: "", id: "" };

    /// Puts it among the attributes.
    pub(super) fn write(self, attributes: &mut Value) {
        match self.kind {
            "campaign" => {
                attributes["campaign_id"] = json!(self.id);
                attributes["campaign_activity_id"] = json!(format!("a{}", &self.id[1..]));
                attributes["treatment_id"] = json!("0");
            }
            "journey" => {
                attributes["journey_id"] = json!(self.id);
                attributes["journey_run_id"] = json!(format!("b{}", &self.id[1..]));
                attributes["journey_activity_id"] = json!("Qk2xY7wN");
            }
            _ => {}
        }
    }
}

/// A fact with what all of Pinpoint's have.
pub(super) fn fact(event: &'static str, at: i64, channel: &'static str, why: For, client: &str) -> Fact {
    Fact {
        at,
        provider: "pinpoint",
        event,
        channel,
        campaign: why.id,
        campaign_kind: why.kind,
        client: client.to_owned(),
        is_pinpoints: true,
        ..Fact::default()
    }
}

/// An event of a message, which no app made.
pub(super) fn event(event_type: &str, event_at: i64, at: i64, client: &str, attributes: Value) -> Value {
    json!({
        "event_type": event_type,
        "event_timestamp": event_at,
        "arrival_timestamp": at,
        "event_version": "3.1",
        "application": {"app_id": APP_ID, "sdk": {}},
        "client": {"client_id": client},
        "device": {"platform": {}},
        "session": {},
        "attributes": attributes,
        "metrics": {},
        "awsAccountId": ACCOUNT,
    })
}

/// Application and device, as an app fills them.
pub(super) fn of_an_app(event: &mut Value, person: &Person) {
    let [make, model, platform, version, locale] = person.device;
    event["application"] = json!({"app_id": APP_ID, "package_name": "com.example.shop", "title": "Shop",
        "version_name": person.version, "version_code": "0510", "sdk": {"name": "aws-sdk-mobile", "version": "2.33.0"}});
    event["client"]["cognito_id"] = json!(format!("eu-west-1:{}", person.client));
    event["device"] = json!({"make": make, "model": model, "platform": {"name": platform, "version": version},
        "locale": {"code": locale, "country": &locale[3..], "language": &locale[..2]}});
    event["endpoint"] = endpoint(person, if make == "Apple" { "APNS" } else { "GCM" }, &person.token);
}

/// The endpoint of a person on a channel: an object in the app's events, in a string in those of campaigns.
pub(super) fn endpoint(person: &Person, channel: &str, address: &str) -> Value {
    json!({"Id": person.client, "ChannelType": channel, "Address": address, "EndpointStatus": "ACTIVE", "OptOut": "NONE",
        "EffectiveDate": "2026-08-01T10:00:00.000Z", "Location": {"Country": person.country.code},
        "Demographic": {"Make": person.device[0], "Model": person.device[1], "Platform": person.device[2]},
        "User": {"UserId": person.user, "UserAttributes": {"plan": ["free"]}}})
}
