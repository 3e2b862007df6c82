//! `essink dead-letters redrive`: letters through the pipeline of `run` again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use serde::Serialize;

use super::clock;
use super::commands::print;
use super::decode::{Chunk, Draft};
use super::drive::{self, Drive, Events, Running};
use super::exit::Failure;
use super::letters::filter;
use super::live::Live;
use super::stores::{Letters, Places};
use crate::config::RedriveOptions;
use crate::dead_letter::{Cabinet, Found, Head, Page, Redrive, Walk};
use crate::event::unwrap::Unwrapper;
use crate::pipeline::op::{Origin, RecordRef};
use crate::pipeline::ports::StoreError;
use crate::pipeline::position::{Sequence, ShardId};
use crate::pipeline::route::Router;
use crate::pipeline::run::Intake;
use crate::telemetry::screen::Screen;

/// The one slot of a re-drive.
const SLOT: u32 = 0;
/// What the pipeline believes to be a shard.
const SHARD: &str = "dead letters";

/// A store that cannot be read now is asked again so often, a second apart.
const TRIES: u32 = 60;

/// What was done.
#[derive(Debug, Serialize)]
struct Report {
    /// Letters that were sent.
    letters: u64,
    /// Letters whose events have all settled.
    removed: u64,
    /// Letters that stay, with a new reason.
    refused_again: u64,
    /// Letters that could not be read; the log names them.
    unreadable: u64,
    events: Events,
}

/// What would be done.
#[derive(Debug, Default, Serialize)]
struct Plan {
    dry_run: bool,
    letters: u64,
    bytes: u64,
    /// Events by the index they would go to.
    events: BTreeMap<String, u64>,
    /// Events of days past retention.
    expired: u64,
    /// Pieces that still cannot become events, by reason.
    refused: BTreeMap<&'static str, u64>,
    unreadable: u64,
}

/// Sends what the options choose.
pub async fn run(
    cabinet: Arc<dyn Cabinet>,
    options: RedriveOptions,
    json: bool,
    screen: &Screen,
) -> Result<(), Failure> {
    let letters = Chosen { walk: cabinet.walk(filter(&options.filter), true), left: options.limit.unwrap_or(u64::MAX) };
    if options.dry_run {
        let plan = plan(letters, &options).await?;
        return print(json, &plan);
    }
    let mut own = options.drive.clone();
    // What is refused again is kept again: nothing can be emptied by it.
    own.batch.breaker_share = None;
    let mut drive = Drive::connect(own).await?;
    let redrive = Redrive::new(cabinet, clock::now);
    let running = drive.start(Letters::Redriven(redrive.clone()), Places::Redrive(redrive.clone()));
    let live = {
        let (redrive, metrics) = (redrive.clone(), drive.metrics.clone());
        Live::start(screen, move || {
            let (done, events) = (redrive.done(), Events::from(&metrics.snapshot()));
            format!("{} letters removed, {} refused again; {events}", done.removed, done.refused)
        })
    };
    let sent = send(letters, &drive, &redrive, &running).await;
    let finished = running.finish().await;
    live.finish().await;
    let (done, events) = (redrive.done(), Events::from(&drive.metrics.snapshot()));
    let sent = match (finished, sent) {
        (Err(failure), _) | (Ok(()), Err(failure)) => return Err(failure),
        (Ok(()), Ok(sent)) => sent,
    };
    let Sent { letters, unreadable, stopped } = sent;
    print(json, &Report { letters, removed: done.removed, refused_again: done.refused, unreadable, events })?;
    if stopped {
        return Err(Failure::unfinished(anyhow!(
            "stopped before all letters were sent; start it again for the others"
        )));
    }
    Ok(())
}

#[derive(Default)]
struct Sent {
    letters: u64,
    unreadable: u64,
    stopped: bool,
}

/// The letters to send, page by page.
struct Chosen {
    walk: Box<dyn Walk>,
    left: u64,
}

impl Chosen {
    async fn next(&mut self) -> Result<Option<Page>, Failure> {
        if self.left == 0 {
            return Ok(None);
        }
        let Some(mut page) = next_page(&mut *self.walk).await? else { return Ok(None) };
        page.found.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= page.found.len() as u64;
        Ok(Some(page))
    }
}

