//! What each concern is told, as plain values. The app turns these into the parameters of each room.

mod cluster;
mod indices;
mod intake;
mod leases;
mod letters;
mod put;
mod webhook;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use cluster::*;
pub use indices::*;
pub use intake::*;
pub use leases::*;
pub use letters::*;
pub use put::*;
pub use webhook::*;

use crate::telemetry::logs::LogFormat;

/// Everything `essink run` needs.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// What is read, and from where on.
    pub stream: StreamOptions,
    /// What an event may look like, and which day it belongs to.
    pub events: EventOptions,
    /// How bulk requests are filled and sent.
    pub batch: BatchOptions,
    /// The cluster that is written to.
    pub cluster: ClusterOptions,
    /// What the indices are called.
    pub names: NameOptions,
    /// The templates to make sure of first; `None` with `--no-init-templates`.
    pub templates: Option<TemplateOptions>,
    /// What is pruned daily; `None` without `--keep`.
    pub retention: Option<RetentionOptions>,
    /// Where events go that cannot be indexed.
    pub dead_letters: DeadLetterOptions,
    /// Where positions are kept.
    pub state: StateOptions,
    /// Health and metrics.
    pub http: HttpOptions,
    /// How often settled positions are stored.
    pub checkpoint_interval: Duration,
    /// After this long without a renewal a worker counts as dead.
    pub lease_timeout: Duration,
    /// How long a stopping worker may drain.
    pub grace: Duration,
}

/// Everything `essink init-templates` needs.
#[derive(Debug, Clone)]
pub struct InitTemplatesOptions {
    /// The cluster that is set up.
    pub cluster: ClusterOptions,
    /// What the indices are called.
    pub names: NameOptions,
    /// What the templates say.
    pub templates: TemplateOptions,
    /// Where positions are kept: the state index is made too.
    pub state: StateOptions,
    /// Only say what would be written.
    pub dry_run: bool,
    /// Report as JSON.
    pub json: bool,
}

/// Everything `essink prune` needs.
#[derive(Debug, Clone)]
pub struct PruneOptions {
    /// The cluster that is pruned.
    pub cluster: ClusterOptions,
    /// What the indices are called.
    pub names: NameOptions,
    /// What stays and what goes.
    pub retention: RetentionOptions,
    /// Only show the plan.
    pub dry_run: bool,
    /// Do not ask.
    pub yes: bool,
    /// Report as JSON.
    pub json: bool,
}

/// Everything `essink dashboards` needs.
#[derive(Debug, Clone)]
pub struct DashboardsOptions {
    /// Install or export.
    pub action: DashboardsAction,
    /// What the indices are called: the index patterns follow it.
    pub names: NameOptions,
    /// Say what would be installed, and ask no server.
    pub dry_run: bool,
}

/// What to do with the saved objects.
#[derive(Debug, Clone)]
pub enum DashboardsAction {
    /// Post them to a server.
    Install(DashboardsServer),
    /// Write them to a directory.
    Export(PathBuf),
}

/// A Kibana or an OpenSearch Dashboards.
#[derive(Debug, Clone)]
pub struct DashboardsServer {
    /// Its base URL, without a slash at its end.
    pub url: String,
    /// The space (Kibana) to install into.
    pub space: Option<String>,
    /// The tenant (OpenSearch security plugin) to install into.
    pub tenant: Option<String>,
    /// The credentials of the cluster, which its dashboards take too.
    pub auth: Auth,
    /// Whom to trust, and how to be known.
    pub tls: TlsOptions,
    /// How long one request may take.
    pub timeout: Duration,
}

/// The live page, health and metrics over HTTP.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Where to listen; `None` does not.
    pub listen: Option<SocketAddr>,
    /// Whether somebody chose the address: a chosen port that is taken is an error, the default's is not.
    pub chosen: bool,
    /// What whoever looks must show; `None` asks for nothing.
    pub token: Option<Secret>,
    /// Whether the page may show events themselves.
    pub events: bool,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// Their form.
    pub format: LogFormat,
    /// A filter of tracing-subscriber: `info`, `warn,essink::pipeline=debug`. It parses.
    pub level: String,
}
