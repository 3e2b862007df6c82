//! `essink replay`: what Firehose left, through the pipeline of `run`.

mod plan;
pub(super) mod progress;
mod reader;
mod source;

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{anyhow, bail};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use self::progress::{Progress, Replay};
use self::reader::{End, Reader};
use self::source::{Listing, Source};
use super::commands::print;
use super::connect;
use super::drive::{Drive, Events, Running};
use super::exit::Failure;
use super::live::Live;
use super::stores::{self, Places};
use crate::config::{ReplayFrom, ReplayOptions, S3Options};
use crate::s3::{Object, S3Error};
use crate::telemetry::screen::Screen;

/// A list that cannot be had now is asked for so often again, a second apart.
const TRIES: u32 = 60;

/// What has been read, for the display.
#[derive(Debug, Default)]
pub struct Counts {
    listed: AtomicU64,
    settled_before: AtomicU64,
    read: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    /// So many bytes more.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }
}

/// What was done.
#[derive(Debug, Serialize)]
struct Report {
    from: String,
    /// Objects read to their end.
    objects: u64,
    /// Bytes of objects, as they are stored.
    bytes: u64,
    /// Objects that a replay before has settled.
    settled_before: u64,
    /// Objects that cannot be read; the log names them.
    unreadable: u64,
    events: Events,
}

/// Reads what the options name.
pub async fn run(options: ReplayOptions, screen: &Screen) -> Result<(), Failure> {
    let (source, from) = source(&options).await?;
    let replay = Replay { replay: from.clone(), cluster: options.drive.cluster.urls.join(",") };
    let path = options.progress.clone().unwrap_or_else(|| progress_path(&replay));
    if options.dry_run {
        let progress = Progress::look(&path, &replay).map_err(Failure::usage)?;
        return print(options.json, &plan::plan(&source, from, progress.as_ref()).await?);
    }
    apart(&path, &options.from).map_err(Failure::usage)?;
    // What is wrong with the source is known before anything is written.
    let mut listing = source.list();
    let first = listing.next().await.map_err(Failure::unavailable)?;
    let mut drive = Drive::connect(options.drive.clone()).await?;
    let prefix = &options.drive.names.dead_letter_prefix;
    let letters = stores::letters(&options.dead_letters, prefix, &drive.client, &from).await?;
    let progress = Progress::open(&path, &replay).map_err(Failure::usage)?;
    tracing::info!(progress = %path.display(), "reading {from}; what has settled is written down, a replay that is cut short goes on there");
    say_bounds(&options, &drive);
    let running = drive.start(letters, Places::Replay(progress.clone()));
    let counts = Arc::new(Counts::default());
    let live = Live::start(screen, say(counts.clone(), &drive));
    let todo = Todo { listing, objects: first.unwrap_or_default(), progress, counts: counts.clone() };
    let read = read_all(todo, &source, &options, &drive, &running).await;
    let finished = running.finish().await;
    live.finish().await;
    let done = match (finished, read) {
        (Err(failure), _) | (Ok(()), Err(failure)) => return Err(failure),
        (Ok(()), Ok(done)) => done,
    };
    let events = Events::from(&drive.metrics.snapshot());
    let (objects, bytes) = (counts.read.load(Relaxed), counts.bytes.load(Relaxed));
    let settled_before = counts.settled_before.load(Relaxed);
    print(options.json, &Report { from, objects, bytes, settled_before, unreadable: done.unreadable, events })?;
    match done {
        Done { stopped: true, .. } => {
            Err(Failure::unfinished(anyhow!("stopped before all objects were read; start it again for the others")))
        }
        Done { unreadable: 0, .. } => Ok(()),
        Done { unreadable: n, .. } => {
            Err(Failure::unavailable(anyhow!("{n} objects could not be read; the log names them")))
        }
    }
}

/// Where the objects are, and what that is called.
async fn source(options: &ReplayOptions) -> Result<(Source, String), Failure> {
    Ok(match &options.from {
        ReplayFrom::Path(path) => (Source::Path(path.clone()), path.display().to_string()),
        ReplayFrom::S3(url) => {
            let s3 = S3Options {
                url: url.clone(),
                region: options.region.clone(),
                endpoint_url: options.s3_endpoint_url.clone(),
            };
            let source = Source::S3 { bucket: connect::bucket(&s3).await?, prefix: url.prefix.clone() };
            (source, format!("s3://{}/{}", url.bucket, url.prefix))
        }
    })
}

/// The same for the same replay, so that it goes on where it stopped.
fn progress_path(replay: &Replay) -> PathBuf {
    let digest = Sha256::digest(format!("{}\0{}", replay.replay, replay.cluster));
    let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    PathBuf::from(format!(".essink-replay-{name}.ndjson"))
}

/// A visible progress file among the objects would be read as one of them.
fn apart(progress: &Path, from: &ReplayFrom) -> anyhow::Result<()> {
    let ReplayFrom::Path(from) = from else { return Ok(()) };
    let directory = progress.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let hidden = progress.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let within = match (directory.canonicalize(), from.canonicalize()) {
        (Ok(directory), Ok(from)) => from.is_dir() && directory.starts_with(from),
        _ => false,
    };
    match within && !hidden {
        true => bail!("the progress file {} lies in what is read: give a --progress elsewhere", progress.display()),
        false => Ok(()),
    }
}

