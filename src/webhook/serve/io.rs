//! A connection with or without TLS, and the moment its next request begins.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::seat::Seat;

/// A connection.
pub enum Io {
    /// As it is: behind a load balancer, or on one machine.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

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
        self.shutdown().await
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

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_shutdown(cx))
    }
}
