//! The option table: every option of every command, declared once.
//!
//! From a [`Row`] come the flag, its help, the `ESSINK_*` variable, the key of the configuration file,
//! the line of `essink config`, the shell completions and the row in the README.

/// Declares options of one topic, and `ROWS`, the slice of their rows.
///
/// `NAME: type = parse, { fields of Row }`: `parse` reads one value and refuses with the end of a sentence.
macro_rules! options {
    ($heading:literal; $($id:ident: $type:ty = $parse:expr, { $($field:ident: $value:expr),+ $(,)? })+) => {
        $(
            pub static $id: Opt<$type> = Opt {
                parse: $parse,
                row: Row {
                    $($field: $value,)+
                    heading: $heading,
                    check: |text| {
                        const PARSE: fn(&str) -> Result<$type, String> = $parse;
                        PARSE(text).map(drop)
                    },
                    ..Row::BLANK
                },
            };
        )+
        pub static ROWS: &[&Row] = &[$(&$id.row),+];
    };
}

pub mod stream;

pub mod delivery;
pub mod events;

pub mod cluster;
pub mod indices;
pub mod leases;
pub mod letters;
pub mod looking;
pub mod put;
pub mod state;

pub mod dashboards;
pub mod retention;

pub mod general;
pub mod webhook;

/// A command that takes options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Run,
    Check,
    Status,
    Webhook,
    InitTemplates,
    Prune,
    Dashboards,
    DeadLettersList,
    DeadLettersShow,
    DeadLettersRedrive,
    DeadLettersExport,
    DeadLettersImport,
    Replay,
    Put,
    LeasesList,
    LeasesReset,
    LeasesMove,
    Config,
    Completions,
    Man,
}

/// `some` and `more`, which are `N` together: lists of commands that take in another list are made of it.
pub(super) const fn joined<const N: usize>(some: &[Verb], more: &[Verb]) -> [Verb; N] {
    let (mut all, mut at) = ([Verb::Run; N], 0);
    while at < N {
        all[at] = if at < some.len() { some[at] } else { more[at - some.len()] };
        at += 1;
    }
    all
}

/// Commands that bring events into the cluster.
pub(super) const WRITERS: &[Verb] = &[Verb::Run, Verb::Check, Verb::DeadLettersRedrive, Verb::Replay];

/// Commands that keep dead letters or look after them.
pub(super) const KEEPERS: &[Verb] = &[
    Verb::Run,
    Verb::Check,
    Verb::Status,
    Verb::DeadLettersList,
    Verb::DeadLettersShow,
    Verb::DeadLettersRedrive,
    Verb::DeadLettersExport,
    Verb::DeadLettersImport,
    Verb::Replay,
];

/// Commands about leases.
pub(super) const LEASERS: &[Verb] =
    &[Verb::Run, Verb::Check, Verb::Status, Verb::LeasesList, Verb::LeasesReset, Verb::LeasesMove];

/// Commands that name a stream.
pub(super) const STREAMERS: &[Verb] = &joined::<{ LEASERS.len() + 2 }>(LEASERS, &[Verb::Put, Verb::Webhook]);

/// Commands that look for the table of leases.
pub(super) const TABLES: &[Verb] = &joined::<{ LEASERS.len() + 1 }>(LEASERS, &[Verb::InitTemplates]);

impl Verb {
    /// Every command, in the order help lists them.
    pub const ALL: &[Self] = &[
        Self::Run,
        Self::Check,
        Self::Status,
        Self::Webhook,
        Self::InitTemplates,
        Self::Prune,
        Self::Dashboards,
        Self::DeadLettersList,
        Self::DeadLettersShow,
        Self::DeadLettersRedrive,
        Self::DeadLettersExport,
        Self::DeadLettersImport,
        Self::Replay,
        Self::Put,
        Self::LeasesList,
        Self::LeasesReset,
        Self::LeasesMove,
        Self::Config,
        Self::Completions,
        Self::Man,
    ];

