use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::event::time::Millis;

/// A shard in memory whose iterators expire; faults are taken from a list, one a call.
struct Shard {
    records: Vec<Record>,
    closed: bool,
    page: usize,
    /// What `MillisBehindLatest` says in the middle; at the tip it says 0.
    behind: Duration,
    born: Instant,
    iterator_faults: Mutex<VecDeque<Option<Fault>>>,
    record_faults: Mutex<VecDeque<Option<Fault>>>,
    /// When `GetRecords` was called, since birth.
    calls: Mutex<Vec<Duration>>,
    /// Where iterators were asked for.
    opened: Mutex<Vec<Position>>,
}

/// Kinesis' own.
const ITERATOR_LIFE: Duration = Duration::from_secs(300);

impl Shard {
    /// Records 1 to `n`, the n-th of which arrived at n seconds.
    fn with(n: i64) -> Self {
        let records = (1..=n).map(record).collect();
        Self {
            records,
            closed: false,
            page: 10,
            behind: Duration::ZERO,
            born: Instant::now(),
            iterator_faults: Mutex::default(),
            record_faults: Mutex::default(),
            calls: Mutex::default(),
            opened: Mutex::default(),
        }
    }

    fn closed(self) -> Self {
        Self { closed: true, ..self }
    }

    fn failing(self, faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self { record_faults: Mutex::new(faults.into_iter().collect()), ..self }
    }

    fn refusing_iterators(self, faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self { iterator_faults: Mutex::new(faults.into_iter().collect()), ..self }
    }

