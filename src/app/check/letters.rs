//! The store of dead letters, where it is not the cluster.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::finding::{Finding, Tried, permission};
use crate::app::{clock, connect};
use crate::config::{DeadLetterOptions, RunOptions, S3Options};
use crate::dead_letter::{DirLetters, DirOptions};
use crate::s3::S3Error;

const ABOUT: &str = "dead letters";
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether letters could be kept.
pub async fn look(run: &RunOptions, write: bool) -> Vec<Finding> {
    match &run.dead_letters {
        // Among the rights on the cluster.
        DeadLetterOptions::Index => Vec::new(),
        DeadLetterOptions::Directory(path) => vec![directory(path, write)],
        DeadLetterOptions::S3(options) => timeout(PATIENCE, bucket(options, write)).await.unwrap_or_else(|_| {
            let what = format!("s3 does not answer within {} s", PATIENCE.as_secs());
            vec![Finding::problem(ABOUT, what, "check the network, --aws-region and --s3-endpoint-url")]
        }),
    }
}

fn directory(path: &Path, write: bool) -> Finding {
    let shown = path.display();
    match (path.is_dir(), write) {
        (true, false) => {
            Finding::ok(ABOUT, format!("directory {shown} is there; whether it can be written was not tried"))
        }
        (true, true) => match DirLetters::open(DirOptions::new(path)) {
            Ok(_) => Finding::ok(ABOUT, format!("directory {shown} can be written")),
            Err(error) => Finding::problem(ABOUT, format!("{error:#}"), "allow it, or name another directory"),
        },
        // The nearest one that is there has to take it.
        (false, _) => match path.ancestors().skip(1).find(|above| above.is_dir() || above.as_os_str().is_empty()) {
            Some(above) if above.metadata().is_ok_and(|found| found.permissions().readonly()) => {
                let what = format!("directory {shown} is not there, and cannot be made in {}", above.display());
                Finding::problem(ABOUT, what, "make it, or name another directory")
            }
            _ => Finding::ok(ABOUT, format!("directory {shown} is not there yet: a run makes it")),
        },
    }
}

async fn bucket(options: &S3Options, write: bool) -> Vec<Finding> {
    let bucket = match connect::bucket(options).await {
        Ok(bucket) => bucket,
        Err(failure) => return vec![Finding::problem(ABOUT, failure.to_string(), "mend it, and check again")],
    };
    let root = if options.url.prefix.is_empty() { String::new() } else { format!("{}/", options.url.prefix) };
    let listed = bucket.list(&root, None).await.map(drop);
    let mut left = None;
    let put = match write {
        false => Tried::Unknown("--no-write was given".to_owned()),
        true => {
            // A condition such as If-Match would need s3:GetObject too, which a run does not.
            let key = format!("{root}essink-check-{:016x}", clock::chance());
            let tried = bucket.try_put(&key).await;
            let there = match &tried {
                Ok(true) => true,
                // Some servers put first, and then look at the digest. S3 does not: where nobody may look, nothing is there.
                Ok(false) => matches!(bucket.look(&key).await, Ok(Some(_))),
                Err(_) => false,
            };
            if there {
                left = bucket.delete(&key).await.err().map(|error| (key, error));
            }
            read(tried.map(drop))
        }
    };
    let name = &options.url.bucket;
    let mut found = vec![
        permission(ABOUT, &format!("s3:ListBucket on {name}"), "find the bucket", read(listed)),
        permission(ABOUT, &format!("s3:PutObject in {name}/{root}"), "keep dead letters", put),
    ];
    if let Some((key, error)) = left {
        let what = format!("an empty object {key} was put and could not be removed: {error}");
        found.push(Finding::warning(ABOUT, what, "delete it by hand"));
    }
    found
}

fn read(tried: Result<(), S3Error>) -> Tried {
    match tried {
        // There is no such object: the question was let through.
        Ok(()) | Err(S3Error::Gone(_)) => Tried::Granted,
        Err(S3Error::Halt(why)) => Tried::Denied(why),
        Err(S3Error::Busy(why)) => Tried::Unknown(why),
    }
}
