//! Many callers and a service that fails by chance: whatever happens, an answer is true.

use super::*;
use crate::kinesis::chance::Chance;

fn below(chance: &mut Chance, n: usize) -> usize {
    (chance.share() * n as f64) as usize
}

/// A service that does each thing in a share of all requests.
fn misbehaving(seed: u64) -> Fake {
    let mut chance = Chance(seed);
    let calm = 1 + below(&mut chance, 9);
    Fake::answering(1 + below(&mut chance, 7) as u128, move |_, records| match below(&mut chance, 10 + calm) {
        0 => Reply::Fail(throttled()),
        1 => Reply::Fail(Fault::Transient("reset".into())),
        2 | 3 => Reply::Lost,
        4 => Reply::Short,
        5..=8 => {
            let each = |_: &Packed| (below(&mut chance, 3) == 0).then(throttled);
            Reply::Each(records.iter().map(each).collect())
        }
        9 if below(&mut chance, 8) == 0 => Reply::Fail(Fault::Refused("no right".into())),
        9 => Reply::Fail(Fault::Invalid("odd".into())),
        _ => Reply::Each(vec![None; records.len()]),
    })
}

async fn round(seed: u64) -> (usize, usize) {
    let fake = misbehaving(seed);
    let (mut chance, memory) = (Chance(seed ^ 0xabcd), 1 << (14 + seed % 8));
    let producer = producer_with(&fake, memory);
    let mut callers = Vec::new();
    for caller in 0..60 {
        let n = 1 + below(&mut chance, 40);
        let size = 20 + below(&mut chance, 3_000) * (1 + 30 * usize::from(below(&mut chance, 10) == 0));
        let items: Vec<Item> = (0..n).map(|i| event(caller * 1_000 + i, size)).collect();
        let within = Duration::from_millis(below(&mut chance, 20_000) as u64);
        let producer = producer.clone();
        tokio::time::sleep(Duration::from_millis(below(&mut chance, 100) as u64)).await;
        if below(&mut chance, 20) == 0 {
            let shards = shards(1 + below(&mut chance, 7) as u128);
            fake.world().truth = Shards::new(shards.clone());
            fake.world().layout.shards = shards;
        }
        callers.push(tokio::spawn(async move { (items.clone(), producer.put(items, within).await) }));
    }
    let mut results = Vec::new();
    for caller in callers {
        let (items, result) = caller.await.unwrap();
        // What was answered is true when it is answered.
        let stored = {
            let world = fake.world();
            items.iter().filter(|item| world.events.contains_key(&item.data)).count()
        };
        match &result {
            Ok(()) => assert_eq!(stored, items.len(), "seed {seed}: answered, and not in the stream"),
            Err(error) => assert!(error.stored() <= stored, "seed {seed}: {error}, and {stored} are in the stream"),
        }
        results.push((items, result.is_ok()));
    }
    let given: BTreeSet<_> = results.iter().flat_map(|(items, _)| items).map(|item| item.data.clone()).collect();
    assert!(fake.events().keys().all(|event| given.contains(event)), "seed {seed}: invented");
    // Requests under way end, and what nobody waits for goes.
    tokio::time::sleep(30 * SECOND).await;
    let free = producer.shared.room.available_permits();
    assert_eq!(free, producer.shared.units as usize, "seed {seed}: bytes are left behind");
    let well = results.iter().filter(|(_, ok)| *ok).count();
    (well, results.len() - well)
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_an_answer_is_true_and_no_bytes_are_left_behind() {
    let (mut well, mut ill) = (0, 0);
    for seed in 0..100 {
        let (ok, err) = round(seed).await;
        (well, ill) = (well + ok, ill + err);
    }
    assert!(well > 700 && ill > 700, "both happen: {well} well, {ill} not");
}
