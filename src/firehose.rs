//! What Amazon Data Firehose leaves: in S3 names that tell a time, records one behind the other, and error documents; in
//! a cluster indices of events as they came.
//!
//! Pure: bytes and names in, values out.

pub mod dump;
pub mod error;
pub mod inflate;
pub mod name;
pub mod split;
