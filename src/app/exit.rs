//! How the process ends.

use std::fmt::{self, Display};
use std::process::ExitCode;

/// Stopped with work unsettled; safe to start again.
pub const UNFINISHED: u8 = 75;

/// A command that did not do what was asked, and the code that scripts see.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    /// 64: the command line or the configuration is wrong.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { code: 64, error: error.into() }
    }

    /// 69: a service is not there, or refuses us.
    pub fn unavailable(error: impl Into<anyhow::Error>) -> Self {
        Self { code: 69, error: error.into() }
    }

    /// 75: stopped with work unsettled; safe to start again.
    pub fn unfinished(error: impl Into<anyhow::Error>) -> Self {
        Self { code: UNFINISHED, error: error.into() }
    }

    /// 1: something that should not happen.
    pub fn bug(error: impl Into<anyhow::Error>) -> Self {
        Self { code: 1, error: error.into() }
    }

    /// The same failure with what was being done in front.
    pub fn during(self, what: impl Display + Send + Sync + 'static) -> Self {
        Self { code: self.code, error: self.error.context(what) }
    }

    /// The code that scripts see.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Prints the chain of causes once, as one line, and gives the code.
    pub fn report(&self) -> ExitCode {
        eprintln!("essink: {self}");
        ExitCode::from(self.code)
    }
}

/// The chain of causes, in one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}
