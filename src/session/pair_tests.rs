//! Both roles back to back on a fake clock.

use std::time::Duration;

use super::*;
use crate::{
    crypto::{
        identity::{Identity, KeyPolicy},
        kem::{EncapsulationRandomness, KemId},
    },
    rules::RuleId,
    wire::{
        Action, Code, Role, SyncStreamItem,
        v1sync::sync_stream_item::{SyncActionHeartbeat, SyncActionRequestResources},
    },
};

const START: Duration = Duration::from_secs(100);

fn local(seed: u8, instance_id: &str, kem_id: KemId) -> Local {
    Local {
        kem_id,
        ..Local::new(Identity::from_seed(&[seed; 32]), instance_id)
    }
}

fn initiator(secret: &str) -> InitiatorParams {
    InitiatorParams {
        local: local(1, "client", KemId::default()),
        kem_seed: [3; 32],
        expected: ExpectedPeer {
            keyid: Identity::from_seed(&[2; 32]).keyid().to_owned(),
            instance_id: "host".to_owned(),
        },
        pairing_secret: secret.to_owned(),
    }
}

fn responder(kem_id: KemId) -> ResponderParams {
    ResponderParams {
        local: local(2, "host", kem_id),
        encapsulation: EncapsulationRandomness::from_seed(&[4; 32]),
    }
}

/// Two sessions and the items under way between them.
struct Pair {
    initiator: Option<Session>,
    responder: Option<Session>,
    to_responder: Vec<SyncStreamItem>,
    to_initiator: Vec<SyncStreamItem>,
    seen: Vec<(Role, Output)>,
}

