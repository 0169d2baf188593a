//! The parts each kind of step is played in.

use super::PROBE_SESSION;
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
    Cut,
    Stall,
    /// Ask what looks inside the peer.
    Look,
    /// Until the step can be read, asking again from time to time.
    Eventually,
    /// Leave the call that looked.
    Close,
    /// Until clocks that count milliseconds have gone on.
    Tick,
    /// Until the key exchange is done or the stream is over.
    UntilKeyed,
    /// Until the step can be read, for this long; then go on.
    Grace,
    /// Until the step can be read.
    Await,
}

/// The session a step belongs to.
pub fn session_of(step: &Step) -> &str {
    step.session()
}

pub(super) fn ops_of(step: &Step) -> Vec<Op> {
    let open = |identity: &Option<String>, secret: &Option<String>| Op::Open {
        identity: identity.clone().unwrap_or_else(|| "peer".to_owned()),
        secret: secret.clone().unwrap_or_default(),
    };
    match &step.verb {
        Verb::Connect(connect) => vec![open(&connect.identity, &connect.secret)],
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
        // The last two are written out as plain steps before anybody plays them.
        Verb::ExpectNever(_) | Verb::ExpectCount(_) | Verb::AllAtOnce(_) | Verb::Each(_) => {
            Vec::new()
        }
        Verb::ExpectState(_) | Verb::ExpectConfig(_) | Verb::ExpectOperations(_) => {
            vec![Op::Look, Op::Eventually]
        }
        Verb::ExpectSnapshot(_)
        | Verb::Subscribe(_)
        | Verb::SetClientConfig(_)
        | Verb::ChangeConfig(_) => vec![Op::Look, Op::Await],
        Verb::ExpectUpdate(_) => vec![Op::Await],
        Verb::Cut(_) => vec![Op::Cut],
        Verb::Stall(_) => vec![Op::Stall],
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
