//! The case that is never judged: the other side by which the set-up is checked before any other case, and that every
//! provision holds therefore. With a client it is played as it stands, and read here; for a host see [`super::doctor`].

use std::{fmt, time::Duration};

use crate::{
    rules::RuleId,
    scenario::{
        fixtures::{CLIENT_INSTANCE_ID, Fixtures},
        model::{Establish, Given, Location, Nothing, Profile, Scenario, Step, Verb},
        survives,
    },
    session::VerifiedPeer,
    trace::{End, EventKind, Stage, Trace},
    wire::{Role, RpcProtocol},
};

/// Name of the case, and so of the identity it is provisioned with.
const ID: &str = "first-contact";

/// What a first session showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The slower of a key exchange and an answered request.
    pub round_trip: Duration,
    /// What is odd, but no reason to stop.
    pub note: Option<String>,
}

/// Why no case can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupMistake {
    /// The step that was reached: `tcp`, `tls`, `http2`, `rpc`, `key exchange`, `handshake`, `provisioning`, `session`.
    pub step: &'static str,
    /// What was seen there.
    pub seen: String,
    /// What is likely wrong, and what to do.
    pub likely: String,
}

impl fmt::Display for SetupMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n{}", self.step, self.seen, self.likely)
    }
}

impl SetupMistake {
    /// A client that was waited for in vain; `seen` says where.
    pub fn never_called(seen: String) -> Self {
        SetupMistake {
            step: Stage::Call.name(),
            seen,
            likely: "Does the client run, with the output of `syncspec provision --role initiator` for this very address \
                     and path? One that dialled before this run listened waits for a while before it dials again."
                .to_owned(),
        }
    }
}

/// The case that [`first_contact`] reads: a known other side with a session that serves.
pub fn scenario(role: Role, link: RpcProtocol) -> Scenario {
    let given = Given::default();
    let location = Location {
        file: ID.to_owned(),
        line: 1,
        column: 1,
    };
    let step = |verb| Step {
        verb,
        on: None,
        deviate: Vec::new(),
        within: None,
        rule: None,
        location: location.clone(),
    };
    Scenario {
        id: ID.to_owned(),
        about: "A session with a known other side serves.".to_owned(),
        rules: vec![survives(role)],
        role,
        profile: Profile::Smoke,
        alone: false,
        fixtures: Fixtures::for_case(ID, role, link, &given),
        given,
        deviate: Vec::new(),
        steps: vec![
            step(Verb::Establish(Establish::default())),
            step(Verb::ExpectEstablished(Nothing {})),
        ],
        location: location.clone(),
    }
}

/// Reads the trace of [`scenario`].
///
/// # Errors
/// The set-up mistake that the trace shows. A session that fails by breaking a rule is none: the cases will say which.
pub fn first_contact(trace: &Trace) -> Result<Contact, SetupMistake> {
    let reached = Reached::of(trace);
    for event in &trace.events {
        match &event.kind {
            EventKind::NotOpened(failure) => {
                return Err(SetupMistake::never_called(failure.seen.clone()));
            }
            EventKind::Ended(end) => return Err(ended(&reached, end)),
            EventKind::DeadlinePassed { waited } => return Err(silent(&reached, *waited)),
            EventKind::Broke(violation) if violation.rule == RuleId::TransportSuite => {
                return Err(SetupMistake {
                    step: "key exchange",
                    seen: violation.seen.clone(),
                    likely: "The two sides read the KEM id differently. Deployed peers use 0x0051, the documentation says \
                             0x0050: run again with the other --kem-id to follow the peer, or mend the peer."
                        .to_owned(),
                });
            }
            EventKind::Broke(_) => break,
            _ => {}
        }
    }
    Ok(Contact {
        round_trip: round_trip(trace),
        note: reached.peer.as_ref().and_then(unexpected_peer),
    })
}

/// How far the session came.
struct Reached {
    answered: bool,
    keyed: bool,
    peer: Option<VerifiedPeer>,
    handshake_sent: bool,
    served: bool,
}

impl Reached {
    fn of(trace: &Trace) -> Self {
        let any = |test: fn(&EventKind) -> bool| trace.events.iter().any(|event| test(&event.kind));
        Reached {
            answered: any(|kind| matches!(kind, EventKind::Answered { .. })),
            keyed: any(|kind| matches!(kind, EventKind::KeyExchanged)),
            peer: trace.events.iter().find_map(|event| match &event.kind {
                EventKind::Verified(peer) => Some(peer.clone()),
                _ => None,
            }),
            handshake_sent: any(
                |kind| matches!(kind, EventKind::Sent(sent) if sent.what == "handshake"),
            ),
            served: any(|kind| matches!(kind, EventKind::Received { .. })),
        }
    }

    fn step(&self) -> &'static str {
        match self {
            Reached { served: true, .. } => "session",
            Reached {
                handshake_sent: true,
                peer: Some(_),
                ..
            } => "provisioning",
            Reached { keyed: true, .. } => "handshake",
            Reached { answered: true, .. } => "key exchange",
            _ => "rpc",
        }
    }
}

impl Reached {
    /// Deployed clients do not end a stream that they refuse; they stop.
    fn likely(&self, what: &str) -> String {
        match self {
            Reached {
                handshake_sent: true,
                served: false,
                ..
            } => format!(
                "{what} once it has seen who we are: was it given the output of `syncspec provision --role initiator` of \
                 this version, or does it expect another key id?"
            ),
            _ => format!("{what}: see its log."),
        }
    }
}

fn unexpected_peer(peer: &VerifiedPeer) -> Option<String> {
    (peer.instance_id != CLIENT_INSTANCE_ID).then(|| {
        format!(
            "the client calls itself `{}` ({}), not `{CLIENT_INSTANCE_ID}`: it was provisioned in part only",
            peer.instance_id.escape_debug(),
            peer.keyid.escape_debug()
        )
    })
}

fn ended(reached: &Reached, end: &End) -> SetupMistake {
    SetupMistake {
        step: reached.step(),
        seen: format!("the stream ended with {end}"),
        likely: reached.likely("The client ends an honest session"),
    }
}

fn silent(reached: &Reached, waited: Duration) -> SetupMistake {
    SetupMistake {
        step: reached.step(),
        seen: format!("no answer within {:.1} s", waited.as_secs_f64()),
        likely: reached.likely("The client says nothing further"),
    }
}

fn round_trip(trace: &Trace) -> Duration {
    let at = |test: fn(&EventKind) -> bool| {
        trace
            .events
            .iter()
            .find(|event| test(&event.kind))
            .map(|event| event.at)
    };
    let since = |from: Option<Duration>, to: Option<Duration>| match (from, to) {
        (Some(from), Some(to)) => to.saturating_sub(from),
        _ => Duration::ZERO,
    };
    // A client's key comes before ours; what answers ours is its handshake.
    let key = since(
        at(|kind| matches!(kind, EventKind::Sent(sent) if sent.what == "key")),
        at(|kind| matches!(kind, EventKind::Verified(_))),
    );
    let fence = since(
        at(|kind| matches!(kind, EventKind::Sent(sent) if sent.fence.is_some())),
        trace.events.last().map(|event| event.at),
    );
    key.max(fence)
}
