//! The task that owns what waits: fills requests, sends them, and says to each caller what became of its events.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::api::{Layout, Packed, PutApi};
use super::lanes::Lanes;
use super::parcel::{Parcel, Waiting};
use super::shards::Shards;
use super::state::Shared;
use crate::kinesis::client::AccessError;
use crate::kinesis::shard::api::Fault;
use crate::pipeline::position::ShardId;

/// Requests under way at the same time. Each is 10 to 20 ms under way and carries up to 5 MiB: four are more than most
/// links take, and few enough that what comes meanwhile goes together.
pub const FLIGHTS: usize = 4;
/// Least time between two looks at the stream. `ListShards`: 1,000 calls a second a stream; a reshard takes half a minute.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// So many requests that fail in a row are trouble; fewer are a day like any other.
const WORTH_A_WORD: u32 = 3;

/// What the producer hands over.
#[derive(Debug)]
pub enum Message {
    /// Events of one caller.
    Put(Vec<Waiting>),
    /// The stream may have changed.
    Look,
}

/// The task's state.
pub struct Worker<A> {
    api: Arc<A>,
    messages: mpsc::UnboundedReceiver<Message>,
    shared: Arc<Shared>,
    lanes: Lanes,
    flights: JoinSet<Landing>,
    looks: JoinSet<Result<Layout, AccessError>>,
    /// When the stream was looked at.
    looked: Instant,
}

/// A request that has ended.
struct Landing {
    parcels: Vec<Parcel>,
    answer: Result<Vec<Result<ShardId, Fault>>, Fault>,
}

impl<A: PutApi> Worker<A> {
    /// A worker for messages that come here.
    pub fn new(api: A, messages: mpsc::UnboundedReceiver<Message>, shared: Arc<Shared>, lanes: Lanes) -> Self {
        let (flights, looks) = (JoinSet::new(), JoinSet::new());
        Self { api: Arc::new(api), messages, shared, lanes, flights, looks, looked: Instant::now() }
    }

    /// Works until no producer is left and nothing that somebody waits for.
    pub async fn run(mut self) {
        let mut open = true;
        while open || !self.lanes.is_empty() || !self.flights.is_empty() {
            self.launch();
            let due = self.due();
            tokio::select! {
                message = self.messages.recv(), if open => match message {
                    Some(message) => self.take(message),
                    None => open = false,
                },
                Some(landing) = self.flights.join_next() => match landing {
                    Ok(landing) => self.land(landing),
                    // Its events' callers wait until they are late; nothing else is lost.
                    Err(error) => tracing::error!("a request to kinesis ended by a bug: {error}"),
                },
                Some(Ok(layout)) = self.looks.join_next() => self.seen(layout),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
            // All that has come meanwhile goes together.
            while let Ok(message) = self.messages.try_recv() {
                self.take(message);
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        if self.flights.len() < FLIGHTS { self.lanes.due(Instant::now()) } else { None }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Put(events) => events.into_iter().for_each(|event| self.lanes.add(event)),
            Message::Look => self.look(),
        }
    }

    /// Sends as many requests as there may be.
    fn launch(&mut self) {
        while self.flights.len() < FLIGHTS {
            let Some(parcels) = self.lanes.fill(Instant::now()) else { return };
            self.shared.counts.requests.fetch_add(1, Relaxed);
            self.flights.spawn(fly(self.api.clone(), parcels));
        }
    }

    fn land(&mut self, Landing { parcels, answer }: Landing) {
        self.lanes.landed(&parcels);
        match answer {
            Ok(outcomes) => self.answered(parcels, outcomes),
            Err(fault) => self.failed(parcels, &fault),
        }
    }

    fn answered(&mut self, parcels: Vec<Parcel>, outcomes: Vec<Result<ShardId, Fault>>) {
        if self.lanes.answered() >= WORTH_A_WORD {
            tracing::info!("kinesis takes events again");
        }
        let results = parcels.iter().zip(&outcomes);
        self.lanes
            .took(results.map(|(parcel, outcome)| (parcel.hash_key, parcel.bytes, outcome.is_ok())), Instant::now());
        for (parcel, outcome) in parcels.into_iter().zip(outcomes) {
            match outcome {
                Ok(shard) => {
                    if !self.lanes.expected(parcel.hash_key, &shard) {
                        self.look();
                    }
                    self.shared.counts.stored(parcel.events(), parcel.bytes);
                    parcel.stored();
                }
                Err(fault) if passes(&fault) => self.again(parcel, &fault.to_string().into()),
                Err(fault) => parcel.never(&fault.to_string()),
            }
        }
        if self.lanes.is_calm() {
            self.shared.trouble(None);
        }
    }

    fn failed(&mut self, mut parcels: Vec<Parcel>, fault: &Fault) {
        let why: Arc<str> = fault.to_string().into();
        if passes(fault) {
            if self.lanes.failed(Instant::now()) == WORTH_A_WORD {
                tracing::warn!("kinesis takes no events now, trying again: {why}");
            }
            return parcels.into_iter().for_each(|parcel| self.again(parcel, &why));
        }
        // The stream may be another now, or take smaller records only.
        self.look();
        if matches!(fault, Fault::Invalid(_)) && parcels.len() > 1 {
            // Whatever is wrong with one of them, the others are not to pay for it.
            parcels.iter_mut().for_each(|parcel| parcel.alone = true);
            return parcels.into_iter().for_each(|parcel| self.again(parcel, &why));
        }
        parcels.iter().for_each(|parcel| parcel.never(&why));
    }

    fn again(&mut self, parcel: Parcel, why: &Arc<str>) {
        self.shared.counts.again.fetch_add(1, Relaxed);
        self.shared.trouble(Some(why.clone()));
        parcel.again(why);
        self.lanes.again(parcel);
    }

    /// Looks at the stream anew, unless that is under way.
    fn look(&mut self) {
        if self.looks.is_empty() {
            let (api, earliest) = (self.api.clone(), self.looked + BETWEEN_LOOKS);
            self.looks.spawn(async move {
                sleep_until(earliest).await;
                api.layout().await
            });
        }
    }

    fn seen(&mut self, layout: Result<Layout, AccessError>) {
        self.looked = Instant::now();
        match layout {
            Ok(layout) => {
                self.shared.largest.store(layout.largest, Relaxed);
                self.lanes.redraw(Shards::new(layout.shards));
            }
            // What was known goes on to count; the next event that lands elsewhere asks again.
            Err(why) => tracing::debug!("the shards of the stream cannot be listed now: {why}"),
        }
    }
}

/// Seals and sends one request.
async fn fly<A: PutApi>(api: Arc<A>, mut parcels: Vec<Parcel>) -> Landing {
    let records: Vec<Packed> = parcels.iter_mut().map(Parcel::seal).collect();
    let answer = api.put(&records).await.and_then(|outcomes| match outcomes.len() == records.len() {
        true => Ok(outcomes),
        // Which outcome is whose is not known: nothing is settled by such an answer.
        false => Err(Fault::Transient(format!("it answered about {} of {} records", outcomes.len(), records.len()))),
    });
    Landing { parcels, answer }
}

/// Whether the same may be taken later, by itself.
fn passes(fault: &Fault) -> bool {
    match fault {
        Fault::Throttled(_) | Fault::Transient(_) | Fault::Expired => true,
        Fault::Refused(_) | Fault::Gone(_) | Fault::Invalid(_) => false,
    }
}
