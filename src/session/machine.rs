//! The machine itself: which item may come when.

use std::{fmt, time::Duration};

use super::{
    channel::Channel,
    handshake::{VerifiedPeer, own_handshake, verify_lapsing},
    lapsing, lapsing_identity, lapsing_kem,
    params::{ExpectedPeer, InitiatorParams, Local, ResponderParams},
    transport::{conclude, key_item, read_encapsulation_lapsing, read_public_key_lapsing, respond},
    violation::Violation,
};
use crate::{
    crypto::kem::{EncapsulationRandomness, PrivateKey},
    lapses::{Lapse, Lapses},
    rules::RuleId,
    wire::{Action, Role, SyncStreamItem},
};

/// What can happen to a session. Times are since any moment the driver fixes.
pub enum Input {
    /// The peer sent this item.
    Received(SyncStreamItem),
    /// We have this to say.
    Submit(Action),
    /// The time asked for has come, or any other moment.
    TimePassed,
}

/// What a session wants done, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this item to the peer.
    Send(SyncStreamItem),
    /// Call again with [`Input::TimePassed`] at this time at the latest; replaces an earlier wish.
    WakeAt(Duration),
    /// No wake-up is needed any more.
    NoWake,
    /// The peer proved this identity; from here on the session can send and deliver.
    PeerVerified(VerifiedPeer),
    /// The verified peer sent this action.
    Deliver(Action),
}

/// One stream's state.
pub struct Session {
    local: Local,
    role: Role,
    state: State,
}

enum State {
    AwaitKey {
        randomness: EncapsulationRandomness,
        deadline: Duration,
    },
    AwaitEncapsulation {
        key: Box<PrivateKey>,
        expected: ExpectedPeer,
        pairing_secret: String,
        deadline: Duration,
    },
    AwaitHandshake {
        channel: Box<Channel>,
        expected: Option<ExpectedPeer>,
        /// Set while our own handshake waits for the peer's, because it carries this secret.
        unsent_secret: Option<String>,
        deadline: Duration,
    },
    Established {
        channel: Box<Channel>,
    },
}

type Stepped = (State, Vec<Output>);

impl Session {
    /// Starts as the side that dials.
    pub fn initiator(params: InitiatorParams, now: Duration) -> (Session, Vec<Output>) {
        let key = PrivateKey::from_seed_array(&params.kem_seed);
        let deadline = now + params.local.deadlines.key_exchange;
        let lapses = params.local.lapses;
        let item = lapsing_kem::key(key_item(key.public_key()), lapses);
        let mut outputs = vec![Output::Send(item), Output::WakeAt(deadline)];
        if lapses.has(Lapse::HeartbeatBeforeKey) {
            outputs.insert(0, Output::Send(lapsing::nothing()));
        }
        let state = State::AwaitEncapsulation {
            key: Box::new(key),
            expected: params.expected,
            pairing_secret: params.pairing_secret,
            deadline,
        };
        let session = Session {
            local: params.local,
            role: Role::Initiator,
            state,
        };
        (session, outputs)
    }

    /// Starts as the side that is dialled. It sends nothing before the initiator's key.
    pub fn responder(params: ResponderParams, now: Duration) -> (Session, Vec<Output>) {
        let deadline = now + params.local.deadlines.key_exchange;
        let state = State::AwaitKey {
            randomness: params.encapsulation,
            deadline,
        };
        let session = Session {
            local: params.local,
            role: Role::Responder,
            state,
        };
        let mut outputs = vec![Output::WakeAt(deadline)];
        if session.local.lapses.has(Lapse::SpeaksFirst) {
            outputs.push(Output::Send(lapsing::nothing()));
        }
        (session, outputs)
    }

    /// Takes one input; the session that comes back replaces the one that went in.
    ///
    /// # Errors
    /// A [`Violation`] ends the session. A [`Misuse`] says that the driver asked for what cannot be had yet.
    pub fn step(self, input: Input, now: Duration) -> Result<(Session, Vec<Output>), StepError> {
        let Session { local, role, state } = self;
        let (state, outputs) = match input {
            Input::Received(item) => receive(&local, role, state, item, now)?,
            Input::Submit(action) => submit(state, action)?,
            Input::TimePassed => check_deadline(state, now, local.lapses)?,
        };
        Ok((Session { local, role, state }, outputs))
    }
}

/// Ways into the middle of a session, for fuzzers that cannot pay for a key exchange in every execution. They take the
/// keys from the caller, so a peer must never be driven through them.
#[cfg(feature = "fuzzing")]
impl Session {
    /// A session whose key exchange left this channel: it sends its handshake and waits for the peer's.
    ///
    /// # Errors
    /// As [`Session::step`] behind the last item of the key exchange.
    pub fn behind_key_exchange(
        local: Local,
        role: Role,
        channel: Channel,
        expected: Option<ExpectedPeer>,
        pairing_secret: String,
        now: Duration,
    ) -> Result<(Session, Vec<Output>), Violation> {
        let (state, outputs) =
            exchange_done(&local, channel, Vec::new(), expected, pairing_secret, now)?;
        Ok((Session { local, role, state }, outputs))
    }

