//! The streams of a case, and how the actor is told of what happens on them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::select_all;
use tokio::time::timeout;

use super::calls::Calls;
use crate::{
    actor::{Input, Out, RequestShape},
    net::{
        self, Connection, DialOptions, Link, LinkError, LinkEvent, OutFrame, Start, UnaryEnd,
        status::RpcStatus,
    },
    trace::{End, LinkFailure, Stage},
    wire::Code,
};

/// How many of its steps' waits opening a stream takes in all, whatever the peer does.
const OPEN_WAIT_STEPS: u32 = 2;

/// How a case's streams come about.
pub enum Reach {
    /// We dial the peer.
    Dial(DialOptions),
    /// The peer dials us.
    Called(Calls),
}

/// One of them.
pub(super) struct Stream {
    pub(super) session: String,
    pub(super) link: Link,
    /// Nothing more is read of it.
    pub(super) over: bool,
    /// The identity that a call is for, until the client has called it anew.
    pub(super) called: Option<String>,
    /// Kept because a stream lasts no longer than its connection; that of a call is the listener's, and a cut one is gone.
    connection: Option<Connection>,
}

impl Stream {
    pub(super) fn new(session: &str, connection: Option<Connection>, link: Link) -> Stream {
        Stream {
            session: session.to_owned(),
            link,
            over: false,
            called: None,
            connection,
        }
    }

    pub(super) async fn put(&mut self, out: Out) -> Result<(), LinkError> {
        match out {
            Out::Message(payload) => {
                self.link
                    .send(OutFrame::Message(Bytes::from(payload)))
                    .await
            }
            Out::Raw(pieces) => {
                for piece in pieces {
                    self.link.send(OutFrame::Raw(Bytes::from(piece))).await?;
                }
                Ok(())
            }
            Out::HalfClose => self.link.half_close(),
            Out::Status(code) => self.link.finish(RpcStatus::new(code, "")).await,
            Out::Reset => {
                self.link.reset();
                Ok(())
            }
            Out::Cut => {
                self.connection.take().into_iter().for_each(Connection::cut);
                Ok(())
            }
        }
    }
}

pub(super) async fn open(
    options: &DialOptions,
    request: &RequestShape,
) -> Result<(Connection, Link), LinkError> {
    let opening = async {
        let connection = Connection::dial(options).await?;
        let mut shape = net::RequestShape::sync(options.protocol);
        if let Some(content_type) = &request.content_type {
            shape.content_type = Some(content_type.clone());
        }
        if let Some(method) = &request.method {
            shape.method.clone_from(method);
        }
        shape.timeout = request.deadline;
        shape.accept_gzip = request.offers_gzip;
        let link = connection.open(&shape).await?;
        Ok((connection, link))
    };
    timeout(open_wait(options), opening)
        .await
        .unwrap_or_else(|_| Err(too_slow(options)))
}

pub(super) fn open_wait(options: &DialOptions) -> Duration {
    options.step_wait.saturating_mul(OPEN_WAIT_STEPS)
}

pub(super) fn too_slow(options: &DialOptions) -> LinkError {
    LinkError::Timeout {
        step: net::Step::Connect,
        after: open_wait(options),
    }
}

pub(super) fn failure(error: &LinkError) -> LinkFailure {
    LinkFailure {
        stage: stage(error),
        seen: error.to_string(),
    }
}

fn stage(error: &LinkError) -> Stage {
    match error {
        LinkError::BadUrl { .. } => Stage::Url,
        LinkError::DnsFailed { .. }
        | LinkError::Timeout {
            step: net::Step::Resolve,
            ..
        } => Stage::Name,
        LinkError::Refused { .. }
        | LinkError::Unreachable { .. }
        | LinkError::Timeout {
            step: net::Step::Connect,
            ..
        } => Stage::Tcp,
        LinkError::Tls { .. }
        | LinkError::NotTls { .. }
        | LinkError::AlpnRefused { .. }
        | LinkError::Timeout {
            step: net::Step::Tls,
            ..
        } => Stage::Tls,
        LinkError::ClosedAtOnce { .. }
        | LinkError::NotHttp2 { .. }
        | LinkError::Timeout {
            step: net::Step::Settings,
            ..
        } => Stage::Http2,
        _ => Stage::Rpc,
    }
}

/// The open calls, as session and identity.
pub(super) fn called(streams: &[Stream]) -> Vec<(String, String)> {
    let open = streams.iter().filter(|stream| !stream.over);
    open.filter_map(|stream| Some((stream.session.clone(), stream.called.clone()?)))
        .collect()
}

/// The session of the first of these calls whose client calls anew; waits for ever where none does.
pub(super) async fn called_again(reach: &mut Reach, called: &[(String, String)]) -> String {
    let Reach::Called(calls) = reach else {
        return std::future::pending().await;
    };
    let identity = calls
        .called_again(called.iter().map(|(_, identity)| identity))
        .await;
    let session = called.iter().find(|(_, called)| *called == identity);
    session
        .map(|(session, _)| session.clone())
        .unwrap_or_default()
}

/// The next thing that happens on any stream; waits for ever where none is open.
pub(super) async fn next_input(streams: &mut [Stream]) -> (String, Input) {
    let open: Vec<_> = streams
        .iter_mut()
        .filter(|stream| !stream.over)
        .map(|stream| {
            Box::pin(async move {
                let event = stream.link.next().await;
                stream.over = matches!(event, LinkEvent::Ended(_));
                (stream.session.clone(), event)
            })
        })
        .collect();
    if open.is_empty() {
        return std::future::pending().await;
    }
    let ((session, event), ..) = select_all(open).await;
    (session, input_of(event))
}

fn input_of(event: LinkEvent) -> Input {
    match event {
        LinkEvent::Headers(headers) => Input::Answered {
            status: match headers.start {
                Start::Response { status } => status,
                // The headers of a call are taken when it is.
                Start::Request { .. } => 0,
            },
            content_type: headers.content_type.unwrap_or_default(),
        },
        LinkEvent::Message {
            payload,
            compressed,
            ..
        } => Input::Message {
            payload: payload.to_vec(),
            compressed,
        },
        LinkEvent::Ended(end) => Input::Ended(end_of(end)),
    }
}

/// How a call without a stream ended; an answer is an end with OK.
pub(super) fn end_of_call(end: UnaryEnd) -> End {
    match end {
        UnaryEnd::Answer(_) => End::Status {
            code: Code::Ok,
            message: String::new(),
        },
        UnaryEnd::Ended(end) => end_of(end),
    }
}

pub(super) fn end_of(end: net::End) -> End {
    match end {
        net::End::Status(status) => End::Status {
            code: status.code,
            message: status.message,
        },
        net::End::HttpStatus {
            status,
            content_type,
            ..
        } => End::Http {
            status,
            content_type: content_type.unwrap_or_default(),
        },
        net::End::Reset { reason } => End::Reset { reason },
        net::End::ResetByUs => End::Reset {
            reason: "CANCEL, ours".to_owned(),
        },
        net::End::ConnectionLost { text } => End::Lost { reason: text },
        net::End::BadFraming { text } => End::BadFraming { reason: text },
        net::End::HalfClosed => End::HalfClosed,
        net::End::NoStatus => End::NoStatus,
    }
}
