//! A client as the peer under test.

use super::*;
use crate::trace::by_hand::manifest;

fn scenario(steps: &str) -> Scenario {
    let text = format!(
        "about: A claim.\nrules: [envelope.tag-checked]\ntarget: initiator\nsteps:\n{steps}"
    );
    case_of(&text, Role::Initiator, RpcProtocol::Connect)
}

const REFUSED: &str = "- establish\n- send: { heartbeat: {} }\n- expect-refused\n";

/// A session that stands, then the item that must be refused and a fence, then `rest`.
fn refused(rest: Vec<(usize, EventKind)>) -> Trace {
    let begin = vec![
        (0, EventKind::Opened),
        (0, EventKind::KeyExchanged),
        (0, sent("key")),
        (0, sent("handshake")),
        (0, verified()),
        (0, config()),
        (0, resources()),
        (0, manifest()),
        (1, sent("heartbeat")),
        (2, fence_sent()),
    ];
    trace(begin.into_iter().chain(rest).collect())
}

fn verdict(rest: Vec<(usize, EventKind)>) -> Verdict {
    judge(&scenario(REFUSED), &refused(rest))
}

fn rules(verdict: &Verdict) -> Vec<RuleId> {
    match verdict {
        Verdict::Judged(findings) => findings.iter().map(|finding| finding.rule).collect(),
        Verdict::Inconclusive { reason, .. } => panic!("not judged: {reason}"),
    }
}

#[test]
fn silent_while_another_session_was_served_then_holds() {
    assert_eq!(rules(&verdict(vec![(2, EventKind::Alive)])), []);
}

#[test]
fn closed_in_any_way_then_holds() {
    for end in [
        End::HalfClosed,
        End::Reset {
            reason: "CANCEL".to_owned(),
        },
    ] {
        assert_eq!(rules(&verdict(vec![(2, EventKind::Ended(end))])), []);
    }
}

#[test]
fn config_once_more_then_no_answer() {
    assert_eq!(
        rules(&verdict(vec![(2, config()), (2, EventKind::Alive)])),
        []
    );
}

#[test]
fn manifest_once_more_then_the_claim_is_broken() {
    let verdict = verdict(vec![(2, manifest())]);
    assert_eq!(rules(&verdict), [RuleId::EnvelopeTagChecked]);
}

#[test]
fn fence_answered_then_the_claim_is_broken() {
    let verdict = verdict(vec![(2, resources())]);
    assert_eq!(rules(&verdict), [RuleId::EnvelopeTagChecked]);
}

#[test]
fn another_answer_then_the_claim_is_broken() {
    let verdict = verdict(vec![(2, manifest()), (2, EventKind::Alive)]);
    assert_eq!(rules(&verdict), [RuleId::EnvelopeTagChecked]);
}

#[test]
fn silent_without_a_witness_then_not_judged() {
    assert!(matches!(verdict(vec![]), Verdict::Inconclusive { .. }));
}

#[test]
fn no_session_was_served_meanwhile_then_the_hosts_are_not_independent() {
    let mut trace = refused(vec![]);
    let waited = Duration::from_secs(5);
    trace.events.push(Event {
        at: waited,
        step: 2,
        session: PROBE_SESSION.to_owned(),
        kind: EventKind::DeadlinePassed { waited },
    });
    let verdict = judge(&scenario(REFUSED), &trace);
    assert_eq!(rules(&verdict), [RuleId::InitiatorHostsIndependent]);
}

#[test]
fn handshake_behind_a_spoilt_key_exchange_then_it_was_taken() {
    let scenario = scenario("- connect\n- send: key\n- expect-refused\n");
    let mut spoilt = sent("key");
    if let EventKind::Sent(sent) = &mut spoilt {
        sent.deviations
            .push("encapsulation: one-byte-long".to_owned());
    }
    for taken in [verified(), EventKind::Unopened] {
        let trace = trace(vec![
            (0, EventKind::Opened),
            (0, EventKind::KeyExchanged),
            (1, spoilt.clone()),
            (2, taken),
        ]);
        let verdict = judge(&scenario, &trace);
        assert_eq!(rules(&verdict), [RuleId::EnvelopeTagChecked]);
    }
}

#[test]
fn first_list_of_resources_then_no_answer_yet() {
    let scenario = scenario("- connect\n- send: key\n- send: handshake\n- expect-established\n");
    let begin = vec![
        (0, EventKind::Opened),
        (0, EventKind::KeyExchanged),
        (1, sent("key")),
        (2, sent("handshake")),
        (3, fence_sent()),
        (3, verified()),
        (3, resources()),
        (3, manifest()),
    ];
    let open = judge(&scenario, &trace(begin.clone()));
    assert!(matches!(open, Verdict::Inconclusive { .. }));
    let answered = begin.into_iter().chain([(3, resources())]).collect();
    assert_eq!(rules(&judge(&scenario, &trace(answered))), []);
}

#[test]
fn noticed_beside_the_steps_then_a_finding_and_the_claim_is_judged() {
    let violation = Violation::auth(RuleId::HandshakeSecretAfterVerification, "a secret");
    let verdict = verdict(vec![
        (2, EventKind::Noticed(violation)),
        (2, EventKind::Alive),
    ]);
    assert_eq!(rules(&verdict), [RuleId::HandshakeSecretAfterVerification]);
}
