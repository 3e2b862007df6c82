//! How bulk requests are filled and sent, and how much memory that takes.

use std::time::Duration;

use super::{Kind, Opt, Row, Verb, WRITERS};
use crate::config::units::{self, MB, MIB};

/// A Kinesis record can hold 10 MiB: less could not hold one beside the request that carries it.
const LEAST_MEMORY: u64 = 16 * MIB;
/// 64 GiB: more is a slip of the hand.
const MOST_MEMORY: u64 = 64 << 30;
/// Law of the servers: `http.max_content_length` is 100 MiB unless changed.
const MOST_REQUEST: u64 = 95 * MB;

/// Commands that drain before they end.
const DRAINERS: &[Verb] = &[Verb::Run, Verb::Put, Verb::Webhook, Verb::DeadLettersRedrive, Verb::Replay];

options! {
    "Delivery";
    MEMORY: u64 = |text| units::bytes_in(text, LEAST_MEMORY, MOST_MEMORY), {
        name: "memory",
        kind: Kind::Bytes,
        value: "SIZE",
        default: Some("256MiB"),
        on: WRITERS,
        help: "Bytes of events in flight, over all shards; an event takes two to three times its size. When they are used up, reading waits for the cluster and the lag \
               grows; nothing is dropped.",
    }
    FLUSH_BYTES: u64 = |text| units::bytes_in(text, 1_000, MOST_REQUEST), {
        name: "flush-bytes",
        kind: Kind::Bytes,
        value: "SIZE",
        default: Some("5MB"),
        on: WRITERS,
        help: "Close a bulk request at this size; MB is decimal, MiB binary. A Firehose set to 1 MiB or 60 s sends five times as \
               many requests for the same events.",
    }
    FLUSH_COUNT: usize = |text| units::count(text, 1, 100_000), {
        name: "flush-count",
        kind: Kind::Count,
        value: "N",
        default: Some("5000"),
        on: WRITERS,
        help: "Close a bulk request at this many events.",
    }
    FLUSH_INTERVAL: Duration = |text| units::duration_in(text, Duration::from_millis(10), Duration::from_secs(900)), {
        name: "flush-interval",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("1s"),
        on: WRITERS,
        help: "Close a bulk request when its first event has waited this long, however small it is. A Firehose set to 1 MiB or \
               60 s shows events a minute later.",
    }
    IN_FLIGHT: usize = |text| units::count(text, 1, 64), {
        name: "in-flight",
        kind: Kind::Count,
        value: "N",
        default: Some("8"),
        on: WRITERS,
        help: "Bulk requests under way at the same time, at most. essink begins with 4, adds one while answers come in their usual \
               time, and takes back when the cluster rejects documents or slows down.",
    }
    BREAKER_SHARE: Option<f64> = share, {
        name: "breaker-share",
        kind: Kind::Text,
        value: "PERCENT|off",
        default: Some("50%"),
        on: WRITERS,
        help: "Stop when this share of an index' documents is refused for one reason: a wrong mapping or the wrong cluster is \
               likelier than so many bad events. What was refused then is not settled, and is read again after the cure.",
    }
    BREAKER_COUNT: u64 = |text| units::count(text, 1, 1_000_000_000), {
        name: "breaker-count",
        kind: Kind::Count,
        value: "N",
        default: Some("500"),
        on: WRITERS,
        help: "Documents of an index that must be judged before --breaker-share counts.",
    }
    GZIP: Option<u32> = gzip, {
        name: "gzip",
        kind: Kind::Count,
        value: "LEVEL",
        bare: Some("1"),
        default: Some("off"),
        on: WRITERS,
        help: "Compress bulk requests, level 1 (fast) to 9 (small), or off. Worth its CPU where the network is slow or paid \
               for; the bare flag means level 1.",
    }
    CHECKPOINT_INTERVAL: Duration = |text| units::duration_in(text, Duration::from_millis(100), Duration::from_secs(600)), {
        name: "checkpoint-interval",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("5s"),
        on: WRITERS,
        help: "How often settled positions are stored. What a crash makes essink read again is found already there.",
    }
    GRACE: Duration = |text| units::duration_in(text, Duration::ZERO, Duration::from_secs(3_600)), {
        name: "grace",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("30s"),
        on: DRAINERS,
        help: "How long a worker that is told to stop (SIGTERM, SIGINT) may drain before it exits 75; the last positions \
               have five more seconds. Keep both together below the time after which the orchestrator kills.",
    }
}

/// A share from 0 to 1.
fn share(text: &str) -> Result<Option<f64>, String> {
    let text = text.trim();
    if text == "off" {
        return Ok(None);
    }
    let percent = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
    match percent {
        Some(percent) if (1.0..=100.0).contains(&percent) => Ok(Some(percent / 100.0)),
        _ => Err("is neither off nor a share from 1% to 100%".to_owned()),
    }
}

fn gzip(text: &str) -> Result<Option<u32>, String> {
    if text.trim() == "off" {
        return Ok(None);
    }
    units::count(text, 1, 9).map(Some).map_err(|_| "is neither off nor a level from 1 to 9".to_owned())
}
