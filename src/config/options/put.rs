//! Putting events into a stream.

use std::time::Duration;

use super::{Kind, Opt, Row, Verb};
use crate::config::units::{self, MIB};

/// Less could not hold the largest record that a stream may take.
const LEAST_MEMORY: u64 = 16 * MIB;
/// 64 GiB: more is a slip of the hand.
const MOST_MEMORY: u64 = 64 << 30;

options! {
    "Putting events into a stream";
    PARTITION_KEY: Vec<String> = path, {
        name: "partition-key",
        value: "FIELD",
        on: &[Verb::Put],
        help: "The member whose text or number is the partition key, such as messageId or client.client_id. Without it, or where \
               a value has none, the id of the message that the value is about, so that its events keep together, else a hash.",
    }
    PUT_TIMEOUT: Duration = |text| units::duration_in(text, Duration::from_secs(1), Duration::from_secs(3600)), {
        name: "put-timeout",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("2m"),
        on: &[Verb::Put],
        help: "Give up when a value is not in the stream after this long. Until then what the stream refuses is sent again: a \
               shard takes 1 MB a second.",
    }
    PUT_MEMORY: u64 = |text| units::bytes_in(text, LEAST_MEMORY, MOST_MEMORY), {
        name: "put-memory",
        kind: Kind::Bytes,
        value: "SIZE",
        default: Some("64MiB"),
        on: &[Verb::Put],
        help: "Bytes of events that wait for the stream or are on their way. When they are used up, nothing more is taken in.",
    }
}

/// Names with dots between them.
fn path(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text.split('.').map(str::to_owned).collect();
    match names.iter().any(|name| name.is_empty() || name.contains(char::is_control)) {
        true => Err("names no member; write it as messageId or client.client_id".to_owned()),
        false => Ok(names),
    }
}
