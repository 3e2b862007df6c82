//! What `essink leases` is asked to do.

use std::time::Duration;

use super::{ClusterOptions, StateOptions, StreamName};
use crate::event::time::Millis;
use crate::pipeline::position::Sequence;

/// Where a position is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResetTo {
    /// The oldest record the stream still holds.
    TrimHorizon,
    /// Records that arrive from now on.
    Latest,
    /// The first record that arrived at this time or later.
    At(Millis),
    /// This record, that one included.
    Sequence(Sequence),
}

/// For `essink leases …`.
#[derive(Debug)]
pub struct LeasesOptions {
    /// The stream.
    pub stream: StreamName,
    /// The AWS region; `None` leaves it to the SDK's chain.
    pub region: Option<String>,
    /// Another Kinesis endpoint than the region's.
    pub endpoint_url: Option<String>,
    /// The group whose leases they are.
    pub group: String,
    /// Where they are kept.
    pub state: StateOptions,
    /// The cluster, for those that are kept there.
    pub cluster: ClusterOptions,
    /// How long an owner may stand still.
    pub lease_timeout: Duration,
    /// The shards that are meant; none means all.
    pub shards: Vec<String>,
    /// What is to be done.
    pub action: LeasesAction,
    /// Report as JSON.
    pub json: bool,
}

/// What is to be done with leases.
#[derive(Debug)]
pub enum LeasesAction {
    /// Show them.
    List,
    /// Put positions elsewhere.
    Reset {
        /// Where.
        to: ResetTo,
        /// Also where a living worker holds the lease.
        force: bool,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// Copy positions into another store.
    Move {
        /// Where they are to be kept.
        to: StateOptions,
        /// The group they are to be of.
        group: String,
        /// Also where a living worker holds a lease, or the other store has positions of its own.
        force: bool,
        /// Only say what would be done.
        dry_run: bool,
    },
}
