//! What apps report: sessions, sign-ins, purchases, their own events, notifications.

use fastrand::Rng;

use super::Made;
use super::json::{Json, mix};
use super::people::{ACCOUNT, APP_ID, device, make, pick};
use super::story::{App, Custom, Push};

const PAGES: [&str; 6] = ["/", "/shoes", "/shoes/42", "/cart", "/checkout", "/account/orders"];
const TERMS: [&str; 4] = ["신발", "blue shoes", "gift card", "größe 42"];

/// Pinpoint's envelope, as its SDKs of 2019 to 2026 filled it.
pub(super) fn pinpoint(made: &Made, what: App, json: &mut Json, chance: &mut Rng) {
    head(made, made.arrival_ms - chance.i64(200..3000), json);
    json.app_and_device(made.thread.person);
    session(made, matches!(what, App::SessionStop), json);
    json.raw(r#","attributes":{"#);
    match what {
        App::Custom(custom) => attributes(custom, json, chance),
        App::Purchase => {
            json.raw(r#""_currency":"USD","_item_price_formatted":"$19.99","_product_id":"sku-"#);
            json.digits(chance.u64(..500), 4).raw(r#"","_transaction_id":""#).uuid(made.number).raw("\"");
        }
        _ => {}
    }
    json.raw(r#"},"metrics":{"#);
    match what {
        App::Custom(custom) => metrics(custom, json, chance),
        App::Purchase => {
            json.raw(r#""_item_price":19.99,"_quantity":"#).number(chance.i64(1..5)).raw(".0");
        }
        _ => {}
    }
    json.raw("},");
    tail(made, json);
}

/// A notification that the app received or opened: an app event with the campaign's attributes.
pub(super) fn push(made: &Made, what: Push, json: &mut Json) {
    head(made, made.arrival_ms - 500, json);
    json.app_and_device(made.thread.person);
    session(made, false, json);
    let campaign = made.thread.campaign;
    json.raw(r#","attributes":{"#);
    if matches!(what, Push::JourneyOpened) {
        json.raw(r#""journey_id":""#).hex(mix(campaign), 16).raw(r#"","journey_activity_id":""#).hex(campaign, 10);
        json.raw("\"");
    } else {
        json.raw(r#""campaign_id":""#).hex(mix(campaign), 16).raw(r#"","campaign_activity_id":""#);
        json.hex(mix(campaign ^ 99), 16).raw(r#"","treatment_id":"0","campaign_type":null"#);
    }
    json.raw(r#"},"metrics":{},"#);
    tail(made, json);
}

/// Amplify's enrichment clients: no account, no endpoint, ISO session times, and the phone's clock as arrival.
pub(super) fn enriched(made: &Made, what: Custom, json: &mut Json, chance: &mut Rng) {
    let person = made.thread.person;
    let [make, model, platform, version, locale] = device(person);
    head(made, made.arrival_ms, json);
    json.raw(r#""application":{"app_id":"shop-prod","package_name":"com.example.shop","version_name":"5.1","#);
    json.raw(r#""version_code":"510","title":"Shop","sdk":{"name":"amplify-android","version":"2.30.0"}},"client":{"#);
    json.raw(r#""client_id":""#).client_id(person).raw(r#"","user_id":"user-"#).digits(person, 5);
    json.raw(r#""},"device":{"platform":{"name":""#).raw(platform).raw(r#"","version":""#).raw(version);
    json.raw(r#""},"make":""#).raw(make).raw(r#"","model":""#).raw(model).raw(r#"","locale":{"code":""#).raw(locale);
    json.raw(r#""}},"session":{"id":"shop-pro-"#).hex(made.thread.id, 8).raw("-").compact(made.thread.began_ms);
    json.raw(r#"","start_timestamp":""#).iso(made.thread.began_ms).raw(r#""},"attributes":{"#);
    attributes(what, json, chance);
    json.raw(r#","request":""#).uuid(made.number).raw(r#""},"metrics":{"#);
    metrics(what, json, chance);
    json.raw("}}");
}

fn head(made: &Made, event_ms: i64, json: &mut Json) {
    json.raw(r#"{"event_type":""#).raw(made.kind.event_type()).raw(r#"","event_timestamp":"#).number(event_ms);
    json.raw(r#","arrival_timestamp":"#).number(made.arrival_ms).raw(r#","event_version":"3.1","#);
}

fn session(made: &Made, stopped: bool, json: &mut Json) {
    json.raw(r#","session":{"session_id":""#).uuid(made.thread.id).raw(r#"","start_timestamp":"#);
    json.number(made.thread.began_ms);
    if stopped {
        json.raw(r#","stop_timestamp":"#).number(made.arrival_ms - 1500);
    }
    json.raw("}");
}

fn tail(made: &Made, json: &mut Json) {
    json.endpoint(made.thread.person, made.number, made.arrival_ms);
    if make(made.thread.person) == "Google" {
        json.raw(r#","client_context":{"custom":{"app_id":""#).raw(APP_ID).raw(r#""}}"#);
    }
    json.raw(r#","awsAccountId":""#).raw(ACCOUNT).raw(r#""}"#);
}

fn attributes(what: Custom, json: &mut Json, chance: &mut Rng) {
    match what {
        Custom::PageView => {
            json.raw(r#""url":"https://shop.example.com"#).raw(pick(&PAGES, chance.u64(..))).raw(r#"","referer":"""#);
        }
        Custom::AddToCart => {
            json.raw(r#""product_id":"sku-"#).digits(chance.u64(..500), 4).raw(r#"","date":"2026-11-20""#);
        }
        Custom::Search => {
            json.raw(r#""term":""#).raw(pick(&TERMS, chance.u64(..))).raw(r#"","date":"any time""#);
        }
        Custom::LevelCompleted => {
            json.raw(r#""level":""#).number(chance.i64(1..60)).raw("\"");
        }
        Custom::ButtonClicked => {
            json.raw(r#""screen":"home","button":"\"buy\" → now""#);
        }
    }
}

fn metrics(what: Custom, json: &mut Json, chance: &mut Rng) {
    match what {
        Custom::PageView => json.raw(r#""load_time":"#).number(chance.i64(1..5)).raw(".").digits(chance.u64(..1000), 3),
        // Whole in one event, broken in the next: the type must not hang on which came first.
        Custom::AddToCart => json.raw(r#""quantity":"#).number(chance.i64(1..4)),
        Custom::Search => json.raw(r#""results":"#).number(chance.i64(0..300)).raw(".0"),
        Custom::LevelCompleted => json.raw(r#""score":"#).number(chance.i64(0..100_000)),
        Custom::ButtonClicked => json,
    };
}
