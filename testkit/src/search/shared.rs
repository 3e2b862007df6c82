//! A few nodes for all tests of a process.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Kind, Options, Server};

/// A test mostly waits, for its node and for what it has timed: two at once need little more time than one. More would
/// need more memory than machines have.
const NODES: usize = 2;

/// Nodes that tests take in turn, each for itself and each finding it empty.
#[derive(Debug)]
pub struct Shared {
    // tokio's: it is waited for across runtimes, those of different tests.
    turns: Semaphore,
    /// Those that run and that nobody has.
    idle: Mutex<Vec<Server>>,
    /// A machine without a JDK has none for the next test either: no test waits for that twice.
    failed: Mutex<Option<String>>,
}

/// A node, empty, for as long as this lives.
#[derive(Debug)]
pub struct Lease<'a> {
    server: Option<Server>,
    shared: &'a Shared,
    // Dropped last: whoever has the next turn finds the node that is given back.
    _turn: SemaphorePermit<'a>,
}

/// The process's nodes of OpenSearch 3.6.0. Each starts when all others are taken, and dies with the process.
pub fn shared() -> &'static Shared {
    static NODES: Shared = Shared::new();
    &NODES
}

impl Shared {
    const fn new() -> Self {
        Self { turns: Semaphore::const_new(NODES), idle: Mutex::new(Vec::new()), failed: Mutex::new(None) }
    }

    /// Waits for its turn, starts a node if none is idle (or the idle one has died of what it was sent) and wipes it.
    pub async fn lease(&self) -> anyhow::Result<Lease<'_>> {
        let turn = self.turns.acquire().await?;
        // A test that times out drops this future half-way, and its node with it: the next one starts another.
        let idle = self.take();
        let server = match idle {
            Some(server) => {
                server.wipe().await?;
                server
            }
            None => self.start().await?,
        };
        Ok(Lease { server: Some(server), shared: self, _turn: turn })
    }

    fn take(&self) -> Option<Server> {
        let mut server = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        server.is_alive().then_some(server)
    }

    async fn start(&self) -> anyhow::Result<Server> {
        let failed = || self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = &*failed() {
            return Err(anyhow!("{why}"));
        }
        let started = Server::started(Kind::OpenSearch3, Options::default(), None).await;
        started.inspect_err(|error| *failed() = Some(format!("{error:#}")))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.server.take());
    }
}

impl Deref for Lease<'_> {
    type Target = Server;

    fn deref(&self) -> &Server {
        let Some(server) = &self.server else { unreachable!("only the end of a lease takes its node") };
        server
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Server {
        let Some(server) = &mut self.server else { unreachable!("only the end of a lease takes its node") };
        server
    }
}
