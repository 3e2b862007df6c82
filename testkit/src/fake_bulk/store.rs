//! Documents by index and id, with the sequence numbers that compare-and-set needs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// One stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its index.
    pub index: String,
    /// Its id.
    pub id: String,
    /// Its bytes, as they came.
    pub source: Bytes,
    /// Counts the writes to its index, from 0.
    pub seq_no: u64,
    /// Counts the writes to this document, from 1.
    pub version: u64,
}

/// What a write must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum If {
    Anything,
    Absent,
    SeqNo(u64),
}

#[derive(Debug, Default)]
pub(super) struct Store(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    documents: BTreeMap<(String, String), Document>,
    writes: BTreeMap<String, u64>,
}

/// The document that is in the way of a write, if it is not its absence that is.
pub(super) type Conflict = Option<Document>;

impl Store {
    pub(super) fn put(&self, index: &str, id: &str, source: Bytes, condition: If) -> Result<Document, Conflict> {
        let mut inner = self.lock();
        let key = (index.to_owned(), id.to_owned());
        let found = inner.documents.get(&key);
        let fits = match condition {
            If::Anything => true,
            If::Absent => found.is_none(),
            If::SeqNo(seq_no) => found.is_some_and(|found| found.seq_no == seq_no),
        };
        if !fits {
            return Err(found.cloned());
        }
        let version = found.map_or(1, |found| found.version + 1);
        let writes = inner.writes.entry(index.to_owned()).or_default();
        let seq_no = *writes;
        *writes += 1;
        let document = Document { index: index.to_owned(), id: id.to_owned(), source, seq_no, version };
        inner.documents.insert(key, document.clone());
        Ok(document)
    }

    pub(super) fn get(&self, index: &str, id: &str) -> Option<Document> {
        self.lock().documents.get(&(index.to_owned(), id.to_owned())).cloned()
    }

    pub(super) fn delete(&self, index: &str, id: &str) -> Option<Document> {
        self.lock().documents.remove(&(index.to_owned(), id.to_owned()))
    }

    pub(super) fn of_index(&self, index: &str) -> Vec<Document> {
        self.lock().documents.values().filter(|document| document.index == index).cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<Document> {
        self.lock().documents.values().cloned().collect()
    }

    /// Names of the indices that match: an exact name, or a prefix and `*`.
    pub(super) fn indices(&self, pattern: &str) -> Vec<String> {
        let matches = |name: &&String| pattern.strip_suffix('*').map_or(*name == pattern, |p| name.starts_with(p));
        self.lock().writes.keys().filter(matches).cloned().collect()
    }

    pub(super) fn count(&self, prefix: &str) -> usize {
        self.lock().documents.values().filter(|document| document.index.starts_with(prefix)).count()
    }

    /// No write leaves the maps half-way, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
