//! Messages of the DevTools protocol over a pipe: JSON, each ended by a NUL.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// Both directions. Reading has a thread of its own, so that tests on different runtimes may share a browser.
#[derive(Debug)]
pub struct Pipe {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    input: Option<ChildStdin>,
    next: u64,
    waiting: HashMap<u64, oneshot::Sender<Value>>,
    /// Events of each session, until somebody takes them.
    events: HashMap<String, Vec<Value>>,
    ended: bool,
}

impl Pipe {
    pub fn new(input: ChildStdin, output: ChildStdout) -> Arc<Self> {
        let inner =
            Inner { input: Some(input), next: 1, waiting: HashMap::new(), events: HashMap::new(), ended: false };
        let pipe = Arc::new(Self { inner: Mutex::new(inner) });
        let reader = pipe.clone();
        std::thread::spawn(move || reader.read(output));
        pipe
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls a method, of a page when a session is given, and waits for its result.
    pub async fn call(&self, session: Option<&str>, method: &str, params: Value) -> anyhow::Result<Value> {
        let answer = self.send(session, method, params)?;
        let answer = answer.await.map_err(|_| anyhow!("Chromium went away during {method}"))?;
        match answer.get("error") {
            Some(error) => Err(anyhow!("{method}: {error}")),
            None => Ok(answer["result"].clone()),
        }
    }

    fn send(&self, session: Option<&str>, method: &str, params: Value) -> anyhow::Result<oneshot::Receiver<Value>> {
        let mut inner = self.inner();
        anyhow::ensure!(!inner.ended, "Chromium went away before {method}");
        let id = inner.next;
        inner.next += 1;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let (sender, receiver) = oneshot::channel();
        inner.waiting.insert(id, sender);
        let bytes = format!("{message}\0");
        let input = inner.input.as_mut().context("the browser is closed")?;
        input.write_all(bytes.as_bytes()).with_context(|| format!("cannot tell Chromium {method}"))?;
        Ok(receiver)
    }

    /// Events of a session since the last call.
    pub fn take_events(&self, session: &str) -> Vec<Value> {
        self.inner().events.get_mut(session).map(std::mem::take).unwrap_or_default()
    }

    /// No more messages: Chromium ends.
    pub fn close(&self) {
        self.inner().input = None;
    }

    fn read(&self, output: ChildStdout) {
        let mut output = BufReader::new(output);
        let mut message = Vec::new();
        while matches!(output.read_until(0, &mut message), Ok(1..)) {
            if let Ok(value) = serde_json::from_slice(message.strip_suffix(&[0]).unwrap_or(&message)) {
                self.take(value);
            }
            message.clear();
        }
        let mut inner = self.inner();
        inner.ended = true;
        inner.waiting.clear();
    }

    fn take(&self, message: Value) {
        let mut inner = self.inner();
        if let Some(sender) = message["id"].as_u64().and_then(|id| inner.waiting.remove(&id)) {
            // Whoever asked may have given up.
            sender.send(message).ok();
        } else if let Some(session) = message["sessionId"].as_str() {
            inner.events.entry(session.to_owned()).or_default().push(message);
        }
    }
}
