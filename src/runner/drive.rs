//! The only stage with IO: pumps bytes between the actor and real streams. It has no opinion.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use tokio::time::timeout;

use super::{
    looks::{Answer, Inside},
    passing::Passing,
    streams::{
        Reach, Stream, called, called_again, failure, next_input, open, open_wait, too_slow,
    },
};
use crate::{
    actor::{Actor, Command, Input},
    net::LinkError,
    report::Spent,
    trace::{End, Trace},
};

/// Looks on while a case is driven, and may hold it up: nothing of ours goes out before it returns.
pub trait Watch: Send {
    /// Something of ours, the last event of the trace, is about to go out.
    fn before_send(&mut self, trace: &Trace);
}

/// Nobody looks on.
impl Watch for () {
    fn before_send(&mut self, _trace: &Trace) {}
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
