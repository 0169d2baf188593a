use super::*;

fn client_with_secret() -> Client {
    client_with(&[], |c| {
        sync(c).known_hosts[0].instance_url = "http://127.0.0.1:1/prefix".to_owned();
        sync(c).known_hosts[0].initial_pairing_secret = "s3cret".to_owned();
    })
}

fn dial_at(seed: u8, seconds: u64) -> Effect {
    Effect::DialAt(keyid(seed), Duration::from_secs(seconds))
}

#[test]
fn started_then_all_hosts_are_dialled_at_once() {
    let client = client(READ, &[]);
    assert_eq!(client.start(at(3)), [dial_at(1, 3), dial_at(3, 3)]);
}

#[test]
fn dialled_then_told_whom_to_expect_and_pending() {
    let mut client = client_with_secret();
    let (dial, effects) = client.dial(&keyid(1), ONE, at(0)).unwrap();
    assert_eq!(dial.url, "http://127.0.0.1:1/prefix");
    assert_eq!(
        (
            dial.expected.instance_id.as_str(),
            dial.pairing_secret.as_str()
        ),
        ("host", "s3cret")
    );
    assert!(!format!("{dial:?}").contains("s3cret"));
    assert_eq!(effects, [Effect::PeerStateChanged(keyid(1))]);
    assert_eq!(state(&client, 1), ConnectionState::Pending);
    assert!(client.dial(&keyid(9), ONE, at(0)).is_none());
}

#[test]
fn attempts_fail_in_a_row_then_waits_grow_from_their_starts() {
    let mut client = client(READ, &[]);
    let lost = Gone::Lost("refused".to_owned());
    client.dial(&keyid(1), ONE, at(0)).unwrap();
    let effects = client.gone(ONE, &lost, at(10));
    assert_eq!(
        effects,
        [Effect::PeerStateChanged(keyid(1)), dial_at(1, 60)]
    );
    assert_eq!(state(&client, 1), ConnectionState::RetryWait);
    client.dial(&keyid(1), TWO, at(60)).unwrap();
    assert_eq!(client.gone(TWO, &lost, at(60))[1], dial_at(1, 180));
    assert_eq!(client.gone(TWO, &lost, at(60)), []);
}

#[test]
fn host_refuses_us_then_state_says_so_and_the_secret_is_kept() {
    let mut client = client_with_secret();
    client.dial(&keyid(1), ONE, at(0)).unwrap();
    client.admit(ONE, &verified("host", 1), at(0)).unwrap();
    client.gone(ONE, &Gone::Ended(Code::PermissionDenied), at(0));
    assert_eq!(state(&client, 1), ConnectionState::ErrorAuth);
    let (dial, _) = client.dial(&keyid(1), TWO, at(60)).unwrap();
    assert_eq!(dial.pairing_secret, "s3cret");
    client.admit(TWO, &verified("host", 1), at(60)).unwrap();
    let effects = client.gone(TWO, &Gone::Ended(Code::PermissionDenied), at(60));
    assert!(effects.contains(&dial_at(1, 180)), "{effects:?}");
}

#[test]
fn host_speaks_then_the_secret_is_forgotten_and_nothing_else_changes() {
    let mut client = client_with_secret();
    client.dial(&keyid(1), ONE, at(0)).unwrap();
    client.admit(ONE, &verified("host", 1), at(0)).unwrap();
    assert_eq!(
        client.config().known_hosts()[0].initial_pairing_secret,
        "s3cret"
    );
    let effects = client
        .receive(ONE, Action::Heartbeat(Default::default()), at(0))
        .unwrap();
    assert_eq!(
        effects,
        [Effect::PeerStateChanged(keyid(1)), Effect::ConfigChanged]
    );
    assert_eq!(client.config().known_hosts()[0].initial_pairing_secret, "");
    assert_eq!(client.config().message().modno, 7);
    let (dial, _) = client.dial(&keyid(1), TWO, at(0)).unwrap();
    assert_eq!(dial.pairing_secret, "");
}

#[test]
fn long_session_ends_then_redial_after_a_second() {
    let mut client = client(READ, &[]);
    admit(&mut client);
    client
        .receive(ONE, Action::Heartbeat(Default::default()), at(0))
        .unwrap();
    let effects = client.gone(ONE, &Gone::Ended(Code::Ok), at(60));
    assert!(effects.contains(&dial_at(1, 61)), "{effects:?}");
    assert_eq!(client.gone(ONE, &Gone::Ended(Code::Ok), at(60)), []);
}

#[test]
fn identity_that_is_not_the_hosts_then_refused() {
    let mut client = client(READ, &[]);
    client.dial(&keyid(1), ONE, at(0)).unwrap();
    for (peer, rule) in [
        (verified("host", 9), RuleId::HandshakeExpectedHost),
        (verified("other", 3), RuleId::HandshakeExpectedHost),
        (verified("other", 1), RuleId::HandshakeInstanceIdOfKey),
        (verified("Host", 1), RuleId::HandshakeInstanceIdOfKey),
    ] {
        assert_eq!(client.admit(ONE, &peer, at(0)).unwrap_err().rule, rule);
    }
}

#[test]
fn scope_of_no_form_then_session_refused() {
    let mut client = client(READ, &["everything"]);
    client.dial(&keyid(1), ONE, at(0)).unwrap();
    let violation = client.admit(ONE, &verified("host", 1), at(0)).unwrap_err();
    assert_eq!(violation.rule, RuleId::PermissionsScopeForms);
}

#[test]
fn violation_of_one_host_then_the_other_session_goes_on() {
    let mut client = connected(client(READ, &[]));
    client.dial(&keyid(3), TWO, at(0)).unwrap();
    client.admit(TWO, &verified("other", 3), at(0)).unwrap();
    let violation = client.receive(ONE, Action::SignedMessage(Default::default()), at(0));
    client.gone(ONE, &Gone::Violation(violation.unwrap_err()), at(0));
    assert_eq!(state(&client, 1), ConnectionState::ErrorProtocol);
    assert_eq!(state(&client, 3), ConnectionState::Connected);
    let answer = client.receive(TWO, Action::RequestResources(Default::default()), at(0));
    assert_eq!(sent(answer.unwrap(), TWO).len(), 1);
}

#[test]
fn config_replaced_then_all_sessions_end_and_all_hosts_are_dialled_at_once() {
    let mut client = connected(client(READ, &[]));
    let same = client.config().clone();
    assert_eq!(client.replace_config(same, at(5)), []);
    let config = client.config().edited(|c| c.repos.push(repo("t"))).unwrap();
    let effects = client.replace_config(config, at(5));
    assert_eq!(effects[0], Effect::End(ONE, Ok(())));
    assert!(effects.contains(&dial_at(1, 5)) && effects.contains(&dial_at(3, 5)));
    assert_eq!(client.gone(ONE, &Gone::Ended(Code::Ok), at(5)), []);
}

#[test]
fn config_replaced_while_dialling_then_the_attempt_ends_and_is_not_admitted() {
    let mut client = client(READ, &[]);
    client.dial(&keyid(1), ONE, at(0)).unwrap();
    let config = client.config().edited(|c| c.repos.push(repo("t"))).unwrap();
    let effects = client.replace_config(config, at(5));
    assert_eq!(effects[0], Effect::End(ONE, Ok(())));
    let late = client.admit(ONE, &verified("host", 1), at(5));
    assert_eq!(late, Ok(vec![Effect::End(ONE, Ok(()))]));
    assert_eq!(client.gone(ONE, &Gone::Ended(Code::Ok), at(5)), []);
}
