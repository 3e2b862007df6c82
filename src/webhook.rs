//! What providers post over HTTP, in the stream before it is answered 200.
//!
//! [`serve`] holds connections within their limits, [`desk`] takes each request the same way, and one file a provider
//! ([`vonage`], [`bird`], [`firehose`], [`sns`], [`json`]) knows who may post there and what of it is an event.
//! The stream is a port ([`stream::Stream`]); the clock comes in as a function.

pub mod desk;
pub mod receiver;
pub mod serve;
pub mod stream;
pub mod tls;

pub mod bird;
pub mod firehose;
pub mod json;
pub mod sns;
pub mod vonage;

/// Reachable for the fuzz targets.
#[doc(hidden)]
pub mod fuzzing;

mod answer;
mod body;
mod budget;
mod complaints;
mod form;
mod gate;
mod readiness;
mod secret;
mod seen;
mod split;

pub use answer::Answer;
pub use secret::{Credentials, Secret};

#[cfg(test)]
mod tests;
