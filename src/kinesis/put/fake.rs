//! A stream in memory: holds requests to the laws of `PutRecords`, keeps what it takes, and misbehaves as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use super::api::{Layout, OpenShard, Packed, PutApi};
use super::shards::{Shards, hash_key};
use crate::event::aggregate::{Aggregate, open};
use crate::kinesis::client::AccessError;
use crate::kinesis::shard::api::Fault;
use crate::pipeline::position::ShardId;

/// How a request is answered.
pub enum Reply {
    /// Each record is taken, or refused with this.
    Each(Vec<Option<Fault>>),
    /// The whole request fails.
    Fail(Fault),
    /// All is taken, and the answer lost.
    Lost,
    /// All is taken, and the answer is about one record less.
    Short,
}

type Plan = Box<dyn FnMut(usize, &[Packed]) -> Reply + Send>;

/// The stream; clones are the same one.
#[derive(Clone)]
pub struct Fake(Arc<Mutex<World>>);

pub struct World {
    pub layout: Layout,
    /// What the stream is in truth, when it is not what it says.
    pub truth: Shards,
    pub plan: Plan,
    pub latency: Duration,
    /// What was sent, request by request.
    pub sent: Vec<Vec<Packed>>,
    /// What was taken.
    pub taken: Vec<(ShardId, Packed)>,
    /// The events in it.
    pub events: BTreeMap<Bytes, Vec<ShardId>>,
    pub looks: usize,
}

/// `n` shards that share the hash keys evenly.
pub fn shards(n: u128) -> Vec<OpenShard> {
    let last = |i: u128| if i + 1 == n { u128::MAX } else { u128::MAX / n * (i + 1) };
    (0..n).map(|i| OpenShard { id: ShardId::from(format!("shardId-{i:012}").as_str()), last: last(i) }).collect()
}

impl Fake {
    /// Takes everything, after 10 ms.
    pub fn new(n_shards: u128) -> Self {
        Self::answering(n_shards, |_, records| Reply::Each(vec![None; records.len()]))
    }

    /// Answers by this plan, which is told the number of the request, from 0.
    pub fn answering(n_shards: u128, plan: impl FnMut(usize, &[Packed]) -> Reply + Send + 'static) -> Self {
        let layout = Layout { shards: shards(n_shards), largest: 1 << 20 };
        Self(Arc::new(Mutex::new(World {
            truth: Shards::new(layout.shards.clone()),
            layout,
            plan: Box::new(plan),
            latency: Duration::from_millis(10),
            sent: Vec::new(),
            taken: Vec::new(),
            events: BTreeMap::new(),
            looks: 0,
        })))
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Records in each request.
    pub fn requests(&self) -> Vec<usize> {
        self.world().sent.iter().map(Vec::len).collect()
    }

    /// Every event in the stream, with how often it is there and the shards it is in.
    pub fn events(&self) -> BTreeMap<Bytes, Vec<ShardId>> {
        self.world().events.clone()
    }
}

/// The events in a record.
pub fn unpacked(record: &Packed) -> Vec<Bytes> {
    match open(&record.data, 100_000) {
        Aggregate::Plain => vec![record.data.clone()],
        Aggregate::Records(events) => events,
        Aggregate::Bad(why) => panic!("{why}"),
    }
}

impl World {
    fn holds(&self, records: &[Packed]) {
        let size = |record: &Packed| record.key.len() + record.data.len();
        let total: usize = records.iter().map(size).sum();
        assert!((1..=500).contains(&records.len()), "{} records", records.len());
        assert!(total <= 5 << 20 || records.len() == 1, "{total} bytes in {} records", records.len());
        for record in records {
            assert!((1..=256).contains(&record.key.chars().count()), "{}", record.key);
            assert!(size(record) <= self.layout.largest, "{} bytes", size(record));
        }
    }

    fn take(&mut self, record: &Packed) -> ShardId {
        let shard = self.truth.id(hash_key(&record.key)).unwrap().clone();
        self.taken.push((shard.clone(), record.clone()));
        unpacked(record).into_iter().for_each(|event| self.events.entry(event).or_default().push(shard.clone()));
        shard
    }
}

impl PutApi for Fake {
    async fn put(&self, records: &[Packed]) -> Result<Vec<Result<ShardId, Fault>>, Fault> {
        let (reply, latency) = {
            let mut world = self.world();
            world.holds(records);
            let n = world.sent.len();
            world.sent.push(records.to_vec());
            ((world.plan)(n, records), world.latency)
        };
        sleep(latency).await;
        let mut world = self.world();
        match reply {
            Reply::Each(faults) => {
                let each = records.iter().zip(faults);
                Ok(each.map(|(record, fault)| fault.map_or_else(|| Ok(world.take(record)), Err)).collect())
            }
            Reply::Fail(fault) => Err(fault),
            Reply::Lost => {
                records.iter().for_each(|record| drop(world.take(record)));
                Err(Fault::Transient("connection reset".to_owned()))
            }
            Reply::Short => Ok(records.iter().map(|record| Ok(world.take(record))).skip(1).collect()),
        }
    }

    async fn layout(&self) -> Result<Layout, AccessError> {
        let mut world = self.world();
        world.looks += 1;
        Ok(world.layout.clone())
    }
}
