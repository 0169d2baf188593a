//! Hosts that were dialled.

use super::*;

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
