//! A test for each row of the tables in `docs/protocol.md`, sections 5 and 7.

use prost::Message as _;

use super::{super::OPERATION_BATCH_LEN_MAX, *};
use crate::{
    reference::{
        fixture::{asking_for_log, guid, showing},
        limits::Capabilities,
        logs::ReceivedLog,
    },
    session::Class,
    wire::v1sync::sync_stream_item::{
        SyncActionReceiveConfig, SyncActionReceiveLogData, SyncActionReceiveResources,
        SyncActionRequestOperationData, SyncActionThrottle,
    },
};

fn receive(client: &mut Client, action: Action) -> Vec<Action> {
    sent(client.receive(ONE, action, at(0)).unwrap(), ONE)
}

/// Names of what is visible in each of the three first items: repos and plans by id, operations by number.
fn first(client: &mut Client) -> [Vec<String>; 3] {
    let [
        Action::ReceiveConfig(config),
        Action::ReceiveResources(known),
        Action::OperationManifest(manifest),
    ] = <[Action; 3]>::try_from(admit(client)).unwrap()
    else {
        panic!("expected receiveConfig, receiveResources, operationManifest, saw another order")
    };
    let config = config.config.unwrap();
    assert_eq!((config.version, config.modno), (6, 7));
    assert_eq!(manifest.op_ids.len(), manifest.modnos.len());
    let repos = config.repos.into_iter().map(|repo| repo.id);
    let known_repos = known.repos.into_iter().map(|repo| repo.id);
    [
        repos
            .chain(config.plans.into_iter().map(|plan| plan.id))
            .collect(),
        known_repos
            .chain(known.plans.into_iter().map(|plan| plan.id))
            .collect(),
        manifest.op_ids.iter().map(i64::to_string).collect(),
    ]
}

/// Operation 1 is of repo `r` and plan `p`, 2 of `s` and `q`, 3 of a repo that another one with the id `r` replaced.
fn with_operations(mut client: Client) -> Client {
    let second = v1::Operation {
        repo_id: "s".to_owned(),
        repo_guid: guid("s"),
        plan_id: "q".to_owned(),
        ..operation(2, 20)
    };
    let third = v1::Operation {
        repo_guid: guid("gone"),
        plan_id: "gone".to_owned(),
        ..operation(3, 30)
    };
    for operation in [operation(1, 10), second, third] {
        client.put_operation(operation).unwrap();
    }
    client
}

fn ids(events: Vec<Action>) -> Vec<(&'static str, Vec<i64>)> {
    let event = |action| match action {
        Action::ReceiveOperations(item) => item.event.unwrap().event.unwrap(),
        other => panic!("expected receiveOperations, saw {}", other.name()),
    };
    let ids = |list: v1::OperationList| list.operations.iter().map(|op| op.id).collect();
    events
        .into_iter()
        .map(|action| match event(action) {
            Event::CreatedOperations(list) => ("created", ids(list)),
            Event::UpdatedOperations(list) => ("updated", ids(list)),
            Event::DeletedOperations(list) => ("deleted", list.values),
            Event::KeepAlive(_) => ("keep alive", Vec::new()),
        })
        .collect()
}

fn request(op_ids: &[i64]) -> Action {
    let op_ids = op_ids.to_vec();
    Action::RequestOperationData(SyncActionRequestOperationData { op_ids })
}

#[test]
fn permission_of_each_type_then_what_the_host_is_shown() {
    let none: [&[&str]; 3] = [&[], &[], &[]];
    for (kind, scopes, expected) in [
        (Type::PermissionUnknown, &["*"][..], none),
        (SHARED, &["*"], none),
        (
            READ,
            &["*"],
            [&["r", "s", "p", "q"], &["r", "s", "p", "q"], &[]],
        ),
        (READ, &["repo:r", "plan:q"], [&["r", "q"], &["r", "q"], &[]]),
        (
            WRITE,
            &["*", "!repo:r"],
            [&["s", "p", "q"], &["s", "p", "q"], &[]],
        ),
        (
            OPERATIONS,
            &["*"],
            [&[], &["r", "s", "p", "q"], &["1", "2", "3"]],
        ),
        (OPERATIONS, &["repo:r"], [&[], &["r"], &["1"]]),
        (OPERATIONS, &["plan:q"], [&[], &["q"], &["2"]]),
        (
            OPERATIONS,
            &["*", "!repo:r"],
            [&[], &["s", "p", "q"], &["2"]],
        ),
    ] {
        let seen = first(&mut with_operations(client(kind, scopes)));
        assert_eq!(
            seen,
            expected.map(|ids| ids.to_vec()),
            "{kind:?} {scopes:?}"
        );
    }
}

