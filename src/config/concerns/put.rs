//! What is put into a stream.

use std::path::PathBuf;
use std::time::Duration;

use super::{EventOptions, StreamName};

/// Everything `essink put` needs.
#[derive(Debug, Clone)]
pub struct PutOptions {
    /// The stream.
    pub stream: StreamName,
    /// The AWS region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// Another endpoint than the region's.
    pub endpoint_url: Option<String>,
    /// What is read, in this order; none is standard input.
    pub inputs: Vec<PutInput>,
    /// The member whose text is the partition key, as the names that lead to it.
    pub partition_key: Option<Vec<String>>,
    /// How long the stream may take with one value.
    pub timeout: Duration,
    /// Bytes of values that wait or are under way.
    pub memory: u64,
    /// How long what is under way may take once it is told to stop.
    pub grace: Duration,
    /// What a worker makes of the values.
    pub events: EventOptions,
    /// Only say what would be put.
    pub dry_run: bool,
    /// Report as JSON.
    pub json: bool,
}

/// Where values are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutInput {
    /// Standard input.
    Standard,
    /// This file.
    File(PathBuf),
}
