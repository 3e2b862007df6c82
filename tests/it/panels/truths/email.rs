//! Mail, whoever sent it.

use testkit::month::Fact;

use super::super::scene::{Expected, Group, Scene, hour, or};
use super::steps::{bounced, clicked, complained, delivered, opened, rejected, sent};
use super::{Step, Truth, funnel};

pub const ALL: &[(&str, Truth)] = &[
    ("email/rates", rates),
    ("email/funnel", |scene| scene.only(mail).by(|f| funnel(f, STEPS, f.provider), |all| vec![Some(all.messages())])),
    ("email/engagement", engagement),
    ("email/links", links),
    ("email/bounces-by-type", bounces_by_type),
    ("email/refused", refusals),
    ("email/bounces-by-domain", bounces_by_domain),
    ("email/diagnostics", |scene| by_reason(scene, bounced, |fact| fact.reason)),
    ("email/complaints", |scene| by_reason(scene, complained, |fact| fact.reason_class)),
    ("email/rates-by-domain", rates_by_domain),
    ("email/rates-by-sender", rates_by_sender),
    ("email/rates-by-config-set", rates_by_config_set),
    ("email/programs", programs),
    ("email/pinpoint-funnel", pinpoint_funnel),
    ("email/pinpoint-bounces", pinpoint_bounces),
];

const STEPS: [Step; 4] = [("1 sent", sent), ("2 delivered", delivered), ("3 opened", opened), ("4 clicked", clicked)];

fn mail(fact: &Fact) -> bool {
    fact.channel == "email" && fact.provider != "pendula"
}

fn rates(scene: &Scene) -> Expected {
    scene.only(mail).one(|all| {
        let rates = [
            all.rate(delivered, sent),
            all.rate(bounced, sent),
            all.rate(refused, sent),
            all.rate(opened, delivered),
            all.rate(clicked, delivered),
            all.rate(clicked, opened),
            all.rate(complained, delivered),
        ];
        rates.concat()
    })
}

fn engagement(scene: &Scene) -> Expected {
    let some = scene.only(|fact| mail(fact) && matches!(fact.status, "opened" | "clicked" | "unsubscribed"));
    some.by(|fact| vec![vec![hour(fact.at), fact.status.to_owned()]], |all| vec![Some(all.events())])
}

fn links(scene: &Scene) -> Expected {
    let clicks = scene.only(|fact| mail(fact) && clicked(fact));
    clicks.by(|fact| vec![vec![fact.link.to_owned()]], |all| vec![Some(all.messages()), Some(all.events())])
}

fn bounces_by_type(scene: &Scene) -> Expected {
    let keys = |fact: &Fact| vec![vec![fact.provider.to_owned(), or(fact.reason_class, "not said")]];
    scene.only(|fact| mail(fact) && bounced(fact)).by(keys, |all| vec![Some(all.messages()), Some(all.events())])
}

fn refused(fact: &Fact) -> bool {
    rejected(fact) || fact.status == "failed"
}

fn refusals(scene: &Scene) -> Expected {
    let keys = |fact: &Fact| vec![vec![fact.provider.to_owned(), or(fact.reason, "not said")]];
    scene.only(|fact| mail(fact) && refused(fact)).by(keys, |all| vec![Some(all.messages())])
}

fn bounces_by_domain(scene: &Scene) -> Expected {
    let keys = |fact: &Fact| vec![vec![or(fact.to_domain, "not said"), fact.status.to_owned()]];
    let lost = scene.only(|fact| mail(fact) && (bounced(fact) || complained(fact)));
    lost.by(keys, |all| vec![Some(all.messages())])
}

fn by_reason(scene: &Scene, is_one: fn(&Fact) -> bool, why: fn(&Fact) -> &'static str) -> Expected {
    let some = scene.only(|fact| mail(fact) && is_one(fact));
    some.by(|fact| vec![vec![or(why(fact), "not said")]], |all| vec![Some(all.messages())])
}

fn rates_by_domain(scene: &Scene) -> Expected {
    let said = scene.only(|fact| mail(fact) && !fact.to_domain.is_empty());
    said.by(
        |fact| vec![vec![fact.to_domain.to_owned()]],
        |all| [all.rate(delivered, sent), all.rate(bounced, sent), all.rate(opened, delivered)].concat(),
    )
}

fn rates_by_sender(scene: &Scene) -> Expected {
    // All of the shop's addresses are of one domain; some of Bird's rows do not say who sent.
    let is_said = |fact: &Fact| mail(fact) && (fact.provider == "ses" || fact.from.contains("@shop.example"));
    scene.only(is_said).by(
        |_| vec![vec!["shop.example".to_owned()]],
        |all| [all.rate(delivered, sent), all.rate(bounced, sent), all.rate(complained, delivered)].concat(),
    )
}

fn rates_by_config_set(scene: &Scene) -> Expected {
    let rates = |all: &Group| {
        [
            all.rate(delivered, sent),
            all.rate(bounced, sent),
            all.rate(opened, delivered),
            all.rate(complained, delivered),
        ]
        .concat()
    };
    let said = scene.only(|fact| mail(fact) && !fact.config_set.is_empty());
    said.by(|fact| vec![vec![fact.config_set.to_owned()]], rates)
}

fn programs(scene: &Scene) -> Expected {
    let looks = scene.only(|fact| mail(fact) && matches!(fact.status, "opened" | "clicked"));
    looks.by(|fact| vec![vec![fact.user_agent.to_owned()]], |all| vec![Some(all.messages())])
}

/// In Pinpoint's own words: a mail that was rejected or unsubscribed from is not sent by these events alone.
fn pinpoint_funnel(scene: &Scene) -> Expected {
    let reached = |fact: &Fact| {
        let step: &[&str] = match fact.event {
            "_email.send" | "_email.hardbounce" | "_email.softbounce" => &["1 sent"],
            "_email.delivered" | "_email.complaint" => &["1 sent", "2 delivered"],
            "_email.open" => &["1 sent", "2 delivered", "3 opened"],
            "_email.click" => &["1 sent", "2 delivered", "3 opened", "4 clicked"],
            _ => &[],
        };
        step.iter().map(|step| vec![(*step).to_owned()]).collect()
    };
    let rows = scene.only(mail).by(reached, |all| vec![Some(all.messages())]);
    rows.with_all(&["1 sent", "2 delivered", "3 opened", "4 clicked"], &[Some(0.0)])
}

fn pinpoint_bounces(scene: &Scene) -> Expected {
    let kind = |fact: &Fact| {
        let (kind, sub) = fact.reason_class.split_once('/').expect("a type and a subtype");
        vec![vec![kind.to_owned(), sub.to_owned()]]
    };
    let bounces = scene.only(|fact| matches!(fact.event, "_email.hardbounce" | "_email.softbounce"));
    bounces.by(kind, |all| vec![Some(all.messages())])
}
