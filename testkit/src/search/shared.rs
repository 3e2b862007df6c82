//! One node for all tests of a process.

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use anyhow::anyhow;
use tokio::sync::{Mutex, MutexGuard};

use super::{Kind, Options, Server};

/// A node that tests take in turn, each for itself and each finding it empty.
///
/// `cargo test` runs a binary's tests in parallel threads; a node apiece would need more memory than machines have.
#[derive(Debug)]
pub struct Exclusive {
    kind: Kind,
    // tokio's mutex: it is held across awaits, knows no poisoning (a panicking test just gives it back) and works
    // between the runtimes of different tests.
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    NotStarted,
    Running(Box<Server>),
    /// A machine without a JDK has none for the next test either: no test waits for that twice.
    Failed(String),
}

/// The node, empty, for as long as this lives.
#[derive(Debug)]
pub struct Lease<'a> {
    state: MutexGuard<'a, State>,
}

/// The process's OpenSearch 3.6.0. It starts with the first lease and dies with the process.
pub fn shared() -> &'static Exclusive {
    static NODE: LazyLock<Exclusive> = LazyLock::new(|| Exclusive::new(Kind::OpenSearch3));
    &NODE
}

impl Exclusive {
    /// For a static of one's own, with another server.
    pub const fn new(kind: Kind) -> Self {
        Self { kind, state: Mutex::const_new(State::NotStarted) }
    }

    /// Waits for its turn, starts the node if it does not run (again, if the last test made it die) and wipes it.
    pub async fn lease(&self) -> anyhow::Result<Lease<'_>> {
        let mut state = self.state.lock().await;
        let alive = if let State::Running(server) = &mut *state { server.is_alive() } else { false };
        match &*state {
            State::Running(server) if alive => server.wipe().await?,
            State::Failed(why) => return Err(anyhow!("{why}")),
            // A test that times out drops this future half-way: the state must be true at every await.
            _ => {
                *state = State::NotStarted;
                *state = self.start().await;
            }
        }
        match &*state {
            State::Failed(why) => Err(anyhow!("{why}")),
            _ => Ok(Lease { state }),
        }
    }

    async fn start(&self) -> State {
        match Server::start(self.kind, Options::default()).await {
            Ok(server) => State::Running(Box::new(server)),
            Err(error) => State::Failed(format!("{error:#}")),
        }
    }
}

impl Deref for Lease<'_> {
    type Target = Server;

    fn deref(&self) -> &Server {
        let State::Running(server) = &*self.state else { unreachable!("a lease is made of a running node only") };
        server
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Server {
        let State::Running(server) = &mut *self.state else { unreachable!("a lease is made of a running node only") };
        server
    }
}
