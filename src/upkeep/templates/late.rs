//! The mappings of what essink adds, for daily indices that were there before its templates, or before this version's.
//!
//! Nothing here stops a run: what an index does not take is said, and the others go on.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::installed::refusal;
use crate::opensearch::client::{Answer, Client};
use crate::upkeep::mappings::{DAYS_OF_WORDS, Plan, Put, added_names};

/// The most time that a start spends here.
const PATIENCE: Duration = Duration::from_secs(60);
/// Refusals for want of a right after which the rest is left alone: the right is likely to be missing everywhere. A block
/// or a full index is that index's own affair, and keeps none from being asked.
const MOST_FORBIDDEN: usize = 20;
/// Refusals told one by one; the JSON report has them all.
const TOLD: usize = 20;
/// Indices named in a line; the JSON report has them all.
const NAMED: usize = 5;

/// What daily indices got that others had made, or would get.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Added {
    /// Each index that got something, or would in a dry run.
    pub indices: Vec<Got>,
    /// Each index that did not take it.
    pub refused: Vec<Refused>,
    /// How many more lack something; the next run goes on with them.
    pub left: usize,
    /// How many an older essink made that lack words and get none, because their days are past.
    pub past: usize,
}

/// One index, and what it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Got {
    /// The index.
    pub index: String,
    /// The members of a document that have their mappings now, or `msg.word` where others of the member had theirs.
    pub members: Vec<String>,
}

/// One index that did not take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The index.
    pub index: String,
    /// The cluster's words.
    pub why: String,
    /// What to do.
    #[serde(skip)]
    cure: &'static str,
}

