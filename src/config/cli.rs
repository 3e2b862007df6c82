//! The command line, made from the option table.
//!
//! clap checks only which options exist. Values are read later, with those of the environment and the
//! file, so that all problems are reported together.

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::Shell;

use super::commands::{ABOUT, ORIGINS, exit_codes, group_about, words};
use super::options::{Kind, Row, Verb, table};
use super::tasks;

/// Columns of help text, without its indent.
const COLUMNS: usize = 72;

/// A command line that could be read.
pub struct Line {
    /// The command.
    pub verb: Verb,
    /// The flags that were typed, each with its values.
    pub flags: Vec<(&'static Row, Vec<String>)>,
    /// `essink config --markdown`: the tables of the README.
    pub markdown: bool,
    /// What stands behind the command: the ID of `show`, the FILE of `import`, each FILE of `put`.
    pub operands: Vec<String>,
    /// `essink completions SHELL`.
    pub shell: Option<Shell>,
}

/// Reads the command line; the first argument is the name of the program.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Line, clap::Error> {
    let mut root = command();
    let matches = root.try_get_matches_from_mut(args)?;
    let named = matches.subcommand().and_then(|(name, sub)| {
        let (name, sub) = match sub.subcommand() {
            Some((leaf, sub)) => (format!("{name} {leaf}"), sub),
            None => (name.to_owned(), sub),
        };
        let verb = Verb::ALL.iter().find(|verb| verb.name() == name)?;
        Some((*verb, sub))
    });
    let Some((verb, sub)) = named else {
        return Err(root.error(clap::error::ErrorKind::MissingSubcommand, "a command is needed, such as run"));
    };
    Ok(Line {
        verb,
        flags: table().filter_map(|row| Some((row, typed(sub, row)?))).collect(),
        markdown: verb == Verb::Config && sub.get_flag("markdown"),
        operands: operand(verb)
            .map_or_else(Vec::new, |(id, ..)| sub.get_many::<String>(id).into_iter().flatten().cloned().collect()),
        shell: if verb == Verb::Completions { sub.get_one("shell").copied() } else { None },
    })
}

/// The completion script of a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut root(&shown_arg), "essink", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The whole command line, as it is parsed.
pub fn command() -> Command {
    root(&parsed_arg)
}

fn typed(matches: &ArgMatches, row: &Row) -> Option<Vec<String>> {
    let known = matches.try_contains_id(row.name).unwrap_or(false);
    if !known || matches.value_source(row.name) != Some(ValueSource::CommandLine) {
        return None;
    }
    Some(matches.get_many::<String>(row.name)?.cloned().collect())
}

/// How a row becomes an argument of a command; `None` leaves it out.
type MakeArg<'a> = &'a dyn Fn(&'static Row, Verb) -> Option<Arg>;

fn root(make: MakeArg<'_>) -> Command {
    let global = table().filter(|row| row.on == Verb::ALL);
    let global = global.filter_map(|row| make(row, Verb::Run)).map(|arg| arg.global(true));
    Command::new("essink")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .help_template(template())
        .after_help(format!("{}\n\n{}", wrap(ORIGINS), exit_codes()))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args(global)
        .subcommands(subcommands(make))
}

/// clap's own order, with the commands under the headings of their tasks.
fn template() -> String {
    let groups = tasks::listing();
    format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}Options:\n{{options}}{{after-help}}")
}

/// Commands of one word, and groups with theirs, in the order of help.
fn subcommands(make: MakeArg<'_>) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for verb in Verb::ALL {
        let Some((group, _)) = verb.name().split_once(' ') else {
            commands.push(subcommand(*verb, make));
            continue;
        };
        let begun = commands.iter().position(|command| command.get_name() == group);
        let parent = match begun {
            Some(at) => commands.remove(at),
            None => Command::new(group)
                .about(group_about(group))
                .subcommand_required(true)
                .arg_required_else_help(true)
                .after_help(wrap(ORIGINS)),
        };
        let parent = parent.subcommand(subcommand(*verb, make));
        commands.insert(begun.unwrap_or(commands.len()), parent);
    }
    commands
}

