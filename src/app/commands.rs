//! The commands that come, do one thing and go.

use std::fmt;
use std::io::Write;
use std::num::NonZeroU32;

use anyhow::anyhow;
use serde::Serialize;

use super::clock;
use super::connect;
use super::consent::Terminal;
use super::exit::Failure;
use super::stores;
use crate::config::{
    self, DashboardsAction, DashboardsOptions, DashboardsServer, InitTemplatesOptions, NameOptions, RetentionOptions,
    StateOptions, TableOptions,
};
use crate::event::family::Family;
use crate::lease::cluster::{self, ClusterTable};
use crate::lease::dynamo::Own;
use crate::opensearch::client::Client;
use crate::pipeline::position::Position;
use crate::upkeep::dashboards::{self, Place};
use crate::upkeep::names::Prefixes;
use crate::upkeep::retention::{self, Applied, Keep, Plan, PruneOptions, Rotation};
use crate::upkeep::templates::{self, Action, Report, TemplateOptions};

/// `essink init-templates`
pub async fn init_templates(options: &InitTemplatesOptions) -> Result<(), Failure> {
    let (client, _) = connect::cluster(&options.cluster).await?;
    let wanted = template_options(&options.names, &options.templates);
    let templates = templates::ensure(&client, &wanted, clock::now().day(), options.dry_run).await;
    let templates = templates.map_err(Failure::unavailable)?;
    let state = match &options.state {
        StateOptions::Index(index) => Prepared {
            state_index: Some(state_index(client, index, options.dry_run).await?),
            ..Prepared::of(templates)
        },
        StateOptions::Table(place) => {
            Prepared { state_table: Some(state_table(place, options.dry_run).await?), ..Prepared::of(templates) }
        }
        StateOptions::File(_) => Prepared::of(templates),
    };
    print(options.json, &state)
}

/// What `init-templates` did, or would do.
#[derive(Serialize)]
struct Prepared {
    /// The index of positions; none where they are kept elsewhere.
    state_index: Option<StatePlace>,
    /// The table of positions; none where they are kept elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_table: Option<StatePlace>,
    #[serde(flatten)]
    templates: Report,
}

#[derive(Serialize)]
struct StatePlace {
    name: String,
    action: Action,
}

impl Prepared {
    fn of(templates: Report) -> Self {
        Self { state_index: None, state_table: None, templates }
    }
}

impl fmt::Display for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, place) in [("index", &self.state_index), ("table", &self.state_table)] {
            if let Some(place) = place {
                writeln!(f, "{:<13} {kind} {}", place.action.words(self.templates.dry_run), place.name)?;
            }
        }
        self.templates.fmt(f)
    }
}

/// Makes the index of positions, so that a service that may not create it can run.
async fn state_index(client: Client, index: &str, dry_run: bool) -> Result<StatePlace, Failure> {
    // No lease is read or written: whose they would be does not matter.
    let nobody = String::new;
    let options = cluster::ClusterOptions { index: index.to_owned(), stream: nobody(), group: nobody() };
    let table = ClusterTable::new(client, options);
    let made = match dry_run {
        true => !table.has_index().await.map_err(Failure::unavailable)?,
        false => table.ensure_index().await.map_err(Failure::unavailable)?,
    };
    Ok(StatePlace::new(index, made))
}

/// The same for a table of DynamoDB.
async fn state_table(place: &TableOptions, dry_run: bool) -> Result<StatePlace, Failure> {
    let own = Own { stream: String::new(), group: String::new(), begin: Position::TrimHorizon };
    let table = stores::dynamo(place, own).await;
    let made = match dry_run {
        true => !table.has_table().await.map_err(Failure::unavailable)?,
        false => table.ensure_table().await.map_err(Failure::unavailable)?,
    };
    Ok(StatePlace::new(&place.name, made))
}

impl StatePlace {
    fn new(name: &str, made: bool) -> Self {
        let action = if made { Action::Created } else { Action::Unchanged };
        Self { name: name.to_owned(), action }
    }
}

/// `essink prune`
pub async fn prune(options: &config::PruneOptions) -> Result<(), Failure> {
    let (client, _) = connect::cluster(&options.cluster).await?;
    let wanted = prune_options(&options.names, &options.retention);
    let plan = match retention::prepare(&client, &wanted, clock::now().day()).await {
        Ok(plan) => plan,
        Err(error) if error.is::<retention::TooMany>() => return Err(Failure::usage(error)),
        Err(error) => return Err(Failure::unavailable(error)),
    };
    if !options.json {
        print(false, &plan)?;
    }
    let outcome = carry_out(&client, options, &plan).await;
    let applied = outcome.as_ref().ok().and_then(Option::as_ref);
    match applied {
        _ if options.json => print_json(&Pruned { plan: &plan, applied })?,
        Some(applied) => print(false, applied)?,
        None => {}
    }
    match outcome?.map_or(0, |applied| applied.failed.len()) {
        0 => Ok(()),
        n => Err(Failure::unavailable(anyhow!("{n} indices could not be deleted; the reasons are above"))),
    }
}

