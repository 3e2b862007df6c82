//! Letters kept in a bucket: gzip objects of NDJSON, by the UTC hour of arrival.
//!
//! `PREFIX/YYYY/MM/DD/HH/NAME.ndjson.gz`, where the name is made of the content: what is kept again has the same name and is
//! there already.

mod cabinet;

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::head::{Head, LetterKey, Whole};
use super::lines;
use crate::event::id::EventId;
use crate::event::time::Millis;
use crate::pipeline::op::Letter;
use crate::pipeline::ports::{DeadLetters, KeepError};
use crate::s3::{Bucket, S3Error};

/// Bytes of lines in one object; a larger letter has one of its own.
const OBJECT: usize = 8 << 20;

const HOUR: i64 = 3_600_000;

/// Where letters go.
#[derive(Debug, Clone)]
pub struct S3LetterOptions {
    /// What keys begin with, without a slash at its end; empty for the whole bucket.
    pub prefix: String,
    /// The stream the letters come from, as its ARN or name.
    pub stream: Option<String>,
}

/// Keeps letters in a bucket.
#[derive(Debug, Clone)]
pub struct S3Letters {
    bucket: Bucket,
    options: S3LetterOptions,
    /// What is there, once somebody imports.
    known: Arc<Mutex<Option<HashSet<LetterKey>>>>,
}

impl S3Letters {
    /// Nothing is sent yet.
    pub fn new(bucket: Bucket, options: S3LetterOptions) -> Self {
        Self { bucket, options, known: Arc::default() }
    }

    /// Tries whether the bucket answers, so that a wrong name is known before the first letter.
    ///
    /// # Errors
    /// What is wrong with the bucket, with the cure.
    pub async fn check(&self) -> Result<(), S3Error> {
        self.bucket.list(&root(&self.options.prefix), None).await.map(drop)
    }

    async fn put(&self, letters: Vec<Whole>) -> Result<(), S3Error> {
        let prefix = self.options.prefix.clone();
        let made = tokio::task::spawn_blocking(move || objects(&prefix, &letters)).await;
        let made = made.map_err(io::Error::other).and_then(|made| made);
        let made = made.map_err(|error| S3Error::Busy(format!("cannot write dead letters: {error}")))?;
        for (key, body) in made {
            self.bucket.put_new(&key, body).await?;
        }
        Ok(())
    }
}

impl DeadLetters for S3Letters {
    async fn keep(&self, letters: &[Letter]) -> Result<(), KeepError> {
        let stream = self.options.stream.as_deref();
        let whole = |letter: &Letter| Whole { head: Head::of(letter, stream), bytes: letter.bytes.clone() };
        self.put(letters.iter().map(whole).collect()).await.map_err(|error| match error {
            S3Error::Busy(why) | S3Error::Gone(why) => KeepError::Busy(why),
            S3Error::Halt(why) => KeepError::Halt(why),
        })
    }
}

/// The objects of some letters: key and content.
fn objects(prefix: &str, letters: &[Whole]) -> io::Result<Vec<(String, Bytes)>> {
    let mut hours: BTreeMap<i64, Vec<Vec<u8>>> = BTreeMap::new();
    for letter in letters {
        let line = lines::line(letter)?;
        let pieces = hours.entry(letter.head.arrived.div_euclid(HOUR)).or_default();
        match pieces.last_mut() {
            Some(last) if last.len() + line.len() <= OBJECT => last.extend(line),
            _ => pieces.push(line),
        }
    }
    let pieces = hours.into_iter().flat_map(|(hour, pieces)| pieces.into_iter().map(move |piece| (hour, piece)));
    pieces.map(|(hour, piece)| Ok((key(prefix, Millis(hour * HOUR), &piece), pack(&piece)?))).collect()
}

/// `YYYY-MM-DDTHH…` with its first marks as slashes, and a name made of the content.
fn key(prefix: &str, hour: Millis, lines: &[u8]) -> String {
    let time = hour.rfc3339();
    let hour = time.get(..13).unwrap_or_default().replace(['-', 'T'], "/");
    format!("{}{hour}/{}.ndjson.gz", root(prefix), EventId::of(lines, None))
}

/// What every key begins with.
fn root(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
}

/// The same bytes for the same lines: a gzip header has room for a time and a name, and both stay empty.
fn pack(lines: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(lines.len() / 4), Compression::default());
    encoder.write_all(lines)?;
    Ok(encoder.finish()?.into())
}

#[cfg(test)]
mod tests;
