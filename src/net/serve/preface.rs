//! Callers that connect and do not say enough to be served.
//!
//! The HTTP/2 layer waits without end for the first bytes of a connection, and pings only after them.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::sleep,
};

/// The client's preface, and the header of the SETTINGS frame that must follow it (RFC 9113, section 3.4).
const BEGINNING_LEN_BYTES: usize = 24 + 9;

/// A byte stream that counts what was read from it.
pub(super) struct Counted<T> {
    io: T,
    read_len_bytes: Arc<AtomicUsize>,
}

/// Tells of a caller that is too slow to begin.
pub(super) struct Beginning {
    read_len_bytes: Arc<AtomicUsize>,
}

impl<T> Counted<T> {
    pub fn new(io: T) -> (Counted<T>, Beginning) {
        let read_len_bytes = Arc::new(AtomicUsize::new(0));
        let beginning = Beginning {
            read_len_bytes: read_len_bytes.clone(),
        };
        (Counted { io, read_len_bytes }, beginning)
    }
}

impl Beginning {
    /// Resolves if the caller has not begun after so long, and never otherwise.
    pub async fn missed(self, wait: Duration) {
        sleep(wait).await;
        if self.read_len_bytes.load(Ordering::Relaxed) >= BEGINNING_LEN_BYTES {
            std::future::pending().await
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let len_bytes = buf.filled().len() - before;
        self.read_len_bytes.fetch_add(len_bytes, Ordering::Relaxed);
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// Whether a caller of so many bytes has missed its beginning.
    async fn misses(sent_len_bytes: usize) -> bool {
        let (mut caller, server) = duplex(1024);
        let (mut server, beginning) = Counted::new(server);
        caller.write_all(&vec![0; sent_len_bytes]).await.unwrap();
        server
            .read_exact(&mut vec![0; sent_len_bytes])
            .await
            .unwrap();
        let wait = Duration::from_millis(20);
        let missed = tokio::time::timeout(10 * wait, beginning.missed(wait));
        missed.await.is_ok()
    }

    #[tokio::test]
    async fn fewer_bytes_than_a_beginning_then_missed() {
        assert!(misses(0).await);
        assert!(misses(BEGINNING_LEN_BYTES - 1).await);
        assert!(!misses(BEGINNING_LEN_BYTES).await);
    }
}
