//! Keeping what cannot be indexed: whole, with the reason, and with what is needed to drive it again.
//!
//! A letter's id comes from its bytes alone, so that a replay of the same record keeps it once. Three stores keep letters
//! ([`DeadLetters`](crate::pipeline::ports::DeadLetters)) and show them to those who look after them ([`Cabinet`]).

mod document;
mod head;
/// Reachable for the fuzz targets.
#[doc(hidden)]
pub mod read;

mod dir;
mod index;
/// Reachable for the fuzz targets.
#[doc(hidden)]
pub mod lines;
mod s3;

mod cabinet;
mod ndjson;
mod redrive;
mod tally;

pub use cabinet::{Cabinet, Ended, Filter, Found, Page, Pending, Place, Walk};
pub use dir::{DirLetters, DirOptions};
pub use head::{Head, LetterKey, Refusal, Whole};
pub use index::{IndexCabinet, IndexLetters, IndexOptions};
pub use ndjson::{from_line, to_line};
pub use redrive::{Redrive, Redriven};
pub use s3::{S3LetterOptions, S3Letters};
pub use tally::Tally;
