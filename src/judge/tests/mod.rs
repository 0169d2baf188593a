//! Hand-written traces, one for each kind of finding: a judge that cannot say "fail" is worth nothing.

mod of_a_client;

use std::time::Duration;

use super::*;
use crate::{
    scenario::by_hand::case_of,
    session::Violation,
    trace::{
        End, Event, LinkFailure, Stage,
        by_hand::{
            FENCE, config, ended, fence_sent, heartbeat, received, request, resources, sent,
            verified,
        },
    },
    wire::{
        Action, Code, Role, RpcProtocol, v1sync::RemoteConfig,
        v1sync::sync_stream_item::SyncActionReceiveConfig,
    },
};

const RULES: &str = "rules: [envelope.tag-checked, close.other-code]\ntarget: responder\n";

fn scenario(steps: &str) -> Scenario {
    let text = format!("about: A claim.\n{RULES}steps:\n{steps}");
    case_of(&text, Role::Responder, RpcProtocol::Grpc)
}

/// Events of the main session, each at the step it belongs to.
fn trace(events: Vec<(usize, EventKind)>) -> Trace {
    Trace {
        events: events
            .into_iter()
            .enumerate()
            .map(|(index, (step, kind))| Event {
                at: Duration::from_millis(index as u64),
                step,
                session: "main".to_owned(),
                kind,
            })
            .collect(),
    }
}

/// What an honest `establish` leaves, at step 0.
fn up() -> Vec<(usize, EventKind)> {
    vec![
        (0, EventKind::Opened),
        (0, sent("key")),
        (0, EventKind::KeyExchanged),
        (0, sent("handshake")),
        (0, verified()),
        (0, config()),
        (0, resources()),
    ]
}

fn after_up(more: Vec<(usize, EventKind)>) -> Trace {
    trace(up().into_iter().chain(more).collect())
}

fn findings(scenario: &Scenario, trace: &Trace) -> Vec<Finding> {
    match judge(scenario, trace) {
        Verdict::Judged(findings) => findings,
        Verdict::Inconclusive { reason, .. } => panic!("not judged: {reason}"),
    }
}

fn rules_broken(scenario: &Scenario, trace: &Trace) -> Vec<RuleId> {
    findings(scenario, trace)
        .into_iter()
        .map(|finding| finding.rule)
        .collect()
}

const REFUSED: &str =
    "  - establish\n  - send: { heartbeat: {} }\n  - expect-refused: { code: internal }\n";

#[test]
fn refused_with_the_code_then_nothing_is_broken() {
    let trace = after_up(vec![(1, sent("heartbeat")), (2, ended(Code::Internal))]);
    assert_eq!(rules_broken(&scenario(REFUSED), &trace), []);
}

#[test]
fn refused_with_another_error_code_then_only_the_code_rule_is_broken() {
    let trace = after_up(vec![(1, sent("heartbeat")), (2, ended(Code::Unknown))]);
    let scenario = scenario(REFUSED);
    assert_eq!(rules_broken(&scenario, &trace), [RuleId::CloseOtherCode]);
    let verdict = judge(&scenario, &trace);
    assert!(!verdict.breaks(Level::Must) && verdict.breaks(Level::Deployed));
}

#[test]
fn refused_with_ok_then_a_must_is_broken() {
    let trace = after_up(vec![(1, sent("heartbeat")), (2, ended(Code::Ok))]);
    let scenario = scenario(REFUSED);
    assert_eq!(
        rules_broken(&scenario, &trace),
        [RuleId::CloseFailureIsNotOk]
    );
    assert!(judge(&scenario, &trace).breaks(Level::Must));
}

#[test]
fn stream_reset_where_a_status_is_owed_then_that_rule_is_broken() {
    let reset = EventKind::Ended(End::Reset {
        reason: "CANCEL".to_owned(),
    });
    let trace = after_up(vec![(1, sent("heartbeat")), (2, reset)]);
    assert_eq!(
        rules_broken(&scenario(REFUSED), &trace),
        [RuleId::RpcEndHasStatus]
    );
}

#[test]
fn fence_answered_after_what_must_be_refused_then_the_claim_is_broken() {
    let trace = after_up(vec![
        (1, sent("heartbeat")),
        (2, fence_sent()),
        (2, request(FENCE)),
    ]);
    let found = findings(&scenario(REFUSED), &trace);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rule, RuleId::EnvelopeTagChecked);
    assert_eq!(found[0].step, Some(3));
    assert_eq!(found[0].event, Some(9));
    assert!(found[0].seen.contains("goes on"));
}

#[test]
fn item_before_the_end_then_the_claim_is_broken_but_background_is_not_blamed() {
    let acted_on = after_up(vec![
        (1, sent("heartbeat")),
        (2, request(7)),
        (2, ended(Code::Internal)),
    ]);
    assert_eq!(
        rules_broken(&scenario(REFUSED), &acted_on),
        [RuleId::EnvelopeTagChecked]
    );
    let background = after_up(vec![
        (1, sent("heartbeat")),
        (2, heartbeat()),
        (2, ended(Code::Internal)),
    ]);
    assert_eq!(rules_broken(&scenario(REFUSED), &background), []);
}

