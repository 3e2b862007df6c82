//! A bounded number of seats. When all are taken, whoever has kept the server waiting longest makes room: slow senders
//! cannot keep others out, however many they are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ServeLimits;
use crate::telemetry::metrics::WebhookMetrics;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing since its last answer.
    Idle,
    /// Sending a head, or shaking hands.
    Head,
    /// Sending a body. How long it may is the desk's to say.
    Body,
    /// Waiting for us.
    Working,
}

const STATES: [State; 4] = [State::Idle, State::Head, State::Body, State::Working];

/// A connection's place, and since when it does what it does.
#[derive(Debug)]
pub struct Seat {
    born: Instant,
    /// Milliseconds since `born`, and in the two lowest bits the state.
    state: AtomicU64,
    /// It may still be sending the body of a request that has its answer.
    unread: AtomicBool,
    /// Its place is wanted.
    pub evicted: CancellationToken,
}

impl Seat {
    fn new(born: Instant) -> Self {
        let (state, unread) = (AtomicU64::new(0), AtomicBool::new(false));
        let seat = Self { born, state, unread, evicted: CancellationToken::new() };
        seat.set(State::Head);
        seat
    }

    fn set(&self, state: State) {
        let millis = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX >> 2);
        self.state.store(millis << 2 | state as u64, Relaxed);
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        STATES[usize::try_from(self.state.load(Relaxed) & 3).unwrap_or_default()]
    }

    fn since(&self) -> Instant {
        self.born + Duration::from_millis(self.state.load(Relaxed) >> 2)
    }

    /// Nothing is expected of it but another request.
    pub fn waits(&self) {
        self.set(State::Idle);
    }

    /// Bytes came: the first of a head, when it was idle.
    pub fn hears(&self) {
        if self.state() == State::Idle {
            self.set(State::Head);
        }
    }

    /// Its head is whole, and its body is read.
    pub fn reads_body(&self) {
        self.set(State::Body);
    }

    /// Its body is whole; it waits for us.
    pub fn works(&self) {
        self.set(State::Working);
    }

    /// Whether the body of its request is left where it is.
    pub fn leaves(&self, unread: bool) {
        self.unread.store(unread, Relaxed);
    }

    /// Whether the body of its last request was left where it was.
    pub fn has_left(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// How long it may do what it is doing.
    fn patience(&self, limits: &ServeLimits) -> Option<Duration> {
        match self.state() {
            State::Idle => Some(limits.idle_timeout),
            State::Head => Some(limits.head_timeout),
            State::Body | State::Working => None,
        }
    }

    /// When it is worth looking whether it is late.
    pub fn look_again(&self, limits: &ServeLimits) -> Instant {
        // A head that begins while we sleep has a nearer deadline than the silence before it.
        let soon = Instant::now() + limits.head_timeout;
        self.patience(limits).map_or(soon, |patience| soon.min(self.since() + patience))
    }

    /// Whether it has kept us waiting too long.
    pub fn is_late(&self, limits: &ServeLimits) -> bool {
        self.patience(limits).is_some_and(|patience| self.since().elapsed() >= patience)
    }
}

/// All seats.
#[derive(Debug, Clone)]
pub struct Seats {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    born: Instant,
    taken: Mutex<Taken>,
    left: Notify,
    metrics: WebhookMetrics,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    seats: HashMap<u64, Arc<Seat>>,
}

/// A taken seat; left when this is dropped.
#[derive(Debug)]
pub struct Place {
    seats: Seats,
    number: u64,
    seat: Arc<Seat>,
}

impl Place {
    /// The seat.
    pub fn seat(&self) -> Arc<Seat> {
        self.seat.clone()
    }
}

impl Seats {
    /// That many.
    pub fn new(most: usize, metrics: WebhookMetrics) -> Self {
        let shared = Shared { most, born: Instant::now(), taken: Mutex::default(), left: Notify::new(), metrics };
        Self { shared: Arc::new(shared) }
    }

    /// A seat: a free one, that of whoever keeps us waiting longest, or the next to be left.
    pub async fn take(&self) -> Place {
        loop {
            let left = self.shared.left.notified();
            if let Some(place) = self.try_take() {
                return place;
            }
            left.await;
        }
    }

    fn try_take(&self) -> Option<Place> {
        let mut taken = self.lock();
        if taken.seats.len() >= self.shared.most {
            let waiting = taken.seats.iter().filter(|(_, seat)| seat.state() != State::Working);
            let longest = *waiting.min_by_key(|(_, seat)| seat.since())?.0;
            taken.seats.remove(&longest)?.evicted.cancel();
            self.shared.metrics.evicted();
        }
        let (number, seat) = (taken.next, Arc::new(Seat::new(self.shared.born)));
        taken.next += 1;
        taken.seats.insert(number, seat.clone());
        self.shared.metrics.connections(taken.seats.len());
        Some(Place { seats: self.clone(), number, seat })
    }

    /// How many wait for us.
    pub fn working(&self) -> usize {
        self.lock().seats.values().filter(|seat| seat.state() == State::Working).count()
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.seats.remove(&self.number);
        self.seats.shared.metrics.connections(taken.seats.len());
        self.seats.shared.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ServeLimits =
        ServeLimits { connections: 3, head_timeout: Duration::from_secs(10), idle_timeout: Duration::from_secs(75) };

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_keeps_us_waiting_longest_makes_room_and_nobody_who_waits_for_us() {
        let seats = Seats::new(3, WebhookMetrics::new());
        let works = seats.take().await;
        works.seat().works();
        pass(1).await;
        let oldest = seats.take().await;
        pass(1).await;
        let younger = seats.take().await;
        younger.seat().waits();
        let fourth = seats.take().await;
        let evicted = |place: &Place| place.seat().evicted.is_cancelled();
        assert_eq!([&works, &oldest, &younger, &fourth].map(evicted), [false, true, false, false]);
        drop(oldest);
        assert_eq!(seats.lock().seats.len(), 3, "an evicted seat is left once");
        for place in [&younger, &fourth] {
            place.seat().works();
        }
        let blocked = tokio::time::timeout(Duration::from_secs(60), seats.take()).await;
        assert!(blocked.is_err(), "all wait for us");
        let waiting = seats.take();
        let leaving = async {
            tokio::task::yield_now().await;
            drop(works);
        };
        tokio::join!(waiting, leaving);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_heads_have_deadlines_of_their_own() {
        let seat = Seat::new(Instant::now());
        seat.waits();
        pass(74).await;
        assert!(!seat.is_late(&LIMITS));
        seat.hears();
        pass(5).await;
        // More bytes of the same head do not begin it anew.
        seat.hears();
        pass(4).await;
        assert!(!seat.is_late(&LIMITS));
        assert_eq!(seat.look_again(&LIMITS), Instant::now() + Duration::from_secs(1));
        pass(1).await;
        assert!(seat.is_late(&LIMITS));
        seat.works();
        pass(1_000).await;
        assert!(!seat.is_late(&LIMITS));
        seat.waits();
        pass(75).await;
        assert!(seat.is_late(&LIMITS));
    }
}
