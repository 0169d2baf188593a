//! The receiving half of a stream: HTTP/2 data in, [`LinkEvent`]s out.
//!
//! All state is in the value and polling is its only operation, which is what makes `Link::next` cancel-safe.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use h2::{RecvStream, client::ResponseFuture};
use http::{HeaderMap, Request, Response, StatusCode, header};
use tokio::time::{Sleep, sleep};

use super::{
    framing::{Envelope, EnvelopeReader, RpcProtocol, media_type},
    gzip::Encoding,
    link::{End, Headers, LinkEvent, LinkLimits, Start},
    status::ConnectEnd,
};

/// How much of a body that is no RPC answer is kept.
pub(crate) const BODY_START_LEN_BYTES_MAX: usize = 4096;
/// How long the rest of an ending is waited for, once it is known how the stream ends: the body of a refusal, or
/// HTTP/2's own end behind Connect's.
const TAIL_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Inbound {
    source: Source,
    stage: Stage,
    reader: EnvelopeReader,
    protocol: RpcProtocol,
    encoding: Encoding,
    payload_len_bytes_max: usize,
}

#[derive(Debug)]
enum Source {
    Response(ResponseFuture),
    Request(Box<Headers>, RecvStream),
    Body(RecvStream),
    /// Let go of, so that HTTP/2 may forget it.
    Gone,
}

#[derive(Debug)]
enum Stage {
    Headers,
    /// gRPC's status among the headers counts if nothing follows them.
    Envelopes {
        headers_status: Option<End>,
    },
    Trailers {
        headers_status: Option<End>,
    },
    /// The RPC's end is known; only HTTP/2's is missing.
    Tail {
        end: End,
        wait: Pin<Box<Sleep>>,
    },
    /// No answer of an RPC; the start of its body is gathered.
    Refused {
        refusal: Refusal,
        wait: Pin<Box<Sleep>>,
    },
    Ended(End),
}

#[derive(Debug)]
struct Refusal {
    status: u16,
    content_type: Option<String>,
    body_start: BytesMut,
}

/// A step that only led to another stage has no event.
type Step = Option<LinkEvent>;

impl Inbound {
    /// The receiving half of a call we make.
    pub(crate) fn of_response(
        protocol: RpcProtocol,
        limits: LinkLimits,
        response: ResponseFuture,
    ) -> Inbound {
        let max = limits.payload_len_bytes_max;
        Inbound {
            source: Source::Response(response),
            stage: Stage::Headers,
            reader: EnvelopeReader::for_answers(protocol, max),
            protocol,
            encoding: Encoding::Identity,
            payload_len_bytes_max: max,
        }
    }

    /// The receiving half of a call made to us.
    pub(crate) fn of_request(
        protocol: RpcProtocol,
        limits: LinkLimits,
        request: Request<RecvStream>,
    ) -> Inbound {
        let (parts, body) = request.into_parts();
        let start = Start::Request {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
        };
        let max = limits.payload_len_bytes_max;
        Inbound {
            encoding: Encoding::declared(&parts.headers, protocol),
            source: Source::Request(Box::new(Headers::new(start, parts.headers)), body),
            stage: Stage::Headers,
            reader: EnvelopeReader::for_requests(max),
            protocol,
            payload_len_bytes_max: max,
        }
    }

    /// Whether nothing more comes.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// Whether, beyond that, nothing more can be sent.
    pub(crate) fn is_over(&self) -> bool {
        matches!(&self.stage, Stage::Ended(end) if *end != End::HalfClosed)
    }

