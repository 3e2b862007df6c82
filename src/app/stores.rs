//! Where positions and dead letters are kept, as the options say.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::clock;
use super::exit::Failure;
use crate::config::{DeadLetterOptions, RunOptions, StateOptions};
use crate::dead_letter::{DirLetters, DirOptions, IndexLetters, IndexOptions};
use crate::lease::cluster::{ClusterOptions, ClusterStore};
use crate::lease::file::FileStore;
use crate::opensearch::bulk::BulkClient;
use crate::opensearch::client::Client;
use crate::pipeline::op::Letter;
use crate::pipeline::ports::{DeadLetters, KeepError, Positions, StoreError};
use crate::pipeline::position::{Position, ShardId};
use crate::pipeline::route::Prefixes;
use crate::upkeep::retention::{self, Keep};

/// Either store of positions.
pub enum Store {
    /// Documents in the target cluster.
    Index(ClusterStore),
    /// A file, for one worker.
    File(FileStore),
}

/// Either store of dead letters.
pub enum Letters {
    /// Daily indices in the target cluster.
    Index(IndexLetters<BulkClient>),
    /// NDJSON files.
    Dir(DirLetters),
}

impl Store {
    /// Every stored position.
    pub async fn load(&self) -> Result<BTreeMap<ShardId, Position>, StoreError> {
        match self {
            Self::Index(store) => store.load().await,
            Self::File(store) => store.load().await,
        }
    }
}

impl Positions for Store {
    async fn store(&self, positions: &[(ShardId, Position)]) -> Result<Vec<ShardId>, StoreError> {
        match self {
            Self::Index(store) => store.store(positions).await,
            Self::File(store) => store.store(positions).await,
        }
    }
}

impl DeadLetters for Letters {
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        match self {
            Self::Index(store) => store.keep(letters).await,
            Self::Dir(store) => store.keep(letters).await,
        }
    }
}

/// The store that `--state` names, with its place for positions made sure of.
pub async fn positions(options: &RunOptions, client: &Client, stream: &str) -> Result<Store, Failure> {
    let group = options.stream.group.clone();
    match &options.state {
        StateOptions::File(path) => FileStore::open(path, stream, &group).map(Store::File).map_err(Failure::usage),
        StateOptions::Index(index) => {
            let options =
                ClusterOptions { index: index.clone(), stream: stream.to_owned(), group, worker: worker_name() };
            let store = ClusterStore::new(client.clone(), options);
            store.ensure_index().await.map_err(Failure::unavailable)?;
            Ok(Store::Index(store))
        }
    }
}

/// Tells this process from every other that ever stored a position.
fn worker_name() -> String {
    format!("{}-{:016x}", std::process::id(), clock::chance())
}

/// The store that `--dead-letters` names.
pub fn letters(options: &RunOptions, client: &Client, stream: &str) -> Result<Letters, Failure> {
    let prefix = options.names.dead_letter_prefix.clone();
    let stream = Some(stream.to_owned());
    match &options.dead_letters {
        DeadLetterOptions::Index => {
            let options = IndexOptions { prefix, stream, ..IndexOptions::default() };
            Ok(Letters::Index(IndexLetters::new(BulkClient::new(client.clone(), None), options)))
        }
        DeadLetterOptions::Directory(path) => {
            let options = DirOptions { prefix, stream, ..DirOptions::new(path) };
            DirLetters::open(options).map(Letters::Dir).map_err(Failure::usage)
        }
    }
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
