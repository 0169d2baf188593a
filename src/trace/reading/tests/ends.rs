//! Steps that want a stream to end, or a refusal to show.

use super::*;

fn closed(role: Role, ending: &str) -> Scenario {
    let steps = format!("steps:\n  - connect\n  - send: key\n  - expect-closed: {ending}\n");
    case(role, &steps)
}

fn refused(role: Role, ending: &str) -> Scenario {
    let steps = format!("steps:\n  - connect\n  - send: key\n  - expect-refused: {ending}\n");
    case(role, &steps)
}

fn remarks(reading: Reading) -> Vec<Option<RuleId>> {
    match reading {
        Reading::Satisfied { remarks, .. } => remarks.iter().map(|one| one.rule).collect(),
        other => panic!("not satisfied but {other:?}"),
    }
}

#[test]
fn code_as_asked_for_then_no_remark_and_another_one_is_remarked() {
    let case = closed(
        Role::Responder,
        "{ code: invalid-argument, also-allowed: [internal] }",
    );
    for (code, remarked) in [
        (Code::InvalidArgument, vec![]),
        (Code::Internal, vec![]),
        (
            Code::PermissionDenied,
            vec![Some(RuleId::CloseProtocolCode)],
        ),
    ] {
        let trace = main(vec![EventKind::Opened, ended(code)]);
        assert_eq!(remarks(reading(&case, &trace)), remarked);
    }
    // The step uses the end up, and nothing behind it.
    let trace = main(vec![
        EventKind::Opened,
        ended(Code::Internal),
        EventKind::Opened,
    ]);
    assert_eq!(reading(&case, &trace), met_at(1));
}

#[test]
fn code_rules_then_each_code_has_its_own() {
    for (code, rule) in [
        ("permission-denied", RuleId::CloseAuthCode),
        ("invalid-argument", RuleId::CloseProtocolCode),
        ("internal", RuleId::CloseOtherCode),
    ] {
        let case = closed(Role::Responder, &format!("{{ code: {code} }}"));
        let trace = main(vec![EventKind::Opened, ended(Code::Unavailable)]);
        assert_eq!(remarks(reading(&case, &trace)), [Some(rule)]);
    }
}

#[test]
fn no_code_asked_for_then_any_error_will_do_but_ok() {
    let case = closed(Role::Responder, "{}");
    let end = |code| main(vec![EventKind::Opened, ended(code)]);
    assert_eq!(remarks(reading(&case, &end(Code::Unknown))), []);
    let Reading::Failed(broken) = reading(&case, &end(Code::Ok)) else {
        panic!("no failure");
    };
    assert_eq!(broken.rule, Some(RuleId::CloseFailureIsNotOk));
}

#[test]
fn ok_where_it_is_allowed_then_no_failure() {
    for ending in ["{ code: ok }", "{ code: internal, also-allowed: [ok] }"] {
        let case = closed(Role::Responder, ending);
        let trace = main(vec![EventKind::Opened, ended(Code::Ok)]);
        assert_eq!(remarks(reading(&case, &trace)), []);
    }
}

#[test]
fn reset_then_a_status_was_owed_unless_the_step_says_otherwise() {
    let reset = || {
        main(vec![
            EventKind::Opened,
            EventKind::Ended(End::Reset {
                reason: "CANCEL".to_owned(),
            }),
        ])
    };
    let strict = closed(Role::Responder, "{ code: internal }");
    assert_eq!(
        remarks(reading(&strict, &reset())),
        [Some(RuleId::RpcEndHasStatus)]
    );
    let lenient = closed(Role::Responder, "{ code: internal, or-reset: true }");
    assert_eq!(remarks(reading(&lenient, &reset())), []);
}

#[test]
fn client_has_no_status_to_give_then_any_end_will_do() {
    let case = closed(Role::Initiator, "{}");
    for end in [
        End::HalfClosed,
        End::NoStatus,
        End::Lost {
            reason: "reset".to_owned(),
        },
    ] {
        let trace = main(vec![EventKind::Opened, EventKind::Ended(end)]);
        assert_eq!(remarks(reading(&case, &trace)), []);
    }
}

#[test]
fn still_open_at_the_deadline_then_that_is_what_was_seen() {
    let case = closed(Role::Responder, "{ code: internal }");
    let seen = what_was_seen(reading(&case, &main(vec![EventKind::Opened, passed()])));
    assert_eq!(seen, "the stream stands open after 2.0 s");
}

#[test]
fn handshake_of_a_host_then_it_may_come_before_what_is_refused() {
    let case = closed(Role::Responder, "{ code: invalid-argument }");
    let spoilt = sent_with("key", None, &["version: 2"]);
    for handshake in [verified(), EventKind::Unopened] {
        let trace = main(vec![
            EventKind::Opened,
            spoilt.clone(),
            handshake,
            ended(Code::InvalidArgument),
        ]);
        assert_eq!(remarks(reading(&case, &trace)), []);
    }
}