    pub(crate) fn reset_by_us(&mut self) {
        if !self.is_over() {
            self.end(End::ResetByUs);
        }
    }

    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<LinkEvent> {
        loop {
            if let Some(event) = ready!(self.poll_step(cx)) {
                return Poll::Ready(event);
            }
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        match &mut self.stage {
            Stage::Headers => self.poll_headers(cx),
            Stage::Envelopes { .. } => self.poll_envelope(cx),
            Stage::Trailers { .. } => self.poll_trailers(cx),
            Stage::Tail { .. } => self.poll_tail(cx),
            Stage::Refused { .. } => self.poll_refused(cx),
            Stage::Ended(end) => Poll::Ready(Some(LinkEvent::Ended(end.clone()))),
        }
    }

    fn poll_headers(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Source::Response(response) = &mut self.source {
            return Poll::Ready(match ready!(Pin::new(response).poll(cx)) {
                Ok(response) => self.response(response),
                Err(error) => self.end(End::from_h2(&error)),
            });
        }
        if let Source::Request(headers, body) = mem::replace(&mut self.source, Source::Gone) {
            self.source = Source::Body(body);
            self.stage = Stage::Envelopes {
                headers_status: None,
            };
            return Poll::Ready(Some(LinkEvent::Headers(headers)));
        }
        Poll::Ready(self.end(End::NoStatus))
    }

    fn response(&mut self, response: Response<RecvStream>) -> Step {
        let (parts, body) = response.into_parts();
        self.source = Source::Body(body);
        self.encoding = Encoding::declared(&parts.headers, self.protocol);
        let status = parts.status.as_u16();
        let headers = Headers::new(Start::Response { status }, parts.headers);
        let content_type = headers.content_type.clone();
        self.stage = if parts.status == StatusCode::OK && self.is_ours(content_type.as_deref()) {
            let headers_status = match self.protocol {
                RpcProtocol::Grpc => End::from_grpc(&headers.fields),
                RpcProtocol::Connect => None,
            };
            Stage::Envelopes { headers_status }
        } else {
            Stage::Refused {
                refusal: Refusal {
                    status,
                    content_type,
                    body_start: BytesMut::new(),
                },
                wait: Box::pin(sleep(TAIL_WAIT)),
            }
        };
        Some(LinkEvent::Headers(Box::new(headers)))
    }

    /// Whether that is the content type of this protocol's answers, of whatever codec.
    fn is_ours(&self, content_type: Option<&str>) -> bool {
        let media_type = content_type.map(media_type).unwrap_or_default();
        match self.protocol {
            RpcProtocol::Grpc => {
                media_type == "application/grpc" || media_type.starts_with("application/grpc+")
            }
            RpcProtocol::Connect => media_type.starts_with("application/connect+"),
        }
    }

    fn poll_envelope(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        match self.reader.read() {
            Ok(Some(envelope)) => return Poll::Ready(self.envelope(envelope)),
            Ok(None) => {}
            Err(error) => return Poll::Ready(self.bad_framing(&error)),
        }
        match ready!(self.poll_data(cx)) {
            Some(Ok(bytes)) => self.reader.feed(&bytes),
            Some(Err(end)) => return Poll::Ready(self.end(end)),
            None => {
                if let Stage::Envelopes { headers_status } = &mut self.stage {
                    let headers_status = headers_status.take();
                    self.stage = Stage::Trailers { headers_status };
                }
            }
        }
        Poll::Ready(None)
    }

    fn envelope(&mut self, envelope: Envelope) -> Step {
        let compressed = envelope.is_compressed();
        let payload = match self.encoding.decode(&envelope, self.payload_len_bytes_max) {
            Ok(payload) => payload,
            Err(error) => return self.bad_framing(&error),
        };
        if envelope.is_end_stream() {
            return match ConnectEnd::parse(&payload) {
                Ok(end) => {
                    self.stage = Stage::Tail {
                        end: End::Status(end.into_status()),
                        wait: Box::pin(sleep(TAIL_WAIT)),
                    };
                    None
                }
                Err(error) => self.bad_framing(&error),
            };
        }
        if let Stage::Envelopes { headers_status } = &mut self.stage {
            *headers_status = None;
        }
        Some(LinkEvent::Message {
            flags: envelope.flags,
            payload,
            compressed,
        })
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let trailers = match &mut self.source {
            Source::Body(body) => match ready!(body.poll_trailers(cx)) {
                Ok(trailers) => trailers,
                Err(error) => return Poll::Ready(self.end(End::from_h2(&error))),
            },
            _ => None,
        };
        if let Err(error) = self.reader.finish() {
            return Poll::Ready(self.bad_framing(&error));
        }
        let Stage::Trailers { headers_status } = &mut self.stage else {
            return Poll::Ready(None);
        };
        let end = if self.reader.is_of_requests() {
            End::HalfClosed
        } else if self.protocol == RpcProtocol::Grpc {
            let status = trailers.as_ref().and_then(End::from_grpc);
            status.or(headers_status.take()).unwrap_or(End::NoStatus)
        } else {
            End::NoStatus
        };
        Poll::Ready(self.end(end))
    }

    fn poll_tail(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        // Bytes behind the end of stream are an error however they were split into frames.
        if let Err(error) = self.reader.read() {
            return Poll::Ready(self.bad_framing(&error));
        }
        let polled = self.poll_data(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            self.reader.feed(bytes);
            return Poll::Ready(None);
        }
        let Stage::Tail { end, wait } = &mut self.stage else {
            return Poll::Ready(None);
        };
        if polled.is_pending() {
            ready!(wait.as_mut().poll(cx));
        }
        let end = end.clone();
        Poll::Ready(self.end(end))
    }

    fn poll_refused(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let polled = self.poll_data(cx);
        let Stage::Refused { refusal, wait } = &mut self.stage else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            let room = BODY_START_LEN_BYTES_MAX - refusal.body_start.len();
            refusal
                .body_start
                .extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() < room {
                return Poll::Ready(None);
            }
        } else if polled.is_pending() {
            ready!(wait.as_mut().poll(cx));
        }
        let end = End::HttpStatus {
            status: refusal.status,
            content_type: refusal.content_type.take(),
            body_start: refusal.body_start.split().freeze(),
        };
        Poll::Ready(self.end(end))
    }

    /// The next bytes of the body; taking them makes room for as many.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, End>>> {
        let Source::Body(body) = &mut self.source else {
            return Poll::Ready(None);
        };
        let data = ready!(body.poll_data(cx));
        Poll::Ready(data.map(|data| {
            let bytes = data.map_err(|error| End::from_h2(&error))?;
            body.flow_control()
                .release_capacity(bytes.len())
                .map_err(|error| End::from_h2(&error))?;
            Ok(bytes)
        }))
    }

    fn bad_framing(&mut self, error: &dyn fmt::Display) -> Step {
        let text = error.to_string();
        self.end(End::BadFraming { text })
    }

    fn end(&mut self, end: End) -> Step {
        self.source = Source::Gone;
        self.stage = Stage::Ended(end);
        None
    }
}

impl Headers {
    fn new(start: Start, fields: HeaderMap) -> Headers {
        let content_type = fields
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Headers {
            start,
            content_type,
            fields,
        }
    }
}
