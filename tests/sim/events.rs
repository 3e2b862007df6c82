//! Records as producers put them, and beside each what must become of its events.
//!
//! What is expected is worked out here and not by essink: the id from the bytes, the day from the stamp.

use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chrono::DateTime;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use testkit::kpl::{self, Break, UserRecord};

use crate::chance::Chance;

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;
/// How far the clock of a device is believed to lag, and how far any clock to lead.
pub const LAG: i64 = 7 * DAY;
pub const LEAD: i64 = HOUR;

/// Where an event belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub index: Arc<str>,
    pub id: String,
}

/// One event of one record, or one stretch of bytes that is none.
#[derive(Debug, Clone)]
pub struct Piece {
    pub bytes: Bytes,
    /// Its place in the cluster; none when only a letter can hold it.
    pub key: Option<Key>,
    pub day: i64,
    /// Words that nothing else holds, whatever form the event is kept in.
    pub mark: String,
}

/// What is put at once, less when it arrived.
#[derive(Debug, Clone)]
pub enum Form {
    Plain(Vec<Bytes>),
    Array(Vec<Bytes>),
    Gzip(Vec<Bytes>),
    Kpl(Vec<Bytes>),
    BrokenKpl(usize, Vec<Bytes>),
    /// Events, and then bytes that are none.
    Poisoned(Vec<Bytes>, Bytes),
    Nothing,
}

/// A new record; `large` is the size of an event that no request can hold.
pub fn form(chance: &mut Chance, serial: u64, now: i64, large: Option<usize>) -> Form {
    let n = chance.between(1, 4);
    let mut events: Vec<Bytes> = (0..n).map(|at| event(chance, &format!("sim-{serial}-{at}-"), now)).collect();
    match chance.below(20) {
        0..=1 => Form::Nothing,
        2 => Form::Array(events),
        3..=4 => Form::Gzip(events),
        5..=6 => Form::Kpl(events),
        7 => Form::BrokenKpl(chance.choice(Break::ALL.len()), events),
        8 => {
            events.truncate(2);
            Form::Poisoned(events, format!("{{\"sim-{serial}-9-\": broken").into())
        }
        9 if large.is_some() => {
            let pad = "x".repeat(large.unwrap_or_default());
            Form::Plain(vec![format!(r#"{{"mark":"sim-{serial}-0-","pad":"{pad}"}}"#).into()])
        }
        10..=13 => {
            events.truncate(1);
            Form::Plain(events)
        }
        _ => Form::Plain(events),
    }
}

fn event(chance: &mut Chance, mark: &str, now: i64) -> Bytes {
    let pad = "p".repeat(chance.choice(300));
    let back = |chance: &mut Chance, most: i64| i64::try_from(chance.below(most.unsigned_abs())).expect("small");
    let stamp = match chance.below(8) {
        0 => now - back(chance, 40 * DAY),
        1 => now - back(chance, 9 * DAY),
        2 => now + back(chance, 3 * HOUR),
        _ => now - back(chance, HOUR / 2),
    };
    let text = match chance.below(6) {
        0 => format!(r#"{{"mark":"{mark}","pad":"{pad}"}}"#),
        // A producer that prints prettily: its line breaks must not become lines of a bulk body.
        1 => format!("{{\n  \"mark\": \"{mark}\",\n\"create\": {{}},\n  \"pad\": \"{pad}\"\n}}"),
        2 => format!(
            r#"{{"event_type":"_session.start","event_version":"3.1","arrival_timestamp":{stamp},"attributes":{{"mark":"{mark}","pad":"{pad}"}}}}"#
        ),
        _ => format!(
            r#"{{"event_type":"_email.send","event_version":"3.1","awsAccountId":"1","arrival_timestamp":{stamp},"attributes":{{"mark":"{mark}","pad":"{pad}"}}}}"#
        ),
    };
    text.into()
}

impl Form {
    /// The data of the record, and what must become of what is in it when it arrives at `arrived`.
    pub fn put(&self, arrived: i64) -> (Bytes, Vec<Piece>) {
        let docs = |events: &[Bytes]| events.iter().map(|bytes| doc(bytes, arrived)).collect::<Vec<_>>();
        match self {
            Self::Nothing => (Bytes::from_static(b" \n"), Vec::new()),
            Self::Plain(events) => (events.join(&b"\n"[..]).into(), docs(events)),
            Self::Array(events) => {
                (Bytes::from([&b"["[..], &events.join(&b","[..]), &b"]"[..]].concat()), docs(events))
            }
            Self::Gzip(events) => (gzip(&events.concat()), docs(events)),
            Self::Kpl(events) => (kpl::aggregate(&packed(events)).into(), docs(events)),
            Self::BrokenKpl(how, events) => {
                let data = Bytes::from(kpl::broken(&packed(events), Break::ALL[*how]));
                (data.clone(), vec![letter(&data, arrived)])
            }
            Self::Poisoned(events, rest) => {
                let mut pieces = docs(events);
                pieces.push(letter(rest, arrived));
                let all: Vec<Bytes> = events.iter().cloned().chain([rest.clone()]).collect();
                (all.concat().into(), pieces)
            }
        }
    }
}

fn packed(events: &[Bytes]) -> Vec<UserRecord> {
    events.iter().map(|event| UserRecord::new("key", event.to_vec())).collect()
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it").into()
}

fn letter(bytes: &Bytes, arrived: i64) -> Piece {
    Piece { bytes: bytes.clone(), key: None, day: arrived.div_euclid(DAY), mark: String::new() }
}

/// An event by the rules of docs/architecture.md: the id of its own bytes, the day of its own time where that can be
/// believed.
fn doc(bytes: &Bytes, arrived: i64) -> Piece {
    let text = std::str::from_utf8(bytes).expect("made as text");
    let value: serde_json::Value = serde_json::from_str(text).expect("made as JSON");
    let stamp = value["arrival_timestamp"].as_i64();
    let is_service = value.get("awsAccountId").is_some();
    let believed = stamp.filter(|at| *at <= arrived + LEAD && (is_service || *at >= arrived - LAG));
    let day = believed.unwrap_or(arrived).div_euclid(DAY);
    let prefix = if stamp.is_some() { "pinpoint" } else { "unrecognized" };
    let date = DateTime::from_timestamp_millis(day * DAY).expect("a day of ours").format("%Y-%m-%d");
    let time = stamp.unwrap_or(0).to_be_bytes();
    let id = URL_SAFE_NO_PAD.encode([&time[2..], &Sha256::digest(bytes)[..10]].concat());
    let mark = ["attributes", "mark"].iter().find_map(|at| value[at]["mark"].as_str().or(value[at].as_str()));
    let mark = mark.expect("every event has a mark").to_owned();
    Piece { bytes: bytes.clone(), key: Some(Key { index: format!("{prefix}-{date}").into(), id }), day, mark }
}
