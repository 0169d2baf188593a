//! The only stage with IO: pumps bytes between the actor and real streams. It has no opinion.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::select_all;
use tokio::time::timeout;

use super::{
    calls::Calls,
    looks::{Answer, Inside},
    passing::Passing,
};
use crate::{
    actor::{Actor, Command, Input, Out, RequestShape},
    net::{
        self, Connection, DialOptions, Link, LinkError, LinkEvent, OutFrame, Start, UnaryEnd,
        status::RpcStatus,
    },
    report::Spent,
    trace::{End, LinkFailure, Stage, Trace},
    wire::Code,
};

/// How many of its steps' waits opening a stream takes in all, whatever the peer does.
const OPEN_WAIT_STEPS: u32 = 2;

/// Looks on while a case is driven, and may hold it up: nothing of ours goes out before it returns.
pub trait Watch: Send {
    /// Something of ours, the last event of the trace, is about to go out.
    fn before_send(&mut self, trace: &Trace);
}

/// Nobody looks on.
impl Watch for () {
    fn before_send(&mut self, _trace: &Trace) {}
}

/// How a case's streams come about.
pub enum Reach {
    /// We dial the peer.
    Dial(DialOptions),
    /// The peer dials us.
    Called(Calls),
}

/// What came of driving a case.
#[derive(Debug)]
pub struct Driven {
    /// What was seen.
    pub trace: Trace,
    /// Where the time went.
    pub spent: Spent,
}

/// Plays the actor's scenario against the peer.
pub async fn drive(actor: Actor<'_>, reach: &mut Reach, inside: &Inside) -> Driven {
    drive_watched(actor, reach, inside, &mut ()).await
}

/// The same, with somebody looking on.
pub async fn drive_watched(
    actor: Actor<'_>,
    reach: &mut Reach,
    inside: &Inside,
    watch: &mut dyn Watch,
) -> Driven {
    drive_passing(actor, reach, inside, watch, &mut Passing::nothing()).await
}

