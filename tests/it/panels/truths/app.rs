//! What apps say: in old indices and new, of Pinpoint's SDKs and enriched.

use testkit::month::Fact;

use super::super::scene::{Expected, Group, Scene, day, month};
use super::Truth;

pub const ALL: &[(&str, Truth)] = &[
    ("app/users", |scene| scene.only(apps).one(installations)),
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
