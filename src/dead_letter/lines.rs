//! Letters as lines of a file or an object: what a directory and a bucket have in common.

use std::collections::HashMap;
use std::io::{self, BufRead, Read, Write};

use super::cabinet::{Ended, Filter, Found, Page, Place};
use super::document::documents_of;
use super::head::{LetterKey, Whole};
use super::read;

/// Lines of a page, and bytes of them.
const PAGE_LINES: usize = 500;
const PAGE_BYTES: usize = 4 << 20;
/// No line is longer: the largest letters have some 32 MiB, and base64 makes four bytes of three.
const LONGEST: u64 = 256 << 20;

/// A letter as one line, with its newline.
pub fn line(letter: &Whole) -> io::Result<Vec<u8>> {
    let documents = documents_of(letter, usize::MAX)?;
    Ok(documents.into_iter().flat_map(|document| [document.json, b"\n".to_vec()].concat()).collect())
}

/// The lines of one file or object, read in pages.
#[derive(Debug)]
pub struct Lines<R> {
    name: String,
    reader: R,
    n_read: u64,
}

impl<R: BufRead> Lines<R> {
    /// `name` tells where the letters are.
    pub fn new(name: impl Into<String>, reader: R) -> Self {
        Self { name: name.into(), reader, n_read: 0 }
    }

    /// Where the letters are.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next letters that `filter` admits; `None` at the end.
    pub fn page(&mut self, filter: &Filter, bytes: bool) -> io::Result<Option<Page>> {
        let (mut page, mut line, mut n_bytes) = (Page::default(), Vec::new(), 0);
        for n in 0..PAGE_LINES {
            line.clear();
            let read = next_line(&mut self.reader, &mut line)?;
            if read == 0 && n == 0 {
                return Ok(None);
            }
            if read == 0 {
                break;
            }
            self.n_read += 1;
            n_bytes += line.len();
            self.take(&line, filter, bytes, &mut page);
            if n_bytes > PAGE_BYTES {
                break;
            }
        }
        Ok(Some(page))
    }

    fn take(&self, line: &[u8], filter: &Filter, bytes: bool, page: &mut Page) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let place = Place::Line(self.name.clone());
        let found = read::head(line).map(|(head, _)| {
            let bytes = (bytes && filter.admits(&head)).then(|| read::whole(line).map(|whole| whole.bytes));
            Found { head, bytes, place }
        });
        match found {
            Ok(found) if filter.admits(&found.head) => page.found.push(found),
            Ok(_) => {}
            Err(why) => page.unreadable.push(format!("line {} of {}: {why}", self.n_read, self.name)),
        }
    }
}

/// One line with its newline, if it has one. The rest of a line that is too long is the next one.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    reader.take(LONGEST).read_until(b'\n', line)
}

/// Copies lines, less those that are removed, with those updated that were refused again. Gives how many are left.
///
/// What cannot be read is kept as it is.
pub fn edit(reader: &mut impl BufRead, ended: &[&Ended], out: &mut impl Write) -> io::Result<u64> {
    let ended: HashMap<LetterKey, &Ended> = ended.iter().map(|one| (one.key(), *one)).collect();
    let (mut line, mut left) = (Vec::new(), 0);
    loop {
        line.clear();
        if next_line(reader, &mut line)? == 0 {
            return Ok(left);
        }
        let known = read::head(&line).ok().and_then(|(head, _)| ended.get(&head.key()));
        match known.map(|ended| ended.updated()) {
            Some(None) => continue,
            Some(Some(head)) => match read::whole(&line) {
                Ok(whole) => out.write_all(&self::line(&Whole { head, ..whole })?)?,
                Err(_) => out.write_all(&line)?,
            },
            None => out.write_all(&line)?,
        }
        left += u64::from(!line.trim_ascii().is_empty());
    }
}
