//! A letter as one document, or as several when it is larger than the cluster takes.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::head::{Head, Whole};
use crate::event::id::EventId;
use crate::pipeline::op::Letter;

/// Text up to this size is kept readable; above it is compressed, for nobody reads a megabyte in a list.
const READABLE: usize = 1 << 20;
/// Room for every field but the bytes themselves, and for the action line.
const OVERHEAD: usize = 8 << 10;
/// One document to keep.
#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    /// A function of the letter's bytes, and of the part when there are several.
    pub id: EventId,
    /// JSON without a newline.
    pub json: Vec<u8>,
}

#[derive(Serialize)]
struct Fields<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: &'a str,
    #[serde(flatten)]
    head: &'a Head,
    #[serde(flatten)]
    part: Option<Part>,
    #[serde(flatten)]
    raw: Raw<'a>,
}

/// Which piece of the letter's bytes this document holds.
#[derive(Serialize, Clone, Copy)]
struct Part {
    /// Counted from one.
    part: usize,
    parts: usize,
    /// Where in the letter the piece begins.
    part_at: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Raw<'a> {
    Raw(&'a str),
    /// Base64 of a gzip member.
    RawGzip(String),
}

/// The documents of a letter that has just been made, each at most `limit` bytes; see [`documents_of`].
///
/// # Errors
/// None in practice: compression writes to memory.
pub fn documents(letter: &Letter, stream: Option<&str>, limit: usize) -> std::io::Result<Vec<Document>> {
    documents_of(&Whole { head: Head::of(letter, stream), bytes: letter.bytes.clone() }, limit)
}

/// The documents of `letter`, each at most `limit` bytes as long as that leaves room for the other fields.
///
/// Pieces are cut from the bytes and compressed one by one, so every document can be read by itself, and
/// pieces cut by different limits still fit together by `part_at`.
///
/// # Errors
/// None in practice: compression writes to memory.
pub fn documents_of(letter: &Whole, limit: usize) -> std::io::Result<Vec<Document>> {
    let id = letter.id();
    let base = Envelope { letter, id, arrived: letter.head.arrived().rfc3339() };
    if let Some(text) = readable(&letter.bytes) {
        let whole = base.document(id, None, Raw::Raw(text))?;
        if whole.json.len() + OVERHEAD <= limit {
            return Ok(vec![whole]);
        }
    }
    let (packed, piece) = (gzip(&letter.bytes)?, piece_size(limit));
    // One piece is no part. Of no bytes, which only an impossible limit makes too large, there would be no piece at all.
    if packed.len() + OVERHEAD <= limit || letter.bytes.len() <= piece {
        return Ok(vec![base.document(id, None, Raw::RawGzip(packed))?]);
    }
    base.in_parts(piece)
}

/// A letter with what all its documents share.
struct Envelope<'a> {
    letter: &'a Whole,
    id: EventId,
    arrived: String,
}

impl Envelope<'_> {
    fn in_parts(&self, piece: usize) -> std::io::Result<Vec<Document>> {
        let pieces: Vec<Bytes> = self.letter.bytes.chunks(piece).map(|p| self.letter.bytes.slice_ref(p)).collect();
        let parts = pieces.len();
        let numbered = pieces.iter().enumerate();
        numbered
            .map(|(at, bytes)| {
                let part = Part { part: at + 1, parts, part_at: at * piece };
                let id = EventId::of(format!("{} {} {}", self.id, part.part_at, bytes.len()).as_bytes(), None);
                self.document(id, Some(part), Raw::RawGzip(gzip(bytes)?))
            })
            .collect()
    }

    fn document(&self, id: EventId, part: Option<Part>, raw: Raw<'_>) -> std::io::Result<Document> {
        let fields = Fields { timestamp: &self.arrived, head: &self.letter.head, part, raw };
        Ok(Document { id, json: serde_json::to_vec(&fields)? })
    }
}

fn readable(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > READABLE { None } else { std::str::from_utf8(bytes).ok() }
}

/// Bytes that stay below `limit` even when they do not compress: base64 makes four of three, and the fastest
/// deflate writes nine bits for a byte from 144 up instead of storing it.
fn piece_size(limit: usize) -> usize {
    let room = limit.saturating_sub(OVERHEAD).max(1 << 10);
    room / 4 * 3 / 9 * 8
}

fn gzip(bytes: &[u8]) -> std::io::Result<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(STANDARD.encode(encoder.finish()?))
}

#[cfg(test)]
pub(super) mod tests;