/// The memory bound and what it is made of.
fn say_bounds(options: &ReplayOptions, drive: &Drive) {
    let (batch, events) = (&options.drive.batch, &options.drive.events);
    // A piece of the object, what a step of it inflates to, the record being cut out, and what that inflates to itself.
    let objects = options.fetches as u64 * (reader::READ + (8 << 20) + 3 * events.max_inflated);
    let bodies = (batch.in_flight as u64 + 1) * batch.flush_bytes;
    tracing::info!(
        memory.bytes = drive.memory.bound() + objects + bodies,
        memory.records.bytes = drive.memory.bound(),
        memory.objects.bytes = objects,
        memory.bodies.bytes = bodies,
        "memory is bounded: --memory for records that have not ended, {} objects being read and decoded (--fetches, \
         --max-inflated), {} bulk bodies (--in-flight, --flush-bytes); beside it 40 bytes for each object that has settled",
        options.fetches,
        batch.in_flight + 1,
    );
}

fn say(counts: Arc<Counts>, drive: &Drive) -> impl Fn() -> String + Send + use<> {
    let metrics = drive.metrics.clone();
    move || {
        let (read, listed) = (counts.read.load(Relaxed), counts.listed.load(Relaxed));
        let (before, mib) = (counts.settled_before.load(Relaxed), counts.bytes.load(Relaxed) >> 20);
        let events = Events::from(&metrics.snapshot());
        format!("{read} of {listed} objects listed so far read, {mib} MiB, {before} settled before; {events}")
    }
}

/// What is still to be read.
struct Todo {
    listing: Listing,
    objects: VecDeque<Object>,
    progress: Progress,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Done {
    unreadable: u64,
    stopped: bool,
}

impl Todo {
    /// The next object that has not settled, and where it goes on.
    async fn next(&mut self) -> Result<Option<(Object, u64)>, Failure> {
        loop {
            let Some(object) = self.objects.pop_front() else {
                match next_objects(&mut self.listing).await? {
                    Some(objects) => self.objects = objects,
                    None => return Ok(None),
                }
                continue;
            };
            self.counts.listed.fetch_add(1, Relaxed);
            match self.progress.of(&object) {
                Some(from) => {
                    self.progress.begin(&object);
                    return Ok(Some((object, from)));
                }
                None => self.counts.settled_before.fetch_add(1, Relaxed),
            };
        }
    }
}

/// The next objects of a list; a service that is busy for a moment is waited for.
async fn next_objects(listing: &mut Listing) -> Result<Option<VecDeque<Object>>, Failure> {
    for _ in 1..TRIES {
        match listing.next().await {
            Err(S3Error::Busy(why)) => {
                tracing::debug!("objects cannot be listed now: {why}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            other => return other.map_err(Failure::unavailable),
        }
    }
    listing.next().await.map_err(Failure::unavailable)
}

/// Reads objects side by side, in the order of the list.
async fn read_all(
    mut todo: Todo,
    source: &Source,
    options: &ReplayOptions,
    drive: &Drive,
    running: &Running,
) -> Result<Done, Failure> {
    let (mut readers, mut done, mut slot) = (JoinSet::new(), Done::default(), 0);
    let mut at_end = false;
    loop {
        while !at_end && !done.stopped && readers.len() < options.fetches {
            let Some((object, from)) = todo.next().await? else {
                at_end = true;
                break;
            };
            let (unwrapper, router) = drive.decoder();
            let reader = Reader {
                source: source.clone(),
                unwrapper,
                router,
                memory: drive.memory.clone(),
                pipeline: running.intake.clone(),
                largest: usize::try_from(options.drive.events.max_inflated).unwrap_or(usize::MAX),
                stop: drive.stop.clone(),
                counts: todo.counts.clone(),
            };
            readers.spawn(reader.read(object, slot, from));
            slot += 1;
        }
        let Some(ended) = readers.join_next().await else { return Ok(done) };
        match ended.map_err(Failure::bug)? {
            (_, End::Read) => drop(todo.counts.read.fetch_add(1, Relaxed)),
            (_, End::Stopped) => done.stopped = true,
            (object, End::Unreadable(why)) => {
                tracing::error!(object = object.key, "it cannot be read and is passed over: {why}");
                done.unreadable += 1;
            }
            (_, End::Halted(why)) => {
                drive.stop.cancel();
                while readers.join_next().await.is_some() {}
                return Err(Failure::unavailable(anyhow!(why)));
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, objects, bytes, settled_before, unreadable, events } = self;
        write!(f, "{objects} objects of {bytes} bytes read from {from}")?;
        if *settled_before > 0 {
            write!(f, ", {settled_before} had settled before")?;
        }
        if *unreadable > 0 {
            write!(f, ", {unreadable} could not be read")?;
        }
        write!(f, "\nevents: {events}")
    }
}
