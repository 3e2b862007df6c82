//! The ten kinds of e-mail event. `event_timestamp` is when the message was sent, in all of them.

use fastrand::Rng;

use super::Made;
use super::json::{Json, mix};
use super::people::{ACCOUNT, APP_ID, pick};
use super::story::Mail;

const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
];
const SUBJECTS: [&str; 3] = ["Your order is on its way", "이번 주의 할인", "Nur heute: 20 % auf Schuhe"];
const LINKS: [&str; 3] = ["offers/shoes", "offers/gifts?utm_source=mail&utm_campaign=autumn", "account/orders"];

pub(super) fn mail(made: &Made, what: Mail, json: &mut Json, chance: &mut Rng) {
    let thread = made.thread;
    json.raw(r#"{"event_type":""#).raw(made.kind.event_type()).raw(r#"","event_timestamp":"#).number(thread.began_ms);
    json.raw(r#","arrival_timestamp":"#).number(made.arrival_ms);
    json.raw(r#","event_version":"3.1","application":{"app_id":""#).raw(APP_ID).raw(r#"","sdk":{}},"client":{"#);
    json.raw(r#""client_id":""#).client_id(thread.person).raw(r#""},"device":{"platform":{}},"session":{},"#);
    let link = pick(&LINKS, thread.id ^ made.number);
    json.raw(r#""attributes":{"feedback":""#);
    feedback(what, link, json);
    json.raw(r#"","campaign_id":""#).hex(mix(thread.campaign), 16).raw(r#"","campaign_activity_id":""#);
    json.hex(mix(thread.campaign ^ 99), 16).raw(r#"","treatment_id":"0"},"awsAccountId":""#).raw(ACCOUNT);
    json.raw(r#"","client_context":{"custom":{"legacy_identifier":""#).raw(APP_ID);
    json.raw(r#""}},"facets":{"email_channel":{"mail_event":{"mail":{"#);
    message(made, json);
    json.raw("},");
    detail(made, what, link, json, chance);
    json.raw("}}}}");
}

fn feedback(what: Mail, link: &str, json: &mut Json) {
    match what {
        Mail::Send => json.raw("received"),
        Mail::Delivered => json.raw("delivered"),
        Mail::Open => json.raw("opened"),
        // Pinpoint puts the clicked address here.
        Mail::Click | Mail::Unsubscribe => json.raw("https://shop.example.com/").raw(link),
        Mail::HardBounce | Mail::SoftBounce => json.raw("bounced"),
        Mail::Complaint => json.raw("complained"),
        Mail::Rejected | Mail::RenderingFailure => json.raw("failed"),
    };
}

/// The message itself: the same in every event about it.
fn message(made: &Made, json: &mut Json) {
    let thread = made.thread;
    let subject = pick(&SUBJECTS, thread.campaign);
    json.raw(r#""message_id":"0200"#).hex(thread.id, 12).raw("-").uuid(thread.id).raw(r#"-000000","#);
    json.raw(r#""message_send_timestamp":"#).number(thread.began_ms);
    json.raw(r#","from_address":"shop@example.com","destination":[""#).address(thread.person);
    json.raw(r#""],"headers_truncated":false,"headers":[{"name":"From","value":"shop@example.com"},"#);
    json.raw(r#"{"name":"To","value":""#).address(thread.person).raw(r#""},{"name":"Subject","value":""#).raw(subject);
    json.raw(r#""},{"name":"MIME-Version","value":"1.0"},{"name":"Content-Type","value":"multipart/alternative;"#);
    json.raw(r#"  boundary=\"----=_Part_"#).digits(thread.id % 1_000_000, 6).raw(r#"\""}],"common_headers":{"#);
    json.raw(r#""from":"shop@example.com","to":[""#).address(thread.person).raw(r#""],"subject":""#).raw(subject);
    json.raw(r#""}"#);
}

fn detail(made: &Made, what: Mail, link: &str, json: &mut Json, chance: &mut Rng) {
    let person = made.thread.person;
    match what {
        Mail::Send => json.raw(r#""send":{}"#),
        Mail::RenderingFailure => json
            .raw(r#""rendering_failure":{"error_message":"Attribute 'name' is not present","#)
            .raw(r#""template_name":"autumn"}"#),
        Mail::Rejected => json.raw(r#""reject":{"reason":"Bad content"}"#),
        Mail::Delivered => json
            .raw(r#""delivery":{"smtp_response":"250 ok:  Message 82080542 accepted","#)
            .raw(r#""reporting_mta":"a8-53.smtp-out.amazonses.com","recipients":[""#)
            .address(person)
            .raw(r#""],"processing_time_millis":"#)
            .number(chance.i64(200..9000))
            .raw("}"),
        Mail::Open => {
            json.raw(r#""open":{"#);
            reader(person, json).raw("}")
        }
        Mail::Click | Mail::Unsubscribe => {
            json.raw(r#""click":{"#);
            reader(person, json).raw(r#","link":"https://shop.example.com/"#).raw(link);
            json.raw(r#"","link_tags":{"place":["footer","v2"]}}"#)
        }
        Mail::HardBounce | Mail::SoftBounce => {
            let hard = matches!(what, Mail::HardBounce);
            json.raw(r#""bounce":{"bounce_type":""#).raw(if hard { "Permanent" } else { "Transient" });
            json.raw(r#"","bounce_sub_type":""#).raw(if hard { "General" } else { "MailboxFull" });
            json.raw(r#"","bounced_recipients":[{"email_address":""#).address(person);
            json.raw(r#"","action":"failed","status":""#).raw(if hard { "5.1.1" } else { "4.2.2" });
            json.raw(r#"","diagnostic_code":"smtp; 550 5.1.1 user unknown"}],"feedback_id":"0200"#).uuid(made.number);
            json.raw(r#"","reporting_mta":"a8-22.smtp-out.amazonses.com"}"#)
        }
        Mail::Complaint => {
            json.raw(r#""complaint":{"complained_recipients":[{"email_address":""#).address(person);
            json.raw(r#""}],"feedback_id":"0200"#).uuid(made.number);
            json.raw(r#"","user_agent":"Yahoo!-Mail-Feedback/2.0","complaint_feedback_type":"abuse"}"#)
        }
    };
}

fn reader<'a, 'b>(person: u64, json: &'a mut Json<'b>) -> &'a mut Json<'b> {
    // 198.51.100.0/24 is for documentation; one reader in four has IPv6.
    if person.is_multiple_of(4) {
        json.raw(r#""ip_address":"2001:db8::"#).hex(person, 4);
    } else {
        json.raw(r#""ip_address":"198.51.100."#).digits(person % 256, 1);
    }
    json.raw(r#"","user_agent":""#).raw(pick(&AGENTS, person)).raw("\"")
}
