//! What `essink status` says: made of what was found, and shown as text or JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::disk;
use super::pages::Page;
use crate::app::columns::{age_of, columns};
use crate::app::leases::unread::Unread;
use crate::dead_letter::Tally;
use crate::event::time::Millis;
use crate::kinesis::lineage::Shard as Listed;
use crate::lease::table::Row;
use crate::pipeline::position::{Position, ShardId};
use crate::upkeep::retention::OnDisk;

/// Shards with a line of their own on the screen; JSON has all.
const LINES: usize = 24;
/// Sequence numbers differ in their last digits.
const LAST_DIGITS: usize = 12;

/// What was found, before it is put together.
#[derive(Debug, Default)]
pub struct Facts {
    /// The time.
    pub at: i64,
    /// Name of the stream.
    pub stream: String,
    /// Its ARN, when somebody knew it.
    pub arn: Option<String>,
    /// `--group`.
    pub group: String,
    /// What the store of positions is called.
    pub state: String,
    /// The table.
    pub rows: Vec<Row>,
    /// Of each shard whose owner is known to be alive or gone.
    pub alive: BTreeMap<ShardId, bool>,
    /// The stream's shards; none when Kinesis did not say.
    pub listed: Option<Vec<Listed>>,
    /// What Kinesis says of shards that no worker speaks for.
    pub unread: BTreeMap<ShardId, Unread>,
    /// Pages of workers of this stream and group.
    pub pages: Vec<Page>,
    /// What the store of dead letters is called, and what is in it.
    pub letters: (String, Option<Tally>),
    /// What each family has on disk.
    pub disk: Option<Vec<OnDisk>>,
    /// What did not answer.
    pub unknown: Vec<Unknown>,
    /// What somebody should know of how it was asked.
    pub warnings: Vec<String>,
}

/// Something that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// What.
    pub what: &'static str,
    /// Why, with the cure.
    pub why: String,
}

