//! A real S3 API in this process: s3s-fs, which keeps objects as files.
//!
//! It checks signatures and checksums, honours `If-None-Match: *` and `If-Match` on puts (it looks first and writes then, so two
//! puts at the same moment may both win), and lists in the order of keys. It runs on threads of its own, named `s3`.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The only access key it knows, and its secret: those that tests give every program.
pub const CREDENTIALS: (&str, &str) = ("test", "test");

/// A running server; dropping it stops it, and its objects are gone.
#[derive(Debug)]
pub struct S3 {
    address: SocketAddr,
    root: TempDir,
    // Dropping it is the signal to stop.
    _stop: oneshot::Sender<()>,
}

impl S3 {
    /// Starts a server on a free port, with these buckets.
    pub fn start(buckets: &[&str]) -> anyhow::Result<Self> {
        let root = TempDir::new()?;
        for bucket in buckets {
            std::fs::create_dir(root.path().join(bucket))?;
        }
        let files = FileSystem::new(root.path()).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(CREDENTIALS.0, CREDENTIALS.1));
        let service = service.build();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no free port for S3")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("s3").enable_all().build()?;
        let served = async move {
            tokio::select! {
                () = serve(listener, service) => {}
                _ = stopped => {}
            }
        };
        std::thread::spawn(move || runtime.block_on(served));
        Ok(Self { address, root, _stop: stop })
    }

    /// Base URL, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts an object where the server finds it.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let path = self.root.path().join(bucket).join(key);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, bytes));
        made.expect("a temporary directory takes files");
    }

    /// The keys of a bucket, in order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let root = self.root.path().join(bucket);
        let mut keys = Vec::new();
        collect(&root, &root, &mut keys);
        keys.sort();
        keys
    }

    /// The content of an object.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        std::fs::read(self.root.path().join(bucket).join(key)).ok()
    }
}

async fn serve(listener: std::net::TcpListener, service: S3Service) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((socket, _)) = listener.accept().await {
        let http = hyper::server::conn::http1::Builder::new();
        tokio::spawn(http.serve_connection(TokioIo::new(socket), service.clone()));
    }
}

fn collect(root: &Path, dir: &Path, keys: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, keys);
        } else if let Ok(key) = path.strip_prefix(root) {
            keys.push(key.to_string_lossy().into_owned());
        }
    }
}