#[test]
fn background_before_our_handshake_then_no_excuse() {
    let scenario = scenario(
        "  - connect\n  - send: key\n  - expect: key\n  - expect-closed: { code: internal }\n",
    );
    let trace = trace(vec![
        (0, EventKind::Opened),
        (1, sent("key")),
        (2, EventKind::KeyExchanged),
        (3, verified()),
        (3, config()),
    ]);
    assert_eq!(
        rules_broken(&scenario, &trace),
        [RuleId::EnvelopeTagChecked]
    );
}

#[test]
fn nothing_within_the_deadline_then_the_claim_is_broken() {
    let waited = Duration::from_secs(5);
    let trace = after_up(vec![
        (1, sent("heartbeat")),
        (2, EventKind::DeadlinePassed { waited }),
    ]);
    let found = findings(&scenario(REFUSED), &trace);
    assert_eq!(found[0].rule, RuleId::EnvelopeTagChecked);
    assert!(found[0].seen.contains("5.0 s"), "{}", found[0].seen);
}

#[test]
fn unequal_field_then_its_path_and_both_values_are_told() {
    let scenario =
        scenario("  - establish\n  - expect: { receiveConfig: { config: { modno: 4 } } }\n");
    let config = RemoteConfig {
        modno: 5,
        ..RemoteConfig::default()
    };
    let trace = after_up(vec![(
        1,
        received(Action::ReceiveConfig(SyncActionReceiveConfig {
            config: Some(config),
        })),
    )]);
    let found = findings(&scenario, &trace);
    assert_eq!(found.len(), 1);
    assert!(found[0].expected.contains("modno") && found[0].expected.contains('4'));
    assert!(found[0].seen.contains('5'));
}

#[test]
fn fence_answered_by_another_request_first_then_the_claim_is_broken() {
    let scenario = scenario("  - establish\n  - fence\n");
    let trace = after_up(vec![
        (1, fence_sent()),
        (1, request(7)),
        (1, request(FENCE)),
    ]);
    assert_eq!(
        rules_broken(&scenario, &trace),
        [RuleId::EnvelopeTagChecked]
    );
}

#[test]
fn forbidden_action_anywhere_then_the_claim_is_broken() {
    let scenario = scenario("  - establish\n  - fence\n  - expect-never: [heartbeat]\n");
    let trace = after_up(vec![
        (1, heartbeat()),
        (1, fence_sent()),
        (1, request(FENCE)),
    ]);
    assert_eq!(
        rules_broken(&scenario, &trace),
        [RuleId::EnvelopeTagChecked]
    );
}

#[test]
fn forbidden_action_in_another_session_than_the_named_one_then_no_finding() {
    let scenario = |on: &str| {
        scenario(&format!(
            "  - establish\n  - establish:\n    on: other\n  - expect-never: [heartbeat]\n    on: {on}\n"
        ))
    };
    let mut trace = after_up(Vec::new());
    let other = after_up(vec![(0, heartbeat())]).events.into_iter();
    trace.events.extend(other.map(|event| Event {
        step: 1,
        session: "other".to_owned(),
        ..event
    }));
    assert_eq!(
        rules_broken(&scenario("other"), &trace),
        [RuleId::EnvelopeTagChecked]
    );
    assert_eq!(rules_broken(&scenario("main"), &trace), []);
}

#[test]
fn forbidden_action_in_the_session_of_a_probe_then_not_blamed() {
    let scenario = scenario("  - establish\n  - fence\n  - expect-never: [heartbeat]\n");
    let mut trace = after_up(vec![(1, fence_sent()), (1, request(FENCE))]);
    trace.events.push(Event {
        at: Duration::from_secs(1),
        step: 1,
        session: PROBE_SESSION.to_owned(),
        kind: heartbeat(),
    });
    assert_eq!(rules_broken(&scenario, &trace), []);
}

#[test]
fn state_service_that_ends_its_call_then_blamed_only_where_the_claim_is_about_it() {
    let judged = |rule: &str| {
        let text = format!(
            "about: A claim.\nrules: [{rule}]\ntarget: responder\nsteps:\n  - establish\n  - expect-state: {{ is: {{ knownPlans: [] }} }}\n"
        );
        let scenario = case_of(&text, Role::Responder, RpcProtocol::Grpc);
        let mut trace = after_up(Vec::new());
        trace.events.push(Event {
            at: Duration::from_secs(1),
            step: 1,
            session: session_of(&scenario.steps[1]).to_owned(),
            kind: ended(Code::Unavailable),
        });
        judge(&scenario, &trace)
    };
    let Verdict::Judged(findings) = judged("state.fields") else {
        panic!("expected a finding")
    };
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (findings[0].rule, findings[0].step),
        (RuleId::StateFields, Some(2))
    );
    assert!(matches!(
        judged("responder.ids-are-text"),
        Verdict::Inconclusive { .. }
    ));
}

