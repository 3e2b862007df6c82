//! The real binary, a real Kinesis API and real search servers. What a test may expect it knows from
//! the input it made, never from essink.

mod bad_input;
mod compose;
mod dead_letters;
mod faults;
mod kill;
mod large;
mod main_path;
mod outside;
mod page;
mod prune;
mod prune_command;
mod reading;
mod redrive;
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
