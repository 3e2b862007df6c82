//! `essink leases`: who reads each shard and how far it has been read, shown and repaired.

mod report;
pub(super) mod unread;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::sleep;

use self::report::{Done, Line, List, Moved};
use self::unread::Unread;
use super::clock;
use super::commands::print;
use super::connect;
use super::exit::Failure;
use super::stores::{self, Table, Whose, patiently};
use super::worker::open_stream;
use crate::config::{LeasesAction, LeasesOptions, ResetTo, StateOptions};
use crate::kinesis::client::{Kinesis, Stream};
use crate::kinesis::lineage::{self, Shard};
use crate::kinesis::shard::api::ShardApi;
use crate::lease::repair::{Ground, Repair, alive};
use crate::lease::table::{Change, LeaseTable, Row, Written};
use crate::opensearch::client::Client;
use crate::pipeline::position::{Position, ShardId};

/// Owners renew every third of the time after which they count as dead: in two thirds a living one moves its row.
const WATCH: (u32, u32) = (2, 3);

/// What every one of the commands looks at first.
struct Scene {
    options: LeasesOptions,
    kinesis: Kinesis,
    stream: Stream,
    client: Client,
    /// As listed after the table.
    shards: Vec<Shard>,
}

/// Does what was asked for.
pub async fn run(options: LeasesOptions) -> Result<(), Failure> {
    let LeasesOptions { stream, region, endpoint_url, .. } = &options;
    let opened = open_stream(stream, region.as_deref(), endpoint_url.as_deref()).await;
    let (kinesis, stream) = opened.map_err(Failure::unavailable)?;
    let shards = kinesis.shards(&stream).await.map_err(Failure::unavailable)?;
    // Not asked what it is: the state may be elsewhere, and the cluster away.
    let client = connect::client(&options.cluster).await?;
    let scene = Scene { options, kinesis, stream, client, shards };
    match &scene.options.action {
        LeasesAction::List => scene.list().await,
        LeasesAction::Reset { to, force, dry_run } => scene.reset(to, *force, *dry_run).await,
        LeasesAction::Move { to, group, force, dry_run } => scene.copy(to, group, *force, *dry_run).await,
    }
}

impl Scene {
    async fn list(&self) -> Result<(), Failure> {
        let table =
            stores::table_to_look_at(&self.options.state, &self.whose(&self.options.group), &self.client).await?;
        let (rows, living) = self.watch(&table).await?;
        let rows: Vec<Row> = rows.into_iter().filter(|row| self.is_meant(&row.shard)).collect();
        let mut unread = unread::of(&self.kinesis, &self.stream, &rows, &self.shards).await;
        let listed: BTreeMap<&ShardId, &Shard> = self.shards.iter().map(|shard| (&shard.id, shard)).collect();
        let line = |row: &Row| Line::new(row, &living, listed.get(&row.shard).copied(), unread.remove(&row.shard));
        let leases: Vec<Line> = rows.iter().map(line).collect();
        let known: BTreeSet<&ShardId> = rows.iter().map(|row| &row.shard).collect();
        let waiting = self.shards.iter().map(|shard| &shard.id).filter(|id| !known.contains(id) && self.is_meant(id));
        let waiting = waiting.map(ToString::to_string).collect();
        let (stream, group) = (self.stream.name.clone(), self.options.group.clone());
        print(self.options.json, &List { stream, group, leases, waiting })
    }

