//! Taking away daily indices whose day is past: a pure plan first, then that plan and nothing more.

mod apply;
mod disk;
mod listing;
pub(super) mod name;
mod plan;

use std::num::NonZeroU32;

use super::names;
use crate::event::time::Day;
use crate::opensearch::client::Client;

pub use apply::{Applied, apply};
pub use disk::{OnDisk, Wanted, on_disk};
pub use listing::{Alias, Listed, list};
pub use name::{Rotation, Unparsed};
pub use plan::{Due, Plan, Size, Spared, TooMany, plan};

/// How long one family's indices are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// What the names of the family's indices begin with.
    pub prefix: String,
    /// Today and this many days before it stay.
    pub days: NonZeroU32,
}

/// What may be pruned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneOptions {
    /// The families to look at; a family that is not named is not touched.
    pub families: Vec<Keep>,
    /// Rotations to recognise; an index of any other, daily ones included, is not touched.
    pub rotations: Vec<Rotation>,
    /// At most this many indices in one plan.
    pub max_delete: usize,
}

impl Keep {
    /// The oldest day that stays when it is `today`. An event of an earlier day has expired.
    pub fn oldest(&self, today: Day) -> Day {
        today.minus(self.days.get())
    }
}

/// Lists what there is and plans what goes. Deletes nothing.
///
/// # Errors
/// When a prefix is no prefix of index names, the cluster does not answer or refuses, or the plan would delete more than `max_delete` indices.
pub async fn prepare(client: &Client, options: &PruneOptions, today: Day) -> anyhow::Result<Plan> {
    options.families.iter().try_for_each(|family| names::check(&family.prefix))?;
    let listed = listing::list(client, &options.families).await?;
    Ok(plan(&listed, today, options)?)
}

#[cfg(test)]
mod tests;
