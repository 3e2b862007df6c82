//! The cluster: templates, old indices, room, disks, clock, index patterns of dashboards.

use std::num::NonZeroU64;
use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::finding::Finding;
use super::limits::{self, Shards, setting};
use crate::app::clock;
use crate::app::commands::template_options;
use crate::config::{RunOptions, TemplateOptions};
use crate::event::family::Family;
use crate::opensearch::client::Client;
use crate::opensearch::product::Product;
use crate::upkeep::names::overlap;
use crate::upkeep::templates::{self, Report, Template};

const ABOUT: &str = "cluster";
/// Indices named one by one; more of them say the same.
const NAMED: usize = 5;
/// What to do about days that lack words for good.
const PAST: &str = "docs/migrating.md, The day of the cut, says when a day is worth writing anew";
/// Where Kibana and OpenSearch Dashboards keep saved objects, tenants included.
const SAVED: &str = ".kibana*,.opensearch_dashboards*";
/// Index patterns that are looked at.
const PATTERNS: usize = 500;

/// What looking at the templates has shown.
pub struct Templates {
    /// Lines of the report.
    pub findings: Vec<Finding>,
    /// As a run would install them.
    pub wanted: Vec<Template>,
    /// Whether the cluster's own are what a run's indices will be made of.
    pub in_place: bool,
}

/// Compares templates and old indices, as `init-templates --dry-run` does.
pub async fn templates(client: &Client, run: &RunOptions) -> Templates {
    const ABOUT: &str = "templates";
    let default = TemplateOptions {
        shards: 1,
        replicas: 1,
        refresh_interval: std::time::Duration::from_secs(30),
        keyword_twins: true,
    };
    let options = template_options(&run.names, run.templates.as_ref().unwrap_or(&default));
    let wanted = templates::all(&options);
    match templates::ensure(client, &options, clock::now().day(), true).await {
        Ok(report) => {
            let writes = report.templates.iter().any(|line| line.action.writes());
            let in_place = run.templates.is_none() || !writes;
            Templates { findings: compared(&report, run.templates.is_some()), wanted, in_place }
        }
        Err(error) => {
            let what = format!("templates cannot be compared: {error:#}");
            let cure = "allow the user to read templates and mappings, or give --no-init-templates";
            let finding = match run.templates {
                Some(_) => Finding::problem(ABOUT, what, cure),
                None => Finding::warning(ABOUT, what, cure),
            };
            Templates { findings: vec![finding.of_right()], wanted, in_place: run.templates.is_none() }
        }
    }
}

/// The report of a dry run in findings. Pure.
fn compared(report: &Report, installs: bool) -> Vec<Finding> {
    const ABOUT: &str = "templates";
    let mut found = Vec::new();
    let due = report.templates.iter().filter(|line| line.action.writes()).count();
    let all = report.templates.len();
    found.push(match (due, installs) {
        (0, _) => Finding::ok(ABOUT, format!("{all} templates are as they should be")),
        (n, true) => {
            Finding::ok(ABOUT, format!("{n} of {all} templates are missing or differ: a run installs them first"))
        }
        (n, false) => Finding::warning(
            ABOUT,
            format!("{n} of {all} templates are missing or differ, and with --no-init-templates a run leaves them so"),
            "run essink init-templates before, or new indices get guessed types",
        ),
    });
    for warning in &report.warnings {
        let (what, cure) = warning.rsplit_once(": ").unwrap_or((warning, "see essink init-templates --dry-run"));
        found.push(match installs && report.obstacles.contains(warning) {
            true => Finding::problem(ABOUT, what, cure),
            false => Finding::warning(ABOUT, what, cure),
        });
    }
    found.extend(unmapped(report, installs));
    found.extend(report.added.past().map(|what| Finding::warning(ABOUT, what, PAST)));
    let broken = report.indices.broken();
    let more = broken.len().saturating_sub(NAMED);
    for (index, fields) in broken.iter().take(NAMED) {
        let what = format!("index {index} has fields of other types than its template: {fields}");
        let cure = "queries over all days fail or miss it; essink init-templates --dry-run says how to write it anew";
        found.push(Finding::warning(ABOUT, what, cure));
    }
    if more > 0 {
        let what = format!("{more} more indices have fields of other types");
        found.push(Finding::warning(ABOUT, what, "essink init-templates --dry-run names them"));
    }
    if broken.is_empty() {
        found.push(Finding::ok(ABOUT, report.indices.summary()));
    }
    found
}

