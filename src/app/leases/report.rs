//! What the commands about leases say.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::unread::Unread;
use crate::app::columns::{age_of, columns};
use crate::kinesis::lineage::Shard;
use crate::lease::table::Row;
use crate::pipeline::position::{Position, ShardId};

/// `essink leases list`
#[derive(Serialize)]
pub struct List {
    /// Name of the stream.
    pub stream: String,
    /// The group.
    pub group: String,
    /// One row a shard.
    pub leases: Vec<Line>,
    /// Shards of the stream that nobody has a position for: their parents are not settled, or no worker has seen them.
    pub waiting: Vec<String>,
}

/// One shard.
#[derive(Serialize)]
pub struct Line {
    shard: String,
    /// `open`, `closed`, or `gone` from the stream.
    state: &'static str,
    owner: Option<String>,
    /// Whether the owner renewed while we looked.
    alive: Option<bool>,
    /// The worker that has asked for it.
    wanted_by: Option<String>,
    position: String,
    #[serde(flatten)]
    unread: Option<Unread>,
    parents: Vec<String>,
}

impl Line {
    /// Of a row, with what the stream says of its shard.
    pub fn new(row: &Row, living: &BTreeSet<ShardId>, listed: Option<&Shard>, unread: Option<Unread>) -> Self {
        let state = match listed {
            None => "gone",
            Some(shard) if shard.closed => "closed",
            Some(_) => "open",
        };
        Self {
            shard: row.shard.to_string(),
            state,
            owner: row.owner.clone(),
            alive: row.owner.is_some().then(|| living.contains(&row.shard)),
            wanted_by: row.wanted_by.clone(),
            position: row.position.to_string(),
            unread,
            parents: row.parents.iter().map(ToString::to_string).collect(),
        }
    }

    fn cells(&self) -> [String; 6] {
        let owner = match (&self.owner, self.alive) {
            (None, _) => "free".to_owned(),
            (Some(owner), Some(true)) => owner.clone(),
            (Some(owner), _) => format!("{owner} (silent)"),
        };
        let owner = match &self.wanted_by {
            Some(by) => format!("{owner}, asked for by {by}"),
            None => owner,
        };
        let unread = match &self.unread {
            Some(Unread { trouble: Some(why), .. }) => why.clone(),
            Some(Unread { oldest_ms: Some(age), .. }) => age_of(u64::try_from(*age).unwrap_or(0)),
            Some(_) => "nothing".to_owned(),
            None => "-".to_owned(),
        };
        let behind = self.unread.as_ref().and_then(|unread| unread.behind_ms).map_or("-".to_owned(), age_of);
        [self.shard.clone(), self.state.to_owned(), owner, self.position.clone(), unread, behind]
    }
}

const HEADS: [&str; 6] = ["SHARD", "STATE", "OWNER", "READ UP TO", "UNREAD SINCE", "BEHIND"];

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owners: BTreeSet<&String> = self.leases.iter().filter_map(|line| line.owner.as_ref()).collect();
        let (n, workers) = (self.leases.len(), owners.len());
        writeln!(f, "stream {}, group {}: {n} leases, {workers} workers", self.stream, self.group)?;
        let rows = std::iter::once(HEADS.map(str::to_owned)).chain(self.leases.iter().map(Line::cells));
        f.write_str(&columns(rows))?;
        for shard in &self.waiting {
            writeln!(f, "{shard}  has no position yet: its parents are not settled, or no worker has seen it")?;
        }
        Ok(())
    }
}

/// `essink leases reset` and `move`
#[derive(Serialize)]
pub struct Done {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Every position that was, or would be, written.
    pub moved: Vec<Moved>,
}

/// One position.
#[derive(Serialize)]
pub struct Moved {
    shard: String,
    from: Option<String>,
    to: String,
}

impl Moved {
    /// Of a shard, from where it was, if it was anywhere.
    pub fn new(shard: &ShardId, from: Option<&Position>, to: &Position) -> Self {
        Self { shard: shard.to_string(), from: from.map(ToString::to_string), to: to.to_string() }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.dry_run { "would go" } else { "went" };
        for Moved { shard, from, to } in &self.moved {
            writeln!(f, "{shard}  {verb} from {} to {to}", from.as_deref().unwrap_or("no position"))?;
        }
        if self.moved.is_empty() {
            writeln!(f, "nothing to do: the positions are there already")?;
        }
        Ok(())
    }
}
