//! What an event may look like, and which day it belongs to.

use std::time::Duration;

use super::{Kind, Opt, Row, WRITERS};
use crate::config::units::{self, MIB};

/// Ten years.
const MOST_CLOCK: Duration = Duration::from_secs(3_650 * 86_400);
/// Servers die at an object nested 500 deep under some mappings, and JSON readers commonly stop at 128.
const MOST_DEPTH: usize = 100;

options! {
    "Events";
    MAX_CLOCK_LAG: Duration = |text| units::duration_in(text, Duration::ZERO, MOST_CLOCK), {
        name: "max-clock-lag",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("7d"),
        on: WRITERS,
        help: "How much earlier than its arrival in Kinesis a phone's stamp is believed. Beyond it the arrival names the day, \
               and the document says essink.clock: corrected.",
    }
    MAX_CLOCK_LEAD: Duration = |text| units::duration_in(text, Duration::ZERO, MOST_CLOCK), {
        name: "max-clock-lead",
        kind: Kind::Duration,
        value: "DURATION",
        default: Some("1h"),
        on: WRITERS,
        help: "How much later than its arrival in Kinesis a stamp is believed.",
    }
    MAX_DAYS: usize = |text| units::count(text, 1, 10_000), {
        name: "max-days",
        kind: Kind::Count,
        value: "N",
        default: Some("400"),
        on: WRITERS,
        help: "New daily indices that events may create within an hour. Events of further days are dead-lettered: a thousand \
               new indices halt a cluster. Raise it to replay years.",
    }
    MAX_DEPTH: usize = |text| units::count(text, 1, MOST_DEPTH), {
        name: "max-depth",
        kind: Kind::Count,
        value: "N",
        default: Some("100"),
        on: WRITERS,
        help: "How deep an event's JSON may nest; deeper ones are dead-lettered, because they can end a node.",
    }
    MAX_INFLATED: u64 = |text| units::bytes_in(text, MIB, 1 << 30), {
        name: "max-inflated",
        kind: Kind::Bytes,
        value: "SIZE",
        default: Some("32MiB"),
        on: WRITERS,
        help: "How large one compressed record may become; a larger one is dead-lettered as it came.",
    }
}
