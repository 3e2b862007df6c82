//! The events of one message and of one person, as documents.

use std::collections::BTreeMap;

use testkit::month::Fact;

use super::super::scene::{Expected, Scene, iso};
use super::Truth;

pub const ALL: &[(&str, Truth)] = &[
    ("message/timeline", timeline),
    ("message/history", |scene| Expected { newest_first: true, ..history(scene) }),
    ("message/user", |scene| Expected { newest_first: true, ..user(scene) }),
    ("message/pinpoint-timeline", pinpoint_timeline),
];

/// The value that most facts have; nobody's where none has one.
fn most(facts: &[&Fact], of: impl Fn(&Fact) -> Vec<String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for value in facts.iter().flat_map(|fact| of(fact)) {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or_else(|| "nobody".to_owned(), |(value, _)| value)
}

fn documents(input: &str, typed: &str, facts: Vec<&Fact>, show: impl Fn(&Fact) -> Vec<String>) -> Expected {
    let documents = Some(facts.into_iter().map(show).collect());
    Expected { inputs: [(input.to_owned(), typed.to_owned())].into(), documents, ..Expected::default() }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The mail or text with most events.
fn timeline(scene: &Scene) -> Expected {
    let id = most(&scene.facts, |fact| fact.messages.clone());
    let cost = |fact: &Fact| {
        let in_dollars = fact.paid.filter(|paid| paid.currency == "USD");
        #[expect(clippy::cast_precision_loss, reason = "prices are far below 2^53")]
        let written = in_dollars.map(|paid| serde_json::json!(paid.millionths as f64 / 1e6).to_string());
        written.unwrap_or_default()
    };
    documents("message", &id, scene.only(|fact| fact.messages.contains(&id)).0, |fact| {
        let to = fact.to.join(", ");
        let said = [fact.provider, fact.event, fact.status, &to, fact.reason, fact.link, &cost(fact)];
        [vec![iso(fact.at)], words(&said)].concat()
    })
}

/// Of a person to whom Pinpoint and End User Messaging write with the plus, Vonage and WhatsApp without.
fn history(scene: &Scene) -> Expected {
    let number = |text: &String| text.trim_start_matches('+').to_owned();
    let numbers = |fact: &Fact| fact.to.iter().map(number).filter(|n| n.bytes().all(|b| b.is_ascii_digit())).collect();
    let typed = most(&scene.facts, numbers);
    documents("recipient", &typed, scene.only(|fact| fact.to.iter().any(|to| number(to) == typed)).0, |fact| {
        let id = fact.messages.join(", ");
        let said = [fact.provider, fact.channel, fact.status, fact.campaign, fact.reason, &id];
        [vec![iso(fact.at)], words(&said)].concat()
    })
}

fn user(scene: &Scene) -> Expected {
    // Mail names the installation and not the person: somebody with much of it.
    let client =
        most(&scene.only(|fact| fact.user.is_empty() && !fact.client.is_empty()).0, |fact| vec![fact.client.clone()]);
    let named = scene.facts.iter().find(|fact| fact.client == client && !fact.user.is_empty());
    let user = named.map_or_else(|| client.clone(), |fact| fact.user.clone());
    let both = format!("{user}, {client}");
    documents("user", &both, scene.only(|fact| fact.user == user || fact.client == client).0, |fact| {
        let id = fact.messages.join(", ");
        let said = [fact.channel, fact.event, fact.status, fact.send_status, fact.campaign, fact.device, &id];
        [vec![iso(fact.at)], words(&said)].concat()
    })
}

fn pinpoint_timeline(scene: &Scene) -> Expected {
    let id = most(&scene.facts, |fact| fact.messages.clone());
    documents("message", &id, scene.only(|fact| fact.messages.contains(&id)).0, |fact| {
        let is_text = fact.channel == "sms";
        let feedback = if fact.event == "_email.click" { fact.link } else { "said" };
        let (status, feedback, phone) =
            if is_text { (fact.reason, "", fact.to[0].as_str()) } else { ("", feedback, "") };
        words(&[&fact.at.to_string(), fact.event, status, feedback, phone])
    })
}
