//! Amazon Kinesis Data Streams: what it takes to read a stream whole, in order, and once.
//!
//! [`client`] speaks to the service, [`lineage`] says which shard may be read from where,
//! [`shard`] reads one shard page by page.

pub mod client;
pub mod lineage;
pub mod shard;
pub mod source;
