//! What was read and put, and how that is said.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::config::PutOptions;
use crate::event::family::Family;
use crate::kinesis::put;

/// Counts, while it goes on.
#[derive(Debug, Default)]
pub struct Counts(Mutex<Inner>);

#[derive(Debug, Default, Clone)]
struct Inner {
    files: u64,
    unreadable: u64,
    values: u64,
    bytes: u64,
    put: u64,
    too_large: u64,
    dead_letters: u64,
    events: BTreeMap<Family, u64>,
}

impl Counts {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value that fits, its bytes, and what a worker makes of it.
    pub fn value(&self, bytes: usize, events: &BTreeMap<Family, u64>, poison: bool) {
        let mut inner = self.inner();
        inner.values += 1;
        inner.bytes += bytes as u64;
        inner.dead_letters += u64::from(poison);
        events.iter().for_each(|(family, n)| *inner.events.entry(*family).or_default() += n);
    }

    /// A value that does not fit.
    pub fn too_large(&self) {
        self.inner().too_large += 1;
    }

    /// So many values are in the stream.
    pub fn put(&self, values: usize) {
        self.inner().put += values as u64;
    }

    /// A file has ended.
    pub fn file(&self, whole: bool) {
        let mut inner = self.inner();
        inner.files += 1;
        inner.unreadable += u64::from(!whole);
    }

    /// Values and bytes that were read, values that are in the stream.
    pub fn so_far(&self) -> (u64, u64, u64) {
        let inner = self.inner();
        (inner.values, inner.bytes, inner.put)
    }

    /// What was left out, if anything was.
    pub fn complaint(&self) -> Option<String> {
        let Inner { unreadable, too_large, .. } = *self.inner();
        let files = (unreadable > 0).then(|| format!("{unreadable} files are not JSON to their end"));
        let values =
            (too_large > 0).then(|| format!("{too_large} values are larger than a record of the stream may be"));
        let all: Vec<String> = files.into_iter().chain(values).collect();
        (!all.is_empty()).then(|| format!("{}; the log has the places", all.join(", and ")))
    }
}

/// What was done.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    dry_run: bool,
    stream: &'a str,
    /// Files that were read, with those that could not be read to their end.
    files: u64,
    unreadable: u64,
    /// Values that fit into a record, and their bytes.
    values: u64,
    bytes: u64,
    /// Values that do not.
    too_large: u64,
    /// Values that are in the stream.
    put: u64,
    /// Records that they are in, or would be.
    records: u64,
    /// What a worker makes of the values: events by family, and values with something that it keeps as a dead letter.
    events: BTreeMap<&'static str, u64>,
    dead_letters: u64,
}

impl<'a> Report<'a> {
    /// The counts at the end.
    pub fn new(options: &PutOptions, stream: &'a str, counts: &Counts, done: &put::Counts) -> Self {
        let Inner { files, unreadable, values, bytes, put, too_large, dead_letters, events } = counts.inner().clone();
        let events = events.into_iter().map(|(family, n)| (family.name(), n)).collect();
        let put = if options.dry_run { 0 } else { put };
        let (dry_run, records) = (options.dry_run, done.records);
        Self { dry_run, stream, files, unreadable, values, bytes, too_large, put, records, events, dead_letters }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, files, values, bytes, put, records, .. } = self;
        match self.dry_run {
            true => write!(
                f,
                "{values} values ({bytes} bytes) of {files} files would be put into {stream}, in about {records} records"
            )?,
            false => write!(
                f,
                "{put} of {values} values ({bytes} bytes) of {files} files are in {stream}, in {records} records"
            )?,
        }
        if !self.events.is_empty() {
            let events: Vec<String> = self.events.iter().map(|(family, n)| format!("{family} {n}")).collect();
            write!(f, "\nevents in them: {}", events.join(", "))?;
        }
        let notes = [
            (self.dead_letters, "values have something that a worker keeps as a dead letter"),
            (self.too_large, "values do not fit into a record and are not put"),
            (self.unreadable, "files are not JSON to their end"),
        ];
        notes.into_iter().filter(|(n, _)| *n > 0).try_for_each(|(n, what)| write!(f, "\n{n} {what}"))
    }
}
