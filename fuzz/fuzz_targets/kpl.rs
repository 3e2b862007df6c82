//! The input is three things in turn: a record, the message in an aggregate, and a plan for an aggregate.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use essink::event::aggregate::{Aggregate, open};
use libfuzzer_sys::fuzz_target;
use md5::{Digest, Md5};
use prost::Message;

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const MOST: usize = 20;

/// `AggregatedRecord` as another reader has it. Keys are text in the format; here nobody reads them.
#[derive(Clone, PartialEq, Message)]
struct Aggregated {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    partition_keys: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    hash_keys: Vec<Bytes>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<User>,
}

#[derive(Clone, PartialEq, Message)]
struct User {
    #[prost(uint64, optional, tag = "1")]
    partition_key: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    hash_key: Option<u64>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    data: Option<Bytes>,
}

#[derive(Debug, Arbitrary)]
struct Plan {
    partition_keys: Vec<String>,
    hash_keys: Vec<String>,
    records: Vec<(u8, Option<u8>, Vec<u8>)>,
}

fuzz_target!(|data: &[u8]| {
    let record = Bytes::copy_from_slice(data);
    match open(&record, MOST) {
        Aggregate::Plain => assert!(!data.starts_with(&MAGIC)),
        Aggregate::Bad(_) => assert!(data.starts_with(&MAGIC)),
        Aggregate::Records(records) => slices(&records, &record),
    }
    message(data);
    if let Ok(plan) = Plan::arbitrary(&mut Unstructured::new(data)) {
        planned(plan);
    }
});

/// User records are slices of the frame: two bytes cannot become a megabyte.
fn slices(records: &[Bytes], frame: &Bytes) {
    assert!(records.len() <= MOST);
    let within = frame.as_ptr_range();
    for record in records.iter().filter(|record| !record.is_empty()) {
        let own = record.as_ptr_range();
        assert!(within.start <= own.start && own.end <= within.end);
    }
    assert!(records.iter().map(Bytes::len).sum::<usize>() <= frame.len());
}

fn frame(message: &[u8]) -> Bytes {
    [&MAGIC[..], message, &Md5::digest(message)[..]].concat().into()
}

/// Where both readers read a message, they read the same in it.
fn message(message: &[u8]) {
    let framed = frame(message);
    let opened = open(&framed, MOST);
    assert_ne!(opened, Aggregate::Plain);
    let Aggregate::Records(records) = opened else { return };
    slices(&records, &framed);
    if let Ok(other) = Aggregated::decode(message) {
        let data: Option<Vec<Bytes>> = other.records.into_iter().map(|record| record.data).collect();
        assert_eq!(data, Some(records));
    }
}

/// What a producer packs comes out as it was, unless its keys are not in its tables.
fn planned(plan: Plan) {
    let (n_partition, n_hash) = (plan.partition_keys.len(), plan.hash_keys.len());
    let fits = |(partition, hash, _): &(u8, Option<u8>, Vec<u8>)| {
        usize::from(*partition) < n_partition && hash.is_none_or(|hash| usize::from(hash) < n_hash)
    };
    let sound = plan.records.iter().all(fits) && plan.records.len() <= MOST;
    let data: Vec<Bytes> = plan.records.iter().map(|(_, _, data)| Bytes::from(data.clone())).collect();
    let user = |(partition, hash, data): (u8, Option<u8>, Vec<u8>)| User {
        partition_key: Some(partition.into()),
        hash_key: hash.map(u64::from),
        data: Some(data.into()),
    };
    let packed = Aggregated {
        partition_keys: plan.partition_keys.into_iter().map(Bytes::from).collect(),
        hash_keys: plan.hash_keys.into_iter().map(Bytes::from).collect(),
        records: plan.records.into_iter().map(user).collect(),
    };
    match open(&frame(&packed.encode_to_vec()), MOST) {
        Aggregate::Records(found) => assert!(sound && found == data),
        Aggregate::Bad(_) => assert!(!sound),
        Aggregate::Plain => panic!("an aggregate is taken for a record"),
    }
}
