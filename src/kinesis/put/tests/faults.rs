//! What the service refuses, and what becomes of it.

use tokio::time::Instant;

use super::*;
use crate::telemetry::logs::captured;

/// Everything but what `refuse` says of the number of the request and the record.
fn refusing(
    n_shards: u128,
    fault: Fault,
    mut refuse: impl FnMut(usize, usize, &Packed) -> bool + Send + 'static,
) -> Fake {
    Fake::answering(n_shards, move |n, records| {
        let each = records.iter().enumerate();
        Reply::Each(each.map(|(at, record)| refuse(n, at, record).then(|| fault.clone())).collect())
    })
}

#[tokio::test(start_paused = true)]
async fn only_what_was_refused_is_sent_again() {
    for fault in [throttled(), Fault::Transient("InternalFailure: Internal service failure.".to_owned())] {
        let fake = refusing(8, fault, |n, at, _| n == 0 && at % 2 == 1);
        let items: Vec<Item> = (0..400).map(|n| event(n, 1_000)).collect();
        producer(&fake).put(items.clone(), 5 * SECOND).await.unwrap();
        check_once(&fake, &items);
        let sent = fake.world().sent.clone();
        let refused: BTreeSet<_> = sent[0].iter().skip(1).step_by(2).map(|record| record.data.clone()).collect();
        let again: BTreeSet<_> = sent[1..].iter().flatten().map(|record| record.data.clone()).collect();
        assert!(refused.len() >= 4 && again == refused, "the same bytes, and no others");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_end_with_the_callers_time() {
    let fake = refusing(1, throttled(), |_, _, _| true);
    let began = Instant::now();
    let error = producer(&fake).put(vec![item("k", "{}")], 8 * SECOND).await.unwrap_err();
    assert_eq!(began.elapsed(), 8 * SECOND);
    let why = "ProvisionedThroughputExceededException: Rate exceeded".to_owned();
    assert_eq!(error, PutError::Later { stored: 0, events: 1, why });
    assert!(error.may_pass());
    // 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2 … at most and half of each at least, and 10 ms for each answer: within 8 s at
    // least 7 requests, at most 12.
    let n = fake.requests().len();
    assert!((7..=12).contains(&n), "{n} requests");
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(fake.requests().len(), n, "nobody waits any more");
}

#[tokio::test(start_paused = true)]
async fn the_error_says_how_many_are_in() {
    let fake = refusing(4, throttled(), |_, _, record| hash_key(&record.key) >> 126 == 3);
    let items: Vec<Item> = (0..100).map(|n| event(n, 100)).collect();
    let last = items.iter().filter(|item| hash_key(&item.key) >> 126 == 3).count();
    let error = producer(&fake).put(items, 2 * SECOND).await.unwrap_err();
    assert!((10..40).contains(&last));
    assert_eq!((error.stored(), fake.events().len()), (100 - last, 100 - last));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_behind_what_is_refused_is_told_why() {
    let fake = refusing(1, throttled(), |_, _, _| true);
    let producer = producer(&fake);
    let first = producer.clone();
    let first = tokio::spawn(async move { first.put(vec![event(0, 100)], 60 * SECOND).await });
    tokio::time::sleep(SECOND).await;
    // Whatever of it is sent, is refused; the last of it is not even sent.
    let items = (1..4_000).map(|n| event(n, 1_000)).collect();
    let error = producer.put(items, 10 * SECOND).await.unwrap_err();
    assert!(error.to_string().contains("Rate exceeded"), "{error}");
    let late = producer.put(vec![event(9_999, 10)], Duration::from_millis(1)).await.unwrap_err();
    assert!(late.to_string().contains("Rate exceeded"), "{late}");
    assert!(first.await.unwrap().is_err());
    fake.world().plan = Box::new(|_, records| Reply::Each(vec![None; records.len()]));
    producer.put(vec![event(0, 100)], 60 * SECOND).await.unwrap();
    fake.world().latency = SECOND;
    let late = producer.put(vec![event(1, 100)], Duration::from_millis(1)).await.unwrap_err();
    assert!(!late.to_string().contains("Rate exceeded"), "{late}");
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_refuses_does_not_hold_up_the_others() {
    let fake = refusing(4, throttled(), |_, _, record| hash_key(&record.key) >> 126 == 0);
    let producer = producer(&fake);
    let key = |quarter: u128| (0..).map(|n| format!("k{n}")).find(|key| hash_key(key) >> 126 == quarter).unwrap();
    let stuck = {
        let (producer, key) = (producer.clone(), key(0));
        tokio::spawn(async move { producer.put(vec![item(&key, "stuck")], 30 * SECOND).await })
    };
    tokio::time::sleep(SECOND).await;
    for n in 0..50 {
        let began = Instant::now();
        producer.put(vec![item(&key(1 + n % 3), format!("{n}"))], SECOND).await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_millis(10), "one request, at once");
    }
    assert!(stuck.await.unwrap().unwrap_err().may_pass());
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_mend_is_said_at_once() {
    for fault in [Fault::Gone("no stream".into()), Fault::Refused("no right".into()), Fault::Invalid("what?".into())] {
        let answer = fault.clone();
        let fake = Fake::answering(1, move |_, _| Reply::Fail(answer.clone()));
        let (producer, began) = (producer(&fake), Instant::now());
        let error = producer.put(vec![item("k", "{}")], 60 * SECOND).await.unwrap_err();
        assert_eq!(error, PutError::Never { stored: 0, events: 1, why: fault.to_string() });
        assert!(!error.may_pass() && began.elapsed() == Duration::from_millis(10));
        // It is asked anew for the next caller: somebody may have mended it.
        fake.world().plan = Box::new(|_, records| Reply::Each(vec![None; records.len()]));
        producer.put(vec![item("k", "{}")], SECOND).await.unwrap();
        assert_eq!(fake.requests(), [1, 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_kms_that_is_refused_is_not_asked_for_again_and_one_that_is_slow_is() {
    let refused = Fault::Refused("KMSAccessDeniedException: no".into());
    let fake = refusing(1, refused, |_, _, _| true);
    let error = producer(&fake).put(vec![item("k", "{}")], 60 * SECOND).await.unwrap_err();
    assert!(!error.may_pass() && fake.requests().len() == 1, "{error}");
    let fake = refusing(1, Fault::Throttled("KMSThrottlingException: slow".into()), |n, _, _| n == 0);
    producer(&fake).put(vec![item("k", "{}")], SECOND).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_record_that_the_service_does_not_accept_fails_alone() {
    let fake = Fake::answering(1, |_, records| match records.iter().any(|record| record.data.starts_with(b"bad")) {
        true => Reply::Fail(Fault::Invalid("ValidationException".into())),
        false => Reply::Each(vec![None; records.len()]),
    });
    let producer = producer(&fake);
    // Larger than a frame, so that each is a record.
    let data = |n: usize, begin: &str| format!("{begin}{n}{}", "x".repeat(TARGET)).into_bytes();
    let put = |n: usize| {
        let (producer, data) = (producer.clone(), data(n, if n == 3 { "bad" } else { "good" }));
        tokio::spawn(async move { producer.put(vec![item("k", data)], 60 * SECOND).await })
    };
    let callers: Vec<_> = (0..8).map(put).collect();
    for (n, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.await.unwrap().is_err(), n == 3, "{n}");
    }
    assert_eq!(fake.requests(), [8, 1, 1, 1, 1, 1, 1, 1, 1], "together, and then each by itself");
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_other_records_settles_none() {
    let fake = Fake::answering(4, |n, records| match n {
        0 => Reply::Short,
        _ => Reply::Each(vec![None; records.len()]),
    });
    let items: Vec<Item> = (0..50).map(|n| event(n, 100)).collect();
    producer(&fake).put(items, 5 * SECOND).await.unwrap();
    assert!(fake.events().values().all(|shards| shards.len() == 2), "all of it was sent again");
}

#[tokio::test(start_paused = true)]
async fn while_nothing_is_taken_one_request_at_a_time_asks() {
    let fake = Fake::answering(4, |_, _| Reply::Fail(Fault::Transient("connection refused".into())));
    fake.world().latency = SECOND;
    let producer = producer(&fake);
    let callers: Vec<_> = (0..200)
        .map(|n| {
            let producer = producer.clone();
            tokio::spawn(async move { producer.put(vec![event(n, 100_000)], 60 * SECOND).await })
        })
        .collect();
    for caller in callers {
        let error = caller.await.unwrap().unwrap_err();
        assert!(matches!(&error, PutError::Later { why, .. } if why == "connection refused"), "{error}");
    }
    // At first as many as there may be, then one after the other: each a second and a pause long, soon of a second or two.
    assert!((FLIGHTS + 18..=FLIGHTS + 50).contains(&fake.requests().len()), "{}", fake.requests().len());
}

#[test]
fn trouble_is_logged_once_and_so_is_its_end() {
    fn log(failures: usize) -> String {
        captured(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let fake = Fake::answering(1, move |n, records| match n < failures {
                    true => Reply::Fail(Fault::Transient("connection refused".into())),
                    false => Reply::Each(vec![None; records.len()]),
                });
                producer(&fake).put(vec![item("k", "secret")], 60 * SECOND).await.unwrap();
            });
        })
    }
    assert_eq!(log(2), "");
    let long = log(9);
    assert_eq!(long.lines().count(), 2, "{long}");
    assert!(
        long.contains("takes no events now, trying again: connection refused") && long.contains("takes events again")
    );
    assert!(!long.contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_has_gone_is_not_sent_for_and_leaves_no_bytes_behind() {
    let fake = refusing(1, throttled(), |n, _, _| n < 3);
    let producer = producer(&fake);
    let put = producer.put(vec![item("k", "{}")], 60 * SECOND);
    assert!(tokio::time::timeout(Duration::from_millis(15), put).await.is_err(), "dropped after the first refusal");
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(fake.requests().len(), 1);
    assert_eq!(producer.shared.room.available_permits(), producer.shared.units as usize);
}

/// A shard that takes 1 MiB in every second of the clock and refuses the rest.
fn one_mebibyte_a_second() -> Fake {
    let (began, mut second, mut left) = (Instant::now(), 0, 0_usize);
    refusing(1, throttled(), move |_, _, record| {
        let now = began.elapsed().as_secs() + 1;
        if now != second {
            (second, left) = (now, 1 << 20);
        }
        let takes = left >= record.data.len();
        left -= if takes { record.data.len() } else { 0 };
        !takes
    })
}

/// A delivery of Firehose fills a shard for fifty seconds; Bird waits for eight.
#[tokio::test(start_paused = true)]
async fn who_has_little_does_not_wait_for_all_of_who_has_much() {
    let fake = one_mebibyte_a_second();
    let producer = producer(&fake);
    let large: Vec<Item> = (0..10_000).map(|n| event(n, 5_000)).collect();
    let (own, all) = (producer.clone(), large.clone());
    let large_one = tokio::spawn(async move { own.put(all, 150 * SECOND).await });
    let mut put = large;
    for batch in 0..5 {
        tokio::time::sleep(3 * SECOND).await;
        let small: Vec<Item> = (0..350).map(|n| event(20_000 + batch * 1_000 + n, 1_400)).collect();
        producer.put(small.clone(), 8 * SECOND).await.expect("in time");
        put.extend(small);
    }
    large_one.await.unwrap().expect("in time too");
    check_once(&fake, &put);
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_shard_is_used_well_and_not_flooded() {
    let began = Instant::now();
    let fake = one_mebibyte_a_second();
    let items: Vec<Item> = (0..20_000).map(|n| event(n, 1_000)).collect();
    producer(&fake).put(items.clone(), 600 * SECOND).await.unwrap();
    check_once(&fake, &items);
    let bytes = |records: &[Packed]| records.iter().map(|record| record.data.len()).sum::<usize>();
    let sent: usize = fake.world().sent.iter().map(|records| bytes(records)).sum();
    let taken: usize = fake.world().taken.iter().map(|(_, record)| record.data.len()).sum();
    // 20.6 MB at 1 MiB a second.
    let took = began.elapsed();
    assert!(took < 30 * SECOND, "{took:?}");
    assert!(sent < taken * 4, "{sent} bytes sent for {taken}");
}
