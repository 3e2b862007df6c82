//! What Connect's contact records say in the common vocabulary.

use crate::event::families::Reading;
use crate::event::msg::Field;
use crate::event::scan::Scanned;
use crate::event::walk::unquoted;

/// Says it.
pub fn read(event: &Scanned, reading: &mut Reading<'_>) {
    let msg = &mut *reading.msg;
    let of = |name: &str| event.get(name.as_bytes());
    let campaign = event.at(&["Campaign", "CampaignId"]).filter(|id| id.len() > 2 && id.starts_with(b"\""));
    let channel = channel(event);
    // A record is of no kind but this; the nearest to one is how its contact came about.
    msg.text(Field::Event, of("InitiationMethod"));
    if let Some(channel) = channel {
        msg.word(Field::Channel, channel);
    }
    if campaign.is_some()
        && channel == Some("voice")
        && let Some(status) = outcome(event)
    {
        msg.word(Field::Status, status);
    }
    msg.text(Field::Id, of("ContactId"));
    let (customer, system) = (event.at(&["CustomerEndpoint", "Address"]), event.at(&["SystemEndpoint", "Address"]));
    match direction(event, campaign.is_some(), channel) {
        Some(Direction::Out) => {
            msg.address(Field::To, customer);
            msg.address(Field::From, system);
        }
        Some(Direction::In) => {
            msg.address(Field::To, system);
            msg.address(Field::From, customer);
        }
        None => {}
    }
    msg.text(Field::Campaign, campaign);
    if msg.has(Field::Campaign) {
        msg.word(Field::CampaignKind, "campaign");
    }
    msg.text(Field::User, of("CustomerId"));
    msg.text(Field::Reason, of("DisconnectReason"));
    msg.tags(of("Attributes"));
}

/// A chat is a text, or comes over WhatsApp, when its subtype says so; else, as a task, it is none of the vocabulary's.
fn channel(event: &Scanned) -> Option<&'static str> {
    let channel = unquoted(event.get(b"Channel")?).to_ascii_uppercase();
    match &channel[..] {
        b"VOICE" => Some("voice"),
        b"EMAIL" => Some("email"),
        b"CHAT" => {
            let subtype = ["ValueString", "valueString"]
                .into_iter()
                .find_map(|name| event.at(&["SegmentAttributes", "connect:Subtype", name]))
                .or(event.at(&["SegmentAttributes", "connect:Subtype"]))?;
            match unquoted(subtype) {
                b"connect:SMS" => Some("sms"),
                b"connect:WhatsApp" => Some("whatsapp"),
                _ => None,
            }
        }
        _ => None,
    }
}

enum Direction {
    In,
    Out,
}

/// Who called whom. A transfer or a supervisor's ear keeps the endpoints of a contact before it, whose direction this
/// record does not say.
fn direction(event: &Scanned, is_campaign: bool, channel: Option<&str>) -> Option<Direction> {
    match (unquoted(event.get(b"InitiationMethod")?), channel) {
        _ if is_campaign => Some(Direction::Out),
        (b"INBOUND" | b"WEBRTC_API", _) => Some(Direction::In),
        (b"OUTBOUND" | b"CALLBACK" | b"AGENT_REPLY" | b"FLOW" | b"CAMPAIGN_PREVIEW", _) => Some(Direction::Out),
        // By the API one starts calls to customers, but also chats and mails that customers begin.
        (b"API", Some("voice")) => Some(Direction::Out),
        _ => None,
    }
}

/// What became of a campaign's call: who listened for a machine at the other end knows best; a busy line that plays its
/// tone "connects to the system" too.
fn outcome(event: &Scanned) -> Option<&'static str> {
    let of = |name: &str| event.get(name.as_bytes()).filter(|value| value.starts_with(b"\"")).map(unquoted);
    let heard = of("AnsweringMachineDetectionStatus");
    match heard.unwrap_or_default() {
        b"HUMAN_ANSWERED" | b"ANSWERED" | b"VOICEMAIL_BEEP" | b"VOICEMAIL_NO_BEEP" => return Some("delivered"),
        b"AMD_UNANSWERED" | b"SIT_TONE_BUSY" | b"SIT_TONE_INVALID_NUMBER" => return Some("failed"),
        _ => {}
    }
    match of("DisconnectReason").unwrap_or_default() {
        b"TELECOM_BUSY"
        | b"TELECOM_UNANSWERED"
        | b"TELECOM_TIMEOUT"
        | b"TELECOM_NUMBER_INVALID"
        | b"TELECOM_PROBLEM"
        | b"TELECOM_POTENTIAL_BLOCKING"
        | b"OUTBOUND_DESTINATION_ENDPOINT_ERROR"
        | b"OUTBOUND_RESOURCE_ERROR"
        | b"OUTBOUND_ATTEMPT_FAILED"
        | b"EXPIRED" => return Some("failed"),
        _ => {}
    }
    // "When the customer endpoint answered", where nobody listened.
    (heard.is_none() && of("ConnectedToSystemTimestamp").is_some()).then_some("delivered")
}
