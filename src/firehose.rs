//! What Amazon Data Firehose leaves in S3: names that tell a time, records one behind the other, error documents.
//!
//! Pure: bytes and names in, values out.

pub mod error;
pub mod inflate;
pub mod name;
pub mod split;
