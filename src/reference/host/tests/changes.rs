//! What happens around a dialogue: the config changes, streams end, the state service is asked.

use super::*;

fn changed(host: &Host, edit: impl FnOnce(&mut v1::Config)) -> Config {
    host.config().edited(edit).unwrap()
}

#[test]
fn repo_added_then_connected_clients_are_told() {
    let mut host = with_reader(host());
    let config = changed(&host, |c| c.repos.push(repo("c")));
    let effects = host.replace_config(config);
    assert_eq!(names(&effects, ONE), ["receiveConfig", "receiveResources"]);
}

#[test]
fn same_config_then_nothing() {
    let mut host = with_reader(host());
    let config = host.config().clone();
    assert_eq!(host.replace_config(config), []);
}

#[test]
fn client_removed_then_session_ends_well_and_it_is_refused_again() {
    let mut host = with_reader(host());
    let config = changed(&host, |c| {
        sync(c).authorized_clients.remove(0);
    });
    let effects = host.replace_config(config);
    assert_eq!(effects[0], Effect::End(ONE, Ok(())));
    assert_eq!(sent(&effects, ONE), Vec::<&Action>::new());
    assert!(host.peer_states().get(&keyid(2)).is_none());
    let again = host.admit(TWO, &verified("reader", 2), at(0)).unwrap_err();
    assert_eq!(again.rule, RuleId::HandshakeUnknownKeyRefused);
}

#[test]
fn client_altered_then_its_session_ends_and_others_go_on() {
    let mut host = with_reader(host());
    host.admit(TWO, &verified("nobody", 3), at(0)).unwrap();
    let config = changed(&host, |c| sync(c).authorized_clients[0].permissions.clear());
    let effects = host.replace_config(config);
    assert_eq!(effects[0], Effect::End(ONE, Ok(())));
    assert_eq!(effects[1], Effect::PeerStateChanged(keyid(2)));
    assert_eq!(names(&effects, TWO), ["receiveConfig", "receiveResources"]);
    assert_eq!(state(&host, 2).state(), ConnectionState::Disconnected);
    assert_eq!(state(&host, 3).state(), ConnectionState::Connected);
}

#[test]
fn our_own_identity_changed_then_every_session_ends() {
    let mut host = with_reader(host());
    let config = changed(&host, |c| c.instance = "renamed".to_owned());
    assert_eq!(host.replace_config(config)[0], Effect::End(ONE, Ok(())));
}

#[test]
fn stream_ended_then_state_says_how() {
    let protocol = Violation::protocol(RuleId::ResponderUnknownActionRefused, "seen");
    for (why, expected) in [
        (Gone::Ended(Code::Ok), ConnectionState::Disconnected),
        (Gone::Ended(Code::Cancelled), ConnectionState::Disconnected),
        (
            Gone::Lost("reset".to_owned()),
            ConnectionState::Disconnected,
        ),
        (Gone::Violation(protocol), ConnectionState::ErrorProtocol),
        (
            Gone::Ended(Code::InvalidArgument),
            ConnectionState::ErrorProtocol,
        ),
        (
            Gone::Ended(Code::PermissionDenied),
            ConnectionState::ErrorAuth,
        ),
        (Gone::Ended(Code::Internal), ConnectionState::ErrorInternal),
    ] {
        let mut host = with_reader(host());
        let effects = host.gone(ONE, &why);
        let changed = Effect::PeerStateChanged(keyid(2));
        assert_eq!(effects, [changed, Effect::NoWake]);
        assert_eq!(state(&host, 2).state(), expected);
        assert_eq!(state(&host, 2).status_message, why.message());
        assert_eq!(host.gone(ONE, &why), []);
    }
}

#[test]
fn new_session_then_known_lists_start_empty_and_the_rest_is_kept() {
    let mut host = with_reader(host());
    let resources = SyncActionReceiveResources {
        repos: vec![repo_metadata("a")],
        plans: Vec::new(),
    };
    host.receive(ONE, Action::ReceiveResources(resources), at(0))
        .unwrap();
    host.receive(ONE, Action::Heartbeat(Default::default()), at(9))
        .unwrap();
    host.gone(ONE, &Gone::Ended(Code::Ok));
    host.admit(TWO, &verified("reader", 2), at(0)).unwrap();
    assert!(state(&host, 2).known_repos.is_empty());
    assert_eq!(state(&host, 2).last_heartbeat_millis, 9);
}

#[test]
fn remote_client_config_set_then_client_gets_the_four_lists() {
    let mut host = host();
    host.admit(ONE, &verified("nobody", 3), at(0)).unwrap();
    let request = SetRemoteClientConfigRequest {
        peer_keyid: keyid(3),
        repos: vec![repo("a")],
        plans: vec![plan("p", "a")],
        repos_to_delete: vec!["x".to_owned()],
        plans_to_delete: vec!["y".to_owned()],
    };
    let effects = host.set_remote_client_config(request.clone()).unwrap();
    let expected = SyncActionSetConfig {
        repos: request.repos,
        plans: request.plans,
        repos_to_delete: request.repos_to_delete,
        plans_to_delete: request.plans_to_delete,
    };
    assert_eq!(effects, [Effect::Send(ONE, Action::SetConfig(expected))]);
}

#[test]
fn remote_client_config_of_nobody_then_the_code_says_so() {
    let mut host = host();
    for (peer_keyid, code) in [
        (String::new(), Code::InvalidArgument),
        (keyid(2), Code::NotFound),
        ("unknown".to_owned(), Code::NotFound),
    ] {
        let request = SetRemoteClientConfigRequest {
            peer_keyid,
            ..SetRemoteClientConfigRequest::default()
        };
        assert_eq!(
            host.set_remote_client_config(request).unwrap_err().code(),
            code
        );
    }
}

#[test]
fn state_of_a_known_host_put_then_told_with_the_rest() {
    let mut host = host_with(|c| sync(c).known_hosts.push(peer("upstream", 5, &[])));
    let told = PeerState {
        peer_keyid: keyid(5),
        peer_instance_id: "upstream".to_owned(),
        state: ConnectionState::Connected.into(),
        ..PeerState::default()
    };
    let changed = [Effect::PeerStateChanged(keyid(5))];
    assert_eq!(host.put_peer_state(told.clone()), changed);
    assert_eq!(host.peer_states().snapshot()[0], told);
    assert_eq!(host.put_peer_state(PeerState::default()), []);
}
