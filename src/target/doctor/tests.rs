//! Hand-written observations, and what is made of them.

use std::time::Duration;

use super::{seen::*, *};
use crate::{
    crypto::{identity::Identity, kem::KemId},
    rules::RuleId,
    scenario::fixtures,
    session::{VerifiedPeer, Violation},
    trace::End,
    wire::{Code, RpcProtocol},
};

const URL: &str = "https://backup.example.org/backrest";
const WAITED: Duration = Duration::from_secs(5);

fn ours() -> VerifiedPeer {
    host(Identity::from_seed(&fixtures::seed_of("host")).keyid())
}

fn host(keyid: &str) -> VerifiedPeer {
    VerifiedPeer {
        keyid: keyid.to_owned(),
        instance_id: "a host".to_owned(),
        pairing_secret: String::new(),
    }
}

/// A call that went as far as the host's handshake.
fn met(protocol: RpcProtocol, host: VerifiedPeer) -> Call {
    Call {
        answer: Some(Answer {
            status: 200,
            ..Answer::default()
        }),
        key_exchange: Some(Duration::from_millis(3)),
        kem_id: Some(KemId::MlKem1024P384),
        host: Some(host),
        ..Call::new(protocol)
    }
}

/// A call that stopped before anything of the session came.
fn stopped(protocol: RpcProtocol, stop: Stop) -> Call {
    Call {
        stop: Some(stop),
        ..Call::new(protocol)
    }
}

fn http(status: u16, content_type: &str) -> Stop {
    Stop::Ended(End::Http {
        status,
        content_type: content_type.to_owned(),
    })
}

fn status(code: Code) -> Stop {
    Stop::Ended(End::Status {
        code,
        message: String::new(),
    })
}

fn silent(then: AfterHalfClose) -> Stop {
    Stop::Silent {
        waited: WAITED,
        then,
    }
}

fn seen(calls: Vec<Call>) -> HostSeen {
    HostSeen {
        connection: Ok(Reached {
            address: "203.0.113.7:443".parse().unwrap(),
            connect: Duration::from_millis(12),
        }),
        calls,
        answers_without_prefix: false,
        grpc_web: None,
        state_service: None,
        watched: None,
        clock_ahead_s: Some(0),
        server: None,
    }
}

fn unreached(fault: Fault, said: &str) -> HostSeen {
    HostSeen {
        connection: Err(Unreached {
            fault,
            seen: said.to_owned(),
            address: None,
        }),
        ..seen(Vec::new())
    }
}

fn wanted() -> Wanted {
    Wanted {
        protocols: vec![RpcProtocol::Connect],
        kem_id: KemId::MlKem1024P384,
        keyid: None,
        provisioned: Provisioned::IfOurs,
        clock_must_agree: true,
    }
}

fn diagnosed(url: &str, seen: &HostSeen) -> Diagnosis {
    diagnose_host(url, Some(seen), &wanted())
}

/// The step and the word of the one failure.
fn failure(diagnosis: &Diagnosis) -> (Step, &'static str) {
    let failed: Vec<_> = diagnosis
        .checks
        .iter()
        .filter_map(|check| match &check.standing {
            Standing::Failed(mistake) => Some((check.step, mistake.id())),
            _ => None,
        })
        .collect();
    assert_eq!(failed.len(), 1, "{diagnosis:#?}");
    failed[0]
}

fn failure_of_call(stop: Stop) -> (Step, &'static str) {
    failure(&diagnosed(
        URL,
        &seen(vec![stopped(RpcProtocol::Connect, stop)]),
    ))
}

#[test]
fn host_that_answers_both_protocols_then_all_is_well() {
    let calls = RpcProtocol::ALL.map(|protocol| met(protocol, host("ed25519.x")));
    let diagnosis = diagnosed(URL, &seen(calls.to_vec()));
    assert_eq!(diagnosis.mistake(), None);
    assert_eq!(diagnosis.notes().count(), 0);
    assert_eq!(diagnosis.round_trip, Duration::from_millis(3));
    assert_eq!(diagnosis.not_reached, [Step::StateService]);
    assert_eq!(diagnosis.to_json()["ok"], true);
}

