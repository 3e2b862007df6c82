//! `essink put`: the values of files, into a stream.

mod dry;
mod look;
mod read;
mod report;

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::dry::DryRun;
use self::look::Look;
use self::read::{Batch, Reader};
use self::report::{Counts, Report};
use super::clock;
use super::commands::print;
use super::exit::Failure;
use super::live::Live;
use super::worker::{self, side::watch_signals};
use crate::config::{PutInput, PutOptions};
use crate::kinesis::client::{Kinesis, Stream};
use crate::kinesis::put::api::PutApi;
use crate::kinesis::put::{FLIGHTS, Producer, PutError, REQUEST_BYTES, Settings};
use crate::telemetry::screen::Screen;

/// Batches that are put at the same time. Eight of a quarter of a megabyte keep the requests full, and a single shard
/// takes even eight of the largest records within --put-timeout.
const TOGETHER: usize = 8;
/// Batches read ahead.
const AHEAD: usize = 2;

/// Puts what the options name.
pub async fn run(options: PutOptions, screen: &Screen) -> Result<(), Failure> {
    let inputs = inputs(&options.inputs, std::io::stdin().is_terminal()).map_err(Failure::usage)?;
    let (stop, give_up) = (CancellationToken::new(), CancellationToken::new());
    watch_signals(stop.clone(), give_up.clone(), options.grace).map_err(Failure::bug)?;
    let opened = worker::open_stream(&options.stream, options.region.as_deref(), options.endpoint_url.as_deref()).await;
    let (kinesis, stream) = opened.map_err(Failure::unavailable)?;
    let producer = producer(&kinesis, &stream, &options).await?;
    let counts = Arc::new(Counts::default());
    let live = Live::start(screen, say(counts.clone(), producer.clone()));
    let (out, batches) = mpsc::channel(AHEAD);
    let look = Look::new(worker::rules(&options.events), options.partition_key.clone(), clock::now());
    let reader = Reader::new(look, producer.largest(), out, counts.clone());
    let reading = tokio::task::spawn_blocking(move || reader.run(inputs));
    let done = put_all(batches, &producer, &options, &counts, &stop, &give_up).await;
    live.finish().await;
    let finished = matches!(done, Done::AllRead) && reading.await.map_err(Failure::bug)?;
    print(options.json, &Report::new(&options, &stream.name, &counts, &producer.counts()))?;
    match done {
        Done::Failed(error) => Err(failure(&error)),
        Done::Stopped | Done::AllRead if !finished => {
            Err(Failure::unfinished(anyhow!("stopped before everything was put; start it again for the rest")))
        }
        _ => counts.complaint().map_or(Ok(()), |why| Err(Failure::usage(anyhow!(why)))),
    }
}

/// What is to be read; what cannot be is known before anything is put.
fn inputs(given: &[PutInput], terminal: bool) -> anyhow::Result<Vec<PutInput>> {
    let inputs = if given.is_empty() { vec![PutInput::Standard] } else { given.to_vec() };
    let n_standard = inputs.iter().filter(|input| **input == PutInput::Standard).count();
    if n_standard > 0 && terminal {
        bail!("nothing to put: name files, or pipe something in");
    }
    if n_standard > 1 {
        bail!("standard input (-) is named {n_standard} times and can be read once");
    }
    let files = inputs.iter().filter_map(|input| match input {
        PutInput::File(path) => Some(path),
        PutInput::Standard => None,
    });
    let wrong: Vec<String> = files.filter_map(|path| unreadable(path)).collect();
    match wrong.is_empty() {
        true => Ok(inputs),
        false => bail!("nothing was put: {}", wrong.join("; ")),
    }
}

fn unreadable(path: &Path) -> Option<String> {
    let named = path.display();
    match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => Some(format!("{named} is a directory: name the files in it")),
        Ok(_) => None,
        Err(error) => Some(format!("{named}: {error}")),
    }
}

async fn producer(kinesis: &Kinesis, stream: &Stream, options: &PutOptions) -> Result<Producer, Failure> {
    let settings = Settings { memory: options.memory, seed: clock::chance() };
    let requests = 3 * (FLIGHTS * REQUEST_BYTES) as u64;
    tracing::info!(
        memory.bytes = options.memory + requests,
        memory.events.bytes = options.memory,
        memory.requests.bytes = requests,
        "memory is bounded: --put-memory for values that wait, and {FLIGHTS} requests under way"
    );
    if options.dry_run {
        let layout = kinesis.writer(stream).layout().await.map_err(Failure::unavailable)?;
        return Ok(Producer::start(DryRun::new(layout.clone()), layout, settings));
    }
    Producer::open(kinesis, stream, settings).await.map_err(Failure::unavailable)
}

fn say(counts: Arc<Counts>, producer: Producer) -> impl Fn() -> String + Send {
    move || {
        let (read, bytes, put) = counts.so_far();
        let done = producer.counts();
        let again = if done.again > 0 { format!(", {} records sent again", done.again) } else { String::new() };
        format!("{read} values read, {} MiB, {put} put in {} records{again}", bytes >> 20, done.records)
    }
}

/// How putting ended.
enum Done {
    /// Everything that was read is in the stream.
    AllRead,
    /// Told to stop.
    Stopped,
    /// The stream does not take it.
    Failed(PutError),
}

/// Puts batches side by side, until there are no more.
async fn put_all(
    mut batches: mpsc::Receiver<Batch>,
    producer: &Producer,
    options: &PutOptions,
    counts: &Counts,
    stop: &CancellationToken,
    give_up: &CancellationToken,
) -> Done {
    let (mut puts, mut done, mut open) = (JoinSet::new(), Done::AllRead, true);
    while open || !puts.is_empty() {
        tokio::select! {
            () = give_up.cancelled() => return Done::Stopped,
            () = stop.cancelled(), if open => (open, done) = (false, Done::Stopped),
            batch = batches.recv(), if open && puts.len() < TOGETHER => match batch {
                None => open = false,
                Some(batch) => {
                    let (producer, within, values) = (producer.clone(), options.timeout, batch.len());
                    puts.spawn(async move { (values, producer.put(batch, within).await) });
                }
            },
            Some(Ok((values, result))) = puts.join_next() => match result {
                Ok(()) => counts.put(values),
                Err(error) => {
                    counts.put(error.stored());
                    (open, done) = (false, Done::Failed(error));
                }
            },
        }
    }
    done
}

fn failure(error: &PutError) -> Failure {
    let why = match error {
        PutError::TooLarge { .. } => return Failure::bug(anyhow!("{error}")),
        PutError::Later { why, .. } => format!("the stream did not take everything within --put-timeout: {why}"),
        PutError::Never { why, .. } => why.clone(),
    };
    Failure::unavailable(anyhow!("{why}; what was put is said above, and putting it again is harmless"))
}

#[cfg(test)]
mod tests;
