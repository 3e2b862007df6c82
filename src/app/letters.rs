//! `essink dead-letters …`: what is there, one letter whole, out of a store and into one.

pub(super) mod list;
mod show;

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use serde::Serialize;

use super::commands::{print, print_json, print_lines};
use super::exit::Failure;
use super::redrive::{self, next_page, whole};
use super::stores;
use crate::config::{DeadLetterOptions, DeadLettersAction, DeadLettersOptions, LetterFilter, LetterOptions};
use crate::dead_letter::{Cabinet, Filter, Page, Whole, from_line, to_line};
use crate::pipeline::ports::StoreError;
use crate::telemetry::screen::Screen;

/// Letters of an import that are kept together, and bytes of them.
const TOGETHER: usize = 500;
const TOGETHER_BYTES: usize = 4 << 20;
/// No line of an export is longer: base64 makes four bytes of three, and no letter has 200 MiB.
const LONGEST_LINE: u64 = 256 << 20;

/// Does what the options say.
pub async fn run(options: DeadLettersOptions, screen: &Screen) -> Result<(), Failure> {
    let DeadLettersOptions { letters, action, json } = options;
    if let (DeadLettersAction::Import(_), DeadLetterOptions::Directory(path)) = (&action, &letters.place) {
        std::fs::create_dir_all(path).map_err(|e| Failure::usage(e).during(path.display().to_string()))?;
    }
    let cabinet = stores::cabinet(&letters).await?;
    match action {
        DeadLettersAction::List(wanted) => list::run(&*cabinet, &wanted, &letters, json).await,
        DeadLettersAction::Show(id) => show::run(&*cabinet, id, json).await,
        DeadLettersAction::Redrive(options) => Box::pin(redrive::run(cabinet, *options, json, screen)).await,
        DeadLettersAction::Export(wanted) => export(&*cabinet, &wanted).await,
        DeadLettersAction::Import(file) => import(cabinet, file.as_deref(), json).await,
    }
}

/// Which letters, in the words of their room.
pub fn filter(wanted: &LetterFilter) -> Filter {
    let LetterFilter { reasons, index, since } = wanted.clone();
    Filter { reasons, index, since, id: None }
}

/// Names a letter by its place in the log, when it cannot be read.
fn warn(page: &Page) -> u64 {
    page.unreadable.iter().for_each(|why| tracing::warn!("{why}"));
    page.unreadable.len() as u64
}

async fn export(cabinet: &dyn Cabinet, wanted: &LetterFilter) -> Result<(), Failure> {
    let mut walk = cabinet.walk(filter(wanted), true);
    let (mut n, mut unreadable) = (0_u64, 0);
    while let Some(page) = next_page(&mut *walk).await? {
        unreadable += warn(&page);
        let mut out = Vec::new();
        for found in page.found {
            match whole(&found).and_then(|bytes| Whole::checked(found.head, bytes)) {
                Ok(letter) => {
                    out.extend(to_line(&letter).map_err(Failure::bug)?);
                    n += 1;
                }
                Err(why) => {
                    tracing::warn!("{why}");
                    unreadable += 1;
                }
            }
        }
        match io::stdout().lock().write_all(&out) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other.map_err(Failure::bug)?,
        }
    }
    tracing::info!(letters = n, unreadable, "exported");
    match unreadable {
        0 => Ok(()),
        n => Err(Failure::unavailable(anyhow!("{n} letters could not be read and are not in the export"))),
    }
}

/// What an import did.
#[derive(Debug, Default, Serialize)]
struct Imported {
    letters: u64,
    new: u64,
    already_there: u64,
    unreadable: u64,
}

impl std::fmt::Display for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { letters, new, already_there, unreadable } = self;
        write!(f, "{letters} letters: {new} new, {already_there} already there, {unreadable} lines unreadable")
    }
}

async fn import(cabinet: Arc<dyn Cabinet>, file: Option<&Path>, json: bool) -> Result<(), Failure> {
    let mut reader = open(file)?;
    let (mut done, mut number) = (Imported::default(), 0_u64);
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let some = some_letters(&mut reader, &mut number);
            (reader, number, some)
        });
        let (back, at, some) = read.await.map_err(Failure::bug)?;
        (reader, number) = (back, at);
        let (letters, bad) = some.map_err(|error| Failure::usage(error).during("the import cannot be read"))?;
        bad.iter().for_each(|why| tracing::warn!("{why}"));
        done.unreadable += bad.len() as u64;
        if letters.is_empty() && bad.is_empty() {
            break;
        }
        let new = add(&*cabinet, &letters).await?;
        done.letters += letters.len() as u64;
        done.new += new;
        done.already_there += letters.len() as u64 - new;
    }
    print(json, &done)?;
    match done.unreadable {
        0 => Ok(()),
        n => Err(Failure::usage(anyhow!("{n} lines are no dead letters; the log names them"))),
    }
}

/// A store that is busy for a moment is waited for.
async fn add(cabinet: &dyn Cabinet, letters: &[Whole]) -> Result<u64, Failure> {
    for _ in 0..60 {
        match cabinet.add(letters).await {
            Err(StoreError::Busy(why)) => {
                tracing::debug!("letters cannot be kept now: {why}");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            other => return other.map_err(Failure::unavailable),
        }
    }
    cabinet.add(letters).await.map_err(Failure::unavailable)
}

fn open(file: Option<&Path>) -> Result<Box<dyn BufRead + Send>, Failure> {
    match file {
        Some(path) => {
            let opened = File::open(path).map_err(|e| Failure::usage(e).during(path.display().to_string()))?;
            Ok(Box::new(BufReader::new(opened)))
        }
        None if io::stdin().is_terminal() => {
            Err(Failure::usage(anyhow!("nothing to import: name a file that export wrote, or pipe one in")))
        }
        None => Ok(Box::new(BufReader::new(io::stdin()))),
    }
}

/// The next letters, and what is wrong with the lines that are none.
fn some_letters(reader: &mut dyn BufRead, number: &mut u64) -> io::Result<(Vec<Whole>, Vec<String>)> {
    let (mut letters, mut bad, mut bytes) = (Vec::new(), Vec::new(), 0);
    while letters.len() + bad.len() < TOGETHER && bytes < TOGETHER_BYTES {
        let mut line = Vec::new();
        let read = reader.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        *number += 1;
        bytes += read;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match from_line(&line) {
            Ok(letter) => letters.push(letter),
            Err(why) => bad.push(format!("line {number}: {why}")),
        }
    }
    Ok((letters, bad))
}

/// What the store is called in a report.
fn place(letters: &LetterOptions) -> String {
    match &letters.place {
        DeadLetterOptions::Index => format!("{}*", letters.names.dead_letter_prefix),
        DeadLetterOptions::Directory(path) => path.display().to_string(),
        DeadLetterOptions::S3(options) => format!("s3://{}/{}", options.url.bucket, options.url.prefix),
    }
}
