//! The real coordinator, leases, readers, pipeline and ledgers in a seeded world; docs/simulation.md.

mod chance;
mod cluster;
mod events;
mod letters;
mod mix;
mod play;
mod ports;
mod process;
mod seeds;
mod stream;
mod table;
mod world;