/// `essink status`
#[derive(Debug, Serialize)]
pub struct Report {
    at: String,
    stream: String,
    arn: Option<String>,
    group: String,
    /// The store of positions.
    state: String,
    /// The largest of the shards' lags; none while not all are known.
    behind_ms: Option<u64>,
    /// Those in trouble first, then those of unknown lag, then the furthest behind.
    shards: Vec<Shard>,
    /// Shards of the stream that nobody has a position for.
    waiting: Vec<String>,
    workers: Vec<Worker>,
    dead_letters: Letters,
    /// What each family has on disk; null while that is not known.
    disk: Option<Vec<OnDisk>>,
    unknown: Vec<Unknown>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Shard {
    shard: String,
    /// `open`, `closed`, `gone` from the stream, or `unknown`.
    state: &'static str,
    owner: Option<String>,
    alive: Option<bool>,
    wanted_by: Option<String>,
    position: String,
    /// Time behind the newest record.
    behind_ms: Option<u64>,
    /// Age of the oldest record that has not been settled.
    oldest_ms: Option<i64>,
    /// Who says so: `worker` or `kinesis`.
    says: Option<&'static str>,
    trouble: Option<String>,
    #[serde(skip)]
    short: String,
}

#[derive(Debug, Serialize)]
struct Worker {
    worker: String,
    shards: usize,
    alive: Option<bool>,
    page: Option<Page>,
}

#[derive(Debug, Serialize)]
struct Letters {
    place: String,
    #[serde(flatten)]
    tally: Option<Tally>,
}

impl Report {
    /// Puts it together.
    pub fn new(facts: Facts) -> Self {
        let Facts { at, stream, arn, group, state, rows, alive, listed, unread, pages, letters, .. } = facts;
        let (disk, unknown, warnings) = (facts.disk, facts.unknown, facts.warnings);
        let mut shards: Vec<Shard> =
            rows.iter().map(|row| shard(row, &alive, listed.as_deref(), &pages, &unread)).collect();
        // One of unknown lag may be the furthest behind of all.
        let unknown_lag = |shard: &Shard| shard.is_read_on() && shard.behind_ms.is_none();
        shards.sort_by_key(|shard| std::cmp::Reverse((shard.trouble.is_some(), unknown_lag(shard), shard.behind_ms)));
        let owed = shards.iter().filter(|shard| shard.is_read_on());
        let behind_ms = owed.map(|shard| shard.behind_ms).collect::<Option<Vec<u64>>>();
        let known: BTreeSet<&ShardId> = rows.iter().map(|row| &row.shard).collect();
        let waiting = listed.iter().flatten().filter(|shard| !known.contains(&shard.id));
        Self {
            at: Millis(at).rfc3339(),
            stream,
            arn,
            group,
            state,
            behind_ms: behind_ms.and_then(|all| all.into_iter().max()),
            waiting: waiting.map(|shard| shard.id.to_string()).collect(),
            workers: workers(&shards, pages),
            shards,
            dead_letters: Letters { place: letters.0, tally: letters.1 },
            disk,
            unknown,
            warnings,
        }
    }
}

impl Shard {
    /// Whether anything can be behind: not at its end, and still in the stream.
    fn is_read_on(&self) -> bool {
        self.state != "gone" && self.position != Position::End.to_string()
    }
}

fn shard(
    row: &Row,
    alive: &BTreeMap<ShardId, bool>,
    listed: Option<&[Listed]>,
    pages: &[Page],
    unread: &BTreeMap<ShardId, Unread>,
) -> Shard {
    let state = match listed.map(|all| all.iter().find(|shard| shard.id == row.shard)) {
        None => "unknown",
        Some(None) => "gone",
        Some(Some(shard)) if shard.closed => "closed",
        Some(Some(_)) => "open",
    };
    let reader = pages.iter().find(|page| Some(&page.worker) == row.owner.as_ref());
    let lag = reader.and_then(|page| page.shards.get(&*row.shard.0)).filter(|lag| lag.behind_ms.is_some());
    let asked = unread.get(&row.shard);
    let (behind_ms, oldest_ms, says) = match (lag, asked) {
        (Some(lag), _) => (lag.behind_ms, lag.oldest_ms, Some("worker")),
        (None, Some(unread)) if unread.trouble.is_none() => (unread.behind_ms, unread.oldest_ms, Some("kinesis")),
        _ => (None, None, None),
    };
    Shard {
        shard: row.shard.to_string(),
        state,
        owner: row.owner.clone(),
        alive: alive.get(&row.shard).copied().or(reader.map(|_| true)),
        wanted_by: row.wanted_by.clone(),
        position: row.position.to_string(),
        behind_ms,
        oldest_ms,
        says,
        trouble: asked.and_then(|unread| unread.trouble.clone()),
        short: short(&row.position),
    }
}

/// A position without the digits that tell nothing.
fn short(position: &Position) -> String {
    let last = |digits: &str| digits.get(digits.len().saturating_sub(LAST_DIGITS)..).unwrap_or(digits).to_owned();
    match position {
        Position::After(sequence) => format!("after …{}", last(sequence.as_str())),
        Position::From(sequence) => format!("from …{}", last(sequence.as_str())),
        other => other.to_string(),
    }
}

/// Owners, and workers with a page that own nothing.
fn workers(shards: &[Shard], pages: Vec<Page>) -> Vec<Worker> {
    let mut all: BTreeMap<String, Worker> = BTreeMap::new();
    let blank = |name: &str| Worker { worker: name.to_owned(), shards: 0, alive: None, page: None };
    for shard in shards {
        let Some(owner) = &shard.owner else { continue };
        let worker = all.entry(owner.clone()).or_insert_with(|| blank(owner));
        worker.shards += 1;
        // Each row is renewed by itself; one that moves shows that the worker lives.
        worker.alive = worker.alive.max(shard.alive);
    }
    for page in pages {
        let worker = all.entry(page.worker.clone()).or_insert_with(|| blank(&page.worker));
        (worker.alive, worker.page) = (Some(true), Some(page));
    }
    all.into_values().collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, group, state, at, .. } = self;
        writeln!(f, "stream {stream}, group {group}, positions in {state}, at {at}")?;
        let letters = self.dead_letters.tally.as_ref().map_or("unknown".to_owned(), counted);
        let behind = self.behind_ms.map_or("unknown".to_owned(), age_of);
        let (n_shards, n_workers) = (self.shards.len(), self.workers.len());
        writeln!(f, "{n_shards} shards, {n_workers} workers; behind: {behind}; dead letters: {letters}\n")?;
        self.show_shards(f)?;
        self.show_workers(f)?;
        self.show_letters(f)?;
        f.write_str(&self.disk.as_deref().map_or(String::new(), disk::table))?;
        for Unknown { what, why } in &self.unknown {
            writeln!(f, "unknown: {what}: {why}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}

fn counted(tally: &Tally) -> String {
    if tally.more { format!("more than {}", tally.letters) } else { tally.letters.to_string() }
}

impl Report {
    fn show_shards(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shards.is_empty() {
            writeln!(f, "no positions yet: no worker of group {} has begun to read", self.group)?;
        } else {
            let heads = ["SHARD", "STATE", "OWNER", "READ UP TO", "BEHIND", "OLDEST UNSETTLED"].map(str::to_owned);
            f.write_str(&columns(std::iter::once(heads).chain(self.shards.iter().take(LINES).map(Shard::cells))))?;
        }
        let hidden = self.shards.get(LINES..).unwrap_or_default();
        if !hidden.is_empty() {
            let unknown = hidden.iter().filter(|shard| shard.is_read_on() && shard.behind_ms.is_none()).count();
            let said = match unknown {
                0 => "none of them further behind".to_owned(),
                n => format!("{n} of them of unknown lag"),
            };
            writeln!(f, "and {} more, {said}; --json has all", hidden.len())?;
        }
        for shard in self.waiting.iter().take(LINES) {
            writeln!(f, "{shard}  has no position yet: its parents are not settled, or no worker has seen it")?;
        }
        Ok(())
    }

    fn show_workers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.workers.is_empty() {
            return Ok(());
        }
        let heads = ["WORKER", "SHARDS", "ALIVE", "PAGE", "READY", "ENDED", "IN FLIGHT"].map(str::to_owned);
        writeln!(f)?;
        f.write_str(&columns(std::iter::once(heads).chain(self.workers.iter().map(Worker::cells))))?;
        for page in self.workers.iter().filter_map(|worker| worker.page.as_ref()) {
            for (key, reason) in &page.reasons {
                writeln!(f, "{}  not ready: {key}: {reason}", page.worker)?;
            }
        }
        Ok(())
    }

    fn show_letters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Letters { place, tally: Some(tally) } = &self.dead_letters else { return Ok(()) };
        if tally.letters == 0 {
            return Ok(());
        }
        let reasons: Vec<String> = tally.reasons.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        let time = |at: Option<i64>| at.map_or("-".to_owned(), |at| Millis(at).rfc3339());
        let (oldest, newest) = (time(tally.oldest), time(tally.newest));
        writeln!(f, "\ndead letters in {place}: {}, arrived from {oldest} to {newest}", reasons.join(", "))
    }
}

impl Shard {
    fn cells(&self) -> [String; 6] {
        let owner = match (&self.owner, self.alive) {
            (None, _) => "free".to_owned(),
            (Some(owner), Some(false)) => format!("{owner} (silent)"),
            (Some(owner), _) => owner.clone(),
        };
        let owner = match &self.wanted_by {
            Some(by) => format!("{owner}, asked for by {by}"),
            None => owner,
        };
        let nothing = if self.is_read_on() { "unknown" } else { "-" };
        let behind = self.behind_ms.map_or(nothing.to_owned(), age_of);
        let oldest = match (&self.trouble, self.oldest_ms, self.says) {
            (Some(why), ..) => why.clone(),
            (None, Some(age), _) => age_of(u64::try_from(age).unwrap_or(0)),
            (None, None, Some(_)) => "nothing".to_owned(),
            (None, None, None) => nothing.to_owned(),
        };
        [self.shard.clone(), self.state.to_owned(), owner, self.short.clone(), behind, oldest]
    }
}

impl Worker {
    fn cells(&self) -> [String; 7] {
        let said = |yes: Option<bool>| yes.map_or("unknown", |yes| if yes { "yes" } else { "no" }).to_owned();
        let page = self.page.as_ref();
        let url = page.map_or("not found".to_owned(), |page| page.url.clone());
        let ready = page.map(|page| page.ready);
        let ended = page.map_or("-".to_owned(), |page| page.events.values().sum::<u64>().to_string());
        let in_flight = page.map_or("-".to_owned(), |page| {
            let share = page.in_flight_bytes.saturating_mul(100) / page.memory_bound_bytes.max(1);
            format!("{share}%")
        });
        [self.worker.clone(), self.shards.to_string(), said(self.alive), url, said(ready), ended, in_flight]
    }
}

#[cfg(test)]
mod tests;
