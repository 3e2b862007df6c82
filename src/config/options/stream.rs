//! What is read, and from where on.

use std::time::Duration;

use super::{Kind, LEASERS, Opt, Row, STREAMERS, Verb};
use crate::config::concerns::{Start, StreamName};
use crate::config::{names, units};

/// Law of Kinesis: 5 GetRecords calls a second and shard.
const LEAST_POLL: Duration = Duration::from_millis(200);

/// A renewal is a request that may meet a slow cluster: less than a second for it would lose leases for nothing.
const LEAST_LEASE: Duration = Duration::from_secs(2);

options! {
    "Stream";
    STREAM: StreamName = names::stream, {
        name: "stream",
        value: "NAME",
        on: STREAMERS,
        required_on: STREAMERS,
        help: "The Kinesis data stream, by name or by ARN.",
    }
    GROUP: String = names::group, {
        name: "group",
        value: "NAME",
        default: Some("essink"),
        on: LEASERS,
        help: "The name under which leases and positions are kept for this stream. All workers of a group share its shards \
               evenly; another group reads the stream again on its own, and finds its events already there.",
    }
    LEASE_TIMEOUT: Duration = |text| units::duration_in(text, LEAST_LEASE, Duration::from_secs(300)), {
        name: "lease-timeout",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("10s"),
        on: LEASERS,
        help: "After this long without a sign of life a worker's shards are taken by the others of its group. Leases are \
               renewed three times as often. Give all workers of a group the same.",
    }
    START: Start = start, {
        name: "start",
        value: "trim-horizon|latest|RFC3339",
        default: Some("trim-horizon"),
        on: &[Verb::Run, Verb::Check],
        help: "Where to begin in a shard without a stored position: at the oldest record, at new ones, or at those that \
               arrived since a time such as 2026-11-21T08:00:00Z.",
    }
    UNTIL_CAUGHT_UP: bool = units::flag, {
        name: "until-caught-up",
        kind: Kind::Flag,
        bare: Some("true"),
        default: Some("false"),
        on: &[Verb::Run],
        help: "Read every shard to where its tip was at the start, settle, store positions and exit 0. For cron, back-fills \
               and tests.",
    }
    FETCHES: usize = |text| units::count(text, 1, 64), {
        name: "fetches",
        kind: Kind::Count,
        value: "N",
        default: Some("4"),
        on: &[Verb::Run, Verb::Replay],
        help: "GetRecords pages asked for at the same time, over all shards; with replay, objects read at the same time. Each \
               holds up to 10 MiB while it is decoded.",
    }
    POLL_INTERVAL: Duration = |text| units::duration_in(text, LEAST_POLL, Duration::from_secs(60)), {
        name: "poll-interval",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("1s"),
        on: &[Verb::Run],
        help: "How long a shard rests after a page with nothing new. Kinesis allows 5 reads a second and shard, shared by \
               all readers of the stream; a shard with a backlog does not rest.",
    }
    KINESIS_ENDPOINT_URL: String = units::url, {
        name: "kinesis-endpoint-url",
        value: "URL",
        on: STREAMERS,
        help: "Another Kinesis endpoint than the region's: an emulator or a VPC endpoint. AWS_ENDPOINT_URL_KINESIS does the \
               same.",
    }
}

fn start(text: &str) -> Result<Start, String> {
    match text.trim() {
        "trim-horizon" => Ok(Start::TrimHorizon),
        "latest" => Ok(Start::Latest),
        time => units::rfc3339(time)
            .map(Start::At)
            .map_err(|_| "is neither trim-horizon, latest nor a time such as 2026-11-21T08:00:00Z".to_owned()),
    }
}
