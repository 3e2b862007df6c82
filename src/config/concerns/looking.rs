//! What `essink check` and `essink status` are asked to do.

use std::time::Duration;

use super::{ClusterOptions, DeadLetterOptions, HttpOptions, NameOptions, RunOptions, StateOptions, StreamName};
use crate::config::units::KeepDays;

/// Everything `essink check` needs.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// The run that is to work.
    pub run: RunOptions,
    /// Records to read.
    pub sample: u32,
    /// Whether the cluster may be written to, and cleaned up again.
    pub write: bool,
    /// Whether documents are shown whole.
    pub show_events: bool,
    /// Report as JSON.
    pub json: bool,
}

/// Everything `essink status` needs.
#[derive(Debug, Clone)]
pub struct StatusOptions {
    /// The stream.
    pub stream: StreamName,
    /// The AWS region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// Another Kinesis endpoint than the region's.
    pub endpoint_url: Option<String>,
    /// The group that is looked at.
    pub group: String,
    /// Where its positions are kept.
    pub state: StateOptions,
    /// The cluster, where anything is kept in it.
    pub cluster: ClusterOptions,
    /// Where its dead letters are kept.
    pub dead_letters: DeadLetterOptions,
    /// What the indices are called.
    pub names: NameOptions,
    /// Days before today that stay, where somebody says so.
    pub keep: Option<KeepDays>,
    /// The same for dead letters.
    pub keep_dead_letters: Option<KeepDays>,
    /// How long an owner may stand still.
    pub lease_timeout: Duration,
    /// Where workers of this machine serve their pages.
    pub http: HttpOptions,
    /// Pages elsewhere.
    pub worker_urls: Vec<String>,
    /// How often to look again; `None` looks once.
    pub watch: Option<Duration>,
    /// Report as JSON.
    pub json: bool,
}
