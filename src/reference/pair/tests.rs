use super::*;
use crate::{
    reference::{
        fixture::{config, operation, peer, permission, plan, repo, repo_metadata, sync, token},
        store::Store as _,
    },
    wire::{
        v1::{self, multihost::permission::Type},
        v1sync::{
            ConnectionState, SetRemoteClientConfigRequest,
            sync_stream_item::SyncActionRequestOperationData,
        },
    },
};

/// The client is unknown to the host and holds a pairing secret; the host shares its repo `shared`.
fn strangers() -> Pair {
    let host = config("host", 1, |c| {
        c.repos = vec![v1::Repo {
            shared: true,
            ..repo("shared")
        }];
        let mut token = token("s3cret", 1);
        let shares = permission(Type::PermissionReceiveSharedRepos, &["*"]);
        token.permissions.push(shares);
        sync(c).pairing_tokens.push(token);
    });
    let client = config("client", 2, |c| {
        c.repos = vec![repo("r"), repo("private")];
        c.plans = vec![plan("p", "r")];
        let mut known = peer(
            "host",
            1,
            &[
                permission(Type::PermissionReadOperations, &["repo:r"]),
                permission(Type::PermissionReadWriteConfig, &["repo:r", "plan:p"]),
                permission(Type::PermissionReceiveSharedRepos, &[]),
            ],
        );
        known.initial_pairing_secret = "s3cret".to_owned();
        sync(c).known_hosts.push(known);
    });
    Pair::new(host, client)
}

/// What the host holds of the client: original id and modno.
fn held(pair: &Pair) -> Vec<(i64, i64)> {
    let held = pair.host.store().operations(&keyid(2)).unwrap();
    held.iter().map(|op| (op.original_id, op.modno)).collect()
}

fn put(pair: &mut Pair, operation: v1::Operation) {
    let effects = pair.client.put_operation(operation).unwrap();
    pair.carry_out_for_client(effects);
}

#[test]
fn strangers_connect_then_paired_secret_forgotten_and_repo_shared() {
    let mut pair = strangers();
    pair.connect();
    assert!(pair.is_connected());

    let entry = pair.host.config().authorized_client(&keyid(2)).unwrap();
    assert_eq!(entry.instance_id, "client");
    assert!(pair.host.config().pairing_tokens().is_empty());
    let config = pair.client.config();
    assert_eq!(config.known_hosts()[0].initial_pairing_secret, "");

    let shared = config.repos().last().unwrap();
    assert_eq!(
        (shared.id.as_str(), shared.origin_instance_id.as_str()),
        ("shared", "host")
    );
    assert_eq!(
        pair.dials, 2,
        "the client dials anew once its config has changed, and then no more"
    );
}

#[test]
fn connected_then_each_shows_the_other_what_it_grants() {
    let mut pair = strangers();
    pair.connect();
    let of_client = pair.host.peer_states().get(&keyid(2)).unwrap();
    assert_eq!(of_client.state(), ConnectionState::Connected);
    let config = of_client.remote_config.as_ref().unwrap();
    assert_eq!(
        (&config.repos[..], &config.plans[..]),
        (&[repo("r")][..], &[plan("p", "r")][..])
    );
    assert_eq!(of_client.known_repos, [repo_metadata("r")]);

    let of_host = pair.client.peer_states().get(&keyid(1)).unwrap();
    assert_eq!(of_host.known_repos, [repo_metadata("shared")]);
    assert_eq!(of_host.remote_config.as_ref().unwrap().version, 6);
}

#[test]
fn operations_change_before_during_and_between_sessions_then_end_equal() {
    let mut pair = strangers();
    for id in 1..=600 {
        put(&mut pair, operation(id, 1));
    }
    put(
        &mut pair,
        v1::Operation {
            repo_guid: repo("private").guid,
            plan_id: "none".to_owned(),
            ..operation(1000, 1)
        },
    );
    pair.connect();
    assert_eq!(held(&pair), Vec::from_iter((1..=600).map(|id| (id, 1))));

    put(&mut pair, operation(601, 1));
    put(&mut pair, operation(2, 5));
    let effects = pair.client.delete_operation(3);
    pair.carry_out_for_client(effects);
    assert_eq!(held(&pair)[..3], [(1, 1), (2, 5), (4, 1)]);

    pair.cut();
    put(&mut pair, operation(4, 9));
    put(&mut pair, operation(602, 1));
    pair.client.delete_operation(5);
    assert_eq!(held(&pair).len(), 600);
    pair.connect();
    let own = pair.client.operations().iter().filter(|op| op.id != 1000);
    assert_eq!(held(&pair), Vec::from_iter(own.map(|op| (op.id, op.modno))));
}

#[test]
fn host_sets_the_clients_config_then_applied_and_shown_back() {
    let mut pair = strangers();
    pair.connect();
    let request = SetRemoteClientConfigRequest {
        peer_keyid: keyid(2),
        plans: vec![v1::Plan {
            excludes: vec!["/tmp".to_owned()],
            ..plan("p", "r")
        }],
        ..SetRemoteClientConfigRequest::default()
    };
    let effects = pair.host.set_remote_client_config(request).unwrap();
    pair.carry_out_for_host(effects);
    assert_eq!(pair.client.config().plans()[0].excludes, ["/tmp"]);
    let shown = pair.host.peer_states().get(&keyid(2)).unwrap();
    let plans = &shown.remote_config.as_ref().unwrap().plans;
    assert_eq!(plans[0].excludes, ["/tmp"]);
}

#[test]
fn host_asks_for_what_it_may_not_have_then_refused_at_both_ends() {
    let mut pair = strangers();
    pair.connect();
    let request = SetRemoteClientConfigRequest {
        peer_keyid: keyid(2),
        repos_to_delete: vec!["private".to_owned()],
        ..SetRemoteClientConfigRequest::default()
    };
    let effects = pair.host.set_remote_client_config(request).unwrap();
    pair.carry_out_for_host(effects);
    assert!(!pair.is_connected());
    let state = |states: &super::super::peer_states::PeerStates, seed| {
        states.get(&keyid(seed)).unwrap().state()
    };
    assert_eq!(
        state(pair.client.peer_states(), 1),
        ConnectionState::ErrorAuth
    );
    assert_eq!(
        state(pair.host.peer_states(), 2),
        ConnectionState::ErrorAuth
    );
    pair.connect();
    assert!(pair.is_connected());
}

#[test]
fn client_removed_then_ended_and_refused_when_it_dials_again() {
    let mut pair = strangers();
    pair.connect();
    let without = |c: &mut v1::Config| sync(c).authorized_clients.clear();
    let config = pair.host.config().edited(without).unwrap();
    let effects = pair.host.replace_config(config);
    pair.carry_out_for_host(effects.unwrap());
    assert!(!pair.is_connected());
    pair.connect();
    assert!(!pair.is_connected());
    let state = pair.client.peer_states().get(&keyid(1)).unwrap();
    assert_eq!(state.state(), ConnectionState::ErrorAuth);
}

#[test]
fn client_speaks_as_a_host_then_refused_and_the_next_session_serves() {
    let mut pair = strangers();
    pair.connect();
    let request = SyncActionRequestOperationData { op_ids: vec![1] };
    let id = pair.stream.as_ref().unwrap().id;
    let action = Action::RequestOperationData(request);
    pair.carry_out_for_client(vec![Effect::Send(id, action)]);
    assert!(!pair.is_connected());
    pair.connect();
    assert!(pair.is_connected());
}
