//! The cluster: connections, bulk requests and their answers, what kind of server it is.
//!
//! [`client`] carries every request, [`judge`] decides once what an answer means, [`bulk`] joins the
//! two, [`product`] finds out what answers at all.

pub mod bulk;
pub mod judge;
pub mod product;

pub mod client;

pub mod auth;
mod failure;
mod nodes;
mod sigv4;
pub mod tls;

#[cfg(test)]
mod fake;
