//! The process of one node.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::{Kind, Options};

/// A cold start on two busy cores was seen to take 60 s.
const START_LIMIT: Duration = Duration::from_secs(240);
/// Another process may take a port between the moment it was found free and the moment the node binds it.
const START_TRIES: u32 = 3;
const LAST_WORDS: u64 = 4000;

#[derive(Debug)]
pub(super) struct Node {
    tether: Option<Child>,
    url: String,
    scratch: PathBuf,
    log: File,
}

/// Downloads and unpacks the server if the cache does not have it; the script shows progress on stderr.
pub(super) async fn fetch(kind: Kind, options: &Options) -> anyhow::Result<()> {
    // Maven's local repository is not made for two at once, and the first tests of a new machine all want a server.
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut command = script(kind, options);
    command.arg("--fetch-only").stdin(Stdio::null()).stdout(Stdio::null());
    let output = tokio::process::Command::from(command).stderr(Stdio::piped()).spawn();
    let mut child = output.context("cannot start bash, which runs the scripts of stack/: install it")?;
    let mut said = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        tokio::io::copy(&mut stderr, &mut Tee { said: &mut said, show: options.progress }).await?;
    }
    let status = child.wait().await?;
    if !status.success() {
        bail!("fetching {kind:?} ended with {status}: {}", String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}

impl Node {
    pub(super) async fn start(kind: Kind, options: &Options) -> anyhow::Result<Self> {
        for _ in 1..START_TRIES {
            match Self::launch(kind, options)?.until_green(options).await {
                Err(error) if error.to_string().contains("Address already in use") => {}
                outcome => return outcome,
            }
        }
        Self::launch(kind, options)?.until_green(options).await
    }

    fn launch(kind: Kind, options: &Options) -> anyhow::Result<Self> {
        let [port, transport] = free_ports()?;
        let scratch = scratch_path();
        let (log, log_for_node) = anonymous_log(&scratch)?;
        let mut command = Command::new("bash");
        command.arg(stack().join("tether.sh")).arg(&scratch);
        let start = script(kind, options);
        command.arg(start.get_program()).args(start.get_args());
        command.envs(start.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["--port", &port.to_string(), "--transport-port", &transport.to_string()]);
        command.args(["--heap", options.heap]);
        if options.quick {
            command.arg("--quick");
        }
        for (key, value) in &options.sets {
            command.args(["--set", &format!("{key}={value}")]);
        }
        command.stdin(Stdio::piped()).stdout(log_for_node.try_clone()?).stderr(log_for_node);
        // Ctrl-C reaches the whole foreground group; the tether must live on to clean up.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let tether = command.spawn().context("cannot start bash, which runs the scripts of stack/: install it")?;
        let scheme = if speaks_tls(kind, options) { "https" } else { "http" };
        Ok(Self { tether: Some(tether), url: format!("{scheme}://127.0.0.1:{port}"), scratch, log })
    }

    async fn until_green(mut self, options: &Options) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let mut said = 0;
        loop {
            if !self.is_alive() {
                bail!("the node ended before it was ready; its last words:\n{}", self.last_words());
            }
            if self.is_green(options).await {
                return Ok(self);
            }
            let waited = begun.elapsed();
            if waited > START_LIMIT {
                bail!("the node was not green after {} s; its last words:\n{}", waited.as_secs(), self.last_words());
            }
            if options.progress && waited.as_secs() >= said + 5 {
                said = waited.as_secs();
                eprintln!("waiting for {} to be green, {said} s", self.url);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn is_green(&self, options: &Options) -> bool {
        // Elasticsearch's server core has no `GET /`; health is what all four have. With TLS the CA file comes late.
        let Ok(client) = self.client(options) else { return false };
        let url = format!("{}/_cluster/health?wait_for_status=green&timeout=1s", self.url);
        client.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// A client for this node, with the admin's password and the node's authority where it has them.
    pub(super) fn client(&self, options: &Options) -> anyhow::Result<reqwest::Client> {
        let Some(password) = options.password else {
            return crate::http::client();
        };
        let ca = self.ca_file().map(std::fs::read).transpose()?;
        crate::http::client_for("admin", password, ca.as_deref())
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    pub(super) fn ca_file(&self) -> Option<PathBuf> {
        self.url.starts_with("https").then(|| self.scratch.join("config/certs/ca.pem"))
    }

    pub(super) fn is_alive(&mut self) -> bool {
        self.tether.as_mut().is_some_and(|tether| matches!(tether.try_wait(), Ok(None)))
    }

    /// Kills the server's processes without a word and has it started again on what it left, at the same address.
    pub(super) async fn crash(&self) -> anyhow::Result<()> {
        let group = std::fs::read_to_string(self.scratch.join("group")).context("the node's process group")?;
        File::create_new(self.scratch.join("again")).context("a crash is under way already")?;
        let killed = tokio::process::Command::new("kill").args(["-KILL", "--", &format!("-{}", group.trim())]).status();
        anyhow::ensure!(killed.await?.success(), "the node's process group {} was gone", group.trim());
        Ok(())
    }

    pub(super) fn last_words(&self) -> String {
        // The node writes with this file's other handle, so only a copy of ours may be moved.
        let mut text = Vec::new();
        let read = self.log.try_clone().and_then(|mut log| {
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS)))?;
            log.read_to_end(&mut text)
        });
        read.map_or_else(|error| error.to_string(), |_| String::from_utf8_lossy(&text).into_owned())
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let Some(mut tether) = self.tether.take() else {
            return Ok(());
        };
        drop(tether.stdin.take());
        tokio::task::spawn_blocking(move || tether.wait()).await??;
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let Some(mut tether) = self.tether.take() else { return };
        drop(tether.stdin.take());
        // Reaps the tether without making the dropping thread wait for it.
        std::thread::spawn(move || tether.wait().ok());
    }
}

fn stack() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../stack")
}

fn script(kind: Kind, options: &Options) -> Command {
    let (name, version) = match kind {
        Kind::OpenSearch3 => ("start-opensearch.sh", "3"),
        Kind::OpenSearch2 => ("start-opensearch.sh", "2.19"),
        Kind::Elasticsearch8 => ("start-elasticsearch.sh", "8"),
        Kind::Elasticsearch7 => ("start-elasticsearch.sh", "7"),
    };
    let mut command = Command::new(stack().join(name));
    command.args(["--version", version]);
    if let Some(password) = options.password {
        command.args(["--with", "security"]).env("SEARCH_ADMIN_PASSWORD", password);
    }
    command
}

fn speaks_tls(kind: Kind, options: &Options) -> bool {
    options.password.is_some() && matches!(kind, Kind::OpenSearch3 | Kind::OpenSearch2)
}

/// Two ports that were free a moment ago: both are held at once, so they differ.
fn free_ports() -> anyhow::Result<[u16; 2]> {
    let held = [TcpListener::bind(("127.0.0.1", 0))?, TcpListener::bind(("127.0.0.1", 0))?];
    Ok([held[0].local_addr()?.port(), held[1].local_addr()?.port()])
}

/// A name nobody has; `tether.sh` makes the directory and refuses one that exists.
fn scratch_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let random = fastrand::u32(..);
    std::env::temp_dir().join(format!("testkit-node-{process}-{next}-{random:08x}"))
}

/// A file without a name, so that it cannot be left behind: one handle to read, one to write.
fn anonymous_log(scratch: &Path) -> anyhow::Result<(File, File)> {
    let path = scratch.with_extension("log");
    let write = File::create_new(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let read = File::open(&path)?;
    std::fs::remove_file(&path)?;
    Ok((read, write))
}

/// Keeps what a script says for the error message, and shows it meanwhile.
struct Tee<'a> {
    said: &'a mut Vec<u8>,
    show: bool,
}

impl tokio::io::AsyncWrite for Tee<'_> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        if self.show {
            eprint!("{}", String::from_utf8_lossy(bytes));
        }
        self.said.extend_from_slice(bytes);
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}