    async fn reset(&self, to: &ResetTo, force: bool, dry_run: bool) -> Result<(), Failure> {
        let to = self.position(to)?;
        let table = stores::table(&self.options.state, &self.whose(&self.options.group), &self.client).await?;
        let (rows, living) = self.watch(&table).await?;
        if rows.is_empty() {
            return Err(Failure::usage(anyhow!(
                "group {} has no positions for stream {}: begin with essink run --start",
                self.options.group,
                self.stream.name
            )));
        }
        let listed = self.shards.iter().map(|shard| (shard.id.clone(), shard.parents.clone())).collect();
        let (only, foreign) = (self.only(), table.forgets_ended());
        let mut repair = Ground { rows: &rows, listed: &listed, alive: &living, only: &only, foreign }.reset(&to);
        self.may(&repair, force)?;
        self.reachable(&repair, &to).await?;
        if !force {
            self.skips_nothing(&rows, &to).await?;
        }
        // Else a child that is put back would make its parents look unread.
        let ended = self.forgotten(&table, &rows).into_iter().filter(|row| !self.is_meant(&row.shard));
        repair.fresh.extend(ended);
        self.carry_out(&table, repair, dry_run).await
    }

    async fn copy(&self, to: &StateOptions, group: &str, force: bool, dry_run: bool) -> Result<(), Failure> {
        if *to == self.options.state && group == self.options.group {
            return Err(Failure::usage(anyhow!(
                "--to-state and --to-group name the place where the positions are already"
            )));
        }
        let from = stores::table(&self.options.state, &self.whose(&self.options.group), &self.client).await?;
        let (mut rows, living) = self.watch(&from).await?;
        rows.extend(self.forgotten(&from, &rows));
        let there = stores::table(to, &self.whose(group), &self.client).await?;
        if !dry_run {
            stores::prepare(&there).await?;
        }
        let theirs = patiently(|| there.list()).await?;
        let only = self.only();
        let repair =
            Ground { rows: &rows, listed: &BTreeMap::new(), alive: &living, only: &only, foreign: false }.copy(&theirs);
        if let Some(change) = repair.changes.first().filter(|_| !force) {
            return Err(Failure::unavailable(anyhow!(
                "the other store has another position of shard {}: {}; --force writes over it",
                change.was.shard,
                change.was.position
            )));
        }
        self.may(&repair, force)?;
        self.carry_out(&there, repair, dry_run).await
    }

    /// What stands in the way, if anything does.
    fn may(&self, repair: &Repair, force: bool) -> Result<(), Failure> {
        if let Some(shard) = repair.unknown.first() {
            return Err(Failure::usage(anyhow!(
                "shard {shard} is neither in the table nor in stream {}",
                self.stream.name
            )));
        }
        match repair.owned.first() {
            Some((shard, owner)) if !force => Err(Failure::unavailable(anyhow!(
                "shard {shard} is read by {owner}, which is alive, and {} more: stop the workers of group {} first, or take it from \
                 them with --force",
                repair.owned.len() - 1,
                self.options.group
            ))),
            _ => Ok(()),
        }
    }

    /// Rows at their end of shards that had ended before whoever else writes the table removed them.
    fn forgotten(&self, table: &Table, rows: &[Row]) -> Vec<Row> {
        if !table.forgets_ended() {
            return Vec::new();
        }
        let known = rows.iter().map(|row| (row.shard.clone(), row.position.clone())).collect();
        let ended = lineage::forgotten(&self.shards, &known);
        let parents =
            |id: &ShardId| self.shards.iter().find(|shard| shard.id == *id).map(|shard| shard.parents.clone());
        let row = |(shard, position)| Row {
            parents: parents(&shard).unwrap_or_default(),
            shard,
            owner: None,
            counter: 0,
            wanted_by: None,
            position,
        };
        ended.into_iter().map(row).collect()
    }

    /// A sequence number that was mistyped would end every worker that takes the shard.
    async fn reachable(&self, repair: &Repair, to: &Position) -> Result<(), Failure> {
        let shard =
            repair.changes.iter().map(|change| &change.now.shard).chain(repair.fresh.iter().map(|row| &row.shard));
        let (Position::From(_), Some(shard)) = (to, shard.into_iter().next()) else { return Ok(()) };
        let asked = self.kinesis.reader(&self.stream).iterator(shard, to).await;
        let refused = |fault| Failure::usage(anyhow!("kinesis does not read shard {shard} {to}: {fault}"));
        asked.map(drop).map_err(refused)
    }

