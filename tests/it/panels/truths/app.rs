//! What apps say: in old indices and new, of Pinpoint's SDKs and enriched.

use testkit::month::Fact;

use super::super::scene::{Expected, Group, Scene, day, month, number, or};
use super::Truth;

pub const ALL: &[(&str, Truth)] = &[
    ("app/users", |scene| scene.only(apps).one(installations)),
    ("app/paying", |scene| scene.only(apps).one(|all| share(clients(&buyers(all)), clients(all), 100.0))),
    ("app/sessions", |scene| {
        scene.only(apps).one(|all| [mean_minutes(all), each(all, true), each(all, false)].concat())
    }),
    ("app/people-by-day", |scene| by(scene, |fact| vec![day(fact.at)], people)),
    ("app/session-length", |scene| by(scene, |fact| vec![day(fact.at)], mean_minutes)),
    ("app/paying-by-day", |scene| buyers(&scene.only(apps)).by(|fact| vec![vec![day(fact.at)]], installations)),
    ("app/pages", |scene| {
        let pages = scene.only(|fact| !fact.page.is_empty());
        pages.by(|fact| vec![vec![format!("https://shop.example{}", fact.page)]], installations_and_events)
    }),
    ("app/referrers", |scene| {
        let led = scene.only(|fact| !fact.referrer.is_empty());
        led.by(|fact| vec![vec![fact.referrer.to_owned()]], installations_and_events)
    }),
    ("app/utm", |scene| {
        let led = scene.only(|fact| !fact.utm[0].is_empty());
        led.by(|fact| vec![fact.utm.iter().map(|word| or(word, "not said")).collect()], installations)
    }),
    ("app/places", |scene| {
        let placed = scene.only(|fact| apps(fact) && !fact.country.is_empty());
        placed.by(|fact| vec![vec![fact.country.to_owned()]], installations)
    }),
    ("app/users-by-day", |scene| by(scene, |fact| vec![day(fact.at)], installations)),
    ("app/users-by-month", |scene| by(scene, |fact| vec![month(fact.at)], installations)),
    ("app/sessions-by-day", |scene| by(scene, |fact| vec![day(fact.at)], sessions)),
    ("app/events", |scene| {
        by(scene, |fact| vec![fact.event.to_owned()], |all| vec![Some(all.events()), Some(clients(all))])
    }),
    ("app/devices", |scene| by(scene, |fact| vec![fact.platform.to_owned(), fact.device.to_owned()], installations)),
    ("app/versions", |scene| {
        by(scene, |fact| vec!["com.example.shop".to_owned(), fact.version.to_owned()], installations)
    }),
    ("app/countries", |scene| by(scene, |fact| vec![fact.locale.to_owned()], installations)),
    ("app/revenue", revenue),
    ("app/products", products),
];

fn apps(fact: &Fact) -> bool {
    fact.channel == "app"
}

fn clients(all: &Group) -> f64 {
    all.different(|fact| Some(fact.client.clone()))
}

fn installations(all: &Group) -> Vec<Option<f64>> {
    vec![Some(clients(all))]
}

fn installations_and_events(all: &Group) -> Vec<Option<f64>> {
    vec![Some(clients(all)), Some(all.events())]
}

fn buyers<'a>(all: &Group<'a>) -> Group<'a> {
    all.only(|fact| fact.purchase.is_some())
}

/// So many of a hundred, or for each one; and how many these are.
fn share(to: f64, of: f64, whole: f64) -> Vec<Option<f64>> {
    vec![(of > 0.0).then(|| to * whole / of), Some(of)]
}

/// Of the sort that has sessions of its own.
fn each(all: &Group, is_pinpoints: bool) -> Vec<Option<f64>> {
    let its = all.only(|fact| fact.is_pinpoints == is_pinpoints);
    share(its.different(|fact| Some(fact.session.clone())), clients(&its), 1.0)
}

/// Of sessions that said their end and a beginning that can be.
#[expect(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
fn mean_minutes(all: &Group) -> Vec<Option<f64>> {
    let lengths: Vec<i64> = all.0.iter().filter_map(|fact| fact.session_ms).collect();
    let sum: i64 = lengths.iter().sum();
    vec![(!lengths.is_empty()).then(|| sum as f64 / number(lengths.len()) / 60_000.0)]
}

/// By the id that the app gave: each sort of events has it elsewhere.
fn people(all: &Group) -> Vec<Option<f64>> {
    let of = |is_pinpoints: bool| all.different(|fact| (fact.is_pinpoints == is_pinpoints).then(|| fact.user.clone()));
    vec![Some(of(true)), Some(of(false))]
}

fn sessions(all: &Group) -> Vec<Option<f64>> {
    let of =
        |is_pinpoints: bool| all.different(|fact| (fact.is_pinpoints == is_pinpoints).then(|| fact.session.clone()));
    vec![Some(of(true)), Some(of(false))]
}

fn by(scene: &Scene, key: fn(&Fact) -> Vec<String>, values: impl Fn(&Group) -> Vec<Option<f64>>) -> Expected {
    scene.only(apps).by(|fact| vec![key(fact)], values)
}

/// Whether an index that another tool wrote, one a day, took prices for whole numbers: it guesses their type from the first,
/// and then cuts the cents of the others.
fn is_cut(scene: &Scene, fact: &Fact) -> bool {
    let is_old = |fact: &Fact| fact.is_pinpoints && fact.at < scene.loaded.cut;
    let all = scene.loaded.month.truth().facts().iter();
    let mut of_its_day = all.filter(|other| is_old(other) && day(other.at) == day(fact.at));
    let first = of_its_day.find_map(|other| other.purchase);
    is_old(fact) && first.is_some_and(|bought| bought.cents % 100 == 0)
}

#[expect(clippy::cast_precision_loss, reason = "prices are far below 2^53")]
fn revenue(scene: &Scene) -> Expected {
    let price = |fact: &&Fact| {
        let cents = fact.purchase.map_or(0, |bought| bought.cents);
        if is_cut(scene, fact) { cents / 100 * 100 } else { cents }
    };
    let cents = |all: &Group| all.0.iter().map(price).sum::<i64>();
    scene.only(|fact| fact.purchase.is_some()).by(
        |fact| fact.purchase.iter().map(|bought| vec![bought.currency.to_owned()]).collect(),
        |all| vec![Some(cents(all) as f64 / 100.0), Some(all.events()), Some(clients(all))],
    )
}

#[expect(clippy::cast_precision_loss, reason = "quantities are far below 2^53")]
fn products(scene: &Scene) -> Expected {
    let items = |all: &Group| all.0.iter().filter_map(|fact| fact.purchase).map(|bought| bought.quantity).sum::<i64>();
    scene.only(|fact| fact.purchase.is_some()).by(
        |fact| fact.purchase.iter().map(|bought| vec![bought.product.to_owned()]).collect(),
        |all| vec![Some(all.events()), Some(items(all) as f64)],
    )
}
