//! Looking at leases, and repairing positions.

use super::state::{self, Leases};
use super::{Kind, Opt, Row, Verb};
use crate::config::concerns::ResetTo;
use crate::config::{names, units};
use crate::pipeline::position::Sequence;

options! {
    "Leases";
    SHARD: String = |text| names::plain(text, 128), {
        name: "shard",
        value: "SHARD",
        many: true,
        on: &[Verb::LeasesList, Verb::LeasesReset, Verb::LeasesMove],
        help: "Only this shard, such as shardId-000000000003; repeat it for several. All of them without it.",
    }
    TO: ResetTo = reset_to, {
        name: "to",
        value: "trim-horizon|latest|RFC3339|SEQUENCE",
        on: &[Verb::LeasesReset],
        required_on: &[Verb::LeasesReset],
        help: "Where reading is to go on: at the oldest record, at new ones, at those that arrived since a time, or from the record \
               with this sequence number on (of one --shard). What is read again is found already there.",
    }
    TO_STATE: Leases = state::leases, {
        name: "to-state",
        value: "index|dynamodb:TABLE|file:PATH",
        on: &[Verb::LeasesMove],
        required_on: &[Verb::LeasesMove],
        help: "Where positions are to be kept from now on, as for --state.",
    }
    TO_GROUP: String = names::group, {
        name: "to-group",
        value: "NAME",
        on: &[Verb::LeasesMove],
        help: "The group they are to be of; the same one without it.",
    }
    FORCE: bool = units::flag, {
        name: "force",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: &[Verb::LeasesReset, Verb::LeasesMove],
        help: "Also where a living worker holds a lease, where unread records would be left out, or where the other store has \
               positions of its own. A worker whose lease is taken from it stops reading the shard, and stores nothing more of it.",
    }
}

fn reset_to(text: &str) -> Result<ResetTo, String> {
    let text = text.trim();
    if let Some(sequence) = Sequence::parse(text) {
        return Ok(ResetTo::Sequence(sequence));
    }
    match text {
        "trim-horizon" => Ok(ResetTo::TrimHorizon),
        "latest" => Ok(ResetTo::Latest),
        _ => units::rfc3339(text).map(ResetTo::At).map_err(|_| {
            "is neither trim-horizon, latest, a time such as 2026-11-21T08:00:00Z nor a sequence number".to_owned()
        }),
    }
}
