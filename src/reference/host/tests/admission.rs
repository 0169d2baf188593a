use super::*;

fn refusal(host: &mut Host, peer: &VerifiedPeer, unix_ms: i64) -> Violation {
    let (config, states) = (host.config().clone(), host.peer_states().snapshot());
    let violation = violation(host.admit(TWO, peer, at(unix_ms)).unwrap_err());
    assert_eq!(*host.config(), config, "a refusal changes nothing");
    assert_eq!(host.peer_states().snapshot(), states);
    violation
}

#[test]
fn known_client_then_config_resources_and_no_more() {
    let effects = host().admit(ONE, &verified("reader", 2), at(0)).unwrap();
    assert_eq!(names(&effects, ONE), ["receiveConfig", "receiveResources"]);
    let [
        Action::ReceiveConfig(shown),
        Action::ReceiveResources(known),
    ] = sent(&effects, ONE)[..]
    else {
        unreachable!()
    };
    let shown = shown.config.as_ref().unwrap();
    assert_eq!((shown.version, shown.modno), (6, 7));
    assert_eq!(shown.repos, [repo("a")]);
    assert_eq!(shown.plans, [plan("pa", "a")]);
    assert_eq!(known.repos, [repo_metadata("a")]);
    assert_eq!(known.plans, [plan_metadata("pa")]);
}

#[test]
fn client_without_permission_then_empty_lists() {
    let effects = host().admit(ONE, &verified("nobody", 3), at(0)).unwrap();
    let [
        Action::ReceiveConfig(shown),
        Action::ReceiveResources(known),
    ] = sent(&effects, ONE)[..]
    else {
        panic!("expected two items, saw {effects:?}")
    };
    let shown = shown.config.as_ref().unwrap();
    assert!(shown.repos.is_empty() && shown.plans.is_empty());
    assert!(known.repos.is_empty() && known.plans.is_empty());
}

#[test]
fn repo_shared_and_in_scope_then_pushed_with_our_origin() {
    let mut host = host_with(|c| {
        c.repos.push(repo("c"));
        c.repos[0].shared = true;
        c.repos[1].shared = true;
        let receives = permission(Type::PermissionReceiveSharedRepos, &["repo:b", "repo:c"]);
        sync(c).authorized_clients[0].permissions.push(receives);
    });
    let effects = host.admit(ONE, &verified("reader", 2), at(0)).unwrap();
    let Action::SetConfig(pushed) = sent(&effects, ONE)[2] else {
        panic!("expected setConfig third, saw {effects:?}")
    };
    let expected = v1::Repo {
        shared: true,
        origin_instance_id: "host".to_owned(),
        ..repo("b")
    };
    assert_eq!(pushed.repos, [expected]);
    assert!(pushed.plans.is_empty() && pushed.repos_to_delete.is_empty());
}

#[test]
fn unknown_key_without_secret_then_refused() {
    let violation = refusal(&mut host(), &verified("stranger", 9), 0);
    assert_eq!(violation.rule, RuleId::HandshakeUnknownKeyRefused);
    assert_eq!(violation.code(), Code::PermissionDenied);
}

#[test]
fn host_without_pairing_then_a_valid_secret_is_as_none_and_no_use_is_counted() {
    let settings = Settings {
        capabilities: Capabilities {
            pairing: false,
            ..Capabilities::default()
        },
        ..Settings::default()
    };
    let config = host_with(|c| sync(c).pairing_tokens.push(token("s", 2))).config;
    let mut host = Host::new(config.clone(), settings);
    let violation = refusal(&mut host, &paired("new", 9, "s"), 0);
    assert_eq!(violation.rule, RuleId::HandshakeUnknownKeyRefused);
    assert_eq!(violation.code(), Code::PermissionDenied);
    assert_eq!(*host.config(), config);
    assert!(host.admit(ONE, &verified("reader", 2), at(0)).is_ok());
}

