//! The real binary, a real Kinesis API and real search servers. What a test may expect it knows from
//! the input it made, never from essink.

mod bad_input;
mod beginnings;
mod compose;
mod dead_letters;
mod dynamodb;
mod faults;
mod kcl;
mod kill;
mod large;
mod leases;
mod main_path;
mod memory;
mod message_shapes;
mod near;
mod outside;
mod page;
mod producer;
mod prune;
mod prune_command;
mod reading;
mod ready;
mod recreated;
mod redrive;
mod refusals;
mod replay;
mod requests;
mod secured;
mod servers;
mod shapes;
mod state;
mod stop;
mod support;
mod templates;
mod upkeep;
mod workers;
