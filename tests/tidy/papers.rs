//! Files that are not code: they parse, they are kept up, and they hold on any machine.

use serde_json::Value;

use crate::tree::{self, File};
use crate::{bites, none};

fn is_mod_rs(file: &File) -> Option<String> {
    let found = file.path.ends_with("/mod.rs");
    found.then(|| format!("{}: name it after its folder: foo.rs beside foo/, so that tabs have names", file.path))
}

fn json(file: &File) -> Option<String> {
    let error = serde_json::from_str::<Value>(&file.text).err()?;
    Some(format!("{}: not JSON: {error}: correct it; it is embedded in the program as it is", file.path))
}

fn ndjson(file: &File) -> Option<String> {
    let mut lines = file.text.lines().enumerate().filter(|(_, line)| !line.is_empty());
    let (at, error) = lines.find_map(|(at, line)| Some((at + 1, serde_json::from_str::<Value>(line).err()?)))?;
    Some(format!("{}:{at}: not JSON: {error}: every line is one saved object", file.path))
}

fn changelog(text: &str) -> Option<String> {
    let top = text.lines().find(|line| line.starts_with("## "));
    let open = top.is_some_and(|line| line.starts_with("## [Unreleased]"));
    (!open).then(|| "CHANGELOG.md: open a section `## [Unreleased]` above the last release".to_owned())
}

/// Absolute paths of the machines it was written on. Put together here so that this file does not name them.
fn machine_paths(file: &File) -> Vec<String> {
    let of_machines =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp", "/wt"), concat!("/home", "/user/")];
    let mut bad = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        if of_machines.iter().any(|path| holds_path(line, path)) {
            bad.push(format!(
                "{}:{}: an absolute path of one machine: take it from the environment or $HOME",
                file.path,
                at + 1
            ));
        }
    }
    bad
}

/// Whether `line` has `path` at the beginning of a path, not within one.
fn holds_path(line: &str, path: &str) -> bool {
    let begins = |at: usize| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}'))
    };
    line.match_indices(path).any(|(at, _)| begins(at))
}

/// Pictures that no paper shows, and those that are shown and not there.
fn pictures(papers: &[File], there: &[String]) -> Vec<String> {
    const FOLDER: &str = "pictures/";
    let shown = |paper: &File| {
        let all = paper.text.split(FOLDER).skip(1).filter_map(|rest| Some(rest.split_once(".png")?.0.to_owned()));
        all.filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            .collect::<Vec<_>>()
    };
    let shown: Vec<String> = papers.iter().flat_map(shown).map(|name| format!("{name}.png")).collect();
    let idle = there.iter().filter(|name| !shown.contains(name));
    let lost = shown.iter().filter(|name| !there.contains(name));
    let say = |name: &String, what| format!("docs/{FOLDER}{name}: {what}");
    idle.map(|name| say(name, "no paper shows it: show it, or take it away"))
        .chain(lost.map(|name| say(name, "shown, and not there: docs/pictures.sh takes it")))
        .collect()
}

#[test]
fn pictures_are_shown() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures");
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    none(&pictures(&tree::files("", ".md"), &names.collect::<Vec<_>>()));
}

#[test]
fn no_file_is_called_mod() {
    none(&tree::files("", ".rs").iter().filter_map(is_mod_rs).collect::<Vec<_>>());
}

#[test]
fn templates_and_dashboards_parse() {
    let templates = tree::files("templates", ".json");
    assert!(!templates.is_empty(), "templates/ holds nothing");
    none(&templates.iter().filter_map(json).collect::<Vec<_>>());
    none(&tree::files("dashboards", ".ndjson").iter().filter_map(ndjson).collect::<Vec<_>>());
}

#[test]
fn the_changelog_is_open() {
    none(&changelog(include_str!("../../CHANGELOG.md")).into_iter().collect::<Vec<_>>());
}

#[test]
fn no_machine_is_named() {
    none(&tree::files("", "").iter().flat_map(machine_paths).collect::<Vec<_>>());
}

#[test]
fn the_rules_bite() {
    let of = |path: &str, text: &str| File::new(path, text);
    assert!(is_mod_rs(&of("src/a/mod.rs", "")).is_some());
    assert!(is_mod_rs(&of("src/a.rs", "")).is_none());
    assert!(json(&of("templates/a.json", "{\"a\": 1,}")).is_some());
    assert!(json(&of("templates/a.json", "{\"a\": 1}\n")).is_none());
    bites(&ndjson(&of("dashboards/a.ndjson", "{}\n\n{\n}\n")).into_iter().collect::<Vec<_>>(), "a.ndjson:3");
    assert!(ndjson(&of("dashboards/a.ndjson", "{}\n{}\n")).is_none());
    assert!(changelog("# Changelog\n\n## [0.1.0]\n").is_some());
    assert!(changelog("# Changelog\n").is_some());
    assert!(changelog("# Changelog\n\n## [Unreleased]\n\n## [0.1.0]\n").is_none());
    let machine = concat!("cp a /ro", "ot/.cache/b");
    bites(&machine_paths(&of("stack/a.sh", &format!("#!/bin/sh\n{machine}\n"))), "stack/a.sh:2");
    let paper = [of("a.md", "![a](docs/pictures/a.png) ![b](pictures/b-c.png), docs/pictures.sh, docs/pictures/*.png")];
    assert!(pictures(&paper, &["a.png".to_owned(), "b-c.png".to_owned()]).is_empty());
    bites(&pictures(&paper, &["a.png".to_owned()]), "b-c.png: shown");
    bites(&pictures(&paper, &["a.png", "b-c.png", "d.png"].map(str::to_owned)), "d.png: no paper");
    assert!(machine_paths(&of("a.md", concat!("docs/wo", "rk/notes and $HOME/wo", "rk/x"))).is_empty());
}
