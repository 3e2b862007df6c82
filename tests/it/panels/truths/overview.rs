//! The overview: all providers, counted by message.

use testkit::month::Fact;

use super::super::scene::{Expected, Scene, day, or};
use super::Truth;
use super::steps::{self, begun, clicked, delivered, lost, opened, sent};

pub const ALL: &[(&str, Truth)] = &[
    ("overview/sent", messages_sent),
    ("overview/rates", rates),
    ("overview/cost", cost),
    ("overview/funnel", funnel),
    ("overview/rates-by-provider", rates_by_provider),
    ("overview/by-day", by_day),
    ("overview/by-status", by_status),
    ("overview/cost-by-provider", cost_by_provider),
    ("overview/cost-other", cost_other),
];

fn messages_sent(scene: &Scene) -> Expected {
    scene.only(begun).one(|all| vec![Some(all.messages())])
}

fn rates(scene: &Scene) -> Expected {
    scene
        .only(|_| true)
        .one(|all| [all.rate(delivered, sent), all.rate(opened, delivered), all.rate(clicked, delivered)].concat())
}

fn cost(scene: &Scene) -> Expected {
    scene.only(|_| true).one(|all| vec![Some(all.spent("USD"))])
}

fn funnel(scene: &Scene) -> Expected {
    let keys = |fact: &Fact| super::funnel(fact, steps::ALL, &or(fact.channel, "not said"));
    scene.only(|_| true).by(keys, |all| vec![Some(all.messages())])
}

fn rates_by_provider(scene: &Scene) -> Expected {
    let messages = scene.only(|fact| !fact.messages.is_empty());
    messages.by(
        |fact| vec![vec![fact.provider.to_owned()]],
        |all| [all.rate(delivered, sent), all.rate(lost, sent)].concat(),
    )
}

fn by_day(scene: &Scene) -> Expected {
    let keys = |fact: &Fact| vec![vec![day(fact.at), or(fact.channel, "not said")]];
    scene.only(|fact| sent(fact) && !fact.messages.is_empty()).by(keys, |all| vec![Some(all.messages())])
}

fn by_status(scene: &Scene) -> Expected {
    let keys =
        |fact: &Fact| vec![vec![or(fact.channel, "not said"), fact.provider.to_owned(), or(fact.status, "not said")]];
    let messages = scene.only(|fact| !fact.messages.is_empty());
    messages.by(keys, |all| vec![Some(all.messages()), Some(all.events())])
}

fn cost_by_provider(scene: &Scene) -> Expected {
    let in_dollars = scene.only(|fact| fact.paid.is_some_and(|paid| paid.currency == "USD"));
    in_dollars.by(|fact| vec![vec![fact.provider.to_owned()]], |all| vec![Some(all.spent("USD"))])
}

fn cost_other(scene: &Scene) -> Expected {
    let others = scene.only(|fact| fact.paid.is_some_and(|paid| paid.currency != "USD"));
    let currency = |fact: &Fact| fact.paid.map_or("", |paid| paid.currency);
    others.by(
        |fact| vec![vec![currency(fact).to_owned()]],
        |all| vec![Some(all.spent(currency(all.0[0]))), Some(all.messages())],
    )
}
