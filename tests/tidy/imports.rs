//! Which room may import which: the arrows of docs/architecture.md.

use std::iter::Peekable;
use std::str::Chars;

use crate::tree::{self, File};
use crate::{bites, none};

/// The types that travel between rooms. Everybody may name them.
const TYPES: [&str; 4] = ["op", "ports", "position", "verdict"];

/// Rooms, and the rooms each may import. Beside these, all but `event` may import `telemetry`, `event` and the
/// pipeline's shared types.
const ROOMS: [(&str, &[&str]); 15] = [
    ("event", &[]),
    ("pipeline", &[]),
    ("firehose", &[]),
    ("kinesis", &[]),
    ("opensearch", &[]),
    ("lease", &["opensearch"]),
    ("dead_letter", &["opensearch", "s3"]),
    ("upkeep", &["opensearch", "panel"]),
    ("panel", &[]),
    ("s3", &["opensearch"]),
    ("webhook", &[]),
    ("page", &["panel"]),
    ("telemetry", &[]),
    ("config", &[]),
    (
        "app",
        &[
            "firehose",
            "kinesis",
            "pipeline",
            "opensearch",
            "s3",
            "lease",
            "dead_letter",
            "upkeep",
            "webhook",
            "page",
            "panel",
            "config",
        ],
    ),
];

/// Rooms that import no other.
const LEAVES: [&str; 3] = ["event", "telemetry", "panel"];

fn forbidden(file: &File) -> Vec<String> {
    let module = module(&file.path);
    let Some(room) = module.first().copied() else {
        return Vec::new();
    };
    if room == "main" {
        return main_imports(file);
    }
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{}: a new room: add {room:?} to ROOMS here and to docs/architecture.md", file.path)];
    };
    let mut bad = Vec::new();
    for (line, path) in paths(file, &module) {
        let [target, rest @ ..] = &path[..] else { continue };
        let known = ROOMS.iter().any(|(name, _)| name == target);
        if known && target != room && !may(room, allowed, target, rest.first().map(String::as_str)) {
            let named = path.join("::");
            bad.push(format!(
                "{}:{line}: {room} may not import {named}: pass a value in from app, or move the type",
                file.path
            ));
        }
    }
    bad
}

fn may(room: &str, allowed: &[&str], target: &str, part: Option<&str>) -> bool {
    let shared = match target {
        "event" | "telemetry" => true,
        "pipeline" => part.is_some_and(|part| TYPES.contains(&part)),
        _ => false,
    };
    allowed.contains(&target) || (shared && !LEAVES.contains(&room))
}

/// `main` parses, loads and runs; what it runs is in `app`.
fn main_imports(file: &File) -> Vec<String> {
    let paths = find(file, "essink").into_iter().filter_map(|(line, path)| Some((line, path.first()?.clone())));
    let bad = paths.filter(|(_, room)| ROOMS.iter().any(|(name, _)| name == room) && room != "app" && room != "config");
    bad.map(|(line, room)| format!("{}:{line}: main may import app and config, not {room}", file.path)).collect()
}

/// `src/a/b.rs` is `[a, b]`; `src/lib.rs` is nothing.
fn module(path: &str) -> Vec<&str> {
    let Some(inner) = path.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")) else {
        return Vec::new();
    };
    if inner == "lib" { Vec::new() } else { inner.split('/').collect() }
}

/// Every path that leaves the module, from the top of the crate on.
fn paths(file: &File, module: &[&str]) -> Vec<(usize, Vec<String>)> {
    let mut paths = find(file, "crate");
    for (line, path) in find(file, "super") {
        let ups = 1 + path.iter().take_while(|part| *part == "super").count();
        let mut whole: Vec<String> =
            module.iter().take(module.len().saturating_sub(ups)).map(|&part| part.to_owned()).collect();
        whole.extend(path.into_iter().skip(ups - 1));
        paths.push((line, whole));
    }
    paths
}

/// Every path that begins with `root::`, without the root; groups are opened.
fn find(file: &File, root: &str) -> Vec<(usize, Vec<String>)> {
    let lines = file.shipped();
    let code: Vec<_> = lines.iter().map(|(number, line)| (*number, line.split("//").next().unwrap_or(""))).collect();
    let mut found = Vec::new();
    for (at, (number, line)) in code.iter().enumerate() {
        for (start, _) in line.match_indices(&format!("{root}::")) {
            let before = line[..start].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            // A group may go on over the next lines; no use declaration is longer than this.
            let rest = code[at + 1..].iter().take(60).map(|(_, line)| *line).collect::<Vec<_>>().join(" ");
            let text = format!("{} {rest}", &line[start + root.len() + 2..]);
            open(&mut text.chars().peekable(), &mut Vec::new(), &mut |path| found.push((*number, path.to_vec())));
        }
    }
    found
}

