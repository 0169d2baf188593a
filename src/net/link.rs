//! One open stream, from either end: frames out, events in, and exactly how it ended.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use h2::{Ping, PingPong, Reason, SendStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Response, header};
use tokio::{sync::Mutex, time::timeout};

use super::{
    error::{LinkError, Step},
    framing::{self, FLAG_END_STREAM, PAYLOAD_LEN_BYTES_MAX, RpcProtocol},
    inbound::Inbound,
    status::{ConnectEnd, RpcStatus},
};

/// How long the answer to a ping is waited for.
pub const PING_WAIT: Duration = Duration::from_secs(5);
/// How long sending waits for the peer to make room before it is given up.
pub const WRITE_WAIT: Duration = Duration::from_secs(10);
/// Events taken in while sending; from there on sending waits for nothing but room.
const EVENTS_AHEAD_MAX: usize = 256;
/// Payloads taken in while sending; the one that reaches it may be of any length that the limits allow.
const PAYLOADS_AHEAD_LEN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What unread small DATA frames of a connection may fall short of 256 bytes each, in sum and in bytes.
///
/// The HTTP/2 layer closes the connection beyond it. Its default is used up by a hundred small items, which a peer may
/// well send while we look elsewhere. This much holds a default window of frames of one byte: flow control comes first.
pub(crate) const SMALL_FRAMES_BUDGET_BYTES: usize = 65_535 * 256;

/// Bounds of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLimits {
    /// Longest payload accepted, compressed or not, in bytes.
    pub payload_len_bytes_max: usize,
    /// How long sending waits for each bit of room.
    pub write_wait: Duration,
}

impl Default for LinkLimits {
    fn default() -> LinkLimits {
        LinkLimits {
            payload_len_bytes_max: PAYLOAD_LEN_BYTES_MAX,
            write_wait: WRITE_WAIT,
        }
    }
}

/// Something to put on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutFrame {
    /// A message; it gets an honest, uncompressed envelope.
    Message(Bytes),
    /// Any bytes, as they are.
    Raw(Bytes),
}

/// Something that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The request's or the response's headers; always first, unless there were none.
    Headers(Box<Headers>),
    /// A message.
    Message {
        /// The envelope's flag byte.
        flags: u8,
        /// The payload, decompressed.
        payload: Bytes,
        /// Whether it was compressed on the wire.
        compressed: bool,
    },
    /// Nothing more comes. Asked again, [`Link::next`] says so again.
    Ended(End),
}

/// Headers that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// The first line, as HTTP/1 would have it.
    pub start: Start,
    /// The content type as it was sent.
    pub content_type: Option<String>,
    /// All fields, the content type among them.
    pub fields: HeaderMap,
}

/// What distinguishes a request's headers from a response's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// A caller's.
    Request {
        /// HTTP method.
        method: String,
        /// Path, the prefix included.
        path: String,
    },
    /// A server's.
    Response {
        /// HTTP status.
        status: u16,
    },
}

/// Exactly how a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// With an RPC status, OK among them: gRPC's trailers or Connect's end of stream.
    Status(RpcStatus),
    /// The answer is not that of an RPC.
    HttpStatus {
        /// HTTP status.
        status: u16,
        /// The content type as it was sent.
        content_type: Option<String>,
        /// The first bytes of the body.
        body_start: Bytes,
    },
    /// The caller has said all it had to say; the stream is open for answers.
    HalfClosed,
    /// The peer reset the stream.
    Reset {
        /// HTTP/2's error code, such as `CANCEL`.
        reason: String,
    },
    /// We did.
    ResetByUs,
    /// The connection broke or the peer is leaving.
    ConnectionLost {
        /// What the system or the HTTP/2 layer said.
        text: String,
    },
    /// The stream ended in good order without saying how.
    NoStatus,
    /// Bytes that are no HTTP/2, no envelope, not decompressible or no status.
    BadFraming {
        /// What was expected and what was seen.
        text: String,
    },
}

/// One open stream. Dropping it resets the stream if that is not over.
#[derive(Debug)]
pub struct Link {
    protocol: RpcProtocol,
    limits: LinkLimits,
    outbound: Outbound,
    inbound: Inbound,
    ahead: VecDeque<LinkEvent>,
    call: Option<CallParts>,
}

/// What a called link has of its connection.
#[derive(Debug)]
pub(crate) struct CallParts {
    pub(crate) pinger: Option<Pinger>,
    /// Tells the connection that something is open on it, for as long as it is held.
    #[expect(dead_code, reason = "holding it is its use")]
    pub(crate) open: Arc<()>,
}

