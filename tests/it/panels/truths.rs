//! What each panel must say: plain additions over facts, one function a panel.

mod app;
mod campaigns;
mod email;
mod message;
mod overview;
mod pipeline;
mod texts;

use essink::panel::Over;
use testkit::month::Fact;

use super::scene::{Expected, Scene};

pub type Truth = fn(&Scene) -> Expected;

/// A step of a funnel: what it is called, and whether a fact shows that its message reached it.
type Step = (&'static str, fn(&Fact) -> bool);

fn all() -> impl Iterator<Item = (&'static str, Truth)> {
    let all = [overview::ALL, email::ALL, texts::ALL, campaigns::ALL, app::ALL, message::ALL, pipeline::ALL];
    all.into_iter().flatten().copied()
}

/// Of the panel `dashboard/panel`.
pub fn of(name: &str) -> Option<Truth> {
    all().find(|(known, _)| *known == name).map(|(_, truth)| truth)
}

/// Which documents it is about, said once more: were a panel to look elsewhere, the truth must not follow.
pub fn over(name: &str) -> Over {
    match name.split_once('/') {
        Some(("pipeline", panel)) if panel.starts_with("dead-letters") => Over::DeadLetters,
        Some(("pipeline", _)) => Over::Arrivals,
        Some(("app", _)) => Over::Pinpoint,
        Some((_, panel)) if panel.starts_with("pinpoint-") => Over::Pinpoint,
        _ => Over::Messages,
    }
}

pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(name, _)| name)
}

/// The steps that a fact shows its message to have reached, each with the other key of its rows.
fn funnel(fact: &Fact, steps: [Step; 4], other: &str) -> Vec<Vec<String>> {
    let reached = steps.into_iter().filter(|(_, reached)| !fact.messages.is_empty() && reached(fact));
    reached.map(|(label, _)| vec![label.to_owned(), other.to_owned()]).collect()
}

/// The steps of a funnel: what reached each, or a later one.
mod steps {
    use testkit::month::Fact;

    pub fn sent(fact: &Fact) -> bool {
        begun(fact) || delivered(fact)
    }

    /// What happens at first, and not weeks later.
    pub fn begun(fact: &Fact) -> bool {
        matches!(fact.status, "sent" | "delayed" | "delivered") || lost(fact)
    }

    /// A message was refused; an attempt, which may be too, has none.
    pub fn rejected(fact: &Fact) -> bool {
        fact.status == "rejected" && !fact.messages.is_empty()
    }

    pub fn delivered(fact: &Fact) -> bool {
        matches!(fact.status, "delivered" | "complained") || opened(fact)
    }

    pub fn opened(fact: &Fact) -> bool {
        matches!(fact.status, "opened" | "read" | "clicked")
    }

    pub fn clicked(fact: &Fact) -> bool {
        fact.status == "clicked"
    }

    pub fn bounced(fact: &Fact) -> bool {
        fact.status == "bounced"
    }

    pub fn complained(fact: &Fact) -> bool {
        fact.status == "complained"
    }

    /// Will not arrive.
    pub fn lost(fact: &Fact) -> bool {
        bounced(fact) || fact.status == "failed" || rejected(fact)
    }

    pub const ALL: [super::Step; 4] =
        [("1 sent", sent), ("2 delivered", delivered), ("3 opened or read", opened), ("4 clicked", clicked)];
}
