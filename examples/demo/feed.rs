//! The producer.

use std::sync::Arc;
use std::time::Duration;

use testkit::kinesis::Client;
use testkit::month::Month;

/// As many portions, each larger than the one before: about as long as essink needs for the first few.
const PORTIONS: usize = 20;
const PAUSE: Duration = Duration::from_millis(400);

/// Puts the month into the stream, in the order of its days, in growing portions.
pub async fn grow(client: Client, stream: String, month: Arc<Month>) -> anyhow::Result<()> {
    let all = month.all();
    let whole = PORTIONS * (PORTIONS + 1) / 2;
    let mut begin = 0;
    for portion in 1..=PORTIONS {
        let end = all.len() * portion * (portion + 1) / 2 / whole;
        let records: Vec<_> = (begin..end).map(|at| (at.to_string(), all[at].bytes.clone())).collect();
        client.put_records(&stream, &records).await?;
        begin = end;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
