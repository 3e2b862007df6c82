//! What is deleted, and what never.

use super::{Kind, Opt, Row, Verb};
use crate::config::concerns::Rotation;
use crate::config::units::{self, KeepDays};
use crate::event::family::Family;

/// `all`, and every family by its name.
const FAMILIES: [(&str, Option<Family>); Family::ALL.len() + 1] = {
    let mut words = [("all", None); Family::ALL.len() + 1];
    let mut at = 0;
    while at < Family::ALL.len() {
        words[at + 1] = (Family::ALL[at].name(), Some(Family::ALL[at]));
        at += 1;
    }
    words
};

const FAMILY_WORDS: [&str; FAMILIES.len()] = {
    let mut words = [""; FAMILIES.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = FAMILIES[at].0;
        at += 1;
    }
    words
};

const ROTATIONS: &[(&str, Rotation)] = &[
    ("day", Rotation::Day),
    ("hour", Rotation::Hour),
    ("week", Rotation::Week),
    ("month", Rotation::Month),
    ("none", Rotation::None),
];

options! {
    "Retention";
    KEEP: KeepDays = units::keep_days, {
        name: "keep",
        value: "DAYS",
        kind: Kind::Duration,
        on: &[Verb::Run, Verb::Check, Verb::Status, Verb::Prune, Verb::DeadLettersRedrive, Verb::Replay],
        required_on: &[Verb::Prune],
        help: "Days to keep, as 30d: today and the 30 days before it stay, the indices of older days are deleted. With run it \
               is done daily, and events of days already gone are counted as expired instead of indexed; dead-letters \
               redrive and replay only do the latter, and status only says what is older.",
    }
    KEEP_DEAD_LETTERS: KeepDays = units::keep_days, {
        name: "keep-dead-letters",
        value: "DAYS",
        kind: Kind::Duration,
        on: &[Verb::Run, Verb::Check, Verb::Status, Verb::Prune],
        help: "Days to keep dead letters, as 90d. Without it they are never deleted.",
    }
    FAMILY: Option<Family> = |text| units::choice(text, &FAMILIES), {
        name: "family",
        kind: Kind::Choice(&FAMILY_WORDS),
        many: true,
        default: Some("all"),
        on: &[Verb::Prune],
        help: "Whose indices to prune; repeat it for several.",
    }
    ROTATION: Rotation = |text| units::choice(text, ROTATIONS), {
        name: "rotation",
        kind: Kind::Choice(&["day", "hour", "week", "month", "none"]),
        many: true,
        default: Some("day"),
        on: &[Verb::Prune],
        help: "Which forms of index names to prune; repeat it for several. Only the named ones count: month alone leaves daily indices. \
               Firehose wrote all five; essink writes day. An index without a date (none) is never deleted: the plan only names it.",
    }
    MAX_DELETE: usize = |text| units::count(text, 1, 10_000), {
        name: "max-delete",
        kind: Kind::Count,
        value: "N",
        default: Some("100"),
        on: &[Verb::Run, Verb::Prune],
        help: "Refuse a plan that would delete more indices than this: a wrong clock or a wrong --keep is likelier.",
    }
    YES: bool = units::flag, {
        name: "yes",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: &[Verb::Prune],
        help: "Delete without asking. Needed where nobody sits at a terminal.",
    }
}