/// How one request ended.
enum Ended {
    Done,
    /// The index went away meanwhile.
    Gone,
    /// This index does not take it; others may.
    Refused(String, &'static str),
    /// The user may not.
    Forbidden(String, &'static str),
    /// The cluster answers nobody now.
    Unwell(String),
}

/// Sends what the plan has, within a minute.
pub async fn add(client: &Client, plan: &Plan) -> Added {
    let mut progress = Progress::default();
    // What was under way when time was up may be done; the next run sees it.
    let _in_time = tokio::time::timeout(PATIENCE, progress.send(client, plan)).await;
    let planned: usize = plan.puts.iter().map(|put| put.indices.len()).sum();
    let Progress { mut added, gone, .. } = progress;
    added.past = plan.past;
    added.left = plan.left + planned.saturating_sub(added.indices.len() + added.refused.len() + gone);
    added
}

#[derive(Default)]
struct Progress {
    added: Added,
    gone: usize,
    forbidden: usize,
}

impl Progress {
    async fn send(&mut self, client: &Client, plan: &Plan) {
        for put in &plan.puts {
            let all = &put.indices[..];
            // The cluster takes a request for all of its indices or for none.
            let goes_on = match put_mapping(client, all, &put.properties).await {
                Ended::Gone | Ended::Refused(..) | Ended::Forbidden(..) if all.len() > 1 => {
                    self.send_singly(client, put).await
                }
                ended => self.note(ended, all, &put.properties),
            };
            if !goes_on {
                return;
            }
        }
    }

    async fn send_singly(&mut self, client: &Client, put: &Put) -> bool {
        for index in put.indices.chunks(1) {
            let ended = put_mapping(client, index, &put.properties).await;
            if !self.note(ended, index, &put.properties) {
                return false;
            }
        }
        true
    }

    /// Whether to go on.
    fn note(&mut self, ended: Ended, indices: &[String], properties: &Map<String, Value>) -> bool {
        let refused = |why, cure| indices.first().map(|index| Refused { index: index.clone(), why, cure });
        match ended {
            Ended::Done => {
                let members = added_names(properties);
                let got = |index: &String| Got { index: index.clone(), members: members.clone() };
                self.added.indices.extend(indices.iter().map(got));
                true
            }
            Ended::Gone => {
                self.gone += indices.len();
                true
            }
            Ended::Refused(why, cure) => {
                self.added.refused.extend(refused(why, cure));
                true
            }
            Ended::Forbidden(why, cure) => {
                self.added.refused.extend(refused(why, cure));
                self.forbidden += 1;
                self.forbidden < MOST_FORBIDDEN
            }
            Ended::Unwell(why) => {
                self.added.refused.extend(refused(why, "the next run tries again"));
                false
            }
        }
    }
}

async fn put_mapping(client: &Client, indices: &[String], properties: &Map<String, Value>) -> Ended {
    let path = format!("/{}/_mapping", indices.join(","));
    match client.send_json(Method::PUT, &path, &json!({ "properties": properties })).await {
        Ok(answer) => ended(&answer),
        Err(error) => Ended::Unwell(error.detail),
    }
}

fn ended(answer: &Answer) -> Ended {
    let error = &answer.json()["error"];
    let blocked = error["type"] == "cluster_block_exception";
    let full = error.to_string().contains("total fields");
    let words = || refusal(answer);
    match answer.status {
        200..=299 => Ended::Done,
        404 => Ended::Gone,
        503 => Ended::Unwell(words()),
        _ if blocked => Ended::Refused(words(), "lift the block"),
        429 | 500.. => Ended::Unwell(words()),
        _ if full => Ended::Refused(words(), "raise its index.mapping.total_fields.limit"),
        401 | 403 => Ended::Forbidden(words(), "allow indices:admin/mapping/put on it"),
        _ => Ended::Refused(words(), "docs/migrating.md says how to write it anew"),
    }
}

impl Added {
    /// What would be added.
    pub(super) fn planned(plan: &Plan) -> Self {
        let of = |put: &Put| {
            let members = added_names(&put.properties);
            put.indices.iter().map(|index| Got { index: index.clone(), members: members.clone() }).collect::<Vec<_>>()
        };
        Self { indices: plan.puts.iter().flat_map(of).collect(), refused: Vec::new(), left: plan.left, past: plan.past }
    }

    /// One sentence for each index that did not take it; one for those beyond some.
    pub(super) fn warnings(&self) -> Vec<String> {
        let sentence = |Refused { index, why, cure }: &Refused| {
            format!(
                "index {index} lacks mappings of what essink adds and was not given them ({why}): \
                 panels fail over its day, or miss events, once essink has written there; {cure}"
            )
        };
        let mut sentences: Vec<_> = self.refused.iter().take(TOLD).map(sentence).collect();
        let more = self.refused.len().saturating_sub(TOLD);
        if more > 0 {
            sentences.push(format!(
                "{more} more daily indices were not given them: essink init-templates --json names them"
            ));
        }
        sentences
    }

    /// A verb and what was done, one for each set of members.
    pub(super) fn lines(&self, dry_run: bool) -> Vec<(&'static str, String)> {
        let mut by_members: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for Got { index, members } in &self.indices {
            by_members.entry(members.join(", ")).or_default().push(index);
        }
        let verb = if dry_run { "would add" } else { "added" };
        let line = |(members, indices): (String, Vec<&str>)| {
            let more = indices.len().saturating_sub(NAMED);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named = indices[..indices.len() - more].join(", ");
            let made =
                if members.contains('.') { "made before essink had them" } else { "made without essink's templates" };
            (verb, format!("{members} to the mappings of {named}{rest}, {made}"))
        };
        let mut lines: Vec<_> = by_members.into_iter().map(line).collect();
        if self.left > 0 {
            lines.push(("left", format!("{} more indices that lack such mappings to the next run", self.left)));
        }
        lines.extend(self.past().map(|what| ("left", what + "; docs/migrating.md says what to do")));
        lines
    }

    /// What is so where words are missing for good.
    pub fn past(&self) -> Option<String> {
        let words = |past| {
            format!(
                "{past} daily indices of more than {DAYS_OF_WORDS} days ago without words of msg that came later: panels \
                 that ask for these undercount there"
            )
        };
        (self.past > 0).then(|| words(self.past))
    }
}

#[cfg(test)]
mod tests;
