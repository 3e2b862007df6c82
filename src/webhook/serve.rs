//! Connections: how many, how long each may keep the server waiting, and their end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::tls::Tls;

mod io;
mod seat;

pub use seat::Seat;

use io::{Io, Watched};
use seat::{Seats, State};

/// An access key of Firehose has up to 4 KiB and its attributes as much; a token of Vonage 1 KiB.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 64;

/// What one connection reads at once, at most.
const READ_BYTES: usize = 64 * 1024;

/// Out of file descriptors or the like: the pause before the next try, and so before the next log line.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// How long a slow client may take to be told so.
const FAREWELL: Duration = Duration::from_secs(1);

const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Numbers of the connections.
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    /// Open at the same time. One more closes the one that has kept the server waiting longest.
    pub connections: usize,
    /// How long a head, and before it a TLS handshake, may take to come.
    pub head_timeout: Duration,
    /// How long a connection may stay open between requests.
    pub idle_timeout: Duration,
}

/// What makes the server end.
#[derive(Debug, Clone)]
pub struct Stop {
    /// No new requests; those that are here are answered.
    pub drain: CancellationToken,
    /// Not even those.
    pub give_up: CancellationToken,
}

/// Serves until it is told to stop. Gives the number of requests that were being put when the time was over.
pub async fn serve(listener: TcpListener, tls: Option<Tls>, desk: Arc<Desk>, limits: ServeLimits, stop: Stop) -> usize {
    let seats = Seats::new(limits.connections, desk.metrics().clone());
    let mut connections = JoinSet::new();
    while let Some(stream) = next(&listener, &stop.drain).await {
        let Some(seat) = stop.drain.run_until_cancelled(seats.take()).await else { break };
        let visitor = Visitor { desk: desk.clone(), tls: tls.clone(), limits, drain: stop.drain.clone() };
        connections.spawn(async move { visitor.serve(stream, seat.seat()).await }.boxed());
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    match stop.give_up.run_until_cancelled(rest).await {
        Some(()) => 0,
        None => seats.working(),
    }
}

/// The next connection; none when it is time to stop.
async fn next(listener: &TcpListener, stop: &CancellationToken) -> Option<TcpStream> {
    loop {
        match stop.run_until_cancelled(listener.accept()).await? {
            Ok((stream, _)) => return Some(stream),
            Err(error) => {
                tracing::warn!(error = %error, "no connection can be accepted: {error}");
                stop.run_until_cancelled(sleep(ACCEPT_PAUSE)).await?;
            }
        }
    }
}

/// One connection.
struct Visitor {
    desk: Arc<Desk>,
    tls: Option<Tls>,
    limits: ServeLimits,
    drain: CancellationToken,
}

impl Visitor {
    async fn serve(self, stream: TcpStream, seat: Arc<Seat>) {
        // Answers are small, and the next request waits for them.
        let _nodelay = stream.set_nodelay(true);
        let opened = seat.evicted.run_until_cancelled(self.open(stream)).await;
        let Some(Some(io)) = opened else { return };
        seat.waits();
        self.requests(Watched::new(io, seat.clone()), seat).await;
    }

    /// Through the handshake, where there is TLS. A client that cannot do it has nobody to tell.
    async fn open(&self, stream: TcpStream) -> Option<Io> {
        let Some(tls) = &self.tls else { return Some(Io::Plain(stream)) };
        match timeout(self.limits.head_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => Some(Io::Tls(Box::new(stream))),
            Ok(Err(error)) => {
                tracing::debug!(error = %error, "a TLS handshake failed");
                None
            }
            Err(_) => None,
        }
    }

    async fn requests(&self, io: Watched, seat: Arc<Seat>) {
        let (desk, of_service) = (self.desk.clone(), seat.clone());
        let service = service_fn(move |request| {
            let (desk, seat) = (desk.clone(), of_service.clone());
            async move {
                let response = desk.handle(request, &seat).await;
                seat.waits();
                Ok::<_, Infallible>(response)
            }
        });
        let mut http = http1::Builder::new();
        // Deadlines are kept below: hyper has one for a head and the silence before it.
        http.max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD_BYTES)
            .max_buf_size(READ_BYTES)
            .header_read_timeout(None);
        let mut connection = http.serve_connection(TokioIo::new(io), service);
        let mut draining = false;
        let refused = loop {
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = &ended {
                        tracing::debug!(error = %error, "a connection ended early");
                    }
                    break ended.is_err() || seat.has_left();
                }
                () = seat.evicted.cancelled() => return,
                () = self.drain.cancelled(), if !draining => {
                    draining = true;
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
                () = sleep_until(seat.look_again(&self.limits)) => {
                    if seat.is_late(&self.limits) {
                        break false;
                    }
                }
            }
        };
        let slow = seat.state() == State::Head && !refused;
        seat.reads_body();
        let mut io = connection.into_parts().io.into_inner();
        let farewell = async {
            match (refused, slow) {
                (true, _) => io.linger().await,
                (_, true) => drop(timeout(FAREWELL, io.say(TOO_SLOW)).await),
                _ => drop(timeout(FAREWELL, io.close()).await),
            }
        };
        seat.evicted.run_until_cancelled(farewell).await;
    }
}
