//! `essink replay --dry-run`: what would be read.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::next_objects;
use super::progress::Progress;
use super::source::Source;
use crate::app::exit::Failure;
use crate::event::time::Millis;
use crate::firehose::name::{self, Told};

/// More rows than these are shown by day.
const HOURS_SHOWN: usize = 48;

/// What would be read.
#[derive(Debug, Default, Serialize)]
pub struct Plan {
    dry_run: bool,
    from: String,
    /// Objects to read, and their bytes as they are stored.
    objects: u64,
    bytes: u64,
    /// Objects that a replay before has settled.
    settled: u64,
    /// Hours of arrival, in UTC, as the objects' names tell them.
    hours: BTreeMap<String, Share>,
    /// How many objects tell their time by what.
    told_by: BTreeMap<&'static str, u64>,
}

/// Objects of one hour.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Share {
    objects: u64,
    bytes: u64,
}

/// Lists everything, and reads nothing.
pub async fn plan(source: &Source, from: String, progress: Option<&Progress>) -> Result<Plan, Failure> {
    let mut plan = Plan { dry_run: true, from, ..Plan::default() };
    let mut listing = source.list();
    while let Some(objects) = next_objects(&mut listing).await? {
        for object in objects {
            if progress.is_some_and(|progress| progress.of(&object).is_none()) {
                plan.settled += 1;
                continue;
            }
            plan.objects += 1;
            plan.bytes += object.size;
            let (at, told) = name::arrival(&object.key, object.modified);
            let by = match told {
                Told::Stamp => "stamp",
                Told::Hour => "hour",
                Told::Modified => "modified",
            };
            *plan.told_by.entry(by).or_default() += 1;
            let share = plan.hours.entry(hour(at)).or_default();
            share.objects += 1;
            share.bytes += object.size;
        }
    }
    Ok(plan)
}

/// `2026-11-21T08`
fn hour(at: Millis) -> String {
    at.rfc3339().get(..13).unwrap_or_default().to_owned()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_day = self.hours.len() > HOURS_SHOWN;
        let mut rows: BTreeMap<&str, Share> = BTreeMap::new();
        for (hour, share) in &self.hours {
            let row = rows.entry(if by_day { hour.get(..10).unwrap_or(hour) } else { hour }).or_default();
            row.objects += share.objects;
            row.bytes += share.bytes;
        }
        for (time, Share { objects, bytes }) in rows {
            writeln!(f, "{time}  {objects:>8} objects  {bytes:>15} bytes")?;
        }
        let told = self.told_by.iter().map(|(by, n)| format!("{n} by {by}")).collect::<Vec<_>>().join(", ");
        let (objects, bytes, hours) = (self.objects, self.bytes, self.hours.len());
        write!(f, "{objects} objects of {bytes} bytes from {hours} hours would be read from {}", self.from)?;
        if !told.is_empty() {
            write!(f, "; their time is told {told}")?;
        }
        if self.settled > 0 {
            write!(f, "; {} more have settled before", self.settled)?;
        }
        Ok(())
    }
}
