//! Keeping what cannot be indexed: whole, with the reason, and with what is needed to drive it again.
//!
//! A letter's id comes from its bytes alone, so that a replay of the same record keeps it once.

mod dir;
mod document;
mod index;

pub use dir::{DirLetters, DirOptions};
pub use index::{IndexLetters, IndexOptions};
