//! Index templates: what essink installs so that no document can create an index with guessed types.
//!
//! The JSON files of `templates/` are embedded; the prefixes, the options and a hash are filled in here.

mod canonical;
mod files;
mod installed;
mod late;
mod report;
mod rivals;

use serde_json::{Map, Value};

use super::mappings;
use super::names::Prefixes;
use crate::event::time::Day;
use crate::opensearch::client::Client;

pub use files::{Kind, Template, VERSION, all};
pub use late::{Added, Got, Refused};
pub use report::{Action, Line, Report};

/// What may be chosen about the templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateOptions {
    /// What the indices are called.
    pub prefixes: Prefixes,
    /// Primary shards of each daily index; the cluster's own default when unset.
    pub shards: Option<u32>,
    /// Replicas of each daily index; the cluster's own default when unset.
    pub replicas: Option<u32>,
    /// How long until a document can be searched, `30s`; the cluster's own default when unset.
    pub refresh_interval: Option<String>,
    /// Whether the keys of free maps get a `.keyword` sub-field, as they had under guessed types.
    pub keyword_twins: bool,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            prefixes: Prefixes::default(),
            shards: None,
            replicas: None,
            refresh_interval: None,
            keyword_twins: true,
        }
    }
}

/// Makes sure of the templates: compares, writes what differs unless `dry_run`, and reports each.
///
/// Daily indices then get the mappings of what essink adds: all of them where somebody made the index without the
/// templates, and words that came later where an older essink made it, in the month up to `today`. The report also names rival templates and every existing index whose mapping disagrees. Two of these
/// running at once write the same content, so neither harms the other.
///
/// # Errors
/// When the prefixes cannot be used, the cluster does not answer or refuses, or a template of the same name
/// or of the same priority belongs to somebody else.
pub async fn ensure(client: &Client, options: &TemplateOptions, today: Day, dry_run: bool) -> anyhow::Result<Report> {
    options.prefixes.check()?;
    let wanted = files::all(options);
    let mut report = Report::new(dry_run);
    let rivals = rivals::find(client, &wanted).await?;
    let mut obstacles = rivals.obstacles;
    report.warnings = rivals.warnings;
    let mut due = Vec::new();
    for template in &wanted {
        let found = installed::read(client, template).await?;
        match installed::compare(template, found.as_ref()) {
            Ok(verdict) => {
                report.warnings.extend(verdict.warning);
                report.templates.push(Line::new(template, verdict.action, dry_run));
                due.extend(verdict.action.writes().then_some(template));
            }
            Err(obstacle) => obstacles.push(obstacle),
        }
    }
    if dry_run {
        report.obstacles.clone_from(&obstacles);
        report.warnings.append(&mut obstacles);
    }
    anyhow::ensure!(obstacles.is_empty(), "{}", obstacles.join("; "));
    if !dry_run {
        for template in due {
            installed::write(client, template).await?;
        }
    }
    let (findings, lacks) = mappings::check(client, &options.prefixes, &expected(&wanted), today).await?;
    report.indices = findings;
    let plan = mappings::plan(lacks);
    report.added = if dry_run { Added::planned(&plan) } else { late::add(client, &plan).await };
    report.warnings.extend(report.added.warnings());
    Ok(report)
}

/// What each pattern's indices should hold: the properties of its components and its own.
fn expected(wanted: &[Template]) -> Vec<mappings::Expected> {
    let properties = |template: &Template| template.body["template"]["mappings"]["properties"].clone();
    let part_of = |whole: &Template, part: &Template| {
        let names = whole.body["composed_of"].as_array().map(Vec::as_slice).unwrap_or_default();
        names.iter().filter_map(Value::as_str).any(|name| name == part.name)
    };
    let families = wanted.iter().filter(|t| t.kind == Kind::Index);
    families
        .map(|family| {
            let components = wanted.iter().filter(|t| t.kind == Kind::Component && part_of(family, t));
            // What means the same in every family is what essink adds, and stands in the components.
            let mut parts: Vec<Value> = components.map(properties).collect();
            let additions: Map<String, Value> =
                parts.iter().filter_map(Value::as_object).flat_map(Clone::clone).collect();
            parts.push(properties(family));
            mappings::Expected { prefix: family.prefix.clone(), properties: parts, additions }
        })
        .collect()
}

#[cfg(test)]
mod tests;
