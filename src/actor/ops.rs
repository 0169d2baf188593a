//! The parts each kind of step is played in.

use super::{MAIN_SESSION, PROBE_SESSION};
use crate::scenario::{
    message::Message,
    model::{Sendable, Step, Verb},
};

/// The parts a step is played in.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Open {
        identity: String,
        secret: String,
    },
    SendKey,
    SendHandshake,
    SendItem(Message),
    SendFence,
    HalfClose,
    Reset,
    /// Until the key exchange is done or the stream is over.
    UntilKeyed,
    /// Until the step can be read, for this long; then go on.
    Grace,
    /// Until the step can be read.
    Await,
}

/// The session a step belongs to.
pub fn session_of(step: &Step) -> &str {
    match step.verb {
        Verb::Probe(_) => PROBE_SESSION,
        _ => step.on.as_deref().unwrap_or(MAIN_SESSION),
    }
}

pub(super) fn ops_of(step: &Step) -> Vec<Op> {
    let open = |identity: &Option<String>, secret: &Option<String>| Op::Open {
        identity: identity.clone().unwrap_or_else(|| "peer".to_owned()),
        secret: secret.clone().unwrap_or_default(),
    };
    match &step.verb {
        Verb::Connect(connect) => vec![open(&connect.identity, &None)],
        Verb::Establish(establish) => vec![
            open(&establish.identity, &establish.secret),
            Op::SendKey,
            Op::UntilKeyed,
            Op::SendHandshake,
            Op::Await,
        ],
        Verb::Send(Sendable::Key) => vec![Op::SendKey],
        Verb::Send(Sendable::Handshake) => vec![Op::UntilKeyed, Op::SendHandshake],
        Verb::Send(Sendable::Item(message)) => vec![Op::SendItem(message.clone())],
        Verb::Expect(_) | Verb::ExpectHttp(_) | Verb::Settle(_) => vec![Op::Await],
        Verb::ExpectEstablished(_) | Verb::Fence(_) => {
            vec![Op::UntilKeyed, Op::SendFence, Op::Await]
        }
        // Where the rule has its own clock, only that clock may end the stream.
        Verb::ExpectClosed(_) | Verb::ExpectRefused(_) if step.within.is_some() => vec![Op::Await],
        Verb::ExpectClosed(_) | Verb::ExpectRefused(_) => {
            vec![Op::Grace, Op::SendFence, Op::Await]
        }
        Verb::ExpectNever(_) => Vec::new(),
        Verb::HalfClose(_) => vec![Op::HalfClose],
        Verb::Reset(_) => vec![Op::Reset],
        Verb::Probe(_) => vec![
            Op::Open {
                identity: PROBE_SESSION.to_owned(),
                secret: String::new(),
            },
            Op::SendKey,
            Op::UntilKeyed,
            Op::SendHandshake,
            Op::SendFence,
            Op::Await,
        ],
    }
}
