//! The objects that are read: in a bucket, or files of this machine.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use crate::event::time::Millis;
use crate::s3::{Bucket, Object, S3Error};

/// Where objects are.
#[derive(Debug, Clone)]
pub enum Source {
    /// Under a prefix of a bucket.
    S3 {
        /// The bucket.
        bucket: Bucket,
        /// What keys begin with.
        prefix: String,
    },
    /// A file, or a directory with all below it.
    Path(PathBuf),
}

/// A list of objects, in order; it goes on as it is asked.
pub enum Listing {
    /// Of a bucket.
    S3 {
        /// The bucket.
        bucket: Bucket,
        /// What keys begin with.
        prefix: String,
        /// The last key of the page before.
        after: Option<String>,
        /// Nothing follows.
        at_end: bool,
    },
    /// Of a directory: paths to look at, the next one last.
    Path(Vec<PathBuf>),
}

impl Source {
    /// The objects, from the first one on.
    pub fn list(&self) -> Listing {
        match self {
            Self::S3 { bucket, prefix } => {
                let (bucket, prefix) = (bucket.clone(), prefix.clone());
                Listing::S3 { bucket, prefix, after: None, at_end: false }
            }
            Self::Path(path) => Listing::Path(vec![path.clone()]),
        }
    }

    /// Bytes `from..to` of an object, less when it ends before.
    pub async fn read(&self, object: &Object, from: u64, to: u64) -> Result<Bytes, S3Error> {
        match self {
            Self::S3 { bucket, .. } => bucket.read(object, from, to).await,
            Self::Path(_) => {
                let path = PathBuf::from(&object.key);
                let read = tokio::task::spawn_blocking(move || read_file(&path, from, to)).await;
                let read = read.map_err(io::Error::other).and_then(|read| read);
                read.map_err(|error| S3Error::Gone(format!("{}: {error}", object.key)))
            }
        }
    }
}

impl Listing {
    /// The next objects; `None` at the end. Empty objects are none.
    pub async fn next(&mut self) -> Result<Option<VecDeque<Object>>, S3Error> {
        match self {
            Self::S3 { at_end: true, .. } => Ok(None),
            Self::S3 { bucket, prefix, after, at_end } => {
                let listed = bucket.list(prefix, after.as_deref()).await?;
                *at_end = !listed.more;
                if let Some(last) = listed.objects.last() {
                    *after = Some(last.key.clone());
                }
                Ok(Some(listed.objects.into_iter().filter(|object| object.size > 0).collect()))
            }
            Self::Path(paths) => {
                let mut todo = std::mem::take(paths);
                let walked = tokio::task::spawn_blocking(move || {
                    let found = walk(&mut todo);
                    (todo, found)
                });
                let (todo, found) = walked.await.map_err(|error| S3Error::Halt(error.to_string()))?;
                *paths = todo;
                found.map_err(|error| S3Error::Halt(error.to_string()))
            }
        }
    }
}

/// Looks at the next path: a directory is replaced by what is in it.
fn walk(paths: &mut Vec<PathBuf>) -> io::Result<Option<VecDeque<Object>>> {
    let Some(path) = paths.pop() else { return Ok(None) };
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let metadata = fs::metadata(&path).map_err(named)?;
    if !metadata.is_dir() {
        return Ok(Some(file(&path, &metadata).into_iter().collect()));
    }
    let mut inside = Vec::new();
    for entry in fs::read_dir(&path).map_err(named)? {
        let entry = entry.map_err(named)?;
        // What is hidden is none of Firehose's; a link to a directory could lead around in a circle.
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let linked = entry.file_type().map_err(named)?.is_symlink() && entry.path().is_dir();
        if !hidden && !linked {
            inside.push(entry.path());
        }
    }
    inside.sort_by(|a, b| b.cmp(a));
    paths.append(&mut inside);
    Ok(Some(VecDeque::new()))
}

fn file(path: &Path, metadata: &fs::Metadata) -> Option<Object> {
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let modified = Millis(i64::try_from(modified.as_millis()).unwrap_or(0));
    let size = metadata.len();
    (metadata.is_file() && size > 0).then(|| Object {
        key: path.display().to_string(),
        size,
        etag: format!("{size}-{}", modified.0),
        modified,
    })
}

fn read_file(path: &Path, from: u64, to: u64) -> io::Result<Bytes> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(to.saturating_sub(from)).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
