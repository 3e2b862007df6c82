//! The producer.

use std::time::Duration;

use testkit::events::{Event, Events, Plan};
use testkit::kinesis::Client;

/// As many portions, each larger than the one before: about as long as essink needs for the first few.
const PORTIONS: usize = 20;
const PAUSE: Duration = Duration::from_millis(400);

/// Puts the plan's events into the stream in growing portions.
pub async fn grow(client: Client, stream: String, plan: Plan) -> anyhow::Result<()> {
    let mut events = Events::new(plan);
    let whole = PORTIONS * (PORTIONS + 1) / 2;
    for portion in 1..=PORTIONS {
        // The last portion takes what rounding has left.
        let count = if portion == PORTIONS { plan.count } else { plan.count * portion / whole };
        let records: Vec<_> = events.by_ref().take(count).map(record).collect();
        client.put_records(&stream, &records).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

fn record(event: Event) -> (String, Vec<u8>) {
    let data = event.record();
    (event.partition_key, data)
}
