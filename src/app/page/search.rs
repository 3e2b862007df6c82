//! Searches for the page: over a connection of their own, which waits less than the pipeline's.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::app::connect;
use crate::app::exit::Failure;
use crate::config::{ClusterOptions, NameOptions};
use crate::opensearch::client::{Answer, Client, SendError};
use crate::page::Trouble;
use crate::panel::Over;
use crate::upkeep::dashboards::patterns;
use crate::upkeep::names::Prefixes;

/// One request; a page's own patience is a little longer, so that the reason is known.
const TIMEOUT: Duration = Duration::from_secs(14);

/// What the cluster is told: an answer that is late is of no use, and its work would go on.
const SEARCH_TIMEOUT: &str = "12s";

/// Longest part of a cluster's reason that is shown.
const MAX_REASON_CHARS: usize = 300;

/// Where events are looked for.
pub struct Searches {
    cluster: ClusterOptions,
    prefixes: Prefixes,
    client: OnceCell<Client>,
}

impl Searches {
    /// Nothing is sent yet.
    pub fn new(cluster: &ClusterOptions, names: &NameOptions) -> Self {
        let cluster = ClusterOptions { timeout: TIMEOUT.min(cluster.timeout), ..cluster.clone() };
        let prefixes = Prefixes { families: names.families.clone(), dead_letters: names.dead_letter_prefix.clone() };
        Self { cluster, prefixes, client: OnceCell::new() }
    }

    /// A connection that is not the pipeline's.
    pub async fn client(&self) -> Result<&Client, Trouble> {
        let client = self.client.get_or_try_init(|| connect::client(&self.cluster)).await;
        client.map_err(|failure: Failure| {
            trouble(failure.to_string(), "see how essink run connects: it uses the same options")
        })
    }

    /// What the cluster answers.
    pub async fn ask(&self, over: Over, body: &Value) -> Result<Value, Trouble> {
        let client = self.client().await?;
        let path = format!(
            "/{}/_search?ignore_unavailable=true&allow_no_indices=true&timeout={SEARCH_TIMEOUT}",
            patterns(over, &self.prefixes)
        );
        let answer = client.send_once(Method::POST, &path, Some(Bytes::from(body.to_string()))).await;
        let answer = answer.map_err(|error: SendError| {
            trouble(error.detail, "look whether the cluster runs; this panel is asked again by itself")
        })?;
        if answer.is_success() { Ok(answer.json()) } else { Err(refusal(&answer)) }
    }
}

fn trouble(error: String, cure: &str) -> Trouble {
    Trouble { error, cure: cure.to_owned() }
}

fn refusal(answer: &Answer) -> Trouble {
    let json = answer.json();
    let cause = match &json["error"]["root_cause"][0] {
        Value::Null => &json["error"],
        cause => cause,
    };
    let reason: String = cause["reason"].as_str().unwrap_or_default().chars().take(MAX_REASON_CHARS).collect();
    let cure = match answer.status {
        401 | 403 => "give essink's user the right to search the daily indices, and dead letters",
        429 | 500.. => "the cluster is busy or unwell: look at its health; this panel is asked again by itself",
        _ => {
            "the indices do not fit the question: do they have essink's templates? see essink init-templates --dry-run"
        }
    };
    trouble(format!("the cluster answers {}: {reason}", answer.status), cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Trouble {
        refusal(&Answer { status, body: Bytes::from(body.to_owned()), retry_after: None })
    }

    #[test]
    fn a_refusal_says_why_and_what_to_do() {
        let unfit = refused(
            400,
            r#"{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"Fielddata is disabled on [msg.id]"}]},"status":400}"#,
        );
        assert!(unfit.error.contains("400: Fielddata is disabled on [msg.id]"), "{unfit:?}");
        assert!(unfit.cure.contains("init-templates"), "{unfit:?}");
        let forbidden = refused(403, r#"{"error":{"reason":"no permissions for [indices:data/read/search]"}}"#);
        assert!(
            forbidden.error.contains("no permissions") && forbidden.cure.contains("right to search"),
            "{forbidden:?}"
        );
        let proxy = refused(502, "<html>");
        assert!(proxy.error.contains("502") && proxy.cure.contains("health"), "{proxy:?}");
        let long = refused(400, &format!(r#"{{"error":{{"reason":"{}"}}}}"#, "ä".repeat(1000)));
        assert!(long.error.chars().count() < 400);
    }
}
