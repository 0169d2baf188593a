//! Reads over HTTP/2's shoulder: whether a server's first bytes are a SETTINGS frame, and what they are otherwise.
//!
//! The `h2` crate tells neither when the server's settings came nor what came in their place.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};

const FRAME_HEADER_LEN_BYTES: usize = 9;
const FRAME_TYPE_SETTINGS: u8 = 4;
const FLAG_ACK: u8 = 1;
/// How much of an answer in another protocol is quoted.
const QUOTED_LEN_BYTES_MAX: usize = 80;

/// What a server began with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FirstBytes {
    /// HTTP/2, as it must begin.
    Settings,
    /// Anything else, as one line of printable text.
    Other(String),
    /// The end of the connection.
    Closed,
}

/// A connection whose first bytes are looked at as they are read.
#[derive(Debug)]
pub(crate) struct Sniffed<T> {
    io: T,
    watch: Option<Watch>,
}

#[derive(Debug)]
struct Watch {
    seen: Vec<u8>,
    report: oneshot::Sender<FirstBytes>,
}

impl<T> Sniffed<T> {
    pub(crate) fn new(io: T) -> (Sniffed<T>, oneshot::Receiver<FirstBytes>) {
        let (report, first) = oneshot::channel();
        let watch = Some(Watch {
            seen: Vec::new(),
            report,
        });
        (Sniffed { io, watch }, first)
    }

    fn saw(&mut self, bytes: &[u8]) {
        let Some(mut watch) = self.watch.take() else {
            return;
        };
        watch.seen.extend_from_slice(bytes);
        match judge(&watch.seen, bytes.is_empty()) {
            // Nobody may be waiting any more, which is no fault of the connection.
            Some(first) => drop(watch.report.send(first)),
            None => self.watch = Some(watch),
        }
    }
}

fn judge(seen: &[u8], at_end: bool) -> Option<FirstBytes> {
    // Length (3 bytes), type, flags, stream id (4 bytes, high bit reserved).
    let is_settings = seen.len() >= FRAME_HEADER_LEN_BYTES
        && seen[3] == FRAME_TYPE_SETTINGS
        && seen[4] & FLAG_ACK == 0
        && seen[5] & 0x7f == 0
        && seen[6..FRAME_HEADER_LEN_BYTES] == [0, 0, 0];
    if is_settings {
        Some(FirstBytes::Settings)
    } else if seen.len() >= FRAME_HEADER_LEN_BYTES || (at_end && !seen.is_empty()) {
        Some(FirstBytes::Other(first_line(seen)))
    } else if at_end {
        Some(FirstBytes::Closed)
    } else {
        None
    }
}

pub(crate) fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\r' || *byte == b'\n').next();
    let line = line.unwrap_or_default();
    let quoted = &line[..line.len().min(QUOTED_LEN_BYTES_MAX)];
    quoted.escape_ascii().to_string()
}

impl<T: AsyncRead + Unpin> AsyncRead for Sniffed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        match &polled {
            Poll::Ready(Ok(())) => self.saw(&buf.filled()[filled..]),
            Poll::Ready(Err(_)) => self.saw(&[]),
            Poll::Pending => {}
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Sniffed<T> {
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
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_frame_then_http2() {
        let frame = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0];
        assert_eq!(judge(&frame, false), Some(FirstBytes::Settings));
        assert_eq!(judge(&frame[..8], false), None);
    }

    #[test]
    fn acknowledgement_or_settings_of_a_stream_then_something_else() {
        for frame in [
            [0, 0, 0, 4, 1, 0, 0, 0, 0],
            [0, 0, 0, 4, 0, 0, 0, 0, 1],
            [0, 0, 0, 6, 0, 0, 0, 0, 0],
        ] {
            assert!(matches!(judge(&frame, false), Some(FirstBytes::Other(_))));
        }
    }

    #[test]
    fn http1_answer_then_its_first_line() {
        assert_eq!(
            judge(b"HTTP/1.1 400 Bad Request\r\nConnection: close", false),
            Some(FirstBytes::Other("HTTP/1.1 400 Bad Request".to_owned()))
        );
    }

    #[test]
    fn end_before_a_frame_then_closed_or_what_came() {
        assert_eq!(judge(b"", true), Some(FirstBytes::Closed));
        assert_eq!(
            judge(b"\x15\x03\x01", true),
            Some(FirstBytes::Other("\\x15\\x03\\x01".to_owned()))
        );
    }
}
