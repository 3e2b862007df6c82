//! The program, from its command line to its exit code.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::config::{self, Loaded};

/// Configuration and secrets are small; a path to something else is a slip, not a reason to fill the memory.
const MOST_FILE_BYTES: u64 = 1 << 20;

/// Reads the configuration from `args` (the program's name first), the environment and files, does what it asks for,
/// and prints what it says: texts to standard output, warnings and refusals to standard error.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let env = std::env::vars_os().map(|(n, v)| (n.to_string_lossy().into_owned(), v.to_string_lossy().into_owned()));
    match config::load(args, env, &read_file) {
        Ok(Loaded::Invocation(invocation)) => super::run(invocation),
        Ok(Loaded::Text { text, warnings }) => {
            warnings.iter().for_each(|warning| eprintln!("essink: {warning}"));
            print(&text)
        }
        Err(refusal) if refusal.exit_code() == 0 => print(&refusal.to_string()),
        Err(refusal) => {
            eprint!("{refusal}");
            ExitCode::from(refusal.exit_code())
        }
    }
}

/// A reader that closes the pipe (`essink config | head`) is no failure of ours.
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MOST_FILE_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MOST_FILE_BYTES {
        return Err(io::Error::other("larger than 1 MiB"));
    }
    Ok(text)
}
