//! Documents read back: one letter out of one document, or out of its parts.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::head::{Head, Whole};
use crate::event::id::EventId;

/// No letter is larger: a record has at most 10 MiB and inflates to at most a gigabyte.
const LARGEST: u64 = 1 << 30;

/// One document, read.
#[derive(Debug, Clone)]
pub struct Piece {
    /// What it says of its letter.
    pub head: Head,
    /// Where in the letter its bytes begin, when it is one of several.
    pub part_at: Option<u64>,
    /// Its bytes, when they were asked for.
    pub bytes: Bytes,
}

#[derive(Deserialize)]
struct PartAndRaw<'a> {
    part_at: Option<u64>,
    #[serde(borrow)]
    raw: Option<Cow<'a, str>>,
    #[serde(borrow)]
    raw_gzip: Option<Cow<'a, str>>,
}

/// Reads what is said of a letter, and which part the document is.
pub fn head(json: &[u8]) -> Result<(Head, Option<u64>), String> {
    #[derive(Deserialize)]
    struct At {
        part_at: Option<u64>,
    }
    let unreadable = |error: serde_json::Error| format!("no dead letter ({:?} error)", error.classify());
    let head: Head = serde_json::from_slice(json).map_err(unreadable)?;
    let At { part_at } = serde_json::from_slice(json).map_err(unreadable)?;
    if !EventId::is_written(&head.letter) {
        return Err("no dead letter (what stands as its id is none)".to_owned());
    }
    if head.size > LARGEST {
        return Err(format!("letter {} is said to have {} bytes, more than any can", head.letter, head.size));
    }
    Ok((head, part_at))
}

/// Reads a document with its bytes.
pub fn document(json: &[u8]) -> Result<Piece, String> {
    let (head, part_at) = head(json)?;
    let letter = &head.letter;
    let raw: PartAndRaw<'_> = serde_json::from_slice(json)
        .map_err(|e| format!("letter {letter}: no dead letter ({:?} error)", e.classify()))?;
    let bytes = match (raw.raw, raw.raw_gzip) {
        (Some(text), _) => Bytes::from(text.into_owned().into_bytes()),
        (None, Some(packed)) => unpack(&packed, head.size).map_err(|why| format!("letter {letter}: {why}"))?,
        (None, None) => return Err(format!("letter {letter} has neither raw nor raw_gzip")),
    };
    Ok(Piece { head, part_at: raw.part_at.or(part_at), bytes })
}

/// Reads a letter that is whole in one document.
pub fn whole(json: &[u8]) -> Result<Whole, String> {
    let Piece { head, part_at, bytes } = document(json)?;
    match part_at {
        Some(_) => Err(format!("letter {} is only a part here", head.letter)),
        None => Whole::checked(head, bytes),
    }
}

/// Puts a letter together from its documents, whichever limits cut them.
pub fn assemble(mut documents: Vec<Piece>) -> Result<Whole, String> {
    documents.sort_by_key(|document| document.part_at.unwrap_or_default());
    let head = documents.first().map(|first| first.head.clone()).ok_or("a letter without documents")?;
    // The newest word on it: the parts are updated one by one.
    let newest = documents.iter().max_by_key(|document| document.head.tries);
    let head = newest.map_or(head, |document| document.head.clone());
    let mut bytes = Vec::with_capacity(documents.iter().map(|d| d.bytes.len()).sum());
    for document in &documents {
        let (at, have) = (document.part_at.unwrap_or_default(), bytes.len() as u64);
        if at > have {
            return Err(format!("letter {} misses the part with bytes {have} to {at}", head.letter));
        }
        // Pieces that another limit cut overlap: only what is behind is new.
        let known = usize::try_from(have - at).unwrap_or(usize::MAX);
        bytes.extend_from_slice(document.bytes.get(known..).unwrap_or_default());
    }
    if (bytes.len() as u64) < head.size {
        return Err(format!("letter {} misses the part with bytes {} to {}", head.letter, bytes.len(), head.size));
    }
    Whole::checked(head, bytes.into())
}

fn unpack(packed: &str, size: u64) -> Result<Bytes, String> {
    let gzip = STANDARD.decode(packed).map_err(|_| "raw_gzip is not base64")?;
    let mut bytes = Vec::new();
    let read = MultiGzDecoder::new(&gzip[..]).take(size + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("raw_gzip cannot be inflated: {error}"))?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letter::document::tests::letter;

    #[test]
    fn an_id_that_is_none_is_not_repeated() {
        let head_of = |id: &str| {
            let said = Head { letter: id.to_owned(), ..Head::of(&letter("x"), None) };
            head(&serde_json::to_vec(&said).unwrap()).map(|(head, _)| head.letter)
        };
        let own = Head::of(&letter("x"), None).letter;
        assert_eq!(head_of(&own), Ok(own.clone()));
        for bad in ["", "short", &own.replace('A', "\u{1b}"), &own.replace('A', "."), &format!("{own}A")] {
            let why = head_of(bad).unwrap_err();
            assert!(!why.contains(char::is_control) && (bad.is_empty() || !why.contains(bad)), "{why:?}");
        }
    }
}