#[test]
fn known_key_with_another_instance_id_then_refused() {
    for instance in ["nobody", "Reader", "stranger"] {
        let violation = refusal(&mut host(), &verified(instance, 2), 0);
        assert_eq!(violation.rule, RuleId::HandshakeInstanceIdOfKey);
    }
}

#[test]
fn scope_of_no_form_then_session_refused() {
    let mut host = host_with(|c| {
        let bad = permission(Type::PermissionReadConfig, &["*", "host:a"]);
        sync(c).authorized_clients[0].permissions = vec![bad];
    });
    let violation = refusal(&mut host, &verified("reader", 2), 0);
    assert_eq!(violation.rule, RuleId::PermissionsScopeForms);
    assert_eq!(violation.code(), Code::PermissionDenied);
}

#[test]
fn valid_secret_then_client_added_and_session_goes_on() {
    let mut host = host_with(|c| sync(c).pairing_tokens.push(token("s", 2)));
    let effects = host.admit(ONE, &paired("new", 9, "s"), at(0)).unwrap();
    assert!(effects.contains(&Effect::ConfigChanged));
    let Action::ReceiveConfig(shown) = sent(&effects, ONE)[0] else {
        panic!("expected receiveConfig first, saw {effects:?}")
    };
    assert_eq!(shown.config.as_ref().unwrap().repos.len(), 2);
    let entry = host.config().authorized_client(&keyid(9)).unwrap();
    assert_eq!(entry.instance_id, "new");
    assert_eq!(entry.permissions, token("s", 2).permissions);
    assert_eq!(host.config().pairing_tokens()[0].uses, 1);
    assert_eq!(state(&host, 9).state(), ConnectionState::Connected);
    assert!(host.receive(ONE, heartbeat(), at(5)).is_ok());
}

#[test]
fn client_paired_then_others_are_told_and_the_new_one_once() {
    let mut host = with_reader(host_with(|c| sync(c).pairing_tokens.push(token("s", 0))));
    let effects = host.admit(TWO, &paired("new", 9, "s"), at(0)).unwrap();
    assert_eq!(names(&effects, ONE), ["receiveConfig", "receiveResources"]);
    assert_eq!(names(&effects, TWO), ["receiveConfig", "receiveResources"]);
}

#[test]
fn twenty_clients_race_for_the_last_use_then_one_is_admitted() {
    let mut host = host_with(|c| {
        sync(c).pairing_tokens.push(v1::multihost::PairingToken {
            uses: 2,
            ..token("s", 3)
        });
    });
    let admitted = (0..20).filter(|&n| {
        let peer = paired(&format!("new-{n}"), 100 + n, "s");
        host.admit(SessionId(n.into()), &peer, at(0)).is_ok()
    });
    assert_eq!(admitted.count(), 1);
    assert!(host.config().pairing_tokens().is_empty());
    assert_eq!(host.config().authorized_clients().len(), 3);
}

#[test]
fn token_without_a_limit_then_its_uses_are_counted_and_it_stays() {
    let mut host = host_with(|c| sync(c).pairing_tokens.push(token("s", 0)));
    for (session, instance, seed) in [(ONE, "new", 9), (TWO, "newer", 10)] {
        host.admit(session, &paired(instance, seed, "s"), at(0))
            .unwrap();
    }
    let token = v1::multihost::PairingToken {
        uses: 2,
        ..token("s", 0)
    };
    assert_eq!(host.config().pairing_tokens(), [token]);
}

#[test]
fn secret_unknown_expired_or_used_up_then_refused() {
    let mut host = host_with(|c| {
        sync(c).pairing_tokens = vec![
            v1::multihost::PairingToken {
                expires_at_unix: 100,
                ..token("old", 0)
            },
            v1::multihost::PairingToken {
                uses: 1,
                ..token("used", 1)
            },
        ];
    });
    for (secret, unix_ms, rule) in [
        ("ol", 0, RuleId::PairingUnknownSecretRefused),
        ("old", 101_000, RuleId::PairingExpiredRefused),
        ("used", 0, RuleId::PairingUsedUpRefused),
    ] {
        let violation = refusal(&mut host, &paired("new", 9, secret), unix_ms);
        assert_eq!(violation.rule, rule);
        assert_eq!(violation.code(), Code::PermissionDenied);
    }
    assert!(
        host.admit(ONE, &paired("new", 9, "old"), at(100_999))
            .is_ok()
    );
}

