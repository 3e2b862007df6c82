//! Where positions and dead letters are kept, as the options say.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::clock;
use super::connect;
use super::exit::Failure;
use super::replay::progress::Progress;
use crate::config::{DeadLetterOptions, LetterOptions, RunOptions, S3Options, StateOptions};
use crate::dead_letter::{
    Cabinet, DirLetters, DirOptions, IndexCabinet, IndexLetters, IndexOptions, Redrive, S3LetterOptions, S3Letters,
};
use crate::lease::cluster::{ClusterOptions, ClusterTable};
use crate::lease::file::FileTable;
use crate::lease::keeper::Keeper;
use crate::lease::table::{Change, LeaseTable, Row, Written};
use crate::opensearch::bulk::BulkClient;
use crate::opensearch::client::Client;
use crate::pipeline::op::Letter;
use crate::pipeline::ports::{DeadLetters, KeepError, Positions, StoreError};
use crate::pipeline::position::{Position, ShardId};
use crate::pipeline::route::Prefixes;
use crate::upkeep::retention::{self, Keep};

/// Either table of leases.
pub enum Table {
    /// Documents in the target cluster.
    Index(ClusterTable),
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
            Self::File(table) => table.list().await,
        }
    }

    async fn create(&self, rows: &[Row]) -> Result<(), StoreError> {
        match self {
            Self::Index(table) => table.create(rows).await,
            Self::File(table) => table.create(rows).await,
        }
    }

    async fn write(&self, changes: &[Change]) -> Result<Vec<Written>, StoreError> {
        match self {
            Self::Index(table) => table.write(changes).await,
            Self::File(table) => table.write(changes).await,
        }
    }

    async fn remove(&self, rows: &[Row]) -> Result<(), StoreError> {
        match self {
            Self::Index(table) => table.remove(rows).await,
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
pub async fn leases(options: &RunOptions, client: &Client, stream: &str) -> Result<Table, Failure> {
    let group = options.stream.group.clone();
    let table = match &options.state {
        StateOptions::File(path) => FileTable::open(path, stream, &group).map(Table::File).map_err(Failure::usage)?,
        StateOptions::Index(index) => {
            let options = ClusterOptions { index: index.clone(), stream: stream.to_owned(), group: group.clone() };
            let table = ClusterTable::new(client.clone(), options);
            table.ensure_index().await.map_err(Failure::unavailable)?;
            Table::Index(table)
        }
    };
    Ok(table)
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
    let families = [keep(&prefixes.pinpoint), keep(&prefixes.unrecognized)];
    match retention::list(client, &families).await {
        Ok(listed) => listed.into_iter().map(|index| Arc::from(index.name)).collect(),
        Err(error) => {
            tracing::warn!("{error:#}: existing days count as new for --max-days");
            Vec::new()
        }
    }
}
