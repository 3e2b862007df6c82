//! One bulk request: built, sent, and its answer judged.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Method;

use super::client::{Answer, Client, Failure, Outgoing, SendError};
use super::judge::judge_request;
use crate::pipeline::op::BulkOp;
use crate::pipeline::ports::Bulk;
use crate::pipeline::verdict::{Reply, Verdict};

mod reply;

/// For the fuzz targets and the recorded answers.
#[doc(hidden)]
pub use reply::verdicts;

/// About 30 bytes a document come back instead of 200; ids and shards of what went well interest nobody.
const PATH: &str = "/_bulk?filter_path=took,errors,items.*.status,items.*.error";
/// The smallest request limit in common use (nginx: 1 MiB). A connection closed under less is no matter of size.
const SMALLEST_LIMIT: usize = 1 << 20;
/// How often a single document must meet a closed connection before its size is blamed: that costs it its place.
const CLOSED_ALONE: u32 = 3;
/// Longest pause a server may ask for with `Retry-After`.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Sends bulk requests to the cluster.
#[derive(Debug, Clone)]
pub struct BulkClient {
    client: Client,
    gzip: Option<Compression>,
}

impl BulkClient {
    /// `gzip` is the level (1 to 9) to compress request bodies with; `None` sends them as they are.
    pub fn new(client: Client, gzip: Option<u32>) -> Self {
        Self { client, gzip: gzip.map(|level| Compression::new(level.clamp(1, 9))) }
    }
}

impl Bulk for BulkClient {
    /// A pause that the server asks for (`Retry-After`, at most 30 s) is waited out before the verdict is given.
    async fn send(&self, ops: &[BulkOp]) -> Reply {
        if ops.is_empty() {
            return Reply::Items(Vec::new());
        }
        let body = match self.body(ops).await {
            Ok(body) => body,
            Err(error) => return Reply::Whole(Verdict::Busy(format!("the request cannot be compressed: {error}"))),
        };
        let mut closed = 0;
        loop {
            match self.post(body.clone()).await {
                Ok(answer) => return judge(&answer, ops).await,
                Err(error) if error.failure == Failure::Closed && body.len() > SMALLEST_LIMIT => {
                    closed += 1;
                    if !self.answers().await {
                        return Reply::Whole(judge_failure(&error));
                    }
                    // Several documents are only split by this verdict; one alone would be lost to its index.
                    if ops.len() > 1 || closed >= CLOSED_ALONE {
                        return Reply::Whole(Verdict::TooLarge(too_large(&error, body.len())));
                    }
                }
                // An answer of many megabytes of errors: fewer documents have a smaller one.
                Err(error) if error.failure == Failure::TooLarge && ops.len() > 1 => {
                    return Reply::Whole(Verdict::TooLarge(error.detail));
                }
                Err(error) => return Reply::Whole(judge_failure(&error)),
            }
        }
    }
}

impl BulkClient {
    async fn post(&self, body: Bytes) -> Result<Answer, SendError> {
        let outgoing =
            Outgoing { method: Method::POST, path: PATH, body: Some(body), gzipped: self.gzip.is_some(), headers: &[] };
        self.client.exchange(&outgoing).await.map(|(answer, _)| answer)
    }

    /// Whether a small request is answered: then a closed connection is no matter of a node that died.
    async fn answers(&self) -> bool {
        self.client.get("/").await.is_ok()
    }

    /// The request body: one copy of the lines, or, compressed, none.
    async fn body(&self, ops: &[BulkOp]) -> std::io::Result<Bytes> {
        let Some(level) = self.gzip else { return Ok(concatenate(ops)) };
        // Five megabytes keep a thread busy for tens of milliseconds, too long for one that reads sockets.
        let lines: Vec<Bytes> = ops.iter().map(|op| op.lines.clone()).collect();
        tokio::task::spawn_blocking(move || compress(&lines, level)).await?
    }
}

async fn judge(answer: &Answer, ops: &[BulkOp]) -> Reply {
    let Some(verdict) = judge_request(answer.status, &answer.body) else {
        return match verdicts(&answer.body, ops.iter().map(|op| &*op.index)) {
            Ok(verdicts) => Reply::Items(verdicts),
            Err(error) => Reply::Whole(Verdict::Busy(unreadable(answer, &error))),
        };
    };
    if let (Verdict::Busy(_), Some(pause)) = (&verdict, answer.retry_after) {
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
    }
    Reply::Whole(verdict)
}

/// Judges a request without an answer.
fn judge_failure(error: &SendError) -> Verdict {
    match error.failure {
        // What a server's certificate or our own lacks, waiting does not mend.
        Failure::Tls | Failure::Request => Verdict::Halt(error.detail.clone()),
        Failure::Connect | Failure::Credentials => Verdict::Busy(error.detail.clone()),
        // Carried out or not: `create` finds out when it is sent again.
        Failure::Timeout | Failure::Closed | Failure::Cut | Failure::TooLarge => Verdict::Busy(error.detail.clone()),
    }
}

/// Category and place only: the parser's sentence could quote the body.
fn unreadable(answer: &Answer, error: &serde_json::Error) -> String {
    let what = if answer.body.trim_ascii_start().starts_with(b"<") {
        "a web page, perhaps of a proxy or a login before the cluster".to_owned()
    } else {
        format!("{} bytes that are not the answer to this request ({:?})", answer.body.len(), error.classify())
    };
    format!("status {} with {what}", answer.status)
}

fn too_large(error: &SendError, bytes: usize) -> String {
    format!("a request of {bytes} bytes finds the connection closed while small ones are answered: {}", error.detail)
}

fn concatenate(ops: &[BulkOp]) -> Bytes {
    let mut body = Vec::with_capacity(ops.iter().map(|op| op.lines.len()).sum());
    for op in ops {
        body.extend_from_slice(&op.lines);
    }
    body.into()
}

fn compress(lines: &[Bytes], level: Compression) -> std::io::Result<Bytes> {
    // Events compress about eightfold at level 1; a body that does better wastes a little, one that does worse grows once.
    let expected = lines.iter().map(Bytes::len).sum::<usize>() / 6;
    let mut encoder = GzEncoder::new(Vec::with_capacity(expected), level);
    for line in lines {
        encoder.write_all(line)?;
    }
    Ok(encoder.finish()?.into())
}

#[cfg(test)]
mod tests;
