//! What is wrong with a configuration, in words an operator can act on.

use std::fmt;

use super::options::Row;
use super::settings::Origin;

/// The longest part of a value that a message repeats, in characters.
const SHOWN: usize = 80;

/// One thing that is wrong: which option, which value, where it came from, and the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    text: String,
}

/// Why no command could be loaded.
#[derive(Debug)]
pub enum Refusal {
    /// The command line itself cannot be read, or asked for help or the version.
    Usage(clap::Error),
    /// Every problem of the configuration, at least one.
    Problems(Vec<Problem>),
}

impl Problem {
    /// About no option in particular.
    pub fn general(text: impl Into<String>) -> Self {
        // A path or a name in it may hold line breaks and escapes: a problem stays one line.
        Self { text: text.into().replace(char::is_control, "\u{fffd}") }
    }

    /// A value that cannot be taken. `why` goes on the sentence "VALUE from ORIGIN".
    pub fn value(row: &Row, value: &str, origin: &Origin, why: &str) -> Self {
        Self::general(format!("{}: {} from {} {why}", row.name, shown(row, value), origin.of(row)))
    }

    /// An option that a command needs and nobody gave.
    pub fn missing(row: &Row) -> Self {
        let value = row.value_name();
        let (flag, env, key) = (row.flag(), row.env(), row.name);
        Self { text: format!("{key}: not set; give {flag} {value}, {env}={value}, or {key} = \"{value}\" in a file") }
    }

    /// A secret on the command line, which every user of the machine can read there.
    pub fn secret_flag(row: &Row) -> Self {
        let (env, flag) = (row.env(), row.flag());
        Self { text: format!("{}: a secret cannot be a flag; set {env}, or give {flag}-file FILE", row.name) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Refusal {
    /// 0 when help or the version was asked for, else 64 (`EX_USAGE`).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(error) if !error.use_stderr() => 0,
            _ => 64,
        }
    }
}

/// What is printed: help as clap lays it out, problems one a line.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => write!(f, "{}", error.render()),
            Self::Problems(problems) => {
                let count = problems.len();
                let noun = if count == 1 { "problem" } else { "problems" };
                writeln!(f, "essink: {count} {noun} with the configuration")?;
                problems.iter().try_for_each(|problem| writeln!(f, "  {problem}"))
            }
        }
    }
}

/// A value as a message may repeat it: never a secret, never long, never with control characters.
pub fn shown(row: &Row, value: &str) -> String {
    if row.is_secret() {
        return "the value (hidden)".to_owned();
    }
    let value = without_user_info(value);
    if value.chars().count() <= SHOWN {
        return format!("{value:?}");
    }
    let start: String = value.chars().take(SHOWN).collect();
    format!("{start:?}…")
}

/// `https://admin:secret@host` as `https://…@host`. Cuts at the last `@`: a password may hold one too.
fn without_user_info(value: &str) -> String {
    match (value.find("://"), value.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://…{}", &value[..scheme], &value[at..]),
        (None, Some(at)) => format!("…{}", &value[at..]),
        _ => value.to_owned(),
    }
}