#[test]
fn manifest_then_current_modnos() {
    let mut client = with_operations(client(OPERATIONS, &[]));
    client.put_operation(operation(1, 11)).unwrap();
    let Action::OperationManifest(manifest) = &admit(&mut client)[2] else {
        panic!("expected operationManifest third")
    };
    assert_eq!(
        (&manifest.op_ids[..], &manifest.modnos[..]),
        (&[1, 2, 3][..], &[11, 20, 30][..])
    );
}

#[test]
fn heartbeat_then_time_noted() {
    let mut client = connected(client(READ, &[]));
    let now = Moment {
        unix_ms: 99,
        ..at(0)
    };
    client
        .receive(ONE, Action::Heartbeat(Default::default()), now)
        .unwrap();
    let state = client.peer_states().get(&keyid(1)).unwrap();
    assert_eq!(state.last_heartbeat_millis, 99);
}

#[test]
fn operations_requested_then_those_held_and_permitted_are_served_in_order() {
    let mut client = connected(with_operations(client(OPERATIONS, &["repo:r", "repo:s"])));
    let served = receive(&mut client, request(&[2, 77, 1, 3, 2]));
    assert_eq!(ids(served), [("updated", vec![2, 1])]);
    assert_eq!(receive(&mut client, request(&[3, 77])), []);
    assert_eq!(receive(&mut client, request(&[])), []);
}

#[test]
fn many_operations_requested_then_served_in_batches() {
    let mut client = client(OPERATIONS, &[]);
    let all: Vec<i64> = (1..=1 + OPERATION_BATCH_LEN_MAX as i64).collect();
    for &id in &all {
        client.put_operation(operation(id, 1)).unwrap();
    }
    let mut client = connected(client);
    let served = ids(receive(&mut client, request(&all)));
    assert_eq!(
        served,
        [("updated", all[..512].to_vec()), ("updated", vec![513])]
    );
}

#[test]
fn manifest_from_the_host_then_ours_again() {
    let mut client = with_operations(client(OPERATIONS, &[]));
    let manifest = admit(&mut client).pop().unwrap();
    let odd = SyncActionOperationManifest {
        op_ids: vec![1, 2],
        modnos: vec![],
    };
    assert_eq!(
        receive(&mut client, Action::OperationManifest(odd)),
        [manifest]
    );
}

#[test]
fn resources_requested_then_the_list_again() {
    let mut client = client(READ, &["repo:r"]);
    let resources = admit(&mut client).remove(1);
    assert_eq!(
        receive(&mut client, Action::RequestResources(Default::default())),
        [resources]
    );
}

#[test]
fn config_and_resources_received_then_kept() {
    let mut client = connected(client(READ, &[]));
    let config = Some(RemoteConfig {
        modno: 3,
        ..RemoteConfig::default()
    });
    let item = SyncActionReceiveConfig {
        config: config.clone(),
    };
    receive(&mut client, Action::ReceiveConfig(item));
    for id in ["1", "2"] {
        let item = SyncActionReceiveResources {
            repos: vec![repo_metadata(id)],
            plans: vec![plan_metadata(id)],
        };
        receive(&mut client, Action::ReceiveResources(item));
    }
    let state = client.peer_states().get(&keyid(1)).unwrap();
    assert_eq!(state.remote_config, config);
    assert_eq!(state.known_repos, [repo_metadata("1"), repo_metadata("2")]);
    assert_eq!(state.known_plans, [plan_metadata("1"), plan_metadata("2")]);
}

#[test]
fn action_that_hosts_do_not_send_then_protocol_error_and_silence() {
    for (action, rule) in [
        (
            Action::ReceiveConfig(Default::default()),
            RuleId::InitiatorConfigRequired,
        ),
        (
            Action::ReceiveOperations(Default::default()),
            RuleId::InitiatorClientOnlyActionsRefused,
        ),
        (
            Action::SignedMessage(Default::default()),
            RuleId::InitiatorUnknownActionRefused,
        ),
        (
            Action::EstablishSharedSecret(Default::default()),
            RuleId::InitiatorUnknownActionRefused,
        ),
        (
            Action::Handshake(Default::default()),
            RuleId::HandshakeAgainRefused,
        ),
        (
            Action::Encrypted(Default::default()),
            RuleId::EnvelopeNestedRefused,
        ),
    ] {
        let mut client = connected(client(READ, &[]));
        let violation = client.receive(ONE, action, at(0)).unwrap_err();
        assert_eq!((violation.rule, violation.class), (rule, Class::Protocol));
        assert_eq!(
            receive(&mut client, Action::RequestResources(Default::default())),
            []
        );
    }
}

