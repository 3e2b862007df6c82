//! What is kept where, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use super::letters::S3Options;
use crate::config::units::KeepDays;
use crate::event::family::{Family, Prefixes};

/// What the daily indices are called: a prefix, then `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameOptions {
    /// Of events.
    pub families: Prefixes,
    /// Of dead letters.
    pub dead_letter_prefix: String,
}

/// What the index templates say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateOptions {
    /// Primary shards of each daily index.
    pub shards: u32,
    /// Replicas of each primary.
    pub replicas: u32,
    /// How soon what was indexed can be searched.
    pub refresh_interval: Duration,
    /// Whether strings of the free maps keep a `.keyword` sub-field.
    pub keyword_twins: bool,
}

/// What stays and what goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionOptions {
    /// Days before today that stay.
    pub keep: KeepDays,
    /// The same for dead letters, which stay for ever without it.
    pub keep_dead_letters: Option<KeepDays>,
    /// Whose indices; never empty, each once.
    pub families: Vec<Family>,
    /// Which forms of names; never empty, each once.
    pub rotations: Vec<Rotation>,
    /// A plan that would delete more is refused.
    pub max_delete: usize,
}

/// How often a new index begins, told by the form of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rotation {
    /// `-YYYY-MM-DD`, essink's own.
    Day,
    /// `-YYYY-MM-DD-HH`.
    Hour,
    /// `-YYYY-wWW`.
    Week,
    /// `-YYYY-MM`.
    Month,
    /// No date at all.
    None,
}

/// Where events go that cannot be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterOptions {
    /// Daily indices under `NameOptions::dead_letter_prefix`.
    Index,
    /// NDJSON files in this directory.
    Directory(PathBuf),
    /// Objects in a bucket.
    S3(S3Options),
}

/// Where positions are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateOptions {
    /// This index of the cluster.
    Index(String),
    /// This file: for one worker only.
    File(PathBuf),
    /// This table of DynamoDB.
    Table(TableOptions),
}

/// A table of DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOptions {
    /// Its name.
    pub name: String,
    /// The AWS region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// Another endpoint than the region's.
    pub endpoint_url: Option<String>,
}