#[test]
fn rule_broken_beside_the_steps_then_found_all_the_same() {
    let scenario = scenario("  - establish\n  - fence\n");
    let odd = EventKind::Broke(Violation::session(
        RuleId::EnvelopeNonceCountsUp,
        "a skipped nonce",
    ));
    let trace = after_up(vec![(1, fence_sent()), (1, request(FENCE)), (1, odd)]);
    let found = findings(&scenario, &trace);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].rule, found[0].step),
        (RuleId::EnvelopeNonceCountsUp, None)
    );
}

#[test]
fn rule_broken_while_setting_up_then_that_rule_is_blamed() {
    let scenario = scenario("  - establish\n  - fence\n");
    let bad = EventKind::Broke(Violation::auth(
        RuleId::HandshakeOwnSignatureVerifies,
        "an invalid signature",
    ));
    let trace = trace(vec![
        (0, EventKind::Opened),
        (0, sent("key")),
        (0, EventKind::KeyExchanged),
        (0, bad),
    ]);
    assert_eq!(
        rules_broken(&scenario, &trace),
        [RuleId::HandshakeOwnSignatureVerifies]
    );
}

#[test]
fn session_never_up_then_not_judged_and_no_rule_is_blamed() {
    let scenario = scenario(REFUSED);
    for kind in [
        ended(Code::PermissionDenied),
        EventKind::NotOpened(LinkFailure {
            stage: Stage::Tcp,
            seen: "refused".to_owned(),
        }),
    ] {
        let verdict = judge(&scenario, &trace(vec![(0, kind)]));
        assert!(
            matches!(verdict, Verdict::Inconclusive { .. }),
            "{verdict:?}"
        );
        assert!(!verdict.breaks(Level::Deployed));
    }
}

#[test]
fn trace_that_stops_in_the_middle_then_not_judged() {
    let verdict = judge(&scenario(REFUSED), &after_up(vec![(1, sent("heartbeat"))]));
    assert!(
        matches!(verdict, Verdict::Inconclusive { .. }),
        "{verdict:?}"
    );
}

#[test]
fn peer_gone_at_the_probe_then_survival_is_blamed() {
    let scenario = scenario("  - establish\n  - fence\n  - probe: serves-a-new-session\n");
    let mut trace = after_up(vec![(1, fence_sent()), (1, request(FENCE))]);
    trace.events.push(Event {
        at: Duration::from_secs(1),
        step: 2,
        session: "probe".to_owned(),
        kind: EventKind::NotOpened(LinkFailure {
            stage: Stage::Tcp,
            seen: "refused".to_owned(),
        }),
    });
    assert_eq!(rules_broken(&scenario, &trace), [RuleId::ResponderSurvives]);
}

#[test]
fn http_status_other_than_asked_for_then_the_claim_is_broken() {
    let scenario = scenario("  - connect\n  - expect-http: { status: 415 }\n");
    let answered = |status| {
        trace(vec![
            (0, EventKind::Opened),
            (
                1,
                EventKind::Ended(End::Http {
                    status,
                    content_type: String::new(),
                }),
            ),
        ])
    };
    assert_eq!(rules_broken(&scenario, &answered(415)), []);
    assert_eq!(
        rules_broken(&scenario, &answered(404)),
        [RuleId::EnvelopeTagChecked]
    );
}

#[test]
fn call_that_is_the_claim_does_not_come_then_its_rule_is_broken() {
    let text = "about: A claim.\nrules: [initiator.redials-after-end]\ntarget: initiator\nsteps:\n  - connect\n  \
                - expect: key\n";
    let scenario = case_of(text, Role::Initiator, RpcProtocol::Grpc);
    let trace = trace(vec![(
        0,
        EventKind::NotOpened(LinkFailure {
            stage: Stage::Call,
            seen: "nobody called".to_owned(),
        }),
    )]);
    let Verdict::Judged(findings) = judge(&scenario, &trace) else {
        panic!("expected a finding");
    };
    assert_eq!(findings[0].rule, RuleId::InitiatorRedialsAfterEnd);
}

#[test]
fn no_stream_can_be_opened_then_not_judged_and_the_reason_is_told() {
    let refused = || {
        EventKind::NotOpened(LinkFailure {
            stage: Stage::Tcp,
            seen: "refused".to_owned(),
        })
    };
    let not_judged = |scenario: &Scenario, trace: &Trace| match judge(scenario, trace) {
        Verdict::Inconclusive { reason, .. } => reason,
        Verdict::Judged(findings) => panic!("blamed: {findings:?}"),
    };
    let reason = not_judged(
        &scenario("  - connect\n  - expect: key\n"),
        &trace(vec![(0, refused())]),
    );
    assert!(
        reason.contains("no stream could be opened: refused"),
        "{reason}"
    );
    // The claim is that a client calls again, and what fails is another step of its.
    let text = "about: A claim.\nrules: [initiator.redials-after-end]\ntarget: initiator\nsteps:\n  - establish\n  - fence\n";
    let scenario = case_of(text, Role::Initiator, RpcProtocol::Grpc);
    let reason = not_judged(&scenario, &trace(vec![(0, refused())]));
    assert!(
        reason.contains("no stream could be opened: refused"),
        "{reason}"
    );
}
