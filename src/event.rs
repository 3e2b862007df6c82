//! Bytes in, events out. Pure: nothing here reads a clock, a network or a disk.
//!
//! [`unwrap`] takes the data of one record and yields every event in it, each with its id, its UTC
//! day and the line that goes to the cluster, or the reason why the bytes cannot be one.

pub mod aggregate;
pub mod aside;
pub mod clock;
pub mod cut;
pub mod degrade;
pub mod document;
pub mod envelope;
pub mod families;
pub mod family;
mod hidden;
pub mod id;
pub mod inflate;
pub mod key;
pub mod msg;
pub mod redact;
pub mod rewrite;
pub mod scan;
pub mod shape;
pub mod time;
pub mod unwrap;
pub mod walk;