/// The next page of a walk; a store that cannot be read for a moment is waited for.
pub async fn next_page(walk: &mut dyn Walk) -> Result<Option<Page>, Failure> {
    for _ in 1..TRIES {
        match walk.next().await {
            Err(StoreError::Busy(why)) => {
                tracing::debug!("dead letters cannot be read now: {why}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            other => return other.map_err(Failure::unavailable),
        }
    }
    walk.next().await.map_err(Failure::unavailable)
}

/// A letter with its bytes; a sentence on what is missing.
pub fn whole(found: &Found) -> Result<bytes::Bytes, String> {
    let missing = || Err(format!("letter {} has no bytes", found.head.letter));
    found.bytes.clone().unwrap_or_else(missing)
}

async fn send(mut letters: Chosen, drive: &Drive, redrive: &Redrive, running: &Running) -> Result<Sent, Failure> {
    let (mut unwrapper, mut router) = drive.decoder();
    let (mut sent, mut serial) = (Sent::default(), 0);
    let open = Intake::Open { slot: SLOT, shard: ShardId::from(SHARD) };
    let mut is_open = running.intake.send(open).await.is_ok();
    while is_open && !drive.stop.is_cancelled() {
        let Some(page) = letters.next().await? else { break };
        sent.unreadable += unreadable(&page);
        let mut chunk = Chunk::default();
        for found in page.found {
            match whole(&found) {
                Err(why) => {
                    tracing::warn!("{why}: it stays as it is");
                    sent.unreadable += 1;
                }
                Ok(bytes) => {
                    let mut draft = Draft::new(record(&found.head, serial));
                    draft.record_of(&mut unwrapper, &mut router, &bytes);
                    redrive.enter(serial, found.head, found.place);
                    serial += 1;
                    sent.letters += 1;
                    chunk.add(draft, &drive.memory);
                }
            }
            if chunk.is_full(&drive.memory) {
                is_open = std::mem::take(&mut chunk).hand_over(&drive.memory, &running.intake).await.is_ok();
            }
        }
        is_open &= chunk.hand_over(&drive.memory, &running.intake).await.is_ok();
    }
    sent.stopped = drive.stop.is_cancelled();
    // A pipeline that has ended says why itself.
    running.intake.send(Intake::Close { slot: SLOT }).await.ok();
    Ok(sent)
}

/// Its recorded arrival stands for the arrival, and the recorded time of an envelope for the envelope; its place in the walk
/// is its sequence number.
pub(super) fn record(head: &Head, serial: u64) -> RecordRef {
    RecordRef {
        origin: Origin { slot: SLOT, serial },
        shard: ShardId::from(SHARD),
        sequence: Arc::new(Sequence::from(serial)),
        sub_sequence: None,
        arrived: head.arrived(),
        wrapped: head.wrapped(),
    }
}

fn unreadable(page: &Page) -> u64 {
    page.unreadable.iter().for_each(|why| tracing::warn!("{why}: it stays as it is"));
    page.unreadable.len() as u64
}

async fn plan(mut letters: Chosen, options: &RedriveOptions) -> Result<Plan, Failure> {
    let (mut unwrapper, mut router) = drive::decoder(&options.drive);
    let mut plan = Plan { dry_run: true, ..Plan::default() };
    while let Some(page) = letters.next().await? {
        plan.unreadable += unreadable(&page);
        page.found.iter().for_each(|found| plan.take(found, &mut unwrapper, &mut router));
    }
    Ok(plan)
}

impl Plan {
    fn take(&mut self, found: &Found, unwrapper: &mut Unwrapper, router: &mut Router) {
        let bytes = match whole(found) {
            Ok(bytes) => bytes,
            Err(why) => {
                tracing::warn!("{why}");
                self.unreadable += 1;
                return;
            }
        };
        let mut draft = Draft::new(record(&found.head, 0));
        draft.record_of(unwrapper, router, &bytes);
        self.letters += 1;
        self.bytes += found.head.size;
        self.expired += draft.expired;
        draft.ops.iter().for_each(|op| *self.events.entry(op.index.to_string()).or_default() += 1);
        draft.letters.iter().for_each(|letter| *self.refused.entry(letter.reason).or_default() += 1);
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} letters of {} bytes would be sent again:", self.letters, self.bytes)?;
        for (index, n) in &self.events {
            writeln!(f, "  {n} events to {index}")?;
        }
        if self.expired > 0 {
            writeln!(f, "  {} events of days past retention", self.expired)?;
        }
        for (reason, n) in &self.refused {
            writeln!(f, "  {n} pieces refused again before they are sent: {reason}")?;
        }
        match self.unreadable {
            0 => Ok(()),
            n => writeln!(f, "{n} letters cannot be read"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { letters, removed, refused_again, unreadable, events } = self;
        writeln!(f, "{letters} letters sent: {removed} removed, {refused_again} refused again and kept")?;
        if *unreadable > 0 {
            writeln!(f, "{unreadable} letters could not be read and stay as they are")?;
        }
        write!(f, "events: {events}")
    }
}