    fn gaps(&self) -> Vec<Duration> {
        self.calls.lock().unwrap().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

fn record(n: i64) -> Record {
    // Every third record is empty: those count like any other.
    let data = if n % 3 == 0 { String::new() } else { format!("{{\"n\":{n}}}") };
    Record { sequence: sequence(n), arrived: Millis(n * 1000), data: data.into() }
}

fn sequence(n: i64) -> Sequence {
    Sequence::parse(n.to_string()).unwrap()
}

impl ShardApi for Shard {
    async fn iterator(&self, _: &ShardId, from: &Position) -> Result<String, Fault> {
        self.opened.lock().unwrap().push(from.clone());
        if let Some(fault) = self.iterator_faults.lock().unwrap().pop_front().flatten() {
            return Err(fault);
        }
        let at = match from {
            Position::TrimHorizon => 0,
            Position::At(time) => self.records.partition_point(|r| r.arrived < *time),
            Position::From(sequence) => self.records.partition_point(|r| r.sequence < *sequence),
            Position::After(sequence) => self.records.partition_point(|r| r.sequence <= *sequence),
            Position::End => panic!("an iterator was asked for at the end"),
        };
        Ok(format!("{at} {}", self.born.elapsed().as_millis()))
    }

    async fn records(&self, iterator: &str, limit: u32) -> Result<Answer, Fault> {
        let now = self.born.elapsed();
        self.calls.lock().unwrap().push(now);
        if let Some(fault) = self.record_faults.lock().unwrap().pop_front().flatten() {
            return Err(fault);
        }
        let (at, issued) = iterator.split_once(' ').unwrap();
        if now.as_millis() - issued.parse::<u128>().unwrap() > ITERATOR_LIFE.as_millis() {
            return Err(Fault::Expired);
        }
        let at: usize = at.parse().unwrap();
        let end = (at + self.page.min(limit as usize)).min(self.records.len());
        let at_tip = end == self.records.len();
        let next = (!(self.closed && at_tip)).then(|| format!("{end} {}", now.as_millis()));
        let behind = if at_tip { Duration::ZERO } else { self.behind };
        Ok(Answer { records: self.records[at..end].to_vec(), next, behind: Some(behind) })
    }
}

/// Keeps what it gets; takes `delay` for a page with records; takes `room` pages and then stops.
#[derive(Default)]
struct Kept {
    sequences: Vec<Sequence>,
    n_pages: usize,
    delay: Duration,
    room: Option<usize>,
    troubles: Vec<String>,
}

impl Sink for Kept {
    async fn page(&mut self, page: Page) -> Result<(), Stopped> {
        if self.room == Some(self.n_pages) {
            return Err(Stopped);
        }
        if !page.records.is_empty() {
            tokio::time::sleep(self.delay).await;
        }
        self.n_pages += 1;
        self.sequences.extend(page.records.into_iter().map(|r| r.sequence));
        Ok(())
    }

    fn trouble(&mut self, reason: &str) {
        self.troubles.push(reason.to_owned());
    }
}

impl Kept {
    fn numbers(&self) -> Vec<i64> {
        self.sequences.iter().map(|s| s.as_str().parse().unwrap()).collect()
    }
}

fn reading(until: Option<Tip>) -> Reading {
    Reading { limits: ReadLimits::default(), slots: Arc::new(Semaphore::new(1)), stop: CancellationToken::new(), until }
}

async fn read(shard: &Shard, from: Position, sink: &mut Kept, reading: &Reading) -> Result<ReadEnd, ReadError> {
    read_shard(shard, &ShardId::from("shardId-000000000000"), from, sink, reading).await
}

/// Reads a closed shard to its end and returns what came.
async fn read_all(shard: &Shard, from: Position) -> Vec<i64> {
    let mut kept = Kept::default();
    assert_eq!(read(shard, from, &mut kept, &reading(None)).await, Ok(ReadEnd::Ended));
    kept.numbers()
}

/// A tip that no record is beyond: only quiet answers show it.
fn long_ago() -> Tip {
    tip(i64::MAX, 3)
}

/// Began now, at this time by the host's clock.
fn tip(started: i64, quiet: u32) -> Tip {
    Tip { started: Millis(started), began: Instant::now(), quiet }
}

#[tokio::test(start_paused = true)]
async fn a_closed_shard_is_read_to_its_end_empty_records_included() {
    let all: Vec<i64> = (1..=25).collect();
    assert_eq!(read_all(&Shard::with(25).closed(), Position::TrimHorizon).await, all);
    assert_eq!(read_all(&Shard::with(25).closed(), Position::After(sequence(20))).await, all[20..]);
    assert_eq!(read_all(&Shard::with(25).closed(), Position::At(Millis(9_001))).await, all[9..]);
    assert_eq!(read_all(&Shard::with(0).closed(), Position::TrimHorizon).await, [0_i64; 0]);
    let untouched = Shard::with(25).closed();
    assert_eq!(read_all(&untouched, Position::End).await, [0_i64; 0]);
    assert!(untouched.calls.lock().unwrap().is_empty(), "a shard that has ended is not asked again");
}

#[tokio::test(start_paused = true)]
async fn an_iterator_that_expires_while_the_sink_waits_goes_on_after_the_last_record_read() {
    let shard = Shard::with(25).closed();
    let mut kept = Kept { delay: Duration::from_secs(301), ..Kept::default() };
    assert_eq!(read(&shard, Position::TrimHorizon, &mut kept, &reading(None)).await, Ok(ReadEnd::Ended));
    assert_eq!(kept.numbers(), (1..=25).collect::<Vec<_>>(), "nothing twice, nothing left out");
    let opened = shard.opened.lock().unwrap().clone();
    let after = |n| Position::After(sequence(n));
    assert_eq!(opened, [Position::TrimHorizon, after(10), after(20)]);
}

#[tokio::test(start_paused = true)]
async fn an_iterator_that_expires_before_the_first_record_goes_on_where_it_began() {
    let shard = Shard::with(5).closed().failing([Some(Fault::Expired)]);
    assert_eq!(read_all(&shard, Position::At(Millis(3_000))).await, [3, 4, 5]);
    assert_eq!(*shard.opened.lock().unwrap(), [Position::At(Millis(3_000)), Position::At(Millis(3_000))]);
}

#[tokio::test(start_paused = true)]
async fn throttles_and_broken_connections_are_waited_out_and_lose_nothing() {
    let throttled = || Some(Fault::Throttled("rate exceeded".into()));
    let reset = || Some(Fault::Transient("connection reset".into()));
    let faults = [None, throttled(), throttled(), None, reset(), throttled(), reset(), None];
    let shard = Shard::with(25).closed().failing(faults).refusing_iterators([throttled(), reset(), None]);
    let mut kept = Kept::default();
    assert_eq!(read(&shard, Position::TrimHorizon, &mut kept, &reading(None)).await, Ok(ReadEnd::Ended));
    assert_eq!(kept.numbers(), (1..=25).collect::<Vec<_>>());
    assert_eq!(kept.troubles, ["connection reset"; 3], "throttles are the service at work, resets are trouble");
}

#[tokio::test(start_paused = true)]
async fn calls_are_at_least_200_ms_apart_and_a_second_at_the_tip() {
    let shard = Shard::with(2000); // two hundred pages of ten; then the tip
    let running = reading(None);
    let stop = running.stop.clone();
    let mut kept = Kept::default();
    let limits = ReadLimits { records: 10, ..ReadLimits::default() };
    let running = Reading { limits, ..running };
    let (end, ()) = tokio::join!(read(&shard, Position::TrimHorizon, &mut kept, &running), async {
        tokio::time::sleep(Duration::from_millis(59_500)).await;
        stop.cancel();
    });
    assert_eq!(end, Ok(ReadEnd::Stopped));
    assert_eq!(kept.sequences.len(), 2000);
    let ms = Duration::from_millis;
    let (catching_up, idle): (Vec<_>, Vec<_>) = shard.gaps().into_iter().partition(|gap| *gap < ms(1000));
    assert!(catching_up.iter().all(|gap| (ms(200)..ms(205)).contains(gap)), "{catching_up:?}");
    assert!(idle.iter().all(|gap| *gap < ms(1005)), "{idle:?}");
    assert_eq!((catching_up.len(), idle.len()), (200, 19), "40 s for 200 pages, then one a second");
}

#[tokio::test(start_paused = true)]
async fn empty_answers_far_from_the_tip_are_passed_without_idling() {
    struct Sparse(Mutex<u32>);
    impl ShardApi for Sparse {
        async fn iterator(&self, _: &ShardId, _: &Position) -> Result<String, Fault> {
            Ok("any".into())
        }
        async fn records(&self, _: &str, _: u32) -> Result<Answer, Fault> {
            let mut n = self.0.lock().unwrap();
            *n += 1;
            let behind = Some(Duration::from_secs(3600));
            match *n {
                ..=50 => Ok(Answer { records: vec![], next: Some("any".into()), behind }),
                _ => Ok(Answer { records: vec![record(1)], next: None, behind }),
            }
        }
    }
    let mut kept = Kept::default();
    let began = Instant::now();
    let shard = ShardId::from("s");
    let (sparse, running) = (Sparse(Mutex::default()), reading(Some(long_ago())));
    let end = read_shard(&sparse, &shard, Position::TrimHorizon, &mut kept, &running).await;
    assert_eq!(end, Ok(ReadEnd::Ended), "fifty empty answers behind the tip are not the tip");
    assert_eq!(kept.numbers(), [1]);
    assert!(began.elapsed() < Duration::from_secs(11), "fifty calls at 200 ms: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_tip_is_several_quiet_answers_or_a_record_younger_than_the_start() {
    async fn check(shard: Shard, tip: Tip, last: usize, n_calls: usize, why: &str) {
        let mut kept = Kept::default();
        let end = read(&shard, Position::TrimHorizon, &mut kept, &reading(Some(tip))).await;
        assert_eq!(end, Ok(ReadEnd::CaughtUp), "{why}");
        assert_eq!(kept.sequences.len(), last, "{why}");
        assert_eq!(shard.calls.lock().unwrap().len(), n_calls, "{why}");
    }
    check(Shard::with(0), long_ago(), 0, 3, "an empty shard, after three quiet answers").await;
    check(Shard::with(15), long_ago(), 15, 5, "two pages, three quiet answers").await;
    let at_twelve = tip(12_000, 3);
    check(Shard::with(35), at_twelve, 20, 2, "the page with record 13, which is younger, is the last").await;
    let at_ten = tip(10_000, 3);
    check(Shard::with(10), at_ten, 10, 4, "a record as old as the start is not beyond it").await;
    check(Shard::with(0), tip(i64::MAX, 0), 0, 1, "no quiet answer at all cannot be asked for").await;
    let hiccup = Shard::with(0).failing([None, Some(Fault::Transient("reset".into())), None]);
    check(hiccup, long_ago(), 0, 4, "a fault neither counts nor starts the count again").await;
}

/// Records 1 to 60 are old, the clock of the host is slow, and the service says how far behind each page is.
#[tokio::test(start_paused = true)]
async fn a_slow_clock_does_not_take_old_records_for_those_after_the_start() {
    let mut shard = Shard::with(60);
    shard.behind = Duration::from_secs(300);
    let mut kept = Kept::default();
    let end = read(&shard, Position::TrimHorizon, &mut kept, &reading(Some(tip(12_000, 3)))).await;
    assert_eq!((end, kept.sequences.len()), (Ok(ReadEnd::CaughtUp), 60), "all that was there at the start");

    // A record is no further behind than the time since the start: this one did arrive after it.
    let mut shard = Shard::with(60);
    shard.behind = Duration::from_secs(2);
    let mut kept = Kept { delay: Duration::from_secs(3), ..Kept::default() };
    // Records 6 to 10, of the page that comes at once, look as young, and are not.
    let end = read(&shard, Position::TrimHorizon, &mut kept, &reading(Some(tip(5_000, 3)))).await;
    assert_eq!(
        (end, kept.sequences.len()),
        (Ok(ReadEnd::CaughtUp), 20),
        "the first page after three seconds is the last"
    );
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_throttled_for_long_says_so_until_it_is_read() {
    let throttled = || Some(Fault::Throttled("rate exceeded".into()));
    // Pauses of 0.2, 0.4, 0.8 ... at most, half of each at least: six are less than 10 s, eleven are more.
    let short = Shard::with(25).closed().failing((0..6).map(|_| throttled()).chain([None]));
    let mut kept = Kept::default();
    assert_eq!(read(&short, Position::TrimHorizon, &mut kept, &reading(None)).await, Ok(ReadEnd::Ended));
    assert_eq!(kept.troubles, [""; 0], "six throttles are over in 10 s");

    let long = Shard::with(25).closed().failing((0..12).map(|_| throttled()).chain([None, throttled()]));
    let mut kept = Kept::default();
    assert_eq!(read(&long, Position::TrimHorizon, &mut kept, &reading(None)).await, Ok(ReadEnd::Ended));
    let calls = long.calls.lock().unwrap().clone();
    let due = (1..12).filter(|n| calls[*n] - calls[0] >= Duration::from_secs(10)).count();
    assert!(due > 0 && calls[11] > Duration::from_secs(10));
    assert_eq!(kept.troubles, vec!["throttled: rate exceeded"; due], "from ten seconds on, and none after a page");

    // Iterators are throttled, too.
    let iterators = Shard::with(25).closed().refusing_iterators((0..12).map(|_| throttled()).chain([None]));
    let mut kept = Kept::default();
    assert_eq!(read(&iterators, Position::TrimHorizon, &mut kept, &reading(None)).await, Ok(ReadEnd::Ended));
    assert!(!kept.troubles.is_empty());
}

#[tokio::test(start_paused = true)]
async fn stop_ends_reading_wherever_it_waits() {
    async fn check(shard: Shard, mut kept: Kept, n_slots: usize, why: &str) {
        let running = Reading { slots: Arc::new(Semaphore::new(n_slots)), ..reading(None) };
        let stop = running.stop.clone();
        let began = Instant::now();
        let (end, ()) = tokio::join!(read(&shard, Position::TrimHorizon, &mut kept, &running), async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            stop.cancel();
        });
        assert_eq!(end, Ok(ReadEnd::Stopped), "{why}");
        assert!(began.elapsed() < Duration::from_millis(20_010), "{why}: {:?}", began.elapsed());
        assert_eq!(running.slots.available_permits(), n_slots, "{why}: the slot is given back");
    }
    let slow = Kept { delay: Duration::from_secs(3600), ..Kept::default() };
    check(Shard::with(5), slow, 1, "in the sink").await;
    check(Shard::with(0), Kept::default(), 1, "idle at the tip").await;
    check(Shard::with(5), Kept::default(), 0, "for a slot").await;
    let down = || std::iter::repeat_with(|| Some(Fault::Transient("down".into()))).take(1000);
    check(Shard::with(5).failing(down()), Kept::default(), 1, "in a pause").await;
    check(Shard::with(5).refusing_iterators(down()), Kept::default(), 1, "for an iterator").await;
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_stops_ends_reading() {
    let mut kept = Kept { room: Some(2), ..Kept::default() };
    let end = read(&Shard::with(100).closed(), Position::TrimHorizon, &mut kept, &reading(None)).await;
    assert_eq!((end, kept.sequences.len()), (Ok(ReadEnd::Stopped), 20));
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_held_until_the_sink_has_the_page_and_not_while_idling() {
    let first = Shard::with(5);
    let second = Shard::with(5);
    let running = Reading { slots: Arc::new(Semaphore::new(1)), ..reading(Some(long_ago())) };
    let slow = Duration::from_secs(30);
    let mut kept = (Kept { delay: slow, ..Kept::default() }, Kept { delay: slow, ..Kept::default() });
    let ends = tokio::join!(
        read(&first, Position::TrimHorizon, &mut kept.0, &running),
        read(&second, Position::TrimHorizon, &mut kept.1, &running)
    );
    assert_eq!(ends, (Ok(ReadEnd::CaughtUp), Ok(ReadEnd::CaughtUp)));
    let second_began = second.calls.lock().unwrap()[0];
    assert!(second_began >= slow, "the second reader fetched at {second_began:?}, while the only slot was taken");
}

#[tokio::test(start_paused = true)]
async fn refusals_are_borne_for_the_patience_and_no_longer() {
    let refused = || Some(Fault::Refused("ExpiredTokenException".into()));
    let blip = Shard::with(5).closed().failing((0..10).map(|_| refused()).chain([None]));
    assert_eq!(read_all(&blip, Position::TrimHorizon).await, [1, 2, 3, 4, 5]);

    let denied = Shard::with(5).closed().failing(std::iter::repeat_with(refused).take(1000));
    let mut kept = Kept::default();
    let began = Instant::now();
    let end = read(&denied, Position::TrimHorizon, &mut kept, &reading(None)).await;
    assert!(matches!(end, Err(ReadError::Refused { .. })), "{end:?}");
    let waited = began.elapsed().as_secs();
    assert!((300..=310).contains(&waited), "patience of 300 s and one pause of at most 10 s: {waited}");
}

#[tokio::test(start_paused = true)]
async fn a_start_slightly_ahead_of_the_services_clock_passes_by_waiting() {
    let ahead = || Some(Fault::Invalid("timestampInMillis cannot be greater than currentTimestampInMillis".into()));
    let shard = Shard::with(5).closed().refusing_iterators((0..20).map(|_| ahead()).chain([None]));
    assert_eq!(read_all(&shard, Position::At(Millis(4_000))).await, [4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_position_of_another_stream_ends_reading_with_the_cure() {
    let foreign = || Some(Fault::Invalid("it did not come from this stream".into()));
    let shard = Shard::with(5).refusing_iterators(std::iter::repeat_with(foreign).take(10));
    let end = read(&shard, Position::After(sequence(3)), &mut Kept::default(), &reading(None)).await;
    let words = end.unwrap_err().to_string();
    for part in ["shardId-000000000000", "after record 3", "it did not come from this stream", "--group"] {
        assert!(words.contains(part), "{words:?} does not say {part:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_iterator_that_a_restarted_server_does_not_know_is_replaced() {
    let unknown = || Some(Fault::Invalid("Invalid ShardIterator.".into()));
    let down = || Some(Fault::Transient("connection refused".into()));
    let shard = Shard::with(25).closed().failing([None, down(), down(), down(), down(), unknown(), None]);
    assert_eq!(read_all(&shard, Position::TrimHorizon).await, (1..=25).collect::<Vec<_>>());
    let opened = shard.opened.lock().unwrap().clone();
    assert_eq!(opened, [Position::TrimHorizon, Position::After(sequence(10))]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_stream_ends_reading_at_once() {
    let shard = Shard::with(25).failing([None, Some(Fault::Gone("stream not found".into()))]);
    let end = read(&shard, Position::TrimHorizon, &mut Kept::default(), &reading(None)).await;
    assert!(matches!(end, Err(ReadError::Gone { .. })), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn records_out_of_order_are_never_handed_over() {
    let mut shard = Shard::with(5).closed();
    shard.records.swap(2, 3);
    let mut kept = Kept::default();
    let end = read(&shard, Position::TrimHorizon, &mut kept, &reading(None)).await;
    let (first, second) = (sequence(4), sequence(3));
    assert_eq!(end, Err(ReadError::Disorder { shard: "shardId-000000000000".into(), first, second }));
    assert!(kept.sequences.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_after_means_at_repeats_nothing() {
    struct Again(Shard);
    impl ShardApi for Again {
        async fn iterator(&self, shard: &ShardId, from: &Position) -> Result<String, Fault> {
            let from = match from {
                Position::After(after) => {
                    let n: i64 = after.as_str().parse().unwrap();
                    Position::After(sequence(n - 1))
                }
                other => other.clone(),
            };
            self.0.iterator(shard, &from).await
        }
        async fn records(&self, iterator: &str, limit: u32) -> Result<Answer, Fault> {
            self.0.records(iterator, limit).await
        }
    }
    let shard = Again(Shard::with(15).closed().failing([None, Some(Fault::Expired), None]));
    let mut kept = Kept::default();
    let end = read_shard(&shard, &ShardId::from("s"), Position::TrimHorizon, &mut kept, &reading(None)).await;
    assert_eq!((end, kept.numbers()), (Ok(ReadEnd::Ended), (1..=15).collect::<Vec<_>>()));
}

/// ferrokinesis 0.7 opens a shard at its beginning when no record is as young as the time asked for.
#[tokio::test(start_paused = true)]
async fn a_server_that_answers_a_late_time_with_old_records_brings_none_of_them_back() {
    struct FromTheStart(Shard);
    impl ShardApi for FromTheStart {
        async fn iterator(&self, shard: &ShardId, from: &Position) -> Result<String, Fault> {
            let from = if matches!(from, Position::At(_)) { &Position::TrimHorizon } else { from };
            self.0.iterator(shard, from).await
        }
        async fn records(&self, iterator: &str, limit: u32) -> Result<Answer, Fault> {
            self.0.records(iterator, limit).await
        }
    }
    // Arrivals do not always rise: record 23 looks older than the start and comes after it all the same.
    let mut shard = Shard::with(25).closed().failing([None, Some(Fault::Expired), None]);
    shard.records[22].arrived = Millis(3_000);
    let (api, mut kept) = (FromTheStart(shard), Kept::default());
    let from = Position::At(Millis(21_500)); // record 21 arrived in the same second
    let end = read_shard(&api, &ShardId::from("s"), from, &mut kept, &reading(None)).await;
    assert_eq!((end, kept.numbers()), (Ok(ReadEnd::Ended), vec![21, 22, 23, 24, 25]));
    assert_eq!(*api.0.opened.lock().unwrap(), [Position::TrimHorizon, Position::After(sequence(10))]);
}