    /// Going forward leaves out what lies between: that is asked for twice.
    async fn skips_nothing(&self, rows: &[Row], to: &Position) -> Result<(), Failure> {
        let Position::At(time) = to else { return Ok(()) };
        let meant: Vec<Row> = rows.iter().filter(|row| self.is_meant(&row.shard)).cloned().collect();
        let unread = unread::of(&self.kinesis, &self.stream, &meant, &self.shards).await;
        let now = clock::now();
        let owes = |found: &Unread| found.oldest_ms.is_some_and(|age| now.0.saturating_sub(age) < time.0);
        match unread.iter().find(|(_, found)| owes(found)) {
            None => Ok(()),
            Some((shard, _)) => Err(Failure::unavailable(anyhow!(
                "shard {shard} has unread records that arrived before {}: they would be left out; see essink leases list, and \
                 give --force to leave them out",
                time.rfc3339()
            ))),
        }
    }

    async fn carry_out(&self, table: &Table, repair: Repair, dry_run: bool) -> Result<(), Failure> {
        let Repair { changes, fresh, .. } = repair;
        let moved = |change: &Change| Moved::new(&change.now.shard, Some(&change.was.position), &change.now.position);
        let mut done: Vec<Moved> = changes.iter().map(moved).collect();
        done.extend(fresh.iter().map(|row| Moved::new(&row.shard, None, &row.position)));
        if !dry_run {
            patiently(|| table.create(&fresh)).await?;
            let written = patiently(|| table.write(&changes)).await?;
            let lost = written.iter().zip(&changes).find(|(written, _)| **written != Written::Done);
            if let Some((_, change)) = lost {
                return Err(Failure::unfinished(anyhow!(
                    "somebody wrote to the lease of shard {} meanwhile: see essink leases list, and try again",
                    change.now.shard
                )));
            }
        }
        print(self.options.json, &Done { dry_run, moved: done })
    }

    /// The table as it is, and the shards whose owners are alive: looked at twice, where anybody owns anything.
    async fn watch(&self, table: &Table) -> Result<(Vec<Row>, BTreeSet<ShardId>), Failure> {
        let before = patiently(|| table.list()).await?;
        if before.iter().all(|row| row.owner.is_none()) {
            return Ok((before, BTreeSet::new()));
        }
        sleep(self.options.lease_timeout * WATCH.0 / WATCH.1 + Duration::from_millis(500)).await;
        // Opened anew: a file that is only looked at is read when it is opened.
        let looked =
            stores::table_to_look_at(&self.options.state, &self.whose(&self.options.group), &self.client).await?;
        let again = patiently(|| looked.list()).await?;
        let living = alive(&before, &again);
        Ok((again, living))
    }

    fn position(&self, to: &ResetTo) -> Result<Position, Failure> {
        let now = clock::now();
        match to {
            ResetTo::TrimHorizon => Ok(Position::TrimHorizon),
            ResetTo::Latest => Ok(Position::At(now)),
            ResetTo::At(time) if *time <= now => Ok(Position::At(*time)),
            ResetTo::At(time) => {
                Err(Failure::usage(anyhow!("--to {} lies in the future: give a time before now", time.rfc3339())))
            }
            ResetTo::Sequence(sequence) if self.options.shards.len() == 1 => Ok(Position::From(sequence.clone())),
            ResetTo::Sequence(_) => {
                Err(Failure::usage(anyhow!("a sequence number is of one shard: name it with --shard, and no other")))
            }
        }
    }

    fn whose(&self, group: &str) -> Whose {
        Whose { stream: self.stream.arn.clone(), group: group.to_owned(), begin: Position::TrimHorizon }
    }

    fn only(&self) -> Vec<ShardId> {
        self.options.shards.iter().map(|shard| ShardId::from(shard.as_str())).collect()
    }

    fn is_meant(&self, shard: &ShardId) -> bool {
        self.options.shards.is_empty() || self.options.shards.iter().any(|named| **named == *shard.0)
    }
}
