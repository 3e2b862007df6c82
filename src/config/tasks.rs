//! Commands by what somebody wants to do, for help and the man page: clap has no headings for commands.

use super::commands::{group_about, words};
use super::options::Verb;

/// What a command is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    BringIn,
    SetUp,
    LookAndMend,
    Itself,
}

/// One line of a task: a command, or a group of commands.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The first word that is typed.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
}

impl Task {
    /// In the order of help.
    pub const ALL: [Self; 4] = [Self::BringIn, Self::SetUp, Self::LookAndMend, Self::Itself];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::BringIn => "Bring events in",
            Self::SetUp => "Set up",
            Self::LookAndMend => "Look and mend",
            Self::Itself => "essink itself",
        }
    }

    /// What a command is for. Every command has a task: the compiler asks for it.
    pub fn of(verb: Verb) -> Self {
        match verb {
            Verb::Run | Verb::Webhook | Verb::Replay | Verb::Put => Self::BringIn,
            Verb::Check | Verb::InitTemplates | Verb::Dashboards => Self::SetUp,
            Verb::Status
            | Verb::DeadLettersList
            | Verb::DeadLettersShow
            | Verb::DeadLettersRedrive
            | Verb::DeadLettersExport
            | Verb::DeadLettersImport
            | Verb::LeasesList
            | Verb::LeasesReset
            | Verb::LeasesMove
            | Verb::Prune => Self::LookAndMend,
            Verb::Config | Verb::Completions | Verb::Man => Self::Itself,
        }
    }

    /// Its commands, in the order of the table.
    pub fn verbs(self) -> impl Iterator<Item = Verb> {
        Verb::ALL.iter().copied().filter(move |verb| Self::of(*verb) == self)
    }

    /// Its commands; those of a group are one entry.
    pub fn entries(self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for verb in self.verbs() {
            let entry = match verb.name().split_once(' ') {
                Some((group, _)) => Entry { name: group, about: group_about(group) },
                None => Entry { name: verb.name(), about: words(verb).about },
            };
            if entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        entries
    }
}

/// All commands under the headings of their tasks, in columns.
pub fn listing() -> String {
    let tasks: Vec<(Task, Vec<Entry>)> = Task::ALL.map(|task| (task, task.entries())).into();
    let names = tasks.iter().flat_map(|(_, entries)| entries).map(|entry| entry.name.len());
    let width = names.max().unwrap_or(0);
    let mut text = String::new();
    for (task, entries) in tasks {
        text.push_str(&format!("{}:\n", task.title()));
        for Entry { name, about } in entries {
            text.push_str(&format!("  {name:width$}  {about}\n"));
        }
        text.push('\n');
    }
    text
}
