//! The parts each kind of step is played in.

use super::PROBE_SESSION;
use crate::{
    scenario::{
        deviation::{Deviation, IdentityFault},
        fixtures::PEER,
        message::Message,
        model::{Sendable, Step, Verb},
    },
    wire::{Code, Role},
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
    End(Code),
    Cut,
    Stall,
    /// Ask what looks inside the peer.
    Look,
    /// Until the step can be read, asking again from time to time.
    Eventually,
    /// Until the step can be read, with the client's next call where this one says something else.
    Shown,
    /// Leave the call that looked.
    Close,
    /// Until clocks that count milliseconds have gone on.
    Tick,
    /// Until the peer's part of the key exchange is in, or the stream is over.
    UntilPeersKey,
    /// Until the other peer, between which and this one we stand, has sent its handshake, or the stream is over.
    UntilPassedOn,
    /// Until the step can be read, for this long; then go on.
    Grace,
    /// Until the step can be read, for as long as an answer is given before silence is taken for one; then go on.
    Listen,
    /// Until the step can be read, for as long as any answer may take; then go on.
    HearOut,
    /// Until the step can be read, or another session of the peer was served; then go on.
    Witness,
    /// Until the step can be read.
    Await,
}

/// The session a step belongs to.
pub fn session_of(step: &Step) -> &str {
    step.session()
}

/// The parts of a step against a peer in that role. `probe_is_up` says whether a probe's session stands already.
pub(super) fn ops_of(step: &Step, peer_role: Role, probe_is_up: bool) -> Vec<Op> {
    let open = |identity: &Option<String>, secret: &Option<String>| Op::Open {
        identity: identity.clone().unwrap_or_else(|| PEER.to_owned()),
        secret: secret.clone().unwrap_or_default(),
    };
    // A client dials each of its hosts once.
    let served_again = peer_role == Role::Initiator && probe_is_up;
    match &step.verb {
        Verb::Connect(connect) => vec![open(&connect.identity, &connect.secret)],
        Verb::Establish(establish) => {
            let mut ops = vec![open(&establish.identity, &establish.secret)];
            ops.extend(exchange(peer_role));
            ops.extend([Op::SendHandshake, Op::Await]);
            ops
        }
        Verb::Send(Sendable::Key) if peer_role == Role::Initiator => {
            vec![Op::UntilPeersKey, Op::SendKey]
        }
        Verb::Send(Sendable::Key) => vec![Op::SendKey],
        Verb::Send(Sendable::Handshake) => {
            let passed_on = Deviation::Identity(IdentityFault::PassedOn);
            let awaited = step.deviate.contains(&passed_on);
            let awaited = awaited.then_some(Op::UntilPassedOn);
            let ops = std::iter::once(Op::UntilPeersKey).chain(awaited);
            ops.chain([Op::SendHandshake]).collect()
        }
        // A host has nothing to send to before the call's first item is in.
        Verb::Send(Sendable::Item(message)) if peer_role == Role::Initiator => {
            vec![Op::UntilPeersKey, Op::SendItem(message.clone())]
        }
        Verb::Send(Sendable::Item(message)) => vec![Op::SendItem(message.clone())],
        Verb::Expect(_) | Verb::ExpectHttp(_) | Verb::Settle(_) => vec![Op::Await],
        Verb::ExpectEstablished(_) | Verb::Fence(_) => {
            vec![Op::UntilPeersKey, Op::SendFence, Op::Await]
        }
        Verb::ExpectRefused(ending) if peer_role == Role::Initiator => {
            let fence = [Op::UntilPeersKey, Op::SendFence];
            let silence = [Op::Witness, Op::Await];
            match step.within {
                // One that goes on answers, and must have: that another session was served says nothing of this one.
                None if ending.or_goes_on => {
                    let fence = fence.into_iter().chain([Op::HearOut]);
                    fence.chain(silence).collect()
                }
                None => fence.into_iter().chain(silence).collect(),
                // Where the rule has its own clock, the fence asks what has become of the session since. A client may
                // have given up the call to the witness by then, so its answer is waited for first.
                Some(_) => {
                    let clock = std::iter::once(Op::Grace).chain(fence);
                    clock.chain([Op::Listen]).chain(silence).collect()
                }
            }
        }
        // Where the rule has its own clock, only that clock may end the stream.
        Verb::ExpectClosed(_) | Verb::ExpectRefused(_) if step.within.is_some() => vec![Op::Await],
        // Whether a client closes is all that is asked; a fence would ask whether it goes on.
        Verb::ExpectClosed(_) if peer_role == Role::Initiator => vec![Op::Await],
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
        // A host may take a moment to notice that a client has left.
        Verb::SetClientConfig(call) if call.code == Some(Code::NotFound) => {
            vec![Op::Look, Op::Eventually]
        }
        Verb::ExpectSnapshot(_)
        | Verb::Subscribe(_)
        | Verb::SetClientConfig(_)
        | Verb::ChangeConfig(_)
        | Verb::ChangeOperations(_) => vec![Op::Look, Op::Await],
        Verb::ExpectUpdate(_) | Verb::ExpectChange(_) => vec![Op::Await],
        Verb::ExpectShown(expected) => {
            let mut ops = vec![Op::Open {
                identity: expected.identity.clone(),
                secret: String::new(),
            }];
            ops.extend(exchange(peer_role));
            ops.extend([Op::SendHandshake, Op::Shown]);
            ops
        }
        Verb::Cut(_) => vec![Op::Cut],
        Verb::Stall(_) => vec![Op::Stall],
        Verb::HalfClose(_) => vec![Op::HalfClose],
        Verb::Reset(_) => vec![Op::Reset],
        Verb::End(status) => vec![Op::End(status.code)],
        // It may be no further than its call; the fence makes good what is missing.
        Verb::Probe(_) if served_again => vec![Op::UntilPeersKey, Op::SendFence, Op::Await],
        Verb::Probe(_) => {
            let mut ops = vec![Op::Open {
                identity: PROBE_SESSION.to_owned(),
                secret: String::new(),
            }];
            ops.extend(exchange(peer_role));
            ops.extend([Op::SendHandshake, Op::SendFence, Op::Await]);
            ops
        }
    }
}

/// Whoever dials begins.
fn exchange(peer_role: Role) -> [Op; 2] {
    match peer_role {
        Role::Responder => [Op::SendKey, Op::UntilPeersKey],
        Role::Initiator => [Op::UntilPeersKey, Op::SendKey],
    }
}
