//! What is on disk, for the page: read once a minute while somebody watches, over a connection that is not the pipeline's.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use super::Shared;
use super::glance::Glance;
use crate::app::{clock, status};
use crate::config::RunOptions;
use crate::page::{Disk, Trouble};
use crate::upkeep::retention::{Wanted, on_disk};

/// Between two looks: days and sizes change slowly, and listing indices costs the cluster something.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A cluster that does not answer in this time is in trouble.
const LOOK_TIMEOUT: Duration = Duration::from_secs(15);

/// What was seen of the daily indices.
pub struct Disks {
    wanted: Vec<Wanted>,
    glance: Glance<Disk>,
}

impl Disks {
    /// Nothing is asked yet.
    pub fn new(options: &RunOptions) -> Self {
        let retention = options.retention.as_ref();
        let (keep, letters) = (retention.map(|own| own.keep), retention.and_then(|own| own.keep_dead_letters));
        let wanted = status::disk::wanted(&options.names, keep, letters);
        Self { wanted, glance: Glance::new(LOOK_EVERY, Disk::default()) }
    }
}

/// What is known now.
pub fn seen(shared: &Arc<Shared>) -> Disk {
    if shared.disks.glance.is_due() {
        tokio::spawn(look(shared.clone()).boxed());
    }
    shared.disks.glance.seen(Disk::clone)
}

async fn look(shared: Arc<Shared>) {
    let read = timeout(LOOK_TIMEOUT, read(&shared)).await;
    let read = read.unwrap_or_else(|_| Err(trouble(&format!("no answer in {} s", LOOK_TIMEOUT.as_secs()))));
    shared.disks.glance.looked(|disk| match read {
        Ok((families, prune)) => *disk = Disk { read_at: Some(clock::now().0), families, prune, trouble: None },
        Err(trouble) => disk.trouble = Some(trouble),
    });
}

async fn read(shared: &Shared) -> Result<(serde_json::Value, String), Trouble> {
    let client = shared.searches.client().await?;
    let found = on_disk(client, &shared.disks.wanted, clock::now().day()).await;
    let found = found.map_err(|error| trouble(&format!("{error:#}")))?;
    let prune = status::disk::plan(&found);
    serde_json::to_value(found).map(|families| (families, prune)).map_err(|error| trouble(&error.to_string()))
}

fn trouble(error: &str) -> Trouble {
    let cure =
        "look whether the cluster runs, or grant the right that is missing; it is asked again in a minute".to_owned();
    Trouble { error: format!("what is on disk cannot be read: {error}"), cure }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use axum::Router;
    use axum::http::StatusCode;
    use serde_json::json;

    use super::super::{Beyond, Later, Outside as _};
    use super::*;
    use crate::config;

    async fn until(beyond: &Beyond, right: impl Fn(&Disk) -> bool) -> Disk {
        let looking = async {
            loop {
                let disk: Later<'_, Disk> = beyond.disk();
                let disk = disk.await;
                if right(&disk) {
                    return disk;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), looking).await.unwrap()
    }

    #[tokio::test]
    async fn it_is_read_once_a_minute_and_what_was_read_stays_when_the_right_is_taken() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let answer = move || async move {
            match counted.fetch_add(1, Relaxed) {
                0 => (
                    StatusCode::OK,
                    json!([{"index": "ses-2020-01-01", "docs.count": "3", "store.size": "9"}]).to_string(),
                ),
                _ => (
                    StatusCode::FORBIDDEN,
                    json!({"error": {"type": "security_exception", "reason": "no permissions"}}).to_string(),
                ),
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cluster = format!("http://{}", listener.local_addr().unwrap());
        let beyond = Beyond::new(&config::tests::run(&format!("--keep 30d --opensearch-url {cluster}")));
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        assert_eq!(beyond.disk().await, Disk::default(), "nobody waits");
        let read = until(&beyond, |disk| disk.read_at.is_some()).await;
        let ses = read.families.as_array().unwrap().iter().find(|one| one["family"] == "ses").unwrap();
        assert_eq!((&ses["documents"], &ses["bytes"], &ses["older_days"]), (&json!(3), &json!(9), &json!(1)));
        assert_eq!(read.prune, "essink prune --keep 30d --dry-run");
        for _ in 0..50 {
            assert_eq!(beyond.disk().await, read);
        }
        assert_eq!(asked.load(Relaxed), 1);

        beyond.shared.disks.glance.state().began = None;
        let refused = until(&beyond, |disk| disk.trouble.is_some()).await;
        assert_eq!((&refused.families, refused.read_at), (&read.families, read.read_at));
        let said = refused.trouble.unwrap().error;
        assert!(said.contains("403") && said.contains("it takes the right to list the daily indices"), "{said}");
    }
}