    /// As it is typed; two words are a group and its command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Check => "check",
            Self::Status => "status",
            Self::Webhook => "webhook",
            Self::InitTemplates => "init-templates",
            Self::Prune => "prune",
            Self::Dashboards => "dashboards",
            Self::DeadLettersList => "dead-letters list",
            Self::DeadLettersShow => "dead-letters show",
            Self::DeadLettersRedrive => "dead-letters redrive",
            Self::DeadLettersExport => "dead-letters export",
            Self::DeadLettersImport => "dead-letters import",
            Self::Replay => "replay",
            Self::Put => "put",
            Self::LeasesList => "leases list",
            Self::LeasesReset => "leases reset",
            Self::LeasesMove => "leases move",
            Self::Config => "config",
            Self::Completions => "completions",
            Self::Man => "man",
        }
    }
}

/// What a value is: decides which TOML types are taken and how the flag behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A path, relative to the working directory.
    Path,
    /// A string with a unit.
    Duration,
    /// A string with a unit, or a number of bytes.
    Bytes,
    /// A whole number.
    Count,
    /// A switch; the bare flag means true.
    Flag,
    /// Never a flag and never in a file: the environment, or the file that `NAME-file` names.
    Secret,
}

/// One option, as everything but its type sees it.
#[derive(Debug)]
pub struct Row {
    /// kebab-case; the flag and the file key.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What help calls the value; empty for flags and choices, which call themselves.
    pub value: &'static str,
    /// Whether several values may be given: repeated, separated by commas, or as a TOML array.
    pub many: bool,
    /// The value of a flag given without one.
    pub bare: Option<&'static str>,
    /// The value when nobody gives one.
    pub default: Option<&'static str>,
    /// The commands that take it.
    pub on: &'static [Verb],
    /// The commands that cannot do without it.
    pub required_on: &'static [Verb],
    /// Whether the configuration file may hold it.
    pub in_file: bool,
    /// One to three sentences that teach; no default, no environment: those are derived.
    pub help: &'static str,
    /// The group in help.
    pub heading: &'static str,
    /// Whether one value can be read; the refusal is the end of a sentence.
    pub check: fn(&str) -> Result<(), String>,
}

/// A row with the type that its values are read as.
#[derive(Debug)]
pub struct Opt<T> {
    /// Its row in the table.
    pub row: Row,
    /// Reads one value.
    pub parse: fn(&str) -> Result<T, String>,
}

impl Row {
    const BLANK: Self = Self {
        name: "",
        kind: Kind::Text,
        value: "",
        many: false,
        bare: None,
        default: None,
        on: &[],
        required_on: &[],
        in_file: true,
        help: "",
        heading: "",
        check: |_| Ok(()),
    };

    /// `ESSINK_` and the name in capitals.
    pub fn env(&self) -> String {
        format!("ESSINK_{}", self.name.replace('-', "_").to_ascii_uppercase())
    }

    /// The flag, for messages.
    pub fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    /// Whether its value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// Whether a command takes it. `config` takes everything, because it shows everything; `check` takes what `run` takes,
    /// so that one command line does for both.
    pub fn is_taken_by(&self, verb: Verb) -> bool {
        verb == Verb::Config || self.on.contains(&verb) || (verb == Verb::Check && self.on.contains(&Verb::Run))
    }

    /// What help and the README call its value: `NAME`, `index|file:PATH`; empty for a switch.
    pub fn value_name(&self) -> String {
        match self.kind {
            Kind::Choice(words) => words.join("|"),
            _ => self.value.to_owned(),
        }
    }
}

/// Every row, in the order of help and README.
pub fn table() -> impl Iterator<Item = &'static Row> {
    let topics = [
        stream::ROWS,
        delivery::ROWS,
        events::ROWS,
        cluster::ROWS,
        indices::ROWS,
        state::ROWS,
        leases::ROWS,
        letters::ROWS,
        put::ROWS,
        looking::ROWS,
        retention::ROWS,
        dashboards::ROWS,
        webhook::ROWS,
        general::ROWS,
    ];
    topics.into_iter().flatten().copied()
}

#[cfg(test)]
mod tests;