#[test]
fn no_connection_then_each_fault_has_its_own_mistake() {
    use Fault as F;
    for (fault, said, expected) in [
        (F::Url, "", (Step::Url, "url-other")),
        (F::Name, "", (Step::Name, "name-unknown")),
        (F::Refused, "", (Step::Tcp, "port-closed")),
        (F::Unreachable, "", (Step::Tcp, "unreachable")),
        (F::CertificateName, "", (Step::Tls, "certificate-name")),
        (
            F::CertificateExpired,
            "",
            (Step::Tls, "certificate-expired"),
        ),
        (
            F::CertificateNotYetValid,
            "",
            (Step::Tls, "certificate-not-yet-valid"),
        ),
        (
            F::CertificateAuthority,
            "",
            (Step::Tls, "certificate-authority"),
        ),
        (
            F::NotTls { speaks_http2: true },
            "",
            (Step::Tls, "https-for-http"),
        ),
        (F::NoAlpn, "", (Step::Tls, "tls-without-h2")),
        (F::Tls, "", (Step::Tls, "tls-other")),
        (F::SpeaksTls, "", (Step::Http2, "http-for-https")),
        (
            F::NotHttp2,
            "seen `HTTP/1.1 400`",
            (Step::Http2, "http1-only"),
        ),
        (
            F::NotHttp2,
            "seen `SSH-2.0-x`",
            (Step::Http2, "other-service"),
        ),
        (F::ClosedAtOnce, "", (Step::Http2, "no-http2")),
        (F::Silent, "", (Step::Http2, "no-http2")),
    ] {
        let diagnosis = diagnosed(URL, &unreached(fault.clone(), said));
        assert_eq!(failure(&diagnosis), expected, "{fault:?}");
        assert!(diagnosis.not_reached.contains(&Step::Rpc));
    }
}

#[test]
fn other_scheme_speaks_then_its_url_is_given() {
    let diagnosis = diagnosed(URL, &unreached(Fault::NotTls { speaks_http2: true }, ""));
    let advice = diagnosis.mistake().and_then(Check::advice).unwrap();
    assert!(
        advice.contains("http://backup.example.org:443/backrest"),
        "{advice}"
    );
}

#[test]
fn port_behind_the_path_then_said_wherever_it_fails() {
    let url = "https://backup.example.org/backrest:9898";
    let refused = diagnosed(url, &unreached(Fault::Refused, ""));
    assert_eq!(failure(&refused), (Step::Tcp, "port-behind-path"));
    for stop in [
        http(404, "text/html"),
        http(200, "text/html"),
        status(Code::Unimplemented),
    ] {
        let call = stopped(RpcProtocol::Connect, stop);
        let diagnosis = diagnosed(url, &seen(vec![call]));
        assert_eq!(failure(&diagnosis), (Step::Path, "port-behind-path"));
        let advice = diagnosis.mistake().and_then(Check::advice).unwrap();
        assert!(
            advice.contains("https://backup.example.org:9898/backrest"),
            "{advice}"
        );
    }
}