/// Pings the connection that a called link is on; the links of one connection take turns.
#[derive(Clone)]
pub(crate) struct Pinger(Arc<Mutex<PingPong>>);

impl Pinger {
    pub(crate) fn new(ping_pong: PingPong) -> Pinger {
        Pinger(Arc::new(Mutex::new(ping_pong)))
    }
}

impl fmt::Debug for Pinger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pinger")
    }
}

#[derive(Debug)]
enum Outbound {
    /// We called.
    Calling(SendStream<Bytes>),
    /// We were called; there is no stream until our headers are sent.
    Called {
        answer: SendResponse<Bytes>,
        stream: Option<SendStream<Bytes>>,
    },
}

impl Link {
    pub(crate) fn calling(
        protocol: RpcProtocol,
        limits: LinkLimits,
        request: SendStream<Bytes>,
        inbound: Inbound,
    ) -> Link {
        Link {
            protocol,
            limits,
            outbound: Outbound::Calling(request),
            inbound,
            ahead: VecDeque::new(),
            call: None,
        }
    }

    pub(crate) fn called(
        protocol: RpcProtocol,
        limits: LinkLimits,
        answer: SendResponse<Bytes>,
        inbound: Inbound,
        parts: CallParts,
    ) -> Link {
        Link {
            protocol,
            limits,
            outbound: Outbound::Called {
                answer,
                stream: None,
            },
            inbound,
            ahead: VecDeque::new(),
            call: Some(parts),
        }
    }

    /// The protocol spoken.
    pub fn protocol(&self) -> RpcProtocol {
        self.protocol
    }

