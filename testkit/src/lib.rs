//! Real servers, seeded events and wire fakes for essink's tests, benches and demo.
//!
//! - [`search`]: real OpenSearch and Elasticsearch nodes that cannot outlive this process
//! - [`kinesis`]: a real Kinesis API in this process, and the producer's side of it
//! - [`dynamodb`]: a real DynamoDB API in this process
//! - [`events`]: a seeded stream of Pinpoint events, and what was made, counted beside it
//! - [`kpl`]: records as the Kinesis Producer Library aggregates them, whole and broken
//! - [`month`]: a month of events of every provider, and the truth about it
//! - [`fake_bulk`]: a `_bulk` endpoint that answers at once (benches) or as told (faults)
//! - [`browser`]: a headless Chromium that cannot outlive this process
//! - [`fake_dashboards`]: the import API of Kibana and OpenSearch Dashboards, as it is documented
//! - [`proxy`]: gets in the way between a worker and a real server, by a seed
//! - [`s3`]: a real S3 API that cannot outlive this process
//! - [`sns`]: messages of SNS, signed
//! - [`kibana`]: what Kibana and OpenSearch Dashboards ask for a saved object
//! - [`vega`]: specifications of saved objects, drawn as Kibana and OpenSearch Dashboards draw them
//! - [`cpu`]: how much CPU a group of threads has used
//!
//! Nothing here knows essink: its expectations must not come from the code under test.

pub mod browser;
mod connection;
pub mod cpu;
pub mod dynamodb;
pub mod events;
pub mod fake_bulk;
pub mod fake_dashboards;
pub mod http;
pub mod kibana;
pub mod kinesis;
pub mod kpl;
pub mod made;
pub mod month;
pub mod proxy;
pub mod s3;
pub mod search;
pub mod sns;
pub mod vega;
