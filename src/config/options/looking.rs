//! Looking before the first event, and while workers run.

use std::time::Duration;

use super::{Kind, Opt, Row, Verb};
use crate::config::units;

/// Each look asks every shard that no worker speaks for; Kinesis allows 5 reads a second and shard.
const LEAST_WATCH: u64 = 1;
/// A record of the sample is held in memory, a megabyte at most.
const MOST_SAMPLE: u32 = 1_000;

options! {
    "Check and status";
    SAMPLE: u32 = |text| units::count(text, 0, MOST_SAMPLE), {
        name: "sample",
        kind: Kind::Count,
        value: "N",
        default: Some("100"),
        on: &[Verb::Check],
        help: "Records that are read from the stream, all shards together and from the most recent minutes that have any, and tried against the cluster. \
               No position moves.",
    }
    NO_WRITE: bool = units::flag, {
        name: "no-write",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: &[Verb::Check],
        help: "Write nothing at all: no throw-away index is made, and what the cluster would refuse stays unknown.",
    }
    SHOW_EVENTS: bool = units::flag, {
        name: "show-events",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: &[Verb::Check],
        help: "Show the documents of the sample whole. Addresses, numbers and texts of people are in them.",
    }
    WATCH: Duration = |text| units::count(text, LEAST_WATCH, 3_600).map(Duration::from_secs), {
        name: "watch",
        kind: Kind::Count,
        value: "SECONDS",
        bare: Some("5"),
        on: &[Verb::Status],
        help: "Look again every so many seconds, until interrupted; five without a number. With --json a line each time.",
    }
    WORKER_URL: String = units::url, {
        name: "worker-url",
        value: "URL",
        many: true,
        on: &[Verb::Status],
        help: "Where a worker on another machine serves its page, such as http://10.0.0.7:9464; repeat it for several. Workers of \
               this machine are found at --http-listen and the next ports.",
    }
}