#[test]
fn newcomer_with_an_id_that_cannot_be_then_refused_and_nothing_consumed() {
    let mut host = host_with(|c| {
        sync(c).pairing_tokens.push(token("s", 1));
        sync(c).known_hosts.push(peer("upstream", 5, &[]));
    });
    for (instance, seed, rule) in [
        ("reader", 9, RuleId::PairingTakenInstanceIdRefused),
        ("host", 9, RuleId::PairingTakenInstanceIdRefused),
        ("upstream", 9, RuleId::PairingTakenInstanceIdRefused),
        ("_x_", 9, RuleId::PairingInstanceIdForm),
        ("new one", 9, RuleId::PairingInstanceIdForm),
        ("new", 1, RuleId::HandshakeUnknownKeyRefused),
        ("new", 5, RuleId::HandshakeUnknownKeyRefused),
    ] {
        let violation = refusal(&mut host, &paired(instance, seed, "s"), 0);
        assert_eq!(violation.rule, rule, "{instance}");
    }
    assert!(host.admit(ONE, &paired("new", 9, "s"), at(0)).is_ok());
}

#[test]
fn known_key_with_a_secret_then_no_use_counted() {
    let mut host = host_with(|c| sync(c).pairing_tokens.push(token("s", 1)));
    let effects = host.admit(ONE, &paired("reader", 2, "s"), at(0)).unwrap();
    assert!(!effects.contains(&Effect::ConfigChanged));
    assert_eq!(host.config().pairing_tokens(), [token("s", 1)]);
}

#[test]
fn token_with_a_scope_of_no_form_then_refused() {
    let mut host = host_with(|c| {
        let mut bad = token("s", 1);
        bad.permissions[0].scopes.push("x".to_owned());
        sync(c).pairing_tokens.push(bad);
    });
    let violation = refusal(&mut host, &paired("new", 9, "s"), 0);
    assert_eq!(violation.rule, RuleId::PermissionsScopeForms);
}

#[test]
fn as_many_clients_as_may_be_then_pairing_refused() {
    let config = host_with(|c| sync(c).pairing_tokens.push(token("s", 0)));
    let limits = Limits {
        authorized_clients_max: 2,
        ..Limits::default()
    };
    let settings = Settings {
        limits,
        ..Settings::default()
    };
    let mut host = Host::new(config.config().clone(), settings);
    let violation = refusal(&mut host, &paired("new", 9, "s"), 0);
    assert_eq!(violation.class, Class::Limit);
}

#[test]
fn second_session_of_a_key_then_the_older_ends_and_the_newer_serves() {
    let mut host = with_reader(host());
    let effects = host.admit(TWO, &verified("reader", 2), at(0)).unwrap();
    let Effect::End(ONE, Err(violation)) = &effects[0] else {
        panic!("expected the older to end first, saw {effects:?}")
    };
    assert_eq!(violation.rule, RuleId::ResponderNewestSessionWins);
    assert_eq!(violation.code(), Code::Internal);
    assert_eq!(names(&effects, TWO).len(), 2);

    assert_eq!(
        host.receive(ONE, Action::SetConfig(Default::default()), at(1)),
        Ok(vec![])
    );
    assert_eq!(host.gone(ONE, &Gone::Violation(violation.clone())), []);
    assert_eq!(state(&host, 2).state(), ConnectionState::Connected);
    assert!(!host.receive(TWO, heartbeat(), at(1)).unwrap().is_empty());
}

fn heartbeat() -> Action {
    Action::Heartbeat(Default::default())
}
