//! Letters on their way between stores: one line each, as files of letters have them.

use std::io;

use super::head::Whole;
use super::{lines, read};

/// The line of a letter, with its newline.
///
/// # Errors
/// None in practice: compression writes to memory.
pub fn to_line(letter: &Whole) -> io::Result<Vec<u8>> {
    lines::line(letter)
}

/// The letter of a line.
///
/// # Errors
/// What is wrong with the line, without any of the event.
pub fn from_line(line: &[u8]) -> Result<Whole, String> {
    read::whole(line)
}
