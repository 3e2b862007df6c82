//! Shows the configuration in effect, and the option table itself.

use serde_json::{Value, json};

use super::options::{Kind, Row, Verb, table};
use super::settings::{Setting, Settings};

const HIDDEN: &str = "(set, hidden)";
const NOT_SET: &str = "(not set)";

/// Name, value and origin of every option, one a line, for people.
pub fn text(settings: &Settings) -> String {
    let lines: Vec<[String; 3]> = table().map(|row| line(row, settings.setting(row))).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let (name, value) = (width(0), width(1));
    let padded = |[n, v, origin]: &[String; 3]| format!("{n:name$}  {v:value$}  {origin}\n");
    lines.iter().map(padded).collect()
}

fn line(row: &Row, setting: Option<&Setting>) -> [String; 3] {
    let name = row.name.to_owned();
    let Some(setting) = setting else {
        return [name, NOT_SET.to_owned(), "-".to_owned()];
    };
    let value = if row.is_secret() { HIDDEN.to_owned() } else { printable(&setting.values.join(", ")) };
    let origin = match setting.origin.to_string().as_str() {
        "default" => "default".to_owned(),
        kind => format!("{kind} {}", setting.origin.of(row)),
    };
    [name, value, origin]
}

/// A path may hold anything; a terminal must not obey it.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// The same as a JSON array of objects: `name`, `value` (text, list or null), `origin`, `from` (what gave it, or null).
pub fn json(settings: &Settings) -> String {
    let rows: Vec<Value> = table().map(|row| object(row, settings.setting(row))).collect();
    format!("{:#}\n", Value::Array(rows))
}

fn object(row: &Row, setting: Option<&Setting>) -> Value {
    let Some(setting) = setting else {
        return json!({"name": row.name, "value": null, "origin": null, "from": null});
    };
    let value = match setting.values.as_slice() {
        _ if row.is_secret() => json!(HIDDEN),
        values if row.many => json!(values),
        values => json!(values.first()),
    };
    let chosen = setting.origin != super::settings::Origin::Default;
    let from = chosen.then(|| setting.origin.of(row));
    json!({"name": row.name, "value": value, "origin": setting.origin.to_string(), "from": from})
}

/// The option tables of the README, one a topic.
pub fn markdown() -> String {
    let mut text = String::new();
    let mut heading = "";
    for row in table() {
        if row.heading != heading {
            heading = row.heading;
            text.push_str(&format!(
                "\n### {heading}\n\n| Option | Environment | Default | Commands | |\n|---|---|---|---|---|\n"
            ));
        }
        text.push_str(&markdown_row(row));
    }
    text.trim_start().to_owned()
}

fn markdown_row(row: &Row) -> String {
    let option = match row.kind {
        Kind::Secret => "no flag".to_owned(),
        Kind::Flag => format!("`{}`", row.flag()),
        _ => format!("`{} {}`", row.flag(), row.value_name().replace('|', "\\|")),
    };
    let default = row.default.filter(|_| row.kind != Kind::Flag).map_or_else(String::new, |text| format!("`{text}`"));
    let commands = if row.on == Verb::ALL { "all".to_owned() } else { names(row.on) };
    let many = if row.many { ", repeatable" } else { "" };
    let required = match row.required_on {
        [] => String::new(),
        verbs if verbs == row.on => "Required. ".to_owned(),
        verbs => format!("Required by {}. ", names(verbs)),
    };
    format!("| {option}{many} | `{}` | {default} | {commands} | {required}{} |\n", row.env(), row.help)
}

/// In the order help lists them, whatever order an option has them in.
pub fn names(verbs: &[Verb]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for verb in Verb::ALL.iter().filter(|verb| verbs.contains(verb)) {
        let name = verb.name();
        let group = name.split_once(' ').map(|(group, _)| group);
        let of_group =
            |verb: &&Verb| group.is_some_and(|group| verb.name().split_once(' ').map(|(g, _)| g) == Some(group));
        let whole = verbs.iter().filter(of_group).count() == Verb::ALL.iter().filter(of_group).count();
        let shown = group.filter(|_| whole).unwrap_or(name);
        if names.last() != Some(&shown) {
            names.push(shown);
        }
    }
    names.join(", ")
}
