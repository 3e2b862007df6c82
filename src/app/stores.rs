//! Where positions and dead letters are kept, as the options say.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::clock;
use super::connect;
use super::exit::Failure;
use super::replay::progress::Progress;
use crate::config::{DeadLetterOptions, LetterOptions, RunOptions, S3Options, StateOptions, TableOptions};
use crate::dead_letter::{
    Cabinet, DirLetters, DirOptions, IndexCabinet, IndexLetters, IndexOptions, Redrive, S3LetterOptions, S3Letters,
};
use crate::event::family::Prefixes;
use crate::kinesis::client::{Access, settings};
use crate::lease::cluster::{ClusterOptions, ClusterTable};
use crate::lease::dynamo::{DynamoTable, Own};
use crate::lease::file::FileTable;
use crate::lease::keeper::Keeper;
use crate::lease::table::{Change, LeaseTable, Row, Written};
use crate::opensearch::bulk::BulkClient;
use crate::opensearch::client::Client;
use crate::pipeline::op::Letter;
use crate::pipeline::ports::{DeadLetters, KeepError, Positions, StoreError};
use crate::pipeline::position::{Position, ShardId};
use crate::upkeep::retention::{self, Keep};

/// One request on a row; the keeper looks again after a few seconds.
const TABLE_TIMEOUT: Duration = Duration::from_secs(3);

/// Any table of leases.
pub enum Table {
    /// Documents in the target cluster.
    Index(ClusterTable),
    /// Items in DynamoDB.
    Dynamo(DynamoTable),
    /// A file, for one worker.
    File(FileTable),
}

/// Any store of dead letters. All of them in one type, and positions in another: the pipeline is in the program once.
pub enum Letters {
    /// Daily indices in the target cluster.
    Index(IndexLetters<BulkClient>),
    /// NDJSON files.
    Dir(DirLetters),
    /// Objects in a bucket.
    S3(S3Letters),
    /// They are kept already, and sent again.
    Redriven(Redrive),
}

/// Where positions are kept.
pub enum Places {
    /// With the leases of a stream's shards.
    Leases(Arc<Keeper<Table>>),
    /// As letters that go from their store.
    Redrive(Redrive),
    /// In the progress file of a replay.
    Replay(Progress),
}

impl Positions for Places {
    async fn store(&self, positions: &[(ShardId, Position)]) -> Result<Vec<ShardId>, StoreError> {
        match self {
            Self::Leases(keeper) => keeper.store(positions).await,
            Self::Redrive(redrive) => redrive.store(positions).await,
            Self::Replay(progress) => progress.store(positions).await,
        }
    }
}

impl LeaseTable for Table {
    async fn list(&self) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Index(table) => table.list().await,
            Self::Dynamo(table) => table.list().await,
            Self::File(table) => table.list().await,
        }
    }

    async fn create(&self, rows: &[Row]) -> Result<(), StoreError> {
        match self {
            Self::Index(table) => table.create(rows).await,
            Self::Dynamo(table) => table.create(rows).await,
            Self::File(table) => table.create(rows).await,
        }
    }

    async fn write(&self, changes: &[Change]) -> Result<Vec<Written>, StoreError> {
        match self {
            Self::Index(table) => table.write(changes).await,
            Self::Dynamo(table) => table.write(changes).await,
            Self::File(table) => table.write(changes).await,
        }
    }

    fn forgets_ended(&self) -> bool {
        match self {
            Self::Index(table) => table.forgets_ended(),
            Self::Dynamo(table) => table.forgets_ended(),
            Self::File(table) => table.forgets_ended(),
        }
    }

    async fn remove(&self, rows: &[Row]) -> Result<(), StoreError> {
        match self {
            Self::Index(table) => table.remove(rows).await,
            Self::Dynamo(table) => table.remove(rows).await,
            Self::File(table) => table.remove(rows).await,
        }
    }
}

impl DeadLetters for Letters {
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        match self {
            Self::Index(store) => store.keep(letters).await,
            Self::Dir(store) => store.keep(letters).await,
            Self::S3(store) => store.keep(letters).await,
            Self::Redriven(redrive) => redrive.keep(letters).await,
        }
    }
}

/// The table that `--state` names, with its place made sure of.
///
/// `begin` is where shards begin that exist when the group is born.
pub async fn leases(options: &RunOptions, client: &Client, stream: &str, begin: &Position) -> Result<Table, Failure> {
    let whose = Whose { stream: stream.to_owned(), group: options.stream.group.clone(), begin: begin.clone() };
    let table = table(&options.state, &whose, client).await?;
    prepare(&table).await?;
    Ok(table)
}

/// Whose leases a table has.
pub struct Whose {
    /// ARN of the stream.
    pub stream: String,
    /// `--group`.
    pub group: String,
    /// Where shards begin that exist when the group is born.
    pub begin: Position,
}

/// The table that `state` names; a file is locked by it. Nothing is made yet.
pub async fn table(state: &StateOptions, whose: &Whose, client: &Client) -> Result<Table, Failure> {
    let Whose { stream, group, begin } = whose;
    Ok(match state {
        StateOptions::File(path) => FileTable::open(path, stream, group).map(Table::File).map_err(Failure::usage)?,
        StateOptions::Index(index) => {
            let options = ClusterOptions { index: index.clone(), stream: stream.clone(), group: group.clone() };
            Table::Index(ClusterTable::new(client.clone(), options))
        }
        StateOptions::Table(place) => {
            let own = Own { stream: stream.clone(), group: group.clone(), begin: begin.clone() };
            Table::Dynamo(dynamo(place, own).await)
        }
    })
}

