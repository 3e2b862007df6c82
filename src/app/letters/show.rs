//! `essink dead-letters show`: one letter with its bytes. The one place where an event is printed, because it was asked for.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::anyhow;
use serde_json::Value;

use super::{print_json, print_lines, warn};
use crate::app::exit::Failure;
use crate::app::redrive::{next_page, whole};
use crate::dead_letter::{Cabinet, Filter, Found, Whole, to_line};
use crate::event::time::Millis;

/// Prints the letters with this id: one, or several when the same bytes arrived on several days.
pub async fn run(cabinet: &dyn Cabinet, id: String, json: bool) -> Result<(), Failure> {
    let mut walk = cabinet.walk(Filter { id: Some(id.clone()), ..Filter::default() }, true);
    let (mut n, mut seen) = (0, std::collections::HashSet::new());
    while let Some(page) = next_page(&mut *walk).await? {
        warn(&page);
        for found in page.found {
            if !seen.insert(found.head.key()) {
                continue;
            }
            n += 1;
            match json {
                true => as_json(&found)?,
                false => as_text(&found)?,
            }
        }
    }
    match n {
        0 => Err(Failure::usage(anyhow!("there is no letter {id:?}: dead-letters list names the newest of each kind"))),
        _ => Ok(()),
    }
}

/// As it is kept, so that a program that reads exports reads this.
fn as_json(found: &Found) -> Result<(), Failure> {
    let letter = whole(found).and_then(|bytes| Whole::checked(found.head.clone(), bytes));
    let letter = letter.map_err(|why| Failure::unavailable(anyhow!(why)))?;
    let line = to_line(&letter).map_err(Failure::bug)?;
    let value: Value = serde_json::from_slice(&line).map_err(Failure::bug)?;
    print_json(&value)
}

fn as_text(found: &Found) -> Result<(), Failure> {
    let head = &found.head;
    let mut lines = vec![
        row("letter", &head.letter),
        row("reason", &head.reason),
        row("detail", &head.detail),
        row("arrived", &Millis(head.arrived).rfc3339()),
        row("size", &format!("{} bytes", head.size)),
        row("shard", &head.shard),
        row("sequence", &head.sequence),
        row("offset", &head.offset.to_string()),
    ];
    let more = [
        ("wrapped", head.wrapped().map(Millis::rfc3339)),
        ("meant for", head.index.clone()),
        ("event id", head.id.clone()),
        ("stream", head.stream.clone()),
        ("user record", head.sub_sequence.map(|n| n.to_string())),
        ("tries", (head.tries > 0).then(|| head.tries.to_string())),
        ("last tried", head.tried.map(|at| Millis(at).rfc3339())),
        ("first for", head.first_reason.clone()),
    ];
    lines.extend(more.into_iter().filter_map(|(name, value)| Some(row(name, &value?))));
    lines.push(String::new());
    print_lines(lines)?;
    match whole(found) {
        Ok(bytes) => print_bytes(&bytes),
        Err(why) => Err(Failure::unavailable(anyhow!(why))),
    }
}

fn row(name: &str, value: &str) -> String {
    // Names of shards and objects come from elsewhere: a terminal must not obey them.
    let value: String = value.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    format!("{name:<12} {value}")
}

/// As text where a terminal can show it, else as hex.
fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let text = std::str::from_utf8(bytes).ok();
    let plain = text.filter(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')));
    let shown = plain.map_or_else(|| hex(bytes), str::to_owned);
    match writeln!(std::io::stdout().lock(), "{shown}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Failure::bug),
    }
}

/// Sixteen bytes a line: offset, hex, and what of it is ASCII.
fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 5);
    for (n, line) in bytes.chunks(16).enumerate() {
        let pairs: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let ascii: String =
            line.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' }).collect();
        // Writing to a string cannot fail.
        let _written = writeln!(out, "{:08x}  {:<47}  {ascii}", n * 16, pairs.join(" "));
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_shows_offset_bytes_and_what_is_ascii() {
        let shown = hex(b"0123456789abcdef\xff\x1b[");
        let expected = "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n\
                        00000010  ff 1b 5b                                         ..[";
        assert_eq!(shown, expected);
    }
}
