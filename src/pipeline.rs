//! From decoded records to settled positions: route, batch, deliver, settle.
//!
//! One task owns the batcher and the ledgers, so neither needs a lock ([`run`]). It takes records from
//! all shards through one bounded channel, fills one request at a time from all of them, and has a
//! bounded number of deliveries in flight.

pub mod op;
pub mod ports;
pub mod position;
pub mod verdict;

pub mod route;

pub mod batch;
pub mod breaker;
pub mod days;
pub mod deliver;
pub mod ledger;
pub mod limiter;
pub mod parking;
pub mod pauses;
pub mod size;

pub mod run;
