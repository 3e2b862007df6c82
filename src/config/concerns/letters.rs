//! Dead letters that are looked after, and objects that are replayed.

use std::path::PathBuf;
use std::time::Duration;

use super::{BatchOptions, ClusterOptions, DeadLetterOptions, EventOptions, NameOptions, TemplateOptions};
use crate::config::units::KeepDays;
use crate::event::time::Millis;

/// A place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Url {
    /// The bucket.
    pub bucket: String,
    /// What keys begin with, without a slash at its end; empty for the whole bucket.
    pub prefix: String,
}

/// A place in a bucket, and how to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Options {
    /// The place.
    pub url: S3Url,
    /// The AWS region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// Another endpoint than the region's.
    pub endpoint_url: Option<String>,
}

/// Where dead letters are, for commands that look after them.
#[derive(Debug, Clone)]
pub struct LetterOptions {
    /// The store.
    pub place: DeadLetterOptions,
    /// The cluster, which is only asked when the letters are in it.
    pub cluster: ClusterOptions,
    /// What the indices are called.
    pub names: NameOptions,
}

/// Which letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// With one of these reasons; any when empty.
    pub reasons: Vec<String>,
    /// Meant for this index; a star at its end stands for the rest.
    pub index: Option<String>,
    /// That arrived at this time or later.
    pub since: Option<Millis>,
}

/// How events are brought into the cluster by a command that ends by itself.
#[derive(Debug, Clone)]
pub struct DriveOptions {
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
    /// Events of days before these expire.
    pub keep: Option<KeepDays>,
    /// How often what has settled is stored.
    pub checkpoint_interval: Duration,
    /// How long draining may take once it is told to stop.
    pub grace: Duration,
}

/// `essink dead-letters …`
#[derive(Debug, Clone)]
pub struct DeadLettersOptions {
    /// Where they are.
    pub letters: LetterOptions,
    /// What to do.
    pub action: DeadLettersAction,
    /// Report as JSON.
    pub json: bool,
}

/// What to do with dead letters.
#[derive(Debug, Clone)]
pub enum DeadLettersAction {
    /// Say what is there.
    List(LetterFilter),
    /// Print one, with its bytes.
    Show(String),
    /// Send them again.
    Redrive(Box<RedriveOptions>),
    /// Print them as NDJSON.
    Export(LetterFilter),
    /// Take in what was exported, from this file or from standard input.
    Import(Option<PathBuf>),
}

/// What is sent again, and how.
#[derive(Debug, Clone)]
pub struct RedriveOptions {
    /// Which.
    pub filter: LetterFilter,
    /// At most so many.
    pub limit: Option<u64>,
    /// Only say what would be sent.
    pub dry_run: bool,
    /// How.
    pub drive: DriveOptions,
}

/// Where Firehose left its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayFrom {
    /// A bucket with a prefix.
    S3(S3Url),
    /// A file or a directory.
    Path(PathBuf),
}

/// Everything `essink replay` needs.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// What is read.
    pub from: ReplayFrom,
    /// The AWS region of the bucket; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// Another endpoint than the region's.
    pub s3_endpoint_url: Option<String>,
    /// How.
    pub drive: DriveOptions,
    /// Where events go that cannot be indexed.
    pub dead_letters: DeadLetterOptions,
    /// Which objects have settled; `None` chooses a file.
    pub progress: Option<PathBuf>,
    /// Objects read at the same time.
    pub fetches: usize,
    /// Only say what would be read.
    pub dry_run: bool,
    /// Report as JSON.
    pub json: bool,
}
