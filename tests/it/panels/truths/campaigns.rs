//! Campaigns and journeys: attempts are counted by event, messages by message.

use testkit::month::Fact;

use super::super::scene::{Expected, Group, Scene, day, or};
use super::Truth;
use super::steps::{self, clicked, delivered, opened, sent};

pub const ALL: &[(&str, Truth)] = &[
    ("campaigns/attempts", |scene| {
        attempts(scene, |fact| vec![fact.send_status.to_owned(), fact.campaign_kind.to_owned()])
    }),
    ("campaigns/attempts-by-day", |scene| attempts(scene, |fact| vec![day(fact.at), fact.send_status.to_owned()])),
    ("campaigns/attempts-by-campaign", |scene| {
        attempts(scene, |fact| vec![fact.campaign.to_owned(), fact.send_status.to_owned()])
    }),
    ("campaigns/conversion", conversion),
    ("campaigns/rates", rates),
    ("campaigns/cost", cost),
    ("campaigns/unsubscribed", unsubscribed),
    ("campaigns/pinpoint-campaigns", |scene| pinpoints(scene, "_campaign.send")),
    ("campaigns/pinpoint-journeys", |scene| pinpoints(scene, "_journey.send")),
];

fn events(all: &Group) -> Vec<Option<f64>> {
    vec![Some(all.events())]
}

fn attempts(scene: &Scene, key: fn(&Fact) -> Vec<String>) -> Expected {
    scene.only(|fact| !matches!(fact.send_status, "" | "QUIET_TIME_WAIT_FINISHED")).by(|fact| vec![key(fact)], events)
}

fn of_a_campaign(fact: &Fact) -> bool {
    !fact.messages.is_empty() && !fact.campaign.is_empty()
}

fn conversion(scene: &Scene) -> Expected {
    // Each campaign that has a message has all four steps, though nobody may have come so far.
    let campaigns = scene.only(of_a_campaign);
    let mut all = campaigns.by(
        |fact| {
            let reached = steps::ALL.iter().filter(|(_, reached)| reached(fact));
            reached.map(|(label, _)| vec![fact.campaign.to_owned(), (*label).to_owned()]).collect()
        },
        |all| vec![Some(all.messages())],
    );
    for fact in &campaigns.0 {
        for (label, _) in steps::ALL {
            all.rows.entry(vec![fact.campaign.to_owned(), label.to_owned()]).or_insert_with(|| vec![Some(0.0)]);
        }
    }
    all
}

fn rates(scene: &Scene) -> Expected {
    scene.only(of_a_campaign).by(
        |fact| vec![vec![fact.campaign.to_owned()]],
        |all| [all.rate(delivered, sent), all.rate(opened, delivered), all.rate(clicked, delivered)].concat(),
    )
}

fn cost(scene: &Scene) -> Expected {
    let in_dollars = scene.only(|fact| fact.paid.is_some_and(|paid| paid.currency == "USD"));
    in_dollars.by(|fact| vec![vec![or(fact.campaign, "not said")]], |all| vec![Some(all.spent("USD"))])
}

fn unsubscribed(scene: &Scene) -> Expected {
    let asked = scene.only(|fact| fact.status == "unsubscribed");
    asked.by(|fact| vec![vec![or(fact.campaign, "not said")]], events)
}

fn pinpoints(scene: &Scene, name: &str) -> Expected {
    let some = scene.only(|fact| fact.event == name);
    some.by(|fact| vec![vec![fact.campaign.to_owned(), fact.send_status.to_owned()]], events)
}