#[test]
fn answer_that_is_no_rpc_then_each_has_its_own_mistake() {
    for (stop, expected) in [
        (http(404, ""), (Step::Path, "wrong-path")),
        (http(401, ""), (Step::Path, "login-in-front")),
        (http(403, "text/html"), (Step::Path, "login-in-front")),
        (http(302, ""), (Step::Path, "redirected")),
        (http(200, "text/html"), (Step::Path, "web-page")),
        (http(200, "application/json"), (Step::Rpc, "not-rpc")),
        (http(415, ""), (Step::Rpc, "protocol-not-spoken")),
        (http(502, "text/html"), (Step::Rpc, "proxy-without-host")),
        (http(505, ""), (Step::Rpc, "proxy-speaks-http1")),
        (status(Code::Unimplemented), (Step::Path, "wrong-path")),
        (
            status(Code::Unauthenticated),
            (Step::Path, "login-in-front"),
        ),
        (status(Code::Unavailable), (Step::Rpc, "proxy-without-host")),
        (
            status(Code::PermissionDenied),
            (Step::KeyExchange, "sync-not-configured"),
        ),
        (
            status(Code::Internal),
            (Step::KeyExchange, "host-ends-call"),
        ),
        (Stop::Ended(End::NoStatus), (Step::Rpc, "host-ends-call")),
        (
            Stop::Ended(End::BadFraming {
                reason: String::new(),
            }),
            (Step::Rpc, "answer-not-http2"),
        ),
        (silent(AfterHalfClose::Nothing), (Step::Rpc, "host-silent")),
        (
            silent(AfterHalfClose::HostsWords),
            (Step::Rpc, "proxy-buffers"),
        ),
        (
            silent(AfterHalfClose::NotHttp2),
            (Step::Rpc, "proxy-buffers"),
        ),
        (silent(AfterHalfClose::End), (Step::Rpc, "host-silent")),
        (
            silent(AfterHalfClose::Status(502)),
            (Step::Rpc, "proxy-buffers"),
        ),
        (
            silent(AfterHalfClose::Status(505)),
            (Step::Rpc, "proxy-speaks-http1"),
        ),
    ] {
        assert_eq!(failure_of_call(stop.clone()), expected, "{stop:?}");
    }
}

#[test]
fn login_page_or_redirect_to_one_then_said_so() {
    let login = |answer| Call {
        answer: Some(answer),
        ..stopped(RpcProtocol::Connect, http(200, "text/html"))
    };
    let form = login(Answer {
        has_login_form: true,
        ..Answer::default()
    });
    assert_eq!(
        failure(&diagnosed(URL, &seen(vec![form]))),
        (Step::Path, "login-in-front")
    );
    let redirect = Call {
        stop: Some(http(302, "")),
        ..login(Answer {
            location: "https://sso.example.org/".to_owned(),
            ..Answer::default()
        })
    };
    let diagnosis = diagnosed(URL, &seen(vec![redirect]));
    assert_eq!(failure(&diagnosis), (Step::Path, "login-in-front"));
    assert!(
        diagnosis
            .mistake()
            .unwrap()
            .seen
            .contains("sso.example.org")
    );
}

#[test]
fn only_the_prefix_is_wrong_then_the_url_without_it() {
    let mut observed = seen(vec![stopped(RpcProtocol::Connect, http(404, ""))]);
    observed.answers_without_prefix = true;
    let diagnosis = diagnosed(URL, &observed);
    assert_eq!(failure(&diagnosis), (Step::Path, "wrong-prefix"));
    let advice = diagnosis.mistake().and_then(Check::advice).unwrap();
    assert!(
        advice.contains("Did you mean https://backup.example.org ?"),
        "{advice}"
    );
}

#[test]
fn one_protocol_fails_then_failure_only_where_it_is_required() {
    let without_grpc = [
        stopped(RpcProtocol::Grpc, http(415, "")),
        met(RpcProtocol::Connect, host("ed25519.x")),
    ];
    let diagnosis = diagnosed(URL, &seen(without_grpc.to_vec()));
    assert_eq!(diagnosis.mistake(), None);
    assert!(
        diagnosis
            .notes()
            .any(|note| note.seen.starts_with("over grpc"))
    );
    let without_connect = [
        met(RpcProtocol::Grpc, host("ed25519.x")),
        stopped(RpcProtocol::Connect, http(415, "")),
    ];
    let diagnosis = diagnosed(URL, &seen(without_connect.to_vec()));
    assert_eq!(failure(&diagnosis), (Step::Rpc, "protocol-not-spoken"));
}

