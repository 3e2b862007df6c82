//! What essink says about itself: logs, metrics, readiness, the page that serves them, the live display.
//!
//! A leaf: it knows no other room, and every room may call it. Times come in as values or as a clock given by `app`.

pub mod health;
pub mod http;
pub mod logs;
pub mod metrics;
pub mod progress;
pub mod screen;
pub mod summary;