    /// The next thing that came. Cancel-safe: nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> LinkEvent {
        match self.ahead.pop_front() {
            Some(event) => event,
            None => poll_fn(|cx| self.inbound.poll_event(cx)).await,
        }
    }

    /// Whether the caller has ended what it called for. What it sent before is kept for [`Link::next`].
    pub fn is_given_up(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.take_in(&mut cx);
        self.inbound.is_ended()
    }

    /// Asks the other end of the connection for a sign of life below the protocol, which a peer's HTTP/2 layer gives
    /// whatever its streams do. Only a called link can. Not to be called before the last one has returned.
    pub async fn ping(&mut self) -> Result<(), LinkError> {
        let pinger = self.call.as_ref().and_then(|call| call.pinger.as_ref());
        let Some(Pinger(ping_pong)) = pinger else {
            return Err(LinkError::WrongSide { what: "ping" });
        };
        let mut ping_pong = ping_pong.lock().await;
        timeout(PING_WAIT, ping_pong.ping(Ping::opaque()))
            .await
            .map_err(|_| LinkError::Timeout {
                step: Step::Ping,
                after: PING_WAIT,
            })?
            .map(|_| ())
            .map_err(|error| LinkError::from_h2(&error))
    }

    /// Sends a frame, waiting for the peer's flow control. Not cancel-safe: half a frame may have been sent.
    ///
    /// What comes in meanwhile is kept for [`Link::next`], so that two ends sending at once do not stop each other.
    /// [`LinkError::StreamOver`] means that the stream ended while or before sending, which is no fault of the link.
    pub async fn send(&mut self, frame: OutFrame) -> Result<(), LinkError> {
        let bytes = match frame {
            OutFrame::Raw(bytes) => bytes,
            OutFrame::Message(payload) => {
                framing::encode(0, &payload).map_err(|_| LinkError::TooLong {
                    seen: payload.len(),
                })?
            }
        };
        self.write(bytes).await
    }

    /// Ends our direction without another word. From the called side that is an ending without a status.
    pub fn half_close(&mut self) -> Result<(), LinkError> {
        self.body()?
            .send_data(Bytes::new(), true)
            .map_err(|error| LinkError::from_h2(&error))
    }

    /// Resets the stream with CANCEL.
    pub fn reset(&mut self) {
        match &mut self.outbound {
            Outbound::Calling(stream) => stream.send_reset(Reason::CANCEL),
            Outbound::Called { answer, .. } => answer.send_reset(Reason::CANCEL),
        }
        self.inbound.reset_by_us();
    }

    /// Ends a call that we were called with: gRPC's trailers or Connect's end of stream.
    pub async fn finish(&mut self, status: RpcStatus) -> Result<(), LinkError> {
        if matches!(self.outbound, Outbound::Calling(_)) {
            return Err(LinkError::WrongSide {
                what: "send a status",
            });
        }
        match self.protocol {
            RpcProtocol::Grpc => self
                .body()?
                .send_trailers(status.to_grpc())
                .map_err(|error| LinkError::from_h2(&error)),
            RpcProtocol::Connect => {
                let payload = ConnectEnd::of(status).to_json();
                let envelope =
                    framing::encode(FLAG_END_STREAM, &payload).map_err(|_| LinkError::TooLong {
                        seen: payload.len(),
                    })?;
                self.write(envelope).await?;
                self.half_close()
            }
        }
    }

    async fn write(&mut self, mut bytes: Bytes) -> Result<(), LinkError> {
        self.body()?;
        while !bytes.is_empty() {
            let room = self.room(bytes.len()).await?;
            let chunk = bytes.split_to(room.min(bytes.len()));
            self.body()?
                .send_data(chunk, false)
                .map_err(|error| LinkError::from_h2(&error))?;
        }
        Ok(())
    }

    /// Waits until some of the wanted bytes may be sent; how many, at least one.
    async fn room(&mut self, wanted: usize) -> Result<usize, LinkError> {
        self.body()?.reserve_capacity(wanted);
        let after = self.limits.write_wait;
        timeout(after, poll_fn(|cx| self.poll_room(cx)))
            .await
            .map_err(|_| LinkError::Timeout {
                step: Step::Write,
                after,
            })?
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, LinkError>> {
        self.take_in(cx);
        if self.inbound.is_over() {
            return Poll::Ready(Err(LinkError::StreamOver));
        }
        let stream = match self.body() {
            Ok(stream) => stream,
            Err(error) => return Poll::Ready(Err(error)),
        };
        if stream.capacity() > 0 {
            return Poll::Ready(Ok(stream.capacity()));
        }
        match std::task::ready!(stream.poll_capacity(cx)) {
            Some(Ok(room)) => Poll::Ready(Ok(room)),
            Some(Err(error)) => Poll::Ready(Err(LinkError::from_h2(&error))),
            None => Poll::Ready(Err(LinkError::StreamOver)),
        }
    }

    /// A peer that waits for us to read does not read what we send, so what it says is taken in meanwhile.
    fn take_in(&mut self, cx: &mut Context<'_>) {
        while self.has_space_ahead() && !self.inbound.is_ended() {
            match self.inbound.poll_event(cx) {
                Poll::Ready(event) => self.ahead.push_back(event),
                Poll::Pending => return,
            }
        }
    }

    fn has_space_ahead(&self) -> bool {
        let payload_len = |event: &LinkEvent| match event {
            LinkEvent::Message { payload, .. } => payload.len(),
            _ => 0,
        };
        self.ahead.len() < EVENTS_AHEAD_MAX
            && self.ahead.iter().map(payload_len).sum::<usize>() < PAYLOADS_AHEAD_LEN_BYTES_MAX
    }

    /// Our direction of the stream; the called side's headers are sent by its first use, as deployed hosts do.
    fn body(&mut self) -> Result<&mut SendStream<Bytes>, LinkError> {
        match &mut self.outbound {
            Outbound::Calling(stream) => Ok(stream),
            Outbound::Called { answer, stream } => match stream {
                Some(stream) => Ok(stream),
                none => Ok(none.insert(send_headers(answer, self.protocol)?)),
            },
        }
    }
}

impl End {
    /// What an HTTP/2 error means to whoever was receiving.
    pub(crate) fn from_h2(error: &h2::Error) -> End {
        let reason = error.reason().map(|reason| format!("{reason:?}"));
        match reason {
            Some(reason) if error.is_library() => End::BadFraming {
                text: format!("expected valid HTTP/2, seen {reason}: {error}"),
            },
            Some(reason) if error.is_reset() => End::Reset { reason },
            _ => End::ConnectionLost {
                text: error.to_string(),
            },
        }
    }

    /// The end that gRPC's trailers tell, or the headers of an answer without messages.
    pub(crate) fn from_grpc(headers: &HeaderMap) -> Option<End> {
        RpcStatus::from_grpc(headers).map(|status| match status {
            Ok(status) => End::Status(status),
            Err(error) => End::BadFraming {
                text: error.to_string(),
            },
        })
    }
}

fn send_headers(
    answer: &mut SendResponse<Bytes>,
    protocol: RpcProtocol,
) -> Result<SendStream<Bytes>, LinkError> {
    let mut response = Response::new(());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(protocol.content_type()),
    );
    answer
        .send_response(response, false)
        .map_err(|error| LinkError::from_h2(&error))
}
