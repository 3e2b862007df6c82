//! What the app says: in Pinpoint's envelope with sessions that begin and stop, and in that of Amplify's enrichment
//! clients, who say no such thing.

use serde_json::{Value, json};

use super::book::{Book, HOUR, MINUTE, SECOND, dollars, iso};
use super::people::Person;
use super::pinpoint::{For, event, fact, of_an_app};
use super::{Fact, Purchase};

const PAGES: [&str; 6] = ["/", "/shoes", "/shoes/42", "/cart", "/account/orders", "/help"];
/// Pages of others that lead to one of the shop's; none is by far the most.
const REFERRERS: [&str; 4] =
    ["https://search.example/", "https://friends.example/feed", "https://mail.example/", "https://news.example/shoes"];
/// What a link says of itself; not all say everything.
const UTM: [[&str; 3]; 4] = [
    ["newsletter", "email", "autumn"],
    ["friends", "social", "autumn"],
    ["search", "cpc", ""],
    ["newsletter", "email", "winter"],
];
const PRODUCTS: [(&str, i64); 5] =
    [("sku-0042", 5_990), ("sku-0007", 1_999), ("sku-0311", 129_900), ("sku-0100", 450), ("sku-0099", 2_500)];
const CURRENCIES: [&str; 3] = ["USD", "USD", "EUR"];

/// One event of the app: its name, attributes, metrics, and what they say.
struct Did {
    name: &'static str,
    attributes: Value,
    metrics: Value,
    page: &'static str,
    referrer: &'static str,
    utm: [&'static str; 3],
    purchase: Option<Purchase>,
}

impl Did {
    fn plain(name: &'static str) -> Self {
        let nothing = json!({});
        Self {
            name,
            attributes: nothing.clone(),
            metrics: nothing,
            page: "",
            referrer: "",
            utm: [""; 3],
            purchase: None,
        }
    }

    fn bought(book: &mut Book) -> Self {
        let (product, cents) = book.favour(&PRODUCTS);
        let purchase = Purchase { cents, quantity: book.chance.i64(1..4), currency: book.pick(&CURRENCIES), product };
        // As apps write them: a type that is guessed from the first price of a day may be a whole number's.
        let price = dollars(cents * 10_000);
        let as_said = if cents % 100 == 0 { json!(cents / 100) } else { json!(price) };
        let attributes = json!({"_currency": purchase.currency, "_product_id": product, "_item_price_formatted":
            format!("{price:.2}"), "_transaction_id": book.id()});
        let metrics = json!({"_item_price": as_said, "_quantity": purchase.quantity});
        Self { attributes, metrics, purchase: Some(purchase), ..Self::plain("_monetization.purchase") }
    }

    /// Somebody may have followed a link, which may say where it stood.
    fn after_a_link(mut self, book: &mut Book) -> Self {
        if book.percent(40) {
            self.referrer = book.favour(&REFERRERS);
            self.attributes["referer"] = json!(self.referrer);
        }
        if book.percent(15) {
            self.utm = book.favour(&UTM);
            for (name, value) in ["utm_source", "utm_medium", "utm_campaign"].into_iter().zip(self.utm) {
                if !value.is_empty() {
                    self.attributes[name] = json!(value);
                }
            }
        }
        self
    }

