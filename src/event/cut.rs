//! Cuts a text into its JSON values as it comes: one behind the other, with or without white space, and out of arrays.
//!
//! The text may be larger than memory; a value is held whole. Where a value ends is for [`scan`] to say, byte by byte, so
//! that nothing is cut out of the middle of another.

use bytes::{Buf, Bytes, BytesMut};

use super::scan::{Fault, ScanLimits, Scanned, scan};

/// What Windows puts at the beginning of a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Behind a fault in these last bytes there may be more that mends it: no word or escape of JSON is longer.
const UNCERTAIN: usize = 16;
/// A value of less than this is looked at whenever more has come; a larger one when half as much again has.
const SMALL: usize = 256 << 10;
/// The largest value that is waited for.
const LARGEST: usize = 64 << 20;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Where it begins in the text.
    pub place: Place,
    /// Its bytes, as they came.
    pub bytes: Bytes,
}

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// Lines before it.
    pub lines: u64,
}

/// The text is no JSON from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The first byte that fits nothing.
    pub place: Place,
    /// What was found.
    pub what: &'static str,
}

/// Cuts one text.
#[derive(Debug, Default)]
pub struct Cutter {
    buffer: BytesMut,
    /// Where the buffer begins.
    place: Place,
    /// Arrays that are open.
    arrays: usize,
    /// What came last in the innermost of them: a value, or its bracket.
    behind_value: bool,
    opened: bool,
    /// The buffer was this long when it ended within a value.
    tried: usize,
    scanned: Scanned,
}

impl Cutter {
    /// The next bytes of the text.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next value; `None` when more must come first. `at_end` says that nothing more will.
    pub fn next(&mut self, at_end: bool) -> Result<Option<Cut>, Broken> {
        if self.place.offset == 0 && self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.skip(BYTE_ORDER_MARK.len());
        }
        if !self.find(at_end)? || !(at_end || self.is_worth_a_look()) {
            return Ok(None);
        }
        // Only where it ends is asked; whether it can be an event is for others to say.
        let limits = ScanLimits { depth: usize::MAX, keys: 0 };
        let end = match scan(&self.buffer, 0, &limits, &mut self.scanned) {
            Ok(end) | Err(Fault::Unsafe { end, .. } | Fault::Crowded { end }) => end,
            Err(Fault::Broken { at, .. }) if !at_end && at + UNCERTAIN > self.buffer.len() => return self.wait(),
            Err(Fault::Broken { at, what }) => return Err(self.broken(at, what)),
        };
        let is_number = matches!(self.buffer[0], b'-' | b'0'..=b'9');
        if is_number && end == self.buffer.len() && !at_end {
            return self.wait();
        }
        let cut = Cut { place: self.place, bytes: Bytes::copy_from_slice(&self.buffer[..end]) };
        self.skip(end);
        (self.behind_value, self.tried) = (true, 0);
        Ok(Some(cut))
    }

    /// Steps to the beginning of a value; `false` when there is none yet.
    fn find(&mut self, at_end: bool) -> Result<bool, Broken> {
        loop {
            let space = self.buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.skip(space);
            match self.buffer.first() {
                None if at_end && self.arrays > 0 => return Err(self.broken(0, "the end of the data inside an array")),
                None => return Ok(false),
                Some(b',') if self.arrays > 0 && self.behind_value => (self.behind_value, self.opened) = (false, false),
                Some(b']') if self.arrays > 0 && (self.behind_value || self.opened) => {
                    self.arrays -= 1;
                    self.behind_value = true;
                }
                Some(_) if self.arrays > 0 && self.behind_value => {
                    return Err(self.broken(0, "something else than a comma or a closing bracket"));
                }
                Some(b'[') => {
                    self.arrays += 1;
                    (self.behind_value, self.opened) = (false, true);
                }
                Some(_) => return Ok(true),
            }
            self.skip(1);
        }
    }

    /// Values of megabytes must not be looked at for every little that comes.
    fn is_worth_a_look(&self) -> bool {
        let enough = if self.tried < SMALL { self.tried + 1 } else { self.tried + self.tried / 2 };
        self.buffer.len() >= enough
    }

    fn wait(&mut self) -> Result<Option<Cut>, Broken> {
        self.tried = self.buffer.len();
        match self.tried > LARGEST {
            true => Err(self.broken(0, "a value that does not end within 64 MiB")),
            false => Ok(None),
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.place = self.at(bytes);
        self.buffer.advance(bytes);
    }

    /// The place so many bytes into the buffer.
    fn at(&self, bytes: usize) -> Place {
        let lines = self.buffer[..bytes].iter().filter(|byte| **byte == b'\n').count() as u64;
        Place { offset: self.place.offset + bytes as u64, lines: self.place.lines + lines }
    }

    fn broken(&self, at: usize, what: &'static str) -> Broken {
        Broken { place: self.at(at), what }
    }
}

#[cfg(test)]
mod tests;
