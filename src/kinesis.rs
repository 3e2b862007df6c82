//! Amazon Kinesis Data Streams: what it takes to read a stream whole, in order, and once, and to write into one.
//!
//! [`client`] speaks to the service, [`lineage`] says which shard may be read from where,
//! [`shard`] reads one shard page by page, [`aggregate`] opens what the Kinesis Producer Library packed.
//! The other way, [`put`] brings events into a stream and packs them so.

pub mod aggregate;
pub mod client;
pub mod lineage;
pub mod put;
pub mod shard;
pub mod source;

mod chance;
