//! The man page, from the tables that make the command line.

use roff::{Inline, Roff, bold, italic, roman};

use super::cli::operand;
use super::commands::{ABOUT, EXIT_CODE_TABLE, FILES, ORIGINS, VARIABLES, words};
use super::options::{Kind, Row, Verb, table};
use super::show;
use super::tasks::Task;

/// The page in the man macros of roff.
pub fn page() -> String {
    let mut page = Roff::new();
    let version = concat!("essink ", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["ESSINK", "1", "", version, "User Commands"]);
    heading(&mut page, "NAME");
    page.text([roman("essink - events from Amazon Kinesis in daily indices of OpenSearch or Elasticsearch")]);
    heading(&mut page, "SYNOPSIS");
    page.text([bold("essink"), roman(" "), italic("COMMAND"), roman(" ["), italic("OPTION"), roman("]...")]);
    heading(&mut page, "DESCRIPTION");
    page.text([roman(format!("{}.", ABOUT.replace('\n', " ")))]);
    paragraph(&mut page, ORIGINS);
    heading(&mut page, "COMMANDS");
    Task::ALL.into_iter().for_each(|task| commands(&mut page, task));
    heading(&mut page, "OPTIONS");
    options(&mut page);
    heading(&mut page, "ENVIRONMENT");
    environment(&mut page);
    heading(&mut page, "EXIT STATUS");
    for (code, meaning) in EXIT_CODE_TABLE {
        item(&mut page, [bold(code.to_string())], meaning);
    }
    heading(&mut page, "FILES");
    for (path, meaning) in FILES {
        item(&mut page, [italic(*path)], meaning);
    }
    heading(&mut page, "EXAMPLES");
    Verb::ALL.iter().for_each(|verb| examples(&mut page, *verb));
    page.render()
}

fn heading(page: &mut Roff, title: &str) {
    page.control("SH", [title]);
}

fn paragraph(page: &mut Roff, text: &str) {
    page.control("PP", []);
    page.text([roman(text)]);
}

/// A term, and what it is, indented below.
fn item(page: &mut Roff, term: impl Into<Vec<Inline>>, text: &str) {
    page.control("TP", []);
    page.text(term);
    page.text([roman(text)]);
}

fn commands(page: &mut Roff, task: Task) {
    page.control("SS", [task.title()]);
    for verb in task.verbs() {
        let mut term = vec![bold(format!("essink {}", verb.name()))];
        if let Some((name, required)) = arguments(verb) {
            let (open, close) = if required { (" ", "") } else { (" [", "]") };
            term.extend([roman(open), italic(name), roman(close)]);
        }
        let words = words(verb);
        item(page, term, &format!("{}. {}", words.about, words.long));
    }
}

/// What stands behind a command, and whether it must.
fn arguments(verb: Verb) -> Option<(&'static str, bool)> {
    match verb {
        Verb::Completions => Some(("SHELL", true)),
        _ => operand(verb).map(|(_, name, required, _)| (name, required)),
    }
}

fn options(page: &mut Roff) {
    let mut topic = "";
    for row in table().filter(|row| !row.is_secret()) {
        if row.heading != topic {
            topic = row.heading;
            page.control("SS", [topic]);
        }
        let mut term = vec![bold(row.flag())];
        if row.kind != Kind::Flag {
            term.extend([roman(" "), italic(row.value_name())]);
        }
        item(page, term, &meaning(row));
    }
}

/// Help, default, and the commands that take it.
fn meaning(row: &Row) -> String {
    let default = row.default.filter(|_| row.kind != Kind::Flag).map(|text| format!(" Default: {text}."));
    let many = if row.many { " May be repeated." } else { "" };
    let commands = match row.on == Verb::ALL {
        true => "every command".to_owned(),
        false => show::names(row.on),
    };
    format!("{}{}{many} Taken by {commands}.", row.help, default.unwrap_or_default())
}

fn environment(page: &mut Roff) {
    let all = "Every option: ESSINK_ and its name in capitals, with _ for -. An empty one counts as not given.";
    item(page, [bold("ESSINK_*")], all);
    for row in table().filter(|row| row.is_secret()) {
        item(page, [bold(row.env())], row.help);
    }
    for (name, meaning) in VARIABLES {
        item(page, [bold(*name)], meaning);
    }
}

fn examples(page: &mut Roff, verb: Verb) {
    for (line, what) in words(verb).examples {
        item(page, [roman(format!("{}: {what}", verb.name()))], "");
        page.control("nf", []);
        page.text([bold(*line)]);
        page.control("fi", []);
    }
}