    /// A session whose peer has been verified. Both handshakes, which took counter 0 each, are taken as done.
    pub fn established(local: Local, role: Role, channel: Channel) -> Session {
        let state = State::Established {
            channel: Box::new(channel),
        };
        Session { local, role, state }
    }
}

fn receive(
    local: &Local,
    role: Role,
    state: State,
    item: SyncStreamItem,
    now: Duration,
) -> Result<Stepped, Violation> {
    let lapses = local.lapses;
    match state {
        State::AwaitKey {
            randomness,
            deadline,
        } => {
            let (key, bytes) = match read_public_key_lapsing(item, lapses) {
                Err(refused) if lapses.skips(refused.rule) => {
                    let state = State::AwaitKey {
                        randomness,
                        deadline,
                    };
                    return Ok((state, Vec::new()));
                }
                read => read?,
            };
            let (channel, reply) = respond(&key, &bytes, &randomness, local.kem_id, lapses);
            exchange_done(
                local,
                channel,
                vec![Output::Send(reply)],
                None,
                String::new(),
                now,
            )
        }
        State::AwaitEncapsulation {
            key,
            expected,
            pairing_secret,
            deadline,
        } => {
            let encapsulation = match read_encapsulation_lapsing(item, lapses) {
                Err(refused) if lapses.skips(refused.rule) => {
                    let state = State::AwaitEncapsulation {
                        key,
                        expected,
                        pairing_secret,
                        deadline,
                    };
                    return Ok((state, Vec::new()));
                }
                read => read?,
            };
            let channel = conclude(&key, &encapsulation, local.kem_id, lapses)?;
            exchange_done(
                local,
                channel,
                Vec::new(),
                Some(expected),
                pairing_secret,
                now,
            )
        }
        State::AwaitHandshake {
            mut channel,
            expected,
            unsent_secret,
            deadline,
        } => {
            let opened = channel.open(item)?;
            let peer = match verify_lapsing(opened, channel.transcript(), local.key_policy, lapses)
            {
                Err(refused) if lapses.skips(refused.rule) => {
                    let state = State::AwaitHandshake {
                        channel,
                        expected,
                        unsent_secret,
                        deadline,
                    };
                    return Ok((state, Vec::new()));
                }
                verified => verified?,
            };
            let peer = match expected {
                Some(expected) => check_expected(&expected, peer, lapses)?,
                None => peer,
            };
            let mut outputs = vec![Output::NoWake];
            if let Some(secret) = unsent_secret {
                outputs.push(send_handshake(local, &mut channel, &secret)?);
            }
            outputs.push(Output::PeerVerified(peer));
            Ok((State::Established { channel }, outputs))
        }
        State::Established { mut channel } => {
            let outputs = match deliverable(role, channel.open(item)?) {
                Err(refused) if lapses.skips(refused.rule) => Vec::new(),
                action => vec![Output::Deliver(action?)],
            };
            Ok((State::Established { channel }, outputs))
        }
    }
}

fn exchange_done(
    local: &Local,
    mut channel: Channel,
    mut outputs: Vec<Output>,
    expected: Option<ExpectedPeer>,
    pairing_secret: String,
    now: Duration,
) -> Result<Stepped, Violation> {
    let lapses = local.lapses;
    lapsing_identity::remember(channel.transcript(), lapses);
    let waits = !pairing_secret.is_empty() && !lapses.has(Lapse::SecretSentAtOnce)
        || expected.is_none() && lapses.has(Lapse::WaitsForHandshake);
    let unsent_secret = if waits {
        Some(pairing_secret)
    } else {
        if lapses.has(Lapse::ConfigBeforeHandshake) {
            outputs.push(Output::Send(channel.seal(lapsing::empty_config())?));
        }
        let secret = lapses.swap(Lapse::ResponderSendsSecret, pairing_secret, |_| {
            "secret".to_owned()
        });
        outputs.push(send_handshake(local, &mut channel, &secret)?);
        if lapses.has(Lapse::ConfigBeforeVerification) {
            outputs.push(Output::Send(channel.seal(lapsing::empty_config())?));
        }
        None
    };
    let deadline = now + local.deadlines.handshake;
    outputs.push(Output::WakeAt(deadline));
    let state = State::AwaitHandshake {
        channel: Box::new(channel),
        expected,
        unsent_secret,
        deadline,
    };
    Ok((state, outputs))
}

