//! Reads files on a thread of their own: inflates them, cuts them into values, and hands these over in batches.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::look::Look;
use super::report::Counts;
use crate::config::PutInput;
use crate::event::cut::{Broken, Cut, Cutter, Place};
use crate::firehose::inflate::Inflate;
use crate::kinesis::put::Item;

/// Bytes asked for at once.
const READ: usize = 256 << 10;
/// Bytes inflated before what they gave is handed over: they may become a thousand times as many.
const STEP: usize = 8 << 10;
/// A batch is handed over at this many bytes; of a pipe whenever it has been read empty, because more may never come.
const BATCH: usize = 256 << 10;
/// Values of which a file's complaints are logged one by one.
const COMPLAINTS: u64 = 10;

/// Values that are put together.
pub type Batch = Vec<Item>;

/// Reads one file after the other.
pub struct Reader {
    look: Look,
    largest: usize,
    out: mpsc::Sender<Batch>,
    counts: Arc<Counts>,
    batch: Batch,
    bytes: usize,
}

/// Why reading of a file ends.
enum End {
    /// Nobody takes more.
    Closed,
    /// It cannot be read on from a place; what is wrong.
    Unreadable(Option<Place>, String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(None, error.to_string())
    }
}

impl From<Broken> for End {
    fn from(Broken { place, what }: Broken) -> Self {
        Self::Unreadable(Some(place), format!("this is no JSON: {what}"))
    }
}

impl Reader {
    /// Records may have at most `largest` bytes.
    pub fn new(look: Look, largest: usize, out: mpsc::Sender<Batch>, counts: Arc<Counts>) -> Self {
        Self { look, largest, out, counts, batch: Vec::new(), bytes: 0 }
    }

    /// Reads them all; `false` when somebody stopped it before.
    pub fn run(mut self, inputs: Vec<PutInput>) -> bool {
        for input in inputs {
            let name = match &input {
                PutInput::Standard => "standard input".to_owned(),
                PutInput::File(path) => path.display().to_string(),
            };
            let before = self.counts.so_far().0;
            match self.input(&input, &name) {
                Ok(()) => self.counts.file(true),
                Err(End::Closed) => return false,
                Err(End::Unreadable(place, why)) => {
                    self.counts.file(false);
                    let values = self.counts.so_far().0 - before;
                    let at =
                        place.map(|at| format!(", byte {} (line {})", at.offset, at.lines + 1)).unwrap_or_default();
                    tracing::error!(
                        file = name,
                        "{name}{at}: {why}; the {values} values before it are put, the rest of this file is not"
                    );
                }
            }
        }
        self.hand_over().is_ok()
    }

    fn input(&mut self, input: &PutInput, name: &str) -> Result<(), End> {
        let mut source: Box<dyn Read> = match input {
            PutInput::Standard => Box::new(io::stdin().lock()),
            PutInput::File(path) => Box::new(File::open(path)?),
        };
        let (mut inflate, mut cutter, mut complaints) = (Inflate::Unknown, Cutter::default(), 0);
        let mut buffer = vec![0; READ];
        // Two bytes tell gzip from text; a pipe may give one first.
        let mut read = some(&mut source, &mut buffer, 2)?;
        while read > 0 {
            for step in buffer[..read].chunks(STEP) {
                let sound = inflate.push(step, |piece| cutter.push(piece));
                // What came before the fault counts.
                self.values(&mut cutter, false, name, &mut complaints)?;
                sound.map_err(|error| End::Unreadable(None, format!("gzip that cannot be read: {error}")))?;
            }
            if *input == PutInput::Standard {
                self.hand_over()?;
            }
            read = some(&mut source, &mut buffer, 1)?;
        }
        let sound = inflate.finish(|piece| cutter.push(piece));
        self.values(&mut cutter, sound.is_ok(), name, &mut complaints)?;
        sound.map_err(|error| End::Unreadable(None, format!("gzip that cannot be read: {error}")))
    }

    /// Every value that is whole.
    fn values(&mut self, cutter: &mut Cutter, at_end: bool, name: &str, complaints: &mut u64) -> Result<(), End> {
        while let Some(cut) = cutter.next(at_end)? {
            if let Some(why) = self.value(&cut) {
                *complaints += 1;
                let Place { offset, lines } = cut.place;
                match *complaints {
                    ..=COMPLAINTS => tracing::warn!(file = name, "{name}, byte {offset} (line {}): {why}", lines + 1),
                    n if n == COMPLAINTS + 1 => {
                        tracing::warn!(file = name, "{name} has more of these; they are counted")
                    }
                    _ => {}
                }
            }
            if self.bytes >= BATCH {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    /// Takes one value; gives what an operator should know of it.
    fn value(&mut self, cut: &Cut) -> Option<String> {
        let seen = self.look.at(&cut.bytes);
        let bytes = cut.bytes.len() + seen.key.len();
        if bytes > self.largest {
            self.counts.too_large();
            let largest = self.largest;
            return Some(format!(
                "a value of {bytes} bytes with its key does not fit into a record of {largest}; it is not put"
            ));
        }
        self.counts.value(cut.bytes.len(), &seen.events, seen.poison.is_some());
        self.bytes += bytes;
        self.batch.push(Item { key: seen.key, data: cut.bytes.clone() });
        seen.poison.map(|why| format!("a worker will keep this as a dead letter, {why}"))
    }

    fn hand_over(&mut self) -> Result<(), End> {
        self.bytes = 0;
        match std::mem::take(&mut self.batch) {
            empty if empty.is_empty() => Ok(()),
            batch => self.out.blocking_send(batch).map_err(|_| End::Closed),
        }
    }
}

/// At least so many bytes, fewer only at the end.
fn some(source: &mut dyn Read, buffer: &mut [u8], least: usize) -> io::Result<usize> {
    let mut read = 0;
    while read < least {
        match source.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
