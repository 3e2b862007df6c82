//! Positions in one local file, for one worker.
//!
//! The file is replaced whole: written beside, flushed to the disk, renamed. A lock on a file beside it
//! is held as long as the store lives, so a second worker is refused.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::form::Written;
use super::moves_on;
use crate::pipeline::ports::{Positions, StoreError};
use crate::pipeline::position::{Position, ShardId};

/// The form of the file.
const VERSION: u32 = 1;
/// No stream has shards enough for a larger file: 200,000 at 250 bytes.
const SIZE_MAX: u64 = 50_000_000;

/// Positions in a file. Dropping it frees the lock.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    group: String,
    stream: String,
    held: Arc<Mutex<BTreeMap<ShardId, Position>>>,
    /// Locked until dropped.
    lock: Arc<File>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    group: String,
    stream: String,
    positions: BTreeMap<String, Written>,
}

impl FileStore {
    /// Locks `path` and reads it; a file that does not exist holds no positions.
    ///
    /// Refuses ([`StoreError::Halt`]) a file that another worker has open, that belongs to another group
    /// or stream, or that cannot be understood: such a file is never taken for an empty one.
    pub fn open(path: &Path, stream: &str, group: &str) -> Result<Self, StoreError> {
        let lock = Arc::new(lock(path)?);
        let held = Arc::new(Mutex::new(read(path, stream, group)?));
        Ok(Self { path: path.to_owned(), group: group.to_owned(), stream: stream.to_owned(), held, lock })
    }
}

impl FileStore {
    /// Every stored position.
    pub async fn load(&self) -> Result<BTreeMap<ShardId, Position>, StoreError> {
        Ok(self.held.lock().await.clone())
    }
}

impl Positions for FileStore {
    async fn store(&self, positions: &[(ShardId, Position)]) -> Result<Vec<ShardId>, StoreError> {
        let mut held = Arc::clone(&self.held).lock_owned().await;
        let moves = moves_on(positions, |shard| held.get(shard).cloned());
        if moves.is_empty() {
            return Ok(Vec::new());
        }
        let mut new = held.clone();
        new.extend(moves.into_iter().map(|(shard, position)| (shard.clone(), position.clone())));
        let content = Content {
            version: VERSION,
            group: self.group.clone(),
            stream: self.stream.clone(),
            positions: new.iter().map(|(shard, position)| (shard.to_string(), position.into())).collect(),
        };
        // The disk may block: not on the runtime's threads. The work goes on when the caller goes away: the lock on `held` and on the file go with it, so
        // that a second write cannot overtake this one.
        let (path, locked) = (self.path.clone(), Arc::clone(&self.lock));
        let written = tokio::task::spawn_blocking(move || {
            replace(&path, &content)?;
            *held = new;
            drop(locked);
            Ok(Vec::new())
        });
        written.await.unwrap_or_else(|e| Err(StoreError::Halt(format!("the state file could not be written: {e}"))))
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The lock lies beside the file because the file itself is replaced.
fn lock(path: &Path) -> Result<File, StoreError> {
    let beside = beside(path, ".lock");
    let mut options = File::options();
    let file =
        options.create(true).truncate(false).write(true).open(&beside).map_err(|e| failed("open", &beside, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Halt(format!(
            "state file {} is in use by another essink: stop that one, or give this one a --group and a file of its own",
            path.display()
        ))),
        Err(TryLockError::Error(e)) => Err(failed("lock", &beside, &e)),
    }
}

fn read(path: &Path, stream: &str, group: &str) -> Result<BTreeMap<ShardId, Position>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(failed("read", path, &e)),
    };
    let mut bytes = Vec::new();
    file.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(|e| failed("read", path, &e))?;
    if bytes.len() as u64 > SIZE_MAX {
        return Err(damaged(path, &format!("it is larger than {SIZE_MAX} bytes")));
    }
    let content: Content = serde_json::from_slice(&bytes).map_err(|e| damaged(path, &e.to_string()))?;
    if content.version != VERSION {
        return Err(damaged(path, &format!("its version is {}, this essink knows {VERSION}", content.version)));
    }
    if (content.group.as_str(), content.stream.as_str()) != (group, stream) {
        return Err(StoreError::Halt(format!(
            "state file {} is of group `{}` on stream {}, not of group `{group}` on stream {stream}: give each its own file",
            path.display(),
            content.group,
            content.stream,
        )));
    }
    let position = |(shard, written): (String, Written)| match written.position() {
        Ok(position) => Ok((ShardId::from(shard.as_str()), position)),
        Err(why) => Err(damaged(path, &format!("shard {shard}: {why}"))),
    };
    content.positions.into_iter().map(position).collect()
}

/// A crash at any moment leaves the old file or the new one, whole.
fn replace(path: &Path, content: &Content) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec_pretty(content).map_err(|e| StoreError::Halt(e.to_string()))?;
    let beside = beside(path, ".new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        sync_directory(path)
    };
    write().map_err(|e| failed("write", path, &e))
}

/// The rename is durable when the directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Elsewhere a directory cannot be opened as a file, and renames are durable by themselves.
    if cfg!(unix) { File::open(parent)?.sync_all() } else { Ok(()) }
}

/// A full or slow disk may heal; a missing directory or permission does not.
fn failed(what: &str, path: &Path, error: &io::Error) -> StoreError {
    let words = format!("cannot {what} state file {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::Halt(format!("{words}; make its directory first")),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::IsADirectory => {
            StoreError::Halt(format!("{words}; name a file that this user may write with --state file:PATH"))
        }
        _ => StoreError::Busy(words),
    }
}

fn damaged(path: &Path, why: &str) -> StoreError {
    StoreError::Halt(format!(
        "state file {} cannot be understood: {why}; restore it, or remove it to read the stream again from --start (what is indexed already stays as it is)",
        path.display()
    ))
}
