//! Strings, numbers and literals of the scan.

use super::{Fault, Scanner};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A number written with more digits than this is refused: servers refuse 1,000, and no event needs fifty.
const MAX_NUMBER: usize = 500;

/// Bytes that may stand in a string as they are, counted from the start of `text`.
///
/// Eight bytes at a time: a byte below `n` borrows from its neighbour, so only the lowest hit is
/// exact, and only the lowest is used.
#[inline]
fn plain_prefix(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(Ok(eight)) = text.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(eight);
        let zero = |x: u64| x.wrapping_sub(ONES) & !x;
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let hit = (quote | backslash | control) & HIGHS;
        if hit != 0 {
            return at + hit.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = text[at..].iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
    at + rest.unwrap_or(text.len() - at)
}

impl Scanner<'_> {
    /// A string, from its opening to behind its closing quote.
    #[inline]
    pub(super) fn string(&mut self) -> Result<(), Fault> {
        self.at += 1;
        loop {
            self.at += plain_prefix(&self.src[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.broken("a control character inside a string")),
                None => return Err(self.broken("the end of the data inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                self.unicode()
            }
            _ => Err(self.broken("an escape that JSON does not know")),
        }
    }

    /// `XXXX` after `\u`; the second half of a surrogate pair must follow the first.
    fn unicode(&mut self) -> Result<(), Fault> {
        match self.hex4()? {
            0xd800..=0xdbff => {
                let low = self.src[self.at..].starts_with(b"\\u") && {
                    self.at += 2;
                    matches!(self.hex4()?, 0xdc00..=0xdfff)
                };
                if !low {
                    self.refuse("lone surrogate");
                }
            }
            0xdc00..=0xdfff => self.refuse("lone surrogate"),
            _ => {}
        }
        Ok(())
    }

    fn hex4(&mut self) -> Result<u16, Fault> {
        let digits = self.src.get(self.at..self.at + 4);
        let text = digits.filter(|d| d.iter().all(u8::is_ascii_hexdigit)).and_then(|d| std::str::from_utf8(d).ok());
        let Some(code) = text.and_then(|t| u16::from_str_radix(t, 16).ok()) else {
            return Err(self.broken("an escape without four hexadecimal digits"));
        };
        self.at += 4;
        Ok(code)
    }

    pub(super) fn literal(&mut self, word: &[u8]) -> Result<(), Fault> {
        if !self.src[self.at..].starts_with(word) {
            return Err(self.broken("a word that JSON does not know"));
        }
        self.at += word.len();
        Ok(())
    }

    /// A number by the grammar of RFC 8259. One that a double cannot hold is refused, not broken.
    pub(super) fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.broken("a minus sign without a number")),
        }
        let mut check = self.at - start > 300;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            check = true;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        if self.at - start > MAX_NUMBER {
            self.refuse("a number of too many digits");
        } else if check && !self.is_finite(start) {
            self.refuse("a number beyond the range of a double");
        }
        Ok(())
    }

    fn is_finite(&self, start: usize) -> bool {
        let text = std::str::from_utf8(&self.src[start..self.at]);
        text.ok().and_then(|t| t.parse::<f64>().ok()).is_some_and(f64::is_finite)
    }

    fn some_digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.broken("a number without digits where they belong"));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }
}
