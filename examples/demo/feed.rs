//! The producer.

use std::sync::Arc;
use std::time::Duration;

use testkit::kinesis::Client;
use testkit::month::Month;

/// As many portions, each larger than the one before: about as long as essink needs for the first few.
const PORTIONS: usize = 20;
/// So many at a time in the beginning.
const TRICKLE: usize = 16;

/// Puts the month into the stream in growing portions, each from all of its days: their indices are made in the beginning.
pub async fn grow(client: Client, stream: String, month: Arc<Month>, pause: Duration) -> anyhow::Result<()> {
    let all = month.all();
    let whole = PORTIONS * (PORTIONS + 1) / 2;
    // An event's place in its turn says which portion it goes with: 1 of 210 with the first, 20 with the last.
    let portion_of = |at: usize| (1..=PORTIONS).find(|portion| at % whole < portion * (portion + 1) / 2);
    for portion in 1..=PORTIONS {
        let mine = (0..all.len()).filter(|at| portion_of(*at) == Some(portion));
        let records: Vec<_> = mine.map(|at| (at.to_string(), all[at].bytes.clone())).collect();
        // The first comes as a trickle: each of its events may be the first of its index.
        let step = if portion == 1 { TRICKLE } else { records.len().max(1) };
        for some in records.chunks(step) {
            client.put_records(&stream, some).await?;
            tokio::time::sleep(pause).await;
        }
    }
    Ok(())
}