/// The same for one of two peers that we stand between.
pub(super) async fn drive_passing(
    actor: Actor<'_>,
    reach: &mut Reach,
    inside: &Inside,
    watch: &mut dyn Watch,
    passing: &mut Passing,
) -> Driven {
    let mut actor = actor.with_clock(clock);
    let started = Instant::now();
    let mut waiting = Duration::ZERO;
    let mut streams: Vec<Stream> = Vec::new();
    loop {
        let command = actor.next(started.elapsed());
        let began = Instant::now();
        let happened = match command {
            Command::Open {
                session,
                identity,
                request,
            } => {
                streams.retain(|stream| stream.session != session);
                let opened = match reach {
                    Reach::Dial(options) => open(options, &request)
                        .await
                        .map(|(connection, link)| (Some(connection), link))
                        .map_err(|error| failure(&error)),
                    Reach::Called(calls) => calls.take(&identity).await.map(|link| (None, link)),
                };
                let input = match opened {
                    Ok((connection, link)) => {
                        let mut stream = Stream::new(&session, connection, link);
                        stream.called = matches!(reach, Reach::Called(_)).then_some(identity);
                        streams.push(stream);
                        Input::Opened
                    }
                    Err(failure) => Input::NotOpened(failure),
                };
                Some((session, input))
            }
            Command::Send { session, out } => {
                watch.before_send(actor.trace());
                match streams.iter_mut().find(|stream| stream.session == session) {
                    Some(stream) => match stream.put(out).await {
                        // The peer takes nothing in.
                        Err(error @ LinkError::Timeout { .. }) => {
                            stream.over = true;
                            let reason = error.to_string();
                            Some((session, Input::Ended(End::Lost { reason })))
                        }
                        // A stream that is over, which reading it tells more exactly.
                        Ok(()) | Err(_) => None,
                    },
                    None => None,
                }
            }
            Command::Ask { session, ask } => {
                streams.retain(|stream| stream.session != session);
                let input = match timeout(open_wait(&inside.dial), inside.ask(ask)).await {
                    Ok(Ok(Answer::Stream(stream))) => {
                        let (connection, link) = *stream;
                        streams.push(Stream::new(&session, Some(connection), link));
                        Input::Opened
                    }
                    Ok(Ok(Answer::Input(input))) => input,
                    Ok(Err(error)) => Input::NotOpened(failure(&error)),
                    Err(_) => Input::NotOpened(failure(&too_slow(&inside.dial))),
                };
                Some((session, input))
            }
            Command::Stall { session } => {
                let mut streams = streams.iter_mut();
                if let Some(stream) = streams.find(|stream| stream.session == session) {
                    stream.over = true;
                }
                None
            }
            Command::Close { session } => {
                streams.retain(|stream| stream.session != session);
                None
            }
            Command::Ping { session } => {
                let Some(stream) = streams
                    .iter_mut()
                    .find(|stream| stream.session == session && !stream.over)
                else {
                    continue;
                };
                let input = match stream.link.ping().await {
                    Ok(()) => Input::Alive,
                    Err(error) => {
                        stream.over = true;
                        let reason = error.to_string();
                        Input::Ended(End::Lost { reason })
                    }
                };
                Some((session, input))
            }
            Command::Wait { until } => {
                let left = until.saturating_sub(started.elapsed());
                let called = called(&streams);
                let next = async {
                    tokio::select! {
                        (session, input) = next_input(&mut streams) => (session, Some(input)),
                        session = called_again(reach, &called) => (session, None),
                        handshake = passing.next() => (String::new(), Some(handshake)),
                    }
                };
                match timeout(left, next).await {
                    Ok((session, Some(input))) => Some((session, input)),
                    Ok((session, None)) => {
                        let same = streams
                            .iter_mut()
                            .filter(|stream| stream.session == session);
                        same.for_each(|stream| stream.called = None);
                        actor.called_again(&session);
                        None
                    }
                    Err(_) => None,
                }
            }
            Command::Finish => {
                let crypto = actor.crypto_time();
                return Driven {
                    trace: actor.into_trace(),
                    spent: Spent {
                        waiting,
                        crypto,
                        ..Spent::default()
                    },
                };
            }
        };
        waiting += began.elapsed();
        if let Some((session, input)) = happened {
            actor.note(&session, input, started.elapsed());
            passing.on(actor.peer_handshake());
        }
    }
}

fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

struct Stream {
    session: String,
    link: Link,
    /// Nothing more is read of it.
    over: bool,
    /// The identity that a call is for, until the client has called it anew.
    called: Option<String>,
    /// Kept because a stream lasts no longer than its connection; that of a call is the listener's, and a cut one is gone.
    connection: Option<Connection>,
}

impl Stream {
    fn new(session: &str, connection: Option<Connection>, link: Link) -> Stream {
        Stream {
            session: session.to_owned(),
            link,
            over: false,
            called: None,
            connection,
        }
    }

    async fn put(&mut self, out: Out) -> Result<(), LinkError> {
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

fn open_wait(options: &DialOptions) -> Duration {
    options.step_wait.saturating_mul(OPEN_WAIT_STEPS)
}

fn too_slow(options: &DialOptions) -> LinkError {
    LinkError::Timeout {
        step: net::Step::Connect,
        after: open_wait(options),
    }
}

fn failure(error: &LinkError) -> LinkFailure {
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
fn called(streams: &[Stream]) -> Vec<(String, String)> {
    let open = streams.iter().filter(|stream| !stream.over);
    open.filter_map(|stream| Some((stream.session.clone(), stream.called.clone()?)))
        .collect()
}

/// The session of the first of these calls whose client calls anew; waits for ever where none does.
async fn called_again(reach: &mut Reach, called: &[(String, String)]) -> String {
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
async fn next_input(streams: &mut [Stream]) -> (String, Input) {
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