/// Daily indices that others made, or an older essink, in which `msg` or words of it have no types yet. Pure.
fn unmapped(report: &Report, installs: bool) -> Option<Finding> {
    const ABOUT: &str = "templates";
    let lack = &report.added.indices;
    let first = &lack.first()?.index;
    let what = format!("{} daily indices, {first} among them, lack types of what essink adds", lack.len());
    Some(match installs {
        true => Finding::ok(ABOUT, format!("{what}: a run adds them first")),
        false => Finding::warning(
            ABOUT,
            format!("{what}, and with --no-init-templates a run leaves them so"),
            "run essink init-templates before, or panels fail over days that essink writes into",
        ),
    })
}

/// Room, disks, clock and dashboards. `families` are those that the sample has; all when it has none.
pub async fn room(
    client: &Client,
    product: Product,
    run: &RunOptions,
    families: &[Family],
    existing: &[Arc<str>],
) -> Vec<Finding> {
    if product.serverless {
        return vec![Finding::ok(ABOUT, "a serverless collection tells nothing of shards and disks")];
    }
    let get = async |path: &str| -> Result<Value, String> {
        match client.get(path).await {
            Ok(answer) if answer.is_success() => Ok(answer.json()),
            Ok(answer) => Err(format!("HTTP {} for {}", answer.status, path.split('?').next().unwrap_or(path))),
            Err(error) => Err(error.detail),
        }
    };
    let mut found = Vec::new();
    let settings = get("/_cluster/settings?include_defaults=true&flat_settings=true").await;
    let health = get("/_cluster/health").await;
    match (&settings, &health) {
        (Ok(settings), Ok(health)) => {
            found.extend(shards(settings, health, run, families, daily(run, existing)).map(|shards| shards.finding()));
            found.extend(auto_create(settings, run));
        }
        (Err(why), _) | (_, Err(why)) => found.push(unknown("room for shards", why)),
    }
    let allocation = get("/_cat/allocation?format=json&bytes=b&h=node,disk.total,disk.avail").await;
    match (&settings, allocation) {
        (Ok(settings), Ok(allocation)) => found.extend(limits::disks(&allocation, settings)),
        (Err(why), _) => found.push(unknown("disk watermarks", why)),
        (_, Err(why)) => found.push(unknown("disk watermarks", &why)),
    }
    match get("/_cat/health?format=json&h=epoch")
        .await
        .map(|rows| rows[0]["epoch"].as_str().and_then(|s| s.parse::<i64>().ok()))
    {
        Ok(Some(seconds)) => found.push(limits::clock(ABOUT, "the cluster", seconds * 1_000, clock::now().0)),
        Ok(None) => found.push(unknown("the cluster's clock", "it does not tell")),
        Err(why) => found.push(unknown("the cluster's clock", &why)),
    }
    found.extend(time_fields(client, run).await);
    found
}

fn unknown(what: &str, why: &str) -> Finding {
    Finding::warning(ABOUT, format!("{what} could not be looked at: {why}"), "allow the user to monitor the cluster")
}

/// How many of the indices that are there are of a day.
fn daily(run: &RunOptions, existing: &[Arc<str>]) -> usize {
    existing.iter().filter(|index| run.names.families.family_of(index).is_some()).count()
}

fn shards(settings: &Value, health: &Value, run: &RunOptions, families: &[Family], ours: usize) -> Option<Shards> {
    let number = |name: &str| health[name].as_u64();
    let per_node: u64 = setting(settings, "cluster.max_shards_per_node")?.parse().ok()?;
    let used = number("active_shards")? + number("initializing_shards")? + number("unassigned_shards")?;
    let copies = run.templates.as_ref().map_or(2, |t| u64::from(t.shards) * (1 + u64::from(t.replicas)));
    let families = if families.is_empty() { Family::ALL.len() } else { families.len() };
    let keep = run.retention.as_ref().map(|retention| u64::from(retention.keep.days()));
    Some(Shards {
        limit: per_node * number("number_of_data_nodes")?.max(1),
        used,
        ours: ours as u64 * copies,
        daily: NonZeroU64::new(families as u64 * copies).unwrap_or(NonZeroU64::MIN),
        keep,
    })
}

