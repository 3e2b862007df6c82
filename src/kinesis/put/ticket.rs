//! One caller, while its events are on their way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::PutError;

/// What is known of one caller's events. Whoever holds one of them holds this.
#[derive(Debug)]
pub struct Ticket {
    events: usize,
    state: Mutex<State>,
    /// Goes back when the last of the events has gone.
    _room: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct State {
    stored: usize,
    /// Why an event had to be sent again, last time.
    why: Option<Arc<str>>,
    /// Taken when there is an answer.
    caller: Option<oneshot::Sender<Result<(), PutError>>>,
}

impl Ticket {
    /// A ticket for so many events, and where its answer comes.
    pub fn new(events: usize, room: OwnedSemaphorePermit) -> (Arc<Self>, oneshot::Receiver<Result<(), PutError>>) {
        let (caller, answer) = oneshot::channel();
        let state = Mutex::new(State { stored: 0, why: None, caller: Some(caller) });
        (Arc::new(Self { events, state, _room: room }), answer)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody still waits. An event whose caller has its answer, is late or has gone is not sent any more.
    pub fn is_live(&self) -> bool {
        self.state().caller.as_ref().is_some_and(|caller| !caller.is_closed())
    }

    /// So many events more are in the stream.
    pub fn stored(&self, events: usize) {
        let mut state = self.state();
        state.stored += events;
        if state.stored >= self.events {
            answer(&mut state, Ok(()));
        }
    }

    /// Some events have to be sent again.
    pub fn again(&self, why: &Arc<str>) {
        self.state().why = Some(why.clone());
    }

    /// Some events will never be in the stream.
    pub fn never(&self, why: &str) {
        let mut state = self.state();
        let error = PutError::Never { stored: state.stored, events: self.events, why: why.to_owned() };
        answer(&mut state, Err(error));
    }

    /// The time is over; `why`, when nothing is known of these events in particular.
    pub fn late(&self, why: &str) -> PutError {
        let state = self.state();
        let why = state.why.as_deref().unwrap_or(why);
        PutError::Later { stored: state.stored, events: self.events, why: why.to_owned() }
    }
}

fn answer(state: &mut State, answer: Result<(), PutError>) {
    if let Some(caller) = state.caller.take() {
        // Whoever has gone wants no answer.
        caller.send(answer).ok();
    }
}
