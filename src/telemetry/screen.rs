//! Standard error, shared by log lines and the live display so that neither tears the other.

use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use tracing_subscriber::fmt::MakeWriter;

/// Redraws a second: the eye needs no more, and a slow terminal should not cost more.
pub(super) const REDRAWS_A_SECOND: u8 = 4;

/// Standard error. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Screen {
    lines: MultiProgress,
}

impl Screen {
    /// `terminal` says whether standard error is one; otherwise nothing live is ever drawn.
    pub fn new(terminal: bool) -> Self {
        let target = match terminal {
            true => ProgressDrawTarget::stderr_with_hz(REDRAWS_A_SECOND),
            false => ProgressDrawTarget::hidden(),
        };
        Self { lines: MultiProgress::with_draw_target(target) }
    }

    /// Puts a bar at the bottom of the screen; also for downloads and other long steps.
    pub fn add(&self, bar: ProgressBar) -> ProgressBar {
        self.lines.add(bar)
    }
}

/// Writes one log line: takes the live display away, writes, and puts it back.
#[derive(Debug)]
pub struct Line<'a>(&'a Screen);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lines.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}
