//! How a server with a lapse, or an unusual one, reads and writes the RPC protocols. An honest one passes everything on.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body::Frame;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::{Status, body::Body};

use crate::{
    lapses::{Lapse, Lapses, Quirk},
    net::{
        framing::{FLAG_COMPRESSED, FLAG_END_STREAM, RpcProtocol},
        request::SYNC_PATH,
        status::{ConnectEnd, RpcStatus},
    },
    wire::Code,
};

/// Length in bytes of the header of a message: its flags, then its length.
const HEADER_LEN_BYTES: usize = 5;
/// Length in bytes of the pieces that a message is split into.
const PIECE_LEN_BYTES: usize = 7;

/// The request as such a server takes it.
pub(super) fn request(mut request: Request<Body>, lapses: Lapses) -> Request<Body> {
    if lapses.is_honest() {
        return request;
    }
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let protocol = RpcProtocol::of_content_type(&content_type);
    let is_grpc = protocol == Some(RpcProtocol::Grpc);
    let is_connect = protocol == Some(RpcProtocol::Connect);
    let is_refused = is_grpc && lapses.has(Lapse::GrpcRefused)
        || content_type == "application/grpc+proto" && lapses.has(Lapse::GrpcProtoRefused)
        || is_connect && lapses.has(Lapse::ConnectRefused);
    let taken_for = match protocol {
        _ if is_refused => Some("text/plain"),
        None if lapses.has(Lapse::AnyContentTypeServed) => Some("application/grpc"),
        _ => None,
    };
    if let Some(content_type) = taken_for {
        let content_type = HeaderValue::from_static(content_type);
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    if is_connect && lapses.has(Lapse::OtherPathServed) && request.uri().path() == SYNC_PATH {
        *request.uri_mut() = Uri::from_static("/BackrestSyncService/Sync");
    }
    if lapses.has(Lapse::CompressesUnasked) {
        let gzip = HeaderValue::from_static("gzip");
        request.headers_mut().insert("grpc-accept-encoding", gzip);
    }
    if lapses.has(Lapse::DeadlineIgnored) {
        request.headers_mut().remove("grpc-timeout");
        request.headers_mut().remove("connect-timeout-ms");
    }
    let ignored = lapses.swap(Lapse::CompressedFlagIgnored, 0, |flags| {
        flags | FLAG_COMPRESSED
    });
    let ignored = lapses.swap(Lapse::UnknownFlagIgnored, ignored, |flags| {
        flags | !(FLAG_COMPRESSED | FLAG_END_STREAM)
    });
    match ignored {
        0 => request,
        ignored => request.map(|inner| {
            Body::new(Unflagged {
                inner,
                ignored,
                header: Vec::new(),
                payload_left: 0,
            })
        }),
    }
}

/// The answer as such a server gives it.
pub(super) fn response(mut response: Response<Body>, lapses: Lapses) -> Response<Body> {
    if lapses.shows(Quirk::ExtraHeaders) {
        let headers = response.headers_mut();
        headers.insert("x-peer", HeaderValue::from_static("odd, but honest"));
        headers.append("set-cookie", HeaderValue::from_static("a=b"));
    }
    let cuts_off_status = lapses.has(Lapse::EndsWithoutStatus);
    let splits = lapses.shows(Quirk::SplitFrames);
    match cuts_off_status || splits {
        false => response,
        true => response.map(|inner| {
            Body::new(Rewritten {
                inner,
                cuts_off_status,
                piece_len_bytes: if splits { PIECE_LEN_BYTES } else { usize::MAX },
                rest: Bytes::new(),
            })
        }),
    }
}

/// How such a server ends a Connect stream; nothing where it just ends.
pub(super) fn connect_end(end: ConnectEnd, lapses: Lapses) -> Option<ConnectEnd> {
    if lapses.has(Lapse::EndsWithoutStatus) {
        return None;
    }
    let end = lapses.swap(Lapse::ConnectErrorDropped, end, |_| {
        ConnectEnd::of(RpcStatus::new(Code::Ok, ""))
    });
    Some(lapses.swap(Lapse::ConnectCodeUnknown, end, |mut end| {
        if let Some(error) = &mut end.error {
            error.status.code = Code::Unknown;
        }
        end
    }))
}

/// A body whose messages lose some of their flags.
struct Unflagged {
    inner: Body,
    ignored: u8,
    header: Vec<u8>,
    payload_left: usize,
}

impl Unflagged {
    fn rewrite(&mut self, mut bytes: &[u8]) -> Bytes {
        let mut written = Vec::with_capacity(bytes.len() + HEADER_LEN_BYTES);
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let (payload, rest) = bytes.split_at(bytes.len().min(self.payload_left));
                written.extend_from_slice(payload);
                self.payload_left -= payload.len();
                bytes = rest;
                continue;
            }
            let missing = HEADER_LEN_BYTES - self.header.len();
            let (header, rest) = bytes.split_at(bytes.len().min(missing));
            self.header.extend_from_slice(header);
            bytes = rest;
            if let [flags, a, b, c, d] = self.header[..] {
                self.payload_left = u32::from_be_bytes([a, b, c, d]) as usize;
                written.extend_from_slice(&[flags & !self.ignored, a, b, c, d]);
                self.header.clear();
            }
        }
        written.into()
    }
}

impl http_body::Body for Unflagged {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| match frame.into_data() {
                Ok(data) => Frame::data(self.rewrite(&data)),
                Err(frame) => frame,
            })
        }))
    }
}

/// A body in small pieces, or without its status.
struct Rewritten {
    inner: Body,
    cuts_off_status: bool,
    piece_len_bytes: usize,
    rest: Bytes,
}

impl http_body::Body for Rewritten {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) if self.cuts_off_status => {
                        let trailers = trailers.map_data(|_: Bytes| Bytes::new());
                        let kept = trailers.into_trailers().map(without_status);
                        return Poll::Ready(kept.ok().map(|kept| Ok(Frame::trailers(kept))));
                    }
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let len = self.rest.len().min(self.piece_len_bytes);
        let piece = self.rest.split_to(len);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

fn without_status(mut trailers: HeaderMap) -> HeaderMap {
    trailers.remove("grpc-status");
    trailers.remove("grpc-message");
    trailers
}

/// Writes of one byte before one of all that is offered: without these a message of megabytes takes minutes.
const WRITES_OF_ONE_BYTE: u16 = 512;

/// A socket that is written to byte by byte, where the peer is that odd.
pub(super) struct Dribbling<S> {
    inner: S,
    lapses: Lapses,
    /// How many of the [`WRITES_OF_ONE_BYTE`] are behind us.
    dribbled: u16,
}

impl<S> Dribbling<S> {
    pub fn new(inner: S, lapses: Lapses) -> Self {
        Dribbling {
            inner,
            lapses,
            dribbled: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Dribbling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Dribbling<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.lapses.shows(Quirk::OneByteWrites) {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        }
        let (len, dribbled) = match self.dribbled {
            WRITES_OF_ONE_BYTE => (bytes.len(), 0),
            dribbled => (bytes.len().min(1), dribbled + 1),
        };
        let written = Pin::new(&mut self.inner).poll_write(cx, &bytes[..len]);
        if written.is_ready() {
            self.dribbled = dribbled;
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices.iter().find(|slice| !slice.is_empty()) {
            Some(first) if self.lapses.shows(Quirk::OneByteWrites) => self.poll_write(cx, first),
            _ => Pin::new(&mut self.inner).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
