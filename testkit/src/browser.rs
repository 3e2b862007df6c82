//! A headless Chromium, driven over the DevTools protocol by a pipe: no port, no driver program.
//!
//! It ends with this value, and with this process however that ends: the kernel closes the pipe, which is Chromium's
//! sign to go, and the shell around it removes its profile. Where Chromium is missing it is installed, or the error has
//! the command.

mod find;
mod page;
mod pipe;

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

pub use self::page::{Complaint, Page, Thing};
use self::pipe::Pipe;

/// Far more than a start takes on two busy cores.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long Chromium may take to go before it is killed.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Where the shell lets go: the two ends of the pipe become 3 and 4, as Chromium wants them.
const SCRIPT: &str = r#""$@" 3<&0 4>&1 </dev/null >&2; rm -rf "$PROFILE""#;

/// What keeps Chromium quiet, offline and able to run as root in a container.
const FLAGS: [&str; 17] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    "--remote-debugging-pipe",
];

/// A running Chromium.
#[derive(Debug)]
pub struct Browser {
    pipe: Arc<Pipe>,
    shell: Option<Child>,
    profile: PathBuf,
    log: File,
}

impl Browser {
    /// Starts one with an empty profile. Errors name what is missing with the command that installs it, or show
    /// Chromium's last words.
    pub async fn start() -> anyhow::Result<Self> {
        let program = tokio::task::spawn_blocking(|| find::Machine::this().find_or_install()).await??;
        let mut browser = Self::launch(&program)?;
        let begun = Instant::now();
        let answer = tokio::time::timeout(START_LIMIT, browser.pipe.call(None, "Browser.getVersion", json!({}))).await;
        match answer {
            Ok(Ok(_)) => Ok(browser),
            Ok(Err(error)) => bail!("Chromium did not start: {error:#}; its last words:\n{}", browser.last_words()),
            Err(_) => {
                let waited = begun.elapsed().as_secs();
                bail!("Chromium says nothing after {waited} s; its last words:\n{}", browser.last_words())
            }
        }
    }

    fn launch(program: &std::path::Path) -> anyhow::Result<Self> {
        let profile = profile_path();
        let log_path = profile.with_extension("log");
        let log_for_chromium = File::create_new(&log_path).with_context(|| format!("{}", log_path.display()))?;
        let log = File::open(&log_path)?;
        std::fs::remove_file(&log_path)?;
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]).arg(program).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
        // Chromium writes beside its profile too: into the home directory and the directory for temporary files.
        command.env("PROFILE", &profile).env("HOME", &profile).env("TZ", "UTC").env("LANG", "C.UTF-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_for_chromium);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        std::fs::create_dir(&profile).with_context(|| format!("{}", profile.display()))?;
        let mut shell = command.spawn().context("cannot start sh")?;
        let (input, output) = (shell.stdin.take().context("no stdin")?, shell.stdout.take().context("no stdout")?);
        Ok(Self { pipe: Pipe::new(input, output), shell: Some(shell), profile, log })
    }

    /// A page of its own, with no cookies and no storage of the others, at `url`. What its console says is collected
    /// from the first byte on.
    pub async fn open(&self, url: &str) -> anyhow::Result<Page> {
        let page = Page::blank(self.pipe.clone()).await?;
        page.goto(url).await?;
        Ok(page)
    }

    /// An empty page, to be told its size and colours before it goes anywhere.
    pub async fn blank(&self) -> anyhow::Result<Page> {
        Page::blank(self.pipe.clone()).await
    }

    /// Where it keeps what it must; gone with it.
    pub fn profile(&self) -> &std::path::Path {
        &self.profile
    }

    /// The end of what Chromium printed.
    pub fn last_words(&mut self) -> String {
        let mut text = Vec::new();
        self.log.rewind().and_then(|()| self.log.read_to_end(&mut text)).ok();
        String::from_utf8_lossy(&text[text.len().saturating_sub(4_000)..]).into_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.pipe.close();
        let Some(mut shell) = self.shell.take() else { return };
        let group = format!("-{}", shell.id());
        // Does not make the dropping thread wait.
        std::thread::spawn(move || {
            let begun = Instant::now();
            while matches!(shell.try_wait(), Ok(None)) {
                if begun.elapsed() > END_LIMIT {
                    Command::new("kill").args(["-KILL", "--", &group]).status().ok();
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            shell.wait().ok();
        });
    }
}

/// A name nobody has.
fn profile_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let random = fastrand::u32(..);
    std::env::temp_dir().join(format!("testkit-browser-{process}-{next}-{random:08x}"))
}