fn send_handshake(local: &Local, channel: &mut Channel, secret: &str) -> Result<Output, Violation> {
    let handshake = own_handshake(local, secret, channel.transcript());
    Ok(Output::Send(channel.seal(Action::Handshake(handshake))?))
}

/// The peer as its expected self: one with lapses lets others pass for it.
fn check_expected(
    expected: &ExpectedPeer,
    peer: VerifiedPeer,
    lapses: Lapses,
) -> Result<VerifiedPeer, Violation> {
    let is_taken = lapses.has(Lapse::AnyHostAccepted)
        || expected.keyid == peer.keyid
            && (lapses.has(Lapse::HostInstanceIdUnchecked)
                || lapses.has(Lapse::EmptyInstanceIdAccepted) && peer.instance_id.is_empty()
                || lapses.has(Lapse::HostInstanceIdCaseIgnored)
                    && expected.instance_id.eq_ignore_ascii_case(&peer.instance_id));
    if is_taken {
        return Ok(VerifiedPeer {
            keyid: expected.keyid.clone(),
            instance_id: expected.instance_id.clone(),
            ..peer
        });
    }
    if expected.keyid != peer.keyid {
        return Err(Violation::auth(
            RuleId::HandshakeExpectedHost,
            format!("expected key id {}, seen {}", expected.keyid, peer.keyid),
        ));
    }
    if expected.instance_id != peer.instance_id {
        return Err(Violation::auth(
            RuleId::HandshakeInstanceIdOfKey,
            format!(
                "expected instance id `{}`, seen `{}`",
                expected.instance_id, peer.instance_id
            ),
        ));
    }
    Ok(peer)
}

/// What may reach the application: everything but the items of the session itself.
fn deliverable(role: Role, item: SyncStreamItem) -> Result<Action, Violation> {
    let (rule, seen) = match item.action {
        None => (
            RuleId::EnvelopeEmptyItemRefused,
            "an item without a known action",
        ),
        Some(Action::Encrypted(_)) => (
            RuleId::EnvelopeNestedRefused,
            "an encrypted item inside an encrypted one",
        ),
        Some(Action::Handshake(_)) => (RuleId::HandshakeAgainRefused, "a second handshake"),
        Some(Action::EstablishSharedSecret(_)) => {
            (unknown_action_rule(role), "a second key exchange")
        }
        Some(Action::SignedMessage(_)) => (unknown_action_rule(role), "a signed message"),
        Some(action) => return Ok(action),
    };
    Err(Violation::protocol(rule, seen))
}

fn unknown_action_rule(role: Role) -> RuleId {
    match role {
        Role::Responder => RuleId::ResponderUnknownActionRefused,
        Role::Initiator => RuleId::InitiatorUnknownActionRefused,
    }
}

fn submit(state: State, action: Action) -> Result<Stepped, StepError> {
    match state {
        State::Established { mut channel } => {
            let item = channel.seal(action)?;
            Ok((State::Established { channel }, vec![Output::Send(item)]))
        }
        _ => Err(StepError::Misuse(Misuse::SubmittedBeforeVerified)),
    }
}

fn check_deadline(state: State, now: Duration, lapses: Lapses) -> Result<Stepped, Violation> {
    match state {
        State::AwaitHandshake { .. } if lapses.has(Lapse::HandshakeWaitedForForEver) => {
            Ok((state, vec![Output::NoWake]))
        }
        State::AwaitKey { .. } | State::AwaitEncapsulation { .. }
            if lapses.has(Lapse::KeyWaitedForForEver) =>
        {
            Ok((state, vec![Output::NoWake]))
        }
        State::AwaitKey { deadline, .. } | State::AwaitEncapsulation { deadline, .. }
            if now >= deadline =>
        {
            Err(Violation::protocol(
                RuleId::TransportWaitBounded,
                "no key exchange within the deadline",
            ))
        }
        State::AwaitHandshake { deadline, .. } if now >= deadline => Err(Violation::auth(
            RuleId::HandshakeWait15s,
            "no handshake within the deadline",
        )),
        state => Ok((state, Vec::new())),
    }
}

/// Why a step gave no next session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepError {
    /// The peer broke a rule.
    Violation(Violation),
    /// Our driver asked for what cannot be had.
    Misuse(Misuse),
}

/// A mistake of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// Nothing may be sent before the peer's handshake has been verified.
    SubmittedBeforeVerified,
}

impl From<Violation> for StepError {
    fn from(violation: Violation) -> Self {
        StepError::Violation(violation)
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepError::Violation(violation) => violation.fmt(f),
            StepError::Misuse(Misuse::SubmittedBeforeVerified) => {
                f.write_str("an action was submitted before the peer was verified")
            }
        }
    }
}

impl std::error::Error for StepError {}