#[test]
fn other_kem_id_then_named_with_what_to_add() {
    let call = Call {
        kem_id: Some(KemId::AsPublished),
        ..met(RpcProtocol::Connect, host("ed25519.x"))
    };
    let diagnosis = diagnosed(URL, &seen(vec![call]));
    assert_eq!(failure(&diagnosis), (Step::KeyExchange, "other-kem-id"));
    let advice = diagnosis.mistake().and_then(Check::advice).unwrap();
    assert!(advice.contains("--kem-id 0050"), "{advice}");
}

#[test]
fn rule_broken_then_defect_and_no_mistake() {
    let call = Call {
        host: None,
        broke: Some(Violation::auth(
            RuleId::HandshakeSignatureValid,
            "a bad signature",
        )),
        ..met(RpcProtocol::Connect, host(""))
    };
    let diagnosis = diagnosed(URL, &seen(vec![call]));
    assert_eq!(diagnosis.mistake(), None);
    assert_eq!(
        diagnosis.defect().map(|check| check.step),
        Some(Step::Handshake)
    );
    assert_eq!(diagnosis.to_json()["ok"], false);
}

#[test]
fn key_id_other_than_expected_then_another_host() {
    let observed = seen(vec![met(RpcProtocol::Connect, host("ed25519.x"))]);
    let with = |keyid: &str| {
        let wanted = Wanted {
            keyid: Some(keyid.to_owned()),
            ..wanted()
        };
        diagnose_host(URL, Some(&observed), &wanted)
    };
    assert_eq!(with("ed25519.x").mistake(), None);
    assert_eq!(failure(&with("ed25519.y")), (Step::KeyId, "other-host"));
}

#[test]
fn introduced_then_provisioning_by_how_it_went() {
    let introduced = |host: VerifiedPeer, stop: Option<Stop>, admitted, served| Call {
        introduced: true,
        admitted,
        served,
        stop,
        ..met(RpcProtocol::Connect, host)
    };
    let served = Some(Duration::from_millis(9));
    let good = diagnosed(URL, &seen(vec![introduced(ours(), None, true, served)]));
    assert_eq!((good.mistake(), good.notes().count()), (None, 0));
    assert_eq!(good.round_trip, Duration::from_millis(9));
    let other = diagnosed(
        URL,
        &seen(vec![introduced(host("ed25519.x"), None, true, served)]),
    );
    assert_eq!(other.mistake(), None);
    assert!(other.notes().any(|note| note.step == Step::Provisioning));
    let denied = Some(status(Code::PermissionDenied));
    for (host, stop, admitted, expected) in [
        (ours(), denied.clone(), false, "not-provisioned"),
        (host("ed25519.x"), denied, false, "wrong-key-file"),
        (ours(), Some(status(Code::Internal)), true, "displaced"),
        (
            ours(),
            Some(status(Code::Internal)),
            false,
            "host-ends-call",
        ),
        (
            ours(),
            Some(silent(AfterHalfClose::Nothing)),
            true,
            "host-silent",
        ),
    ] {
        let call = introduced(host, stop, admitted, None);
        let diagnosis = diagnosed(URL, &seen(vec![call]));
        assert_eq!(failure(&diagnosis), (Step::Provisioning, expected));
    }
}

#[test]
fn clocks_differ_then_failure_beyond_the_tolerance_where_they_matter() {
    let by = |ahead_s, clock_must_agree| {
        let mut observed = seen(vec![met(RpcProtocol::Connect, host("ed25519.x"))]);
        observed.clock_ahead_s = ahead_s;
        let wanted = Wanted {
            clock_must_agree,
            ..wanted()
        };
        diagnose_host(URL, Some(&observed), &wanted)
    };
    for ahead_s in [None, Some(0), Some(-1), Some(300), Some(-300)] {
        assert_eq!(by(ahead_s, true).mistake(), None, "{ahead_s:?}");
    }
    assert_eq!(failure(&by(Some(3600), true)), (Step::Clock, "clock-off"));
    assert_eq!(failure(&by(Some(-301), true)), (Step::Clock, "clock-off"));
    let noted = by(Some(3600), false);
    assert_eq!((noted.mistake(), noted.notes().count()), (None, 1));
}

