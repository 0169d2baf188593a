//! One honest session before any case: it measures the round trip, and tells a mistake in the set-up from a defect of
//! the peer, so that no rule is blamed for a wrong port.

use std::{fmt, time::Duration};

use super::provision::{CLIENT_INSTANCE_ID, HOST_INSTANCE_ID};
use crate::{
    rules::RuleId,
    scenario::{
        fixtures::Fixtures,
        model::{Establish, Given, Location, Nothing, Profile, Scenario, Step, Verb},
    },
    session::VerifiedPeer,
    trace::{End, EventKind, Stage, Trace},
    wire::{Code, Role, RpcProtocol},
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
        rules: vec![match role {
            Role::Responder => RuleId::ResponderSurvives,
            Role::Initiator => RuleId::InitiatorSurvives,
        }],
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
            EventKind::NotOpened(failure) => return Err(unreachable(failure.stage, &failure.seen)),
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

fn unexpected_peer(peer: &VerifiedPeer) -> Option<String> {
    let known = [HOST_INSTANCE_ID, CLIENT_INSTANCE_ID];
    (!known.contains(&peer.instance_id.as_str())).then(|| {
        format!(
            "the peer calls itself `{}` ({}), not `{HOST_INSTANCE_ID}` or `{CLIENT_INSTANCE_ID}`: it was provisioned in \
             part only",
            peer.instance_id, peer.keyid
        )
    })
}

fn unreachable(stage: Stage, seen: &str) -> SetupMistake {
    let likely = match stage {
        Stage::Url => {
            "The URL must read http://HOST:PORT or http://HOST:PORT/PREFIX, with https for a TLS port."
        }
        Stage::Name => "Is the host's name right?",
        Stage::Tcp => "Is the peer running, and is this its port?",
        Stage::Tls => {
            "The port answers, but TLS with HTTP/2 does not stand: is its certificate for another name, or from an \
             authority that --tls-ca should name; does a proxy in front speak HTTP/1.1 only; or is it http:// that this \
             port speaks?"
        }
        Stage::Http2 => {
            "The port takes connections, but does not speak HTTP/2 with prior knowledge: is it another service, an \
             HTTP/1.1 proxy, or a TLS port, for which the URL must say https://?"
        }
        Stage::Rpc => "The connection stands, but no stream can be opened on it.",
        Stage::Call => return SetupMistake::never_called(seen.to_owned()),
    };
    SetupMistake {
        step: stage.name(),
        seen: seen.to_owned(),
        likely: likely.to_owned(),
    }
}

fn ended(reached: &Reached, end: &End) -> SetupMistake {
    let likely = match (end, reached.step()) {
        (
            End::Http {
                status: 404 | 405, ..
            },
            _,
        ) => {
            "No sync service under this path. Is the URL's path prefix right, and sync switched on?"
        }
        (
            End::Http {
                status: 401 | 403, ..
            },
            _,
        ) => {
            "Something in front asks for a login. Sync authenticates itself: let its path through."
        }
        (End::Http { status: 415, .. }, _) => {
            "The peer does not speak this RPC protocol: try --protocol."
        }
        (End::Http { .. }, _) => "What answers is not an RPC service: a proxy, or a web page?",
        (
            End::Status {
                code: Code::Unimplemented,
                ..
            },
            _,
        ) => "The peer serves RPC, but not sync under this path. Is the URL's path prefix right?",
        (
            End::Status {
                code: Code::PermissionDenied,
                ..
            },
            "provisioning" | "handshake" | "session",
        ) => "The peer does not know our key: give it the output of `syncspec provision` first.",
        (
            End::Status {
                code: Code::PermissionDenied,
                ..
            },
            _,
        ) => "The peer refuses before it knows us: is sync configured on it, with an identity?",
        (End::Lost { .. } | End::NoStatus | End::Reset { .. }, "rpc") => {
            "The peer closes at once: is this the port of another service, or does the peer crash? See its log."
        }
        _ => "The peer ends an honest session: see its log.",
    };
    SetupMistake {
        step: reached.step(),
        seen: format!("the stream ended with {end}"),
        likely: likely.to_owned(),
    }
}

fn silent(reached: &Reached, waited: Duration) -> SetupMistake {
    let likely = match reached.step() {
        "rpc" | "key exchange" => {
            "The peer takes the connection and never answers: is it a sync host, and does a proxy in between hold \
             streams back?"
        }
        _ => "The peer stops answering in the middle of an honest session: see its log.",
    };
    SetupMistake {
        step: reached.step(),
        seen: format!("no answer within {:.1} s", waited.as_secs_f64()),
        likely: likely.to_owned(),
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
