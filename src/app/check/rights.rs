//! What the cluster's user may do: asked where the cluster tells, else tried by calls that change nothing.

mod asked;
mod probes;
mod tried;

use std::sync::Arc;

use http::Method;
use tokio::time::Instant;

use super::finding::{Finding, Tried, permission, wish};
use crate::config::RunOptions;
use crate::opensearch::client::{Answer, Client};
use crate::opensearch::product::{Distribution, Product};

const ABOUT: &str = "cluster";

/// What a right is for, and whether a run works without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A run needs it to do so.
    Run(&'static str),
    /// Without it, this is so.
    Beside(&'static str),
}

impl Use {
    fn finding(self, name: &str, tried: Tried) -> Finding {
        match self {
            Self::Run(why) => permission(ABOUT, name, why, tried),
            Self::Beside(loss) => wish(ABOUT, name, loss, tried),
        }
    }
}

/// What the Events tab of the page searches for.
const SEARCH: Use = Use::Beside("the Events tab of its page shows nothing");
const MEND: Use = Use::Beside("essink dead-letters cannot read or mend them");
const ADD: Use = Use::Beside("daily indices that others made, or an older essink, keep what types they have");

/// Every right that a run with these options needs, and whether it is there.
///
/// `existing` are indices that are there, those of days and that of positions.
pub async fn find(
    client: &Client,
    product: Product,
    run: &RunOptions,
    existing: &[Arc<str>],
    until: Instant,
) -> Vec<Finding> {
    let unknown = |name, why| vec![permission(ABOUT, name, "write", Tried::Unknown(why))];
    if product.serverless {
        let why = "a serverless collection tells rights by its data access policy only";
        return unknown("aoss:*", why.to_owned());
    }
    if product.distribution != Distribution::Elasticsearch {
        return tried::all(client, run, existing, until).await;
    }
    let asked = asked::Asked::of(run, existing);
    match client.send_json(Method::POST, "/_security/user/_has_privileges", &asked.body()).await {
        Ok(answer) if answer.is_success() && answer.json()["index"].is_object() => asked.told(&answer.json()),
        // No such path, or users turned off: whoever reaches the cluster may do everything.
        Ok(answer) if matches!(answer.status, 400 | 404 | 405 | 500) => tried::all(client, run, existing, until).await,
        Ok(answer) => unknown("privileges", said(&answer)),
        Err(error) => unknown("privileges", error.detail),
    }
}

fn said(answer: &Answer) -> String {
    let body = answer.json();
    let reason = body["error"]["reason"].as_str().or_else(|| body["items"][0]["index"]["error"]["reason"].as_str());
    let reason: String = reason.unwrap_or("no reason given").chars().take(200).collect();
    format!("HTTP {}: {reason}", answer.status)
}
