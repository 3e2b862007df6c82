use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use super::api::{OpenShard, Packed};
use super::fake::{Fake, Reply, shards, unpacked};
use super::parcel::TARGET;
use super::*;
use crate::kinesis::shard::api::Fault;
use crate::pipeline::position::ShardId;

mod chaos;
mod faults;

const SECOND: Duration = Duration::from_secs(1);

fn producer(fake: &Fake) -> Producer {
    producer_with(fake, 64 << 20)
}

fn producer_with(fake: &Fake, memory: u64) -> Producer {
    let layout = fake.world().layout.clone();
    Producer::start(fake.clone(), layout, Settings { memory, seed: 7 })
}

fn item(key: &str, data: impl Into<Vec<u8>>) -> Item {
    Item { key: key.to_owned(), data: Bytes::from(data.into()) }
}

/// Event number `n` under a key of its own, `size` bytes long.
fn event(n: usize, size: usize) -> Item {
    let mut data = format!("{{\"n\":{n}}}").into_bytes();
    data.resize(size.max(data.len()), b' ');
    item(&format!("key-{n}"), data)
}

fn throttled() -> Fault {
    Fault::Throttled("ProvisionedThroughputExceededException: Rate exceeded".to_owned())
}

/// Asserts that each of these is in the stream exactly once.
fn check_once(fake: &Fake, items: &[Item]) {
    let events = fake.events();
    assert_eq!(events.len(), items.len());
    for item in items {
        assert_eq!(events[&item.data].len(), 1, "{}", item.key);
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_event_is_a_record_as_it_is() {
    let fake = Fake::new(4);
    producer(&fake).put(vec![item("k", "{}")], SECOND).await.unwrap();
    assert_eq!(fake.world().sent, [[Packed { key: "k".into(), data: "{}".into() }]]);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_look_like_a_frame_come_out_as_they_went_in() {
    let fake = Fake::new(1);
    let odd = [&[0xf3, 0x89, 0x9a, 0xc2][..], b"no frame at all, but as long as one"].concat();
    producer(&fake).put(vec![item("k", odd.clone())], SECOND).await.unwrap();
    assert_eq!(fake.events().into_keys().collect::<Vec<_>>(), [odd]);
}

#[tokio::test(start_paused = true)]
async fn nothing_takes_no_request() {
    let fake = Fake::new(1);
    producer(&fake).put(Vec::new(), SECOND).await.unwrap();
    assert!(fake.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_few_records_each_of_one_shard() {
    let fake = Fake::new(4);
    let items: Vec<Item> = (0..350).map(|n| event(n, 1_000)).collect();
    producer(&fake).put(items.clone(), SECOND).await.unwrap();
    check_once(&fake, &items);
    // 350 events of 1,000 bytes and their keys are seven frames; a shard more or less may end in a short one.
    assert!((7..=7 + 4).contains(&fake.requests()[0]), "{:?}", fake.requests());
    assert_eq!(fake.requests().len(), 1);
    let world = fake.world();
    for (shard, record) in &world.taken {
        assert!(record.data.len() <= TARGET, "{}", record.data.len());
        let first = unpacked(record)[0].clone();
        assert_eq!(record.key, items.iter().find(|item| item.data == first).unwrap().key, "that of its first event");
        for event in unpacked(record) {
            let key = &items.iter().find(|item| item.data == event).unwrap().key;
            assert_eq!(world.truth.id(hash_key(key)), Some(shard), "{key} belongs elsewhere");
        }
    }
    let used: BTreeSet<_> = world.taken.iter().map(|(shard, _)| shard).collect();
    assert_eq!(used.len(), 4, "keys spread");
}

#[tokio::test(start_paused = true)]
async fn events_of_one_key_stay_together_and_in_order() {
    let fake = Fake::new(8);
    let producer = producer(&fake);
    let message = |n: usize, part: usize| item(&format!("message-{n}"), format!("{n} {part}"));
    for part in 0..5 {
        producer.put((0..100).map(|n| message(n, part)).collect(), SECOND).await.unwrap();
    }
    let mut of: BTreeMap<String, Vec<(ShardId, String)>> = BTreeMap::new();
    for (shard, record) in &fake.world().taken {
        for event in unpacked(record) {
            let text = String::from_utf8(event.to_vec()).unwrap();
            let (n, part) = text.split_once(' ').unwrap();
            of.entry(n.to_owned()).or_default().push((shard.clone(), part.to_owned()));
        }
    }
    for (n, events) in of {
        assert!(events.iter().all(|(shard, _)| *shard == events[0].0), "message {n} is in several shards");
        assert_eq!(events.iter().map(|(_, part)| part.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3", "4"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_requests_are_under_way_goes_together() {
    let fake = Fake::new(1);
    let producer = producer(&fake);
    let put = |n: usize| {
        let producer = producer.clone();
        tokio::spawn(async move { producer.put(vec![event(n, 100)], SECOND).await })
    };
    let mut callers = Vec::new();
    for n in 0..FLIGHTS {
        callers.push(put(n));
        // Each finds a request free for it at once.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(fake.requests(), [1; FLIGHTS], "nobody waits for company");
    callers.extend((FLIGHTS..300).map(put));
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(fake.requests().len(), FLIGHTS + 1, "296 callers in one request");
    check_once(&fake, &(0..300).map(|n| event(n, 100)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn requests_keep_the_limits_of_the_service() {
    // The fake asserts them; here is what brings each of them about.
    for (n, size) in [(1_200, 5_000), (150, 60_000), (4, 1 << 19), (12, (1 << 20) - 100)] {
        let fake = Fake::new(3);
        let items: Vec<Item> = (0..n).map(|i| event(i, size)).collect();
        producer_with(&fake, 1 << 30).put(items.clone(), 60 * SECOND).await.unwrap();
        check_once(&fake, &items);
    }
    // A record for each of more shards than a request may have records.
    let fake = Fake::new(700);
    let items: Vec<Item> = (0..5_000).map(|i| event(i, 10)).collect();
    producer(&fake).put(items.clone(), 60 * SECOND).await.unwrap();
    check_once(&fake, &items);
    assert_eq!(fake.requests()[0], 500);

    let fake = Fake::new(1);
    let items: Vec<Item> = (0..3).map(|i| event(i, 6 << 20)).chain((3..50).map(|i| event(i, 100_000))).collect();
    fake.world().layout.largest = 10 << 20;
    producer_with(&fake, 1 << 30).put(items.clone(), 60 * SECOND).await.unwrap();
    check_once(&fake, &items);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_said_before_anything_is_sent_and_the_limit_is_looked_up_again() {
    let fake = Fake::new(1);
    let producer = producer(&fake);
    let limit = 1 << 20;
    let exact = item("key", vec![b'x'; limit - 3]);
    producer.put(vec![exact], SECOND).await.unwrap();
    let error = producer.put(vec![item("a", "{}"), item("key", vec![b'y'; limit - 2])], SECOND).await.unwrap_err();
    assert_eq!(error, PutError::TooLarge { bytes: limit + 1, limit });
    assert!(!error.may_pass());
    assert_eq!(fake.requests(), [1], "the small one was not sent either");

    fake.world().layout.largest = 2 << 20;
    tokio::time::sleep(6 * SECOND).await;
    assert_eq!((fake.world().looks, producer.largest()), (1, 2 << 20));
    producer.put(vec![item("key", vec![b'y'; limit - 2])], SECOND).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_a_reshard_every_event_is_in_and_the_map_is_drawn_again() {
    let fake = Fake::new(2);
    let producer = producer(&fake);
    let children: Vec<OpenShard> = shards(6)
        .into_iter()
        .map(|shard| OpenShard { id: format!("{}-child", shard.id).as_str().into(), ..shard })
        .collect();
    {
        let mut world = fake.world();
        world.truth = Shards::new(children.clone());
        world.layout.shards = children;
    }
    let before: Vec<Item> = (0..200).map(|n| event(n, 100)).collect();
    producer.put(before.clone(), SECOND).await.unwrap();
    check_once(&fake, &before);
    tokio::time::sleep(6 * SECOND).await;
    assert_eq!(fake.world().looks, 1);

    let after: Vec<Item> = (200..400).map(|n| event(n, 100)).collect();
    producer.put(after.clone(), SECOND).await.unwrap();
    let events = fake.events();
    for item in after {
        let belongs = fake.world().truth.id(hash_key(&item.key)).cloned().unwrap();
        assert_eq!(events[&item.data], [belongs], "{}", item.key);
    }
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(fake.world().looks, 1, "once more is not looked");
}

#[tokio::test(start_paused = true)]
async fn the_bytes_that_wait_are_bounded() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let fake = Fake::answering(1, move |_, records| match gate.load(Ordering::Relaxed) {
        true => Reply::Each(vec![None; records.len()]),
        false => Reply::Fail(throttled()),
    });
    let producer = producer_with(&fake, 1 << 20);
    let put = |n: usize, within: Duration| {
        let producer = producer.clone();
        tokio::spawn(async move { producer.put(vec![event(n, 600_000)], within).await })
    };
    let first = put(0, 3600 * SECOND);
    tokio::time::sleep(SECOND).await;
    let second = put(1, 5 * SECOND).await.unwrap().unwrap_err();
    assert!(
        matches!(&second, PutError::Later { stored: 0, events: 1, why } if why.contains("Rate exceeded")),
        "{second}"
    );
    assert!(fake.world().sent.iter().all(|records| records.len() == 1), "there was no room for the second");
    open.store(true, Ordering::Relaxed);
    first.await.unwrap().unwrap();
    put(2, SECOND).await.unwrap().unwrap();
    // Larger than all of the room: it waits until it is alone, and goes.
    producer.put(vec![event(3, 500_000), event(4, 500_000), event(5, 500_000)], SECOND).await.unwrap();
    assert_eq!(producer.shared.room.available_permits(), producer.shared.units as usize);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_late_makes_room_while_nothing_can_be_sent() {
    for whole in [true, false] {
        let fake = Fake::answering(1, move |_, records| match whole {
            true => Reply::Fail(throttled()),
            false => Reply::Each(vec![Some(throttled()); records.len()]),
        });
        let producer = producer_with(&fake, 1 << 20);
        let put = |n: usize, within: Duration| {
            let producer = producer.clone();
            tokio::spawn(async move { producer.put(vec![event(n, 400_000)], within).await })
        };
        let stuck = put(0, 3600 * SECOND);
        tokio::time::sleep(SECOND).await;
        assert!(put(1, SECOND).await.unwrap().is_err());
        // At the next refusal, two seconds later at most, what nobody waits for has gone.
        tokio::time::sleep(3 * SECOND).await;
        let used = (producer.shared.units as usize - producer.shared.room.available_permits()) * 64;
        assert!((400_000..410_000).contains(&used), "whole {whole}: {used} bytes, and one event waits");
        assert!(!stuck.is_finished());
    }
}

#[tokio::test(start_paused = true)]
async fn counts_say_what_was_done() {
    let fake = Fake::answering(1, |n, records| match n {
        0 => Reply::Each(vec![Some(throttled()); records.len()]),
        _ => Reply::Each(vec![None; records.len()]),
    });
    let producer = producer(&fake);
    producer.put((0..100).map(|n| event(n, 1_000)).collect(), 5 * SECOND).await.unwrap();
    let taken = fake.world().taken.clone();
    let bytes = taken.iter().map(|(_, record)| (record.key.len() + record.data.len()) as u64).sum();
    let records = taken.len() as u64;
    assert_eq!(producer.counts(), Counts { events: 100, records, bytes, requests: 3, again: records });
    assert_eq!(records, 3, "two full frames and what is left");
    assert_eq!(fake.requests(), [3, 1, 2], "a shard that took nothing is given one record, and then twice as much");
}
