//! A `_bulk` endpoint on the wire that is not a cluster.
//!
//! [`Mode::Null`] stores nothing and answers at once: what is left in a bench is the sender. [`Mode::Scripted`] keeps
//! documents, refuses a second `create`, and fails as told, also in ways a real server cannot be made to fail on demand:
//! applied but the reply lost, cut off in mid-upload, short replies. What it says is held to recorded replies by
//! `tests/fake_bulk.rs`.

mod around;
mod fault;
mod filter;
mod null;
mod reply;
mod scripted;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use axum::Router;
use tokio::sync::oneshot;

pub use self::fault::{Fault, Item, ItemError, Judge};
pub use self::store::Document;
use self::store::Store;
pub use crate::connection::Cut;

/// What the endpoint does with documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Counts lines, stores nothing, answers 201 for each item, as `filter_path=took,errors,items.*.status` leaves it.
    Null,
    /// Stores, and takes the next [`Fault`] for each bulk.
    Scripted,
}

/// A running endpoint, on a thread of its own (named `fake-bulk`, for [`crate::cpu`]). Dropping it stops it.
#[derive(Debug)]
pub struct FakeBulk {
    address: SocketAddr,
    shared: Arc<Shared>,
    // Dropping it is the signal to stop.
    _stop: oneshot::Sender<()>,
}

/// What the handlers and the test look at together.
#[derive(Debug, Default)]
struct Shared {
    counts: Counts,
    faults: fault::Queue,
    store: Store,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    items: AtomicU64,
    body_bytes: AtomicU64,
}

impl Counts {
    fn add(&self, items: usize, body_bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(items as u64, Ordering::Relaxed);
        self.body_bytes.fetch_add(body_bytes as u64, Ordering::Relaxed);
    }
}

impl FakeBulk {
    /// Listens on a free port of 127.0.0.1.
    pub fn start(mode: Mode) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no free port for the fake")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let bulks = match mode {
            Mode::Null => null::routes(),
            Mode::Scripted => scripted::routes(),
        };
        let app = around::with(bulks, Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel::<()>();
        // One thread: its CPU is then one line in /proc, and it keeps up with any sender on the other core.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("fake-bulk".into()).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, app, stopped)) {
                eprintln!("the fake bulk endpoint ended: {error}");
            }
        })?;
        Ok(Self { address, shared, _stop: stop })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bulk requests answered or cut off so far.
    pub fn requests(&self) -> u64 {
        self.shared.counts.requests.load(Ordering::Relaxed)
    }

    /// Items of all bulks, those refused and repeated included.
    pub fn items(&self) -> u64 {
        self.shared.counts.items.load(Ordering::Relaxed)
    }

    /// Bytes of all bulk bodies, gzip undone.
    pub fn body_bytes(&self) -> u64 {
        self.shared.counts.body_bytes.load(Ordering::Relaxed)
    }

    /// Puts faults behind those still waiting. Each bulk takes the first; without one it succeeds.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.push(faults);
    }

    /// How many faults no bulk has met yet: a test that ends with any has not tested what it says.
    pub fn faults_left(&self) -> usize {
        self.shared.faults.len()
    }

    /// Takes back the faults no bulk has met yet: from here on every bulk succeeds.
    pub fn heal(&self) {
        self.shared.faults.clear();
    }

    /// Everything stored, by index and id.
    pub fn documents(&self) -> Vec<Document> {
        self.shared.store.all()
    }

    /// How many documents the indices whose name begins with `prefix` hold.
    pub fn count(&self, prefix: &str) -> usize {
        self.shared.store.count(prefix)
    }
}

async fn serve(listener: std::net::TcpListener, app: Router, stopped: oneshot::Receiver<()>) -> std::io::Result<()> {
    let listener = crate::connection::Cuttable(tokio::net::TcpListener::from_std(listener)?);
    let app = app.into_make_service_with_connect_info::<Cut>();
    tokio::select! {
        outcome = axum::serve(listener, app) => outcome,
        _ = stopped => Ok(()),
    }
}
