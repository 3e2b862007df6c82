//! Leases in one local file, for one worker.
//!
//! The file is replaced whole: written beside, flushed to the disk, renamed. A lock on a file beside it
//! is held as long as the table lives, so a second worker is refused.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::change::{Intent, Meeting};
use super::form::Lease;
use super::table::{Change, LeaseTable, Row, Written};
use crate::pipeline::ports::StoreError;
use crate::pipeline::position::ShardId;

/// The form of the file: 1 had positions only.
const VERSION: u32 = 2;
/// No stream has shards enough for a larger file: 150,000 at 330 bytes.
const SIZE_MAX: u64 = 50_000_000;

/// Leases in a file. Dropping it frees the lock.
#[derive(Debug)]
pub struct FileTable {
    path: PathBuf,
    group: String,
    stream: String,
    rows: Arc<Mutex<Rows>>,
    /// Locked until dropped; `None` only looks.
    lock: Option<Arc<File>>,
}

type Rows = BTreeMap<ShardId, Row>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    group: String,
    stream: String,
    #[serde(alias = "positions")]
    leases: BTreeMap<String, Lease>,
}

impl FileTable {
    /// Locks `path` and reads it; a file that does not exist holds no leases.
    ///
    /// Refuses ([`StoreError::Halt`]) a file that another worker has open, that belongs to another group
    /// or stream, or that cannot be understood: such a file is never taken for an empty one.
    pub fn open(path: &Path, stream: &str, group: &str) -> Result<Self, StoreError> {
        let lock = Arc::new(lock(path)?);
        let mut rows = read(path, stream, group)?;
        // The lock proves that whoever is named as an owner is gone: nobody's time need be waited out.
        for row in rows.values_mut() {
            (row.owner, row.wanted_by) = (None, None);
        }
        let rows = Arc::new(Mutex::new(rows));
        Ok(Self { path: path.to_owned(), group: group.to_owned(), stream: stream.to_owned(), rows, lock: Some(lock) })
    }

    /// Stream and group that the file at `path` is of; `None` when there is none.
    pub fn whose(path: &Path) -> Result<Option<(String, String)>, StoreError> {
        Ok(content(path)?.map(|content| (content.stream, content.group)))
    }

    /// Whether a worker holds the file at `path`. Nothing is made; a lock that nobody holds is held for a moment.
    pub fn is_held(path: &Path) -> bool {
        let lock = File::options().write(true).open(beside(path, ".lock"));
        lock.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// `open` without the lock: sees what the worker that holds it writes, and can change nothing.
    pub fn look(path: &Path, stream: &str, group: &str) -> Result<Self, StoreError> {
        let rows = Arc::new(Mutex::new(read(path, stream, group)?));
        Ok(Self { path: path.to_owned(), group: group.to_owned(), stream: stream.to_owned(), rows, lock: None })
    }

    /// What `change` makes of the rows becomes the file, and then the rows; nothing is written when it changes nothing.
    async fn update<T>(&self, change: impl FnOnce(&mut Rows) -> T) -> Result<T, StoreError> {
        let Some(lock) = &self.lock else {
            return Err(StoreError::Halt(format!(
                "state file {} was opened to be looked at only",
                self.path.display()
            )));
        };
        let mut held = Arc::clone(&self.rows).lock_owned().await;
        let mut new = held.clone();
        let changed = change(&mut new);
        if new == *held {
            return Ok(changed);
        }
        let content = Content {
            version: VERSION,
            group: self.group.clone(),
            stream: self.stream.clone(),
            leases: new.values().map(|row| (row.shard.to_string(), row.into())).collect(),
        };
        // The disk may block: not on the runtime's threads. The work goes on when the caller goes away: the lock on the rows and on the file go with it, so
        // that a second write cannot overtake this one.
        let (path, locked) = (self.path.clone(), Arc::clone(lock));
        let written = tokio::task::spawn_blocking(move || {
            replace(&path, &content)?;
            *held = new;
            drop(locked);
            Ok(())
        });
        let written = written.await;
        written.unwrap_or_else(|e| Err(StoreError::Halt(format!("the state file could not be written: {e}"))))?;
        Ok(changed)
    }
}

/// Does what the intent finds it may do.
fn carry_out(rows: &mut Rows, intent: Intent<'_>) -> Written {
    let shard = &intent.row().shard;
    match intent.meet(rows.get(shard)) {
        Meeting::Ended(end) => end,
        Meeting::Write(row) => {
            match row {
                Some(row) => drop(rows.insert(shard.clone(), row)),
                None => drop(rows.remove(shard)),
            }
            Written::Done
        }
    }
}

impl LeaseTable for FileTable {
    async fn list(&self) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.rows.lock().await;
        if self.lock.is_none() {
            *rows = read(&self.path, &self.stream, &self.group)?;
        }
        Ok(rows.values().cloned().collect())
    }

    async fn create(&self, rows: &[Row]) -> Result<(), StoreError> {
        self.update(|held| {
            for row in rows {
                held.entry(row.shard.clone()).or_insert_with(|| row.clone());
            }
        })
        .await
    }

    async fn write(&self, changes: &[Change]) -> Result<Vec<Written>, StoreError> {
        self.update(|rows| changes.iter().map(|change| carry_out(rows, change.into())).collect()).await
    }

    async fn remove(&self, rows: &[Row]) -> Result<(), StoreError> {
        self.update(|held| {
            for row in rows {
                carry_out(held, Intent::removal(row));
            }
        })
        .await
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

fn content(path: &Path) -> Result<Option<Content>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed("read", path, &e)),
    };
    let mut bytes = Vec::new();
    file.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(|e| failed("read", path, &e))?;
    if bytes.len() as u64 > SIZE_MAX {
        return Err(damaged(path, &format!("it is larger than {SIZE_MAX} bytes")));
    }
    let content: Content = serde_json::from_slice(&bytes).map_err(|e| damaged(path, &e.to_string()))?;
    if !(1..=VERSION).contains(&content.version) {
        return Err(damaged(path, &format!("its version is {}, this essink knows 1 to {VERSION}", content.version)));
    }
    Ok(Some(content))
}

fn read(path: &Path, stream: &str, group: &str) -> Result<Rows, StoreError> {
    let Some(content) = content(path)? else { return Ok(Rows::new()) };
    if (content.group.as_str(), content.stream.as_str()) != (group, stream) {
        return Err(StoreError::Halt(format!(
            "state file {} is of group `{}` on stream {}, not of group `{group}` on stream {stream}: give each its own file",
            path.display(),
            content.group,
            content.stream,
        )));
    }
    let row = |(shard, lease): (String, Lease)| match lease.row(ShardId::from(shard.as_str())) {
        Ok(row) => Ok((row.shard.clone(), row)),
        Err(why) => Err(damaged(path, &format!("shard {shard}: {why}"))),
    };
    content.leases.into_iter().map(row).collect()
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