fn auto_create(settings: &Value, run: &RunOptions) -> Option<Finding> {
    let rule = setting(settings, "action.auto_create_index")?;
    let names = run.names.families.iter().map(|(_, prefix)| format!("{prefix}2026-01-01"));
    let refused: Vec<String> = names.filter(|name| !limits::creates(rule, name)).collect();
    (!refused.is_empty()).then(|| {
        let what =
            format!("action.auto_create_index ({rule}) does not let the cluster make indices such as {}", refused[0]);
        Finding::problem(ABOUT, what, "allow the indices of the families in it")
    })
}

/// Index patterns of dashboards that lie over our indices, where the user may read them.
async fn time_fields(client: &Client, run: &RunOptions) -> Vec<Finding> {
    const ABOUT: &str = "dashboards";
    let path = format!("/{SAVED}/_search?ignore_unavailable=true&allow_no_indices=true&expand_wildcards=all");
    let body = json!({"size": PATTERNS, "query": {"term": {"type": "index-pattern"}}, "_source": ["index-pattern"]});
    match client.send_json(Method::POST, &path, &body).await {
        Ok(answer) if answer.is_success() => misfits(&answer.json(), run),
        _ => vec![Finding::ok(ABOUT, "index patterns were not looked at, because the user may not read saved objects")],
    }
}

/// Index patterns without a time field, or with one that not all of their indices have as a date. Pure.
fn misfits(answer: &Value, run: &RunOptions) -> Vec<Finding> {
    const ABOUT: &str = "dashboards";
    let mut found = Vec::new();
    for hit in answer["hits"]["hits"].as_array().into_iter().flatten() {
        let pattern = &hit["_source"]["index-pattern"];
        let title = pattern["title"].as_str().unwrap_or_default();
        let parts = || title.split(',').filter(|part| *part != "*" && part.len() <= 1_024);
        let covers = |prefix: &str| parts().any(|part| overlap(part, &format!("{prefix}*")));
        let families: Vec<Family> =
            run.names.families.iter().filter(|(_, prefix)| covers(prefix)).map(|(family, _)| family).collect();
        if families.is_empty() {
            continue;
        }
        // Old indices of Firehose have no @timestamp.
        let fits =
            |field: &str| field == "@timestamp" || (field == "arrival_timestamp" && families == [Family::Pinpoint]);
        let cure = "make it anew with the time field @timestamp, or install ours: essink dashboards --install";
        match pattern["timeFieldName"].as_str().filter(|field| !field.is_empty()) {
            None => found.push(Finding::warning(ABOUT, format!("index pattern {title} has no time field"), cure)),
            Some(field) if !fits(field) => {
                let what =
                    format!("index pattern {title} has the time field {field}, which is no date of all its indices");
                found.push(Finding::warning(ABOUT, what, cure));
            }
            Some(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::check::finding::Level;
    use crate::upkeep::mappings::Findings;
    use crate::upkeep::templates::Added;

    #[test]
    fn past_days_that_lack_words_are_a_warning() {
        let found = |past| {
            let added = Added { past, ..Added::default() };
            let (templates, warnings, obstacles) = (Vec::new(), Vec::new(), Vec::new());
            let report = Report { dry_run: true, templates, warnings, obstacles, added, indices: Findings::default() };
            let found = compared(&report, true).into_iter().filter(|finding| finding.level != Level::Ok);
            found.map(|finding| (finding.level, finding.what)).collect::<Vec<_>>()
        };
        assert_eq!(found(0), []);
        let [(Level::Warning, what)] = &found(7)[..] else { panic!("{:?}", found(7)) };
        assert!(what.starts_with("7 daily indices") && what.contains("undercount"), "{what}");
    }
}
