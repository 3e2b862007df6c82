//! Reads the configuration file: flat TOML, one key an option.

use std::io;
use std::path::Path;

use toml::{Table, Value};

use super::options::{Kind, Row, table};
use super::problem::Problem;
use super::settings::{Origin, Settings};
use super::suggest::nearest;

/// How a file is read: `main` gives the real way, tests give another.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// Takes every key of the file into `settings`; returns what is wrong with single keys, or why the file is no use at all.
pub fn read(settings: &mut Settings, path: &Path, read_file: ReadFile<'_>) -> Result<Vec<Problem>, Problem> {
    let text = read_file(path)
        .map_err(|error| Problem::general(format!("config: {} cannot be read: {error}", path.display())))?;
    let keys = text.parse::<Table>().map_err(|error| syntax(path, &text, &error))?;
    Ok(keys.into_iter().filter_map(|(key, value)| take(settings, path, &key, value).err()).collect())
}

/// Says line and reason, and never the line itself: it may hold what somebody thought was a safe place for a password.
fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Problem {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let reason = error.message().lines().next().unwrap_or("unreadable");
    Problem::general(format!("config: {} is not TOML: line {line}: {reason}", path.display()))
}

fn take(settings: &mut Settings, path: &Path, key: &str, value: Value) -> Result<(), Problem> {
    let shown = path.display();
    let Some(row) = table().find(|row| row.name == key) else {
        return Err(unknown(path, key, &value));
    };
    if row.is_secret() {
        let (env, name) = (row.env(), row.name);
        let cure = format!("set {env}, or {name}-file to the path of a file that holds it");
        return Err(Problem::general(format!("{name}: a secret does not belong into {shown}; {cure}")));
    }
    if !row.in_file {
        return Err(Problem::general(format!("{key}: cannot be set in {shown}; use {} or {}", row.flag(), row.env())));
    }
    let values = texts(row, value)
        .map_err(|found| Problem::general(format!("{key}: {shown} gives {found}; write {}", wanted(row))))?;
    settings.put(row, values, Origin::File(path.to_owned()));
    Ok(())
}

fn unknown(path: &Path, key: &str, value: &Value) -> Problem {
    let shown = path.display();
    if value.is_table() {
        return Problem::general(format!(
            "{key:?}: {shown} has a table of this name; options are top-level keys, as in opensearch-url = \"…\""
        ));
    }
    let names = table().filter(|row| row.in_file && !row.is_secret()).map(|row| row.name);
    let near = nearest(&key.replace('_', "-"), names);
    let hint = near.map_or_else(String::new, |name| format!("; did you mean {name}?"));
    Problem::general(format!("{key:?}: {shown} sets an option that essink does not have{hint}"))
}

/// The value as texts, or what its type is called when the row cannot take it.
fn texts(row: &Row, value: Value) -> Result<Vec<String>, &'static str> {
    match value {
        Value::Array(items) if row.many => items.into_iter().map(|item| scalar(row, item)).collect(),
        value => Ok(vec![scalar(row, value)?]),
    }
}

fn scalar(row: &Row, value: Value) -> Result<String, &'static str> {
    match (row.kind, value) {
        (Kind::Flag, Value::Boolean(yes)) => Ok(yes.to_string()),
        (kind, Value::String(text)) if kind != Kind::Flag => Ok(text),
        (Kind::Count | Kind::Bytes, Value::Integer(number)) => Ok(number.to_string()),
        (_, other) => Err(article(&other)),
    }
}

fn article(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a float",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a bare date",
        Value::Array(_) => "an array",
        Value::Table(_) => "a table",
    }
}

fn wanted(row: &Row) -> &'static str {
    match row.kind {
        Kind::Flag => "true or false, without quotes",
        Kind::Count => "a whole number",
        Kind::Bytes => "a size in quotes, such as \"5MB\"",
        Kind::Duration => "a duration in quotes, such as \"30d\" or \"10s\"",
        _ if row.many => "a string, or an array of strings",
        _ => "a string in quotes",
    }
}