/// What may stand behind a command: its id, its name in help, whether it must, and what it is.
pub fn operand(verb: Verb) -> Option<(&'static str, &'static str, bool, &'static str)> {
    match verb {
        Verb::DeadLettersShow => Some(("id", "ID", true, "The letter's own id, or the id its event would have")),
        Verb::DeadLettersImport => {
            Some(("file", "FILE", false, "What export wrote; without it, or as -, standard input"))
        }
        Verb::Put => Some((
            "files",
            "FILE",
            false,
            "JSON, in any of the forms above, gzip or not; none, or -, is standard input",
        )),
        _ => None,
    }
}

fn subcommand(verb: Verb, make: MakeArg<'_>) -> Command {
    let text = words(verb);
    let local = table().filter(|row| row.on != Verb::ALL && row.is_taken_by(verb) && verb != Verb::Completions);
    let name = verb.name().rsplit(' ').next().unwrap_or_default();
    let command = Command::new(name)
        .about(text.about)
        .long_about(format!("{}\n\n{}", text.about, wrap(text.long)))
        .after_help(format!("{}\n\n{}", examples(text.examples), wrap(ORIGINS)))
        .next_line_help(true)
        .args(local.filter_map(|row| make(row, verb)));
    if let Some((id, value, required, help)) = operand(verb) {
        let action = if verb == Verb::Put { ArgAction::Append } else { ArgAction::Set };
        return command.arg(Arg::new(id).value_name(value).required(required).action(action).help(help));
    }
    match verb {
        Verb::Config => {
            let help = "Print the option tables of the README";
            command.arg(Arg::new("markdown").long("markdown").action(ArgAction::SetTrue).hide(true).help(help))
        }
        Verb::Completions => command.arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(clap::value_parser!(Shell))
                .help("The shell that will read the script"),
        ),
        _ => command,
    }
}

/// Takes any text, and secrets too: they are refused with the cure, and not as an unknown flag that clap would repeat.
fn parsed_arg(row: &'static Row, verb: Verb) -> Option<Arg> {
    let foreign = !row.on.contains(&verb);
    Some(arg(row, verb).hide(row.is_secret() || foreign))
}

/// As a completion script needs it: no hidden options, and the words of a choice.
fn shown_arg(row: &'static Row, verb: Verb) -> Option<Arg> {
    if row.is_secret() || !row.on.contains(&verb) {
        return None;
    }
    Some(match row.kind {
        Kind::Choice(choices) => arg(row, verb).value_parser(PossibleValuesParser::new(choices)),
        Kind::Path => arg(row, verb).value_hint(clap::ValueHint::AnyPath),
        _ => arg(row, verb),
    })
}

fn arg(row: &'static Row, verb: Verb) -> Arg {
    let arg = Arg::new(row.name)
        .long(row.name)
        .value_name(if row.kind == Kind::Flag { "true|false".to_owned() } else { row.value_name() })
        .action(if row.many { ArgAction::Append } else { ArgAction::Set })
        .allow_negative_numbers(true)
        .help_heading(row.heading)
        .help(short_help(row, verb))
        .long_help(long_help(row, verb));
    match row.bare {
        // Only `--dry-run=false` and not `--dry-run false`: there the word could be anything.
        Some(bare) if row.kind == Kind::Flag => arg.num_args(0..=1).require_equals(true).default_missing_value(bare),
        Some(bare) => arg.num_args(0..=1).default_missing_value(bare),
        None => arg,
    }
}

fn short_help(row: &Row, verb: Verb) -> String {
    let first = row.help.find(". ").map_or(row.help, |end| &row.help[..end]);
    wrap(&format!("{}{}", required(row, verb), first.trim_end_matches('.')))
}

fn long_help(row: &Row, verb: Verb) -> String {
    let default = row.default.filter(|_| row.kind != Kind::Flag).map(|text| format!("[default: {text}] "));
    let help = wrap(&format!("{}{}", required(row, verb), row.help));
    format!("{help}\n{}[env: {}]", default.unwrap_or_default(), row.env())
}

/// clap itself does not know what is required: the environment or the file may give it.
fn required(row: &Row, verb: Verb) -> &'static str {
    if row.required_on.contains(&verb) { "Required. " } else { "" }
}

fn examples(lines: &[(&str, &str)]) -> String {
    let lines: Vec<String> = lines.iter().map(|(line, what)| format!("  # {what}\n  {line}")).collect();
    format!("Examples:\n{}", lines.join("\n"))
}

/// Breaks a paragraph into lines of at most [`COLUMNS`].
fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last].push_str(word);
        } else if lines[last].chars().count() + 1 + word.chars().count() <= COLUMNS {
            lines[last].push(' ');
            lines[last].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}
