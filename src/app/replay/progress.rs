//! What of a replay has settled, in a file: a line for each object that is done, and for how far another one is.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::pipeline::ports::{Positions, StoreError};
use crate::pipeline::position::{Position, ShardId};
use crate::s3::Object;

/// Where an object goes on that is done.
const DONE: u64 = u64::MAX;
/// Longer lines are none of ours.
const LONGEST_LINE: u64 = 64 << 10;

/// The first line: whose progress it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// What is read.
    pub replay: String,
    /// The cluster that is written to.
    pub cluster: String,
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    object: String,
    version: String,
    /// How far it has settled, inflated; absent when it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
}

/// The progress of one replay. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    path: PathBuf,
    /// Locked, so that two replays do not write one file.
    file: File,
    /// Sixteen bytes for each object, whatever its name: a million take some 40 MB.
    settled: HashMap<u128, u64>,
    versions: HashMap<ShardId, String>,
    /// Bytes of the file that are whole lines.
    whole: u64,
}

impl Progress {
    /// Opens the file, or makes it. One of another replay, or one in use, is refused.
    pub fn open(path: &Path, replay: &Replay) -> anyhow::Result<Self> {
        let name = path.display();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| format!("cannot open the progress file {name}, give another --progress"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("the progress file {name} is in use: another replay of the same is running")
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("cannot lock {name}")),
        }
        let (settled, whole) = read(&file, replay).with_context(|| format!("progress file {name}"))?;
        let mut state = State { path: path.to_owned(), file, settled, versions: HashMap::new(), whole };
        if whole == 0 {
            state.append(&[serde_json::to_string(replay)?])?;
        }
        Ok(Self { state: Arc::new(Mutex::new(state)) })
    }

    /// What has settled according to a file that may be there; nothing is made.
    pub fn look(path: &Path, replay: &Replay) -> anyhow::Result<Option<Self>> {
        if path.exists() { Self::open(path, replay).map(Some) } else { Ok(None) }
    }

    /// How far the object has settled; `None` when it is done.
    pub fn of(&self, object: &Object) -> Option<u64> {
        let at = self.lock().settled.get(&key(&object.key, &object.etag)).copied().unwrap_or(0);
        (at != DONE).then_some(at)
    }

    /// The object is read from now on: its positions are those of this version of it.
    pub fn begin(&self, object: &Object) {
        self.lock().versions.insert(ShardId::from(object.key.as_str()), object.etag.clone());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panic left undone is written again, or read again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Positions for Progress {
    async fn store(&self, positions: &[(ShardId, Position)]) -> Result<Vec<ShardId>, StoreError> {
        let (progress, positions) = (self.clone(), positions.to_vec());
        let stored = tokio::task::spawn_blocking(move || progress.lock().store(&positions)).await;
        stored.map_err(|error| StoreError::Halt(error.to_string()))??;
        Ok(Vec::new())
    }
}

impl State {
    fn store(&mut self, positions: &[(ShardId, Position)]) -> Result<(), StoreError> {
        let mut lines = Vec::new();
        for (shard, position) in positions {
            let at = match position {
                Position::End => None,
                Position::After(sequence) => Some(sequence.as_str().parse().unwrap_or(0)),
                _ => continue,
            };
            let version = self.versions.get(shard).cloned().unwrap_or_default();
            let line = Line { object: shard.to_string(), version, at };
            lines.push(serde_json::to_string(&line).map_err(|error| StoreError::Halt(error.to_string()))?);
        }
        let failed =
            |error: io::Error, path: &Path| StoreError::Busy(format!("progress file {}: {error}", path.display()));
        self.append(&lines).map_err(|error| failed(error, &self.path))?;
        for (shard, _) in positions.iter().filter(|(_, position)| *position == Position::End) {
            self.versions.remove(shard);
        }
        Ok(())
    }

    /// Behind the last whole line, so that a line that a full disk cut short is written over.
    fn append(&mut self, lines: &[String]) -> io::Result<()> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.file.set_len(self.whole)?;
        self.file.seek(SeekFrom::Start(self.whole))?;
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        self.whole += text.len() as u64;
        Ok(())
    }
}

/// What has settled, and how many bytes of the file are whole lines: a crash may have cut the last one.
fn read(file: &File, replay: &Replay) -> anyhow::Result<(HashMap<u128, u64>, u64)> {
    let (mut settled, mut whole, mut line) = (HashMap::new(), 0, Vec::new());
    let mut reader = BufReader::new(file);
    loop {
        line.clear();
        let read = io::Read::take(&mut reader, LONGEST_LINE).read_until(b'\n', &mut line)? as u64;
        if !line.ends_with(b"\n") {
            return Ok((settled, whole));
        }
        if whole == 0 {
            let first: Replay =
                serde_json::from_slice(&line).context("it is no progress of a replay, give another --progress")?;
            if first != *replay {
                bail!("it is that of a replay from {} into {}, give another --progress", first.replay, first.cluster);
            }
        } else {
            let Line { object, version, at } = serde_json::from_slice(&line)
                .context("a line of it cannot be read; delete it to begin again, which is harmless")?;
            settled.insert(key(&object, &version), at.unwrap_or(DONE));
        }
        whole += read;
    }
}

fn key(object: &str, version: &str) -> u128 {
    let digest = Sha256::digest([object.as_bytes(), b"\0", version.as_bytes()].concat());
    digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests;
