//! A stream that has events, and a cluster that has none yet.

use std::ops::Range;

use testkit::kinesis::Kinesis;
use testkit::search::{Lease, shared};

use crate::faults::numbered;

/// What commands are asked about.
pub struct World {
    pub search: Lease<'static>,
    /// Its stream is `s`.
    pub kinesis: Kinesis,
}

impl World {
    /// A stream of two shards with so many events in both.
    pub async fn fed(events: usize) -> Self {
        let search = shared().lease().await.expect("OpenSearch");
        let kinesis = Kinesis::start().await.expect("Kinesis");
        kinesis.client().create_stream("s", 2).await.expect("stream");
        let world = Self { search, kinesis };
        world.put(0..events).await;
        world
    }

    /// Puts the events of these numbers.
    pub async fn put(&self, numbers: Range<usize>) {
        let records: Vec<_> = numbers.map(|n| (n.to_string(), numbered(n, "").1)).collect();
        self.kinesis.client().put_records("s", &records).await.expect("put");
    }
}