#[test]
fn state_service_then_judged_by_whom_it_lets_in() {
    let with = |with_credential, answer| {
        let mut observed = seen(vec![met(RpcProtocol::Connect, host("ed25519.x"))]);
        observed.state_service = Some(StateService {
            with_credential,
            answer,
        });
        diagnosed(URL, &observed)
    };
    let well = |diagnosis: &Diagnosis| (diagnosis.mistake().is_none(), diagnosis.notes().count());
    assert_eq!(well(&with(false, StateAnswer::AsksForLogin)), (true, 0));
    assert_eq!(well(&with(true, StateAnswer::Peers(2))), (true, 0));
    assert_eq!(well(&with(false, StateAnswer::Peers(2))), (true, 1));
    assert_eq!(well(&with(false, StateAnswer::Missing)), (true, 1));
    let refused = with(true, StateAnswer::AsksForLogin);
    assert_eq!(
        failure(&refused),
        (Step::StateService, "state-login-refused")
    );
}

#[test]
fn client_comes_again_and_again_then_two_share_its_identity() {
    let watched = |times, cut| {
        let mut observed = seen(vec![met(RpcProtocol::Connect, host("ed25519.x"))]);
        observed.watched = Some(Watched {
            during: Duration::from_secs(180),
            cut,
            came: vec![("laptop".to_owned(), times)],
        });
        diagnosed(URL, &observed)
    };
    assert_eq!(watched(2, None).mistake(), None);
    let cut = watched(2, Some(End::NoStatus));
    assert_eq!(failure(&cut), (Step::StateService, "watch-cut-short"));
    let diagnosis = watched(3, Some(End::NoStatus));
    assert_eq!(
        failure(&diagnosis),
        (Step::StateService, "clients-displace-each-other")
    );
    assert!(
        diagnosis
            .mistake()
            .and_then(Check::advice)
            .unwrap()
            .contains("laptop")
    );
}

#[test]
fn nginx_in_front_then_its_timeouts_are_noted() {
    let mut observed = seen(vec![met(RpcProtocol::Connect, host("ed25519.x"))]);
    observed.server = Some("nginx/1.22.1".to_owned());
    let diagnosis = diagnosed(URL, &observed);
    let notes: Vec<_> = diagnosis.notes().map(|note| note.step).collect();
    assert_eq!((diagnosis.mistake(), notes), (None, vec![Step::Rpc]));
}

#[test]
fn peers_words_then_harmless_and_short() {
    let observed = seen(vec![met(
        RpcProtocol::Connect,
        host(&"\u{1b}[31m".repeat(100)),
    )]);
    let diagnosis = diagnosed(URL, &observed);
    let handshake = diagnosis
        .checks
        .iter()
        .find(|check| check.step == Step::Handshake)
        .unwrap();
    assert!(!handshake.seen.contains('\u{1b}'));
    assert!(handshake.seen.len() < 2000);
}

fn listening() -> Listening {
    Listening {
        url: "http://127.0.0.1:9898/doctor".to_owned(),
        keyid: "ed25519.ours".to_owned(),
        instance_id: "us".to_owned(),
        kem_id: KemId::default(),
        client: None,
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
fn client_that_goes_on_then_all_is_well() {
    let diagnosis = diagnose_client(&listening(), &client(|_| {}));
    assert_eq!((diagnosis.mistake(), diagnosis.notes().count()), (None, 0));
    assert!(diagnosis.not_reached.is_empty(), "{diagnosis:?}");
    assert_eq!(diagnosis.round_trip, Duration::from_millis(9));
}

#[test]
fn client_of_the_suite_under_another_name_then_noted() {
    let with = |client| {
        let listening = Listening {
            client,
            ..listening()
        };
        diagnose_client(&listening, &super::tests::client(|_| {}))
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

#[test]
fn every_mistake_then_a_word_of_its_own() {
    let mut ids = Mistake::IDS.to_vec();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Mistake::IDS.len());
}