/// The same to be looked at only: a file that a worker holds is read all the same.
pub async fn table_to_look_at(state: &StateOptions, whose: &Whose, client: &Client) -> Result<Table, Failure> {
    match state {
        StateOptions::File(path) => {
            FileTable::look(path, &whose.stream, &whose.group).map(Table::File).map_err(Failure::usage)
        }
        _ => table(state, whose, client).await,
    }
}

/// Makes sure of the place of a table. The first listing refuses one of another group or stream.
pub async fn prepare(table: &Table) -> Result<(), Failure> {
    match table {
        Table::File(_) => {}
        Table::Index(table) => drop(patiently(|| table.ensure_index()).await?),
        Table::Dynamo(table) => drop(patiently(|| table.ensure_table()).await?),
    }
    Ok(())
}

/// A table that was made a moment ago, by whomever, may not answer yet.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two questions to a table that does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Trouble that passes must not fail a start.
pub async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(call: impl Fn() -> F) -> Result<T, Failure> {
    let began = Instant::now();
    loop {
        match call().await {
            Ok(done) => return Ok(done),
            Err(StoreError::Busy(_)) if began.elapsed() < PATIENCE => sleep(PAUSE).await,
            Err(error) => return Err(Failure::unavailable(error).during("the table of leases does not serve")),
        }
    }
}

/// How far each shard has been read and settled, as stored now.
pub async fn positions(table: &Table) -> Result<BTreeMap<ShardId, Position>, Failure> {
    let rows = patiently(|| table.list()).await?;
    Ok(rows.into_iter().map(|row| (row.shard, row.position)).collect())
}

/// The table of DynamoDB; nothing is sent yet.
pub async fn dynamo(place: &TableOptions, own: Own) -> DynamoTable {
    let access = Access {
        region: place.region.clone(),
        endpoint: place.endpoint_url.clone(),
        connect_timeout: TABLE_TIMEOUT,
        call_timeout: TABLE_TIMEOUT,
        ..Access::default()
    };
    DynamoTable::new(&settings(&access).await, &place.name, own)
}

/// Tells this process from every other that ever kept a lease, and people where it runs.
pub fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
    let host = if host.is_empty() { "worker" } else { &host };
    format!("{host}-{}-{:016x}", std::process::id(), clock::chance())
}

/// The store that `--dead-letters` names, for letters of `stream`.
pub async fn letters(
    place: &DeadLetterOptions,
    prefix: &str,
    client: &Client,
    stream: &str,
) -> Result<Letters, Failure> {
    let (prefix, stream) = (prefix.to_owned(), Some(stream.to_owned()));
    match place {
        DeadLetterOptions::Index => {
            let options = IndexOptions { prefix, stream, ..IndexOptions::default() };
            Ok(Letters::Index(IndexLetters::new(BulkClient::new(client.clone(), None), options)))
        }
        DeadLetterOptions::Directory(path) => {
            let options = DirOptions { prefix, stream, ..DirOptions::new(path) };
            DirLetters::open(options).map(Letters::Dir).map_err(Failure::usage)
        }
        DeadLetterOptions::S3(options) => s3_letters(options, stream).await.map(Letters::S3),
    }
}

/// The same store for those who look after letters.
pub async fn cabinet(options: &LetterOptions) -> Result<Arc<dyn Cabinet>, Failure> {
    let prefix = options.names.dead_letter_prefix.clone();
    Ok(match &options.place {
        DeadLetterOptions::Index => {
            let (client, _) = connect::cluster(&options.cluster).await?;
            Arc::new(IndexCabinet::new(client, IndexOptions { prefix, ..IndexOptions::default() }))
        }
        DeadLetterOptions::Directory(path) => {
            Arc::new(DirLetters::look(DirOptions { prefix, ..DirOptions::new(path) }).map_err(Failure::usage)?)
        }
        DeadLetterOptions::S3(options) => Arc::new(s3_letters(options, None).await?),
    })
}

async fn s3_letters(options: &S3Options, stream: Option<String>) -> Result<S3Letters, Failure> {
    let prefix = options.url.prefix.clone();
    let letters = S3Letters::new(connect::bucket(options).await?, S3LetterOptions { prefix, stream });
    let S3Options { url, .. } = options;
    let place = format!("--dead-letters s3://{}/{}", url.bucket, url.prefix);
    letters.check().await.map_err(|error| Failure::unavailable(error).during(place))?;
    Ok(letters)
}

/// Names of the daily indices that exist. None when they may not be listed: they only guard against a flood.
pub async fn existing_indices(client: &Client, prefixes: &Prefixes) -> Vec<Arc<str>> {
    let keep = |prefix: &str| Keep { prefix: prefix.to_owned(), days: NonZeroU32::MIN };
    let families: Vec<Keep> = prefixes.iter().map(|(_, prefix)| keep(prefix)).collect();
    match retention::list(client, &families).await {
        Ok(listed) => listed.into_iter().map(|index| Arc::from(index.name)).collect(),
        Err(error) => {
            tracing::warn!("{error:#}: existing days count as new for --max-days");
            Vec::new()
        }
    }
}
