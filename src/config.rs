//! Every option once: flag, environment, file key, default, help and README row come from one table.
//!
//! [`load`] reads all three sources, strongest first, and either returns a command with plain values for
//! each concern or every problem at once. It reads nothing by itself: arguments, environment and files
//! are given to it.

mod options;

mod cli;
mod commands;
mod man;
mod tasks;

mod environment;
mod file;
mod secrets;
mod settings;
mod suggest;

/// Reachable for the fuzz targets.
#[doc(hidden)]
pub mod names;
mod units;

mod build;
mod checks;
mod concerns;
mod problem;
mod show;

use std::ffi::OsString;

pub use checks::BYTES_IN_FLIGHT_PER_SENT;
pub use concerns::*;
pub use file::ReadFile;
pub use problem::{Problem, Refusal};
pub use show::markdown;
pub use units::KeepDays;

use cli::Line;
use options::Verb;
use options::general::{CONFIG, JSON};
use settings::{Origin, Settings};

/// What the command line asked for.
#[derive(Debug)]
pub enum Loaded {
    /// Work, for the app.
    Invocation(Invocation),
    /// A text for standard output (`config`, `completions`, `man`), and warnings for standard error.
    Text {
        /// Ends in a newline.
        text: String,
        /// One sentence each.
        warnings: Vec<String>,
    },
}

/// A command with all it needs.
#[derive(Debug)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// How to log.
    pub log: LogOptions,
    /// What to log first: what is odd about the configuration and no reason to refuse it.
    pub warnings: Vec<String>,
}

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Read the stream and index its events.
    Run(Box<RunOptions>),
    /// Find out whether a run would work.
    Check(Box<CheckOptions>),
    /// Show positions, owners, lag and dead letters.
    Status(Box<StatusOptions>),
    /// Put what providers post into a stream.
    Webhook(Box<WebhookOptions>),
    /// Install the index templates.
    InitTemplates(Box<InitTemplatesOptions>),
    /// Delete old indices.
    Prune(Box<PruneOptions>),
    /// Install or export dashboards.
    Dashboards(Box<DashboardsOptions>),
    /// Look after dead letters.
    DeadLetters(Box<DeadLettersOptions>),
    /// Read what Firehose left.
    Replay(Box<ReplayOptions>),
    /// Put values of files into a stream.
    Put(Box<PutOptions>),
    /// See and repair leases.
    Leases(Box<LeasesOptions>),
}

/// Reads the command line, the environment and the file that either names.
///
/// `args` begins with the name of the program. Nothing in `env` but `ESSINK_*` is looked at.
///
/// # Errors
/// Every problem found, in one [`Refusal`]; also when help or the version was asked for.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl Iterator<Item = (String, String)>,
    read_file: ReadFile<'_>,
) -> Result<Loaded, Refusal> {
    load_line(cli::parse(args).map_err(Refusal::Usage)?, env, read_file)
}

/// [`load`] of a command typed without flags; `None` when there is no such command. For the fuzz targets: to read a
/// command line takes a hundred times as long as all the rest.
#[doc(hidden)]
pub fn load_bare(
    command: &str,
    env: impl Iterator<Item = (String, String)>,
    read_file: ReadFile<'_>,
) -> Option<Result<Loaded, Refusal>> {
    let verb = *Verb::ALL.iter().find(|verb| verb.name() == command)?;
    let line = Line { verb, flags: Vec::new(), markdown: false, operands: Vec::new(), shell: None };
    Some(load_line(line, env, read_file))
}

/// Every command, and each line that its help prints as an example. For the test that runs them.
#[doc(hidden)]
pub fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of = |verb: &'static Verb| commands::words(*verb).examples.iter().map(|(line, _)| (verb.name(), *line));
    Verb::ALL.iter().flat_map(of)
}

fn load_line(
    line: Line,
    env: impl Iterator<Item = (String, String)>,
    read_file: ReadFile<'_>,
) -> Result<Loaded, Refusal> {
    if let Some(shell) = line.shell {
        return Ok(Loaded::Text { text: cli::completions(shell), warnings: Vec::new() });
    }
    if line.verb == Verb::Man {
        return Ok(Loaded::Text { text: man::page(), warnings: Vec::new() });
    }
    if line.markdown {
        return Ok(Loaded::Text { text: markdown(), warnings: Vec::new() });
    }
    let (mut settings, operands) = (Settings::new(line.verb), line.operands.clone());
    let (mut warnings, problems) = gather(&mut settings, line, env, read_file);
    if !problems.is_empty() {
        return Err(Refusal::Problems(problems));
    }
    warnings.extend(checks::warnings(&settings));
    loaded(&settings, operands, warnings).map_err(|problem| Refusal::Problems(vec![problem]))
}

/// Fills `settings` from every source; returns warnings and problems.
fn gather(
    settings: &mut Settings,
    line: Line,
    env: impl Iterator<Item = (String, String)>,
    read_file: ReadFile<'_>,
) -> (Vec<String>, Vec<Problem>) {
    let mut problems = Vec::new();
    for (row, values) in line.flags {
        if row.is_secret() {
            problems.push(Problem::secret_flag(row));
        } else {
            settings.put(row, values, Origin::Flag);
        }
    }
    let warnings = environment::read(settings, env);
    let file = match settings.optional(&CONFIG) {
        Ok(Some(path)) => file::read(settings, &path, read_file),
        _ => Ok(Vec::new()),
    };
    problems.extend(secrets::read(settings, read_file));
    problems.extend(settings.unreadable());
    match file {
        Ok(keys) => {
            problems.splice(0..0, keys);
            problems.extend(settings.missing());
            problems.extend(checks::problems(settings));
        }
        // What is missing or contradicts may be in the file nobody could read.
        Err(problem) => problems.insert(0, problem),
    }
    (warnings, problems)
}

fn loaded(settings: &Settings, mut operands: Vec<String>, warnings: Vec<String>) -> Result<Loaded, Problem> {
    let command = match settings.verb() {
        Verb::Run => Command::Run(Box::new(build::run(settings)?)),
        Verb::Check => Command::Check(Box::new(build::looking::check(settings)?)),
        Verb::Status => Command::Status(Box::new(build::looking::status(settings)?)),
        Verb::Webhook => Command::Webhook(Box::new(build::webhook::webhook(settings)?)),
        Verb::InitTemplates => Command::InitTemplates(Box::new(build::init_templates(settings)?)),
        Verb::Prune => Command::Prune(Box::new(build::prune(settings)?)),
        Verb::Dashboards => Command::Dashboards(Box::new(build::dashboards(settings)?)),
        Verb::DeadLettersList
        | Verb::DeadLettersShow
        | Verb::DeadLettersRedrive
        | Verb::DeadLettersExport
        | Verb::DeadLettersImport => {
            Command::DeadLetters(Box::new(build::dead_letters_command(settings, operands.pop())?))
        }
        Verb::Replay => Command::Replay(Box::new(build::replay(settings)?)),
        Verb::Put => Command::Put(Box::new(build::put(settings, operands)?)),
        Verb::LeasesList | Verb::LeasesReset | Verb::LeasesMove => Command::Leases(Box::new(build::leases(settings)?)),
        Verb::Config | Verb::Completions | Verb::Man => {
            let text = if settings.get(&JSON)? { show::json(settings) } else { show::text(settings) };
            return Ok(Loaded::Text { text, warnings });
        }
    };
    Ok(Loaded::Invocation(Invocation { command, log: build::log(settings)?, warnings }))
}

#[cfg(test)]
pub(crate) mod tests;