impl Pair {
    fn new(initiator: InitiatorParams, responder: ResponderParams) -> Self {
        let (initiator, mut first) = Session::initiator(initiator, START);
        let (responder, waiting) = Session::responder(responder, START);
        assert_eq!(waiting, [Output::WakeAt(START + Duration::from_secs(15))]);
        let Output::Send(key) = first.remove(0) else {
            panic!("the initiator speaks first");
        };
        Pair {
            initiator: Some(initiator),
            responder: Some(responder),
            to_responder: vec![key],
            to_initiator: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn side(&mut self, role: Role) -> &mut Option<Session> {
        match role {
            Role::Initiator => &mut self.initiator,
            Role::Responder => &mut self.responder,
        }
    }

    fn step(&mut self, role: Role, input: Input) -> Result<(), StepError> {
        let session = self.side(role).take().expect("the session goes on");
        let (session, outputs) = session.step(input, START)?;
        *self.side(role) = Some(session);
        for output in outputs {
            match (role, output) {
                (Role::Initiator, Output::Send(item)) => self.to_responder.push(item),
                (Role::Responder, Output::Send(item)) => self.to_initiator.push(item),
                (role, output) => self.seen.push((role, output)),
            }
        }
        Ok(())
    }

    /// Delivers everything under way until nothing is.
    fn run(&mut self) -> Result<(), StepError> {
        loop {
            if !self.to_responder.is_empty() {
                let item = self.to_responder.remove(0);
                self.step(Role::Responder, Input::Received(item))?;
            } else if !self.to_initiator.is_empty() {
                let item = self.to_initiator.remove(0);
                self.step(Role::Initiator, Input::Received(item))?;
            } else {
                return Ok(());
            }
        }
    }

    fn established() -> Self {
        let mut pair = Pair::new(initiator(""), responder(KemId::default()));
        pair.run().expect("two honest sides");
        pair.seen.clear();
        pair
    }
}

fn heartbeat() -> Action {
    Action::Heartbeat(SyncActionHeartbeat {})
}

fn violation(result: Result<(), StepError>) -> Violation {
    match result {
        Err(StepError::Violation(violation)) => violation,
        other => panic!("expected a violation, seen {other:?}"),
    }
}

#[test]
fn two_honest_sides_then_both_verify_the_other() {
    let mut pair = Pair::new(initiator(""), responder(KemId::default()));
    pair.run().expect("two honest sides");
    let peers: Vec<_> = pair
        .seen
        .iter()
        .filter_map(|(role, output)| match output {
            Output::PeerVerified(peer) => Some((*role, peer.instance_id.as_str())),
            _ => None,
        })
        .collect();
    assert!(peers.contains(&(Role::Responder, "client")));
    assert!(peers.contains(&(Role::Initiator, "host")));
}

#[test]
fn action_submitted_then_delivered_to_the_other_side() {
    let mut pair = Pair::established();
    let action = Action::RequestResources(SyncActionRequestResources {});
    pair.step(Role::Responder, Input::Submit(action.clone()))
        .expect("established");
    pair.run().expect("a good item");
    assert_eq!(pair.seen, [(Role::Initiator, Output::Deliver(action))]);
}

#[test]
fn pairing_secret_then_sent_only_after_the_hosts_handshake() {
    let mut pair = Pair::new(initiator("secret"), responder(KemId::default()));
    let key = pair.to_responder.remove(0);
    pair.step(Role::Responder, Input::Received(key))
        .expect("a good key");
    let reply = pair.to_initiator.remove(0);
    pair.step(Role::Initiator, Input::Received(reply))
        .expect("a good reply");
    assert!(
        pair.to_responder.is_empty(),
        "the secret waits for the host's handshake"
    );
    pair.run().expect("two honest sides");
    assert!(
        pair.seen
            .iter()
            .any(|(role, output)| *role == Role::Responder
                && matches!(output, Output::PeerVerified(peer) if peer.pairing_secret == "secret"))
    );
}

#[test]
fn another_known_host_answers_then_initiator_refuses() {
    let mut params = responder(KemId::default());
    params.local.identity = Identity::from_seed(&[9; 32]);
    let mut pair = Pair::new(initiator("secret"), params);
    let refused = violation(pair.run());
    assert_eq!(refused.rule, RuleId::HandshakeExpectedHost);
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(pair.to_responder.is_empty(), "the secret stays here");
}

#[test]
fn sides_read_the_kem_id_differently_then_the_cause_is_named() {
    let mut pair = Pair::new(initiator(""), responder(KemId::AsPublished));
    let refused = violation(pair.run());
    assert_eq!(refused.rule, RuleId::TransportSuite);
}

#[test]
fn handshake_passed_on_from_another_exchange_then_refused() {
    // An attacker who exchanges keys with each side can open and seal on both; what it can't do is sign again.
    let (with_host, with_client) = ([5; 32], [6; 32]);
    let item = SyncStreamItem {
        action: Some(Action::Handshake(own_handshake(
            &local(2, "host", KemId::default()),
            "",
            &with_host,
        ))),
    };
    verify_handshake(item.clone(), &with_host, KeyPolicy::Strict).expect("where it was made");
    let refused = verify_handshake(item, &with_client, KeyPolicy::Strict)
        .expect_err("bound to the other exchange");
    assert_eq!(refused.rule, RuleId::HandshakeSignatureValid);
}

#[test]
fn frame_played_again_then_session_ends_for_good() {
    let mut pair = Pair::established();
    pair.step(Role::Initiator, Input::Submit(heartbeat()))
        .expect("established");
    let frame = pair.to_responder[0].clone();
    pair.run().expect("the first time");
    let refused = violation(pair.step(Role::Responder, Input::Received(frame)));
    assert_eq!(refused.rule, RuleId::EnvelopeReplayRefused);
    assert_eq!(refused.code(), Code::Internal);
}

#[test]
fn own_frame_reflected_then_refused() {
    let mut pair = Pair::established();
    pair.step(Role::Initiator, Input::Submit(heartbeat()))
        .expect("established");
    pair.run().expect("a good item");
    pair.step(Role::Initiator, Input::Submit(heartbeat()))
        .expect("established");
    let own = pair.to_responder.remove(0);
    let refused = violation(pair.step(Role::Initiator, Input::Received(own)));
    assert_eq!(refused.class, Class::Session);
}

#[test]
fn item_in_the_clear_after_the_key_exchange_then_refused() {
    let mut pair = Pair::established();
    let clear = SyncStreamItem {
        action: Some(heartbeat()),
    };
    let refused = violation(pair.step(Role::Responder, Input::Received(clear)));
    assert_eq!(refused.rule, RuleId::EnvelopePlaintextRefused);
}

#[test]
fn second_handshake_then_protocol_error() {
    let mut pair = Pair::established();
    let again = own_handshake(&local(1, "client", KemId::default()), "", &[0; 32]);
    pair.step(Role::Initiator, Input::Submit(Action::Handshake(again)))
        .expect("our side may be made to");
    let refused = violation(pair.run());
    assert_eq!(refused.rule, RuleId::HandshakeAgainRefused);
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[test]
fn nothing_comes_then_each_wait_ends_at_its_deadline() {
    let late = START + Duration::from_secs(15);
    let (session, _) = Session::responder(responder(KemId::default()), START);
    let (session, _) = session
        .step(Input::TimePassed, late - Duration::from_millis(1))
        .unwrap_or_else(|_| panic!("not yet"));
    let Err(StepError::Violation(over)) = session.step(Input::TimePassed, late) else {
        panic!("the key exchange is waited for no longer");
    };
    assert_eq!(over.rule, RuleId::TransportWaitBounded);

    let mut pair = Pair::new(initiator(""), responder(KemId::default()));
    let key = pair.to_responder.remove(0);
    pair.step(Role::Responder, Input::Received(key))
        .expect("a good key");
    assert_eq!(
        pair.seen.last(),
        Some(&(Role::Responder, Output::WakeAt(late)))
    );
    let session = pair.responder.take().expect("waits for the handshake");
    let (session, _) = session
        .step(Input::TimePassed, late - Duration::from_millis(1))
        .unwrap_or_else(|_| panic!("not yet"));
    let Err(StepError::Violation(over)) = session.step(Input::TimePassed, late) else {
        panic!("the handshake is waited for no longer");
    };
    assert_eq!(over.rule, RuleId::HandshakeWait15s);
}

#[test]
fn another_instance_id_or_key_than_the_expected_then_refused_for_that() {
    type Expect = fn(&mut ExpectedPeer);
    let cases: [(Expect, RuleId); 3] = [
        (
            |it| it.instance_id.push('x'),
            RuleId::HandshakeInstanceIdOfKey,
        ),
        (
            |it| it.instance_id.make_ascii_uppercase(),
            RuleId::HandshakeInstanceIdOfKey,
        ),
        (
            |it| it.keyid.make_ascii_uppercase(),
            RuleId::HandshakeExpectedHost,
        ),
    ];
    for (expect, rule) in cases {
        let mut params = initiator("");
        expect(&mut params.expected);
        let mut pair = Pair::new(params, responder(KemId::default()));
        assert_eq!(violation(pair.run()).rule, rule);
    }
}

#[test]
fn action_submitted_before_the_handshake_then_misuse() {
    let (session, _) = Session::responder(responder(KemId::default()), START);
    let Err(error) = session.step(Input::Submit(heartbeat()), START) else {
        panic!("nobody is verified yet");
    };
    assert_eq!(error, StepError::Misuse(Misuse::SubmittedBeforeVerified));
}
