//! What essink sets up in a cluster, and what it takes away again.
//!
//! Setup compares, then writes only what differs and names each thing it did. Destruction is a pure plan
//! that can be printed, then the plan carried out, and nothing more than the plan.

pub mod dashboards;
pub mod mappings;
pub mod names;
pub mod retention;
pub mod templates;
