//! What the daily indices are called, and what their templates say.

use std::time::Duration;

use super::cluster::NAMERS;
use super::{Kind, Opt, Row, Verb, WRITERS, joined};
use crate::config::{names, units};
use crate::event::family::Family;

/// Those that say what indices are called; dashboards look at them.
pub const NAMED: &[Verb] = &joined::<{ NAMERS.len() + 1 }>(NAMERS, &[Verb::Dashboards]);
const TEMPLATES: &[Verb] = &[Verb::Run, Verb::Check, Verb::InitTemplates, Verb::DeadLettersRedrive, Verb::Replay];

/// The option that says what the indices of `family` begin with.
pub fn prefix_of(family: Family) -> &'static Opt<String> {
    match family {
        Family::Pinpoint => &PINPOINT_PREFIX,
        Family::Eum => &EUM_PREFIX,
        Family::Ses => &SES_PREFIX,
        Family::Bird => &BIRD_PREFIX,
        Family::Vonage => &VONAGE_PREFIX,
        Family::Pendula => &PENDULA_PREFIX,
        Family::Connect => &CONNECT_PREFIX,
        Family::Unrecognized => &UNRECOGNIZED_PREFIX,
    }
}

options! {
    "Indices";
    PINPOINT_PREFIX: String = names::index_prefix, {
        name: "pinpoint-prefix",
        value: "PREFIX",
        default: Some("pinpoint-"),
        on: NAMED,
        help: "What the indices of Pinpoint events begin with; the UTC day YYYY-MM-DD follows.",
    }
    EUM_PREFIX: String = names::index_prefix, {
        name: "eum-prefix",
        value: "PREFIX",
        default: Some("eum-"),
        on: NAMED,
        help: "What the indices of AWS End User Messaging events (SMS, MMS, voice, RCS and WhatsApp) begin with.",
    }
    SES_PREFIX: String = names::index_prefix, {
        name: "ses-prefix",
        value: "PREFIX",
        default: Some("ses-"),
        on: NAMED,
        help: "What the indices of Amazon SES events begin with.",
    }
    BIRD_PREFIX: String = names::index_prefix, {
        name: "bird-prefix",
        value: "PREFIX",
        default: Some("bird-"),
        on: NAMED,
        help: "What the indices of Bird events (once SparkPost) begin with.",
    }
    VONAGE_PREFIX: String = names::index_prefix, {
        name: "vonage-prefix",
        value: "PREFIX",
        default: Some("vonage-"),
        on: NAMED,
        help: "What the indices of Vonage receipts and webhooks begin with.",
    }
    PENDULA_PREFIX: String = names::index_prefix, {
        name: "pendula-prefix",
        value: "PREFIX",
        default: Some("pendula-"),
        on: NAMED,
        help: "What the indices of Pendula's activity sync begin with.",
    }
    CONNECT_PREFIX: String = names::index_prefix, {
        name: "connect-prefix",
        value: "PREFIX",
        default: Some("connect-"),
        on: NAMED,
        help: "What the indices of Amazon Connect contact records begin with.",
    }
    UNRECOGNIZED_PREFIX: String = names::index_prefix, {
        name: "unrecognized-prefix",
        value: "PREFIX",
        default: Some("unrecognized-"),
        on: NAMED,
        help: "What the indices of events begin with that no rule recognises.",
    }
    NO_INIT_TEMPLATES: bool = units::flag, {
        name: "no-init-templates",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: WRITERS,
        help: "Do not write the index templates at the start, for users who may not. Then somebody else must have run \
               init-templates: an index created without them guesses its types.",
    }
    SHARDS: u32 = |text| units::count(text, 1, 1_024), {
        name: "shards",
        kind: Kind::Count,
        value: "N",
        default: Some("1"),
        on: TEMPLATES,
        help: "Primary shards of each new daily index. One holds tens of gigabytes a day; more let more nodes index.",
    }
    REPLICAS: u32 = |text| units::count(text, 0, 32), {
        name: "replicas",
        kind: Kind::Count,
        value: "N",
        default: Some("1"),
        on: TEMPLATES,
        help: "Copies of each primary shard. 0 loses events with a node; a cluster of one node stays yellow with 1.",
    }
    REFRESH_INTERVAL: Duration = |text| units::duration_in(text, Duration::from_millis(100), Duration::from_secs(3_600)), {
        name: "refresh-interval",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("10s"),
        on: TEMPLATES,
        help: "How soon an indexed event can be searched. Longer is cheaper for the cluster.",
    }
    NO_KEYWORD_TWINS: bool = units::flag, {
        name: "no-keyword-twins",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: TEMPLATES,
        help: "Leave out the .keyword sub-fields of free maps (attributes and the like). They keep old queries working and \
               cost up to 39 % of the cluster's ingestion CPU and 25 % of its disk.",
    }
}
