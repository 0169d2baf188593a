//! Clients that were waited for.

use super::*;

fn listening() -> Listening {
    Listening {
        url: "http://127.0.0.1:9898/doctor".to_owned(),
        keyid: "ed25519.ours".to_owned(),
        instance_id: "us".to_owned(),
        kem_id: KemId::default(),
        client: None,
        protocol: None,
    }
}

fn client(edit: impl FnOnce(&mut ClientCall)) -> ClientSeen {
    let mut call = ClientCall {
        keyed: true,
        key_exchange: Some(Duration::from_millis(3)),
        client: Some(host("ed25519.client")),
        went_on: true,
        served: Some(Duration::from_millis(9)),
        ..ClientCall::new(RpcProtocol::Connect)
    };
    edit(&mut call);
    ClientSeen {
        call: Some(call),
        ..ClientSeen::default()
    }
}

#[test]
fn speaks_another_protocol_than_it_is_taken_to_then_told_which() {
    let taken_for = |protocol| {
        let listening = Listening {
            protocol,
            ..listening()
        };
        diagnose_client(
            &listening,
            &client(|call| call.protocol = RpcProtocol::Grpc),
        )
    };
    for as_it_is in [None, Some(RpcProtocol::Grpc)] {
        assert_eq!(taken_for(as_it_is).mistake(), None);
    }
    let diagnosis = taken_for(Some(RpcProtocol::Connect));
    let check = diagnosis.mistake().unwrap();
    assert_eq!(check.step, Step::Rpc);
    let advice = check.advice().unwrap();
    assert!(advice.contains("`protocols = [\"grpc\"]`"), "{advice}");
}

#[test]
fn client_that_goes_on_then_all_is_well() {
    let diagnosis = diagnose_client(&listening(), &client(|_| {}));
    assert_eq!((diagnosis.mistake(), diagnosis.notes().count()), (None, 0));
    assert!(diagnosis.not_reached.is_empty(), "{diagnosis:?}");
    assert_eq!(diagnosis.round_trip, Duration::from_millis(9));
}

#[test]
fn client_of_the_suite_under_another_name_then_noted() {
    let with = |named| {
        let listening = Listening {
            client: named,
            ..listening()
        };
        diagnose_client(&listening, &client(|_| {}))
    };
    assert_eq!(with(Some("a host")).notes().count(), 0);
    let diagnosis = with(Some("another"));
    let notes: Vec<_> = diagnosis.notes().map(|note| note.step).collect();
    assert_eq!(
        (diagnosis.mistake(), notes),
        (None, vec![Step::Provisioning])
    );
}

#[test]
fn client_that_breaks_a_rule_then_defect_wherever_it_does() {
    for went_on in [false, true] {
        let broken = client(|call| {
            (call.went_on, call.served) = (went_on, None);
            let seen = "a nonce that was used before";
            call.broke = Some(Violation::session(RuleId::EnvelopeReplayRefused, seen));
        });
        let diagnosis = diagnose_client(&listening(), &broken);
        assert_eq!(diagnosis.mistake(), None, "{diagnosis:?}");
        let defect = diagnosis.defect().map(|check| check.step);
        assert_eq!(defect, Some(Step::Provisioning));
    }
}

#[test]
fn several_sessions_then_what_is_the_same_is_told_once_and_the_slowest_counts() {
    let over = |protocol, served| {
        let served = Some(Duration::from_millis(served));
        let seen = client(|call| (call.protocol, call.served) = (protocol, served));
        diagnose_client(&listening(), &seen)
    };
    let both = over(RpcProtocol::Grpc, 20).and(over(RpcProtocol::Connect, 10));
    let times = |step| {
        both.checks
            .iter()
            .filter(|check| check.step == step)
            .count()
    };
    assert_eq!((times(Step::Listen), times(Step::Rpc)), (1, 2));
    assert_eq!(both.round_trip, Duration::from_millis(20));
}

#[test]
fn client_that_does_not_then_each_has_its_own_mistake() {
    let not_listening = |taken| ClientSeen {
        not_listening: Some(NotListening {
            taken,
            seen: String::new(),
        }),
        ..ClientSeen::default()
    };
    let strays = |stray| ClientSeen {
        strays: vec![stray],
        ..ClientSeen::default()
    };
    let end = || {
        Some(Stop::Ended(End::Reset {
            reason: "CANCEL".to_owned(),
        }))
    };
    for (seen, expected) in [
        (not_listening(true), (Step::Listen, "port-taken")),
        (not_listening(false), (Step::Listen, "cannot-listen")),
        (ClientSeen::default(), (Step::Dialled, "never-dials")),
        (
            strays(Stray::Path("/x/Sync".to_owned())),
            (Step::Path, "dials-wrong-path"),
        ),
        (strays(Stray::Tls), (Step::Http2, "dials-tls")),
        (
            strays(Stray::NotHttp2("POST / HTTP/1.1".to_owned())),
            (Step::Http2, "dials-http1"),
        ),
        (strays(Stray::NoCall), (Step::Http2, "makes-no-call")),
        (
            strays(Stray::Method("GET".to_owned())),
            (Step::Rpc, "calls-otherwise"),
        ),
        (
            strays(Stray::ContentType(String::new())),
            (Step::Rpc, "calls-otherwise"),
        ),
        (
            client(|call| {
                (call.keyed, call.client, call.went_on) = (false, None, false);
                call.stop = Some(silent(AfterHalfClose::Nothing));
            }),
            (Step::KeyExchange, "client-silent"),
        ),
        (
            client(|call| {
                (call.client, call.went_on, call.stop) = (None, false, end());
            }),
            (Step::KeyId, "other-host-pinned"),
        ),
        (
            client(|call| {
                call.went_on = false;
                call.stop = Some(silent(AfterHalfClose::Nothing));
            }),
            (Step::KeyId, "other-host-pinned"),
        ),
        (
            client(|call| {
                call.served = None;
                call.stop = Some(silent(AfterHalfClose::Nothing));
            }),
            (Step::Provisioning, "client-stops"),
        ),
        (
            client(|call| call.came_again = true),
            (Step::Provisioning, "two-clients-one-identity"),
        ),
    ] {
        assert_eq!(
            failure(&diagnose_client(&listening(), &seen)),
            expected,
            "{seen:?}"
        );
    }
}

#[test]
fn wrong_path_dialled_then_it_and_the_right_url_are_named() {
    let seen = ClientSeen {
        strays: vec![Stray::Path("/backrest/x".to_owned())],
        ..ClientSeen::default()
    };
    let diagnosis = diagnose_client(&listening(), &seen);
    let check = diagnosis.mistake().unwrap();
    assert!(check.seen.contains("/backrest/x"));
    assert!(
        check
            .advice()
            .unwrap()
            .contains("http://127.0.0.1:9898/doctor")
    );
}
