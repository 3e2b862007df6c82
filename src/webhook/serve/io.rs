//! A connection with or without TLS, the moment its next request begins, and its end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::seat::Seat;

/// A connection.
pub enum Io {
    /// As it is: behind a load balancer, or on one machine.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Bytes of a refused request that are read and thrown away, so that its sender comes to read the answer: the largest
/// body of a batch.
const DISCARDED: usize = 16 << 20;

/// How long that may take in all.
const LINGERS: Duration = Duration::from_secs(5);

/// How long it may take until the next bytes come.
const SILENCE: Duration = Duration::from_secs(1);

/// A connection that tells its seat when bytes come.
pub struct Watched {
    io: Io,
    seat: Arc<Seat>,
}

impl Watched {
    /// Watches `io`.
    pub fn new(io: Io, seat: Arc<Seat>) -> Self {
        Self { io, seat }
    }

    /// Writes a last word.
    pub async fn say(&mut self, word: &[u8]) -> io::Result<()> {
        self.write_all(word).await?;
        self.close().await
    }

    /// Says that nothing more is written.
    pub async fn close(&mut self) -> io::Result<()> {
        match &mut self.io {
            Io::Plain(stream) => stream.shutdown().await,
            Io::Tls(stream) => stream.shutdown().await,
        }
    }

    /// The same, and throws away what still comes, up to a bound: whoever closes on bytes that were not read resets the
    /// connection, and the answer is lost with it.
    pub async fn linger(&mut self) {
        let discarding = async {
            self.close().await.ok()?;
            let (mut scrap, mut left) = (vec![0; 16 << 10], DISCARDED);
            while left > 0 {
                let n = timeout(SILENCE, self.read(&mut scrap)).await.ok()?.ok()?;
                left = left.saturating_sub(n);
                if n == 0 {
                    break;
                }
            }
            Some(())
        };
        let _over = timeout(LINGERS, discarding).await;
    }
}

/// Calls a method of whichever it is.
macro_rules! either {
    ($self:expr, $method:ident($($argument:expr),*)) => {
        match &mut $self.io {
            Io::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Io::Tls(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
        }
    };
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = either!(self, poll_read(cx, buf));
        if buf.filled().len() > before {
            self.seat.hears();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_flush(cx))
    }

    /// The HTTP layer has said all it says. Closing is done by [`Watched::close`] and [`Watched::linger`].
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
