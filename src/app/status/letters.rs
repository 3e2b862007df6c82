//! Dead letters, counted.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{PATIENCE, too_slow};
use crate::app::letters::list::Seen;
use crate::app::stores;
use crate::config::{DeadLetterOptions, LetterOptions, StatusOptions};
use crate::dead_letter::{Filter, IndexCabinet, IndexOptions, Tally};
use crate::opensearch::client::Client;
use crate::pipeline::ports::StoreError;

/// Files and objects are counted by reading them; after this long the count says that there are more.
const COUNTING: Duration = Duration::from_secs(5);

/// Counts them, or says why they are unknown.
pub async fn tally(options: &StatusOptions, client: &Client) -> Result<Tally, String> {
    let counted = async {
        match &options.dead_letters {
            DeadLetterOptions::Index => {
                let prefix = options.names.dead_letter_prefix.clone();
                let cabinet = IndexCabinet::new(client.clone(), IndexOptions { prefix, ..IndexOptions::default() });
                cabinet.tally().await.map_err(|error| error.to_string())
            }
            // Nothing has been kept there yet.
            DeadLetterOptions::Directory(path) if !path.exists() => Ok(Tally::default()),
            _ => walk(options).await,
        }
    };
    timeout(PATIENCE, counted).await.unwrap_or_else(|_| Err(too_slow(&place(options))))
}

async fn walk(options: &StatusOptions) -> Result<Tally, String> {
    let (place, cluster, names) = (options.dead_letters.clone(), options.cluster.clone(), options.names.clone());
    let letters = LetterOptions { place, cluster, names };
    let cabinet = stores::cabinet(&letters).await.map_err(|failure| failure.to_string())?;
    let (mut walk, began) = (cabinet.walk(Filter::default(), false), Instant::now());
    let (mut tally, mut seen) = (Tally::default(), Seen::default());
    while let Some(page) = walk.next().await.map_err(|error: StoreError| error.to_string())? {
        page.found.iter().map(|found| &found.head).filter(|head| seen.is_new(head)).for_each(|head| tally.count(head));
        if began.elapsed() > COUNTING {
            tally.more = true;
            break;
        }
    }
    Ok(tally)
}

/// What the store is called.
pub fn place(options: &StatusOptions) -> String {
    match &options.dead_letters {
        DeadLetterOptions::Index => format!("{}*", options.names.dead_letter_prefix),
        DeadLetterOptions::Directory(path) => path.display().to_string(),
        DeadLetterOptions::S3(options) => format!("s3://{}/{}", options.url.bucket, options.url.prefix),
    }
}
