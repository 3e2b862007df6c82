//! What was done, in words and as JSON.

use std::fmt;

use serde::Serialize;

use super::files::{Kind, Template};
use super::late::Added;
use crate::upkeep::mappings::Findings;

/// What was done about one template, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was not there.
    Created,
    /// It differed.
    Updated,
    /// It is as it should be.
    Unchanged,
    /// A newer essink wrote it; an older one never goes back.
    KeptNewer,
}

/// One template's line in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What was done, or would be in a dry run.
    pub action: Action,
    /// Whether it was only looked at.
    pub dry_run: bool,
}

/// Everything `ensure` did and found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Each template, in the order they are written.
    pub templates: Vec<Line>,
    /// One sentence each.
    pub warnings: Vec<String>,
    /// Of a dry run: those of `warnings` that would fail it.
    #[serde(skip)]
    pub obstacles: Vec<String>,
    /// Daily indices that lacked mappings of what essink adds.
    pub added: Added,
    /// Existing indices that disagree with the templates.
    pub indices: Findings,
}

/// Indices named one by one in a log; a year of old ones would hide the rest of the start.
const INDICES_LOGGED: usize = 20;

impl Action {
    /// Whether the template has to be written.
    pub fn writes(self) -> bool {
        matches!(self, Self::Created | Self::Updated)
    }

    /// The beginning of a line of the report.
    pub fn words(self, dry_run: bool) -> &'static str {
        match (self, dry_run) {
            (Self::Created, false) => "created",
            (Self::Created, true) => "would create",
            (Self::Updated, false) => "updated",
            (Self::Updated, true) => "would update",
            (Self::Unchanged, _) => "unchanged",
            (Self::KeptNewer, _) => "kept (newer)",
        }
    }
}

impl Line {
    pub(super) fn new(template: &Template, action: Action, dry_run: bool) -> Self {
        Self { kind: template.kind, name: template.name.clone(), action, dry_run }
    }
}

impl Report {
    pub(super) fn new(dry_run: bool) -> Self {
        Self {
            dry_run,
            templates: Vec::new(),
            warnings: Vec::new(),
            obstacles: Vec::new(),
            added: Added::default(),
            indices: Findings::default(),
        }
    }

    /// What needs somebody, one line each, for a log; with the cure, or where to find it.
    pub fn log_warnings(&self) -> Vec<String> {
        let broken = self.indices.broken();
        let more = broken.len().saturating_sub(INDICES_LOGGED);
        let mut lines = self.warnings.clone();
        lines.extend(broken.into_iter().take(INDICES_LOGGED).map(|(index, fields)| {
            format!(
                "index {index} disagrees with its template: {fields}; queries over all days fail or miss it, \
                 `essink init-templates` says how to write it anew"
            )
        }));
        if more > 0 {
            lines.push(format!("{more} more indices disagree with their template, `essink init-templates` names them"));
        }
        lines
    }

    /// What was done and looked at, one line each, for a log.
    pub fn log_notes(&self) -> Vec<String> {
        let (same, other): (Vec<_>, Vec<_>) = self.templates.iter().partition(|line| line.action == Action::Unchanged);
        let done = |line: &&Line| format!("{} {} {}", line.action.words(line.dry_run), line.kind.words(), line.name);
        let mut lines: Vec<_> = other.iter().map(done).collect();
        if !same.is_empty() {
            lines.push(format!("{} templates are as they should be", same.len()));
        }
        lines.extend(self.added.lines(self.dry_run).into_iter().map(|(verb, what)| format!("{verb} {what}")));
        lines.push(self.indices.summary());
        lines
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<13} {} {}", self.action.words(self.dry_run), self.kind.words(), self.name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.templates {
            writeln!(f, "{line}")?;
        }
        for (verb, what) in self.added.lines(self.dry_run) {
            writeln!(f, "{verb:<13} {what}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        write!(f, "{}", self.indices)
    }
}
