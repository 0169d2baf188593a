//! Steps that wait for one thing while others may come.

use super::*;

const ESTABLISHED: &str = "steps:\n  - probe: serves-a-new-session\n  - establish\n";

fn awaiting(pattern: &str) -> Scenario {
    case(
        Role::Responder,
        &format!("steps:\n  - establish\n  - expect: {pattern}\n"),
    )
}

#[test]
fn key_exchange_came_then_what_is_behind_it_is_left() {
    let case = case(Role::Responder, "steps:\n  - connect\n  - expect: key\n");
    let trace = main(vec![EventKind::Opened, EventKind::KeyExchanged, verified()]);
    assert_eq!(reading(&case, &trace), met_at(1));
}

#[test]
fn handshake_before_the_key_exchange_then_not_the_awaited_one() {
    let case = case(Role::Responder, "steps:\n  - connect\n  - expect: key\n");
    let seen = what_was_seen(reading(&case, &main(vec![EventKind::Opened, verified()])));
    assert_eq!(seen, "the peer's handshake");
}

#[test]
fn handshake_that_verified_then_it_is_the_awaited_one() {
    let case = case(
        Role::Responder,
        "steps:\n  - connect\n  - expect: handshake\n",
    );
    let trace = main(vec![EventKind::Opened, verified()]);
    assert_eq!(reading(&case, &trace), met_at(1));
    let seen = what_was_seen(reading(
        &case,
        &main(vec![EventKind::Opened, EventKind::KeyExchanged]),
    ));
    assert_eq!(seen, "the peer's part of the key exchange");
}

#[test]
fn handshake_with_fields_then_these_are_compared() {
    let trace = main(vec![EventKind::Opened, verified()]);
    let right = awaiting("{ handshake: { instanceId: the-peer } }");
    assert_eq!(reading(&right, &trace), met_at(1));
    let wrong = awaiting("{ handshake: { instanceId: another } }");
    assert!(what_was_seen(reading(&wrong, &trace)).contains("the-peer"));
}

#[test]
fn handshake_while_an_item_is_awaited_then_that_is_what_was_seen() {
    let case = awaiting("{ requestOperationData: { opIds: [7] } }");
    let seen = what_was_seen(reading(&case, &main(vec![EventKind::Opened, verified()])));
    assert_eq!(seen, "the peer's handshake");
}

#[test]
fn what_a_session_begins_with_while_an_item_is_awaited_then_it_may_come() {
    let case = awaiting("{ requestOperationData: { opIds: [7] } }");
    let trace = main(with(
        up(),
        vec![config(), resources(), heartbeat(), config(), request(7)],
    ));
    assert_eq!(reading_behind_up(&case, &trace), met_at(9));
}

#[test]
fn another_item_of_the_awaited_action_then_its_difference_is_told() {
    let case = awaiting("{ requestOperationData: { opIds: [7] } }");
    let trace = main(with(up(), vec![request(8)]));
    let Reading::Failed(broken) = reading_behind_up(&case, &trace) else {
        panic!("no failure");
    };
    assert_eq!(broken.event, Some(5));
    assert!(broken.expected.contains('7') && broken.seen.contains('8'));
}

#[test]
fn item_of_another_action_then_a_surprise() {
    let case = awaiting("{ requestOperationData: { opIds: [7] } }");
    let trace = main(with(
        up(),
        vec![
            heartbeat(),
            received(Action::ReceiveOperations(<_>::default())),
        ],
    ));
    assert_eq!(
        what_was_seen(reading_behind_up(&case, &trace)),
        "receiveOperations"
    );
}

#[test]
fn host_showed_config_and_resources_then_established() {
    let case = case(Role::Responder, ESTABLISHED);
    let shown = vec![config(), resources()];
    assert_eq!(reading(&case, &main(with(up(), shown))), met_at(6));
    for missing in [vec![config(), config()], vec![resources(), heartbeat()]] {
        assert!(is_open(&reading(&case, &main(with(up(), missing)))));
    }
}

#[test]
fn client_showed_its_manifest_too_then_established() {
    let case = case(Role::Initiator, ESTABLISHED);
    let without = vec![config(), resources()];
    assert!(is_open(&reading(&case, &main(with(up(), without.clone())))));
    let all = with(without, vec![manifest()]);
    assert_eq!(reading(&case, &main(with(up(), all))), met_at(7));
}

#[test]
fn item_that_nobody_asked_for_then_not_established() {
    let case = case(Role::Responder, ESTABLISHED);
    let trace = main(with(up(), vec![config(), request(7), resources()]));
    assert_eq!(
        what_was_seen(reading(&case, &trace)),
        "requestOperationData"
    );
}

