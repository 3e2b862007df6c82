//! Amazon Kinesis Data Streams: what it takes to read a stream whole, in order, and once, and to write into one.
//!
//! [`client`] speaks to the service, [`lineage`] says which shard may be read from where,
//! [`shard`] reads one shard page by page. The other way, [`put`] packs events and brings them into a stream.

pub mod client;
pub mod lineage;
pub mod put;
pub mod shard;
pub mod source;

mod chance;
