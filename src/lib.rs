//! essink takes messaging events out of Amazon Kinesis Data Streams and keeps them in daily
//! OpenSearch or Elasticsearch indices.
//!
//! ```text
//!  kinesis ─Record─► event::unwrap ─Event | Poison─► pipeline::route ─BulkOp─► pipeline::batch
//!    ▲                                                                             │ Vec<BulkOp>
//!    │                                                                             ▼
//!  lease ◄─Position─ pipeline::ledger ◄─Outcome─ pipeline::deliver ⇄ opensearch::bulk (Verdict)
//!                                                         └─► dead_letter
//! ```
//!
//! The rooms, in the order a record walks through them; `docs/architecture.md` has the invariants.

pub mod event;
pub mod firehose;
pub mod kinesis;
pub mod pipeline;

pub mod dead_letter;
pub mod lease;
pub mod opensearch;
pub mod s3;

pub mod panel;
pub mod upkeep;

pub mod page;
pub mod webhook;

pub mod app;
pub mod config;
pub mod telemetry;