#[test]
fn handshake_of_a_client_then_only_behind_keys_that_were_good() {
    let case = refused(Role::Initiator, "{}");
    let trace = |key: EventKind| {
        main(vec![
            EventKind::Opened,
            EventKind::KeyExchanged,
            key,
            verified(),
            EventKind::Ended(End::HalfClosed),
        ])
    };
    assert_eq!(remarks(reading(&case, &trace(sent("key")))), []);
    let spoilt = sent_with("key", None, &["encapsulation: missing"]);
    assert!(what_was_seen(reading(&case, &trace(spoilt))).contains("took what it was sent"));
    // What was sent as a handshake was sealed, so there were keys.
    let handshake = sent_with("handshake", None, &["signature: zero"]);
    assert_eq!(remarks(reading(&case, &trace(handshake))), []);
}

#[test]
fn key_exchange_of_a_client_then_it_comes_by_itself_and_a_hosts_does_not() {
    let events = || {
        main(vec![
            EventKind::Opened,
            EventKind::KeyExchanged,
            EventKind::Ended(End::HalfClosed),
        ])
    };
    assert_eq!(
        remarks(reading(&closed(Role::Initiator, "{}"), &events())),
        []
    );
    let seen = what_was_seen(reading(&closed(Role::Responder, "{}"), &events()));
    assert_eq!(seen, "the peer's part of the key exchange");
}

#[test]
fn background_before_our_handshake_then_it_must_not_have_come() {
    let case = closed(Role::Responder, "{ code: internal }");
    let early = main(vec![
        EventKind::Opened,
        verified(),
        config(),
        ended(Code::Internal),
    ]);
    let seen = what_was_seen(reading(&case, &early));
    assert_eq!(seen, "receiveConfig came, which must not have come");
    let behind = main(with(up(), vec![config(), ended(Code::Internal)]));
    assert_eq!(remarks(reading_behind_up(&case, &behind)), []);
}

#[test]
fn fence_answered_then_it_goes_on_which_only_some_steps_allow() {
    let events = || {
        main(with(
            up(),
            vec![fence_sent(), request(7), request(FENCE), passed()],
        ))
    };
    let strict = refused(Role::Responder, "{ code: internal }");
    let fenced = main(with(up(), vec![fence_sent(), request(FENCE)]));
    assert_eq!(
        what_was_seen(reading_behind_up(&strict, &fenced)),
        "the stream goes on: the fence was answered"
    );
    let lenient = refused(Role::Responder, "{ code: internal, or-goes-on: true }");
    let reading = reading_behind_up(&lenient, &events());
    assert_eq!(reading, met_at(7), "what serving it brings is passed over");
}

#[test]
fn resources_behind_a_fence_of_a_client_then_the_second_list_is_the_answer() {
    let case = refused(Role::Initiator, "{}");
    let first = with(up(), vec![fence_sent(), resources()]);
    assert!(is_open(&reading_behind_up(&case, &main(first.clone()))));
    let second = main(with(first, vec![resources()]));
    assert_eq!(
        what_was_seen(reading_behind_up(&case, &second)),
        "the stream goes on: the fence was answered"
    );
}

#[test]
fn client_that_dialled_anew_then_what_it_began_before_is_another_stream() {
    let case = refused(Role::Initiator, "{}");
    let first = with(up(), vec![resources(), fence_sent()]);
    let again = with(first, with(up(), vec![resources(), EventKind::Alive]));
    let reading = reading_from(7, &case, &main(again));
    assert_eq!(reading, met_at(13));
}

#[test]
fn operations_and_throttling_of_a_client_then_they_come_by_themselves() {
    let case = refused(Role::Initiator, "{}");
    let background = vec![
        heartbeat(),
        received(Action::Throttle(<_>::default())),
        received(Action::ReceiveOperations(<_>::default())),
        manifest(),
        EventKind::Alive,
    ];
    let trace = main(with(up(), background));
    assert_eq!(reading_behind_up(&case, &trace), met_at(9));
}

#[test]
fn a_host_shares_repos_unasked_and_a_client_does_not() {
    let shared = || {
        vec![
            received(Action::SetConfig(<_>::default())),
            EventKind::Alive,
        ]
    };
    for (role, is_background) in [(Role::Responder, true), (Role::Initiator, false)] {
        let case = refused(role, "{}");
        let reading = reading_behind_up(&case, &main(with(up(), shared())));
        assert_eq!(reading == met_at(6), is_background, "{reading:?}");
    }
}
