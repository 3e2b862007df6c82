//! Texts, calls and chats.

use testkit::month::Fact;

use super::super::scene::{Expected, Group, Scene, day, hour, or};
use super::steps::{begun, delivered, lost, sent};
use super::{Step, Truth, funnel};

pub const ALL: &[(&str, Truth)] = &[
    ("texts/sent", |scene| scene.only(|fact| is_text(fact) && begun(fact)).one(count)),
    ("texts/rates", |scene| scene.only(is_text).one(rates)),
    ("texts/cost", |scene| scene.only(is_text).one(|all| vec![Some(all.spent("USD"))])),
    ("texts/funnel", |scene| scene.only(is_text).by(|f| funnel(f, STEPS, f.channel), |all| vec![Some(all.messages())])),
    ("texts/by-country", |scene| by(scene, is_text, |fact| or(fact.country, "not said"), rates)),
    ("texts/by-carrier", |scene| {
        by(scene, |fact| is_text(fact) && !fact.carrier.is_empty(), |fact| fact.carrier.to_owned(), rates)
    }),
    ("texts/by-sender", |scene| {
        by(scene, |fact| is_text(fact) && sent(fact) && !fact.from.is_empty(), |fact| fact.from.to_owned(), rates)
    }),
    ("texts/cost-by-country", |scene| by(scene, in_dollars, |fact| or(fact.country, "not said"), cost)),
    ("texts/cost-by-sender", |scene| by(scene, in_dollars, |fact| or(fact.from, "not said"), cost)),
    ("texts/cost-by-carrier", |scene| by(scene, in_dollars, |fact| or(fact.carrier, "not said"), cost)),
    ("texts/cost-other", |scene| {
        by(scene, in_euros, |_| "EUR".to_owned(), |all| vec![Some(all.spent("EUR")), Some(all.messages())])
    }),
    ("texts/failures", failures),
    ("texts/parts", |scene| by(scene, |fact| is_text(fact) && fact.parts > 0, |fact| fact.parts.to_string(), count)),
    ("texts/whatsapp", whatsapp),
    ("texts/opt-outs", opt_outs),
    ("texts/pinpoint-funnel", pinpoint_funnel),
    ("texts/pinpoint-cost", pinpoint_cost),
    ("texts/pinpoint-records", |scene| {
        by(scene, |fact| is_pinpoints(fact) && fact.event != "_SMS.OPTOUT", |fact| fact.reason.to_owned(), count)
    }),
];

const STEPS: [Step; 4] =
    [("1 sent", sent), ("2 delivered", delivered), ("3 read", |fact| fact.status == "read"), ("failed", lost)];

/// What an app received as a push is no text; attempts of campaigns to send one have its channel and no message.
fn is_text(fact: &Fact) -> bool {
    matches!(fact.channel, "sms" | "mms" | "voice" | "rcs" | "whatsapp") && fact.provider != "pendula"
}

fn in_dollars(fact: &Fact) -> bool {
    is_text(fact) && fact.paid.is_some_and(|paid| paid.currency == "USD")
}

fn in_euros(fact: &Fact) -> bool {
    is_text(fact) && fact.paid.is_some_and(|paid| paid.currency == "EUR")
}

fn is_pinpoints(fact: &Fact) -> bool {
    fact.event.starts_with("_SMS.")
}

fn rates(all: &Group) -> Vec<Option<f64>> {
    [all.rate(delivered, sent), all.rate(lost, sent)].concat()
}

fn count(all: &Group) -> Vec<Option<f64>> {
    vec![Some(all.messages())]
}

fn cost(all: &Group) -> Vec<Option<f64>> {
    vec![Some(all.spent("USD"))]
}

fn by(
    scene: &Scene,
    is_one: impl Fn(&Fact) -> bool,
    key: impl Fn(&Fact) -> String,
    values: impl Fn(&Group) -> Vec<Option<f64>>,
) -> Expected {
    scene.only(is_one).by(|fact| vec![vec![key(fact)]], values)
}

fn failures(scene: &Scene) -> Expected {
    let keys = |fact: &Fact| vec![vec![fact.provider.to_owned(), or(fact.reason, "not said")]];
    scene.only(|fact| is_text(fact) && lost(fact)).by(keys, count)
}

fn whatsapp(scene: &Scene) -> Expected {
    let said = scene.only(|fact| fact.channel == "whatsapp" && !fact.status.is_empty());
    said.by(|fact| vec![vec![hour(fact.at), fact.status.to_owned()]], count)
}

fn opt_outs(scene: &Scene) -> Expected {
    let keys = |fact: &Fact| vec![vec![day(fact.at), fact.channel.to_owned()]];
    scene.only(|fact| is_text(fact) && fact.status == "unsubscribed").by(keys, |all| vec![Some(all.events())])
}

fn pinpoint_funnel(scene: &Scene) -> Expected {
    let reached = |fact: &Fact| {
        let step: &[&str] = match fact.event {
            "_SMS.BUFFERED" => &["1 sent"],
            "_SMS.SUCCESS" => &["1 sent", "2 delivered"],
            "_SMS.FAILURE" => &["1 sent", "failed"],
            _ => &[],
        };
        step.iter().map(|step| vec![(*step).to_owned()]).collect()
    };
    scene.only(is_pinpoints).by(reached, count).with_all(&["1 sent", "2 delivered", "failed"], &[Some(0.0)])
}

fn pinpoint_cost(scene: &Scene) -> Expected {
    by(scene, |fact| is_pinpoints(fact) && fact.paid.is_some(), |fact| fact.country.to_owned(), cost)
}
