//! Removes letters from files, and updates them: a new file takes the old one's place at once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::PoisonError;

use super::walk::DirWalk;
use super::{DirLetters, private};
use crate::dead_letter::cabinet::{Cabinet, Ended, Filter, Pending, Place, Walk};
use crate::dead_letter::head::Whole;
use crate::dead_letter::lines;
use crate::pipeline::ports::StoreError;

impl Cabinet for DirLetters {
    fn walk(&self, filter: Filter, bytes: bool) -> Box<dyn Walk> {
        let options = self.files.lock().unwrap_or_else(PoisonError::into_inner).options.clone();
        Box::new(DirWalk::new(options, filter, bytes))
    }

    fn settle<'a>(&'a self, ended: &'a [Ended]) -> Pending<'a, Result<(), StoreError>> {
        let ended = ended.to_vec();
        Box::pin(async move { blocking(move || settle(&ended)).await })
    }

    fn add<'a>(&'a self, letters: &'a [Whole]) -> Pending<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut known = match known {
                Some(known) => known,
                None => crate::dead_letter::cabinet::keys(self).await?,
            };
            let new: Vec<Whole> = letters.iter().filter(|l| known.insert(l.head.key())).cloned().collect();
            let (n, files) = (new.len() as u64, self.files.clone());
            blocking(move || files.lock().unwrap_or_else(PoisonError::into_inner).add(&new)).await?;
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
            Ok(n)
        })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Halt(error.to_string()))?;
    done.map_err(|error| match error.kind() {
        // A full disk is waited for.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::Interrupted => StoreError::Busy(said(&error)),
        _ => StoreError::Halt(said(&error)),
    })
}

fn said(error: &io::Error) -> String {
    format!("cannot write dead letters, check the directory and its rights: {error}")
}

fn settle(ended: &[Ended]) -> io::Result<()> {
    let mut files: BTreeMap<&str, Vec<&Ended>> = BTreeMap::new();
    for one in ended {
        if let Place::Line(name) = &one.place {
            files.entry(name).or_default().push(one);
        }
    }
    files.into_iter().try_for_each(|(name, ended)| edit(Path::new(name), &ended))
}

/// Writes the file anew beside itself and puts it in its own place; one without letters goes away.
fn edit(path: &Path, ended: &[&Ended]) -> io::Result<()> {
    let Some(file) = open_locked(path)? else { return Ok(()) };
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = directory.join(format!(".{name}.tmp"));
    let mut out = BufWriter::new(private().create(true).truncate(true).write(true).open(&beside)?);
    let left = lines::edit(&mut BufReader::new(&file), ended, &mut out)?;
    out.flush()?;
    out.get_ref().sync_data()?;
    if left == 0 {
        fs::remove_file(path)?;
        fs::remove_file(&beside)?;
    } else {
        fs::rename(&beside, path)?;
    }
    File::open(directory)?.sync_all()
}

/// The file under its name, locked against writers; `None` when there is none any more.
fn open_locked(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.lock()?;
        // Another one may have been put in its place while the lock was waited for.
        if file.metadata()?.nlink() > 0 {
            return Ok(Some(file));
        }
    }
}