#[test]
fn settled_then_up_or_over() {
    let case = case(
        Role::Responder,
        "steps:\n  - connect\n  - fence\n  - settle\n",
    );
    let shown = vec![config(), resources()];
    assert_eq!(reading(&case, &main(with(up(), shown))), met_at(6));
    let over = vec![ended(Code::PermissionDenied)];
    assert_eq!(reading(&case, &main(with(up(), over))), met_at(5));
    assert!(is_open(&reading(&case, &main(up()))));
}

#[test]
fn fence_of_this_stream_then_its_answer_counts_and_no_other() {
    let case = case(Role::Responder, "steps:\n  - establish\n  - fence\n");
    let answered = main(with(
        up(),
        vec![config(), fence_sent(), heartbeat(), request(FENCE)],
    ));
    assert_eq!(reading_behind_up(&case, &answered), met_at(8));
    let another = main(with(up(), vec![fence_sent(), request(7)]));
    assert_eq!(
        what_was_seen(reading_behind_up(&case, &another)),
        "requestOperationData"
    );
    let before = main(with(up(), vec![request(FENCE), fence_sent()]));
    assert_eq!(
        what_was_seen(reading_behind_up(&case, &before)),
        "requestOperationData"
    );
}

#[test]
fn fence_of_an_earlier_stream_then_its_answer_does_not_count() {
    let case = case(Role::Responder, "steps:\n  - establish\n  - fence\n");
    let anew = with(
        up(),
        with(vec![fence_sent()], with(up(), vec![request(FENCE)])),
    );
    let trace = main(anew);
    let reading = reading_from(6, &case, &trace);
    assert_eq!(
        what_was_seen(reading),
        "the peer's part of the key exchange"
    );
    let reading = reading_from(11, &case, &trace);
    assert_eq!(what_was_seen(reading), "requestOperationData");
}

#[test]
fn session_that_must_serve_then_its_beginning_is_no_answer() {
    let case = case(
        Role::Responder,
        "steps:\n  - connect\n  - send: key\n  - send: handshake\n  - expect-established\n",
    );
    let begun = with(up(), vec![fence_sent(), config(), resources()]);
    assert!(is_open(&reading(&case, &main(begun.clone()))));
    assert_eq!(
        reading(&case, &main(with(begun, vec![request(FENCE)]))),
        met_at(8)
    );
}

#[test]
fn http_status_then_it_is_compared() {
    let case = case(
        Role::Responder,
        "steps:\n  - connect\n  - expect-http: { status: 415 }\n",
    );
    let answered = |status| {
        main(vec![
            EventKind::Opened,
            EventKind::Answered {
                status,
                content_type: String::new(),
            },
        ])
    };
    assert_eq!(reading(&case, &answered(415)), met_at(1));
    assert_eq!(
        what_was_seen(reading(&case, &answered(200))),
        "HTTP status 200"
    );
    let end = EventKind::Ended(End::Http {
        status: 415,
        content_type: String::new(),
    });
    assert_eq!(
        reading(&case, &main(vec![EventKind::Opened, end])),
        met_at(1)
    );
}

#[test]
fn surprises_then_each_is_told_in_its_own_words() {
    let case = awaiting("{ requestOperationData: { opIds: [7] } }");
    let clear = EventKind::Clear(SyncStreamItem {
        action: Some(Action::Heartbeat(<_>::default())),
    });
    let not_opened = EventKind::NotOpened(crate::trace::LinkFailure {
        stage: crate::trace::Stage::Tcp,
        seen: "refused".to_owned(),
    });
    for (event, seen) in [
        (
            ended(Code::Internal),
            "the stream ended with status internal",
        ),
        (not_opened, "no stream: refused at step tcp"),
        (clear, "heartbeat in the clear"),
        (
            EventKind::Unopened,
            "a sealed item for other keys than ours",
        ),
        (passed(), "nothing within 2.0 s"),
        (EventKind::Flooded, "more events than a trace keeps"),
    ] {
        let trace = main(with(up(), vec![event]));
        // The mark is behind the handshakes.
        let reading = reading_behind_up(&case, &trace);
        assert_eq!(what_was_seen(reading), seen);
    }
}

#[test]
fn our_own_doings_then_no_surprise() {
    let case = awaiting("{ requestOperationData: { opIds: [7] } }");
    let ours = vec![
        sent("heartbeat"),
        EventKind::HalfClosed,
        EventKind::Stalled,
        EventKind::Called("GetPeerSyncStatesStream".to_owned()),
        request(7),
    ];
    let reading = reading_behind_up(&case, &main(with(up(), ours)));
    assert_eq!(reading, met_at(9));
}
