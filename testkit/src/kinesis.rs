//! A real Kinesis API in this process, and the producer's side of it.
//!
//! The server is ferrokinesis on threads of its own (named `kinesis`), so that a test may pause its own runtime's clock
//! and a bench can tell the server's CPU apart ([`crate::cpu`]). It does what AWS does with sequence numbers, iterators,
//! splits and merges; it always answers `MillisBehindLatest` 0, leaves out `ChildShards`, and does not check signatures.

mod client;

use std::net::SocketAddr;

use anyhow::Context;
use ferrokinesis::store::StoreOptions;
use tokio::sync::oneshot;

pub use self::client::{Client, Shard};

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Age at which a shard iterator expires, seconds. AWS: 300.
    pub iterator_ttl_s: u64,
    /// Refuse writes above 1 MiB/s or 1000 records/s a shard, record by record, as AWS does.
    pub enforce_limits: bool,
    /// How long a split or merge leaves the stream UPDATING, milliseconds.
    pub update_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { iterator_ttl_s: 300, enforce_limits: false, update_ms: 0 }
    }
}

/// A running server; dropping it stops it, and its records are gone.
#[derive(Debug)]
pub struct Kinesis {
    address: SocketAddr,
    client: Client,
    // Dropping it is the signal to stop.
    _stop: oneshot::Sender<()>,
}

impl Kinesis {
    /// Starts a server on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts a server that behaves as told.
    pub async fn start_with(options: Options) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no free port for Kinesis")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("kinesis")
            .enable_all()
            .build()?;
        let serve = async move {
            // Inside the runtime: creating the store may spawn.
            let app = ferrokinesis::create_router(ferrokinesis::store::Store::new(store_options(&options)));
            // A record of 10 MiB is 13.4 MiB of base64; the usual limit would be in its way.
            let app = app.layer(axum::extract::DefaultBodyLimit::max(32 << 20));
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                outcome = axum::serve(listener, app) => outcome,
                _ = stopped => Ok(()),
            }
        };
        std::thread::Builder::new().name("kinesis".into()).spawn(move || {
            if let Err(error) = runtime.block_on(serve) {
                eprintln!("the embedded Kinesis ended: {error}");
            }
            runtime.shutdown_background();
        })?;
        Ok(Self { address, client: Client::new(&format!("http://{address}"))?, _stop: stop })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_KINESIS`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The producer's side.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

fn store_options(options: &Options) -> StoreOptions {
    StoreOptions {
        create_stream_ms: 0,
        delete_stream_ms: 0,
        update_stream_ms: options.update_ms,
        shard_limit: 1000,
        iterator_ttl_seconds: options.iterator_ttl_s,
        enforce_limits: options.enforce_limits,
        ..StoreOptions::default()
    }
}
