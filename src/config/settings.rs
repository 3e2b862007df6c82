//! What was given for each option, as text, and where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::options::{Opt, Row, Verb, table};
use super::problem::Problem;

/// Where a value came from; a later one wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The option table.
    Default,
    /// The configuration file at this path.
    File(PathBuf),
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

/// The texts given for one option.
#[derive(Clone)]
pub struct Setting {
    /// At least one text; exactly one unless the row takes many.
    pub values: Vec<String>,
    /// Where they came from.
    pub origin: Origin,
}

/// Everything that was given, one setting an option. Holds secrets, so it has no `Debug`.
pub struct Settings {
    verb: Verb,
    given: BTreeMap<&'static str, Setting>,
}

impl Origin {
    /// For messages: `--keep`, `ESSINK_KEEP`, `essink.toml`, `the default`.
    pub fn of(&self, row: &Row) -> String {
        match self {
            Self::Default => "the default".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Environment => row.env(),
            Self::Flag => row.flag(),
        }
    }
}

/// One word, for tables: `default`, `file`, `environment`, `flag`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File(_) => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        })
    }
}

impl Settings {
    /// Nothing given: the defaults.
    pub fn new(verb: Verb) -> Self {
        let default = |row: &'static Row| {
            let values = vec![row.default?.to_owned()];
            Some((row.name, Setting { values, origin: Origin::Default }))
        };
        Self { verb, given: table().filter_map(default).collect() }
    }

    /// The command that is being loaded.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Takes a setting in, unless one from a stronger origin is there.
    ///
    /// An empty variable counts as not given: `ESSINK_KEEP=` is how compose files spell an optional one.
    pub fn put(&mut self, row: &'static Row, values: Vec<String>, origin: Origin) {
        let mut values: Vec<String> = values.into_iter().flat_map(|text| split(row, text)).collect();
        if origin == Origin::Environment {
            values.retain(|text| !text.is_empty());
        }
        let weaker = self.given.get(row.name).is_none_or(|there| there.origin <= origin);
        if weaker && !values.is_empty() {
            self.given.insert(row.name, Setting { values, origin });
        }
    }

    /// What was given for a row, or its default.
    pub fn setting(&self, row: &Row) -> Option<&Setting> {
        self.given.get(row.name)
    }

    /// Whether somebody gave a value, so that it is not the default's.
    pub fn is_chosen(&self, row: &Row) -> bool {
        self.setting(row).is_some_and(|setting| setting.origin != Origin::Default)
    }

    /// The value of an option that may be absent.
    pub fn optional<T>(&self, option: &Opt<T>) -> Result<Option<T>, Problem> {
        Ok(self.each(option)?.pop())
    }

    /// The value of an option that has a default or that the command needs.
    pub fn get<T>(&self, option: &Opt<T>) -> Result<T, Problem> {
        self.optional(option)?.ok_or_else(|| Problem::missing(&option.row))
    }

    /// Every value of an option that may be repeated.
    pub fn each<T>(&self, option: &Opt<T>) -> Result<Vec<T>, Problem> {
        let Some(setting) = self.setting(&option.row) else {
            return Ok(Vec::new());
        };
        let refusal = |text: &str, why: &str| Problem::value(&option.row, text, &setting.origin, why);
        setting.values.iter().map(|text| (option.parse)(text).map_err(|why| refusal(text, &why))).collect()
    }

    /// A problem for every value that cannot be read, of the options the command takes.
    pub fn unreadable(&self) -> Vec<Problem> {
        self.taken().flat_map(|row| self.unreadable_of(row)).collect()
    }

    /// A problem for every option that the command needs and nobody gave.
    pub fn missing(&self) -> Vec<Problem> {
        let missing = |row: &&Row| row.required_on.contains(&self.verb) && self.setting(row).is_none();
        self.taken().filter(missing).map(Problem::missing).collect()
    }

    fn taken(&self) -> impl Iterator<Item = &'static Row> {
        let verb = self.verb;
        table().filter(move |row| row.is_taken_by(verb))
    }

    fn unreadable_of(&self, row: &Row) -> Vec<Problem> {
        let Some(setting) = self.setting(row) else {
            return Vec::new();
        };
        let problem = |text: &String| {
            let why = (row.check)(text).err()?;
            Some(Problem::value(row, text, &setting.origin, &why))
        };
        setting.values.iter().filter_map(problem).collect()
    }
}

/// Commas separate the values of an option that takes many; an empty part is a comma too much.
fn split(row: &Row, text: String) -> Vec<String> {
    if !row.many {
        return vec![text];
    }
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}