/// The one JSON document of `prune --json`.
#[derive(Serialize)]
struct Pruned<'a> {
    plan: &'a Plan,
    /// `null` when nothing was to be deleted, nobody agreed, or the cluster stopped to answer on the way.
    applied: Option<&'a Applied>,
}

/// Deletes what the plan says, if that is wanted.
async fn carry_out(client: &Client, options: &config::PruneOptions, plan: &Plan) -> Result<Option<Applied>, Failure> {
    if options.dry_run || plan.drop.is_empty() {
        return Ok(None);
    }
    if !options.yes && !Terminal::standard().agrees(plan, options.json)? {
        return Ok(None);
    }
    retention::apply(client, plan).await.map(Some).map_err(Failure::unavailable)
}

/// `essink dashboards`
pub async fn dashboards(options: &DashboardsOptions) -> Result<(), Failure> {
    let prefixes = &prefixes(&options.names);
    match &options.action {
        DashboardsAction::Export(dir) => {
            let written = dashboards::export(dir, prefixes).map_err(Failure::usage)?;
            print_lines(written.iter().map(|path| format!("wrote {}", path.display())))
        }
        DashboardsAction::Install(_) if options.dry_run => {
            print_lines(dashboards::plan(prefixes).iter().map(|title| format!("would install {title}")))
        }
        DashboardsAction::Install(server) => {
            let client = dashboards_client(server).await?;
            let place = Place { space: server.space.clone(), tenant: server.tenant.clone() };
            let done = dashboards::install(&client, prefixes, &place).await.map_err(Failure::unavailable)?;
            print(false, &done)?;
            match done.refused.len() {
                0 => Ok(()),
                n => Err(Failure::unavailable(anyhow!("{n} objects were refused; the reasons are above"))),
            }
        }
    }
}

/// Speaks to the dashboards server as to a cluster: the same credentials and certificates.
async fn dashboards_client(server: &DashboardsServer) -> Result<Client, Failure> {
    let options = config::ClusterOptions {
        urls: vec![server.url.clone()],
        auth: server.auth.clone(),
        tls: server.tls.clone(),
        timeout: server.timeout,
    };
    connect::client(&options).await
}

/// Makes sure of the templates before the first document, and logs what that found, each line for whom it concerns.
pub(super) async fn ensure_templates(
    client: &Client,
    names: &NameOptions,
    options: Option<&config::TemplateOptions>,
) -> Result<(), Failure> {
    let Some(options) = options else { return Ok(()) };
    let wanted = template_options(names, options);
    let report = templates::ensure(client, &wanted, clock::now().day(), false).await.map_err(Failure::unavailable)?;
    report.log_notes().iter().for_each(|line| tracing::info!("{line}"));
    report.log_warnings().iter().for_each(|line| tracing::warn!("{line}"));
    Ok(())
}

/// What the indices are called.
fn prefixes(names: &NameOptions) -> Prefixes {
    Prefixes { families: names.families.clone(), dead_letters: names.dead_letter_prefix.clone() }
}

/// What the templates are to say.
pub(super) fn template_options(names: &NameOptions, options: &config::TemplateOptions) -> TemplateOptions {
    TemplateOptions {
        prefixes: prefixes(names),
        shards: Some(options.shards),
        replicas: Some(options.replicas),
        refresh_interval: Some(format!("{}ms", options.refresh_interval.as_millis())),
        keyword_twins: options.keyword_twins,
    }
}

/// What may be pruned.
pub fn prune_options(names: &NameOptions, options: &RetentionOptions) -> PruneOptions {
    let days = |keep: config::KeepDays| NonZeroU32::new(keep.days()).unwrap_or(NonZeroU32::MIN);
    let family = |family: &Family| Keep { prefix: names.families.of(*family).to_owned(), days: days(options.keep) };
    let dead_letters = options.keep_dead_letters.map(|keep| {
        let prefix = names.dead_letter_prefix.clone();
        Keep { prefix, days: days(keep) }
    });
    let rotation = |rotation: &config::Rotation| match rotation {
        config::Rotation::Day => Rotation::Day,
        config::Rotation::Hour => Rotation::Hour,
        config::Rotation::Week => Rotation::Week,
        config::Rotation::Month => Rotation::Month,
        config::Rotation::None => Rotation::None,
    };
    PruneOptions {
        families: options.families.iter().map(family).chain(dead_letters).collect(),
        rotations: options.rotations.iter().map(rotation).collect(),
        max_delete: options.max_delete,
    }
}

pub(super) fn print(json: bool, report: &(impl Serialize + std::fmt::Display)) -> Result<(), Failure> {
    match json {
        true => print_json(report),
        false => print_lines([report.to_string().trim_end().to_owned()]),
    }
}

pub(super) fn print_json(report: &impl Serialize) -> Result<(), Failure> {
    print_lines([serde_json::to_string_pretty(report).map_err(Failure::bug)?])
}

/// To standard output. A reader that has gone away (`essink … | head`) is no failure.
pub(super) fn print_lines(lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        match writeln!(out, "{line}") {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            other => other.map_err(Failure::bug)?,
        }
    }
    Ok(())
}
