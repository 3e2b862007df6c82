//! What an event may look like, and which day it belongs to.

use std::path::PathBuf;
use std::time::Duration;

use super::cluster::secret;
use super::{Kind, Opt, Row, WRITERS};
use crate::config::concerns::Secret;
use crate::config::units::{self, MIB};
use crate::event::redact::{Class, How, Target};

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
        help: "How large one record may become, inflated and taken out of its envelopes; what is larger is dead-lettered.",
    }
    REDACT: (Target, How) = redact, {
        name: "redact",
        value: "WHAT=drop|hash",
        many: true,
        on: WRITERS,
        help: "Leave personal data out of documents (drop), or write a keyed hash in its place, by which people can still be \
               counted (hash). WHAT is addresses, phones, users, ips or bodies, wherever a family is known to have them, or the \
               path of one field, as attributes.email. Repeatable. Ids are taken before. Dead letters keep the event whole.",
    }
    REDACT_KEY: Secret = secret, {
        name: "redact-key",
        kind: Kind::Secret,
        on: WRITERS,
        help: "The key of the hashes of --redact. Another key gives other hashes. Only from the environment.",
    }
    REDACT_KEY_FILE: PathBuf = units::path, {
        name: "redact-key-file",
        kind: Kind::Path,
        value: "FILE",
        on: WRITERS,
        help: "A file that holds the key of the hashes of --redact; a newline at its end is not part of it.",
    }
}

/// `addresses=hash`, `attributes.email=drop`.
fn redact(text: &str) -> Result<(Target, How), String> {
    let (what, how) = text.split_once('=').ok_or("names no way; write it as phones=drop or phones=hash")?;
    let how = units::choice(how, &[("drop", How::Drop), ("hash", How::Hash)])?;
    if let Ok(class) = units::choice(what, &Class::ALL) {
        return Ok((Target::Class(class), how));
    }
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '"' && c != '\\';
    let is_path = what.contains('.') && what.split('.').all(|name| !name.is_empty() && name.chars().all(plain));
    if is_path {
        return Ok((Target::Path(what.to_owned()), how));
    }
    let names = Class::ALL.map(|(name, _)| name).join(", ");
    Err(format!("names neither one of {names}, nor a field by its whole path, as attributes.email"))
}
