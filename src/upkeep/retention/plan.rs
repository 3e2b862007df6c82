//! The plan: pure, printable, and the whole of what may be deleted.

use std::fmt;

use serde::Serialize;

use super::listing::Listed;
use super::name::{Unparsed, last_day};
use super::{Keep, PruneOptions};
use crate::event::time::Day;

/// An index to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// Its name.
    pub name: String,
    /// The last day it can hold.
    pub day: Day,
    /// What it takes on disk, replicas included; unknown of a closed index.
    pub bytes: Option<u64>,
    /// Aliases that will hold one index less.
    pub aliases: Vec<String>,
}

/// An index that stays, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spared {
    /// Its name.
    pub name: String,
    /// Why, in words.
    pub why: String,
}

/// What goes and what stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The day taken to be today, in UTC.
    pub today: Day,
    /// Past their time.
    pub drop: Vec<Due>,
    /// Within their time, today's and the future's included.
    pub keep: Vec<String>,
    /// Past their time, but not to be deleted.
    pub protected: Vec<Spared>,
    /// Names that are not one of the families' daily indices.
    pub foreign: Vec<Spared>,
}

/// The plan would delete more than allowed; nothing of it is done.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the plan would delete {count} indices, from {first} to {last}, and --max-delete is {max}: check first that today is {today}, \
     for a wrong clock is likelier than such a backlog; then raise --max-delete"
)]
pub struct TooMany {
    /// How many it would delete.
    pub count: usize,
    /// How many it may.
    pub max: usize,
    /// Oldest and newest of them.
    pub first: String,
    /// Newest of them.
    pub last: String,
    /// The day taken to be today.
    pub today: Day,
}

/// Decides about every listed index. An index goes only if its name parses wholly under a family and the last
/// day of its period is older than the family keeps.
pub fn plan(listed: &[Listed], today: Day, options: &PruneOptions) -> Result<Plan, TooMany> {
    let mut plan = Plan { today, drop: Vec::new(), keep: Vec::new(), protected: Vec::new(), foreign: Vec::new() };
    for index in listed {
        match due(&index.name, today, options) {
            Ok((_, false)) => plan.keep.push(index.name.clone()),
            Ok((day, true)) => add_due(&mut plan, index, day),
            Err(why) => plan.foreign.push(Spared { name: index.name.clone(), why: words(&why) }),
        }
    }
    plan.drop.sort_by(|a, b| a.day.cmp(&b.day).then_with(|| a.name.cmp(&b.name)));
    let count = plan.drop.len();
    match (plan.drop.first(), plan.drop.last()) {
        (Some(first), Some(last)) if count > options.max_delete => {
            Err(TooMany { count, max: options.max_delete, first: first.name.clone(), last: last.name.clone(), today })
        }
        _ => Ok(plan),
    }
}

/// The last day of the index and whether it is past its time. Under several families the longest keep counts.
fn due(name: &str, today: Day, options: &PruneOptions) -> Result<(Day, bool), Unparsed> {
    let mut verdict = Err(Unparsed::Foreign);
    for family in &options.families {
        match last_day(name, &family.prefix, &options.rotations) {
            Ok(day) => {
                let due = past(day, today, family) && !matches!(verdict, Ok((_, false)));
                verdict = Ok((day, due));
            }
            Err(why) if verdict == Err(Unparsed::Foreign) => verdict = Err(why),
            Err(_) => {}
        }
    }
    verdict
}

fn past(day: Day, today: Day, family: &Keep) -> bool {
    day < family.oldest(today)
}

fn add_due(plan: &mut Plan, index: &Listed, day: Day) {
    let spared = |why: String| Spared { name: index.name.clone(), why };
    let Some(aliases) = &index.aliases else {
        let why = "the cluster does not say which aliases hold it, and it may be the write index of one";
        return plan.protected.push(spared(why.to_owned()));
    };
    if let Some(alias) = aliases.iter().find(|alias| alias.is_write_index) {
        return plan.protected.push(spared(format!("it is the write index of alias {}", alias.name)));
    }
    plan.drop.push(Due {
        name: index.name.clone(),
        day,
        bytes: index.bytes,
        aliases: aliases.iter().map(|alias| alias.name.clone()).collect(),
    });
}

fn words(why: &Unparsed) -> String {
    match why {
        Unparsed::Foreign => "not a prefix and a day, YYYY-MM-DD".into(),
        Unparsed::NotNamed(rotation) => format!("rotated by the {0}: pruned only with --rotation {0}", rotation.word()),
        Unparsed::Unrotated => "not rotated: it holds every day".into(),
    }
}

impl Plan {
    /// Bytes that go, as far as sizes are known.
    pub fn bytes(&self) -> u64 {
        self.drop.iter().filter_map(|index| index.bytes).sum()
    }
}

/// Names shown of a list of indices that stay; of those that go, every one is.
const SHOWN: usize = 100;

/// The lines of a list of indices that stay, bounded.
fn list(f: &mut fmt::Formatter<'_>, lines: impl ExactSizeIterator<Item = String>) -> fmt::Result {
    let more = lines.len().saturating_sub(SHOWN);
    lines.take(SHOWN).try_for_each(|line| writeln!(f, "  {line}"))?;
    if more > 0 { writeln!(f, "  and {more} more") } else { Ok(()) }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "today is {} (UTC)", self.today)?;
        writeln!(f, "drop {} indices, {}", self.drop.len(), Size(self.bytes()))?;
        for index in &self.drop {
            let size = index.bytes.map_or_else(|| "closed, size unknown".into(), |bytes| Size(bytes).to_string());
            write!(f, "  {}  {size}", index.name)?;
            if !index.aliases.is_empty() {
                write!(f, "  (leaves alias {})", index.aliases.join(", "))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "keep {} indices", self.keep.len())?;
        list(f, self.keep.iter().cloned())?;
        for (title, spared) in [("protected", &self.protected), ("foreign, not touched", &self.foreign)] {
            if !spared.is_empty() {
                writeln!(f, "{title}: {}", spared.len())?;
            }
            list(f, spared.iter().map(|index| format!("{}: {}", index.name, index.why)))?;
        }
        Ok(())
    }
}

/// Bytes as people read them.
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let unit = (self.0.max(1).ilog2() / 10) as usize;
        if unit == 0 {
            return write!(f, "{} B", self.0);
        }
        // One decimal, from whole tenths: 2^64 bytes are 16 EiB, so the product fits in u128.
        let tenths = (u128::from(self.0) * 10) >> (10 * unit);
        write!(f, "{}.{} {}", tenths / 10, tenths % 10, units[unit - 1])
    }
}