    fn something(book: &mut Book) -> Self {
        match book.chance.u32(..10) {
            0..6 => {
                let page = book.favour(&PAGES);
                let attributes = json!({"url": format!("https://shop.example{page}"), "page": page});
                let metrics = json!({"load_time": f64::from(book.chance.u32(100..3_000)) / 1000.0});
                Self { attributes, metrics, page, ..Self::plain("pageView") }.after_a_link(book)
            }
            6..8 => Self { attributes: json!({"product": book.favour(&PRODUCTS).0}), ..Self::plain("add_to_cart") },
            8 => Self { attributes: json!({"search": "blue shoes"}), ..Self::plain("search") },
            _ => Self { attributes: json!({"button": "share"}), ..Self::plain("button_clicked") },
        }
    }
}

fn told(did: &Did, at: i64, person: &Person, session: &str, is_enriched: bool) -> Fact {
    Fact {
        user: person.user.clone(),
        session: session.to_owned(),
        device: person.device[1],
        platform: person.device[2],
        locale: person.device[4],
        version: if is_enriched { "6.0" } else { person.version },
        is_pinpoints: !is_enriched,
        purchase: did.purchase,
        page: did.page,
        referrer: did.referrer,
        utm: did.utm,
        ..fact(did.name, at, "app", For::NOTHING, &person.client)
    }
}

/// Somebody opens the app, looks around, perhaps buys, and leaves.
pub(super) fn session(book: &mut Book, start: i64) {
    let person = book.person();
    let session = book.id();
    let tell = |book: &mut Book, did: Did, at: i64, stop: Option<i64>| {
        // The phone's clock is not the service's.
        let mut record = event(did.name, at - 700, at, &person.client, did.attributes.clone());
        record["metrics"] = did.metrics.clone();
        of_an_app(&mut record, &person);
        record["session"] = json!({"session_id": session, "start_timestamp": start});
        let mut session_ms = None;
        if let Some(stop) = stop {
            record["session"]["stop_timestamp"] = json!(stop);
            session_ms = Some(stop - start);
            // As sessions say that a push opened: it began in 1970.
            if book.one_in(30) {
                record["session"]["start_timestamp"] = json!(0);
                session_ms = None;
            }
        }
        let told = told(&did, at, &person, &session, false);
        book.tell(Fact { country: person.country.code, session_ms, ..told }, &record);
    };
    let mut at = start + book.chance.i64(300..SECOND);
    tell(book, Did::plain("_session.start"), at, None);
    if book.percent(15) {
        at += book.chance.i64(SECOND..20 * SECOND);
        let name = book.favour(&["_userauth.sign_in", "_userauth.auth_fail", "_userauth.sign_up"]);
        tell(book, Did::plain(name), at, None);
    }
    for _ in 0..book.chance.u32(1..6) {
        at += book.chance.i64(SECOND..2 * MINUTE);
        let did = Did::something(book);
        tell(book, did, at, None);
    }
    if book.percent(20) {
        at += book.chance.i64(SECOND..2 * MINUTE);
        let did = Did::bought(book);
        tell(book, did, at, None);
    }
    // Of some the phone is switched off.
    if !book.percent(10) {
        at += book.chance.i64(SECOND..3 * MINUTE);
        tell(book, Did::plain("_session.stop"), at, Some(at - 700));
    }
}

/// The same through an enrichment client.
pub(super) fn enriched(book: &mut Book, start: i64) {
    let person = book.person();
    let session = format!("shop-pro-{}-{start}", &person.client[..8]);
    let [make, model, platform, version, locale] = person.device;
    let mut at = start;
    for number in 0..book.chance.u32(2..7) {
        at += if number == 0 { 0 } else { book.chance.i64(SECOND..2 * MINUTE) };
        let did = if number == 3 { Did::bought(book) } else { Did::something(book) };
        let mut record = json!({
            "event_type": did.name, "event_timestamp": at, "arrival_timestamp": at, "event_version": "3.1",
            "application": {"app_id": "shop-prod", "package_name": "com.example.shop", "version_name": "6.0",
                "version_code": "600", "title": "Shop", "sdk": {"name": "amplify-android", "version": "3.0.0"}},
            "client": {"client_id": person.client, "user_id": person.user},
            "device": {"platform": {"name": platform, "version": version}, "make": make, "model": model,
                "locale": {"code": locale}},
            "session": {"id": session, "start_timestamp": iso(start)},
            "attributes": did.attributes,
        });
        if did.metrics.as_object().is_some_and(|metrics| !metrics.is_empty()) {
            record["metrics"] = did.metrics.clone();
        }
        book.tell(told(&did, at, &person, &session, true), &record);
        // Whoever was away for long has a new session; this one ends without a word.
        if at - start > HOUR {
            return;
        }
    }
}
