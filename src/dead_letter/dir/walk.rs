//! Walks over the files of a directory, in the order of their names.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use super::DirOptions;
use crate::dead_letter::cabinet::{Filter, Page, Pending, Walk};
use crate::dead_letter::lines::Lines;
use crate::pipeline::ports::StoreError;

/// One walk. A file that is replaced while it is open is read to its end as it was.
#[derive(Debug)]
pub struct DirWalk {
    state: Option<State>,
}

#[derive(Debug)]
struct State {
    options: DirOptions,
    filter: Filter,
    bytes: bool,
    /// Files to come, last one first; listed with the first page.
    files: Option<Vec<PathBuf>>,
    open: Option<Lines<BufReader<File>>>,
}

impl DirWalk {
    /// Nothing is read yet.
    pub fn new(options: DirOptions, filter: Filter, bytes: bool) -> Self {
        Self { state: Some(State { options, filter, bytes, files: None, open: None }) }
    }
}

impl Walk for DirWalk {
    fn next(&mut self) -> Pending<'_, Result<Option<Page>, StoreError>> {
        Box::pin(async {
            let Some(mut state) = self.state.take() else { return Ok(None) };
            let read = tokio::task::spawn_blocking(move || {
                let page = state.page();
                (state, page)
            });
            let (state, page) = read.await.map_err(|error| StoreError::Halt(error.to_string()))?;
            let path = state.options.path.display().to_string();
            self.state = Some(state);
            page.map_err(|error| StoreError::Halt(format!("cannot read the dead letters in {path}: {error}")))
        })
    }
}

impl State {
    fn page(&mut self) -> io::Result<Option<Page>> {
        loop {
            if let Some(open) = &mut self.open {
                match open.page(&self.filter, self.bytes)? {
                    Some(page) => return Ok(Some(page)),
                    None => self.open = None,
                }
            }
            let files = match &mut self.files {
                Some(files) => files,
                None => self.files.insert(list(&self.options)?),
            };
            let Some(next) = files.pop() else { return Ok(None) };
            match File::open(&next) {
                Ok(file) => self.open = Some(Lines::new(next.display().to_string(), BufReader::new(file))),
                // Its last letter has just been removed.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The files of letters, last one first.
fn list(options: &DirOptions) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(&options.path)? {
        let path = entry?.path();
        if is_ours(&path, &options.prefix) {
            files.push(path);
        }
    }
    files.sort_by(|a, b| b.cmp(a));
    Ok(files)
}

fn is_ours(path: &Path, prefix: &str) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(prefix) && name.ends_with(".ndjson"))
}
