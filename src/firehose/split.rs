//! Finds where records begin and end in an object: Firehose puts them one behind the other, with or without a newline.
//!
//! A value is cut out by its brackets, outside of strings; whether it is sound JSON is for `event` to say. Where brackets do not
//! close, the next place is looked for at which a record can begin: an opening bracket at the beginning of a line, or `{"`
//! right behind a closing brace. Neither stands in a sound value that way: a newline or a quote within a string is escaped.

use bytes::{Buf, Bytes, BytesMut};

/// A stretch of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Where it begins in the object, inflated.
    pub offset: u64,
    /// One value, or bytes that are none.
    pub bytes: Bytes,
}

/// Cuts an object into values.
#[derive(Debug)]
pub struct Splitter {
    buffer: BytesMut,
    /// Where the buffer begins in the object.
    offset: u64,
    /// The largest stretch that is waited for.
    largest: usize,
    /// How far the value at the front has been looked at.
    seen: Seen,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// What is at the front of the buffer.
enum Front {
    /// A value of so many bytes.
    Value(usize),
    /// So many bytes that are none.
    Junk(usize),
    /// More must come before it is known.
    Open,
}

impl Splitter {
    /// Stretches have at most `largest` bytes.
    pub fn new(largest: usize) -> Self {
        Self { buffer: BytesMut::new(), offset: 0, largest: largest.max(1), seen: Seen::default() }
    }

    /// The next bytes of the object.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where the next stretch begins at the earliest: everything before it has been given.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next stretch; `None` when more must come first. `at_end` says that nothing more will.
    pub fn next(&mut self, at_end: bool) -> Option<Stretch> {
        self.skip_space();
        if self.buffer.is_empty() {
            return None;
        }
        let length = match self.front() {
            Front::Value(length) | Front::Junk(length) => length,
            // It closes nowhere, or is larger than any value may be.
            Front::Open if at_end || self.buffer.len() >= self.largest => self.broken(),
            Front::Open => return None,
        };
        // A copy: a slice would keep all that came with it alive until its event has ended.
        let stretch = Stretch { offset: self.offset, bytes: Bytes::copy_from_slice(&self.buffer[..length]) };
        self.buffer.advance(length);
        self.offset += length as u64;
        self.seen = Seen::default();
        Some(stretch)
    }

    fn skip_space(&mut self) {
        if self.seen.at > 0 {
            return;
        }
        let space = self.buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.buffer.advance(space);
        self.offset += space as u64;
    }

    fn front(&mut self) -> Front {
        if !matches!(self.buffer[0], b'{' | b'[') {
            return self.junk();
        }
        let seen = &mut self.seen;
        for byte in &self.buffer[seen.at..] {
            seen.at += 1;
            match byte {
                _ if seen.escaped => seen.escaped = false,
                b'\\' if seen.in_string => seen.escaped = true,
                b'"' => seen.in_string = !seen.in_string,
                _ if seen.in_string => {}
                b'{' | b'[' => seen.depth += 1,
                b'}' | b']' => seen.depth -= 1,
                _ => {}
            }
            if seen.depth == 0 {
                return Front::Value(seen.at);
            }
            if seen.at >= self.largest {
                break;
            }
        }
        Front::Open
    }

    /// What begins with no bracket goes to the end of its line, or to where a record can begin.
    fn junk(&mut self) -> Front {
        let from = self.seen.at.max(1);
        let looked_at = self.buffer.len().min(self.largest);
        let bytes = &self.buffer[..looked_at];
        // The last byte may be the first of a `{"`.
        let ends = |at: usize| bytes[at] == b'\n' || bytes[at..].starts_with(b"{\"");
        if let Some(at) = (from..looked_at).find(|at| ends(*at)) {
            return Front::Junk(at);
        }
        if looked_at == self.largest {
            return Front::Junk(looked_at);
        }
        self.seen.at = looked_at.saturating_sub(1);
        Front::Open
    }

    /// How many bytes of a value that does not close are given up.
    fn broken(&self) -> usize {
        let bytes = &self.buffer[..self.buffer.len().min(self.largest)];
        let begins = |at: &usize| {
            let (before, from) = (bytes[*at - 1], &bytes[*at..]);
            (before == b'\n' && (from.starts_with(b"{") || from.starts_with(b"[")))
                || (before == b'}' && from.starts_with(b"{\""))
        };
        (1..bytes.len()).find(begins).unwrap_or(bytes.len())
    }
}

#[cfg(test)]
mod tests;
