//! What each shard still owes: the oldest record behind its position, asked of Kinesis without moving anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::app::clock;
use crate::kinesis::client::{Kinesis, Stream};
use crate::kinesis::lineage::Shard;
use crate::kinesis::shard::api::ShardApi;
use crate::lease::table::Row;
use crate::pipeline::position::{Position, ShardId};

/// Shards asked at a time.
const PARALLEL: usize = 8;
/// Empty pages are normal far from the tip; after so many in a row nothing is known.
const PAGES: usize = 10;
/// Law of Kinesis: 5 GetRecords calls a second and shard, which its reader needs too.
const PAUSE: Duration = Duration::from_millis(250);

/// What is behind a position.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Age of the oldest record that has not been settled, in milliseconds; none when there is none.
    pub oldest_ms: Option<i64>,
    /// How far the position is from the tip, as Kinesis says, in milliseconds.
    pub behind_ms: Option<u64>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Asks for the shards of `rows` that the stream lists and that are not at their end.
pub async fn of(kinesis: &Kinesis, stream: &Stream, rows: &[Row], listed: &[Shard]) -> BTreeMap<ShardId, Unread> {
    let turns = Arc::new(Semaphore::new(PARALLEL));
    let mut asking = JoinSet::new();
    let is_listed = |shard: &ShardId| listed.iter().any(|other| other.id == *shard);
    for row in rows.iter().filter(|row| row.position != Position::End && is_listed(&row.shard)) {
        let (reader, turns) = (kinesis.reader(stream), turns.clone());
        let (shard, position) = (row.shard.clone(), row.position.clone());
        asking.spawn(async move {
            let _turn = turns.acquire().await;
            let unread = ask(&reader, &shard, &position).await;
            (shard, unread)
        });
    }
    asking.join_all().await.into_iter().collect()
}

async fn ask(reader: &impl ShardApi, shard: &ShardId, position: &Position) -> Unread {
    let trouble = |why: String| Unread { trouble: Some(why), ..Unread::default() };
    let mut iterator = match reader.iterator(shard, position).await {
        Ok(iterator) => iterator,
        Err(fault) => return trouble(fault.to_string()),
    };
    for _ in 0..PAGES {
        let answer = match reader.records(&iterator, 1).await {
            Ok(answer) => answer,
            Err(fault) => return trouble(fault.to_string()),
        };
        let behind_ms = answer.behind.and_then(|behind| u64::try_from(behind.as_millis()).ok());
        if let Some(record) = answer.records.first() {
            let age = clock::now().0.saturating_sub(record.arrived.0).max(0);
            return Unread { oldest_ms: Some(age), behind_ms, trouble: None };
        }
        match answer.next {
            Some(next) if behind_ms != Some(0) => iterator = next,
            _ => return Unread { oldest_ms: None, behind_ms, trouble: None },
        }
        tokio::time::sleep(PAUSE).await;
    }
    trouble(format!("no record within {PAGES} pages"))
}
