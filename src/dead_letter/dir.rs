//! Letters kept in a directory: one JSON document a line, files by the UTC day of arrival.

mod edit;
mod walk;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;

use super::document::documents;
use super::head::{LetterKey, Whole};
use crate::event::time::Day;
use crate::pipeline::op::Letter;
use crate::pipeline::ports::{DeadLetters, KeepError};

/// Files open at a time. A replay can bring many days; a day that comes again gets another file.
const MOST_OPEN: usize = 16;
/// Files of one day; far more than a disk of letters makes.
const MOST_FILES: u32 = 99_999;

/// Where letters go and how large a file gets.
#[derive(Debug, Clone)]
pub struct DirOptions {
    /// The directory; it is made when missing.
    pub path: PathBuf,
    /// What the files are called before the day.
    pub prefix: String,
    /// The stream the letters come from, as its ARN or name.
    pub stream: Option<String>,
    /// A file that has grown to this many bytes is followed by another.
    pub file_bytes: u64,
}

impl DirOptions {
    /// Files of 64 MiB in `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), prefix: "essink-dead-letters-".into(), stream: None, file_bytes: 64 << 20 }
    }
}

/// Keeps letters in files. A letter that is kept again after a restart is in two lines with one id.
#[derive(Debug)]
pub struct DirLetters {
    files: Arc<Mutex<Files>>,
    /// What is there, once somebody imports.
    known: Arc<Mutex<Option<HashSet<LetterKey>>>>,
}

#[derive(Debug)]
struct Files {
    options: DirOptions,
    open: BTreeMap<Day, Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
}

impl DirLetters {
    /// Makes the directory and tries whether a file can be written there.
    pub fn open(options: DirOptions) -> anyhow::Result<Self> {
        let path = options.path.display().to_string();
        fs::create_dir_all(&options.path).with_context(|| format!("cannot make the dead-letter directory {path}"))?;
        let probe = options.path.join(".essink-can-write");
        let tried =
            private().create(true).truncate(true).write(true).open(&probe).and_then(|_| fs::remove_file(&probe));
        tried.with_context(|| format!("cannot write to the dead-letter directory {path}"))?;
        Ok(Self::new(options))
    }

    /// For who looks after letters: the directory must be there.
    pub fn look(options: DirOptions) -> anyhow::Result<Self> {
        let path = options.path.display().to_string();
        fs::read_dir(&options.path).with_context(|| format!("cannot read the dead-letter directory {path}"))?;
        Ok(Self::new(options))
    }

    fn new(options: DirOptions) -> Self {
        Self { files: Arc::new(Mutex::new(Files { options, open: BTreeMap::new() })), known: Arc::default() }
    }
}

impl DeadLetters for DirLetters {
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        let (files, letters) = (self.files.clone(), letters.to_vec());
        let kept = tokio::task::spawn_blocking(move || {
            // A panic while it was held left nothing but perhaps a torn line in a file that is dropped below.
            let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
            files.keep(&letters).map_err(|error| failed(&files.options, &error))
        });
        kept.await.map_err(|error| KeepError::Busy(format!("keeping dead letters was cut short: {error}")))?
    }
}

impl Files {
    /// One write and one sync for each day the letters belong to.
    fn keep(&mut self, letters: &[Letter]) -> io::Result<()> {
        let mut lines: BTreeMap<Day, Vec<u8>> = BTreeMap::new();
        for letter in letters {
            let day = letter.source.arrived.day();
            for document in documents(letter, self.options.stream.as_deref(), usize::MAX)? {
                let lines = lines.entry(day).or_default();
                lines.extend_from_slice(&document.json);
                lines.push(b'\n');
            }
        }
        lines.iter().try_for_each(|(day, lines)| self.append(*day, lines))
    }

    fn add(&mut self, letters: &[Whole]) -> io::Result<()> {
        let mut lines: BTreeMap<Day, Vec<u8>> = BTreeMap::new();
        for letter in letters {
            lines.entry(letter.head.arrived().day()).or_default().extend(super::lines::line(letter)?);
        }
        lines.iter().try_for_each(|(day, lines)| self.append(*day, lines))
    }

    fn append(&mut self, day: Day, lines: &[u8]) -> io::Result<()> {
        // Taken out, and put back only when all went well: what follows a torn line goes to another file.
        let mut open = match self.open.remove(&day) {
            Some(open) if open.size < self.options.file_bytes => open,
            _ => self.create(day)?,
        };
        // Whoever removes letters puts another file in its place under this lock: then nothing may follow in ours.
        open.file.lock()?;
        if open.file.metadata()?.nlink() == 0 {
            open = self.create(day)?;
            open.file.lock()?;
        }
        open.file.write_all(lines)?;
        open.file.sync_data()?;
        open.file.unlock()?;
        open.size += lines.len() as u64;
        if self.open.len() >= MOST_OPEN {
            self.open.pop_first();
        }
        self.open.insert(day, open);
        Ok(())
    }

    /// A file that was not there before, so that no line is ever added to what a crash left behind.
    fn create(&self, day: Day) -> io::Result<Open> {
        let DirOptions { path, prefix, .. } = &self.options;
        for number in 1..=MOST_FILES {
            let name = path.join(format!("{prefix}{day}-{number:03}.ndjson"));
            match private().create_new(true).append(true).open(&name) {
                Ok(file) => {
                    // The name must be as durable as the lines.
                    File::open(path)?.sync_all()?;
                    return Ok(Open { file, size: 0 });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("there are {MOST_FILES} files of {day} already")))
    }
}

/// Letters hold addresses and phone numbers: only the owner reads them.
fn private() -> OpenOptions {
    #[allow(unused_mut, reason = "only some systems have modes")]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn failed(options: &DirOptions, error: &io::Error) -> KeepError {
    let path = options.path.display();
    match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::ReadOnlyFilesystem => KeepError::Halt(format!(
            "cannot keep dead letters in {path}, make it a directory essink may write to: {error}"
        )),
        // A full disk above all: it is waited for.
        _ => KeepError::Busy(format!("cannot keep dead letters in {path}: {error}")),
    }
}

#[cfg(test)]
mod tests;
