//! Carrying a plan out: exact names, bounded requests, no more than the plan.

use std::fmt;

use http::Method;
use serde::Serialize;

use super::plan::{Due, Plan, Size, Spared};
use crate::opensearch::client::{Answer, Client};

/// Names in one request; the cluster makes one change of its state for all of them.
const NAMES_A_REQUEST: usize = 50;
/// Bytes of names in one request line; servers refuse lines above 4,096.
const BYTES_A_REQUEST: usize = 3_500;

/// What came of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Deleted by us.
    pub deleted: Vec<String>,
    /// Already gone: somebody else deleted them since the plan.
    pub gone: Vec<String>,
    /// Still there, and why.
    pub failed: Vec<Spared>,
    /// What the deleted ones took on disk, as far as that was known.
    pub bytes_freed: u64,
}

/// Exact names for one request, never none: a request without a name would ask for every index.
struct Batch<'a> {
    first: &'a Due,
    rest: &'a [Due],
}

/// Deletes what the plan names. A name that cannot be deleted does not keep the others.
///
/// # Errors
/// When the cluster does not answer; what was deleted until then stays deleted, and a new plan goes on.
pub async fn apply(client: &Client, plan: &Plan) -> anyhow::Result<Applied> {
    let mut applied = Applied::default();
    for batch in batches(&plan.drop) {
        let answer = client.send(Method::DELETE, &batch.path(), None).await?;
        if answer.is_success() {
            batch.all().for_each(|index| applied.add(index));
            continue;
        }
        // One name is enough for the cluster to refuse all of them: ask for each by itself.
        for index in batch.all() {
            let alone = Batch { first: index, rest: &[] };
            let answer = client.send(Method::DELETE, &alone.path(), None).await?;
            applied.judge(index, &answer);
        }
    }
    Ok(applied)
}

fn batches(drop: &[Due]) -> Vec<Batch<'_>> {
    let mut batches = Vec::new();
    let mut rest = drop;
    while let Some((first, tail)) = rest.split_first() {
        let mut bytes = first.name.len();
        let fits = |index: &&Due| {
            bytes += index.name.len() + 1;
            bytes <= BYTES_A_REQUEST
        };
        let more = tail.iter().take(NAMES_A_REQUEST - 1).take_while(fits).count();
        let (batch, left) = tail.split_at(more);
        batches.push(Batch { first, rest: batch });
        rest = left;
    }
    batches
}

impl<'a> Batch<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Due> {
        std::iter::once(self.first).chain(self.rest)
    }

    /// Names that parse hold no wildcard and nothing to be escaped.
    fn path(&self) -> String {
        let names: Vec<_> = self.all().map(|index| index.name.as_str()).collect();
        format!("/{}", names.join(","))
    }
}

impl Applied {
    fn add(&mut self, index: &Due) {
        self.deleted.push(index.name.clone());
        self.bytes_freed += index.bytes.unwrap_or_default();
    }

    fn judge(&mut self, index: &Due, answer: &Answer) {
        if answer.is_success() {
            self.add(index);
        } else if answer.status == 404 {
            self.gone.push(index.name.clone());
        } else {
            let reply = answer.json();
            let reason: String =
                reply["error"]["reason"].as_str().unwrap_or("no reason given").chars().take(300).collect();
            self.failed.push(Spared { name: index.name.clone(), why: format!("HTTP {}: {reason}", answer.status) });
        }
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "deleted {} indices, {} freed", self.deleted.len(), Size(self.bytes_freed))?;
        if !self.gone.is_empty() {
            writeln!(f, "already gone: {}", self.gone.join(", "))?;
        }
        for index in &self.failed {
            writeln!(f, "not deleted: {}: {}", index.name, index.why)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::Day;

    fn drops(count: usize, width: usize) -> Vec<Due> {
        let drop = |n| Due { name: format!("{n:0width$}"), day: Day(0), bytes: Some(1), aliases: vec![] };
        (0..count).map(drop).collect()
    }

    #[test]
    fn requests_name_everything_once_and_stay_small() {
        let check = |count, width, expected: &[usize]| {
            let drops = drops(count, width);
            let batches = batches(&drops);
            let sizes: Vec<_> = batches.iter().map(|b| b.all().count()).collect();
            assert_eq!(sizes, expected, "{count} names of {width} bytes");
            let asked = batches.iter().flat_map(Batch::all).map(|d| &d.name);
            assert!(asked.eq(drops.iter().map(|d| &d.name)));
            assert!(batches.iter().all(|b| b.path().len() <= BYTES_A_REQUEST + 1));
        };
        check(0, 19, &[]);
        check(1, 19, &[1]);
        check(101, 19, &[50, 50, 1]);
        // Thirteen names of 255 bytes and their commas are 3,327 bytes; a fourteenth would make 3,583.
        check(20, 255, &[13, 7]);
    }

    #[test]
    fn each_answer_is_told_apart() {
        let drops = drops(3, 19);
        let mut applied = Applied::default();
        let answer = |status, body: &'static str| Answer { status, body: body.into(), retry_after: None };
        applied.judge(&drops[0], &answer(200, "{}"));
        applied.judge(&drops[1], &answer(404, "{}"));
        applied.judge(&drops[2], &answer(403, r#"{"error":{"reason":"index read-only (api)"}}"#));
        assert_eq!((applied.deleted.len(), applied.gone.len(), applied.bytes_freed), (1, 1, 1));
        assert_eq!(applied.failed[0].why, "HTTP 403: index read-only (api)");
    }
}
