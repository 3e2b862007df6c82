use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use tokio::time::{advance, sleep};

use super::*;

const NOW: Millis = Millis(1_783_400_000_000);

/// Answers with a certificate, with nonsense or not at all, by what the address says, and after a while.
#[derive(Default)]
struct Answers(AtomicUsize, AtomicBool);

impl Fetch for Answers {
    fn get<'a>(&'a self, url: &'a str) -> Later<'a, Result<Bytes, String>> {
        self.0.fetch_add(1, Relaxed);
        let down = self.1.load(Relaxed);
        Box::pin(async move {
            sleep(Duration::from_millis(10)).await;
            match url {
                _ if down => Err("no connection".to_owned()),
                _ if url.contains("down") => Err("404".to_owned()),
                _ if url.contains("none") => Ok(Bytes::from_static(b"nonsense")),
                _ if url.contains("another") => Ok(Bytes::from_static(testkit::sns::OF_ANOTHER.as_bytes())),
                _ if url.contains("ends") => Ok(Bytes::from_static(testkit::sns::ENDED.as_bytes())),
                _ => Ok(Bytes::from_static(testkit::sns::CERTIFICATE.as_bytes())),
            }
        })
    }
}

fn certificates() -> (Certificates, Arc<Answers>) {
    let answers = Arc::new(Answers::default());
    (Certificates::new(answers.clone()), answers)
}

#[tokio::test(start_paused = true)]
async fn one_is_fetched_once_a_day() {
    let (certificates, answers) = certificates();
    for _ in 0..100 {
        assert!(certificates.of("a", NOW).await.is_ok());
    }
    assert_eq!(answers.0.load(Relaxed), 1);
    advance(FRESH).await;
    assert!(certificates.of("a", NOW).await.is_ok());
    assert_eq!(answers.0.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_ask_once() {
    let (certificates, answers) = certificates();
    let certificates = Arc::new(certificates);
    let mut many = tokio::task::JoinSet::new();
    for n in 0..100 {
        let (certificates, url) = (certificates.clone(), if n % 2 == 0 { "a" } else { "down" });
        many.spawn(async move { (url, certificates.of(url, NOW).await.is_ok()) });
    }
    while let Some(answer) = many.join_next().await {
        let (url, good) = answer.expect("no panic");
        assert_eq!(good, url == "a");
    }
    assert_eq!(answers.0.load(Relaxed), 2);
    assert!(certificates.flights.lock().unwrap().len() <= 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_one_is_used_while_no_newer_one_can_be_had() {
    let (certificates, answers) = certificates();
    assert!(certificates.of("a", NOW).await.is_ok());
    answers.1.store(true, Relaxed);
    advance(FRESH).await;
    for _ in 0..10 {
        assert!(certificates.of("a", NOW).await.is_ok());
    }
    assert_eq!(answers.0.load(Relaxed), 2, "it was asked for, and not with every message");
    advance(FAILED).await;
    let (one, other) = tokio::join!(certificates.of("a", NOW), certificates.of("a", NOW));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(answers.0.load(Relaxed), 3);
    advance(KEPT - FRESH).await;
    let ended = certificates.of("a", NOW).await;
    assert_eq!(ended, Err(Unusable::Now("cannot be fetched: no connection".to_owned())));
    answers.1.store(false, Relaxed);
    advance(FAILED).await;
    assert!(certificates.of("a", NOW).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn addresses_that_somebody_makes_up_cost_those_that_signed_nothing() {
    let (certificates, answers) = certificates();
    assert!(certificates.of("ours", NOW).await.is_ok());
    certificates.proven("ours");
    // More than are kept, and certificates all: of other regions and years.
    for n in 0..2 * MOST {
        advance(Duration::from_millis(200)).await;
        assert!(certificates.of(&format!("theirs-{n}"), NOW).await.is_ok());
    }
    assert_eq!(certificates.lock().len(), MOST);
    let before = answers.0.load(Relaxed);
    assert!(certificates.of("ours", NOW).await.is_ok());
    assert_eq!(answers.0.load(Relaxed), before, "it is still there");
    // All that may be asked for is asked for others, and ours is asked for none the less.
    advance(KEPT).await;
    for n in 0..100 {
        let _refused = certificates.of(&format!("down-{n}"), NOW).await;
    }
    assert!(matches!(certificates.of("new", NOW).await, Err(Unusable::Now(why)) if why.contains("too many")));
    assert!(certificates.of("ours", NOW).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_leads_nowhere_is_not_asked_for_at_once_again() {
    let (certificates, answers) = certificates();
    for _ in 0..3 {
        assert_eq!(certificates.of("none", NOW).await, Err(Unusable::Ever(NONE)));
    }
    assert_eq!(answers.0.load(Relaxed), 1);
    advance(FAILED).await;
    assert_eq!(certificates.of("none", NOW).await, Err(Unusable::Ever(NONE)));
    assert_eq!(answers.0.load(Relaxed), 2);
    assert_eq!(certificates.of("down", NOW).await, Err(Unusable::Now("cannot be fetched: 404".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_kept_is_used_no_longer_than_its_time() {
    let (certificates, answers) = certificates();
    // It ends as 7 July 2026 begins.
    let end = Millis(1_783_382_400_000);
    assert!(certificates.of("ends", Millis(end.0 - 1_000)).await.is_ok());
    let ended = certificates.of("ends", Millis(end.0 + 1_000)).await;
    assert!(matches!(ended, Err(Unusable::Now(ref why)) if why.contains("has ended")), "{ended:?}");
    assert_eq!(answers.0.load(Relaxed), 1);
    let another = certificates.of("another", NOW).await;
    assert_eq!(another, Err(Unusable::Ever("a certificate that does not name SNS")));
}

#[tokio::test(start_paused = true)]
async fn nobody_has_us_ask_without_end() {
    let (certificates, answers) = certificates();
    assert!(certificates.of("good", NOW).await.is_ok());
    for n in 0..100 {
        let _refused = certificates.of(&format!("none-{n}"), NOW).await;
    }
    assert_eq!(answers.0.load(Relaxed), 5, "as the rate says");
    for n in 0..1_000 {
        advance(Duration::from_millis(200)).await;
        let _refused = certificates.of(&format!("none-{n}"), NOW).await;
    }
    assert!(certificates.lock().len() <= MOST);
    let before = answers.0.load(Relaxed);
    assert!(certificates.of("good", NOW).await.is_ok());
    assert_eq!(answers.0.load(Relaxed), before, "a good one is not driven out");
}