#[test]
fn capabilities_off_then_protocol_error() {
    for action in [
        Action::RequestLog(Default::default()),
        Action::ReceiveLogData(Default::default()),
        Action::Throttle(Default::default()),
    ] {
        let mut client = client(READ, &[]);
        client.settings.capabilities = Capabilities {
            logs: false,
            throttle: false,
            ..Capabilities::default()
        };
        let violation = connected(client).receive(ONE, action, at(0)).unwrap_err();
        assert_eq!(violation.rule, RuleId::InitiatorUnknownActionRefused);
    }
}

#[test]
fn log_requested_then_served_only_with_its_operation_in_scope() {
    let mut client = connected(with_operations(client(OPERATIONS, &["repo:r"])));
    for (log_id, owner_opid) in [("visible", 1), ("hidden", 2), ("orphan", 9)] {
        let log = Log {
            owner_opid,
            expiration_ts_unix: 0,
            content: b"x".to_vec(),
        };
        client.put_log(log_id, log);
    }
    let mut served = |log_id: &str| receive(&mut client, asking_for_log(log_id)).len();
    assert_eq!(
        [served("visible"), served("hidden"), served("orphan")],
        [2, 1, 1]
    );
}

#[test]
fn log_wanted_then_the_connected_host_is_asked() {
    let mut client = connected(client(OPERATIONS, &["*"]));
    let asked = sent(client.request_log(&keyid(1), "l").unwrap(), ONE);
    assert!(matches!(&asked[..], [Action::RequestLog(log)] if log.log_id == "l"));
    assert_eq!(
        client.request_log(&keyid(3), "l"),
        Err(LogRequestError::NotConnected)
    );
}

#[test]
fn log_answered_then_told_whole() {
    let mut client = connected(client(OPERATIONS, &["*"]));
    client.request_log(&keyid(1), "l").unwrap();
    let mut told = |chunk: &[u8]| {
        let data = SyncActionReceiveLogData {
            log_id: "l".to_owned(),
            chunk: chunk.to_vec(),
            ..SyncActionReceiveLogData::default()
        };
        let action = Action::ReceiveLogData(data);
        client.receive(ONE, action, at(0)).unwrap()
    };
    assert_eq!(told(b"x"), []);
    let log = Log {
        owner_opid: 0,
        expiration_ts_unix: 0,
        content: b"x".to_vec(),
    };
    let received = ReceivedLog {
        log_id: "l".to_owned(),
        result: Ok(log),
    };
    assert_eq!(told(b""), [Effect::LogReceived(keyid(1), received)]);
}

#[test]
fn as_much_as_may_be_then_served_and_one_more_is_over_the_limit() {
    let config = |path_len| RemoteConfig {
        repos: vec![v1::Repo {
            uri: "x".repeat(path_len),
            ..v1::Repo::default()
        }],
        ..RemoteConfig::default()
    };
    for (within, over) in [
        (request(&[1, 2]), request(&[1, 2, 3])),
        (showing(config(9)), showing(config(10))),
        (
            asking_for_log(&"l".repeat(1024)),
            asking_for_log(&"l".repeat(1025)),
        ),
    ] {
        let mut client = client(OPERATIONS, &["*"]);
        client.settings.limits.manifest_len_max = 2;
        client.settings.limits.remote_config_len_bytes_max = config(9).encoded_len();
        let mut client = connected(client);
        client.receive(ONE, within, at(0)).unwrap();
        let violation = client.receive(ONE, over, at(0)).unwrap_err();
        assert_eq!(violation.class, Class::Limit);
    }
}

#[test]
fn throttled_then_answers_wait() {
    let mut client = connected(client(READ, &[]));
    receive(
        &mut client,
        Action::Throttle(SyncActionThrottle { delay_ms: 1000 }),
    );
    assert_eq!(
        receive(&mut client, Action::RequestResources(Default::default())),
        []
    );
    assert_eq!(sent(client.tick(at(1)), ONE).len(), 1);
}

#[test]
fn operation_changes_then_hosts_that_may_read_it_are_told() {
    let mut client = connected(client(OPERATIONS, &["plan:p"]));
    client.dial(&keyid(3), TWO, at(0)).unwrap();
    client.admit(TWO, &verified("other", 3), at(0)).unwrap();
    let moved = v1::Operation {
        plan_id: "q".to_owned(),
        ..operation(1, 12)
    };
    for (operation, expected) in [
        (operation(1, 10), vec![("created", vec![1])]),
        (operation(1, 11), vec![("updated", vec![1])]),
        (moved.clone(), vec![("deleted", vec![1])]),
        (moved, vec![]),
        (operation(1, 13), vec![("created", vec![1])]),
    ] {
        let effects = client.put_operation(operation).unwrap();
        assert_eq!(sent(effects.clone(), TWO), []);
        assert_eq!(ids(sent(effects, ONE)), expected);
    }
    assert_eq!(
        ids(sent(client.delete_operation(1), ONE)),
        [("deleted", vec![1])]
    );
    assert_eq!(client.delete_operation(1), []);
}
