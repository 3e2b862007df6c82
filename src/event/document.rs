//! The line that goes to the cluster: the event as it came, and what essink adds in front.

use super::clock::Filed;
use super::families::{self, Knowledge, Reading};
use super::rewrite;
use super::scan::Scanned;
use super::time::Millis;

/// Version of the rules that made a document (`essink.rules`), raised when the same event would be
/// filed or written differently.
pub const RULES: &str = "2";

/// What is said of an event beside its own members.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The time it is filed under.
    pub filed: Filed,
    /// When Kinesis received the record.
    pub arrived: Millis,
    /// What the event was wrapped in, outermost first.
    pub envelopes: &'a [&'static str],
    /// What is kept of that: JSON objects with commas between them.
    pub wrapping: &'a [u8],
}

/// Appends a document whose members are those of the event, rewritten where its family's shape asks for it, beside what
/// was read out of it.
pub fn write(event: &Scanned, known: &Knowledge, reading: &Reading<'_>, about: &About<'_>, out: &mut Vec<u8>) {
    let shape = families::shape(known.family);
    write_about(about, out);
    out.extend_from_slice(br#","msg":{"provider":""#);
    out.extend_from_slice(known.family.name().as_bytes());
    out.push(b'"');
    if !reading.msg.json().is_empty() {
        out.push(b',');
        out.extend_from_slice(reading.msg.json());
    }
    out.push(b'}');
    let touched = event.odd_keys || event.top().any(|member| rewrite::touches(event, member, shape));
    if touched {
        rewrite::write_top(&event.json, shape, out);
    } else if let [inner @ .., _] = &event.json[1..]
        && !inner.is_empty()
    {
        out.push(b',');
        out.extend_from_slice(inner);
    }
    for (name, json) in &reading.added {
        rewrite::write_beside(name, json, shape, out);
    }
    out.push(b'}');
}

/// Appends a document that holds the event, whatever it is, in one member that no mapping looks into.
pub fn write_wrapped(event: &Scanned, about: &About<'_>, out: &mut Vec<u8>) {
    write_about(about, out);
    out.extend_from_slice(br#","event":"#);
    out.extend_from_slice(&event.json);
    out.push(b'}');
}

/// `{"@timestamp":…,"essink":{…}`, without the closing brace.
fn write_about(about: &About<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"@timestamp":""#);
    about.filed.at.write_rfc3339(out);
    out.extend_from_slice(br#"","essink":{"arrived":""#);
    about.arrived.write_rfc3339(out);
    out.extend_from_slice(br#"","rules":""#);
    out.extend_from_slice(RULES.as_bytes());
    out.push(b'"');
    if let Some(instead) = about.filed.instead {
        out.extend_from_slice(br#","clock":""#);
        out.extend_from_slice(instead.name().as_bytes());
        out.push(b'"');
    }
    for (n, envelope) in about.envelopes.iter().enumerate() {
        out.extend_from_slice(if n == 0 { br#","envelopes":[""# } else { br#"",""# });
        out.extend_from_slice(envelope.as_bytes());
    }
    if !about.envelopes.is_empty() {
        out.extend_from_slice(br#""]"#);
    }
    if !about.wrapping.is_empty() {
        out.extend_from_slice(br#","wrapping":["#);
        out.extend_from_slice(about.wrapping);
        out.push(b']');
    }
    out.push(b'}');
}