/// Walks one use tree and gives every path in it.
fn open(text: &mut Peekable<Chars<'_>>, path: &mut Vec<String>, give: &mut dyn FnMut(&[String])) {
    let depth = path.len();
    loop {
        while text.next_if(|c| c.is_whitespace()).is_some() {}
        if text.next_if_eq(&'{').is_some() {
            open_group(text, path, give);
            break;
        }
        let mut part = String::new();
        while let Some(c) = text.next_if(|c| c.is_alphanumeric() || *c == '_') {
            part.push(c);
        }
        path.push(part);
        let goes_on = text.next_if_eq(&':').is_some() && text.next_if_eq(&':').is_some();
        if !goes_on {
            give(path);
            break;
        }
    }
    path.truncate(depth);
}

fn open_group(text: &mut Peekable<Chars<'_>>, path: &mut Vec<String>, give: &mut dyn FnMut(&[String])) {
    loop {
        open(text, path, give);
        // Whatever stands after a path: `as name`, `*`, white space.
        while text.next_if(|c| !matches!(c, ',' | '}')).is_some() {}
        if text.next() != Some(',') {
            return;
        }
        while text.next_if(|c| c.is_whitespace()).is_some() {}
        if text.next_if_eq(&'}').is_some() {
            return;
        }
    }
}

#[test]
fn rooms_import_what_they_may() {
    let violations: Vec<_> = tree::files("src", ".rs").iter().flat_map(forbidden).collect();
    none(&violations);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str, text: &str) -> Vec<String> {
        forbidden(&File::new(path, text))
    }

    #[test]
    fn allowed_arrows_are_silent() {
        let silent = |path: &str, text: &str| assert_eq!(at(path, text), Vec::<String>::new(), "{path}: {text}");
        silent("src/kinesis/reader.rs", "use crate::event::time::Millis;\nuse crate::pipeline::{op::BulkOp, ports};\n");
        silent("src/kinesis/reader.rs", "use super::client::Client;\nuse super::super::pipeline::op::Fate;\n");
        silent(
            "src/pipeline/batch.rs",
            "use super::op::BulkOp;\nuse super::deliver;\nuse crate::pipeline::ledger::Ledger;\n",
        );
        silent("src/dead_letter.rs", "use crate::opensearch::client::Client;\n");
        silent("src/upkeep/prune.rs", "let x = crate::telemetry::metrics::Outcome::Indexed;\n");
        silent("src/app.rs", "use crate::{config, kinesis::reader, pipeline};\n");
        silent("src/opensearch/a.rs", "#[cfg(test)]\nmod tests {\n    use crate::upkeep::x;\n}\n");
        silent("src/opensearch/a.rs", "// use crate::upkeep::x;\nuse other_crate::upkeep;\n");
        silent("src/main.rs", "use essink::{app, config};\n");
        silent("src/lib.rs", "pub mod event;\n");
    }

    #[test]
    fn forbidden_arrows_bite() {
        bites(&at("src/event/id.rs", "use crate::pipeline::op::Fate;\n"), "src/event/id.rs:1: event may not");
        bites(&at("src/event/id.rs", "use crate::telemetry::metrics;\n"), "telemetry::metrics");
        bites(&at("src/telemetry/http.rs", "use crate::event::time::Millis;\n"), "telemetry may not");
        bites(&at("src/kinesis/a.rs", "x();\nuse crate::pipeline::ledger::Ledger;\n"), "src/kinesis/a.rs:2");
        bites(&at("src/kinesis/a.rs", "use crate::pipeline;\n"), "import pipeline:");
        bites(&at("src/kinesis/a.rs", "use crate::pipeline::{self, op};\n"), "pipeline::self");
        bites(
            &at("src/kinesis/a.rs", "use crate::{\n    event::id,\n    pipeline::{op, batch::{A, B}},\n};\n"),
            "pipeline::batch::B",
        );
        bites(&at("src/kinesis/a.rs", "fn f() { crate::opensearch::client::f() }\n"), "opensearch::client");
        bites(&at("src/opensearch.rs", "use super::upkeep::x;\n"), "upkeep::x");
        bites(&at("src/opensearch/bulk.rs", "use super::super::upkeep::x;\n"), "upkeep::x");
        bites(&at("src/upkeep.rs", "use crate::config::Config;\n"), "config::Config");
        bites(&at("src/config.rs", "use crate::app;\n"), "config may not import app");
        bites(&at("src/new_room.rs", ""), "a new room");
        bites(&at("src/main.rs", "use essink::kinesis::reader;\n"), "not kinesis");
    }
}
